//! Random bytes and the identifiers made of them.
//!
//! The only source of randomness in the workspace. It never answers with weak bytes: where the generator cannot
//! deliver, it waits.

use std::time::Duration;

/// Fills the slice with random bytes.
pub fn fill(bytes: &mut [u8]) {
    // SECURITY: an identifier or key from anything but the generator would be guessable, so there is no fall-back.
    while aws_lc_rs::rand::fill(bytes).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut drawn = [0; N];
    fill(&mut drawn);
    drawn
}

/// `n_bytes` random bytes as lower-case hexadecimal: twice as many characters.
#[must_use]
pub fn hex(n_bytes: usize) -> String {
    let mut drawn = vec![0; n_bytes];
    fill(&mut drawn);
    let mut text = String::with_capacity(n_bytes * 2);
    for byte in drawn {
        for digit in [byte >> 4, byte & 15] {
            text.push(hex_digit(digit));
        }
    }
    text
}

/// `n_chars` characters of `A-Z2-7`: the alphabet of IAM's unique ids and access key ids.
#[must_use]
pub fn base32(n_chars: usize) -> String {
    pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", n_chars)
}

/// `n_chars` characters of `A-Za-z0-9`.
#[must_use]
pub fn alphanumeric(n_chars: usize) -> String {
    pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", n_chars)
}

/// A version 4 UUID, hyphenated, lower-case.
#[must_use]
pub fn uuid() -> String {
    let drawn = u128::from_be_bytes(bytes());
    let versioned = drawn & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let mut text = String::with_capacity(36);
    for digit in (0..32).rev() {
        if matches!(digit, 23 | 19 | 15 | 11) {
            text.push('-');
        }
        text.push(hex_digit((versioned >> (digit * 4) & 15) as u8));
    }
    text
}

const fn hex_digit(nibble: u8) -> char {
    (if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }) as char
}

/// Draws characters without bias: bytes beyond the last whole multiple of the alphabet's size are thrown away.
fn pick(alphabet: &[u8], n_chars: usize) -> String {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(n_chars);
    while text.len() < n_chars {
        let drawn: [u8; 64] = bytes();
        let kept = drawn.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let letters = kept.filter_map(|byte| alphabet.get(byte % alphabet.len()));
        text.extend(letters.take(n_chars - text.len()).map(|letter| char::from(*letter)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_length_and_alphabet() {
        for n in [0, 1, 16, 17, 300] {
            assert_eq!(hex(n).len(), n * 2);
            assert!(base32(n).bytes().all(|c| c.is_ascii_uppercase() || (b'2'..=b'7').contains(&c)));
            assert_eq!(base32(n).len(), n);
            assert!(alphanumeric(n).bytes().all(|c| c.is_ascii_alphanumeric()));
            assert_eq!(alphanumeric(n).len(), n);
        }
    }

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        for _ in 0..100 {
            let id = uuid();
            let parts: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
    }

    #[test]
    fn every_letter_is_drawn_about_as_often() {
        let text = alphanumeric(62 * 1_000);
        let mut counts = [0_u32; 256];
        text.bytes().for_each(|c| counts[usize::from(c)] += 1);
        let seen: Vec<u32> = counts.into_iter().filter(|n| *n > 0).collect();
        assert_eq!(seen.len(), 62);
        assert!(seen.iter().all(|n| (700..1_300).contains(n)), "{seen:?}");
    }
}
