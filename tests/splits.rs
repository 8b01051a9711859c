//! Proves that pieces do not matter: however an object is cut, whenever the sink pauses and however small the buffers
//! are, the matches, the counts and the error with its offset are the same.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

mod common;

use common::{Outcome, Pauses, Random, files, folder, gunzip, gzip, rules, run, run_whole};
use std::sync::Arc;
use trailwire::{ErrorKind, Layout, Limits, Pipeline, RuleSet};

/// Rules that look at the top, deep down, into arrays and for what is absent.
fn some_rules() -> Arc<RuleSet> {
    rules(&[
        r#"{"eventName":[{"exists":true}]}"#,
        r#"{"eventName":[{"exists":false}]}"#,
        r#"{"eventSource":["sns.amazonaws.com",{"suffix":"3.amazonaws.com"}],"eventName":[{"prefix":"Cre"}]}"#,
        r#"{"userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":["false"]}}}}"#,
        r#"{"requestParameters":{"items":{"port":[22],"ranges":{"ip":[{"anything-but":"10.0.0.0/8"}]}}}}"#,
        r#"{"resources":{"type":["AWS::S3::Bucket"],"ARN":[{"exists":false}]}}"#,
    ])
}

const LOG: &str = r#"{ "version" : "1.0", "skip":[{"a":["}]",-1.5e3,null]},"\\\""], "Records": [
 {"eventName":"CreateTopic","eventSource":"sns.amazonaws.com","userIdentity":{"sessionContext":{"attributes":
  {"mfaAuthenticated":"fal\u0073e"}}},"note":"quote \" brace } bracket ] backslash \\"},
 {"event\u004eame":"Créate😀","eventSource":"s3.amazonaws.com","requestParameters":{"items":[{"port":80,"ranges":
  [{"ip":"0.0.0.0/0"}]},{"port":2.2e1,"ranges":[{"ip":"10.0.0.0/8"},{"ip":"::/0"}]}]}} , {},
 {"resources":[{"type":"AWS::S3::Bucket","ARN":"x"},{"type":"AWS::S3::Bucket"}],"eventName":null}
 ], "Rec\u006frds":[{"eventName":["\ud83d\ude00","a\tb"]}],"after":{"Records":[1]},"end":true } "#;

/// Documents of every kind that a layout tells apart, and every kind of error.
fn inline() -> Vec<(String, Vec<u8>)> {
    let long_key = format!(r#"{{"{}":1,"Records":[{{"eventName":"x"}}]}}"#, "k".repeat(200));
    // As long as a key that is `Records` can be, at every place that a block of the scan can end in it.
    let letters = r"\u0052\u0065\u0063\u006f\u0072\u0064\u0073";
    let escaped_key: String = (0..64)
        .step_by(9)
        .map(|pad| format!(r#"{{"{}":0,"{letters}":[{{}}],"{letters}x":[1]}}"#, "x".repeat(pad)))
        .collect();
    let backslashes =
        format!(r#"{{"Records":[{{"a":"{}","eventName":"Cre\\\"{}"}}]}}"#, r"\\".repeat(65), r"\n".repeat(33));
    let spaces = format!("[{0}{{{0}\"eventName\"{0}:{0}[{0}1{0},{0}\"x\"{0}]{0}}}{0}]{0}", " \t\r\n".repeat(17));
    let deep = format!(
        r#"[{{"skip":{}{},"eventName":{}0{}}}]"#,
        "[".repeat(300),
        "]".repeat(300),
        "[".repeat(90),
        "]".repeat(90)
    );
    let plain = [
        LOG,
        r#"[{"eventName":"a"},{"eventName":"b"}]"#,
        r#"[]{"Records":[]}[{"eventName":"x"}]{"Records":[{"eventName":"y"}]}"#,
        "{\"eventName\":\"a\"}\n{\"eventSource\":\"sns.amazonaws.com\",\"eventName\":\"Create\"}\n{\n \"x\": {}\n}\n",
        &long_key,
        &escaped_key,
        &backslashes,
        &spaces,
        &deep,
        "",
        "  \n ",
        "{}",
        r#"{"Records":{}}"#,
        r#"{"Records":[{"eventName":"x"},7]}"#,
        r#"{"Records":[{"eventName":"x"}]} x"#,
        r#"{"Records":[{"eventName":"x"}],"#,
        r#"{"Records":[{"eventName":"x"},{"eventName":"y","z":[1"#,
        r#"{"Records":[{"eventName":"x"},{"eventName":"y","z":[1}}"#,
        r#"{"Records":[{"eventName":"x"} {"eventName":"y"}]}"#,
        r#"{"Records":[{"eventName":"x"},{"eventName":"\ud8"}]}"#,
        r#"{"Records":[{"eventName":"x"},{"eventName" "y"}]}"#,
        r#"{"Records":[{"eventName":"x"},{"eventName":tru}]}"#,
        r#"{"Records":[{"eventName":"x"}],"Rec\xords":[]}"#,
        r#"{"Records":[{"eventName":"x",\"a":1}]}"#,
    ];
    let mut all: Vec<(String, Vec<u8>)> =
        plain.iter().map(|text| (text.to_string(), text.as_bytes().to_vec())).collect();
    let mut invalid = br#"[{"eventName":"x"},{"eventName":"?"}]"#.to_vec();
    invalid[33] = 0xff;
    all.push(("not UTF-8".into(), invalid));
    let one = gzip(LOG.as_bytes());
    let two = [gzip(br#"[{"eventName":"x"},{"event"#), gzip(b""), gzip(br#"Name":"y"}]"#)].concat();
    all.push(("gzip".into(), one.clone()));
    all.push(("members".into(), two));
    all.push(("stored, with a name".into(), named(LOG.as_bytes())));
    all.push(("truncated".into(), one[..one.len() * 2 / 3].to_vec()));
    all.push(("truncated trailer".into(), one[..one.len() - 3].to_vec()));
    let damaged = |at: usize| {
        let mut bytes = one.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    for (what, at) in
        [("header", 2), ("data", 60), ("middle", one.len() / 2), ("checksum", one.len() - 8), ("length", one.len() - 1)]
    {
        all.push((format!("damaged {what}"), damaged(at)));
    }
    all.push(("trailing".into(), [&one[..], b"garbage"].concat()));
    all.push(("trailing member cut".into(), [&one[..], b"\x1f\x8b\x08"].concat()));
    all.push(("neither".into(), b"\x1f{}".to_vec()));
    all
}

/// A member with every optional header field, uncompressed.
fn named(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let builder = flate2::GzBuilder::new().filename("log.json").comment("c").extra(&b"extra"[..]);
    let mut encoder = builder.write(Vec::new(), flate2::Compression::none());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Objects of the repository's test data.
fn stored() -> Vec<(String, Vec<u8>)> {
    let paths = ["testdata/bucket", "testdata/malformed"].iter().flat_map(|path| files(&folder(path)));
    paths.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

/// One object, read whole: what all other ways to read it are held against.
struct Case<'a> {
    name: &'a str,
    object: &'a [u8],
    layout: Layout,
    pipeline: Pipeline,
    expected: Outcome,
}

impl<'a> Case<'a> {
    fn new(name: &'a str, object: &'a [u8], layout: Layout) -> Self {
        let mut pipeline = Pipeline::new(some_rules(), &Limits::default(), layout);
        let expected = run_whole(&mut pipeline, object).normal();
        Self { name, object, layout, pipeline, expected }
    }

    fn check<'b>(&mut self, how: &str, pieces: impl IntoIterator<Item = &'b [u8]>, pauses: Pauses) {
        let got = run(&mut self.pipeline, pieces, pauses).normal();
        assert!(
            got == self.expected,
            "{} ({:?}) {how}: {got:#?}\nand whole: {:#?}",
            self.name,
            self.layout,
            self.expected
        );
    }
}

/// Both layouts of every object.
fn cases(objects: &[(String, Vec<u8>)]) -> impl Iterator<Item = Case<'_>> {
    objects
        .iter()
        .flat_map(|(name, object)| [Layout::Files, Layout::Lines].map(|layout| Case::new(name, object, layout)))
}

/// Cuts at every byte; where that is too much to read again each time, at even distances.
fn cut_everywhere(objects: &[(String, Vec<u8>)]) {
    const MAX_STORED: usize = 16 << 10;
    const MAX_SMALL: usize = 2 << 10;
    const MAX_WORK: usize = 100 << 20;
    let mut runs = 0;
    for mut case in cases(objects) {
        let object = case.object;
        let is_lines = case.name.contains(".jsonl");
        let main = if is_lines { Layout::Lines } else { Layout::Files };
        if object.len() > if case.layout == main { MAX_STORED } else { MAX_SMALL } {
            continue;
        }
        let bytes = gunzip(object).map_or(object.len(), |bytes| bytes.len());
        let step = (object.len() * bytes).div_ceil(MAX_WORK).max(1);
        for cut in (0..=object.len()).step_by(step) {
            let (head, tail) = object.split_at(cut);
            case.check(&format!("cut at {cut}"), [head, tail], Pauses::Never);
            runs += 1;
        }
    }
    eprintln!("{runs} cuts of {} objects", objects.len());
}

#[test]
fn the_inline_documents_are_of_many_kinds() {
    let objects = inline();
    let errors: Vec<_> =
        cases(&objects).filter_map(|case| case.expected.result.err()).map(|error| error.kind).collect();
    let kinds = errors.iter().enumerate().filter(|(at, kind)| !errors[..*at].contains(kind)).count();
    assert!(kinds >= 18, "{kinds} kinds of error");
    let matches: usize = cases(&objects).map(|case| case.expected.found.len()).sum();
    assert!(matches > 50, "{matches} matches");
    assert!(errors.contains(&ErrorKind::Deflate) && errors.contains(&ErrorKind::GzipLength));
}

#[test]
fn inline_documents_cut_at_every_byte() {
    cut_everywhere(&inline());
}

#[test]
fn stored_objects_cut_at_every_byte() {
    cut_everywhere(&stored());
}

#[test]
fn single_bytes_random_pieces_and_pauses() {
    let objects = [inline(), stored()].concat();
    let mut random = Random::new(1);
    for mut case in cases(&objects) {
        let object = case.object;
        case.check("byte by byte", object.chunks(1), Pauses::Never);
        case.check("with pauses", [object], Pauses::EachMatch);
        case.check("byte by byte with pauses", object.chunks(1), Pauses::EachMatch);
        case.check("with empty pieces", object.chunks(7).flat_map(|piece| [piece, &[]]), Pauses::Never);
        for longest in [3, 64, 65, 700, 5_000, 100_000] {
            let pieces = random.pieces(object, longest);
            case.check(&format!("in pieces up to {longest}"), pieces, Pauses::EachMatch);
        }
    }
}

#[test]
fn the_smallest_buffers() {
    let objects = [inline(), stored()].concat();
    for mut case in cases(&objects) {
        let object = case.object;
        let everything = run_whole(&mut Pipeline::new(common::any(), &Limits::default(), case.layout), object);
        let largest = everything.found.iter().map(|found| found.record.len()).max().unwrap_or(0);
        // An object that is not UTF-8 has longer records as text than as bytes.
        let largest =
            if everything.found.iter().any(|found| found.record.contains('\u{fffd}')) { 1 << 10 } else { largest };
        // Skipped values may nest a level per byte of this limit.
        let depth = gunzip(object).unwrap_or_default().iter().filter(|&&byte| byte == b'[' || byte == b'{').count();
        let limits = Limits { max_record_bytes: largest.max(depth), window_bytes: 64, ..Limits::default() };
        case.pipeline = Pipeline::new(some_rules(), &limits, case.layout);
        case.check("in small buffers", [object], Pauses::Never);
        case.check("in small buffers with pauses", object.chunks(97), Pauses::EachMatch);
        if object.len() <= 2 << 10 {
            for cut in 0..object.len() {
                let (head, tail) = object.split_at(cut);
                case.check(&format!("in small buffers, cut at {cut}"), [head, tail], Pauses::Never);
            }
        }
    }
}

#[test]
fn damaged_documents_fail_alike() {
    let objects = inline();
    let mut random = Random::new(2);
    let limits = Limits { max_record_bytes: 4 << 10, window_bytes: 64, ..Limits::default() };
    let mut kinds = Vec::new();
    for _ in 0..4_000 {
        let (name, object) = &objects[random.below(objects.len())];
        let mut object = object.clone();
        for _ in 0..1 + random.below(3) {
            if !object.is_empty() {
                let at = random.below(object.len());
                object[at] = if random.one_in(3) { random.next() as u8 } else { b"\"\\{}[]:, 0x"[random.below(11)] };
            }
        }
        let mut case = Case::new(name, &object, if random.one_in(2) { Layout::Files } else { Layout::Lines });
        if let Err(error) = case.expected.result
            && !kinds.contains(&error.kind)
        {
            kinds.push(error.kind);
        }
        case.check("in pieces", random.pieces(&object, 40), Pauses::EachMatch);
        case.pipeline = Pipeline::new(some_rules(), &limits, case.layout);
        case.check("in pieces and small buffers", random.pieces(&object, 200), Pauses::Never);
    }
    assert!(kinds.len() >= 20, "{kinds:?}");
}
