//! What happened: logs for operators, and the audit trail for everybody who has to prove something.
//!
//! Knows no request and no policy: whoever records says what to record, with sensitive members already redacted.

pub mod audit;
pub mod logs;

pub use audit::{
    AccessedResource, Attribute, AuditTicket, AuditTrail, AuditUnavailable, Category, Changes, Event,
    Noticed, Outcome, Page, Position, Query, Record,
};

/// Bodies of the fuzz targets, as ordinary functions that tests call too.
#[doc(hidden)]
pub mod fuzz {
    /// Whatever the bytes, a page token is read or refused, and what was read writes the same token.
    pub fn fuzz_position(data: &[u8]) {
        if let Ok(text) = std::str::from_utf8(data)
            && let Some(position) = crate::Position::parse(text)
        {
            assert_eq!(crate::Position::parse(&position.to_string()), Some(position));
        }
    }

    /// Whatever the bytes, a stored block is read or refused.
    pub fn fuzz_block(data: &[u8]) {
        let _ = crate::audit::block::decode(data);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hostile_bytes_are_read_or_refused(data: Vec<u8>) {
            crate::fuzz::fuzz_position(&data);
            crate::fuzz::fuzz_block(&data);
            for version in [1, 2] {
                crate::fuzz::fuzz_block(&[&[version], &data[..]].concat());
            }
        }
    }

    #[test]
    fn the_seed_corpus_is_read_or_refused() {
        let seeds: [&[u8]; 7] = [
            b"",
            b"1-00000000000000000000000000000001",
            b"-1-x",
            b"\x01\0\0\0\0",
            b"\x01\xff\xff\xff\xff\0",
            b"\x02\0\0\0\0",
            b"\x02\xff\xff\xff\xff\0",
        ];
        for seed in seeds {
            crate::fuzz::fuzz_position(seed);
            crate::fuzz::fuzz_block(seed);
        }
    }
}
