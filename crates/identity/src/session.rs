//! Temporary credentials: a session token holds all there is to know of its session, sealed.
//!
//! No session is stored. A token is bound to its access key id, so it cannot be joined to another key; what it grants
//! is looked up anew at every use, so that a deleted role or user takes its sessions along. A token is never shown in
//! `Debug`, logs or audit.

mod policy;

use base::{AccountId, SecretString, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::Sealer;
use serde::{Deserialize, Serialize};

pub use policy::SessionPolicy;

use crate::ids;
use crate::principal::{FederatedBy, PrincipalTags};

/// The longest token that is read.
pub const TOKEN_BYTES_MAX: usize = 64 * 1_024;

/// What `AssumeRole` and `GetSessionToken` hand out.
#[derive(Clone, Debug)]
pub struct TemporaryCredentials {
    /// `ASIA…`.
    pub access_key_id: String,
    /// Its secret.
    pub secret: SecretString,
    /// The sealed session.
    pub session_token: SecretString,
    /// When they end.
    pub expires_at: Timestamp,
}

/// A session: whose it is, and how it is narrowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The account in which it acts.
    #[serde(rename = "a")]
    pub account: AccountId,
    /// Whose session it is.
    #[serde(rename = "s")]
    pub subject: Subject,
    /// When it began.
    #[serde(rename = "i")]
    pub issued_at: Timestamp,
    /// When it ends.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
    /// True where it began with a second factor.
    #[serde(rename = "m", default, skip_serializing_if = "is_false")]
    pub mfa: bool,
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The account's root user, from `GetSessionToken`.
    #[serde(rename = "o")]
    Root,
    /// A user, from `GetSessionToken`.
    #[serde(rename = "u")]
    User {
        /// The user's name.
        #[serde(rename = "n")]
        name: String,
        /// `AIDA…`: a later user of the same name is another user.
        #[serde(rename = "d")]
        user_id: String,
    },
    /// A role, from `AssumeRole` or made by the platform for a function.
    #[serde(rename = "r")]
    Role(Box<RoleSession>),
    /// A federated user, from `GetFederationToken`.
    #[serde(rename = "f")]
    Federated(Box<FederatedSession>),
    /// Someone in the root user's place for one task, from `AssumeRoot`.
    #[serde(rename = "a")]
    AssumedRoot(Box<RootSession>),
}

/// A session in the root user's place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootSession {
    /// The organization by whose leave it began: it ends with that.
    #[serde(rename = "o")]
    pub organization: String,
    /// The ARN of the task's policy.
    #[serde(rename = "p")]
    pub task_policy: String,
    /// The source identity of whoever began it.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
}

/// A federated user's session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederatedSession {
    /// The name that it was given.
    #[serde(rename = "n")]
    pub name: String,
    /// Name and unique id of the user who lends its rights; `None` where it is the root user.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub lender: Option<(String, String)>,
    /// Inline session policies.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Managed session policies.
    #[serde(rename = "P", default, skip_serializing_if = "Vec::is_empty")]
    pub managed_policies: Vec<SessionPolicy>,
    /// Session tags.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: PrincipalTags,
}

/// A role's session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSession {
    /// The role's name.
    #[serde(rename = "n")]
    pub role_name: String,
    /// `AROA…`: a later role of the same name is another role.
    #[serde(rename = "d")]
    pub role_id: String,
    /// The session's name.
    #[serde(rename = "s")]
    pub session_name: String,
    /// Inline session policies.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Managed session policies.
    #[serde(rename = "P", default, skip_serializing_if = "Vec::is_empty")]
    pub managed_policies: Vec<SessionPolicy>,
    /// Session tags.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: PrincipalTags,
    /// The keys of session tags that go on into the next role that this session assumes.
    #[serde(rename = "T", default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tags: Vec<String>,
    /// The source identity.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The execution environment that it is for.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub source_environment: Option<String>,
    /// The function that it is for.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub source_function: Option<String>,
    /// True where the session was assumed by a session of a role.
    #[serde(rename = "c", default, skip_serializing_if = "is_false")]
    pub chained: bool,
    /// The identity provider by whose token it was assumed.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub federated_by: Option<FederatedBy>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was not made here, was changed, or belongs to another key.
    #[error("the session token is not valid")]
    Invalid,
    /// Its session is over.
    #[error("the session has expired")]
    Expired,
}

/// Makes and opens session tokens.
#[derive(Clone, Debug)]
pub struct Tokens {
    sealer: Sealer,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(rename = "k")]
    secret: String,
    #[serde(flatten)]
    session: Session,
}

const VERSION: u8 = 1;

// SECURITY: the access key id is part of what is authenticated, so a token opens under its own key id only.
fn context(access_key_id: &str) -> Vec<u8> {
    [b"session token\0".as_slice(), access_key_id.as_bytes()].concat()
}

impl Tokens {
    /// Tokens under this key. Every token of an older key ends with it.
    pub const fn new(sealer: Sealer) -> Self {
        Self { sealer }
    }

    /// New credentials for a session.
    pub fn issue(&self, session: &Session) -> Result<TemporaryCredentials, serde_json::Error> {
        let access_key_id = ids::access_key(ids::TEMPORARY, session.account);
        let secret = ids::secret();
        let sealed = Sealed { secret: secret.expose().to_owned(), session: session.clone() };
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&sealed)?);
        drop(SecretString::new(sealed.secret));
        let mut token = vec![VERSION];
        token.extend(self.sealer.seal(&context(&access_key_id), &plain));
        Ok(TemporaryCredentials {
            access_key_id,
            secret,
            session_token: SecretString::new(URL_SAFE_NO_PAD.encode(token)),
            expires_at: session.expires_at,
        })
    }

    /// The session behind a token, and its secret.
    pub fn open(
        &self,
        access_key_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<(Session, SecretString), TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::Invalid)?;
        let Some((&VERSION, sealed)) = bytes.split_first() else { return Err(TokenError::Invalid) };
        let plain = self.sealer.open(&context(access_key_id), sealed).map_err(|_| TokenError::Invalid)?;
        let plain = zeroize::Zeroizing::new(plain);
        let Sealed { secret, session } = serde_json::from_slice(&plain).map_err(|_| TokenError::Invalid)?;
        if now >= session.expires_at {
            return Err(TokenError::Expired);
        }
        Ok((session, SecretString::new(secret)))
    }
}

#[cfg(test)]
mod tests {
    use crypto::RootKey;

    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(RootKey::ephemeral().derive("session"))
    }

    fn session() -> Session {
        Session {
            account: "123456789012".parse().unwrap(),
            subject: Subject::Role(Box::new(RoleSession {
                role_name: "orders".into(),
                role_id: "AROAX".into(),
                session_name: "s1".into(),
                tags: vec![("team".into(), "a".into())],
                source_environment: Some("env-1".into()),
                ..RoleSession::default()
            })),
            issued_at: Timestamp::from_secs(1_000),
            expires_at: Timestamp::from_secs(2_000),
            mfa: false,
        }
    }

    #[test]
    fn a_token_opens_under_its_own_key_until_it_expires() {
        let (tokens, now) = (tokens(), Timestamp::from_secs(1_999));
        let made = tokens.issue(&session()).unwrap();
        let token = made.session_token.expose();
        let (opened, secret) = tokens.open(&made.access_key_id, token, now).unwrap();
        assert_eq!(opened, session());
        assert_eq!(secret.expose(), made.secret.expose());
        assert_eq!(
            tokens.open(&made.access_key_id, token, Timestamp::from_secs(2_000)).err(),
            Some(TokenError::Expired)
        );
        let other = ids::access_key(ids::TEMPORARY, session().account);
        assert_eq!(tokens.open(&other, token, now).err(), Some(TokenError::Invalid));
        let elsewhere = Tokens::new(RootKey::ephemeral().derive("session"));
        assert_eq!(elsewhere.open(&made.access_key_id, token, now).err(), Some(TokenError::Invalid));
    }

    #[test]
    fn no_changed_or_cut_token_opens() {
        let (tokens, now) = (tokens(), Timestamp::from_secs(1_500));
        let made = tokens.issue(&session()).unwrap();
        let token = made.session_token.expose();
        for at in 0..token.len() {
            let (cut, rest) = token.split_at(at);
            assert!(tokens.open(&made.access_key_id, cut, now).is_err(), "cut at {at}");
            let flipped = if rest.starts_with('A') { "B" } else { "A" };
            let changed = format!("{cut}{flipped}{}", rest.split_at(1).1);
            assert!(tokens.open(&made.access_key_id, &changed, now).is_err(), "changed at {at}");
        }
        assert!(tokens.open(&made.access_key_id, &"A".repeat(TOKEN_BYTES_MAX + 1), now).is_err());
    }

    // Tokens outlive a restart: a change here ends every session there is, and needs a new version.
    #[test]
    fn the_sealed_content_is_as_it_always_was() {
        let text = serde_json::to_string(&Sealed { secret: "x".into(), session: session() }).unwrap();
        assert_eq!(
            text,
            r#"{"k":"x","a":"123456789012","s":{"r":{"n":"orders","d":"AROAX","s":"s1","t":[["team","a"]],"v":"env-1"}},"i":1000000,"e":2000000}"#
        );
        let user = Subject::User { name: "bob".into(), user_id: "AIDAX".into() };
        assert_eq!(serde_json::to_string(&user).unwrap(), r#"{"u":{"n":"bob","d":"AIDAX"}}"#);
        assert_eq!(serde_json::to_string(&Subject::Root).unwrap(), r#""o""#);
        let federated = FederatedSession {
            name: "ana".into(),
            lender: Some(("bob".into(), "AIDAX".into())),
            policies: vec!["{}".into()],
            managed_policies: vec![SessionPolicy { arn: "arn:p".into(), policy_id: Some("ANPAX".into()) }],
            ..FederatedSession::default()
        };
        let text = serde_json::to_string(&Subject::Federated(Box::new(federated))).unwrap();
        assert_eq!(text, r#"{"f":{"n":"ana","u":["bob","AIDAX"],"p":["{}"],"P":[["arn:p","ANPAX"]]}}"#);
        let root =
            RootSession { organization: "o-x".into(), task_policy: "arn:p".into(), ..RootSession::default() };
        let text = serde_json::to_string(&Subject::AssumedRoot(Box::new(root))).unwrap();
        assert_eq!(text, r#"{"a":{"o":"o-x","p":"arn:p"}}"#);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let made = tokens().issue(&session()).unwrap();
        let shown = format!("{made:?}");
        assert!(!shown.contains(made.secret.expose()) && !shown.contains(made.session_token.expose()));
    }
}
