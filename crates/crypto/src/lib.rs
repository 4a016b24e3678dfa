//! Randomness, digests, constant-time comparison, and the keys under which everything at rest is sealed.
//!
//! Knows no request, no table and no AWS service. No primitive is implemented here: all of them are AWS-LC's, but for
//! Argon2 (RustCrypto's), which AWS-LC does not have, MD5, which only names objects, and CRCs, which find accidents only.

pub mod certificate;
pub mod checksum;
mod digest;
pub mod ed25519;
mod keyring;
pub mod password;
pub mod random;
mod root;
mod seal;
pub mod signature;
pub mod signing;

pub use digest::{Md5, Sha1, Sha256, constant_time_eq, hmac_sha1, hmac_sha256, sha256};
pub use root::{RootKey, RootKeyError};
pub use seal::{SEAL_OVERHEAD_BYTES, Sealer, Unsealable};

/// Bodies of the fuzz targets, as ordinary functions that tests call too.
#[doc(hidden)]
pub mod fuzz {
    pub use crate::certificate::fuzz_certificate;

    /// Whatever the bytes, opening them answers an error, and the root key's parser never panics.
    pub fn fuzz_open(data: &[u8]) {
        let sealer = crate::RootKey::ephemeral().derive("fuzz");
        assert!(sealer.open(b"context", data).is_err(), "a stranger's bytes opened");
        drop(crate::root::parse(data));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn hostile_bytes_never_open() {
        let seeds: [&[u8]; 4] = [b"", b"\x01", &[0; 64], b"fastness root key v1\n"];
        for seed in seeds {
            crate::fuzz::fuzz_open(seed);
        }
        for length in 0..200 {
            let mut noise = vec![0; length];
            crate::random::fill(&mut noise);
            crate::fuzz::fuzz_open(&noise);
        }
    }
}
