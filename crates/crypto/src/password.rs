//! Passwords of people: stored as Argon2id hashes, never as themselves.
//!
//! It knows no rule about what a password must look like. Hashing takes tens of milliseconds and 19 MiB on purpose:
//! callers run it off the threads that answer, and few at a time.

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory in KiB, passes and lanes: OWASP's recommendation of 2024 for Argon2id.
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);

/// A password could not be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct Unhashable;

fn argon2() -> Result<Argon2<'static>, Unhashable> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|_| Unhashable)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The password's hash under a new salt, with its parameters (PHC string format).
///
/// # Errors
/// Where Argon2 refuses its input, for example one of four gigabytes.
pub fn hash(password: &str) -> Result<String, Unhashable> {
    let salt = SaltString::encode_b64(&crate::random::bytes::<16>()).map_err(|_| Unhashable)?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(|_| Unhashable)?;
    Ok(hash.to_string())
}

/// True where the hash was made of this password. A hash that does not parse is of none.
#[must_use]
pub fn verify(password: &str, hash: &str) -> bool {
    let Ok(argon2) = argon2() else { return false };
    PasswordHash::new(hash).is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_only_and_never_holds_it() {
        let made = hash("correct horse").unwrap();
        assert!(made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{made}");
        assert!(!made.contains("correct"));
        assert_ne!(made, hash("correct horse").unwrap(), "a salt of its own");
        assert!(verify("correct horse", &made));
        for (password, hash) in [("correct horsf", made.as_str()), ("", &made), ("correct horse", "x")] {
            assert!(!verify(password, hash));
        }
    }
}
