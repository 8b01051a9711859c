//! The whole pipeline: any bytes, stored or gzipped, in any pieces and with pauses, give the same matches, and the same
//! error at the same offset, as in one piece; also when it was used before.

use super::common::{Pauses, gzip, rules, run, run_whole};
use super::{Choices, pieces};
use std::sync::{Arc, LazyLock};
use trailwire::{Layout, Limits, Pipeline, RuleSet};

/// A set whose fields have to be walked to, and one whose fields are found by text.
static RULES: LazyLock<[Arc<RuleSet>; 2]> = LazyLock::new(|| {
    [
        rules(&[
            r#"{"a":["x"]}"#,
            r#"{"a":{"b":[1],"c":[{"anything-but":"x"}]}}"#,
            r#"{"eventName":[{"prefix":"A"}],"b":[{"exists":false}]}"#,
        ]),
        rules(&[
            r#"{"a":["x"]}"#,
            r#"{"b":[1,{"anything-but":"x"}],"c":[{"exists":true}]}"#,
            r#"{"eventName":[{"prefix":"A"}],"b":[{"exists":false}]}"#,
        ]),
    ]
});

pub(crate) fn check(data: &[u8]) {
    let mut choices = Choices(data);
    let (zipped, small, lines, pauses) =
        (choices.below(2) == 1, choices.below(2) == 1, choices.below(2) == 1, choices.below(2) == 1);
    let (mut random, data) = choices.seed();
    let object = if zipped { gzip(data) } else { data.to_vec() };
    let limits = if small {
        Limits { max_record_bytes: 300, window_bytes: 100, max_object_bytes: 20_000 }
    } else {
        Limits::default()
    };
    let layout = if lines { Layout::Lines } else { Layout::Files };
    let pauses = if pauses { Pauses::EachMatch } else { Pauses::Never };
    for rules in &*RULES {
        let mut pipeline = Pipeline::new(Arc::clone(rules), &limits, layout);
        let whole = run_whole(&mut pipeline, &object).normal();
        let cut = run(&mut pipeline, pieces(&mut random, &object), pauses).normal();
        assert_eq!(cut, whole);
    }
}
