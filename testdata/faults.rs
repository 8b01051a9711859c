//! The files of `malformed/`, and what is to be found wrong with each.

use super::maker::Maker;
use super::{document, gzip};
use std::fmt::Write as _;

/// An object that cannot be read to its end.
pub struct Fault {
    pub file: &'static str,
    pub kind: &'static str,
    pub stored: Vec<u8>,
    pub at: At,
    /// Records on CreateTopic that are found all the same.
    pub matches: usize,
}

/// Where a fault shows.
pub enum At {
    /// So many bytes before the end of the object as stored.
    End(usize),
    /// This byte of the decompressed object.
    Text(usize),
}

/// All of `malformed/`, in the order of its table.
pub fn faults() -> Vec<Fault> {
    let mut maker = Maker::new(11, "123456789012", "eu-west-1");
    let records = maker.records("create-topic decrypt create-topic");
    let three = document(&records);
    // Enough of them that the first one lies well before the middle.
    let six = document(&maker.records("create-topic decrypt get-object put-alarm run-task create-topic"));
    let second = three.find(&records[1]).unwrap();
    let third = three.find(&records[2]).unwrap();
    let fault = |file, kind, stored, at, matches| Fault { file, kind, stored, at, matches };
    let patched = |from_end: usize| {
        let mut stored = gzip(&three);
        let at = stored.len() - from_end;
        stored[at] ^= 0xff;
        stored
    };
    let truncated = gzip(&six);
    // An opening brace closed by the bracket of the other type.
    let brace = third - 2;
    let bracket = format!("{}]{}", &three[..brace], &three[third - 1..]);
    let large = records[1].replace("SYMMETRIC_DEFAULT", &"A".repeat(1_200_000));
    let no_records = r#"{"hello":"world"}"#;
    vec![
        fault("truncated.json.gz", "GzipTruncated", truncated[..truncated.len() / 2].to_vec(), At::End(0), 1),
        fault("checksum.json.gz", "GzipChecksum", patched(8), At::End(8), 2),
        fault("length.json.gz", "GzipLength", patched(4), At::End(8), 2),
        fault("garbage.json.gz", "GzipTrailing", [&gzip(&three)[..], b"garbage"].concat(), At::End(7), 2),
        fault("not-json.json.gz", "Malformed", gzip("This is no JSON.\n"), At::Text(0), 0),
        fault("no-records.json.gz", "NoRecords", gzip(no_records), At::Text(no_records.len() - 1), 0),
        // What is behind the record that is too large is read.
        fault(
            "oversize.json.gz",
            "RecordTooLarge",
            gzip(&document(&[records[0].clone(), large, records[2].clone()])),
            At::Text(second),
            2,
        ),
        fault("zero.json.gz", "Empty", Vec::new(), At::Text(0), 0),
        fault("bracket.json.gz", "Malformed", gzip(&bracket), At::Text(brace), 1),
        fault("cut.json.gz", "TruncatedRecord", gzip(&three[..third + 500]), At::Text(third), 1),
        fault(
            "record-not-object.json.gz",
            "RecordNotObject",
            gzip(&document(&[records[0].clone(), "42".into(), records[2].clone()])),
            At::Text(second),
            2,
        ),
    ]
}

/// The table of `malformed/`, for files of these sizes as stored: they may be
/// others where another version of the compressor made the files.
pub fn expected(size: impl Fn(&str) -> usize) -> String {
    let mut table = String::from("file\terror\toffset\tmatches\n");
    for fault in faults() {
        let offset = match fault.at {
            At::End(before) => size(fault.file) - before,
            At::Text(offset) => offset,
        };
        writeln!(table, "{}\t{}\t{offset}\t{}", fault.file, fault.kind, fault.matches).unwrap();
    }
    table
}
