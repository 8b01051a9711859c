//! The contracts of the stages as properties: what a call takes and gives, what a pause, an error, the end and a reset
//! mean, for objects, pieces and limits that proptest makes up and, when one fails, makes small.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{gzip, rules, run_whole};
use proptest::collection::vec;
use proptest::prelude::*;
use std::ops::ControlFlow;
use trailwire::buffer::Buffer;
use trailwire::inflate::{Inflater, Progress};
use trailwire::picker::Picker;
use trailwire::records::{Read, RecordReader};
use trailwire::scan::{Carry, GROUP, Group, classify};
use trailwire::{Error, Layout, Limits, Match, Pipeline, Step};

/// What documents are made of: most orders of these are invalid, and early.
const TOKENS: [&str; 24] = [
    "{\"Records\":[",
    "]}",
    "{\"a\":1}",
    "{\"a\":{\"b\":[1,\"x\\\"]\"]}}",
    "{\"eventName\":\"A\",\"a\":\"x\"}",
    ",",
    "{",
    "}",
    "[",
    "]",
    ":",
    "\"",
    "\\",
    "\"Records\"",
    "\"k\":",
    "\"\\u0041\"",
    "12.5e3",
    "null",
    "tru",
    " \n",
    "é",
    "\u{1}",
    "x",
    "{\"k\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
];

/// The longest key that is kept to look at, with its quote: see `RecordReader::keep`.
const LONGEST_KEY: usize = 73;

fn tokens() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(&TOKENS[..]), 0..24).prop_map(|tokens| tokens.concat().into_bytes())
}

/// A log file, nearly always.
fn log() -> impl Strategy<Value = Vec<u8>> {
    let record = prop::sample::select(&TOKENS[2..5]);
    vec(record, 0..12).prop_map(|records| format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes())
}

/// Bytes as they may be stored: log files and damaged ones, plain, in gzip members, cut off, with a bit turned.
fn object() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![4 => log(), 2 => tokens(), 1 => vec(any::<u8>(), 0..80)];
    let damage = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<bool>(), 0..8u8));
    (text, any::<prop::sample::Index>(), 0..3, damage).prop_map(|(text, half, members, damage)| {
        let half = half.index(text.len() + 1);
        let mut stored = match members {
            0 => text,
            1 => gzip(&text),
            _ => [gzip(&text[..half]), gzip(&text[half..])].concat(),
        };
        match damage {
            Some((at, true, _)) => stored.truncate(at.index(stored.len() + 1)),
            Some((at, false, bit)) if !stored.is_empty() => {
                let at = at.index(stored.len());
                stored[at] ^= 1 << bit;
            }
            _ => {}
        }
        stored
    })
}

/// Sizes of pieces, for ever; some are empty.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1 => Just(0), 6 => 1..8usize, 2 => 8..200usize], 1..12)
        .prop_filter("some are not empty", |sizes| sizes.iter().any(|&size| size > 0))
}

fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut sizes = sizes.iter().cycle();
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((*sizes.next().unwrap()).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn limits() -> impl Strategy<Value = Limits> {
    (1..200usize, prop_oneof![1..200usize, 200..2_000usize], prop_oneof![1 => 0..300u64, 3 => Just(1 << 20)]).prop_map(
        |(max_record_bytes, window_bytes, max_object_bytes)| Limits {
            max_record_bytes,
            window_bytes,
            max_object_bytes,
        },
    )
}

fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Files), Just(Layout::Lines)]
}

/// All that is given for an object, by the contract of [`Inflater::inflate`].
fn inflate(
    inflater: &mut Inflater,
    object: &[u8],
    inputs: &[usize],
    outputs: &[usize],
) -> (Vec<u8>, Result<(), Error>) {
    let (mut given_bytes, mut taken_bytes) = (Vec::new(), 0);
    let mut outputs = outputs.iter().cycle();
    for mut input in pieces(object, inputs) {
        loop {
            let mut output = vec![0; *outputs.next().unwrap()];
            let (result, taken, given) = inflater.inflate(input, &mut output);
            assert!(taken <= input.len() && given <= output.len(), "more than there was");
            taken_bytes += taken;
            assert_eq!(inflater.taken(), taken_bytes as u64);
            given_bytes.extend_from_slice(&output[..given]);
            input = &input[taken..];
            match result {
                Ok(Progress::InputEmpty) => break assert!(input.is_empty(), "asks for more with some left"),
                Ok(Progress::OutputFull) => assert_eq!(given, output.len(), "full with room left"),
                Err(error) => return (given_bytes, Err(error)),
            }
        }
    }
    (given_bytes, inflater.finish())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inflate_takes_and_gives_what_it_says_and_a_reset_makes_it_new(
        first in object(), second in object(), inputs in sizes(), outputs in sizes()
    ) {
        let whole = inflate(&mut Inflater::new(), &second, &[second.len().max(1)], &[1 << 16]);
        let mut used = Inflater::new();
        // Left wherever the first one ends: inside a member, after an error, or done.
        let _ = inflate(&mut used, &first, &inputs, &outputs);
        used.reset();
        prop_assert_eq!(used.taken(), 0);
        prop_assert_eq!(inflate(&mut used, &second, &inputs, &outputs), whole);
    }

    #[test]
    fn a_pipeline_gives_the_same_in_any_pieces_with_any_pauses_after_any_object(
        first in object(), second in object(), sizes in sizes(), pauses in vec(any::<bool>(), 1..5),
        limits in limits(), layout in layout()
    ) {
        let rules = rules(&[r#"{"a":[1]}"#, r#"{"a":[{"exists":true}]}"#, r#"{"k":[{"exists":false}]}"#]);
        let whole = run_whole(&mut Pipeline::new(rules.clone(), &limits, layout), &second).normal();

        let mut used = Pipeline::new(rules, &limits, layout);
        // Left in the middle: fed, but not finished.
        let mut nobody = |_: &Match<'_>| ControlFlow::Break(());
        let _ = used.feed(&first, &mut nobody);
        used.reset();
        prop_assert_eq!(used.counts(), trailwire::Counts::default());

        let (mut found, mut calls, mut pauses) = (Vec::new(), 0_usize, pauses.iter().cycle());
        let mut sink = |it: &Match<'_>| {
            calls += 1;
            found.push((it.number, it.offset, it.rules.to_vec(), String::from_utf8_lossy(it.record).into_owned()));
            if *pauses.next().unwrap() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let (mut error, mut stored) = (None, 0);
        'pieces: for mut piece in pieces(&second, &sizes) {
            loop {
                let (step, taken) = used.feed(piece, &mut sink);
                prop_assert!(taken <= piece.len());
                stored += taken as u64;
                prop_assert_eq!(used.counts().stored_bytes, stored);
                piece = &piece[taken..];
                match step {
                    Ok(Step::InputEmpty) => { prop_assert!(piece.is_empty()); break }
                    Ok(Step::Paused) => {}
                    Ok(Step::End) => prop_assert!(false, "only finish ends an object"),
                    Err(it) => { error = Some(it); break 'pieces }
                }
            }
        }
        let end = loop {
            match used.finish(&mut sink) {
                Ok(Step::Paused) => {}
                Ok(step) => { prop_assert_eq!(step, Step::End); break Ok(()) }
                Err(it) => break Err(it),
            }
        };
        // An error and the end both stay, take nothing and give nothing.
        if let Some(error) = error {
            prop_assert_eq!(end, Err(error));
        }
        prop_assert_eq!(used.finish(&mut sink).map(|_| ()), end);
        let (again, taken) = used.feed(b"[{\"a\":1}]", &mut sink);
        prop_assert_eq!((again.map(|_| ()), taken), (end, 0));
        let expected: Vec<_> =
            whole.found.into_iter().map(|it| (it.number, it.offset, it.rules, it.record)).collect();
        prop_assert_eq!(calls, found.len());
        prop_assert_eq!((found, end), (expected, whole.result));
    }

    #[test]
    fn a_reader_keeps_only_what_is_left_and_reads_the_same_from_windows_of_any_size(
        text in prop_oneof![log(), tokens()], sizes in sizes(), limits in limits(), layout in layout()
    ) {
        let read = |sizes: &[usize]| -> Result<_, TestCaseError> {
            let (mut buffer, mut reader) = (Buffer::new(&limits), RecordReader::new(&limits, layout));
            let (mut rest, mut sizes) = (&text[..], sizes.iter().cycle());
            let (mut records, mut kept, mut arrived) = (Vec::new(), 0, 0);
            loop {
                let window = buffer.window();
                loop {
                    match reader.read(&window) {
                        Ok(Read::Record(record)) => {
                            let bytes = &window.bytes[record.start..record.end];
                            prop_assert_eq!(record.offset, window.origin + record.start as u64);
                            prop_assert_eq!((bytes.first(), bytes.last()), (Some(&b'{'), Some(&b'}')));
                            prop_assert!(bytes.len() <= limits.max_record_bytes);
                            records.push((record.number, record.offset, bytes.to_vec()));
                        }
                        Ok(Read::InputEmpty) => break,
                        Err(error) => return Ok((records, Err(error))),
                    }
                }
                if rest.is_empty() {
                    return Ok((records, reader.finish()));
                }
                let keep = reader.keep();
                prop_assert!(kept <= keep && keep <= arrived, "what was let go does not come back");
                let most = limits.max_record_bytes.max(LONGEST_KEY) as u64;
                prop_assert!(arrived - keep <= most, "one record or key at most");
                kept = keep;
                buffer.roll(keep);
                let spare = buffer.spare();
                prop_assert!(!spare.is_empty(), "no room for more");
                let n = (*sizes.next().unwrap()).min(rest.len()).min(spare.len());
                spare[..n].copy_from_slice(&rest[..n]);
                buffer.fill(n);
                arrived += n as u64;
                rest = &rest[n..];
            }
        };
        prop_assert_eq!(read(&sizes)?, read(&[usize::MAX])?);
    }

    #[test]
    fn a_scan_is_the_same_in_any_number_of_calls(
        text in vec(prop::sample::select(&b"\"\"\\\\{}[]:, a\xff"[..]), 0..4_000), sizes in sizes()
    ) {
        let mut text = text;
        text.resize(text.len().next_multiple_of(GROUP), b' ');
        let (bytes, _) = text.as_chunks::<GROUP>();
        let mut whole = vec![Group::default(); bytes.len()];
        let whole = (classify(bytes, &mut whole, &mut Carry::default()), whole);
        let (mut groups, mut carry, mut done) = (vec![Group::default(); bytes.len()], Carry::default(), 0);
        let mut stray = None;
        for size in sizes.iter().cycle() {
            let end = bytes.len().min(done + size);
            let first = classify(&bytes[done..end], &mut groups[done..end], &mut carry);
            stray = stray.or(first.map(|at| done * GROUP + at));
            done = end;
            if done == bytes.len() {
                break;
            }
        }
        prop_assert_eq!((stray, groups), whole);
    }

    #[test]
    fn a_picker_knows_nothing_of_the_record_before(first in tokens(), second in tokens()) {
        let pick = |picker: &mut Picker, record: &[u8]| {
            let mut found = Vec::new();
            let result = picker.pick(record, |slot, value| found.push((slot, format!("{value:?}"))));
            (found, result)
        };
        let picker = || {
            let mut picker = Picker::new();
            for path in ["a", "a.b", "k", "eventName"] {
                picker.want(path);
            }
            picker
        };
        let object = |inside: &[u8]| {
            // Only balanced text is a record; what is inside need not be JSON.
            let mut spans = run_whole(&mut Pipeline::new(common::any(), &Limits::default(), Layout::Files), &[b"[{", inside, b"}]"].concat());
            spans.found.pop().map(|it| it.record.into_bytes())
        };
        let (Some(first), Some(second)) = (object(&first), object(&second)) else { return Ok(()) };
        let mut used = picker();
        let _ = pick(&mut used, &first);
        prop_assert_eq!(pick(&mut used, &second), pick(&mut picker(), &second));
    }
}
