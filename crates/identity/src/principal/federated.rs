//! Those whom somebody else vouches for: federated users, whom a user lends its rights, and the people of identity providers.
//!
//! Like all principals they hold no policy; neither is ever more than the one who vouches, or the role that trusts, says.

use base::{AccountId, Arn, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PrincipalTags, User};
use crate::session::SessionPolicy;

/// A federated user, from `GetFederationToken`. It has what its user has and its session policies leave of that; the
/// policies of resources may name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederatedUser {
    /// The account.
    pub account: AccountId,
    /// The name that it was given.
    pub name: String,
    /// The user who lends its rights, without a key; `None` where it is the root user.
    pub lender: Option<Box<User>>,
    /// The temporary key that signed.
    pub access_key_id: String,
    /// When the session began.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Session policies: inline documents. Without any policy, it may only what resources' policies allow it by name.
    pub session_policies: Vec<String>,
    /// Session policies: managed policies.
    #[serde(rename = "session_policy_arns")]
    pub session_managed_policies: Vec<SessionPolicy>,
    /// Session tags: each stands before a tag of the user's of the same key.
    pub session_tags: PrincipalTags,
    pub(super) arn: String,
    pub(super) user_id: String,
}

/// Someone whom a token of an identity provider proved. It signs no request: `AssumeRoleWithWebIdentity` alone makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebIdentity {
    /// The account that registered the provider, which is the role's.
    pub account: AccountId,
    /// The provider's ARN.
    pub provider: String,
    /// The token's subject.
    pub subject: String,
    /// The audience that was registered and found in the token.
    pub audience: String,
    /// What the token says, as condition keys (`<issuer>:sub`), those first that stay with the session.
    pub claims: Vec<(String, Vec<String>)>,
    /// Session tags that the token carries.
    pub session_tags: PrincipalTags,
    /// The keys of those that go on into further roles.
    pub transitive_tags: Vec<String>,
    /// The source identity that the token carries.
    pub source_identity: Option<String>,
    /// `<provider>:<audience>:<subject>`, as records name it.
    pub(super) user_id: String,
}

/// The identity provider behind a role's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederatedBy {
    /// The provider's ARN (`aws:FederatedProvider`).
    #[serde(rename = "p")]
    pub provider: String,
    /// The provider's condition keys that stay with the session, with their values.
    #[serde(rename = "k")]
    pub claims: Vec<(String, Vec<String>)>,
}

impl FederatedUser {
    /// A federated user of `lender`'s, or of the root user's, without policies, tags or key.
    pub fn new(account: AccountId, name: impl Into<String>, lender: Option<User>) -> Self {
        let name = name.into();
        Self {
            account,
            lender: lender.map(Box::new),
            access_key_id: String::new(),
            issued_at: Timestamp::default(),
            expires_at: Timestamp::default(),
            session_policies: Vec::new(),
            session_managed_policies: Vec::new(),
            session_tags: Vec::new(),
            arn: Arn::new("sts", "", account.as_str(), format!("federated-user/{name}")).to_string(),
            user_id: format!("{account}:{name}"),
            name,
        }
    }
}

impl WebIdentity {
    /// Whom a token of this provider is about, without session tags.
    pub fn new(account: AccountId, provider: String, subject: String, audience: String) -> Self {
        let user_id = format!("{provider}:{audience}:{subject}");
        Self {
            account,
            provider,
            subject,
            audience,
            claims: Vec::new(),
            session_tags: Vec::new(),
            transitive_tags: Vec::new(),
            source_identity: None,
            user_id,
        }
    }
}
