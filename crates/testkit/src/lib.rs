//! Fixtures and a whole server for tests.
