//! How much one job may use.

use std::time::Duration;

/// Limits of one job; the server's configuration sets them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Longest SQL text of all statements, in bytes, the texts among its parameters included.
    pub sql_bytes: usize,
    /// Most statements of one analysis, judged as one release.
    pub statements: usize,
    /// Most parameters.
    pub parameters: usize,
    /// Most code lists.
    pub lists: usize,
    /// Most bytes of all code lists together.
    pub list_bytes: usize,
    /// Most rows of one code list.
    pub list_rows: usize,
    /// Most columns of one code list.
    pub list_columns: usize,
    /// Deepest nesting of parentheses, sub-queries and operators in the SQL text.
    pub nesting: usize,
    /// Most nodes and expressions in the lowered plan of a statement, and most nodes in those of all together.
    pub plan_nodes: usize,
    /// Longest time from start to verdict.
    pub time: Duration,
    /// Most memory of the confidential half, in bytes.
    pub memory: usize,
    /// Most rows (cells groups) of a result, all statements together.
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sql_bytes: 256 * 1024,
            statements: 32,
            parameters: 100,
            lists: 16,
            list_bytes: 2 << 20,
            list_rows: 50_000,
            list_columns: 32,
            nesting: 64,
            plan_nodes: 4_000,
            time: Duration::from_secs(300),
            memory: 2 << 30,
            rows: 100_000,
        }
    }
}
