//! The pieces of bit algebra behind the scan, on one block's masks.

/// The bytes that are escaped: those that follow an odd run of backslashes.
///
/// `carry` is 1 where the block's first byte is escaped by the block before,
/// and becomes 1 where this block's last backslash escapes the next block's
/// first byte.
#[inline(always)]
pub(super) fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    // Most blocks, even where there are backslashes in others.
    if backslashes | *carry == 0 {
        return 0;
    }
    let escaped;
    (escaped, *carry) = some_escaped(backslashes, *carry);
    escaped
}

/// A run of backslashes escapes every second byte from its start. Adding a run
/// to its first bit turns it into a single bit just behind the run, so runs
/// that start on odd bits are told from those on even bits by one addition.
fn some_escaped(backslashes: u64, carry: u64) -> (u64, u64) {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    // A backslash that is itself escaped starts nothing.
    let starts = backslashes & !carry;
    let after = (starts << 1) | carry;
    let odd_starts = starts & !EVEN & !after;
    let (odd_runs, overflow) = odd_starts.overflowing_add(starts);
    ((EVEN ^ (odd_runs << 1)) & after, u64::from(overflow))
}

/// Bit *i* of the result is the parity of bits 0 to *i*: ones from each opening
/// quote up to, and without, its closing quote.
///
/// Six shifts; a carry-less multiplication does it in one where there is one.
#[inline(always)]
pub(super) const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ (bits << 32)
}

/// The running parity of a block, given that of the block by itself, turned over if the
/// block begins inside a string; `carry` is all ones if it does, and then the same for
/// the next.
#[inline(always)]
pub(super) const fn carried(parity: u64, carry: &mut u64) -> u64 {
    let carried = parity ^ *carry;
    // The last byte's bit, copied to all 64: an arithmetic shift.
    *carry = ((carried as i64) >> 63) as u64;
    carried
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Random, rounds};

    #[test]
    fn prefix_xor_is_the_running_parity() {
        let mut random = Random::new(3);
        for _ in 0..rounds(1_000) {
            let bits = random.next();
            let mut parity = 0;
            let expected = (0..64).fold(0, |all, i| {
                parity ^= (bits >> i) & 1;
                all | (parity << i)
            });
            assert_eq!(prefix_xor(bits), expected);
        }
    }

    #[test]
    fn escape_at_the_last_bit_is_carried() {
        let mut carry = 0;
        assert_eq!(escaped(1 << 63, &mut carry), 0);
        assert_eq!(carry, 1);
        assert_eq!(escaped(0, &mut carry), 1);
        assert_eq!(carry, 0);
    }
}
