//! IP addresses and networks, as event patterns spell them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of a network: all from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network {
    pub(super) first: IpAddr,
    pub(super) last: IpAddr,
}

impl Network {
    /// Reads `address/bits`.
    ///
    /// # Errors
    /// What is wrong with it. A network of one address is refused, as by the
    /// reference implementation.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some((address, bits)) = text.split_once('/').filter(|(_, bits)| !bits.contains('/')) else {
            return Err("must be an address, one / and a number of bits".into());
        };
        let address =
            parse(address.as_bytes()).ok_or_else(|| format!("has no IP address before the /: {address:?}"))?;
        let bits: u32 = bits.parse().map_err(|_| format!("has no number of bits behind the /: {bits:?}"))?;
        let of = if address.is_ipv4() { 32 } else { 128 };
        if bits >= of {
            return Err(format!("must have fewer than {of} bits behind the /; for one address write it without"));
        }
        Ok(match address {
            IpAddr::V4(address) => {
                let (address, hosts) = (u32::from(address), u32::MAX.checked_shr(bits).unwrap_or(0));
                Self { first: Ipv4Addr::from(address & !hosts).into(), last: Ipv4Addr::from(address | hosts).into() }
            }
            IpAddr::V6(address) => {
                let (address, hosts) = (u128::from(address), u128::MAX.checked_shr(bits).unwrap_or(0));
                Self { first: Ipv6Addr::from(address & !hosts).into(), last: Ipv6Addr::from(address | hosts).into() }
            }
        })
    }
}

/// The address that `text` spells, or `None` if it is no literal.
///
/// Wider than [`std::net`]'s parser in that groups may have leading zeros, and
/// narrower in that there is no embedded dotted form. An IPv4-mapped IPv6
/// address is that IPv4 address.
pub(super) fn parse(text: &[u8]) -> Option<IpAddr> {
    // The first byte tells nearly all other text apart.
    if !text.first().is_some_and(|&byte| byte.is_ascii_hexdigit() || byte == b':') {
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
    let mut all = [0; 8];
    match text.windows(2).position(|pair| pair == b"::") {
        None => {
            if groups(text, &mut all)? != 8 {
                return None;
            }
        }
        Some(gap) => {
            let mut tail = [0; 8];
            let before = groups(&text[..gap], &mut all)?;
            let behind = groups(&text[gap + 2..], &mut tail)?;
            // "::" stands for at least one group.
            if before + behind > 7 {
                return None;
            }
            all[8 - behind..].copy_from_slice(&tail[..behind]);
        }
    }
    Some(Ipv6Addr::from(all))
}

/// Reads groups of an IPv6 address; returns how many there are, at most 8.
fn groups(text: &[u8], groups: &mut [u16; 8]) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    let mut count = 0;
    for digits in text.split(|&byte| byte == b':') {
        *groups.get_mut(count)? = u16::try_from(group(digits, 16)?).ok()?;
        count += 1;
    }
    Some(count)
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

    #[test]
    fn a_network_is_all_addresses_with_its_first_bits() {
        for (text, first, last) in [
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("10.0.0.5/31", "10.0.0.4", "10.0.0.5"),
            ("2001:DB8::1/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:a00:0/24", "10.0.0.0", "10.0.0.255"),
        ] {
            let network = Network { first: first.parse().unwrap(), last: last.parse().unwrap() };
            assert_eq!(Network::parse(text), Ok(network), "{text}");
        }
        for text in [
            "10.0.0.0",
            "10.0.0.0/32",
            "10.0.0.0/-1",
            "10.0.0.0/x",
            "10.0.0.0/",
            "10.0.0/24",
            "10.0.0.256/24",
            "::/128",
            "::ffff:a00:0/104",
            "10.0.0.0/8/",
            "/8",
            "",
        ] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
