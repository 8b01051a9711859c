//! A gzip member's header (RFC 1952 §2.3), one byte at a time.

/// Reads one header. Kept between calls: the part reached and the CRC so far.
pub(super) struct Header {
    part: Part,
    flags: u8,
    crc: crc32fast::Hasher,
}

/// The part of the header that the next byte belongs to.
#[derive(Clone, Copy)]
enum Part {
    /// Byte *n* of the ten that are always there.
    Fixed(u8),
    ExtraLength(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    Checksum(Option<u8>),
}

/// What a byte did to the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// More bytes belong to it.
    More,
    /// It was the last.
    Done,
    /// It is not a member's first two bytes.
    NotGzip,
    /// It is none of a valid header.
    Invalid,
}

const CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

impl Header {
    pub(super) fn new() -> Self {
        Self { part: Part::Fixed(0), flags: 0, crc: crc32fast::Hasher::new() }
    }

    pub(super) fn take(&mut self, byte: u8) -> Taken {
        if let Part::Checksum(low) = self.part {
            let Some(low) = low else {
                self.part = Part::Checksum(Some(byte));
                return Taken::More;
            };
            // The header's CRC is the low half of its CRC-32.
            let whole = self.crc.clone().finalize() as u16;
            return if u16::from_le_bytes([low, byte]) == whole { Taken::Done } else { Taken::Invalid };
        }
        self.crc.update(&[byte]);
        self.part = match (self.part, byte) {
            (Part::Fixed(0), 0x1f) => Part::Fixed(1),
            (Part::Fixed(1), 0x8b) => Part::Fixed(2),
            (Part::Fixed(0 | 1), _) => return Taken::NotGzip,
            // Method 8 is deflate, the only one there is.
            (Part::Fixed(2), 8) => Part::Fixed(3),
            (Part::Fixed(3), flags) if flags & RESERVED == 0 => {
                self.flags = flags;
                Part::Fixed(4)
            }
            (Part::Fixed(2 | 3), _) => return Taken::Invalid,
            // Time, compression level and system say nothing we need.
            (Part::Fixed(n), _) if n < 9 => Part::Fixed(n + 1),
            (Part::Fixed(_), _) => return self.next_optional(EXTRA),
            (Part::ExtraLength(None), low) => Part::ExtraLength(Some(low)),
            (Part::ExtraLength(Some(low)), high) => match u16::from_le_bytes([low, high]) {
                0 => return self.next_optional(NAME),
                length => Part::Extra(length),
            },
            (Part::Extra(1), _) => return self.next_optional(NAME),
            (Part::Extra(left), _) => Part::Extra(left - 1),
            (Part::Name, 0) => return self.next_optional(COMMENT),
            (Part::Comment, 0) => return self.next_optional(CHECKSUM),
            (part, _) => part,
        };
        Taken::More
    }

    /// Moves to the first optional part, from `from` on, that the flags name.
    fn next_optional(&mut self, from: u8) -> Taken {
        for (flag, part) in [
            (EXTRA, Part::ExtraLength(None)),
            (NAME, Part::Name),
            (COMMENT, Part::Comment),
            (CHECKSUM, Part::Checksum(None)),
        ] {
            // The checksum has the lowest flag and the last place.
            let reached = flag == CHECKSUM || (from != CHECKSUM && flag >= from);
            if reached && self.flags & flag != 0 {
                self.part = part;
                return Taken::More;
            }
        }
        Taken::Done
    }
}
