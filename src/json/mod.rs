//! The JSON that the stages share: strings and scalars.

pub(crate) mod number;
pub(crate) mod string;

use crate::Expected;

/// What RFC 8259 calls white space.
#[inline(always)]
pub(crate) const fn is_space(byte: u8) -> bool {
    // In the text that AWS writes there is none, so one comparison decides.
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// What a number or a literal may consist of. A skipped scalar is checked for
/// no more than that.
#[inline(always)]
pub(crate) const fn is_scalar(byte: u8) -> bool {
    SCALAR[byte as usize]
}

/// Where the number or literal at `at` ends: at the latest where `text` does, and at
/// `at` if there is none.
#[inline(always)]
pub(crate) fn scalar_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|&byte| !is_scalar(byte)).unwrap_or(rest.len())
}

static SCALAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'+' | b'.');
        byte += 1;
    }
    table
};

/// A value that holds no other, as it stands in a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// A string, unescaped; not UTF-8 only where it holds a lone surrogate.
    String(&'a [u8]),
    /// A number, as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

impl<'a> Scalar<'a> {
    /// Reads a number or a literal, given all of its text.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Expected> {
        match text {
            b"true" => Ok(Self::Bool(true)),
            b"false" => Ok(Self::Bool(false)),
            b"null" => Ok(Self::Null),
            _ if number::is_number(text) => str::from_utf8(text).map(Self::Number).map_err(|_| Expected::Utf8),
            _ => Err(Expected::Scalar),
        }
    }
}
