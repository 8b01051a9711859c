//! Numbers: their grammar, and the value by which rules compare them.

/// Whether `text` is a number by the grammar of RFC 8259.
pub(crate) fn is_number(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let Some(rest) = (match rest {
        [b'0', rest @ ..] => Some(rest),
        [b'1'..=b'9', ..] => digits(rest),
        _ => None,
    }) else {
        return false;
    };
    let Some(rest) = (match rest {
        [b'.', rest @ ..] => digits(rest),
        _ => Some(rest),
    }) else {
        return false;
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => digits(rest) == Some(b""),
        _ => false,
    }
}

/// What follows one or more digits.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| &text[end..])
}

/// The double by which a number is compared, or `None` for one that is equal
/// only to the same text.
///
/// The reference implementation compares a number by value only if its decimal
/// value is exactly that of the shortest decimal of its nearest double; so
/// 9007199254740993 (2^53 + 1) is not 9007199254740992. -0 is 0.
pub(crate) fn comparable(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    let written = Decimal::of(text);
    // 15 significant digits always survive the way to a double and back,
    // unless the value is so small that doubles have fewer.
    if written.length <= 15 && (value == 0.0 && written.length == 0 || value.abs() >= 1e-290) {
        return Some(value + 0.0);
    }
    let mut buffer = Text::default();
    // Java, whose rule this is, takes the nearest of all shortest decimals of
    // one or two digits, so the smallest double is 4.9e-324 and not 5e-324.
    for precision in [Some(1), None] {
        buffer.clear();
        let written_out = match precision {
            Some(digits) => std::fmt::write(&mut buffer, format_args!("{value:.digits$e}")),
            None => std::fmt::write(&mut buffer, format_args!("{value:e}")),
        };
        if written_out.is_ok() && buffer.as_str().parse() == Ok(value) {
            return (Decimal::of(buffer.as_str()) == written).then_some(value + 0.0);
        }
    }
    None
}

/// A decimal's digits and exponent, without the zeros around them.
#[derive(Clone, Copy)]
struct Decimal<'a> {
    negative: bool,
    text: &'a str,
    /// Significant digits.
    length: usize,
    /// Power of ten of the last significant digit.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn of(number: &'a str) -> Self {
        let negative = number.starts_with('-');
        let (text, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        // An exponent beyond i64 only occurs where the value is 0 or infinite.
        let power: i64 = power.parse().unwrap_or(0);
        let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let mut decimal = Self { negative, text, length: 0, exponent: 0 };
        let digits = decimal.digits().count();
        let trailing = decimal.text.bytes().rev().filter(u8::is_ascii_digit).take_while(|&digit| digit == b'0').count();
        decimal.length = digits.saturating_sub(trailing);
        decimal.exponent = power.saturating_add(trailing as i64 - fraction as i64);
        if decimal.length == 0 {
            (decimal.negative, decimal.exponent) = (false, 0);
        }
        decimal
    }

    /// The digits from the first that is not 0.
    fn digits(&self) -> impl Iterator<Item = u8> {
        self.text.bytes().filter(u8::is_ascii_digit).skip_while(|&digit| digit == b'0')
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.negative, self.length, self.exponent) == (other.negative, other.length, other.exponent)
            && self.digits().take(self.length).eq(other.digits().take(other.length))
    }
}

/// Room for any double written with `{:e}`: at most 24 bytes.
#[derive(Default)]
struct Text {
    bytes: [u8; 32],
    length: usize,
}

impl Text {
    fn clear(&mut self) {
        self.length = 0;
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl std::fmt::Write for Text {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        let end = self.length + piece.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(piece.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    #[test]
    fn grammar_agrees_with_serde_json() {
        let mut random = Random::new(9);
        let alphabet = b"0019-+.eE";
        let mut good = 0;
        for _ in 0..rounds(200_000) {
            let text: Vec<u8> = (0..random.below(8)).map(|_| alphabet[random.below(alphabet.len())]).collect();
            let theirs = serde_json::from_slice::<&serde_json::value::RawValue>(&text).is_ok();
            good += usize::from(theirs);
            assert_eq!(is_number(&text), theirs, "{:?}", String::from_utf8_lossy(&text));
        }
        assert!(good > rounds(10_000));
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for same in [["300", "3.0e2"], ["300", "300.0"], ["0.3", "3E-1"], ["-0", "0e5"], ["100", "1e2"]] {
            assert_eq!(comparable(same[0]), comparable(same[1]), "{same:?}");
            assert!(comparable(same[0]).is_some(), "{same:?}");
        }
        assert_ne!(comparable("-1"), comparable("1"));
        assert!(comparable("-0").is_some_and(f64::is_sign_positive));
    }

    #[test]
    fn numbers_that_a_double_cannot_tell_apart_are_not_comparable() {
        for text in ["9007199254740993", "12345678901234567", "1e400", "1e-400", "5e-324"] {
            assert_eq!(comparable(text), None, "{text}");
        }
        assert_eq!(comparable("0.1000000000000000055511151231257827"), None);
        for text in ["9007199254740992", "1.7976931348623157e308", "4.9e-324", "1e23", "0.1", "0e999999999999999999999"]
        {
            assert!(comparable(text).is_some(), "{text}");
        }
    }
}
