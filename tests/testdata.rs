//! The committed test data are what their generator makes, and nothing else.
#![allow(clippy::unwrap_used, reason = "helpers of a test, where a panic is a failure")]

#[path = "../testdata/generate.rs"]
mod generate;

use flate2::read::DeflateDecoder;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// Written by hand.
const SOURCES: [&str; 6] = ["README.md", "faults.rs", "generate.rs", "maker.rs", "records.rs", "triggers.rs"];

/// Length of the gzip header, which has no optional parts here.
const HEADER: usize = 10;

#[test]
fn committed_files_are_the_generated_ones() {
    let mut committed = committed();
    let mut table = None;
    let mut sizes = BTreeMap::new();
    for (path, made) in generate::files() {
        let found = committed.remove(&path).unwrap_or_else(|| panic!("{path} is missing; run the generator"));
        sizes.insert(path.clone(), found.len());
        if path.ends_with("truncated.json.gz") {
            same_up_to_the_cut(&found, &made);
        } else if path.ends_with("expected.tsv") {
            table = Some(String::from_utf8(found).unwrap());
        } else {
            assert!(unpacked(&found) == unpacked(&made), "{path} differs; run the generator");
        }
    }
    for source in SOURCES {
        assert!(committed.remove(source).is_some(), "{source} is missing");
    }
    assert!(committed.is_empty(), "stray files: {:?}", committed.keys());

    // Places in compressed data depend on the compressor, so the table is
    // compared for the files as they were committed.
    let expected = generate::expected(|file| sizes[&format!("malformed/{file}")]);
    assert_eq!(table.unwrap(), expected);
}

/// All files below `testdata/`.
fn committed() -> BTreeMap<String, Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                files.insert(below, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Both are cut inside their only member, perhaps not at the same place.
fn same_up_to_the_cut(one: &[u8], other: &[u8]) {
    let [one, other] = [one, other].map(|stored| {
        let (mut text, mut byte) = (Vec::new(), [0]);
        let mut decoder = DeflateDecoder::new(&stored[HEADER..]);
        let end = loop {
            match decoder.read(&mut byte) {
                Ok(0) => break Ok(()),
                Ok(_) => text.push(byte[0]),
                Err(error) => break Err(error.kind()),
            }
        };
        assert_eq!(end, Err(ErrorKind::UnexpectedEof));
        text
    });
    assert!(one.starts_with(&other) || other.starts_with(&one), "cut from different data; run the generator");
}

/// What a file holds, whatever compressed it: of each gzip member the text and
/// the trailer as it stands, right or wrong, and then the bytes that follow.
fn unpacked(mut stored: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    while stored.starts_with(b"\x1f\x8b") {
        let mut decoder = DeflateDecoder::new(&stored[HEADER..]);
        let mut text = Vec::new();
        decoder.read_to_end(&mut text).unwrap();
        let trailer = HEADER + decoder.total_in() as usize;
        parts.push(text);
        parts.push(stored[trailer..trailer + 8].to_vec());
        stored = &stored[trailer + 8..];
    }
    parts.push(stored.to_vec());
    parts
}
