//! Proves that matches are right: the same records, byte for byte, as an oracle made of serde_json and the words of
//! the specification, on real log files, on generated documents and on every small change of some documents; and the
//! same verdicts as the reference implementation's own cases.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

mod common;

use common::oracle::{self, Shape};
use common::{Outcome, Random, files, folder, gunzip, gzip, pipeline, rules, run, run_whole};
use serde_json::value::RawValue;
use std::fmt::Write;
use trailwire::rule::{Pattern, Rule};
use trailwire::{ErrorKind, Expected, Layout, Limits, Pipeline, RuleSet};

/// What the oracle finds in a document: number from 1, offset, record, rules.
fn expected<'a>(records: &[(usize, &'a str)], patterns: &[oracle::Pattern]) -> Vec<(u64, u64, &'a str, Vec<u32>)> {
    let matched = records.iter().zip(1..).map(|(&(offset, record), number)| {
        let leaves = oracle::leaves(record);
        let rules = (0..).zip(patterns).filter(|(_, pattern)| pattern.matches(&leaves)).map(|(rule, _)| rule);
        (number, offset as u64, record, rules.collect::<Vec<u32>>())
    });
    matched.filter(|(.., rules)| !rules.is_empty()).collect()
}

/// Holds what a pipeline found against the oracle, and returns how many pairs of record and pattern match.
fn compare(what: &str, got: &Outcome, text: &str, texts: &[&str], patterns: &[oracle::Pattern]) -> u64 {
    let records = oracle::records(text);
    let expected = expected(&records, patterns);
    assert_eq!(got.result, Ok(()), "{what}");
    assert_eq!(got.counts.records, records.len() as u64, "{what}");
    let verdict = |number: u64, rule: u32| expected.iter().any(|it| it.0 == number && it.3.contains(&rule));
    for (&(_, record), number) in records.iter().zip(1..) {
        for (rule, text) in (0..).zip(texts) {
            let ours = got.found.iter().any(|found| found.number == number && found.rules.contains(&rule));
            let theirs = verdict(number, rule);
            assert_eq!(ours, theirs, "{what}, record {number}: ours, theirs\npattern {text}\nrecord {record}");
        }
    }
    let ours: Vec<_> =
        got.found.iter().map(|found| (found.number, found.offset, &found.record[..], found.rules.clone())).collect();
    assert_eq!(ours, expected, "{what}");
    let pairs = expected.iter().map(|it| it.3.len() as u64).sum();
    assert_eq!(got.counts.matches, pairs, "{what}");
    pairs
}

/// Patterns for CloudTrail records; each matches some real ones and not others.
const CLOUDTRAIL: &[&str] = &[
    r#"{"eventSource":["s3.amazonaws.com"]}"#,
    r#"{"eventType":["AwsApiCall"],"eventSource":["iam.amazonaws.com","sts.amazonaws.com"],"eventName":[{"prefix":"Get"},"AssumeRole"]}"#,
    r#"{"userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":["false"]}}}}"#,
    r#"{"userIdentity":{"sessionContext":{"sessionIssuer":{"arn":[{"suffix":"Role"},{"prefix":"arn:aws:iam::8"}]}}}}"#,
    r#"{"userIdentity.type":["Root",{"anything-but":["AWSService","IAMUser"]}],"errorCode":[{"exists":false}]}"#,
    r#"{"errorCode":[{"exists":true}],"errorMessage":[{"anything-but":"Access Denied"}]}"#,
    r#"{"requestParameters":[null],"responseElements":[null]}"#,
    r#"{"readOnly":[true],"eventName":[{"anything-but":["DescribeInstances","GetBucketAcl"]}]}"#,
    r#"{"readOnly":[false],"managementEvent":[true,{"exists":false}]}"#,
    r#"{"resources":{"type":["AWS::S3::Bucket"],"accountId":[{"exists":true}]}}"#,
    r#"{"resources":{"type":["AWS::S3::Object","AWS::IAM::Role"],"unheardOf":[{"exists":false}]}}"#,
    r#"{"requestParameters":{"maxResults":[{"anything-but":[1.0e3,5]}]}}"#,
    r#"{"requestParameters":{"maxResults":[1000,1e2,{"exists":false}],"filterSet":{"items":{"name":[{"exists":true}]}}}}"#,
    r#"{"requestParameters":{"instancesSet":{"items":{"instanceId":[{"prefix":"i-0"}]}}}}"#,
    r#"{"requestParameters":{"ipPermissions":{"items":{"toPort":[22,80,443],"ipRanges":{"items":{"cidrIp":["0.0.0.0/0"]}}}}}}"#,
    r#"{"sourceIPAddress":["AWS Internal","127.000.0.1",{"suffix":".amazonaws.com"}]}"#,
    r#"{"additionalEventData":{"bytesTransferredOut":[0],"bytesTransferredIn":[{"anything-but":-0.0}]}}"#,
    r#"{"eventVersion":[{"suffix":"8"}],"tlsDetails":{"tlsVersion":[{"prefix":"TLSv1"}]}}"#,
];

/// Holds the matches in files against the oracle; returns how many records there are.
fn compare_files(paths: &[std::path::PathBuf]) -> u64 {
    let patterns: Vec<oracle::Pattern> = CLOUDTRAIL.iter().map(|text| oracle::Pattern::new(text)).collect();
    let mut together = pipeline(&rules(CLOUDTRAIL));
    let mut alone: Vec<Pipeline> = CLOUDTRAIL.iter().map(|text| pipeline(&rules(&[text]))).collect();
    let (mut read, mut records, mut pairs, mut hit) = (0, 0, 0, vec![0; CLOUDTRAIL.len()]);
    for path in paths {
        let stored = std::fs::read(path).unwrap();
        let Some(text) = gunzip(&stored).and_then(|bytes| String::from_utf8(bytes).ok()) else { continue };
        let Shape::Records(_) = oracle::document(&text) else { continue };
        let what = path.display().to_string();
        let got = run_whole(&mut together, &stored);
        pairs += compare(&what, &got, &text, CLOUDTRAIL, &patterns);
        read += 1;
        records += got.counts.records;
        for (rule, pipeline) in (0..).zip(&mut alone) {
            let one: Vec<u64> = run_whole(pipeline, &stored).found.iter().map(|found| found.number).collect();
            let of_all = got.found.iter().filter(|found| found.rules.contains(&rule)).map(|found| found.number);
            assert_eq!(one, of_all.collect::<Vec<_>>(), "{what}: {} alone", CLOUDTRAIL[rule as usize]);
            hit[rule as usize] += one.len();
        }
    }
    eprintln!("{read} of {} files, {records} records, {pairs} matches; by pattern {hit:?}", paths.len());
    records
}

#[test]
fn test_data() {
    assert_eq!(compare_files(&files(&folder("testdata/bucket"))), 69, "records");
}

#[test]
fn real_logs() {
    let paths = files(&folder("../shared/corpus/logs"));
    if paths.is_empty() {
        eprintln!("skipped: the corpus of real logs is not there");
        return;
    }
    compare_files(&paths);
}

/// Writes JSON from few keys and values in many spellings, so that patterns over the same ones match often.
struct Writer {
    random: Random,
    text: String,
}

const KEYS: &[&str] = &["a", "b", "c", "long-key-beyond-8", "ключ", "a.b", "b.c", "a.b.c", ""];
const STRINGS: &[&str] =
    &["", "x", "xy", "y", "1", "true", "10.0.0.1", "::1", "é", "😀", "quote\"d", "back\\slash", "tab\t", "/", "}]"];
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "0e5",
    "1",
    "1.0",
    "10e-1",
    "0.1e1",
    "1E0",
    "100",
    "1e2",
    "1E+2",
    "-1",
    "-1.0",
    "0.1",
    "1e-1",
    "300",
    "9007199254740993",
    "9007199254740993.0",
    "9007199254740992",
    "1e400",
    "1E400",
    "1e23",
    "1.50",
    "15e-1",
];
const SPELLINGS_OF_ADDRESSES: &[&str] = &["010.0.0.001", "::ffff:a00:1", "0:0:0:0:0:0:0:1", "10.0.0.1 ", "10.0.0"];

impl Writer {
    fn space(&mut self) {
        while self.random.one_in(12) {
            self.text.push_str(self.random.pick(&[" ", "\n", "\t", "\r\n", "          "]));
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            let must = character < ' ' || matches!(character, '"' | '\\');
            match character {
                '"' | '\\' | '/' if !self.random.one_in(4) => self.text.extend(['\\', character]),
                '\t' if !self.random.one_in(4) => self.text.push_str("\\t"),
                _ if must || self.random.one_in(10) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let upper = self.random.one_in(2);
                        let _ =
                            if upper { write!(self.text, "\\u{unit:04X}") } else { write!(self.text, "\\u{unit:04x}") };
                    }
                }
                _ => self.text.push(character),
            }
        }
        self.text.push('"');
    }

    fn scalar(&mut self) {
        match self.random.below(10) {
            0 => self.text.push_str(self.random.pick(&["true", "false", "null"])),
            1..4 => self.text.push_str(self.random.pick(NUMBERS)),
            4 if self.random.one_in(3) => {
                let text = self.random.pick(SPELLINGS_OF_ADDRESSES);
                self.string(text);
            }
            _ => {
                let text = self.random.pick(STRINGS);
                self.string(text);
            }
        }
    }

    fn value(&mut self, depth: usize) {
        match self.random.below(if depth < 5 { 10 } else { 5 }) {
            5 | 6 => self.object(depth + 1),
            7.. => self.array(depth + 1),
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) {
        let elements = self.random.below(4);
        self.list(
            '[',
            ']',
            elements,
            |this| if this.random.one_in(2) { this.object(depth + 1) } else { this.value(depth) },
        );
    }

    fn object(&mut self, depth: usize) {
        let members = self.random.below(5);
        self.list('{', '}', members, |this| {
            let key = if this.random.one_in(3) { this.random.pick(KEYS) } else { this.random.pick(&["a", "b", "c"]) };
            this.string(key);
            this.space();
            this.text.push(':');
            this.space();
            this.value(depth);
        });
    }

    fn list(&mut self, open: char, close: char, items: usize, mut item: impl FnMut(&mut Self)) {
        self.text.push(open);
        self.space();
        for number in 0..items {
            if number > 0 {
                self.text.push(',');
                self.space();
            }
            item(self);
            self.space();
        }
        self.text.push(close);
    }

    fn document(&mut self, records: usize) -> String {
        self.text.clear();
        self.space();
        if self.random.one_in(3) {
            self.list('[', ']', records, |this| this.object(0));
        } else {
            let (before, after) = (self.random.below(3), self.random.below(3));
            self.list('{', '}', before + 1 + after, |this| {
                // Often not there, and sometimes more than once: the oracle sees what it comes to.
                let key = this.random.pick(&["Records", "other"]);
                this.string(key);
                this.text.push(':');
                if key == "Records" { this.list('[', ']', records, |this| this.object(0)) } else { this.value(0) }
            });
        }
        self.space();
        std::mem::take(&mut self.text)
    }

    /// A pattern of one to three fields; `None` where they do not go together.
    fn pattern(&mut self) -> Option<String> {
        let mut paths: Vec<String> = Vec::new();
        self.text.clear();
        let fields = 1 + self.random.below(3);
        self.list('{', '}', fields, |this| {
            let steps = 1 + this.random.below(3);
            let path: Vec<&str> = (0..steps)
                .map(
                    |_| if this.random.one_in(6) { this.random.pick(KEYS) } else { this.random.pick(&["a", "b", "c"]) },
                )
                .collect();
            paths.push(path.join("."));
            // As one key with dots, or nested.
            let dotted = this.random.one_in(2);
            let keys = if dotted { vec![path.join(".")] } else { path.iter().map(|step| (*step).to_owned()).collect() };
            for (number, key) in keys.iter().enumerate() {
                if number > 0 {
                    this.text.push('{');
                }
                this.string(key);
                this.text.push(':');
            }
            let elements = 1 + this.random.below(2);
            this.list('[', ']', elements, Self::element);
            this.text.push_str(&"}".repeat(keys.len() - 1));
        });
        paths.sort();
        paths.windows(2).all(|pair| pair[0] != pair[1]).then(|| std::mem::take(&mut self.text))
    }

    fn element(&mut self) {
        match self.random.below(12) {
            0 | 1 => self.text.push_str(r#"{"exists":true}"#),
            2 | 3 => self.text.push_str(r#"{"exists":false}"#),
            4 => self.operator("prefix"),
            5 => self.operator("suffix"),
            6 => self.operator("anything-but"),
            7 => {
                self.text.push_str(r#"{"anything-but":"#);
                let numbers = &["0", "1", "1e2", "0.1", "1.5"][..];
                if self.random.one_in(2) {
                    self.list('[', ']', 2, |this| this.text.push_str(this.random.pick(numbers)));
                } else {
                    self.list('[', ']', 3, |this| {
                        let text = this.random.pick(STRINGS);
                        this.string(text);
                    });
                }
                self.text.push('}');
            }
            _ => self.scalar(),
        }
    }

    fn operator(&mut self, name: &str) {
        let text = self.random.pick(&["", "x", "y", "1", "é", "10."]);
        self.text.push('{');
        self.string(name);
        self.text.push(':');
        self.string(text);
        self.text.push('}');
    }
}

#[test]
fn generated_documents() {
    generated(7);
}

#[test]
fn more_generated_documents() {
    for seed in 100..105 {
        generated(seed);
    }
}

fn generated(seed: u64) {
    const DOCUMENTS: usize = 120;
    const RECORDS: usize = 60;
    const PATTERNS: usize = 16;
    let mut writer = Writer { random: Random::new(seed), text: String::new() };
    let (mut pairs, mut matches, mut kept) = (0, 0, 0);
    while kept < DOCUMENTS {
        let text = writer.document(RECORDS);
        let Shape::Records(records) = oracle::document(&text) else { continue };
        kept += 1;
        let texts: Vec<String> = std::iter::repeat_with(|| writer.pattern()).flatten().take(PATTERNS).collect();
        let texts: Vec<&str> = texts.iter().map(|text| &text[..]).collect();
        let patterns: Vec<oracle::Pattern> = texts.iter().map(|text| oracle::Pattern::new(text)).collect();
        let object = if writer.random.one_in(4) { gzip(text.as_bytes()) } else { text.clone().into_bytes() };
        let pieces = writer.random.pieces(&object, 3_000);
        let got = run(&mut pipeline(&rules(&texts)), pieces, common::Pauses::Never);
        matches += compare("a generated document", &got, &text, &texts, &patterns);
        pairs += (records.len() * texts.len()) as u64;
    }
    eprintln!("{pairs} pairs of a pattern and a record, {matches} matches");
    assert!(pairs >= 100_000 && matches > pairs / 20 && matches < pairs / 2, "{matches} of {pairs}");
}

/// Small documents that hold one of everything.
const SMALL: &[&str] = &[
    r#"{"a":[{}],"Records":[{"a":"x\u0041","b":{"c":[1.5e1,null]}},{"a.b":[{"c":true},"\ud83d\ude00"]}]} "#,
    r#"[{"a":[[1],{"b":2,"c":-0}],"z":"}"},{"b":"\\","a":{"b":"é","b":"y"}} ]"#,
    r#" { "R\u0065cords" : [ ] , "x" : "\"" , "Records" : [ { "b" : { } , "a" : [ false , 0.1 ] } ] }"#,
];

const LOOKING: &[&str] = &[
    r#"{"a":[{"exists":true}]}"#,
    r#"{"a":{"b":[{"anything-but":"y"},{"exists":false}],"c":[{"exists":true}]}}"#,
    r#"{"b":{"c":[15,null]}}"#,
    r#"{"a":["xA",0.1,1,{"suffix":"x"}],"b":[{"exists":false},{"prefix":"\\"}]}"#,
];

#[test]
fn a_document_that_breaks_off_is_an_error() {
    let (mut blind, mut looking) = (pipeline(&common::any()), pipeline(&rules(LOOKING)));
    for text in SMALL {
        let whole = text.trim_end().len();
        for end in 0..whole {
            for pipeline in [&mut blind, &mut looking] {
                let error = run_whole(pipeline, &text.as_bytes()[..end]).result.unwrap_err();
                let truncated =
                    matches!(error.kind, ErrorKind::Empty | ErrorKind::Truncated | ErrorKind::TruncatedRecord);
                assert!(truncated && error.offset <= end as u64, "{error} in {:?}", &text[..end]);
            }
        }
        assert_eq!(run_whole(&mut looking, text.as_bytes()).result, Ok(()));
    }
}

#[test]
fn a_document_with_one_byte_changed() {
    let patterns: Vec<oracle::Pattern> = LOOKING.iter().map(|text| oracle::Pattern::new(text)).collect();
    let (mut blind, mut looking) = (pipeline(&common::any()), pipeline(&rules(LOOKING)));
    let (mut valid, mut other, mut invalid, mut refused) = (0, 0, 0, 0);
    let mut check = |bytes: &[u8]| {
        let got = run_whole(&mut looking, bytes);
        let records = run_whole(&mut blind, bytes);
        if let Err(error) = got.result {
            assert!(error.kind.is_stored() || error.offset <= bytes.len() as u64, "{error}");
        }
        let Ok(text) = str::from_utf8(bytes) else { return };
        match oracle::document(text) {
            Shape::Records(expected) => {
                valid += 1;
                compare(text, &got, text, LOOKING, &patterns);
                let found: Vec<_> =
                    records.found.iter().map(|found| (found.offset as usize, &found.record[..])).collect();
                assert_eq!((records.result, &found), (Ok(()), &expected), "{text}");
            }
            Shape::Other => {
                other += 1;
                assert!(got.result.is_err() && records.result.is_err(), "no log file, and accepted: {text}");
            }
            Shape::Invalid => {
                invalid += 1;
                refused += usize::from(got.result.is_err());
            }
        }
    };
    for text in SMALL.iter().map(|text| text.as_bytes()) {
        for at in 0..text.len() {
            for byte in 0..=255 {
                check(&[&text[..at], &[byte], &text[at + 1..]].concat());
            }
            for byte in *b"\"\\{}[]:, \n0e.tx\0\xff" {
                check(&[&text[..at], &[byte], &text[at..]].concat());
            }
            check(&[&text[..at], &text[at + 1..]].concat());
        }
    }
    eprintln!("{valid} valid, {other} of another shape, {invalid} invalid of which {refused} refused");
    assert!(valid > 5_000 && other > 100 && invalid > 10_000, "{valid} {other} {invalid}");
}

/// What is wrong with a document, at the byte that the mark `§` stands before.
#[test]
fn what_is_malformed_is_an_error_at_its_byte() {
    use ErrorKind::{Empty, Malformed, NoRecords, RecordNotObject, RecordsNotArray, Truncated, TruncatedRecord};
    use Expected::{Colon, CommaOrClose, Document, Escape, Key, MatchingBracket, NoControl, Scalar, Utf8, Value};
    let cases: &[(&str, ErrorKind)] = &[
        // Outside records.
        ("§", Empty),
        (" \n§", Empty),
        ("§x", Malformed(Document)),
        ("§\u{feff}[]", Malformed(Document)),
        (r#"{"x":1§}"#, NoRecords),
        (r#"{"Records":§{}}"#, RecordsNotArray),
        (r#"{"Records":§null}"#, RecordsNotArray),
        (r#"{"Records":[{},§[]]}"#, RecordNotObject),
        (r#"[§"x"]"#, RecordNotObject),
        (r#"{§}"#, NoRecords),
        (r#"{§x}"#, Malformed(Key)),
        (r#"{"Records":[],§}"#, Malformed(Key)),
        (r#"{"Records"§[]}"#, Malformed(Colon)),
        (r#"{"Records":[{}§{}]}"#, Malformed(CommaOrClose)),
        (r#"{"Records":[{},§]}"#, Malformed(Value)),
        (r#"{"Records":[]§"x":1}"#, Malformed(CommaOrClose)),
        (r#"{"x":§,"Records":[]}"#, Malformed(Value)),
        (r#"{"x":[1,{"y":2§]],"Records":[]}"#, Malformed(MatchingBracket)),
        (r#"{"Rec§\qords":[]}"#, Malformed(Escape)),
        (r#"{"Records":[]} §}"#, Malformed(Document)),
        (r#"{"Records":[]§"#, Truncated),
        (r#"{"x":"Records"§:[]}"#, Malformed(CommaOrClose)),
        (r#"[{"b":1}, §{"a":"}"#, TruncatedRecord),
        // On the way to what a rule looks at, and in it.
        (r#"[{"a":1},{"a"§"x"}]"#, Malformed(Colon)),
        (r#"[{"z":1§"a":1}]"#, Malformed(CommaOrClose)),
        (r#"[{§z:1}]"#, Malformed(Key)),
        (r#"[{"z":1,§}]"#, Malformed(Key)),
        (r#"[{"z":§}]"#, Malformed(Value)),
        (r#"[{"a":§}]"#, Malformed(Value)),
        (r#"[{"a":§tru}]"#, Malformed(Scalar)),
        (r#"[{"a":§01}]"#, Malformed(Scalar)),
        (r#"[{"a":[1,§-]}]"#, Malformed(Scalar)),
        (r#"[{"a":[1 §2]}]"#, Malformed(CommaOrClose)),
        (r#"[{"a":[1,§]}]"#, Malformed(Value)),
        (r#"[{"a":"x§\x"}]"#, Malformed(Escape)),
        (r#"[{"§\u00zz":1}]"#, Malformed(Escape)),
        ("[{\"a\":\"x§\u{1}\"}]", Malformed(NoControl)),
        (r#"[{"a":{"b":1,§,}}]"#, Malformed(Key)),
        (r#"[{"a":[{}§}]}]"#, Malformed(MatchingBracket)),
        (r#"[{"z":1,§\"a":1}]"#, Malformed(Value)),
    ];
    let mut pipeline = pipeline(&rules(LOOKING));
    for (marked, kind) in cases {
        let at = marked.find('§').unwrap();
        let text = marked.replace('§', "");
        let error = run_whole(&mut pipeline, text.as_bytes()).result.expect_err(marked);
        assert_eq!((error.kind, error.offset), (*kind, at as u64), "{marked}");
        // The same in a member behind another, and behind many records: offsets count decompressed bytes.
        let before = format!("[{}{{}}]", r#"{"a":"a record"},"#.repeat(10_000));
        if *kind != Empty {
            let object = [gzip(before.as_bytes()), gzip(text.as_bytes())].concat();
            let error = run_whole(&mut pipeline, &object).result.unwrap_err();
            assert_eq!((error.kind, error.offset), (*kind, (before.len() + at) as u64), "{marked}, behind others");
        }
    }
    let utf8 = run_whole(&mut pipeline, b"[{\"a\":\"x\xffx\"}]").result.unwrap_err();
    assert_eq!((utf8.kind, utf8.offset), (Malformed(Utf8), 8));
}

/// The cases whose verdicts come from the reference implementation.
#[test]
fn reference_cases() {
    let names = ["pattern-cases", "pattern-random"].map(|name| folder(&format!("../shared/corpus/{name}.jsonl")));
    let cases: String = names.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    if cases.is_empty() {
        eprintln!("skipped: the reference cases are not there");
        return;
    }
    let (mut decided, mut unsupported, mut refused, mut skipped) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case: std::collections::HashMap<String, &RawValue> = serde_json::from_str(line).unwrap();
        let text = |name: &str| -> Option<String> {
            match case.get(&format!("{name}_text")) {
                Some(text) => serde_json::from_str(text.get()).unwrap(),
                None => case.get(name).map(|raw| raw.get().to_owned()),
            }
        };
        let pattern = text("pattern").unwrap();
        let verdict = text("recommended").or_else(|| text("matches")).unwrap_or_else(|| "\"reject\"".to_owned());
        let compiled = Pattern::from_json(&pattern);
        match (compiled, &verdict[..]) {
            (Err(_), "\"reject\"") => refused += 1,
            (Err(_), _) => unsupported += 1,
            (Ok(_), "\"reject\"") => wrong.push(format!("accepted: {line}")),
            (Ok(pattern), _) => {
                let Some(event) = text("event") else {
                    skipped += 1;
                    continue;
                };
                let event = format!("[{event}]");
                let Shape::Records(_) = oracle::document(&event) else {
                    skipped += 1;
                    continue;
                };
                let rules = std::sync::Arc::new(RuleSet::new(vec![Rule::new("case", pattern)]));
                let got = run_whole(&mut Pipeline::new(rules, &Limits::default(), Layout::Files), event.as_bytes());
                decided += 1;
                if got.result.is_err() || (got.counts.matches == 1) != (verdict == "true") {
                    wrong.push(format!("{:?} with {} matches: {line}", got.result, got.counts.matches));
                }
            }
        }
    }
    eprintln!("{decided} decided, {unsupported} of operators not known yet, {refused} refused, {skipped} skipped");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(decided > 500 && refused > 100, "{decided} decided, {refused} refused");
}
