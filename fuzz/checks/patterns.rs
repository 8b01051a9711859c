//! Patterns against a naive matcher: the compiler refuses or accepts and never panics, and what it accepts matches an
//! event exactly if the naive matcher says so.

use super::common::oracle;
use trailwire::rule::{Pattern, RuleFile, Sample, load};

pub(crate) fn check(data: &[u8]) {
    // A pattern and an event, with a zero byte between.
    let Ok(text) = str::from_utf8(data) else { return };
    let (pattern, event) = text.split_once('\0').unwrap_or((text, "{}"));
    // As a rule file it must not panic either.
    let _ = load(&[RuleFile { name: "fuzz".to_owned(), text: pattern.to_owned() }]);
    let (Ok(compiled), Ok(sample)) = (Pattern::from_json(pattern), Sample::from_json(event)) else { return };
    // Too many choices of array elements are an error, and no answer.
    let Ok(matches) = sample.matches(&compiled) else { return };
    assert_eq!(matches, oracle::Pattern::new(pattern).matches(&oracle::leaves(event)), "{pattern} {event}");
}
