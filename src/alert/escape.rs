//! Text from records, made harmless for mails, terminals, logs and SNS.
//!
//! Values in a record are chosen by whoever made the call. A line break could
//! forge a line of an alert, a bidirectional control could turn a name round,
//! and SNS refuses a whole batch for one control character.

use std::fmt::Write as _;

/// Whether a character is shown as what it is, on one line, by everything that
/// an alert passes through.
pub(super) fn is_plain(character: char) -> bool {
    !(character.is_control()
        || matches!(character,
            // Line and paragraph separator.
            '\u{2028}' | '\u{2029}'
            // Bidirectional controls.
            | '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Invisible, and no characters, which SNS refuses.
            | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

/// Appends `text`, with all that is not plain as `\uXXXX`, cut behind
/// `max_chars` characters.
pub(super) fn push_value(out: &mut String, text: &str, max_chars: usize) {
    for (count, character) in text.chars().enumerate() {
        if count == max_chars {
            out.push_str("...");
            return;
        }
        push_plain(out, character);
    }
}

/// Appends `text` as [`push_value`] does, in at most `room` bytes.
pub(super) fn push_value_within(out: &mut String, text: &str, room: usize) {
    push_within(out, text, room, push_plain);
}

/// Appends `text` as a JSON string of at most `room` bytes, quotes and all.
pub(super) fn push_json_string_within(out: &mut String, text: &str, room: usize) {
    out.push('"');
    push_within(out, text, room.saturating_sub(2), push_json_character);
    out.push('"');
}

/// Appends what `push` makes of each character, cut so that it takes at most
/// `room` bytes.
fn push_within(out: &mut String, text: &str, room: usize, push: fn(&mut String, char)) {
    const CUT: &str = "...";
    let end = out.len() + room;
    // Where to cut, should it come to that.
    let mut cut = out.len();
    for character in text.chars() {
        push(out, character);
        if out.len() > end {
            out.truncate(cut);
            out.push_str(&CUT[..CUT.len().min(end - cut)]);
            return;
        }
        if out.len() + CUT.len() <= end {
            cut = out.len();
        }
    }
}

/// Appends a character, or its escape where it is not plain.
pub(super) fn push_plain(out: &mut String, character: char) {
    if is_plain(character) { out.push(character) } else { push_unicode_escape(out, character) }
}

fn push_unicode_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// Appends `text` as a JSON string, quotes and all.
pub(super) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    text.chars().for_each(|character| push_json_character(out, character));
    out.push('"');
}

fn push_json_character(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => push_plain(out, character),
    }
}

/// Appends a record. Outside its strings only white space can be not plain, and
/// inside them an escape means what the character does, so the JSON stays equal
/// and only its spelling changes, rarely. `one_line` makes spaces of line
/// breaks.
pub(super) fn push_record(out: &mut String, record: &str, one_line: bool) {
    for character in record.chars() {
        match character {
            '\n' | '\r' if one_line => out.push(' '),
            '\n' | '\r' | '\t' => out.push(character),
            _ => push_plain(out, character),
        }
    }
}

/// Appends `text` as printable ASCII of at most `max` bytes in all.
pub(super) fn push_ascii(out: &mut String, text: &str, max: usize) {
    for character in text.chars() {
        if out.len() == max {
            out.truncate(max - 3);
            out.push_str("...");
            return;
        }
        out.push(if matches!(character, ' '..='~') { character } else { '?' });
    }
}

/// Appends `text` with all but unreserved characters as `%XX` (RFC 3986).
pub(super) fn push_percent(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The value of a message attribute: as [`push_value`], and with escapes for
/// characters beyond the basic plane, which SNS refuses in attributes.
pub(super) fn attribute(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(256) {
        if character as u32 > 0xffff {
            push_unicode_escape(&mut out, character);
        } else {
            push_plain(&mut out, character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind that must not get through.
    const HOSTILE: &str = "a\nb\r\tc\u{1b}[31m\u{202e}\u{2028}\u{2066}\u{0}\u{85}\u{ffff}\u{feff}\u{7f}z";

    #[test]
    fn values_are_one_plain_line() {
        let mut out = String::new();
        push_value(&mut out, HOSTILE, 100);
        assert!(out.chars().all(is_plain) && out.starts_with("a\\u000ab"), "{out}");
        out.clear();
        push_value(&mut out, "abcdef", 3);
        assert_eq!(out, "abc...");
    }

    #[test]
    fn json_strings_mean_the_same() {
        let mut out = String::new();
        push_json_string(&mut out, HOSTILE);
        assert!(out.chars().all(is_plain));
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), HOSTILE);
    }

    #[test]
    fn what_is_cut_fits_and_says_so() {
        for room in 0..40 {
            let mut out = String::from("x");
            push_value_within(&mut out, HOSTILE, room);
            assert!(out.len() <= 1 + room, "{room}: {out}");
            out.clear();
            push_json_string_within(&mut out, "a\"\"é\u{202e}bcdefghi", 2 + room);
            assert!(out.len() <= 2 + room && serde_json::from_str::<String>(&out).is_ok(), "{room}: {out}");
        }
        let mut out = String::new();
        push_value_within(&mut out, "abcdefgh", 7);
        push_value_within(&mut out, "abcdefgh", 8);
        assert_eq!(out, "abcd...abcdefgh");
    }

    #[test]
    fn a_record_with_odd_characters_stays_the_same_json() {
        let record = "{\"a\":\n\t\"x\u{202e}\u{ffff}y\u{7f}\"\r\n}";
        for one_line in [false, true] {
            let mut out = String::new();
            push_record(&mut out, record, one_line);
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(parse(&out), parse(record));
            assert_eq!(out.contains('\n'), !one_line);
            assert!(!out.contains('\u{202e}'));
        }
    }

    #[test]
    fn ascii_is_cut_at_its_limit() {
        let mut out = String::from("[HIGH] ");
        push_ascii(&mut out, &"é".repeat(200), 99);
        assert_eq!((out.len(), out.ends_with("?...")), (99, true));
        let mut out = String::new();
        push_ascii(&mut out, "abc", 3);
        assert_eq!(out, "abc");
    }

    #[test]
    fn attributes_keep_to_the_basic_plane() {
        assert_eq!(attribute("é😀\n"), "é\\ud83d\\ude00\\u000a");
    }
}
