//! The NEON backend, for every 64-bit Arm processor.

#![allow(unsafe_code, reason = "loads through pointers, intrinsics that become part of safe code, and one instruction")]

use super::{BLOCK, Backend, Found, GROUP, Group, find_by_block};
use std::arch::aarch64::{
    uint8x16_t, uint8x16x4_t, vandq_u8, vceqq_u8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8, vld1q_u8_x4, vmaxvq_u8,
    vorrq_u8, vreinterpretq_u64_u8,
};
use std::arch::asm;

pub(super) struct Neon;

impl Neon {
    #[inline(always)]
    fn find_block(block: &[u8; BLOCK]) -> Found {
        // SAFETY: NEON is a part of every target of this architecture that has a
        // standard library; the load, which needs no alignment, reads the 64 bytes
        // of `block`.
        unsafe {
            let uint8x16x4_t(a, b, c, d) = vld1q_u8_x4(block.as_ptr());
            let parts = [a, b, c, d];
            // Bit 5 is all that tells '[' from '{' and ']' from '}'.
            let folded = parts.map(|part| vorrq_u8(part, vdupq_n_u8(0x20)));
            let equal = |parts: [uint8x16_t; 4], byte| mask(parts.map(|part| vceqq_u8(part, vdupq_n_u8(byte))));
            Found {
                quotes: equal(parts, b'"'),
                backslashes: equal(parts, b'\\'),
                opens: equal(folded, b'{'),
                closes: equal(folded, b'}'),
            }
        }
    }
}

impl Backend for Neon {
    #[inline(always)]
    fn find(bytes: &[u8; GROUP], group: &mut Group) {
        find_by_block(bytes, group, Self::find_block);
    }

    #[inline(always)]
    fn pairs<const N: usize>(block: &[u8; BLOCK], behind: &[u8; BLOCK], pairs: [[u8; 2]; N]) -> u64 {
        // SAFETY: as above; so does the other load, of `behind`.
        unsafe {
            let uint8x16x4_t(a, b, c, d) = vld1q_u8_x4(block.as_ptr());
            let firsts = [a, b, c, d];
            let uint8x16x4_t(a, b, c, d) = vld1q_u8_x4(behind.as_ptr());
            let seconds = [a, b, c, d];
            let mut any = [vdupq_n_u8(0); 4];
            for pair in pairs {
                let (first, second) = (vdupq_n_u8(pair[0]), vdupq_n_u8(pair[1]));
                for part in 0..4 {
                    let both = vandq_u8(vceqq_u8(firsts[part], first), vceqq_u8(seconds[part], second));
                    any[part] = vorrq_u8(any[part], both);
                }
            }
            let [a, b, c, d] = any;
            // Most blocks have none, and to gather the bits takes a while.
            let most = vmaxvq_u8(vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d)));
            if most == 0 { 0 } else { mask(any) }
        }
    }
}

static BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

/// One bit for each of 64 bytes that are 0xff or 0. NEON has no instruction for
/// it: each byte keeps the bit of its place among 8, and three rounds of adding
/// neighbours bring 8 bytes into one.
#[inline(always)]
fn mask(parts: [uint8x16_t; 4]) -> u64 {
    // SAFETY: NEON is there, as above; the load reads the 16 bytes of `BITS`.
    unsafe {
        let bits = vld1q_u8(BITS.as_ptr());
        let [a, b, c, d] = parts.map(|part| vandq_u8(part, bits));
        let quarters = add_neighbours(add_neighbours(a, b), add_neighbours(c, d));
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(add_neighbours(quarters, quarters)))
    }
}

/// The sums of neighbours: of `a`, then of `b`.
///
/// The instruction itself, since LLVM takes the intrinsic `vpaddq_u8` for three:
/// it sees that no sum here carries, and makes of each two shuffles and an OR. As
/// it is, llvm-mca has 26 cycles for what is found in a block on Neoverse N1.
#[inline(always)]
fn add_neighbours(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    let sums;
    // SAFETY: NEON is there, as above; the instruction reads two registers and
    // writes one.
    unsafe {
        asm!(
            "addp {sums:v}.16b, {a:v}.16b, {b:v}.16b",
            sums = lateout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}
