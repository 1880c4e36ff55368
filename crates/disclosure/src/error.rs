//! What can go wrong here: a profile that cannot be used, or a table that makes no sense.
//!
//! The outcome of a check is a value, never an error, and no error holds anything of a record.

/// Why the checkpoint did not give an answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// People left the dataset while the analysis ran, and something was released without them.
    #[error("people left the dataset while the analysis ran")]
    LeftMeanwhile,
    /// A project asks for less than its profile demands.
    #[error("`{field}` of the project is laxer than the profile's; give a stricter value or leave it out")]
    LaxerThanProfile {
        /// The field of the project's file.
        field: &'static str,
    },
    /// A table from the engine, or from the public half, contradicts itself: an error of ours.
    #[error("a table at the checkpoint is malformed: {0}")]
    Malformed(&'static str),
    /// A profile asks for keyed rounding, and no key was given: an error of ours.
    #[error("the disclosure profile asks for keyed rounding, and the checkpoint has no key for it")]
    NoRoundingKey,
    /// A result column has a type that has no way out.
    #[error(
        "the result's column {column} has a type that cannot be released; cast it to a number, text or date"
    )]
    OutputType {
        /// Its place, from 1.
        column: usize,
    },
    /// The folder of profiles cannot be read.
    #[error("cannot read the disclosure profile `{file}`: {reason}")]
    ProfileFile {
        /// The file or folder.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// A value of a profile is out of its range.
    #[error("`{field}` of disclosure profile `{profile}` must be {range}")]
    ProfileRange {
        /// The profile's name.
        profile: String,
        /// The field.
        field: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// A profile does not parse.
    #[error("a disclosure profile does not parse: {reason}")]
    ProfileSyntax {
        /// What the parser said; a profile holds no record.
        reason: String,
    },
    /// Two profiles have one name.
    #[error("two disclosure profiles are named `{name}`; rename one")]
    ProfileTwice {
        /// The name.
        name: String,
    },
    /// No profile has this name.
    #[error("there is no disclosure profile `{name}`")]
    ProfileUnknown {
        /// The name.
        name: String,
    },
}
