//! Records against serde_json: where it accepts a document, the same records are found, from the same byte to the same
//! byte; where it refuses one that has no records, so does the pipeline.

use super::common::oracle::{self, Shape};
use super::common::{any, pipeline, run_whole};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let got = run_whole(&mut pipeline(&any()), data);
    match oracle::document(text) {
        Shape::Records(records) => {
            let found: Vec<_> = got.found.iter().map(|found| (found.offset as usize, &found.record[..])).collect();
            assert_eq!((found, got.result), (records, Ok(())));
        }
        Shape::Other => assert!(got.result.is_err(), "no log file"),
        // Inside of what is skipped not all is looked at, but what ends early is told.
        Shape::Invalid => {}
    }
    let cut = text.trim_end();
    if let (Shape::Records(_), Some(cut)) = (oracle::document(cut), cut.get(..cut.len().saturating_sub(1))) {
        // Without its last bracket it is no document, but for one that has whole ones before it.
        if let Shape::Invalid = oracle::document(cut) {
            assert!(run_whole(&mut pipeline(&any()), cut.as_bytes()).result.is_err(), "cut off");
        }
    }
}
