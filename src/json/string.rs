//! Strings: unescaped, checked, compared.

use crate::Expected;

/// Unescapes `raw`, the text between two quotes. Borrows it where nothing is
/// escaped, and else uses `scratch`.
///
/// A lone surrogate (`\ud800` without its half) becomes the three bytes that
/// UTF-8 would have for it, if it allowed them; no pattern can hold those, so
/// it is equal to nothing and still not an error, as in the reference
/// implementation.
///
/// # Errors
/// What was expected, and the index in `raw` where it was not: a bad escape, a
/// raw control character, or bytes that are no UTF-8.
pub(crate) fn unescape<'a>(raw: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], (Expected, usize)> {
    unescape_if(true, raw, scratch)
}

/// As [`unescape`], where it may be known already that nothing is escaped.
#[inline]
pub(crate) fn unescape_if<'a>(
    escapes: bool,
    raw: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], (Expected, usize)> {
    check(raw)?;
    if !escapes {
        return Ok(raw);
    }
    let Some(first) = memchr::memchr(b'\\', raw) else { return Ok(raw) };
    scratch.clear();
    // No escape is shorter than what it stands for, so this is all it takes.
    scratch.reserve_exact(raw.len());
    scratch.extend_from_slice(&raw[..first]);
    let mut at = first;
    while at < raw.len() {
        if raw[at] != b'\\' {
            let end = memchr::memchr(b'\\', &raw[at..]).map_or(raw.len(), |n| at + n);
            scratch.extend_from_slice(&raw[at..end]);
            at = end;
            continue;
        }
        let bad = (Expected::Escape, at);
        let escaped = match raw.get(at + 1).ok_or(bad)? {
            b'u' => {
                let (code, length) = code_point(&raw[at..]).ok_or(bad)?;
                push_code(scratch, code);
                at += length;
                continue;
            }
            byte @ (b'"' | b'\\' | b'/') => *byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(bad),
        };
        scratch.push(escaped);
        at += 2;
    }
    Ok(scratch)
}

/// Whether a string has only what may stand between quotes: UTF-8, and no raw
/// control characters.
#[inline]
pub(crate) fn check(raw: &[u8]) -> Result<(), (Expected, usize)> {
    if let Some(last) = raw.last_chunk() {
        let odd = if raw.len() <= 32 {
            // Four words, some of them perhaps twice, in place of a loop whose end cannot be guessed.
            let word = |at: usize| raw[at..].first_chunk().map_or(0, |word| odd_bytes(u64::from_le_bytes(*word)));
            let end = raw.len() - 8;
            word(0) | word(end.min(8)) | word(end.saturating_sub(8)) | word(end)
        } else {
            // The last word may overlap with the one before.
            let (words, _) = raw.as_chunks::<8>();
            words.iter().chain([last]).fold(0, |odd, word| odd | odd_bytes(u64::from_le_bytes(*word)))
        };
        if odd == 0 {
            return Ok(());
        }
    } else if raw.iter().all(|byte| (0x20..0x80).contains(byte)) {
        return Ok(());
    }
    if let Some(at) = raw.iter().position(|&byte| byte < 0x20) {
        return Err((Expected::NoControl, at));
    }
    str::from_utf8(raw).map(drop).map_err(|error| (Expected::Utf8, error.valid_up_to()))
}

/// Not 0 if one of 8 bytes is a control character or no ASCII.
const fn odd_bytes(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // A byte below 0x20 borrows its top bit; one above 0x7f has it.
    (word.wrapping_sub(EACH * 0x20) | word) & (EACH * 0x80)
}

/// The code point of the `\uXXXX` at the start of `raw`, two of them where they
/// are a surrogate pair, and the length of what was read.
fn code_point(raw: &[u8]) -> Option<(u32, usize)> {
    let high = hex4(raw)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some(low @ 0xdc00..0xe000) = raw.get(6..).and_then(hex4)
    {
        return Some((0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12));
    }
    Some((high, 6))
}

/// The value of the `\uXXXX` at the start of `raw`.
fn hex4(raw: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = raw else { return None };
    digits.get(..4)?.iter().try_fold(0, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)?))
}

fn push_code(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        // Only a lone surrogate is no character.
        None => out.extend_from_slice(&[
            0xe0 | (code >> 12) as u8,
            0x80 | (code >> 6 & 0x3f) as u8,
            0x80 | (code & 0x3f) as u8,
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    #[test]
    fn agrees_with_serde_json_on_random_strings() {
        let mut random = Random::new(5);
        let pieces: &[&str] = &[
            "a",
            "é",
            "😀",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\u0041",
            "\\u00e9",
            "\\ud83d",
            "\\ude00",
            "\\ud83d\\ude00",
            "\\x",
            "\\u12",
            "\u{1}",
            "\\b",
            "\\f",
            "\\r",
            "\\t",
            "\\u0000",
            "\\uD83D",
            "\\uDE00",
            "z",
        ];
        let (mut good, mut bad) = (0, 0);
        for _ in 0..rounds(100_000) {
            let raw: String = (0..random.below(6)).map(|_| pieces[random.below(pieces.len())]).collect();
            let mut scratch = Vec::new();
            let ours = unescape(raw.as_bytes(), &mut scratch);
            match serde_json::from_str::<String>(&format!("\"{raw}\"")) {
                Ok(theirs) => {
                    good += 1;
                    assert_eq!(ours, Ok(theirs.as_bytes()), "{raw:?}");
                }
                Err(_) => {
                    bad += 1;
                    // Lone surrogates are the one thing let through.
                    assert!(ours.is_err() || ours.is_ok_and(|text| str::from_utf8(text).is_err()), "{raw:?}");
                }
            }
        }
        assert!(good > rounds(10_000) && bad > rounds(10_000), "{good} {bad}");
    }

    #[test]
    fn faults_have_their_place() {
        let place = |raw: &[u8]| unescape(raw, &mut Vec::new()).map(<[u8]>::to_vec);
        assert_eq!(place(b"ab\\q"), Err((Expected::Escape, 2)));
        assert_eq!(place(b"ab\\u12g4"), Err((Expected::Escape, 2)));
        assert_eq!(place(b"a\nb"), Err((Expected::NoControl, 1)));
        assert_eq!(place(b"a\xff"), Err((Expected::Utf8, 1)));
    }
}
