//! IP addresses, as event patterns spell them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that `text` spells, or `None` if it is no literal.
///
/// Wider than [`std::net`]'s parser in that groups may have leading zeros, and
/// narrower in that there is no embedded dotted form. An IPv4-mapped IPv6
/// address is that IPv4 address.
pub(super) fn parse(text: &[u8]) -> Option<IpAddr> {
    // The longest literal that makes sense; a long string ends here.
    if text.len() > 64 {
        return None;
    }
    if text.contains(&b':') {
        let address = parse_v6(text)?;
        return Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4));
    }
    parse_v4(text).map(IpAddr::V4)
}

fn parse_v4(text: &[u8]) -> Option<Ipv4Addr> {
    if text.len() > 15 {
        return None;
    }
    let mut groups = text.split(|&byte| byte == b'.');
    let mut octets = [0; 4];
    for octet in &mut octets {
        *octet = u8::try_from(group(groups.next()?, 10)?).ok()?;
    }
    groups.next().is_none().then(|| Ipv4Addr::from(octets))
}

fn parse_v6(text: &[u8]) -> Option<Ipv6Addr> {
    let text = str::from_utf8(text).ok()?;
    let groups = |text: &str| -> Option<Vec<u16>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        text.split(':').map(|digits| u16::try_from(group(digits.as_bytes(), 16)?).ok()).collect()
    };
    let mut all = [0; 8];
    match text.split_once("::") {
        None => all.copy_from_slice(<&[u16; 8]>::try_from(&groups(text)?[..]).ok()?),
        Some((head, tail)) => {
            let (head, tail) = (groups(head)?, groups(tail)?);
            // "::" stands for at least one group.
            if head.len() + tail.len() > 7 {
                return None;
            }
            all[..head.len()].copy_from_slice(&head);
            all[8 - tail.len()..].copy_from_slice(&tail);
        }
    }
    Some(Ipv6Addr::from(all))
}

/// The number that a group's digits spell.
fn group(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits
        .iter()
        .try_fold(0u32, |value, &digit| value.checked_mul(radix)?.checked_add((digit as char).to_digit(radix)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_equal() {
        for (one, other) in [
            ("10.0.0.1", "010.0.0.001"),
            ("10.0.0.1", "::ffff:a00:1"),
            ("::1", "0:0:0:0:0:0:0:1"),
            ("2001:db8::1", "2001:DB8:0:0::01"),
        ] {
            assert!(parse(one.as_bytes()).is_some(), "{one}");
            assert_eq!(parse(one.as_bytes()), parse(other.as_bytes()), "{one} {other}");
        }
    }

    #[test]
    fn what_only_looks_like_an_address_is_none() {
        for text in [
            "",
            "1.2.3",
            "300.0.0.1",
            "10.0.0.1 ",
            "1.2.3.4.5",
            "12:30:45",
            "::1::",
            "1:2:3:4:5:6:7:8::",
            ":::",
            "::ffff:10.0.0.1",
            "00:1b:63:84:45:e6",
            "1..2.3",
            "+1.2.3.4",
            "fe80::1%eth0",
            "0000.0000.0000.0000",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
