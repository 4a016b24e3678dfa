//! The rules of sessions: how long they last, what they hand on, how far they are narrowed.
//!
//! No I/O, no clock, no wire.

use identity::SessionPolicy;
use identity::web_identity::SessionClaims;
use policy::{Policy, PolicyKind, quota};

use crate::Error;

/// The default length of a role's session, in seconds.
const ROLE_SECS_DEFAULT: i64 = 3_600;
/// The longest session that a session of a role may begin.
const CHAINED_SECS_MAX: i64 = 3_600;
/// The default length of a user's session.
const KEY_SECS_DEFAULT: i64 = 43_200;
/// The longest session of a root user.
const ROOT_SECS_MAX: i64 = 3_600;
/// The most managed session policies.
const SESSION_POLICIES_MAX: usize = 10;
/// The most session tags.
const SESSION_TAGS_MAX: usize = 50;
/// The longest key of a session tag.
const TAG_KEY_CHARACTERS_MAX: usize = 128;
/// The longest value of a session tag.
const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// What session policies and tags may take together in a token.
const PACKED_CHARACTERS_MAX: usize = 4_096;

/// How long a role's session lasts.
pub(crate) fn role_session_secs(asked: Option<i64>, role_max: i64, chained: bool) -> Result<i64, Error> {
    // What nobody asked for is never refused: the default bends to the role.
    let Some(secs) = asked else { return Ok(ROLE_SECS_DEFAULT.min(role_max)) };
    if chained && secs > CHAINED_SECS_MAX {
        return Err(Error::ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
                .to_owned(),
        ));
    }
    if secs > role_max {
        return Err(Error::ValidationError(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        ));
    }
    Ok(secs)
}

/// How long a user's or root user's session lasts. A root user's is cut to an hour, as in AWS.
pub(crate) fn key_session_secs(asked: Option<i64>, root: bool) -> i64 {
    let secs = asked.unwrap_or(KEY_SECS_DEFAULT);
    if root { secs.min(ROOT_SECS_MAX) } else { secs }
}

/// Session tags: those asked for, and those that the calling session hands on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionTags {
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) transitive: Vec<String>,
}

fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

fn refused(message: &str) -> Error {
    Error::InvalidParameterValue(message.to_owned())
}

/// Joins the tags asked for with the transitive ones of the calling session.
// SECURITY: a transitive tag of the caller's cannot be set anew, nor left behind: policies further down rely on it.
pub(crate) fn session_tags(
    asked: Vec<(String, String)>,
    transitive: Vec<String>,
    caller_tags: &[(String, String)],
    caller_transitive: &[String],
) -> Result<SessionTags, Error> {
    for (at, (key, _)) in asked.iter().enumerate() {
        if asked.iter().take(at).any(|(other, _)| same(key, other)) {
            return Err(refused("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        if key.get(..4).is_some_and(|prefix| same(prefix, "aws:")) {
            return Err(refused("Tag keys beginning with aws: are reserved."));
        }
        if caller_transitive.iter().any(|other| same(key, other)) {
            return Err(refused(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
                 from the calling session.",
            ));
        }
    }
    if transitive.iter().any(|key| !asked.iter().any(|(other, _)| same(key, other))) {
        return Err(refused("The specified transitive tag key must be included in the requested tags."));
    }
    let handed_on =
        caller_tags.iter().filter(|(key, _)| caller_transitive.iter().any(|other| same(key, other)));
    let mut tags: Vec<(String, String)> = handed_on.cloned().collect();
    tags.extend(asked);
    if tags.len() > SESSION_TAGS_MAX {
        return Err(refused("The number of session tags, transitive ones included, exceeds 50."));
    }
    let mut all_transitive = caller_transitive.to_vec();
    all_transitive.extend(transitive);
    Ok(SessionTags { tags, transitive: all_transitive })
}

/// Checks session policies and says how full they and the tags make a token, in percent; `None` where there are none.
pub(crate) fn packed_size(
    inline: Option<&str>,
    managed: &[SessionPolicy],
    tags: &[(String, String)],
) -> Result<Option<i64>, Error> {
    if let Some(text) = inline {
        Policy::parse(text, PolicyKind::Session)
            .map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
        if quota::characters(text) > quota::SESSION_POLICY_CHARACTERS_MAX {
            return Err(too_large(quota::characters(text) * 100 / quota::SESSION_POLICY_CHARACTERS_MAX));
        }
    }
    if managed.len() > SESSION_POLICIES_MAX {
        return Err(Error::ValidationError(format!(
            "The number of managed session policies exceeds {SESSION_POLICIES_MAX}."
        )));
    }
    if inline.is_none() && managed.is_empty() && tags.is_empty() {
        return Ok(None);
    }
    let tag_characters: usize = tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    let arn_characters: usize = managed.iter().map(|policy| policy.arn.len()).sum();
    let used = inline.map_or(0, quota::characters) + tag_characters + arn_characters;
    let percent = (used * 100).div_ceil(PACKED_CHARACTERS_MAX);
    if percent > 100 {
        return Err(too_large(percent));
    }
    Ok(i64::try_from(percent.max(1)).ok())
}

/// Checks the tags and the source identity that a token carries: the model's bounds are for requests alone.
pub(crate) fn check_token_claims(asked: &SessionClaims) -> Result<(), Error> {
    let rejected = |what: &str| Error::IdpRejectedClaim(format!("The {what} of the token is not valid."));
    let is_text = |text: &str, max: usize| {
        text.chars().count() <= max
            && text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
    };
    if asked.tags.len() > SESSION_TAGS_MAX || asked.transitive.len() > SESSION_TAGS_MAX {
        return Err(rejected("number of session tags"));
    }
    for (key, value) in &asked.tags {
        if key.is_empty()
            || !is_text(key, TAG_KEY_CHARACTERS_MAX)
            || !is_text(value, TAG_VALUE_CHARACTERS_MAX)
        {
            return Err(rejected("session tags"));
        }
    }
    let fits = |identity: &String| {
        (2..=64).contains(&identity.len())
            && identity.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    };
    if !asked.source_identity.as_ref().is_none_or(fits) {
        return Err(rejected("source identity"));
    }
    Ok(())
}

fn too_large(percent: usize) -> Error {
    Error::PackedPolicyTooLarge(format!(
        "Packed size of session tags and policies consumes {percent}% of allotted space."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_session_is_as_long_as_the_role_and_the_chain_allow() {
        let table = [
            (None, 43_200, false, Some(3_600)),
            (None, 1_800, false, Some(1_800)),
            (Some(43_200), 43_200, false, Some(43_200)),
            (Some(3_601), 3_600, false, None),
            (Some(3_600), 43_200, true, Some(3_600)),
            (Some(3_601), 43_200, true, None),
        ];
        for (asked, role_max, chained, expected) in table {
            let secs = role_session_secs(asked, role_max, chained).ok();
            assert_eq!(secs, expected, "{asked:?} of {role_max}, chained: {chained}");
        }
        assert_eq!(key_session_secs(None, false), 43_200);
        assert_eq!(key_session_secs(Some(129_600), true), 3_600);
        assert_eq!(key_session_secs(Some(900), true), 900);
    }

    fn tags(keys: &[&str]) -> Vec<(String, String)> {
        keys.iter().map(|key| ((*key).to_owned(), "v".to_owned())).collect()
    }

    fn names(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn transitive_tags_go_on_and_cannot_be_changed() {
        let joined = session_tags(tags(&["b"]), names(&["B"]), &tags(&["a", "c"]), &names(&["a"])).unwrap();
        assert_eq!(joined.tags, tags(&["a", "b"]));
        assert_eq!(joined.transitive, names(&["a", "B"]));
        assert!(session_tags(tags(&["A"]), vec![], &tags(&["a"]), &names(&["a"])).is_err());
        assert!(session_tags(tags(&["a", "A"]), vec![], &[], &[]).is_err());
        assert!(session_tags(tags(&["a"]), names(&["b"]), &[], &[]).is_err());
        assert!(session_tags(tags(&["AWS:x"]), vec![], &[], &[]).is_err());
    }

    #[test]
    fn session_policies_are_policies_of_a_certain_size() {
        let good =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        assert_eq!(packed_size(None, &[], &[]).unwrap(), None);
        assert!(packed_size(Some(good), &[], &tags(&["a"])).unwrap().unwrap() >= 1);
        assert!(matches!(packed_size(Some("{"), &[], &[]), Err(Error::MalformedPolicyDocument(_))));
        let long = good.replace(r#""s3:*""#, &format!("[{}]", [r#""s3:GetObject""#; 200].join(",")));
        assert!(matches!(packed_size(Some(&long), &[], &[]), Err(Error::PackedPolicyTooLarge(_))));
        assert!(packed_size(None, &vec![SessionPolicy::of_aws("a"); 11], &[]).is_err());
    }
}
