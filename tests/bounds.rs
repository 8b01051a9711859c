//! Proves that every limit holds at the byte it names, that input of any size or depth is read in bounded memory, and
//! that a record costs no allocation. Memory is counted by this binary's own allocator, for each thread by itself.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]
#![allow(unsafe_code, reason = "an allocator that counts is an unsafe trait to implement")]

mod common;

use common::{Outcome, Pauses, any, gzip, pipeline, rules, run, run_whole};
use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use trailwire::limits::{MAX_ARRAY_DEPTH, MAX_VALUES};
use trailwire::rule::Pattern;
use trailwire::{Error, ErrorKind, Layout, Limits, Match, Pipeline, RuleSet};

/// The system's allocator, which also counts what the current thread does.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count(size: isize) {
    // A thread that ends has no counters any more, and nobody who would look.
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + size);
        PEAK.with(|peak| peak.set(peak.get().max(live.get())));
        if size > 0 {
            CALLS.with(|calls| calls.set(calls.get() + 1));
        }
    });
}

// SAFETY: every call goes to the system's allocator as it came, and its answer back; the counters are plain cells of
// the thread, which neither allocate nor unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        count(memory.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(memory) }
    }

    unsafe fn alloc_zeroed(&self, memory: Memory) -> *mut u8 {
        count(memory.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(memory) }
    }

    unsafe fn dealloc(&self, place: *mut u8, memory: Memory) {
        count(-(memory.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(place, memory) }
    }

    unsafe fn realloc(&self, place: *mut u8, memory: Memory, size: usize) -> *mut u8 {
        // The old and the new block exist side by side for a moment.
        count(size as isize);
        count(-(memory.size() as isize));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(place, memory, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was allocated at once while `work` ran, beyond what was there before; and how often.
fn measure<T>(work: impl FnOnce() -> T) -> (T, usize, u64) {
    let (live, calls) = (LIVE.get(), CALLS.get());
    PEAK.set(live);
    let result = work();
    (result, (PEAK.get() - live) as usize, CALLS.get() - calls)
}

/// Reads pieces without keeping matches: number of matches, records and the error.
fn read<'a>(pipeline: &mut Pipeline, pieces: impl IntoIterator<Item = &'a [u8]>) -> (u64, u64, Option<Error>) {
    pipeline.reset();
    let mut sink = |_: &Match<'_>| ControlFlow::Continue(());
    let mut pieces = pieces.into_iter();
    let error = pieces.find_map(|piece| pipeline.feed(piece, &mut sink).0.err());
    let error = error.or_else(|| pipeline.finish(&mut sink).err());
    (pipeline.counts().matches, pipeline.counts().records, error)
}

fn error(kind: ErrorKind, offset: usize) -> Result<(), (ErrorKind, u64)> {
    Err((kind, offset as u64))
}

fn result(outcome: &Outcome) -> Result<(), (ErrorKind, u64)> {
    outcome.result.map_err(|error| (error.kind, error.offset))
}

#[test]
fn a_record_of_exactly_the_limit_is_served_and_one_byte_more_is_not() {
    for limit in [64, 100, 1_000, 100_000] {
        // A key that makes it a record also by itself.
        let record = |bytes: usize| format!(r#"{{"eventID":"{}"}}"#, "x".repeat(bytes - 14));
        let limits = Limits { max_record_bytes: limit, window_bytes: 64, ..Limits::default() };
        let mut pipeline = Pipeline::new(any(), &limits, Layout::Files);
        for piece in [1, 7, 1 << 20] {
            let object = format!(r#"{{"Records":[{},{}]}}"#, record(limit), record(14));
            let got = run(&mut pipeline, object.as_bytes().chunks(piece), Pauses::Never);
            assert_eq!((result(&got), got.found.len()), (Ok(()), 2), "limit {limit}");

            let object = format!(r#"{{"Records":[{{}},{},{},{{"z":1}}]}}"#, record(limit + 1), record(limit + 2));
            let got = run(&mut pipeline, object.as_bytes().chunks(piece), Pauses::Never);
            assert_eq!(result(&got), error(ErrorKind::RecordTooLarge, 15), "limit {limit}: the first one is named");
            let served: Vec<_> = got.found.iter().map(|found| (found.number, &found.record[..])).collect();
            assert_eq!(served, [(1, "{}"), (4, r#"{"z":1}"#)], "limit {limit}");
            assert_eq!(got.counts.records, 4);
        }
        let mut lines = Pipeline::new(any(), &limits, Layout::Lines);
        let object = format!("{}\n{}\n{}\n", record(limit), record(limit + 1), record(14));
        let got = run(&mut lines, object.as_bytes().chunks(5), Pauses::Never);
        assert_eq!(result(&got), error(ErrorKind::RecordTooLarge, limit + 1));
        assert_eq!(got.found.iter().map(|found| found.number).collect::<Vec<_>>(), [1, 3]);
    }
}

#[test]
fn a_record_far_beyond_the_limit_is_passed_over() {
    let limits = Limits { max_record_bytes: 1 << 10, window_bytes: 1 << 10, ..Limits::default() };
    let mut pipeline = Pipeline::new(any(), &limits, Layout::Files);
    let inside = r#"{"a":["]",{}]},"#.repeat(1 << 20);
    let object = format!(r#"[{{"x":[{inside}0]}},{{"y":1}}]"#);
    let got = run_whole(&mut pipeline, object.as_bytes());
    assert_eq!(result(&got), error(ErrorKind::RecordTooLarge, 1));
    assert_eq!(got.found.len(), 1);
    let cut = run_whole(&mut pipeline, &object.as_bytes()[..1 << 20]);
    assert_eq!(result(&cut), error(ErrorKind::TruncatedRecord, 1));
}

#[test]
fn an_object_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
    let text = format!(r#"[{{"a":1}},{{"b":"{}"}}]"#, "x".repeat(1_000)).into_bytes();
    for object in [text.clone(), gzip(&text), [gzip(&text[..50]), gzip(&text[50..]), gzip(b"")].concat()] {
        for (limit, expected) in [
            (text.len(), Ok(())),
            (text.len() + 1, Ok(())),
            (text.len() - 1, error(ErrorKind::ObjectTooLarge, text.len() - 1)),
            (20, error(ErrorKind::ObjectTooLarge, 20)),
        ] {
            let limits = Limits { max_object_bytes: limit as u64, window_bytes: 64, ..Limits::default() };
            let mut pipeline = Pipeline::new(any(), &limits, Layout::Files);
            for piece in [1, 1 << 20] {
                let got = run(&mut pipeline, object.chunks(piece), Pauses::Never);
                assert_eq!(result(&got), expected, "limit {limit}");
                assert!(!got.found.is_empty(), "what came before the limit is served");
                assert_eq!(got.counts.bytes, text.len().min(limit) as u64);
            }
        }
    }
}

#[test]
fn a_decompression_bomb_stops_at_the_limit() {
    // A gigabyte of spaces, stored in 1 MB: the member is made from one compressed block, over and over.
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    let spaces = vec![b' '; 1 << 20];
    let mut block = Vec::with_capacity(1 << 16);
    deflate.compress_vec(&spaces, &mut block, flate2::FlushCompress::Full).unwrap();
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0];
    let limits = Limits { max_object_bytes: 8 << 20, ..Limits::default() };
    let mut pipeline = Pipeline::new(any(), &limits, Layout::Files);
    let pieces = std::iter::once(&head[..]).chain(std::iter::repeat_n(&block[..], 1 << 10));
    let ((_, _, error), peak, _) = measure(|| read(&mut pipeline, pieces));
    assert_eq!(error.map(|error| (error.kind, error.offset)), Some((ErrorKind::ObjectTooLarge, 8 << 20)));
    assert!(pipeline.counts().stored_bytes <= 10 * block.len() as u64, "it stopped there");
    assert!(peak < 1 << 10, "{peak} bytes");
}

#[test]
fn depth_costs_nothing_where_no_rule_looks() {
    let depth = 100_000;
    let (open, close) = (r#"[{"a":"#.repeat(depth / 2), "}]".repeat(depth / 2));
    let mut pipeline = pipeline(&rules(&[r#"{"eventName":["x"]}"#]));
    for object in [
        format!(r#"[{{"skip":{open}1{close},"eventName":"x"}}]"#),
        format!(r#"{{"skip":{open}1{close},"Records":[{{"eventName":"x"}}]}}"#),
        format!(r#"[{{"eventName":{{"skip":{open}1{close}}},"eventName":"x"}}]"#),
    ] {
        let got = run_whole(&mut pipeline, object.as_bytes());
        assert_eq!((got.result, got.found.len()), (Ok(()), 1));
        // One that closes too much or too little shows at the end.
        for (right, wrong) in [("}]", "}]]"), ("}]", "}"), ("1}", "1")] {
            let wrong = object.replacen(right, wrong, 1);
            assert!(run_whole(&mut pipeline, wrong.as_bytes()).result.is_err(), "{wrong:.50}");
        }
    }
}

#[test]
fn depth_has_a_limit_where_a_rule_looks() {
    let mut pipeline = pipeline(&rules(&[r#"{"a":["x"]}"#]));
    let object = |depth: usize| format!(r#"[{{"a":{}"x"{}}}]"#, "[".repeat(depth), "]".repeat(depth));
    let got = run_whole(&mut pipeline, object(MAX_ARRAY_DEPTH).as_bytes());
    assert_eq!((result(&got), got.found.len()), (Ok(()), 1));
    for depth in [MAX_ARRAY_DEPTH + 1, 100_000] {
        let got = run_whole(&mut pipeline, object(depth).as_bytes());
        assert_eq!(result(&got), error(ErrorKind::TooDeep, 6 + MAX_ARRAY_DEPTH));
    }
}

#[test]
fn depth_has_no_limit_beside_records_nor_in_a_record_that_is_too_large() {
    let limits = Limits { max_record_bytes: 64, window_bytes: 64, ..Limits::default() };
    let mut pipeline = Pipeline::new(any(), &limits, Layout::Files);
    let deep = format!("{}{}", "[{\"a\":".repeat(10_000) + "[]", "}]".repeat(10_000));
    let got = run_whole(&mut pipeline, format!(r#"{{"a":{deep},"Records":[{{}}]}}"#).as_bytes());
    assert_eq!((got.result, got.found.len()), (Ok(()), 1));
    let got = run_whole(&mut pipeline, format!(r#"[{{}},{{"a":{deep}}},{{}}]"#).as_bytes());
    assert_eq!((result(&got), got.found.len()), (error(ErrorKind::RecordTooLarge, 4), 2));
}

#[test]
fn values_in_arrays_have_a_limit() {
    let limits = Limits { max_record_bytes: 8 << 20, ..Limits::default() };
    let mut pipeline = Pipeline::new(rules(&[r#"{"a":{"b":[1]},"c":[1]}"#]), &limits, Layout::Files);
    let object = |values: usize| format!(r#"[{{"c":1,"a":[{}{{"b":1}}]}}]"#, r#"{"b":1},"#.repeat(values - 1));
    let got = run_whole(&mut pipeline, object(MAX_VALUES).as_bytes());
    assert_eq!((result(&got), got.found.len()), (Ok(()), 1));
    // The offset is that of the first value too many.
    let got = run_whole(&mut pipeline, object(MAX_VALUES + 1).as_bytes());
    assert_eq!(result(&got), error(ErrorKind::TooManyValues, 13 + 8 * MAX_VALUES));
}

#[test]
fn matching_that_would_take_for_ever_is_an_error_and_no_miss() {
    // Three fields over arrays of objects of which no element has all: every choice would be tried.
    let mut pipeline =
        pipeline(&rules(&[r#"{"x":["y"]}"#, r#"{"a":{"k":["x"]},"b":{"k":["x"]},"c":{"k":["x"],"l":["x"]}}"#]));
    let array = r#"{"k":"x"},"#.repeat(1_000) + r#"{"l":"x"}"#;
    let object = format!(r#"[{{"x":"y"}},{{"a":[{array}],"b":[{array}],"c":[{array}]}}]"#);
    let got = run_whole(&mut pipeline, object.as_bytes());
    assert_eq!(result(&got), error(ErrorKind::MatchTooLong { rule: 1 }, 11));
    assert_eq!(got.found.len(), 1, "what came before is served");
}

#[test]
fn a_million_empty_records() {
    let mut pipeline = pipeline(&rules(&[r#"{"a":[{"exists":false}]}"#]));
    let piece = b"{},".repeat(1_000);
    let pieces = std::iter::once(&b"["[..]).chain(std::iter::repeat_n(&piece[..], 1_000)).chain([&b"{}]"[..]]);
    let ((matches, records, error), peak, calls) = measure(|| read(&mut pipeline, pieces));
    assert_eq!((matches, records, error), (1_000_001, 1_000_001, None));
    assert!(peak < 4 << 10 && calls < 10, "{peak} bytes in {calls} allocations");
}

#[test]
fn white_space_for_ever() {
    let mut pipeline = pipeline(&any());
    let space = b" \t\r\n".repeat(1 << 18);
    let spaces = || std::iter::repeat_n(&space[..], 64);
    let pieces = [&b"["[..]].into_iter().chain(spaces()).chain([&b"{}]"[..]]);
    let ((matches, _, error), peak, _) = measure(|| read(&mut pipeline, pieces));
    assert_eq!((matches, error), (1, None));
    assert!(peak < 1 << 10, "{peak} bytes");
    let (_, _, error) = read(&mut pipeline, spaces());
    assert_eq!(error.map(|error| (error.kind, error.offset)), Some((ErrorKind::Empty, 64 << 20)));
}

#[test]
fn a_pattern_has_a_limit_of_depth() {
    let depth = 100_000;
    for text in [
        format!("{}[1]{}", r#"{"a":"#.repeat(depth), "}".repeat(depth)),
        format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)),
    ] {
        assert!(Pattern::from_json(&text).is_err());
    }
}

/// A log file of about `bytes`, in which one record in ten matches [`typical`].
fn log(bytes: usize) -> Vec<u8> {
    let mut text = br#"{"Records":["#.to_vec();
    let mut number = 0;
    while text.len() < bytes {
        let name = if number % 10 == 0 { "CreateTopic" } else { "Publish" };
        let items = r#"{"port":22,"ranges":[{"ip":"0.0.0.0\/0"},{"ip":"10.0.0.0/8"}]},"#.repeat(number % 7);
        let record = format!(
            r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","userName":"al\u0069ce {number}"}},"eventSource":"sns.amazonaws.com","event\u004eame":"{name}","requestParameters":{{"items":[{items}{{}}],"text":"{}"}},"eventID":"{number}"}},"#,
            "x".repeat(number * 37 % 1_500)
        );
        text.extend_from_slice(record.as_bytes());
        number += 1;
    }
    text.extend_from_slice(b"{}]}");
    text
}

fn typical() -> Arc<RuleSet> {
    rules(&[
        r#"{"eventSource":["sns.amazonaws.com"],"eventName":["CreateTopic"]}"#,
        r#"{"userIdentity":{"userName":[{"prefix":"bob"}]},"requestParameters":{"text":[{"exists":true}]}}"#,
        r#"{"requestParameters":{"items":{"port":[23],"ranges":{"ip":["0.0.0.0/0"]}}}}"#,
        r#"{"requestParameters":{"items":{"port":[22],"ranges":{"ip":["0.0.0.0/1"]}}}}"#,
    ])
}

#[test]
fn memory_does_not_grow_with_the_object() {
    let rules = typical();
    let (small, large) = (log(2 << 20), log(20 << 20));
    for (limits, plain) in [
        (Limits::default(), true),
        (Limits::default(), false),
        (Limits { max_record_bytes: 8 << 10, window_bytes: 4 << 10, ..Limits::default() }, false),
    ] {
        let peak = |text: &[u8]| {
            let object = if plain { text.to_vec() } else { gzip(text) };
            let ((matches, _, error), peak, _) =
                measure(|| read(&mut Pipeline::new(rules.clone(), &limits, Layout::Files), object.chunks(10_000)));
            assert!(error.is_none() && matches > 100, "{error:?}, {matches} matches");
            peak
        };
        let (small, large) = (peak(&small), peak(&large));
        eprintln!(
            "peak {small} for 2 MB, {large} for 20 MB, by the formula {}; {limits:?}",
            Pipeline::max_bytes(&limits)
        );
        assert!(large.abs_diff(small) <= 64 << 10, "{small} {large}");
        assert!(large <= Pipeline::max_bytes(&limits), "{large}");
    }
}

#[test]
fn a_second_object_allocates_nothing() {
    let mut pipeline = pipeline(&typical());
    let text = log(2 << 20);
    for object in [text.clone(), gzip(&text), [gzip(&text), gzip(b"[{}]")].concat()] {
        let ((matches, records, error), ..) = measure(|| read(&mut pipeline, object.chunks(10_000)));
        assert!(error.is_none() && matches > 100 && records > 1_000);
        let (again, peak, calls) = measure(|| read(&mut pipeline, object.chunks(10_000)));
        assert_eq!(again, (matches, records, None));
        assert_eq!((peak, calls), (0, 0), "bytes and allocations");
    }
}

#[test]
fn what_a_pipeline_allocates_at_once_is_the_buffer_of_the_formula() {
    for limits in [Limits::default(), Limits { max_record_bytes: 8 << 20, window_bytes: 1 << 20, ..Limits::default() }]
    {
        let rules = any();
        let (pipeline, peak, _) = measure(|| Pipeline::new(rules, &limits, Layout::Files));
        drop(pipeline);
        // Of what only hostile input needs, nothing is there yet.
        let expected = (limits.max_record_bytes + limits.window_bytes) * 13 / 8 + (64 << 10);
        assert!(peak <= expected && expected < Pipeline::max_bytes(&limits), "{peak} bytes, expected {expected}");
    }
}

/// The objects that make all that can grow, grow.
#[test]
fn hostile_objects_stay_within_the_formula() {
    let limits = Limits::default();
    let fill = limits.max_record_bytes - 100;
    let rules = rules(&[
        r#"{"a":{"b":[1]},"c":[{"exists":true}]}"#,
        // A choice of elements has to be searched for, over what is listed and what must be absent.
        r#"{"a":{"b":[1],"d":[{"anything-but":[1,2]}],"e":[{"exists":false}]}}"#,
    ]);
    let values = format!(r#"[{{"a":[{}{{}}]}}]"#, r#"{"b":1},"#.repeat(fill / 8));
    let text = format!(r#"[{{"c":"\n{}"}}]"#, "x".repeat(fill));
    let key = format!(r#"[{{"\n{}":1}}]"#, "x".repeat(fill));
    let deep = format!(r#"{{"x":{}"#, "[".repeat(1 << 20));
    let frames = format!(r#"[{{"a":[{}0]}}]"#, "{},".repeat(fill / 3));
    // Of what is listed a value for each element; and elements each of which lacks something.
    let listed = format!(r#"[{{"a":[{}{{}}]}}]"#, r#"{"d":1},{"d":2},"#.repeat(fill / 16));
    let search = format!(r#"[{{"a":[{}{{}}]}}]"#, r#"{"b":1},{"d":1},{"e":1},{"d":3},"#.repeat(fill / 32));
    let objects = [
        ("values", values),
        ("text", text),
        ("key", key),
        ("deep", deep),
        ("frames", frames),
        ("listed", listed),
        ("search", search),
    ];
    let before = LIVE.get();
    let read_all = || {
        let mut pipeline = Pipeline::new(rules, &limits, Layout::Files);
        for (what, object) in &objects {
            read(&mut pipeline, object.as_bytes().chunks(10_000));
            eprintln!("peak {} after {what}", PEAK.get() - before);
        }
    };
    let ((), peak, _) = measure(read_all);
    assert!(peak <= Pipeline::max_bytes(&limits), "{peak} bytes, and by the formula {}", Pipeline::max_bytes(&limits));
}
