//! How much one job may use.

use std::time::Duration;

/// Limits of one job; the server's configuration sets them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Longest SQL text, in bytes.
    pub sql_bytes: usize,
    /// Deepest nesting of parentheses, sub-queries and operators in the SQL text.
    pub nesting: usize,
    /// Most nodes and expressions in the lowered plan.
    pub plan_nodes: usize,
    /// Longest time from start to verdict.
    pub time: Duration,
    /// Most memory of the confidential half, in bytes.
    pub memory: usize,
    /// Most rows (cells groups) of a result.
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sql_bytes: 256 * 1024,
            nesting: 64,
            plan_nodes: 4_000,
            time: Duration::from_secs(300),
            memory: 2 << 30,
            rows: 100_000,
        }
    }
}
