//! Texts that are equal but for the case of their letters.
//!
//! Which these are is a matter of the pattern: each of its characters accepts
//! itself, its lower case and its upper case (by the full mappings of Unicode,
//! so "ß" accepts "SS"), and the text is taken as it is. So it works in one
//! direction only: "ß" does not accept "ss", nor "ss" "ß". To find the patterns
//! that may accept a text there is [`fold`], which makes no difference between
//! what any character accepts; whether they do accept it is then asked of each.

/// Appends `text` to `folded` with all differences of case removed, as far as
/// `limit` bytes and a little beyond. A text that a pattern accepts comes to the
/// same as the pattern, and so do their parts.
pub(super) fn fold(text: &[u8], limit: usize, folded: &mut Vec<u8>) {
    let plain = text.iter().take(limit + 1).take_while(|byte| byte.is_ascii()).count();
    folded.extend(text[..plain].iter().map(u8::to_ascii_lowercase));
    // What is left is mostly nothing, or beyond the limit.
    for chunk in text[plain..].utf8_chunks() {
        for character in chunk.valid().chars() {
            if folded.len() > limit {
                return;
            }
            fold_character(character, folded);
        }
        folded.extend_from_slice(chunk.invalid());
    }
}

/// How many bytes of a text fold to more than `limit` bytes at least.
pub(super) const fn bytes_for(limit: usize) -> usize {
    // No character takes more than 4 bytes, nor folds to nothing.
    4 * limit + 4
}

fn fold_character(character: char, folded: &mut Vec<u8>) {
    // Lower, upper, lower: "ẞ" comes to "ss" by way of "ß" only.
    let characters = character.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    for character in characters {
        folded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Whether `pattern` accepts all of `text`.
pub(super) fn is(pattern: &str, text: &[u8]) -> bool {
    if pattern.is_ascii() { pattern.as_bytes().eq_ignore_ascii_case(text) } else { behind(pattern, text) == Some(b"") }
}

/// Whether `pattern` accepts the start of `text`.
pub(super) fn begins(pattern: &str, text: &[u8]) -> bool {
    behind(pattern, text).is_some()
}

/// Whether `pattern` accepts the end of `text`.
pub(super) fn ends(pattern: &str, text: &[u8]) -> bool {
    let before = |text, character| accepted(character, |spelling| <[u8]>::strip_suffix(text, spelling));
    pattern.chars().rev().try_fold(text, before).is_some()
}

/// What is behind the part of `text` that `pattern` accepts.
fn behind<'a>(pattern: &str, text: &'a [u8]) -> Option<&'a [u8]> {
    pattern.chars().try_fold(text, |text, character| accepted(character, |spelling| text.strip_prefix(spelling)))
}

/// What `strip` leaves of a text, for the first spelling of a character that it
/// takes. None of them begins or ends with another, so no other need be tried.
fn accepted<'a>(character: char, strip: impl Fn(&[u8]) -> Option<&'a [u8]>) -> Option<&'a [u8]> {
    let mut buffer = [0; 12];
    strip(character.encode_utf8(&mut buffer).as_bytes())
        .or_else(|| strip(encode(character.to_lowercase(), &mut buffer)))
        .or_else(|| strip(encode(character.to_uppercase(), &mut buffer)))
}

/// Up to three characters, which is what a character may become.
fn encode(characters: impl Iterator<Item = char>, buffer: &mut [u8; 12]) -> &[u8] {
    let mut length = 0;
    for character in characters {
        length += character.encode_utf8(&mut buffer[length..]).len();
    }
    &buffer[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<u8> {
        let mut folded = Vec::new();
        fold(text.as_bytes(), usize::MAX - 1, &mut folded);
        folded
    }

    fn spellings(character: char) -> [String; 3] {
        [character.into(), character.to_lowercase().collect(), character.to_uppercase().collect()]
    }

    #[test]
    fn all_that_a_character_accepts_folds_to_the_same() {
        for character in '\0'..=char::MAX {
            let expected = folded(&String::from(character));
            assert!(!expected.is_empty());
            for spelling in spellings(character) {
                assert_eq!(folded(&spelling), expected, "{character:?} {spelling:?}");
            }
        }
    }

    #[test]
    fn no_spelling_begins_or_ends_with_another() {
        for character in '\0'..=char::MAX {
            let all = spellings(character);
            for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
                assert!(one == other || !one.starts_with(&other[..]) && !one.ends_with(&other[..]), "{character:?}");
            }
        }
    }

    #[test]
    fn the_pattern_decides_what_is_equal() {
        for (pattern, text, expected) in [
            ("aBc", "AbC", true),
            ("aBc", "abcd", false),
            ("straße", "STRASSE", true),
            ("straße", "straSSe", true),
            ("straße", "strasse", false),
            ("strasse", "straße", false),
            ("k", "\u{212a}", false),
            ("\u{212a}", "k", true),
            ("\u{212a}", "K", false),
            ("ς", "Σ", true),
            ("ς", "σ", false),
            ("ǅ", "ǅ", true),
            ("ǅ", "ǆ", true),
            ("ǅ", "Ǆ", true),
            ("😀", "😀", true),
            ("𐐀", "𐐨", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(is(pattern, text.as_bytes()), expected, "{pattern} {text}");
            let (before, after) = (format!("x{text}"), format!("{text}x"));
            assert!(!expected || begins(pattern, after.as_bytes()), "{pattern} {after}");
            assert!(!expected || ends(pattern, before.as_bytes()), "{pattern} {before}");
        }
    }

    #[test]
    fn folding_stops_a_little_behind_its_limit() {
        let mut folded = Vec::new();
        let text = "Ab\u{212a}é".repeat(1_000);
        for limit in [0, 1, 2, 7, 100] {
            folded.clear();
            fold(&text.as_bytes()[..bytes_for(limit)], limit, &mut folded);
            assert!(folded.len() > limit && folded.len() <= limit + 4 + 12, "{limit}: {}", folded.len());
        }
    }
}
