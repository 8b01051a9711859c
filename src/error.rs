//! What can be wrong with an object: a kind and the byte where it shows.

use std::fmt;

/// Why an object could not be read to its end, and where.
///
/// Small and `Copy`, without any text from the log, so it can be compared in
/// tests and printed anywhere. Bucket, key or path are added by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The byte it was seen at: in the object as stored for the gzip kinds
    /// ([`ErrorKind::is_stored`]), in the decompressed object for the others.
    pub offset: u64,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }
}

/// The kinds of [`Error`]. The offset's meaning is given for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A gzip member's header is not one RFC 1952 allows; offset of the header.
    GzipHeader,
    /// The object ends inside a gzip member; offset of the end.
    GzipTruncated,
    /// A member's CRC-32 differs from its data's; offset of the trailer.
    GzipChecksum,
    /// A member's length differs from its data's; offset of the trailer.
    GzipLength,
    /// Bytes after the last member that begin no member; offset of the first.
    GzipTrailing,
    /// The deflate data are corrupt; offset of the first byte that could not
    /// be decompressed.
    Deflate,
    /// The object decompresses to more than `max_object_bytes`; that many.
    ObjectTooLarge,
    /// There is nothing but white space; offset of the end.
    Empty,
    /// A JSON object without a `Records` array; offset of its closing brace.
    NoRecords,
    /// A top-level object has both `Records` and keys that only a record has, so
    /// that it may be either; offset of its closing brace. What is in `Records`
    /// was read.
    Ambiguous,
    /// `Records` is not an array; offset of its value.
    RecordsNotArray,
    /// A record is not a JSON object; offset of the value.
    RecordNotObject,
    /// A record is larger than `max_record_bytes`; offset of its brace. The
    /// records after it were still read.
    RecordTooLarge,
    /// The object ends in the middle of its JSON; offset of the end.
    Truncated,
    /// The object ends inside a record; offset of the record's brace.
    TruncatedRecord,
    /// The JSON is malformed; offset of the byte that does not fit.
    Malformed(Expected),
    /// Arrays are nested more than 1,000 deep where a rule looks; offset of the
    /// bracket.
    TooDeep,
    /// A record holds more values in arrays of objects than rules can be
    /// matched over (131,071); offset of the value.
    TooManyValues,
    /// Matching a rule over a record's arrays would take too many steps;
    /// offset of the record.
    MatchTooLong {
        /// The rule's index in its set.
        rule: u32,
    },
}

/// What valid JSON would have had where it was [`ErrorKind::Malformed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// An object or an array of records.
    Document,
    /// A value.
    Value,
    /// A key or a closing brace.
    Key,
    /// A colon after a key.
    Colon,
    /// A comma or a closing bracket.
    CommaOrClose,
    /// The closing bracket of the other type.
    MatchingBracket,
    /// A valid escape sequence.
    Escape,
    /// No raw control character inside a string.
    NoControl,
    /// UTF-8.
    Utf8,
    /// A number, `true`, `false` or `null`.
    Scalar,
}

impl ErrorKind {
    /// Whether the offset counts bytes of the object as it is stored, rather
    /// than of its decompressed content.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(
            self,
            Self::GzipHeader | Self::GzipTruncated | Self::GzipChecksum | Self::GzipLength | Self::GzipTrailing
        )
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::GzipTruncated | Self::Truncated | Self::TruncatedRecord => "get a complete copy",
            Self::GzipHeader
            | Self::GzipChecksum
            | Self::GzipLength
            | Self::GzipTrailing
            | Self::Deflate
            | Self::Malformed(_) => "get an undamaged copy",
            Self::Empty | Self::NoRecords | Self::Ambiguous | Self::RecordsNotArray | Self::RecordNotObject => {
                "check that it is a CloudTrail log file"
            }
            Self::ObjectTooLarge => "raise max_object_bytes if you trust it",
            Self::RecordTooLarge => "raise max_record_bytes",
            Self::TooDeep | Self::TooManyValues | Self::MatchTooLong { .. } => "look at the record by hand",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = if self.kind.is_stored() { "stored" } else { "decompressed" };
        write!(f, "{} at {stream} byte {} ({})", self.kind, self.offset, self.kind.advice())
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GzipHeader => "invalid gzip header",
            Self::GzipTruncated => "truncated: the object ends inside a gzip member",
            Self::GzipChecksum => "wrong gzip checksum: the data are damaged",
            Self::GzipLength => "wrong gzip length: the data are damaged",
            Self::GzipTrailing => "garbage after the last gzip member",
            Self::Deflate => "corrupt deflate data",
            Self::ObjectTooLarge => "the object decompresses to more than max_object_bytes",
            Self::Empty => "the object is empty",
            Self::NoRecords => "JSON without a Records array: not a CloudTrail log file",
            Self::Ambiguous => "an object with Records and the keys of a record at once",
            Self::RecordsNotArray => "Records is not an array: not a CloudTrail log file",
            Self::RecordNotObject => "a record is not a JSON object",
            Self::RecordTooLarge => "a record is larger than max_record_bytes",
            Self::Truncated => "truncated: the JSON is not complete",
            Self::TruncatedRecord => "truncated: the object ends inside the record that begins",
            Self::TooDeep => "arrays nested too deeply to match",
            Self::TooManyValues => "too many values in arrays of objects to match",
            Self::MatchTooLong { .. } => "matching took too many steps over the arrays of the record",
            Self::Malformed(expected) => return write!(f, "malformed JSON: expected {expected}"),
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Document => "an object or an array",
            Self::Value => "a value",
            Self::Key => "a key",
            Self::Colon => "':'",
            Self::CommaOrClose => "',' or a closing bracket",
            Self::MatchingBracket => "the matching closing bracket",
            Self::Escape => "a valid escape sequence",
            Self::NoControl => "no control character in a string",
            Self::Utf8 => "UTF-8",
            Self::Scalar => "a number, true, false or null",
        })
    }
}

impl std::error::Error for Error {}
