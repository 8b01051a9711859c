//! Proves that matches are right: the same records, byte for byte, as an oracle made of serde_json and the words of
//! the specification, on real log files, on generated documents and on every small change of some documents.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

mod common;

use common::oracle::{self, Shape};
use common::{Outcome, Random, files, folder, gunzip, gzip, pipeline, rules, run, run_whole};
use std::fmt::Write;
use trailwire::{ErrorKind, Expected, Pipeline};

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
    r#"{"userAgent":[{"wildcard":"*Boto3/1.*Linux*"},{"wildcard":"aws-*"},{"suffix":{"equals-ignore-case":".COM"}}]}"#,
    r#"{"userAgent":[{"anything-but":{"wildcard":["*Boto*","*amazonaws.com","aws-*/*"]}}]}"#,
    r#"{"eventName":[{"equals-ignore-case":"getobject"},{"prefix":{"equals-ignore-case":"DESCRIBE"}}]}"#,
    r#"{"eventName":[{"anything-but":{"prefix":["Get","List","Describe"]}}],"userIdentity.arn":[{"wildcard":"arn:*:iam::*:user/*"}]}"#,
    r#"{"sourceIPAddress":[{"cidr":"3.0.0.0/8"},{"cidr":"2000::/3"},{"cidr":"128.0.0.0/1"}]}"#,
    r#"{"additionalEventData":{"bytesTransferredOut":[{"numeric":[">",100,"<=",1e6]}]}}"#,
    r#"{"$or":[{"errorCode":[{"wildcard":"*Denied*"}]},{"responseElements":{"ConsoleLogin":["Failure"]}},{"readOnly":[false],"resources.type":[{"anything-but":"AWS::S3::Object"}]}]}"#,
    r#"{"requestParameters":{"ipPermissions":{"items":{"fromPort":[{"numeric":["<=",22]},{"exists":false}],"toPort":[{"numeric":[">=",22]}],"ipRanges":{"items":{"cidrIp":[{"anything-but":{"suffix":"/32"}}]}}}}}}"#,
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
const STRINGS: &[&str] = &[
    "",
    "x",
    "xy",
    "y",
    "1",
    "true",
    "10.0.0.1",
    "::1",
    "é",
    "😀",
    "quote\"d",
    "back\\slash",
    "tab\t",
    "/",
    "}]",
    "X",
    "xY",
    "xyx",
    "xxy",
    "yxyx",
    "É",
    "ß",
    "SS",
    "Ss",
    "ss",
    "k",
    "K",
    "\u{212a}",
    "ǅ",
    "ǆ",
    "Σ",
    "ς",
    "σ",
    "10.0.0.200",
    "10.1.0.1",
    "2001:db8::7",
    "a00::1",
    "x*y",
    "*",
];
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

    /// A pattern of one to three fields, some of them in a `$or`; `None` where they do not go together.
    fn pattern(&mut self) -> Option<String> {
        self.text.clear();
        let mut paths = Vec::new();
        self.fields(&mut paths, 0);
        paths.sort();
        paths.windows(2).all(|pair| pair[0] != pair[1]).then(|| std::mem::take(&mut self.text))
    }

    fn fields(&mut self, paths: &mut Vec<String>, depth: usize) {
        let fields = 1 + self.random.below(3);
        let choice = if depth < 2 && self.random.one_in(4) { self.random.below(fields) } else { fields };
        let mut number = 0;
        self.list('{', '}', fields, |this| {
            if number == choice {
                this.text.push_str(r#""$or":"#);
                let objects = 2 + this.random.below(2);
                // The same path may be in several branches, but not also beside them.
                let mut chosen = Vec::new();
                this.list('[', ']', objects, |this| {
                    let mut branch = Vec::new();
                    this.fields(&mut branch, depth + 1);
                    branch.sort();
                    if branch.windows(2).any(|pair| pair[0] == pair[1]) {
                        branch.push("twice".into());
                        chosen.push("twice".into());
                    }
                    chosen.extend(branch);
                });
                chosen.sort();
                let twice = chosen.windows(2).any(|pair| pair[0] == "twice" && pair[1] == "twice");
                chosen.dedup();
                paths.extend(chosen);
                paths.extend(twice.then(|| "twice".into()));
            } else {
                this.field(paths);
            }
            number += 1;
        });
    }

    fn field(&mut self, paths: &mut Vec<String>) {
        let steps = 1 + self.random.below(3);
        let path: Vec<&str> = (0..steps)
            .map(|_| if self.random.one_in(6) { self.random.pick(KEYS) } else { self.random.pick(&["a", "b", "c"]) })
            .collect();
        paths.push(path.join("."));
        // As one key with dots, or nested.
        let dotted = self.random.one_in(2);
        let keys = if dotted { vec![path.join(".")] } else { path.iter().map(|step| (*step).to_owned()).collect() };
        for (number, key) in keys.iter().enumerate() {
            if number > 0 {
                self.text.push('{');
            }
            self.string(key);
            self.text.push(':');
        }
        let elements = 1 + self.random.below(2);
        self.list('[', ']', elements, Self::element);
        self.text.push_str(&"}".repeat(keys.len() - 1));
    }

    fn element(&mut self) {
        match self.random.below(20) {
            0 | 1 => self.text.push_str(r#"{"exists":true}"#),
            2 | 3 => self.text.push_str(r#"{"exists":false}"#),
            4 => self.operator("prefix", ""),
            5 => self.operator("suffix", ""),
            6 => self.operator("exactly", ""),
            7 => self.operator("equals-ignore-case", ""),
            8 => self.operator("prefix", "equals-ignore-case"),
            9 => self.operator("suffix", "equals-ignore-case"),
            10 | 11 => self.operator("wildcard", ""),
            12 => {
                let networks = ["10.0.0.0/24", "0.0.0.0/0", "10.0.0.1/8", "::/1", "2001:db8::/32", "::ffff:a00:0/31"];
                let network = self.random.pick(&networks);
                let _ = write!(self.text, r#"{{"cidr":"{network}"}}"#);
            }
            13 => {
                let operator = self.random.pick(&["=", "<", "<=", ">", ">="]);
                let _ = write!(self.text, r#"{{"numeric":["{operator}","#);
                self.number();
                self.text.push_str("]}");
            }
            14 => {
                let (over, under) = (self.random.pick(&[">", ">="]), self.random.pick(&["<", "<="]));
                let (low, high) = (self.random.pick(&["-1", "0", "1"]), self.random.pick(&["1.5", "1e2", "301"]));
                let _ = write!(self.text, r#"{{"numeric":["{over}",{low},"{under}",{high}]}}"#);
            }
            15..18 => self.anything_but(),
            _ => self.scalar(),
        }
    }

    fn number(&mut self) {
        self.text.push_str(self.random.pick(&["-1", "0", "0.1", "1", "1.0", "1.5", "1e2", "300", "1e23"]));
    }

    fn anything_but(&mut self) {
        self.text.push_str(r#"{"anything-but":"#);
        let count = 1 + self.random.below(3);
        match self.random.below(8) {
            0 => self.number(),
            1 => self.list('[', ']', count, Self::number),
            2 | 3 => self.list('[', ']', count, |this| {
                let text = this.random.pick(STRINGS);
                this.string(text);
            }),
            4 => self.operand("exactly"),
            _ => {
                let name = self.random.pick(&["prefix", "suffix", "equals-ignore-case", "wildcard"]);
                let _ = write!(self.text, r#"{{"{name}":"#);
                if self.random.one_in(2) {
                    self.operand(name);
                } else {
                    self.list('[', ']', count, |this| this.operand(name));
                }
                self.text.push('}');
            }
        }
        self.text.push('}');
    }

    /// An operator with a string, in another one if there is such a name.
    fn operator(&mut self, name: &str, inner: &str) {
        self.text.push('{');
        self.string(name);
        self.text.push(':');
        if inner.is_empty() {
            let empty = matches!(name, "prefix" | "suffix") && self.random.one_in(12);
            if empty { self.text.push_str(r#""""#) } else { self.operand(name) }
        } else {
            self.operator(inner, "");
        }
        self.text.push('}');
    }

    /// A string for an operator, not empty.
    fn operand(&mut self, name: &str) {
        let text = match name {
            "wildcard" => {
                let parts = ["*", "*", "x", "y", "k", "é", r"\*", r"\\", "10.", "", "S"];
                let count = 1 + self.random.below(6);
                let mut parts: Vec<&str> = (0..count).map(|_| self.random.pick(&parts)).collect();
                // Two stars side by side are an error.
                parts.retain(|part| !part.is_empty());
                parts.dedup_by(|one, other| *one == "*" && *other == "*");
                parts.concat()
            }
            "equals-ignore-case" if self.random.one_in(3) => {
                (0..3).map(|_| self.random.pick(&["x", "Y", "ß", "K", "é"])).collect()
            }
            "equals-ignore-case" | "exactly" => self.random.pick(STRINGS).to_owned(),
            _ => self.random.pick(&["x", "y", "xy", "1", "é", "10.", "k", "X", "\\", "SS"]).to_owned(),
        };
        self.string(&text);
    }
}

#[test]
fn generated_documents() {
    generated(7, 60);
}

#[test]
fn more_generated_documents() {
    for seed in 100..105 {
        generated(seed, 60);
    }
}

/// As many pairs of a pattern and a record as one asks for: `TRAILWIRE_PAIRS`, a million if it is not set.
#[test]
#[ignore = "takes minutes"]
fn a_million_pairs() {
    let pairs = std::env::var("TRAILWIRE_PAIRS").map_or(1_000_000, |pairs| pairs.parse().unwrap());
    generated(1_000_003, pairs / (RECORDS * PATTERNS) + 1);
}

/// Records of a generated document at the most, and patterns that they are held against.
const RECORDS: usize = 60;
const PATTERNS: usize = 16;

fn generated(seed: u64, documents: usize) {
    let mut writer = Writer { random: Random::new(seed), text: String::new() };
    let (mut pairs, mut matches, mut kept) = (0, 0, 0);
    while kept < documents {
        let text = writer.document(RECORDS);
        let Shape::Records(records) = oracle::document(&text) else { continue };
        kept += usize::from(!records.is_empty());
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
    assert!(pairs >= 50_000.min(900 * documents as u64), "{pairs} pairs");
    assert!(matches > pairs / 20 && matches < pairs / 2, "{matches} of {pairs}");
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
        (r#"{"x":[1,{"y":2}§},"Records":[]}"#, Malformed(MatchingBracket)),
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
        (r#"[{"a":[{}}§]}]"#, Malformed(MatchingBracket)),
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
