//! What goes over the wire: the types and services generated from `proto/`, and the few names that both
//! ends must spell alike.
//!
//! This crate never decides anything and never converts to or from a domain type: the two ends do that
//! themselves, each with functions of its own.

/// Package `sekisho.v1`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "the file is generated; its documentation is in the .proto files"
)]
pub mod v1 {
    tonic::include_proto!("sekisho.v1");
}

/// `google.protobuf.NullValue` and `google.protobuf.Timestamp`, as messages carry them.
pub use prost_types::{NullValue, Timestamp};

/// The encoded `FileDescriptorSet` of every file of `proto/` and of what they import, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Names in the details of an error (`google.rpc.ErrorInfo`).
pub mod error_info {
    /// The domain of every reason of ours.
    pub const DOMAIN: &str = "sekisho";
    /// What to write instead.
    pub const HINT: &str = "hint";
    /// Line in the SQL text, from 1.
    pub const LINE: &str = "line";
    /// Column in the SQL text, in characters, from 1.
    pub const COLUMN: &str = "column";
}

/// The text of several statements.
pub mod statements {
    /// How the line before each of them begins; the name is the rest of the line.
    pub const MARK: &str = "-- statement: ";
}

/// Names in the metadata of a result's Arrow schema.
pub mod schema {
    /// Of the schema: a JSON list of `{"row": 1, "column": "n", "index": 2}`, the cells that were withheld.
    pub const WITHHELD: &str = "sekisho.withheld";
    /// Of the schema: `true` where the plan makes groups that are absent if no number of theirs may be shown.
    pub const GROUPS_MAY_BE_ABSENT: &str = "sekisho.groups_may_be_absent";
    /// Of the schema: the name of the statement whose result it is, if it has one.
    pub const STATEMENT: &str = "sekisho.statement";
    /// Of a field: [`DIMENSION`] or [`STATISTIC`].
    pub const ROLE: &str = "sekisho.role";
    /// The role of a column that says which cell a row is.
    pub const DIMENSION: &str = "dimension";
    /// The role of a column that says something about people.
    pub const STATISTIC: &str = "statistic";
}
