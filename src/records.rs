//! Finds the records of a CloudTrail log file, one span each.
//!
//! In: a [`Window`] on the object, again after each time it grew. Out: one [`Record`]
//! at a time, in place. Kept between calls: the state below, and an offset; never
//! bytes. The next window has to begin no earlier than what [`RecordReader::keep`]
//! names, at most one record before its end.
//!
//! Read are `{"Records":[…]}` with other keys before and after, in any order
//! and more than once; a top-level array of records; several of either, one
//! behind the other, as concatenated members give; and, where the caller asks
//! for it, a record by itself at the top level ([`Layout::Lines`]), known by the
//! keys that CloudTrail gives to every record.
//!
//! Validated here: everything outside records that leads to one, that as many
//! brackets close as open, and that strings end. A record's inside is for
//! [`crate::fields`], and only where a rule looks; values beside `Records` are
//! checked like skipped ones: balanced and terminated.

use crate::buffer::{Container, Window};
use crate::json;
use crate::limits::LONGEST_KEY;
use crate::{Error, ErrorKind, Expected, Limits};

/// What an object may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Log files: `{"Records":[…]}` or an array of records.
    #[default]
    Files,
    /// Also records by themselves, one behind the other: one per line, or
    /// printed over several.
    Lines,
}

/// One record: a JSON object, from brace to brace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Position of the opening brace in the window.
    pub start: usize,
    /// Position behind the closing brace.
    pub end: usize,
    /// Offset of the opening brace in the object.
    pub offset: u64,
    /// Number in the object, from 1.
    pub number: u64,
}

/// How a call to [`RecordReader::read`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The next record. It stays valid as long as the window does.
    Record(Record),
    /// Everything held was read; more bytes are needed.
    InputEmpty,
}

/// Splits an object into its records.
pub struct RecordReader {
    layout: Layout,
    max_record_bytes: u64,
    state: State,
    /// Offset of the next byte to look at.
    at: u64,
    /// Offset of the first byte of the key or value in progress.
    start: u64,
    /// What the value in progress is,
    role: Role,
    /// and what comes behind it, if it is skipped.
    behind: State,
    /// The object or array in progress.
    container: Container,
    /// The top-level object being read, if there is one.
    document: Option<Document>,
    /// Records found, including those that were too large.
    records: u64,
    /// Whether any top-level value was found.
    found_any: bool,
    /// What is wrong with the first record that costs no other; reported once all
    /// others are given out.
    passed_over: Option<Error>,
}

/// A top-level object, while it is not known to be a log file or a record.
#[derive(Clone, Copy)]
struct Document {
    /// Offset of its brace.
    start: u64,
    has_records: bool,
    /// Whether it has a key of [`RECORD_KEYS`].
    has_record_key: bool,
    /// Whether the key in progress is `Records`.
    key_is_records: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between top-level values.
    Top,
    /// In a document: before a key; a closing brace may come too after the
    /// opening one.
    Key { or_close: bool },
    /// In a document: inside a key.
    InKey,
    /// In a document: before the colon.
    Colon,
    /// In a document: before a value.
    Value,
    /// In a document: behind a value.
    Comma,
    /// In an array of records: before one.
    Element { or_close: bool },
    /// In an array of records: behind one.
    ElementComma,
    /// Inside an object or array that is walked over.
    InContainer,
    /// Inside a string that is skipped.
    InString,
    /// Inside a number or a literal that is skipped.
    InScalar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Record,
    Skipped,
}

/// Keys of which every record has some (aggregated ones have `eventId`), and
/// neither a digest nor an invocation event has any at its top level.
pub(crate) const RECORD_KEYS: [&[u8]; 7] =
    [b"eventVersion", b"eventName", b"eventSource", b"eventTime", b"eventType", b"eventID", b"eventId"];

impl RecordReader {
    /// A reader for one object after another.
    #[must_use]
    pub fn new(limits: &Limits, layout: Layout) -> Self {
        Self {
            layout,
            max_record_bytes: limits.max_record_bytes as u64,
            state: State::Top,
            at: 0,
            start: 0,
            role: Role::Skipped,
            behind: State::Comma,
            container: Container::new(b'{', 0),
            document: None,
            records: 0,
            found_any: false,
            passed_over: None,
        }
    }

    /// Makes ready for the next object.
    pub fn reset(&mut self) {
        (self.state, self.document, self.passed_over) = (State::Top, None, None);
        (self.at, self.start, self.records, self.found_any) = (0, 0, 0, false);
    }

    /// The first byte that has to be in the window at the next call. It lies at
    /// most `max_record_bytes` before the end of what was read, or 73 bytes if
    /// that is more: the longest key that is looked at, and its quote.
    #[must_use]
    pub fn keep(&self) -> u64 {
        let in_progress = match self.state {
            State::InKey => self.at - self.start <= LONGEST_KEY as u64 + 1,
            State::InContainer => self.role == Role::Record && self.fits(self.start),
            _ => false,
        };
        let keep = if in_progress { self.start } else { self.at };
        match self.document {
            Some(document) if self.may_be_record(document) && self.fits(document.start) => keep.min(document.start),
            _ => keep,
        }
    }

    /// Records found so far, with those that were too large.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    fn fits(&self, start: u64) -> bool {
        self.at - start <= self.max_record_bytes
    }

    fn may_be_record(&self, document: Document) -> bool {
        self.layout == Layout::Lines && !document.has_records
    }

    /// Reads on to the next record in `window`.
    ///
    /// # Termination
    /// The end of the object is told by [`finish`](Self::finish). `InputEmpty`
    /// means that every byte of the window was read.
    ///
    /// # Errors
    /// Malformed JSON outside records, a last bracket of the wrong type, and what is
    /// no log file. Afterwards only [`reset`](Self::reset) makes sense. A
    /// record that is too large, or no object, is no error here but in `finish`.
    // Part of the loop over records: a call for each was half a percent of all.
    #[inline(always)]
    pub fn read(&mut self, window: &Window<'_>) -> Result<Read, Error> {
        loop {
            let at = (self.at - window.origin) as usize;
            let Some(&byte) = window.bytes.get(at) else { return Ok(Read::InputEmpty) };
            // From one record to the next, as nearly always, in one step.
            if self.state == State::ElementComma && window.bytes[at..].starts_with(b",{") {
                self.at += 1;
                self.container_begins(window, b'{', Role::Record);
            }
            let done = match self.state {
                State::InContainer => match self.walk(window)? {
                    Some(end) => self.value_ends(window, end),
                    None => return Ok(Read::InputEmpty),
                },
                State::InString | State::InKey => {
                    let Some(quote) = window.next_quote(at) else {
                        self.at = window.origin + window.bytes.len() as u64;
                        return Ok(Read::InputEmpty);
                    };
                    self.at = window.origin + quote as u64 + 1;
                    if self.state == State::InKey {
                        self.key_ends(window, quote)?;
                    } else {
                        self.state = self.behind;
                    }
                    None
                }
                State::InScalar if json::is_scalar(byte) => {
                    self.at += 1;
                    None
                }
                State::InScalar => {
                    self.state = self.behind;
                    None
                }
                _ if json::is_space(byte) => {
                    self.at += 1;
                    None
                }
                _ => self.structure(window, byte)?,
            };
            if let Some(record) = done {
                return Ok(Read::Record(record));
            }
        }
    }

    /// Takes one byte of the structure that leads to records.
    fn structure(&mut self, window: &Window<'_>, byte: u8) -> Result<Option<Record>, Error> {
        self.state = match (self.state, byte) {
            (State::Top, b'{') => {
                self.found_any = true;
                self.document =
                    Some(Document { start: self.at, has_records: false, has_record_key: false, key_is_records: false });
                State::Key { or_close: true }
            }
            (State::Top, b'[') => {
                self.found_any = true;
                State::Element { or_close: true }
            }
            (State::Top, _) => return Err(self.malformed(Expected::Document)),

            (State::Key { .. }, b'"') => {
                self.start = self.at;
                State::InKey
            }
            (State::Key { or_close: true } | State::Comma, b'}') => return self.document_ends(window),
            (State::Key { .. }, _) => return Err(self.malformed(Expected::Key)),
            (State::Colon, b':') => State::Value,
            (State::Colon, _) => return Err(self.malformed(Expected::Colon)),
            (State::Comma, b',') => State::Key { or_close: false },
            (State::Comma, _) => return Err(self.malformed(Expected::CommaOrClose)),

            (State::Value, b'[') if self.key_is_records() => State::Element { or_close: true },
            (State::Value, _) if self.key_is_records() => return Err(Error::new(ErrorKind::RecordsNotArray, self.at)),
            (State::Value, _) => {
                self.skip(window, byte, State::Comma)?;
                return Ok(None);
            }

            (State::Element { .. }, b'{') => {
                self.container_begins(window, byte, Role::Record);
                return Ok(None);
            }
            (State::Element { or_close: true } | State::ElementComma, b']') => match self.document {
                Some(_) => State::Comma,
                None => State::Top,
            },
            // It costs no other record.
            (State::Element { .. }, _) => {
                let error = Error::new(ErrorKind::RecordNotObject, self.at);
                self.skip(window, byte, State::ElementComma)?;
                self.pass_over(error);
                return Ok(None);
            }
            (State::ElementComma, b',') => State::Element { or_close: false },
            (State::ElementComma, _) => return Err(self.malformed(Expected::CommaOrClose)),

            // These have been dealt with byte by byte.
            (State::InKey | State::InContainer | State::InString | State::InScalar, _) => self.state,
        };
        self.at += 1;
        Ok(None)
    }

    fn key_is_records(&self) -> bool {
        self.document.is_some_and(|document| document.key_is_records)
    }

    /// Begins to skip the value that begins with `byte`.
    fn skip(&mut self, window: &Window<'_>, byte: u8, behind: State) -> Result<(), Error> {
        self.behind = behind;
        self.state = match byte {
            b'{' | b'[' => {
                self.container_begins(window, byte, Role::Skipped);
                return Ok(());
            }
            b'"' => State::InString,
            _ if json::is_scalar(byte) => State::InScalar,
            _ => return Err(self.malformed(Expected::Value)),
        };
        self.at += 1;
        Ok(())
    }

    /// Takes the opening bracket of an object or array.
    fn container_begins(&mut self, window: &Window<'_>, bracket: u8, role: Role) {
        debug_assert_eq!(window.depth((self.at - window.origin) as usize), self.depth(), "the scan counts the same");
        self.container = Container::new(bracket, self.depth());
        (self.role, self.start, self.state) = (role, self.at, State::InContainer);
        self.at += 1;
    }

    /// The brackets that are open around a value: those of the document and of the array.
    fn depth(&self) -> i64 {
        let in_array = matches!(self.state, State::Element { .. } | State::ElementComma);
        i64::from(self.document.is_some()) + i64::from(in_array)
    }

    /// Walks to the end of the object or array in progress, and returns the position
    /// behind it.
    fn walk(&mut self, window: &Window<'_>) -> Result<Option<usize>, Error> {
        let at = (self.at - window.origin) as usize;
        let end = self
            .container
            .walk(window, at)
            .map_err(|(expected, at)| Error::new(ErrorKind::Malformed(expected), window.origin + at as u64))?;
        self.at = window.origin + end.unwrap_or(window.bytes.len()) as u64;
        Ok(end)
    }

    fn value_ends(&mut self, window: &Window<'_>, end: usize) -> Option<Record> {
        match self.role {
            Role::Skipped => {
                self.state = self.behind;
                None
            }
            Role::Record => {
                self.state = State::ElementComma;
                self.record(window, self.start, end)
            }
        }
    }

    fn key_ends(&mut self, window: &Window<'_>, quote: usize) -> Result<(), Error> {
        let key_bytes = self.at - self.start - 2;
        if let Some(document) = &mut self.document {
            document.key_is_records = false;
            if key_bytes <= LONGEST_KEY as u64 {
                let first = (self.start - window.origin) as usize + 1;
                let mut scratch = Vec::new();
                let key = json::string::unescape(&window.bytes[first..quote], &mut scratch)
                    .map_err(|(expected, at)| Error::new(ErrorKind::Malformed(expected), self.start + 1 + at as u64))?;
                document.key_is_records = key == b"Records";
                document.has_records |= document.key_is_records;
                document.has_record_key |= RECORD_KEYS.contains(&key);
            }
        }
        self.state = State::Colon;
        Ok(())
    }

    /// Takes the closing brace of a top-level object.
    fn document_ends(&mut self, window: &Window<'_>) -> Result<Option<Record>, Error> {
        let Some(document) = self.document.take() else { return Err(self.malformed(Expected::Document)) };
        let at = self.at;
        self.at += 1;
        self.state = State::Top;
        if document.has_records {
            if self.layout == Layout::Lines && document.has_record_key {
                self.pass_over(Error::new(ErrorKind::Ambiguous, at));
            }
            return Ok(None);
        }
        let no_records = Error::new(ErrorKind::NoRecords, at);
        match self.layout {
            Layout::Files => Err(no_records),
            Layout::Lines if document.has_record_key => {
                Ok(self.record(window, document.start, (self.at - window.origin) as usize))
            }
            // One line that is no record costs no other.
            Layout::Lines => {
                self.pass_over(no_records);
                Ok(None)
            }
        }
    }

    /// Counts the record that began at `start` and ends at `end` in the window;
    /// `None` if it is too large.
    fn record(&mut self, window: &Window<'_>, start: u64, end: usize) -> Option<Record> {
        self.records += 1;
        if !self.fits(start) {
            self.pass_over(Error::new(ErrorKind::RecordTooLarge, start));
            return None;
        }
        let first = (start - window.origin) as usize;
        Some(Record { start: first, end, offset: start, number: self.records })
    }

    /// Notes what is wrong with a record that is known to end: the others are read
    /// all the same, and [`finish`](Self::finish) reports the first such error.
    pub fn pass_over(&mut self, error: Error) {
        self.passed_over.get_or_insert(error);
    }

    fn malformed(&self, expected: Expected) -> Error {
        Error::new(ErrorKind::Malformed(expected), self.at)
    }

    /// Says that the object has ended.
    ///
    /// # Errors
    /// `Truncated`, `TruncatedRecord`, `Empty`; or, now that all others were
    /// given out, what was wrong with the first top-level object or record that
    /// was [passed over](Self::pass_over).
    pub fn finish(&self) -> Result<(), Error> {
        match self.state {
            State::InContainer if self.role == Role::Record => Err(Error::new(ErrorKind::TruncatedRecord, self.start)),
            State::Top if self.found_any => self.passed_over.map_or(Ok(()), Err),
            State::Top => Err(Error::new(ErrorKind::Empty, self.at)),
            _ => Err(Error::new(ErrorKind::Truncated, self.at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Buffer;

    /// All records of a text, as offset and bytes, and how reading it ended.
    fn read(text: &str, layout: Layout) -> (Vec<(u64, String)>, Result<(), Error>) {
        let limits = Limits { max_record_bytes: 1 << 10, window_bytes: 64, ..Limits::default() };
        let (mut buffer, mut reader) = (Buffer::new(&limits), RecordReader::new(&limits, layout));
        let mut records = Vec::new();
        for piece in text.as_bytes().chunks(5) {
            buffer.roll(reader.keep());
            buffer.spare()[..piece.len()].copy_from_slice(piece);
            buffer.fill(piece.len());
            let window = buffer.window();
            loop {
                match reader.read(&window) {
                    Ok(Read::Record(record)) => {
                        let bytes = window.bytes[record.start..record.end].to_vec();
                        records.push((record.offset, String::from_utf8(bytes).unwrap()));
                        assert_eq!(record.number, reader.records());
                    }
                    Ok(Read::InputEmpty) => break,
                    Err(error) => return (records, Err(error)),
                }
            }
        }
        (records, reader.finish())
    }

    fn spans(text: &str, layout: Layout) -> Vec<(u64, String)> {
        let (records, end) = read(text, layout);
        assert_eq!(end, Ok(()), "{text}");
        for (offset, record) in &records {
            assert!(text[*offset as usize..].starts_with(&record[..]), "{offset} in {text}");
        }
        records
    }

    /// The records of a text that has only such as tell themselves apart.
    fn records(text: &str, layout: Layout) -> Vec<String> {
        spans(text, layout).into_iter().map(|(_, record)| record).collect()
    }

    #[test]
    fn records_are_found_in_every_layout_of_log_files() {
        let long = format!(r#"{{"{}":{{}},"Records":[{{"n":1}}]}}"#, "k".repeat(200));
        for (text, expected) in [
            (r#"{"Records":[]}"#, &[][..]),
            (r#"{"Records":[{"n":1},{"n":2}]}"#, &[r#"{"n":1}"#, r#"{"n":2}"#]),
            (r#"{"a":{"Records":[{}]},"b":[[]],"c":"Records","Records":[{"n":1}],"d":-1e5}"#, &[r#"{"n":1}"#]),
            (r#"{"Records":[{"n":1}],"Records":[],"Records":[{"n":2}]}"#, &[r#"{"n":1}"#, r#"{"n":2}"#]),
            (r#"{"Rec\u006frds":[{"n":1}],"rec\u006frds":[{}]}"#, &[r#"{"n":1}"#]),
            (r#"{"\u0052\u0065\u0063\u006f\u0072\u0064\u0073":[{"n":1}]}"#, &[r#"{"n":1}"#]),
            (r#"[{"n":1} , {} ]"#, &[r#"{"n":1}"#, "{}"]),
            ("[]\n{\"Records\":[{}]}[{\"n\":2}]", &["{}", r#"{"n":2}"#]),
            (" {\n\"Records\" :\t[\r\n{ } ] } ", &["{ }"]),
            (r#"[{"a":"}]\"\\","b":[{"c":{}}]}]"#, &[r#"{"a":"}]\"\\","b":[{"c":{}}]}"#]),
            (&long, &[r#"{"n":1}"#]),
        ] {
            assert_eq!(records(text, Layout::Files), expected, "{text}");
            assert_eq!(records(text, Layout::Lines), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_records_by_themselves_and_log_files_too() {
        let pretty = "{\n  \"x\": [\n    {}\n  ],\n  \"event\\u004eame\": 1\n}";
        let text = format!(
            "{{\"eventID\":1}}\n{{\"x\":2,\"eventId\":2}}\r\n\n{pretty}\n[{{\"n\":3}}]{{\"Records\":[{{\"n\":4}}]}}"
        );
        let expected = [r#"{"eventID":1}"#, r#"{"x":2,"eventId":2}"#, pretty, r#"{"n":3}"#, r#"{"n":4}"#];
        assert_eq!(records(&text, Layout::Lines), expected);
        let (none, end) = read(&text, Layout::Files);
        assert_eq!((none, end), (Vec::new(), Err(Error::new(ErrorKind::NoRecords, 12))));
    }

    #[test]
    fn a_line_that_is_no_record_is_an_error_once_the_others_are_read() {
        let line = r#"{"eventID":1}"#;
        let (found, end) = read(&format!("{line}{{}}{line}{{\"eventid\":1}}"), Layout::Lines);
        assert_eq!(found, [(0, line.to_owned()), (15, line.to_owned())]);
        assert_eq!(end, Err(Error::new(ErrorKind::NoRecords, 14)));

        let (found, end) = read(r#"{"eventName":1,"Records":[{"a":1}]}{"eventName":2}"#, Layout::Lines);
        assert_eq!((found.len(), end), (2, Err(Error::new(ErrorKind::Ambiguous, 34))));
    }

    #[test]
    fn spans_are_exact_over_many_windows() {
        let record = |n: usize| format!(r#"{{"n":"{}"}}"#, "x".repeat(n));
        let all: Vec<String> = (0..if cfg!(miri) { 20 } else { 200 }).map(|n| record(n * 5)).collect();
        let text = format!("[{}]", all.join(","));
        assert_eq!(records(&text, Layout::Files), all);
        let lines: Vec<String> = all.iter().map(|record| record.replace("\"n\"", "\"eventName\"")).collect();
        assert_eq!(records(&lines.join("\n"), Layout::Lines), lines);
    }

    #[test]
    fn keys_are_read_wherever_a_block_ends_and_what_is_too_large_is_not_kept() {
        for pad in (0..130).step_by(if cfg!(miri) { 13 } else { 1 }) {
            let text = format!(r#"{{"{}":1,"b":[{{}}],"Records":[{{"a":{pad}}}]}}"#, "k".repeat(pad));
            assert_eq!(records(&text, Layout::Files), [format!(r#"{{"a":{pad}}}"#)]);
        }
        let text = format!(r#"{{"eventName":"{}"}}{{"eventName":2}}"#, "x".repeat(3 << 10));
        let (found, end) = read(&text, Layout::Lines);
        assert_eq!((found.len(), end), (1, Err(Error::new(ErrorKind::RecordTooLarge, 0))));
    }

    #[test]
    fn what_is_no_record_costs_no_other() {
        let text = r#"[{"a":1},"x]",{"a":2},[{"b":1}],-1e5 ,{"a":3},null]"#;
        let (found, end) = read(text, Layout::Files);
        let found: Vec<_> = found.iter().map(|(_, record)| &record[..]).collect();
        assert_eq!(found, [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#]);
        assert_eq!(end, Err(Error::new(ErrorKind::RecordNotObject, 9)));
    }

    #[test]
    fn faults_have_their_kind_and_place() {
        use ErrorKind::{
            Empty, Malformed, NoRecords, RecordNotObject, RecordTooLarge, RecordsNotArray, Truncated, TruncatedRecord,
        };
        use Expected::{Colon, CommaOrClose, Document, Escape, Key, MatchingBracket, Value};
        let large = format!(r#"[{{}},{{"n":"{}"}},{{}}]"#, "x".repeat(1 << 10));
        for (text, kind, offset) in [
            ("", Empty, 0),
            ("  ", Empty, 2),
            ("x", Malformed(Document), 0),
            (r#"{"Records":[]}garbage"#, Malformed(Document), 14),
            (r#"[]]"#, Malformed(Document), 2),
            ("{}", NoRecords, 1),
            (r#"{"records":[]}"#, NoRecords, 13),
            (r#"{"Records":{}}"#, RecordsNotArray, 11),
            (r#"{"Records": null}"#, RecordsNotArray, 12),
            (r#"{"Records":[1]}"#, RecordNotObject, 12),
            (r#"{"Records":[{},"x"]}"#, RecordNotObject, 15),
            (r#"[[]]"#, RecordNotObject, 1),
            (r#"[{},]"#, Malformed(Value), 4),
            (r#"[,{}]"#, Malformed(Value), 1),
            (r#"[{}{}]"#, Malformed(CommaOrClose), 3),
            (r#"[{}}"#, Malformed(CommaOrClose), 3),
            (r#"{"a" 1}"#, Malformed(Colon), 5),
            (r#"{"a":1 "b":2}"#, Malformed(CommaOrClose), 7),
            (r#"{"a":1,}"#, Malformed(Key), 7),
            (r#"{,}"#, Malformed(Key), 1),
            (r#"{"a":}"#, Malformed(Value), 5),
            (r#"[{},{},[{}"#, Truncated, 10),
            (r#"{"a":[{}"#, Truncated, 8),
            (r#"{"a":\"b"}"#, Malformed(Value), 5),
            (r#"{"a":[1}}"#, Malformed(MatchingBracket), 7),
            (r#"[{"a":[1}]"#, Malformed(MatchingBracket), 9),
            (r#"[{"a":\"b"}]"#, Malformed(Value), 6),
            (r#"{"Rec\urds":[]}"#, Malformed(Escape), 5),
            (r#"{"Records":["#, Truncated, 12),
            (r#"{"Records":[]"#, Truncated, 13),
            (r#"{"Records":[],"a":"b"#, Truncated, 20),
            (r#"{"a":tr"#, Truncated, 7),
            (r#"[{},{"a":"}]"#, TruncatedRecord, 4),
            (&large, RecordTooLarge, 4),
        ] {
            let (_, end) = read(text, Layout::Files);
            assert_eq!(end, Err(Error::new(kind, offset)), "{}", &text[..text.len().min(50)]);
        }
        assert_eq!(spans("[{}]", Layout::Files), [(1, "{}".to_owned())]);
        assert_eq!(read(&large, Layout::Files).0.len(), 2, "the others are served");
    }

    #[test]
    fn what_is_kept_is_at_most_one_record() {
        let limits = Limits { max_record_bytes: 100, window_bytes: 64, ..Limits::default() };
        let text = format!(r#"{{"k":"{0}","Records":[{{"a":"{0}"}},{{"b":1}}],"{0}":1}}"#, "x".repeat(300));
        let (mut buffer, mut reader) = (Buffer::new(&limits), RecordReader::new(&limits, Layout::Files));
        let mut found = Vec::new();
        for (piece, number) in text.as_bytes().chunks(10).zip(1..) {
            buffer.roll(reader.keep());
            buffer.spare()[..piece.len()].copy_from_slice(piece);
            buffer.fill(piece.len());
            while let Ok(Read::Record(record)) = reader.read(&buffer.window()) {
                found.push((record.number, record.end - record.start));
            }
            let end = text.len().min(number * 10) as u64;
            assert!(reader.keep() <= end && end - reader.keep() <= 100, "{} of {end}", reader.keep());
        }
        assert_eq!(found, [(2, 7)]);
    }
}
