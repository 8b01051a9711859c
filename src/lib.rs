//! trailwire finds the CloudTrail records that match your rules.
pub mod buffer;
mod error;
pub mod fields;
pub mod inflate;
mod json;
pub mod limits;
mod paths;
mod pipeline;
pub mod records;
pub mod rule;
pub mod scan;
#[cfg(test)]
mod testing;

pub use error::{Error, ErrorKind, Expected};
pub use json::Scalar;
pub use limits::Limits;
pub use paths::{PathTree, Slot};
pub use pipeline::{Counts, Match, Pipeline, Sink, Step};
pub use records::Layout;
pub use rule::RuleSet;
