//! Unique ids and secrets: access keys, and the `AIDA…`, `AROA…`, `AGPA…`, `ANPA…` ids of entities.
//!
//! An id's prefix is for people. Nothing in the platform reads rights, kind or trust out of it; the account that an
//! access key's id encodes answers `GetAccessKeyInfo` and nothing else.

use base::{AccountId, SecretString};
use base64::Engine as _;

/// A long-term access key.
pub const LONG_TERM: &str = "AKIA";
/// A temporary access key.
pub const TEMPORARY: &str = "ASIA";
/// A user.
pub const USER: &str = "AIDA";
/// A role.
pub const ROLE: &str = "AROA";
/// A group.
pub const GROUP: &str = "AGPA";
/// A managed policy.
pub const POLICY: &str = "ANPA";

/// An instance profile.
pub const INSTANCE_PROFILE: &str = "AIPA";
/// A server certificate.
pub const CERTIFICATE: &str = "ASCA";

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ENCODED_CHARS: usize = 16;

/// A new entity id: the prefix and seventeen random characters.
pub fn entity(prefix: &str) -> String {
    format!("{prefix}{}", crypto::random::base32(17))
}

/// A new access key id of twenty characters, which encodes its account as AWS's do.
pub fn access_key(prefix: &str, account: AccountId) -> String {
    let random = u128::from(u64::from_be_bytes(crypto::random::bytes::<8>()));
    let number: u128 = account.as_str().parse().unwrap_or(0);
    // 80 bits: a one, forty bits of account, thirty-nine random ones.
    let bits = (1 << 79) | (number << 39) | (random & ((1 << 39) - 1));
    let digit = |at: usize| ALPHABET.get((bits >> (75 - 5 * at)) as usize & 31).copied().unwrap_or(b'A');
    let tail: String = (0..ENCODED_CHARS).map(|at| char::from(digit(at))).collect();
    format!("{prefix}{tail}")
}

/// The account that an access key's id encodes, where it encodes one.
pub fn account_of(access_key_id: &str) -> Option<AccountId> {
    let tail = access_key_id.get(4..).filter(|tail| tail.len() == ENCODED_CHARS)?;
    let bits = tail.bytes().try_fold(0_u128, |bits, byte| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        Some((bits << 5) | digit as u128)
    })?;
    if bits >> 79 == 0 {
        return None; // an id from before accounts were encoded
    }
    format!("{:012}", (bits >> 39) & ((1 << 40) - 1)).parse().ok()
}

/// A new secret access key: forty characters.
pub fn secret() -> SecretString {
    SecretString::new(base64::engine::general_purpose::STANDARD.encode(crypto::random::bytes::<30>()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_access_key_tells_its_account(number in 0_u64..1_000_000_000_000) {
            let account: AccountId = format!("{number:012}").parse().unwrap();
            let id = access_key(TEMPORARY, account);
            prop_assert_eq!(id.len(), 20);
            prop_assert_eq!(account_of(&id), Some(account));
        }

        #[test]
        fn any_text_is_an_account_or_none(text: String) {
            let _ = account_of(&text);
        }
    }

    #[test]
    fn a_key_that_aws_made_tells_the_account_it_was_made_for() {
        // Published by several articles on the format.
        assert_eq!(account_of("ASIAQNZGKIQY56JQ7WML").unwrap().as_str(), "029608264753");
        assert_eq!(account_of("AKIAIOSFODNN7EXAMPLE"), None);
    }

    #[test]
    fn ids_and_secrets_have_the_usual_lengths() {
        assert_eq!(entity(USER).len(), 21);
        assert_eq!(secret().expose().len(), 40);
    }
}
