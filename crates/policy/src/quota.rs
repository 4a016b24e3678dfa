//! IAM's size quotas, and how IAM counts: characters that are not white space.
//!
//! Which quota applies to which call, and the error it raises, is each service's to know.

/// No policy of any kind is longer than this many bytes; nothing longer is even parsed.
pub const POLICY_BYTES_MAX: usize = 131_072;
/// One version of a managed policy.
pub const MANAGED_POLICY_CHARACTERS_MAX: usize = 6_144;
/// All inline policies of one user together.
pub const USER_INLINE_CHARACTERS_MAX: usize = 2_048;
/// All inline policies of one group together.
pub const GROUP_INLINE_CHARACTERS_MAX: usize = 5_120;
/// All inline policies of one role together.
pub const ROLE_INLINE_CHARACTERS_MAX: usize = 10_240;
/// One role's trust policy.
pub const TRUST_POLICY_CHARACTERS_MAX: usize = 2_048;
/// One inline session policy.
pub const SESSION_POLICY_CHARACTERS_MAX: usize = 2_048;

/// How large IAM considers this policy text: white space does not count.
pub fn characters(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_free() {
        assert_eq!(characters("{ \"a\" :\n\t1 }"), 7);
        assert_eq!(characters("ä"), 1);
    }
}
