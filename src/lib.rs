//! trailwire finds the CloudTrail records that match your rules, in the log
//! files as they land in S3.
//!
//! ```text
//!  stored bytes ─► inflate ─► buffer ─► records ─► fields ─► rule ─► alert ─► handler ─► aws ─► lambda
//!                             (scan)                                                  ─► cli
//! ```
//!
//! A file is never held: it is inflated into one rolling buffer, 64-byte blocks
//! of which become bitmasks, and a record is a slice of that buffer until it
//! matches. (What is not compressed is read in the same way where it is.) The
//! fields that rules ask for are picked from the text; nothing builds a tree,
//! but for the alert of a record that did match.
//!
//! | level | module | takes | gives |
//! |---|---|---|---|
//! | 0 | `error`, [`limits`] | | what can be wrong, and how much there may be |
//! | 1 | [`scan`], `json`, `paths` | blocks; strings and numbers; wanted paths | masks; values; slots |
//! | 2 | [`inflate`], [`buffer`] | stored bytes, in any chunks | decompressed bytes with their masks |
//! | 3 | [`records`] | a window of the buffer | one span per record |
//! | 4 | [`fields`] | a record and the wanted paths | its values at them |
//! | 5 | [`picker`] | a record by itself | its values at wanted paths |
//! | 6 | [`rule`] | rule text; a record's values | a compiled set; the rules that match |
//! | 7 | `pipeline` | stored bytes | matches, to a sink that may pause it |
//! | 8 | [`alert`] | a match | subject, body, attributes and id |
//! | 9 | [`handler`] | an invocation event | alerts to a publisher, and the answer |
//! | 10 | [`aws`] | objects in S3; alerts | bytes; outcomes of SNS |
//! | 11 | [`lambda`] | Lambda's events, the environment | answers, logs, metrics |
//! | 11 | [`cli`] | arguments | output and exit status |
//!
//! Imports point from a higher level to a lower one (`tests/layers.rs` sees to
//! it). Levels 0 to 8 are pure: no input or output, no clock, no async, and no
//! AWS anywhere; level 9 is async, and knows AWS by its events only. Each stage
//! returns "more input is needed" as a value with the number of bytes it took,
//! works for chunks of any size, and keeps memory within [`Limits`].
//!
//! # What is validated
//!
//! Everything that leads to a record, and from there to each value that a rule looks
//! at, is validated as strict JSON; so are those values. What lies beside is skipped:
//! as many brackets must close in it as open, the last of the type of the first, and
//! its strings must end, or it is an error too; nothing else of it is looked at.
//!
//! Where text tells what a record has, the rest of the record is skipped like that too: of
//! the keys by which rules are found, and of all that rules ask for if each is one at the
//! record's top and they are eight at most. What stands right around such a key must be as
//! JSON has it, at the record's own depth, and its value sound. If none of the keys is there, or
//! something around one is odd, the record is read in full. The answer for a record depends
//! on nothing but the record and the rules.
//! Keys and values are compared after unescaping, and every occurrence of a key that comes
//! twice counts, so that nothing evades a rule by its spelling.
//!
//! # How a record is read
//!
//! ```text
//! for each window of decompressed bytes, 16 KiB of it at a time:                    inflate, buffer
//!     for each block of 64 bytes:                                                   scan
//!         quotes, opening and closing brackets, backslashes = one bit for each byte
//!     for each eight blocks:
//!         drop the quotes that are escaped, and the brackets that are within strings
//!         floor of each block = how few brackets may be open behind one that closes in it
//!     for each block whose floor is as low as a record, from its brace on:          records
//!         the record may end here: look at each run of brackets that close
//!     for each record:                                                              rule
//!         for each place where a key stands as text by which rules are found:
//!             look up the value behind it
//!         unless one leads to a rule, that is all
//!         if all fields that rules ask for are at the top of records:
//!             for each place where one of their keys stands as text:
//!                 look up the value behind it
//!         else for each member of the record, by its quotes:                        fields
//!             if its key may be wanted: look it up
//!             if it is wanted: give the value to the rules, or step into it
//!         for each value:                                                           rule
//!             mark the predicates that it hits: an index says which
//!         for each rule that a hit leads to: match if all of its fields are hit
//! ```
//!
//! Where the code does otherwise, and why:
//!
//! * **Masks are stored**, 40 bytes for each block with all that belongs to it, and not used
//!   up on the spot. So each stage is a loop of its own over bits, that can be tested by
//!   itself and stop where the bytes do; and a record that is not wanted costs no more than
//!   one comparison for each of its groups of eight blocks, and a search.
//! * **The last group is classified again** when more of it arrives, from the state at
//!   its beginning: nothing else depends on how the bytes were cut.
//! * **Only the unfinished record moves**, in whole groups, so that its masks move
//!   along.
//! * **Eight blocks are done at once where a register holds eight masks** (AVX-512), in code
//!   of its own: a table has the kinds of all bytes, and no byte is compared. It takes two
//!   fifths of the time of one by one. Elsewhere one by one is as fast.
//! * **What is stored as it is, is not copied**, but read where the caller has it; only the
//!   record that a chunk breaks off is kept.
//! * **Keys are searched for in 32 KiB at once**, as pairs of bytes that few other keys have, so
//!   far apart; a place is noted, or written over by the next, without a branch. To stop at each
//!   place took as long as the search.
//! * **A key that is found has its depth counted**, from the brackets that are open before its
//!   block: a key of the same name further in is not the record's.
//! * **Brackets are counted, not matched.** A stack of them, a bit each, took three times
//!   as long, most of it for guesses of the processor that were wrong.
//! * **Fields have two ways.** An object as AWS writes it, without white space, escaped
//!   or very long keys, is read by its quotes. All else is walked from member to member. Both read and
//!   refuse the same, and tests hold one against the other.
//! * **Behind a record that led to a rule the next is searched for all keys at once**, or read
//!   in full, since it is likely to lead to one too. The answer is the same: what is wrong in
//!   a record that leads to none is no error then either.
//! * **No field is looked for where it stood last**, though that would be faster: a key may
//!   come twice, and the second must count too, so the whole record has to be seen anyway. Only
//!   which key comes next is guessed.
//! * **A wanted key is known by its last bytes at first**, which tell CloudTrail's names
//!   apart better than their first; with nearly all others nothing more is done.
//! * **What costs is what the processor cannot guess**, more than what it has to do: the end
//!   of a record, found in one guess in place of two or three, takes half the time.
//!
//! # Example
//!
//! ```
//! use std::{ops::ControlFlow, sync::Arc};
//! use trailwire::{Layout, Limits, Match, Pipeline, RuleSet, Step, rule::Rule};
//!
//! let rule = Rule::from_pattern("topic", r#"{"eventName": [{"prefix": "Create"}]}"#)?;
//! let mut pipeline = Pipeline::new(Arc::new(RuleSet::new(vec![rule])), &Limits::default(), Layout::Files);
//! let mut found = Vec::new();
//! let mut sink = |m: &Match<'_>| {
//!     found.push(m.number);
//!     ControlFlow::Continue(())
//! };
//! for chunk in [r#"{"Records":[{"eventName":"List"},{"event"#, r#"Name":"CreateTopic"}]}"#] {
//!     let (step, taken) = pipeline.feed(chunk.as_bytes(), &mut sink);
//!     assert_eq!((step?, taken), (Step::InputEmpty, chunk.len()));
//! }
//! assert_eq!(pipeline.finish(&mut sink)?, Step::End);
//! assert_eq!(found, [2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "alert")]
pub mod alert;
#[cfg(feature = "aws")]
pub mod aws;
pub mod buffer;
#[cfg(feature = "cli")]
pub mod cli;
mod error;
pub mod fields;
#[cfg(feature = "handler")]
pub mod handler;
pub mod inflate;
mod json;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod limits;
mod paths;
pub mod picker;
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
