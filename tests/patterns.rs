//! Proves that patterns mean what they mean to the reference implementation, by its own cases and by rules that people
//! wrote; that rules in one set answer as each by itself; and that hostile patterns and records cost time that is
//! proportional to their size.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

mod common;

use common::oracle::{self, Shape};
use common::{Random, files, folder, gunzip, pipeline, rules, run_whole};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trailwire::rule::{Pattern, Rule, RuleFile};
use trailwire::{ErrorKind, RuleSet};

/// The lines of a file of the corpus, each an object; `None` where the corpus is not there.
fn lines(name: &str) -> Option<Vec<HashMap<String, Box<RawValue>>>> {
    let Ok(text) = std::fs::read_to_string(folder(&format!("../shared/corpus/{name}"))) else {
        eprintln!("skipped: {name} of the corpus is not there");
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn string(raw: &RawValue) -> String {
    serde_json::from_str(raw.get()).unwrap()
}

/// Pairs of a pattern and an event, with the verdict of the reference implementation.
struct Case {
    id: String,
    pattern: String,
    /// None where the pattern is no pattern.
    event: Option<String>,
    /// None where the pattern must be refused.
    matches: Option<bool>,
}

fn cases(name: &str) -> Option<Vec<Case>> {
    let case = |line: HashMap<String, Box<RawValue>>| {
        let text = |name: &str| match line.get(&format!("{name}_text")) {
            Some(text) => Some(string(text)),
            None => line.get(name).map(|raw| raw.get().to_owned()),
        };
        // Where the recommendation is not spelled out: a path that is given twice.
        let strict = line.contains_key("strict_error") && !line.contains_key("recommended");
        let verdict = text("recommended").or_else(|| text("matches")).filter(|_| !strict);
        Case {
            id: string(&line["id"]),
            pattern: text("pattern").unwrap(),
            event: text("event"),
            matches: match verdict.as_deref() {
                Some("true") => Some(true),
                Some("false") => Some(false),
                Some("\"reject\"") | None => None,
                Some(other) => panic!("verdict {other}"),
            },
        }
    };
    Some(lines(name)?.into_iter().map(case).collect())
}

/// Which of the rules each record of a document matches.
fn verdicts(patterns: &[&str], document: &str) -> Vec<BTreeSet<u32>> {
    let got = run_whole(&mut pipeline(&rules(patterns)), document.as_bytes());
    assert_eq!(got.result, Ok(()));
    let mut all = vec![BTreeSet::new(); got.counts.records as usize];
    for found in got.found {
        all[found.number as usize - 1].extend(found.rules);
    }
    all
}

#[test]
fn reference_cases() {
    for name in ["pattern-cases.jsonl", "pattern-random.jsonl"] {
        let Some(cases) = cases(name) else { return };
        let (mut decided, mut refused, mut wrong) = (0, 0, Vec::new());
        for Case { id, pattern, event, matches } in &cases {
            match (Pattern::from_json(pattern), matches) {
                (Err(error), Some(_)) => wrong.push(format!("{id}: refused with {error}: {pattern}")),
                (Ok(_), None) => wrong.push(format!("{id}: accepted: {pattern}")),
                (Err(error), None) => {
                    assert!(error.place.line > 0 && error.place.column > 0, "{id}: {error}");
                    refused += 1;
                }
                (Ok(_), Some(matches)) => {
                    let event = event.as_ref().unwrap();
                    let got = run_whole(&mut pipeline(&rules(&[pattern])), format!("[{event}]").as_bytes());
                    if got.result.is_err() || (got.counts.matches == 1) != *matches {
                        wrong.push(format!("{id}: {:?}, {pattern} {event}: {matches}", got.result));
                    }
                    if let Shape::Records(records) = oracle::document(&format!("[{event}]")) {
                        let theirs = oracle::Pattern::new(pattern).matches(&oracle::leaves(records[0].1));
                        assert_eq!(theirs, *matches, "the oracle is wrong: {id}");
                    }
                    decided += 1;
                }
            }
        }
        eprintln!("{name}: {decided} decided, {refused} refused");
        assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }
}

/// The same from the command line, for some of them.
#[test]
#[cfg(feature = "cli")]
fn test_pattern_answers_as_the_reference() {
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("file://{}", path.to_str().unwrap())
    };
    let (mut all, mut wrong) = (0, Vec::new());
    for name in ["pattern-cases.jsonl", "pattern-random.jsonl"] {
        let Some(cases) = cases(name) else { return };
        for case in cases.iter().step_by(cases.len() / 100) {
            let (pattern, event) = (&case.pattern[..], case.event.as_deref().unwrap_or("{}"));
            // As text and as files, in turn.
            let (pattern, event) = if all % 2 == 0 {
                (pattern.to_owned(), event.to_owned())
            } else {
                (file("pattern.json", pattern), file("event.json", event))
            };
            let program = std::process::Command::new(env!("CARGO_BIN_EXE_trailwire"))
                .args(["test-pattern", "--event-pattern", &pattern, "--event", &event])
                .output()
                .unwrap();
            let expected: (&[u8], i32) = match case.matches {
                Some(true) => (b"true\n", 0),
                Some(false) => (b"false\n", 1),
                None => (b"", 2),
            };
            if (&program.stdout[..], program.status.code()) != (expected.0, Some(expected.1))
                || program.stderr.is_empty() != case.matches.is_some()
            {
                wrong.push(format!("{}: {program:?}", case.id));
            }
            all += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {all}\n{}", wrong.len(), wrong.join("\n"));
    assert!(all >= 200);
}

#[test]
fn reference_cases_in_one_set_answer_as_each_by_itself() {
    for name in ["pattern-cases.jsonl", "pattern-random.jsonl"] {
        let Some(cases) = cases(name) else { return };
        let valid: Vec<&Case> = cases.iter().filter(|case| case.matches.is_some()).collect();
        let patterns: Vec<&str> = valid.iter().map(|case| &case.pattern[..]).collect();
        let events: Vec<&str> = valid.iter().map(|case| case.event.as_deref().unwrap()).collect();
        let document = format!("[{}]", events.join(",\n"));

        // The verdicts that are known, over all events.
        let together = verdicts(&patterns, &document);
        for (number, case) in valid.iter().enumerate() {
            assert_eq!(Some(together[number].contains(&(number as u32))), case.matches, "{}", case.id);
        }
        // All pairs, of some of the events.
        let some: Vec<usize> = (0..events.len()).step_by(events.len() / 200 + 1).collect();
        let few = format!("[{}]", some.iter().map(|&number| events[number]).collect::<Vec<_>>().join(","));
        let mut alone = vec![BTreeSet::new(); some.len()];
        for (rule, pattern) in (0..).zip(&patterns) {
            for (matched, all) in verdicts(&[pattern], &few).iter().zip(&mut alone) {
                all.extend(matched.iter().map(|_| rule));
            }
        }
        let mut random = Random::new(1);
        let mut order: Vec<usize> = (0..patterns.len()).collect();
        for round in 0..4 {
            let shuffled: Vec<&str> = order.iter().map(|&number| patterns[number]).collect();
            let got = verdicts(&shuffled, &few);
            for (event, (matched, alone)) in got.into_iter().zip(&alone).enumerate() {
                let matched: BTreeSet<u32> = matched.iter().map(|&rule| order[rule as usize] as u32).collect();
                assert_eq!(matched, *alone, "{name}, order {round}, event {}", events[some[event]]);
            }
            (1..order.len()).for_each(|at| order.swap(at, random.below(at + 1)));
        }
        eprintln!("{name}: {} patterns in one set, {} events", patterns.len(), events.len());
    }
}

/// A rule that people wrote: the file it comes from, its patterns by name, and how they go together.
type Written = (String, Vec<(String, String)>, String);

/// The rules of a file: name, patterns by name, and how they go together.
fn written_rules(name: &str) -> Option<Vec<Written>> {
    let rule = |line: HashMap<String, Box<RawValue>>| {
        let patterns: HashMap<String, Box<RawValue>> = serde_json::from_str(line["patterns"].get()).unwrap();
        let mut patterns: Vec<_> = patterns.into_iter().map(|(name, raw)| (name, raw.get().to_owned())).collect();
        patterns.sort();
        (string(&line["file"]), patterns, string(&line["expr"]))
    };
    Some(lines(name)?.into_iter().map(rule).collect())
}

#[test]
fn written_rules_in_one_set_answer_as_each_by_itself_on_real_logs() {
    let paths = files(&folder("../shared/corpus/logs"));
    let mut all = Vec::new();
    for name in ["suzaku", "sigma", "trailalerts"] {
        let Some(rules) = written_rules(&format!("rules/{name}-as-eventbridge.jsonl")) else { return };
        all.extend(rules.into_iter().flat_map(|(_, patterns, _)| patterns).map(|(_, pattern)| pattern));
    }
    let patterns: Vec<&str> = all.iter().map(|pattern| &pattern[..]).collect();
    let mut together = pipeline(&rules(&patterns));
    let mut alone: Vec<_> = patterns.iter().map(|pattern| pipeline(&rules(&[pattern]))).collect();
    let naive: Vec<oracle::Pattern> = patterns.iter().map(|pattern| oracle::Pattern::new(pattern)).collect();
    let (mut records, mut matches) = (0, 0);
    for path in &paths {
        let Some(text) = gunzip(&std::fs::read(path).unwrap()) else { continue };
        let got = run_whole(&mut together, &text);
        let mut found = BTreeSet::new();
        for (rule, pipeline) in (0..).zip(&mut alone) {
            let one = run_whole(pipeline, &text);
            assert_eq!(one.result, got.result, "{}", path.display());
            found.extend(one.found.iter().map(|found| (found.number, rule)));
        }
        let of_all = got.found.iter().flat_map(|found| found.rules.iter().map(|&rule| (found.number, rule)));
        assert_eq!(of_all.collect::<BTreeSet<_>>(), found, "{}", path.display());
        // And as the oracle has it, for some records.
        let Some(Shape::Records(list)) = str::from_utf8(&text).ok().map(oracle::document) else { continue };
        for (&(_, record), number) in list.iter().zip(1u64..).step_by(40) {
            let leaves = oracle::leaves(record);
            for (rule, pattern) in (0..).zip(&naive) {
                assert_eq!(
                    pattern.matches(&leaves),
                    found.contains(&(number, rule)),
                    "{} {record}",
                    all[rule as usize]
                );
            }
        }
        records += got.counts.records;
        matches += found.len();
    }
    eprintln!("{} patterns on {records} records: {matches} matches", patterns.len());
    assert!(matches > 1_000);
}

/// The pack's patterns are those of the benchmark, and find in real logs what the oracle finds.
#[test]
fn the_cis_pack_finds_what_the_benchmark_asks_for() {
    let Some(controls) = lines("rules/cis.jsonl") else { return };
    let pack = trailwire::rule::PACKS.iter().find(|pack| pack.name == "cis").unwrap();
    let file = RuleFile { name: pack.name.to_owned(), text: pack.text.to_owned() };
    let rules = trailwire::rule::load(&[file]).unwrap();
    let text = |rule: &Rule| {
        let control = rule.id.split('-').nth(1).unwrap();
        let line = controls.iter().find(|line| string(&line["id"]) == control).unwrap();
        // In the filter since version 6.
        line["pattern"]
            .get()
            .replace("\"DeleteSecurityGroup\"", "\"DeleteSecurityGroup\", \"ModifySecurityGroupRules\"")
    };
    let texts: Vec<String> = rules.iter().map(text).collect();
    assert_eq!(texts.len(), 15);
    for (rule, text) in rules.iter().zip(&texts) {
        assert_eq!(rule.pattern, Pattern::from_json(text).unwrap(), "{}", rule.id);
    }
    let naive: Vec<oracle::Pattern> = texts.iter().map(|text| oracle::Pattern::new(text)).collect();
    let mut pipeline = pipeline(&Arc::new(RuleSet::new(rules)));
    let mut matches = 0;
    for path in files(&folder("../shared/corpus/logs")) {
        let Some(text) = gunzip(&std::fs::read(&path).unwrap()) else { continue };
        let Some(Shape::Records(records)) = str::from_utf8(&text).ok().map(oracle::document) else { continue };
        let got = run_whole(&mut pipeline, &text);
        let found = got.found.iter().flat_map(|found| found.rules.iter().map(|&rule| (found.number, rule)));
        let found: BTreeSet<_> = found.collect();
        let mut expected = BTreeSet::new();
        for (number, (_, record)) in (1..).zip(records) {
            let leaves = oracle::leaves(record);
            expected.extend((0..).zip(&naive).filter(|(_, it)| it.matches(&leaves)).map(|(rule, _)| (number, rule)));
        }
        assert_eq!(found, expected, "{}", path.display());
        matches += found.len();
    }
    eprintln!("{matches} matches");
    assert!(matches > 100);
}

/// What a condition over named patterns comes to: names with `and`, `or`, `not` and brackets.
fn holds(condition: &str, matches: &dyn Fn(&str) -> bool) -> bool {
    let spaced = condition.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let result = any(&mut words, matches);
    assert_eq!(words.next(), None, "{condition}");
    result
}

type Words<'a, 'b> = &'a mut std::iter::Peekable<std::str::SplitWhitespace<'b>>;

fn any(words: Words<'_, '_>, matches: &dyn Fn(&str) -> bool) -> bool {
    let mut result = every(words, matches);
    while words.next_if_eq(&"or").is_some() {
        result |= every(words, matches);
    }
    result
}

fn every(words: Words<'_, '_>, matches: &dyn Fn(&str) -> bool) -> bool {
    let mut result = one(words, matches);
    while words.next_if_eq(&"and").is_some() {
        result &= one(words, matches);
    }
    result
}

fn one(words: Words<'_, '_>, matches: &dyn Fn(&str) -> bool) -> bool {
    match words.next().unwrap() {
        "not" => !one(words, matches),
        "(" => {
            let result = any(words, matches);
            assert_eq!(words.next(), Some(")"));
            result
        }
        name => matches(name),
    }
}

#[test]
fn rules_with_tests_of_their_own_pass_them() {
    let Some(rules) = written_rules("rules/trailalerts-as-eventbridge.jsonl") else { return };
    let tests = lines("rules/trailalerts-tests.jsonl").unwrap();
    let (mut passed, mut without) = (0, 0);
    for test in &tests {
        let file = string(&test["rule"]);
        let Some((_, patterns, condition)) = rules.iter().find(|(name, ..)| *name == file) else {
            without += 1;
            continue;
        };
        let texts: Vec<&str> = patterns.iter().map(|(_, pattern)| &pattern[..]).collect();
        let matched = &verdicts(&texts, &format!("[{}]", test["event"].get()))[0];
        let matches = |name: &str| {
            let place = patterns.iter().position(|(other, _)| other == name).unwrap();
            matched.contains(&(place as u32))
        };
        assert_eq!(holds(condition, &matches).to_string(), test["expected"].get(), "{file}: {}", test["event"].get());
        passed += 1;
    }
    eprintln!("{passed} passed, {without} of rules that are not there");
    assert!(passed > 50);
}

/// Runs patterns on one record, within a generous time; returns the number of matches or the error.
fn within(seconds: u64, patterns: &[String], record: &str) -> Result<u64, ErrorKind> {
    let patterns: Vec<&str> = patterns.iter().map(|pattern| &pattern[..]).collect();
    let start = Instant::now();
    let rules = rules(&patterns);
    let built = start.elapsed();
    let got = run_whole(&mut pipeline(&rules), format!("[{record}]").as_bytes());
    let time = start.elapsed();
    eprintln!("{} patterns built in {built:?}, {} bytes matched in {:?}", patterns.len(), record.len(), time - built);
    assert!(time < Duration::from_secs(seconds), "{time:?} for {:.200}", patterns[0]);
    got.result.map(|()| got.counts.matches).map_err(|error| error.kind)
}

/// As much as a record of CloudTrail may hold.
const LARGE: usize = 256 << 10;

#[test]
fn hostile_wildcards_take_time_in_proportion() {
    let wildcard = |text: &str| format!(r#"{{"a":[{{"wildcard":"{text}"}}]}}"#);
    let record = |text: &str| format!(r#"{{"a":"{}"}}"#, text.repeat(LARGE / text.len()));
    // What is tried over and over by a matcher that goes back.
    let many_stars = wildcard(&("*a".repeat(20_000) + "*b"));
    assert_eq!(within(20, &[many_stars], &record("a")), Ok(0));
    let long = wildcard(&format!("*{}b*{}b*", "a".repeat(30_000), "a".repeat(30_000)));
    assert_eq!(within(20, &[long], &record("a")), Ok(0));
    // Thousands at once: of the same letter, of each other's parts, and all that differ in the end only.
    let letters: Vec<String> = (1..1_500).map(|length| wildcard(&format!("*{}*", "a".repeat(length)))).collect();
    assert_eq!(within(30, &letters, &record("a")), Ok(1_499));
    let pairs: Vec<String> = (0..2_000).map(|number| wildcard(&format!("*ab*ba*{number}x"))).collect();
    assert_eq!(within(30, &pairs, &record("ab")), Ok(0));
    let middle: Vec<String> = (0..2_000).map(|number| wildcard(&format!("a*a*b{number}c*a"))).collect();
    assert_eq!(within(30, &middle, &record("a")), Ok(0));
    let same: Vec<String> =
        (0..1_000).map(|number| wildcard(&format!("a*{}*a", "ab*".repeat(number % 50 + 1)))).collect();
    let same: Vec<String> = same.into_iter().map(|text| text.replace("**", "*")).collect();
    assert_eq!(within(30, &same, &record("a")), Ok(0));
}

#[test]
fn hostile_affixes_take_time_in_proportion() {
    let record = format!(r#"{{"a":"{}"}}"#, "a".repeat(LARGE));
    for operator in ["prefix", "suffix"] {
        let nested = |length: usize| format!(r#"{{"a":[{{"{operator}":"{}"}}]}}"#, "a".repeat(length));
        assert_eq!(within(20, &(0..1_500).map(nested).collect::<Vec<_>>(), &record), Ok(1_500));
        let folded =
            |length: usize| format!(r#"{{"a":[{{"{operator}":{{"equals-ignore-case":"{}"}}}}]}}"#, "A".repeat(length));
        assert_eq!(within(20, &(0..1_500).map(folded).collect::<Vec<_>>(), &record), Ok(1_500));
    }
}

#[test]
fn hostile_numbers_and_addresses_take_time_in_proportion() {
    let patterns: Vec<String> = (0..2_000)
        .map(|number| {
            format!(r#"{{"a":[{{"numeric":[">=",{number}]}},{{"cidr":"{}.0.0.0/{}"}}]}}"#, number % 256, number % 32)
        })
        .collect();
    let digits = "7".repeat(1_000);
    let array = |value: &str| format!(r#"{{"a":[{}]}}"#, vec![value; LARGE / value.len()].join(","));
    assert_eq!(within(20, &patterns, &array(&digits)), Ok(0), "what no double can hold is in no range");
    assert_eq!(within(20, &patterns, &array(&format!("0.{digits}"))), Ok(0));
    assert_eq!(within(20, &patterns, &array(&format!("1e{digits}"))), Ok(0));
    assert_eq!(within(30, &patterns, &array("2000.5")), Ok(2_000));
    assert!(within(30, &patterns, &array(r#""10.0.0.1""#)).unwrap() > 0);
    assert_eq!(within(20, &patterns, &array(&format!(r#""{}""#, "0:".repeat(500)))), Ok(0));
}

#[test]
fn hostile_arrays_take_time_in_proportion() {
    let both = vec![r#"{"a":{"k":["x"],"v":["y"]}}"#.to_owned()];
    let elements = |one: &str, other: &str| format!(r#"{{"a":[{}{other}]}}"#, format!("{one},").repeat(LARGE / 12));
    // Every element has one of two: only those that agree are looked at.
    let record = elements(r#"{"k":"x"},{"v":"y"}"#, r#"{"k":"z"}"#);
    assert_eq!(within(20, &both, &record), Ok(0));
    assert_eq!(within(20, &both, &elements(r#"{"k":"x"},{"v":"y"}"#, r#"{"k":"x","v":"y"}"#)), Ok(1));
    // One of ten thousand outer elements, and the inner ones of all.
    let nested = vec![r#"{"a":{"k":["x"],"b":{"v":["y"],"w":["z"]}}}"#.to_owned()];
    let record = elements(r#"{"k":"x","b":[{"v":"y"},{"w":"z"}]}"#, r#"{"k":"q","b":[{"v":"y","w":"z"}]}"#);
    assert_eq!(within(20, &nested, &record), Ok(0));
    // Arrays in arrays.
    let (open, close) = ("[".repeat(900), "]".repeat(900));
    let deep = format!(r#"{{"a":[{}]}}"#, vec![format!(r#"{open}{{"k":"x"}},{{"v":"y"}}{close}"#); 140].join(","));
    assert_eq!(within(20, &both, &deep), Ok(0));
    // What many elements must not be.
    let not: Vec<String> =
        (0..500).map(|number| format!(r#"{{"a":[{{"anything-but":["x","y","{number}"]}}]}}"#)).collect();
    let record = format!(r#"{{"a":[{}"x"]}}"#, r#""x","y","#.repeat(LARGE / 8));
    assert_eq!(within(20, &not, &record), Ok(0));
}

#[test]
fn a_pattern_with_all_its_branches_is_one_rule_among_many() {
    let choice = |name: &str| {
        let objects: Vec<String> = (0..10).map(|number| format!(r#"{{"{name}{number}":[{number}]}}"#)).collect();
        format!(r#"{{"$or":[{}]}}"#, objects.join(","))
    };
    let pattern = format!(r#"{{"a":{},"b":{},"c":{}}}"#, choice("x"), choice("y"), choice("z"));
    let record = r#"{"a":{"x3":3},"b":{"y9":9,"y8":8},"c":{"z0":0}}"#;
    assert_eq!(within(20, &vec![pattern; 50], record), Ok(50));
}
