//! `Principal` and `NotPrincipal`: whom a resource's policy speaks of.
//!
//! It does not know whether a principal exists; IAM and STS check that where AWS does.

use crate::error::PolicyError;
use crate::json::Json;
use crate::request::{PrincipalKind, PrincipalView};

/// How closely a statement named the caller; the closer, the fewer other policies it needs. In rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// The caller's account: it delegates to that account's identity policies.
    Account,
    /// Everyone.
    Anyone,
    /// The role behind the caller's session, or the user who lends it its rights.
    Role,
    /// Exactly this user, session, root user, service or provider.
    Exact,
}

/// A compiled principal element.
#[derive(Clone, Debug)]
pub(crate) struct PrincipalElement {
    patterns: Vec<PrincipalPattern>,
    negated: bool,
}

#[derive(Clone, Debug)]
enum PrincipalPattern {
    Anyone,
    Account(Box<str>),
    Arn(Box<str>),
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    /// Kept so that a policy can be stored; S3 brings what it means.
    CanonicalUser,
}

impl PrincipalElement {
    /// Compiles the value of `Principal`, or of `NotPrincipal` where `negated`.
    pub(crate) fn compile(json: &Json, negated: bool) -> Result<Self, PolicyError> {
        let patterns = match json {
            Json::String(text) if text == "*" => vec![PrincipalPattern::Anyone],
            Json::String(text) => return Err(invalid("AWS", text)),
            Json::Object(kinds) if !kinds.is_empty() => {
                let mut patterns = Vec::new();
                for (kind, values) in kinds {
                    for value in crate::parse::strings(values, kind)? {
                        patterns.push(PrincipalPattern::compile(kind, value)?);
                    }
                }
                patterns
            }
            _ => return Err(PolicyError::syntax("a principal is `*` or an object of kinds")),
        };
        if patterns.is_empty() {
            return Err(PolicyError::syntax("a principal element names no one"));
        }
        Ok(Self { patterns, negated })
    }

    pub(crate) const fn is_negated(&self) -> bool {
        self.negated
    }

    /// Whom it names, each with its kind before it.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |pattern: &PrincipalPattern| match pattern {
            PrincipalPattern::Anyone => "*".to_owned(),
            PrincipalPattern::Account(name)
            | PrincipalPattern::Arn(name)
            | PrincipalPattern::UniqueId(name) => format!("AWS:{name}"),
            PrincipalPattern::Service(name) => format!("Service:{name}"),
            PrincipalPattern::Federated(name) => format!("Federated:{name}"),
            PrincipalPattern::CanonicalUser => "CanonicalUser".to_owned(),
        };
        self.patterns.iter().map(text).collect()
    }

    /// True for `*`, the wildcard.
    pub(crate) fn is_anyone(&self) -> bool {
        !self.negated && matches!(self.patterns.as_slice(), [PrincipalPattern::Anyone])
    }

    /// How closely a statement that allows names the caller; `None` where it does not.
    pub(crate) fn grants(&self, principal: &PrincipalView<'_>) -> Option<Grant> {
        let closest = self.patterns.iter().filter_map(|pattern| pattern.grant(principal)).max();
        match (self.negated, closest) {
            (false, closest) => closest,
            (true, None) => Some(Grant::Anyone),
            (true, Some(_)) => None,
        }
    }

    /// Whether a statement that denies is about the caller.
    // SECURITY: `NotPrincipal` spares a caller only if every identity the caller has is listed: the account, and the user,
    // or the role and its session. Sparing on less would let a whole account through on account of one name. It never spares
    // who has a permissions boundary:
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    pub(crate) fn denies(&self, principal: &PrincipalView<'_>, has_boundary: bool) -> bool {
        if !self.negated {
            return self.patterns.iter().any(|pattern| pattern.grant(principal).is_some());
        }
        if has_boundary {
            return true;
        }
        let listed =
            |grant: Grant| self.patterns.iter().any(|pattern| pattern.grant(principal) == Some(grant));
        let spared = listed(Grant::Anyone)
            || match principal.kind {
                PrincipalKind::Root | PrincipalKind::Service => listed(Grant::Exact),
                PrincipalKind::User => listed(Grant::Account) && listed(Grant::Exact),
                PrincipalKind::Federated if principal.lender.is_none() => listed(Grant::Exact),
                PrincipalKind::AssumedRole | PrincipalKind::Federated => {
                    listed(Grant::Account) && listed(Grant::Role) && listed(Grant::Exact)
                }
                PrincipalKind::Anonymous => false,
            };
        !spared
    }
}

impl PrincipalPattern {
    fn compile(kind: &str, value: &str) -> Result<Self, PolicyError> {
        let bad = || invalid(kind, value);
        match kind {
            "AWS" if value == "*" => Ok(Self::Anyone),
            "AWS" if is_account(value) => Ok(Self::Account(value.into())),
            "AWS" if value.starts_with("arn:") => Self::arn(value).ok_or_else(bad),
            "AWS" if is_unique_id(value) => Ok(Self::UniqueId(value.into())),
            "Service" if is_service(value) => Ok(Self::Service(value.into())),
            "Federated" if !value.is_empty() && !value.contains(['*', '?']) => {
                Ok(Self::Federated(value.into()))
            }
            "CanonicalUser" if !value.is_empty() => Ok(Self::CanonicalUser),
            "AWS" | "Service" | "Federated" | "CanonicalUser" => Err(bad()),
            _ => Err(PolicyError::syntax(format!("`{kind}` is not a kind of principal"))),
        }
    }

    fn arn(text: &str) -> Option<Self> {
        let arn: base::Arn = text.parse().ok()?;
        let global = arn.region.is_empty() && is_account(&arn.account) && !text.contains(['*', '?', ' ']);
        if !global || arn.partition != base::PARTITION {
            return None;
        }
        let (kind, name) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
        match (arn.service.as_str(), kind) {
            ("iam", "root") if name.is_empty() => Some(Self::Account(arn.account.as_str().into())),
            ("iam", "user" | "role") if !name.is_empty() && !name.ends_with('/') => {
                Some(Self::Arn(text.into()))
            }
            ("sts", "federated-user") if !name.is_empty() => Some(Self::Arn(text.into())),
            ("sts", "assumed-role")
                if name.split('/').count() == 2 && !name.split('/').any(str::is_empty) =>
            {
                Some(Self::Arn(text.into()))
            }
            _ => None,
        }
    }

    fn grant(&self, principal: &PrincipalView<'_>) -> Option<Grant> {
        let signed = !matches!(principal.kind, PrincipalKind::Service | PrincipalKind::Anonymous);
        match self {
            Self::Anyone => Some(Grant::Anyone),
            Self::Account(account) if signed && **account == *principal.account => {
                Some(if principal.kind == PrincipalKind::Root { Grant::Exact } else { Grant::Account })
            }
            Self::Arn(arn) if signed && **arn == *principal.arn => Some(Grant::Exact),
            Self::Arn(arn) if principal.role_arn == Some(&**arn) => Some(Grant::Role),
            Self::Arn(arn) if principal.lender.is_some_and(|user| *user.arn == **arn) => Some(Grant::Role),
            Self::UniqueId(id) if principal.lender.is_some_and(|user| *user.user_id == **id) => {
                Some(Grant::Role)
            }
            Self::UniqueId(id) if signed && **id == *principal.user_id => Some(Grant::Exact),
            Self::UniqueId(id) if principal.role_arn.is_some() => {
                let role_id = principal.user_id.split(':').next();
                (role_id == Some(&**id)).then_some(Grant::Role)
            }
            Self::Service(name) if principal.kind == PrincipalKind::Service => {
                (principal.service == Some(&**name)).then_some(Grant::Exact)
            }
            Self::Federated(provider) if principal.kind == PrincipalKind::Federated => {
                (**provider == *principal.arn).then_some(Grant::Exact)
            }
            _ => None,
        }
    }
}

fn invalid(kind: &str, value: &str) -> PolicyError {
    PolicyError::InvalidPrincipal { kind: kind.to_owned(), value: value.chars().take(256).collect() }
}

fn is_account(text: &str) -> bool {
    text.parse::<base::AccountId>().is_ok()
}

/// `AIDA…` and `AROA…` ids, as AWS shows them once the user or role behind an ARN is gone; of a role's session, with the
/// session's name (`AROA…:name`).
fn is_unique_id(text: &str) -> bool {
    let (id, session) = text.split_once(':').map_or((text, None), |(id, session)| (id, Some(session)));
    (16..=128).contains(&id.len())
        && (id.starts_with("AROA") || id.starts_with("AIDA") && session.is_none())
        && session.is_none_or(is_session_name)
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// What may stand behind a role in the ARN or the unique id of its session. A function's session has the function's name, which
/// may be one character; `AssumeRole` wants two.
pub fn is_session_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

fn is_service(text: &str) -> bool {
    text.contains('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111111111111";

    fn element(json: &str, negated: bool) -> Result<PrincipalElement, PolicyError> {
        PrincipalElement::compile(&crate::json::parse(json).unwrap(), negated)
    }

    fn session() -> PrincipalView<'static> {
        PrincipalView {
            lender: None,
            kind: PrincipalKind::AssumedRole,
            arn: "arn:aws:sts::111111111111:assumed-role/app/s1",
            account: ACCOUNT,
            role_arn: Some("arn:aws:iam::111111111111:role/path/app"),
            service: None,
            user_id: "AROAEXAMPLEEXAMPLE00:s1",
        }
    }

    #[test]
    fn a_session_is_its_account_its_role_and_itself() {
        for (json, expected) in [
            (r#""*""#, Some(Grant::Anyone)),
            (r#"{"AWS":"*"}"#, Some(Grant::Anyone)),
            (r#"{"AWS":"111111111111"}"#, Some(Grant::Account)),
            (r#"{"AWS":"arn:aws:iam::111111111111:root"}"#, Some(Grant::Account)),
            (
                r#"{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::111111111111:role/path/app"]}"#,
                Some(Grant::Role),
            ),
            (r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/app/s1"}"#, Some(Grant::Exact)),
            (r#"{"AWS":"AROAEXAMPLEEXAMPLE00"}"#, Some(Grant::Role)),
            (r#"{"AWS":"AROAEXAMPLEEXAMPLE00:s1"}"#, Some(Grant::Exact)),
            (r#"{"AWS":"AROAEXAMPLEEXAMPLE00:s2"}"#, None),
            (r#"{"AWS":"arn:aws:iam::111111111111:role/app"}"#, None),
            (r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/app/s2"}"#, None),
            (r#"{"AWS":"222222222222"}"#, None),
            (r#"{"Service":"lambda.amazonaws.com"}"#, None),
        ] {
            assert_eq!(element(json, false).unwrap().grants(&session()), expected, "{json}");
        }
    }

    #[test]
    fn impossible_principals_are_refused() {
        for json in [
            r#""arn:aws:iam::111111111111:root""#,
            r#"{"AWS":"arn:aws:iam::111111111111:user/*"}"#,
            r#"{"AWS":"arn:aws:iam::111111111111:group/g"}"#,
            r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/app/*"}"#,
            r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/app"}"#,
            r#"{"AWS":"arn:aws:iam::1:root"}"#,
            r#"{"AWS":"bob"}"#,
            r#"{"AWS":"AIDAEXAMPLEEXAMPLE00:s1"}"#,
            r#"{"AWS":"AROAEXAMPLEEXAMPLE00:a b"}"#,
            r#"{"Service":"*"}"#,
            r#"{"Someone":"x"}"#,
            r#"{"AWS":[]}"#,
            "{}",
            "[]",
        ] {
            assert!(element(json, false).is_err(), "{json}");
        }
    }

    #[test]
    fn not_principal_spares_only_who_is_listed_in_full() {
        let role_only = element(r#"{"AWS":"arn:aws:iam::111111111111:role/path/app"}"#, true).unwrap();
        assert!(role_only.denies(&session(), false));
        assert_eq!(role_only.grants(&session()), None);
        let full = element(
            r#"{"AWS":["111111111111","arn:aws:iam::111111111111:role/path/app","arn:aws:sts::111111111111:assumed-role/app/s1"]}"#,
            true,
        )
        .unwrap();
        assert!(!full.denies(&session(), false) && full.denies(&session(), true));
        let other = element(r#"{"AWS":"222222222222"}"#, true).unwrap();
        assert!(other.denies(&session(), false));
        assert_eq!(other.grants(&session()), Some(Grant::Anyone));
    }
}
