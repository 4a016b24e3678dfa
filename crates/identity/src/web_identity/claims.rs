//! What a token says: who, for whom, from when to when, and with which session tags.
//!
//! The terms are the token's own; whether its audience is one that an account registered is the caller's to ask.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>

use base::Timestamp;
use serde_json::{Map, Value};

/// How far an issuer's clock may be ahead of ours, in seconds.
const SKEW_SECS_MAX: i64 = 300;
/// The longest name, subject or audience.
const TEXT_CHARACTERS_MAX: usize = 255;
/// The most audiences of one token.
const AUDIENCES_MAX: usize = 100;
/// Where session tags stand.
const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

/// The claims of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    issuer: String,
    subject: String,
    audiences: Vec<String>,
    authorized_party: Option<String>,
    expires_at_secs: i64,
    issued_at_secs: i64,
    not_before_secs: Option<i64>,
    all: Map<String, Value>,
}

/// Why a token's terms are not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// It has ended.
    #[error("the token expired at {at_secs}")]
    Expired {
        /// When, in seconds since 1970.
        at_secs: i64,
    },
    /// It has not begun.
    #[error("the token is not valid yet")]
    Early,
}

/// What a token asks for the session besides the role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionClaims {
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// The keys of those that go on into further roles.
    pub transitive: Vec<String>,
    /// The source identity.
    pub source_identity: Option<String>,
}

impl Claims {
    /// From the JSON of a token's middle part; `None` where a required claim is missing or of another form.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let all: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| all.get(name).and_then(Value::as_str).filter(|text| is_name(text));
        let audiences = match all.get("aud")? {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) => strings(many)?,
            _ => return None,
        };
        if audiences.is_empty()
            || audiences.len() > AUDIENCES_MAX
            || !audiences.iter().all(|name| is_name(name))
        {
            return None;
        }
        let not_before_secs = match all.get("nbf") {
            Some(moment) => Some(secs(moment)?),
            None => None,
        };
        let authorized_party = match all.get("azp") {
            Some(_) => Some(text("azp")?.to_owned()),
            None => None,
        };
        Some(Self {
            issuer: text("iss")?.to_owned(),
            subject: text("sub")?.to_owned(),
            audiences,
            authorized_party,
            expires_at_secs: secs(all.get("exp")?)?,
            issued_at_secs: secs(all.get("iat")?)?,
            not_before_secs,
            all,
        })
    }

    /// Who made the token: `https://host/path`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom it is about, as the issuer tells its people apart.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// For whom it was made: the authorized party, else the only audience. `None` where several could be meant.
    pub fn audience(&self) -> Option<&str> {
        match (&self.authorized_party, self.audiences.as_slice()) {
            (Some(party), _) => Some(party),
            (None, [one]) => Some(one),
            (None, _) => None,
        }
    }

    /// The values of a claim that holds text, numbers, flags or a list of text; empty for any other.
    pub fn values(&self, name: &str) -> Vec<String> {
        match self.all.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Bool(flag)) => vec![flag.to_string()],
            Some(Value::Number(number)) => vec![number.to_string()],
            Some(Value::Array(many)) => strings(many).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Whether the token stands at this moment.
    ///
    /// # Errors
    /// Where it has ended, or not begun.
    pub fn check(&self, now: Timestamp) -> Result<(), ClaimError> {
        let now_secs = now.secs();
        if now_secs >= self.expires_at_secs {
            return Err(ClaimError::Expired { at_secs: self.expires_at_secs });
        }
        let begins = self.not_before_secs.unwrap_or(self.issued_at_secs).max(self.issued_at_secs);
        if begins.saturating_sub(SKEW_SECS_MAX) > now_secs {
            return Err(ClaimError::Early);
        }
        Ok(())
    }

    /// Session tags and source identity; `None` where they are not of the form that AWS reads.
    ///
    /// Both forms are read: an object with `principal_tags` and `transitive_tag_keys`, and the flattened one, a claim a
    /// tag (`https://aws.amazon.com/tags/principal_tags/Team`).
    pub fn session(&self) -> Option<SessionClaims> {
        let mut session = SessionClaims::default();
        if let Some(nested) = self.all.get(TAGS) {
            let nested = nested.as_object()?;
            for (key, value) in nested.get("principal_tags").map_or(Some(&Map::new()), Value::as_object)? {
                session.tags.push((key.clone(), one_value(value)?));
            }
            session.transitive = keys(nested.get("transitive_tag_keys"))?;
        }
        let flat = format!("{TAGS}/principal_tags/");
        for (name, value) in &self.all {
            if let Some(key) = name.strip_prefix(&flat) {
                session.tags.push((key.to_owned(), one_value(value)?));
            }
        }
        session.transitive.extend(keys(self.all.get(&format!("{TAGS}/transitive_tag_keys")))?);
        session.source_identity = match self.all.get(SOURCE_IDENTITY) {
            Some(identity) => Some(identity.as_str()?.to_owned()),
            None => None,
        };
        Some(session)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= TEXT_CHARACTERS_MAX && !text.chars().any(char::is_control)
}

fn strings(values: &[Value]) -> Option<Vec<String>> {
    values.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

/// A list of keys, which may be absent.
fn keys(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None => Some(Vec::new()),
        Some(value) => strings(value.as_array()?),
    }
}

/// A tag has one value, in a list or alone.
fn one_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(many) => match many.as_slice() {
            [Value::String(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A moment in seconds since 1970. Fractions are cut off, as is what no calendar holds.
#[allow(clippy::cast_possible_truncation, reason = "bounded just before")]
fn secs(value: &Value) -> Option<i64> {
    let number = value.as_f64()?;
    (0.0..1e12).contains(&number).then_some(number as i64)
}
