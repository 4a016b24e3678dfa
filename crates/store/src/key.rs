//! Keys: tuples whose encoded bytes sort as the tuples do.
//!
//! Text and bytes are escaped and terminated, numbers have a fixed width, so no part runs into the next. The bytes carry no types:
//! whoever reads a key knows how it was written.

/// A key under construction.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

const ZERO: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xff;
const END: u8 = 0x01;
const SIGN: u64 = 1 << 63;

impl Key {
    /// The empty tuple.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends text. Sorts by its UTF-8 bytes.
    #[must_use]
    pub fn str(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.bytes_prefix(bytes).raw(&[ZERO, END])
    }

    /// Appends the beginning of a text: for ranges of keys whose text starts with it.
    #[must_use]
    pub fn str_prefix(self, text: &str) -> Self {
        self.bytes_prefix(text.as_bytes())
    }

    /// Appends the beginning of bytes: for ranges of keys whose bytes start with these.
    #[must_use]
    pub fn bytes_prefix(mut self, bytes: &[u8]) -> Self {
        self.0.reserve(bytes.len() + 2);
        for &byte in bytes {
            self.0.push(byte);
            if byte == ZERO {
                self.0.push(ESCAPED_ZERO);
            }
        }
        self
    }

    /// Appends bytes as they are. They may run into a following part, so they belong at a key's end.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    #[must_use]
    pub fn u8(self, number: u8) -> Self {
        self.raw(&[number])
    }

    /// Appends an unsigned number.
    #[must_use]
    pub fn u32(self, number: u32) -> Self {
        self.raw(&number.to_be_bytes())
    }

    /// Appends an unsigned number.
    #[must_use]
    pub fn u64(self, number: u64) -> Self {
        self.raw(&number.to_be_bytes())
    }

    /// Appends an unsigned number that sorts in descending order.
    #[must_use]
    pub fn u64_desc(self, number: u64) -> Self {
        self.u64(!number)
    }

    /// Appends a signed number; negative ones sort first.
    #[must_use]
    pub fn i64(self, number: i64) -> Self {
        self.u64(number.cast_unsigned() ^ SIGN)
    }

    /// The encoded bytes.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// A key's bytes are not what [`Key`] writes for the parts that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key does not have the expected parts")]
pub struct MalformedKey;

/// Reads a key's parts back, in the order in which they were appended.
#[derive(Clone, Debug)]
pub struct KeyReader<'a>(&'a [u8]);

impl<'a> KeyReader<'a> {
    /// Starts at the first part.
    #[must_use]
    pub const fn new(key: &'a [u8]) -> Self {
        Self(key)
    }

    /// Reads text.
    pub fn str(&mut self) -> Result<String, MalformedKey> {
        String::from_utf8(self.bytes()?).map_err(|_| MalformedKey)
    }

    /// Reads bytes.
    pub fn bytes(&mut self) -> Result<Vec<u8>, MalformedKey> {
        let mut decoded = Vec::new();
        let mut rest = self.0;
        loop {
            match rest {
                [ZERO, END, after @ ..] => {
                    self.0 = after;
                    return Ok(decoded);
                }
                [ZERO, ESCAPED_ZERO, after @ ..] => {
                    decoded.push(ZERO);
                    rest = after;
                }
                [ZERO, ..] | [] => return Err(MalformedKey),
                [byte, after @ ..] => {
                    decoded.push(*byte);
                    rest = after;
                }
            }
        }
    }

    /// Reads one byte.
    pub fn u8(&mut self) -> Result<u8, MalformedKey> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    /// Reads an unsigned number.
    pub fn u32(&mut self) -> Result<u32, MalformedKey> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Reads an unsigned number.
    pub fn u64(&mut self) -> Result<u64, MalformedKey> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// Reads what [`Key::u64_desc`] wrote.
    pub fn u64_desc(&mut self) -> Result<u64, MalformedKey> {
        self.u64().map(|number| !number)
    }

    /// Reads a signed number.
    pub fn i64(&mut self) -> Result<i64, MalformedKey> {
        self.u64().map(|number| (number ^ SIGN).cast_signed())
    }

    /// What was not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], MalformedKey> {
        let (part, rest) = self.0.split_first_chunk::<N>().ok_or(MalformedKey)?;
        self.0 = rest;
        Ok(*part)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Tuple = (Vec<u8>, u64, String, i64, u8);

    fn encode((bytes, number, text, signed, byte): &Tuple) -> Key {
        Key::new().bytes(bytes).u64(*number).str(text).i64(*signed).u8(*byte)
    }

    /// Few symbols, so that ties, prefixes and zeros are common.
    fn tuples() -> impl Strategy<Value = Tuple> {
        let bytes = prop::collection::vec(prop::sample::select(vec![0, 1, 2, 0xfe, 0xff]), 0..4);
        (
            bytes,
            0_u64..3,
            "[\0a\u{7f}é]{0,3}",
            prop::sample::select(vec![i64::MIN, -1, 0, 1, i64::MAX]),
            0_u8..3,
        )
    }

    proptest! {
        #[test]
        fn encoded_keys_sort_as_their_tuples(left in tuples(), right in tuples()) {
            prop_assert_eq!(encode(&left).cmp(&encode(&right)), left.cmp(&right));
        }

        #[test]
        fn a_key_reads_back(tuple in tuples()) {
            let key = encode(&tuple);
            let mut reader = KeyReader::new(key.as_ref());
            let read = (
                reader.bytes().unwrap(), reader.u64().unwrap(), reader.str().unwrap(),
                reader.i64().unwrap(), reader.u8().unwrap(),
            );
            prop_assert_eq!(read, tuple);
            prop_assert!(reader.rest().is_empty());
        }

        #[test]
        fn no_part_is_a_prefix_of_another(left: Vec<u8>, right: Vec<u8>) {
            let (a, b) = (Key::new().bytes(&left), Key::new().bytes(&right));
            prop_assert_eq!(a.as_ref().starts_with(b.as_ref()), left == right);
        }
    }

    proptest! {
        #[test]
        fn a_prefix_covers_what_starts_with_it(left: Vec<u8>, right: Vec<u8>) {
            let (whole, prefix) = (Key::new().bytes(&left), Key::new().bytes_prefix(&right));
            prop_assert_eq!(whole.as_ref().starts_with(prefix.as_ref()), left.starts_with(&right));
        }
    }

    #[test]
    fn descending_numbers_sort_backwards_and_read_back() {
        let key = |n| Key::new().u64_desc(n);
        assert!(key(u64::MAX) < key(7) && key(7) < key(0));
        assert_eq!(KeyReader::new(key(7).as_ref()).u64_desc(), Ok(7));
    }

    #[test]
    fn a_cut_key_is_malformed() {
        let key = Key::new().str("abc").u64(7).into_vec();
        for length in 0..key.len() {
            let mut reader = KeyReader::new(&key[..length]);
            assert!(reader.str().and_then(|_| reader.u64()).is_err(), "{length}");
        }
    }
}
