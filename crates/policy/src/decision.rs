//! The answer, with its reason, and AWS's words for it.
//!
//! Who is told the reason is the pipeline's to decide.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// May they?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Allowed),
    /// No.
    Deny(Denial),
}

impl Decision {
    /// True where the request is allowed.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

/// What allowed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The statement, or `None` where the account's root user needs none and where a grant of the resource's owner allows.
    pub by: Option<StatementRef>,
}

/// What denied a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Whether a statement says no, or none says yes.
    pub kind: DenialKind,
    /// The type of policy that denies, or lacks the permission.
    pub policy_type: PolicyType,
    /// The denying statement; `None` for implicit denials.
    pub statement: Option<StatementRef>,
    /// A statement that would have mattered and whose condition could not be decided, and why.
    pub undecided: Option<Undecided>,
}

/// A statement whose condition could not be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// The statement.
    pub statement: StatementRef,
    /// What could not be read.
    pub reason: &'static str,
}

/// Explicit or implicit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DenialKind {
    /// A statement with `Deny` applies.
    Explicit,
    /// No statement allows.
    Implicit,
}

/// The types of policies, as denials name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PolicyType {
    /// The principal's own policies.
    IdentityBased,
    /// The resource's policy.
    ResourceBased,
    /// The principal's boundary.
    PermissionsBoundary,
    /// The session's policies.
    Session,
    /// The organization's limits on principals.
    ServiceControl,
    /// The organization's limits on resources.
    ResourceControl,
    /// The policy of the private endpoint that the call came through.
    VpcEndpoint,
    /// The role's trust policy.
    Trust,
}

/// Where a statement stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementRef {
    /// The type of its policy.
    pub policy_type: PolicyType,
    /// The policy's name, where it has one.
    #[serde(serialize_with = "optional_text")]
    pub policy: Option<Arc<str>>,
    /// The statement's place in the policy, from 0.
    pub index: usize,
    /// Its `Sid`.
    #[serde(serialize_with = "optional_text")]
    pub sid: Option<Arc<str>>,
}

#[allow(clippy::ref_option, reason = "the signature that serde asks for")]
fn optional_text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

impl PolicyType {
    /// The type as AWS's messages name it, without an article.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::IdentityBased => "identity-based policy",
            Self::ResourceBased => "resource-based policy",
            Self::PermissionsBoundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::VpcEndpoint => "VPC endpoint policy",
            Self::Trust => "role trust policy",
        }
    }

    const fn article(self) -> &'static str {
        match self {
            Self::IdentityBased => "an",
            Self::Trust => "the",
            _ => "a",
        }
    }
}

impl Denial {
    /// The tail of AWS's message: `because no identity-based policy allows the dynamodb:GetItem action`, or
    /// `with an explicit deny in an identity-based policy`.
    pub fn reason_text(&self, action: &str) -> String {
        let (article, noun) = (self.policy_type.article(), self.policy_type.noun());
        match self.kind {
            DenialKind::Explicit => format!("with an explicit deny in {article} {noun}"),
            DenialKind::Implicit => format!("because no {noun} allows the {action} action"),
        }
    }

    /// The same with the denying policy's ARN where it has one, as AWS tells it since 2026 to whoever is of its account or
    /// organization: `with an explicit deny in a service control policy: arn:aws:organizations::…`. A resource's policy has none,
    /// nor has an inline one.
    /// <https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns>
    pub fn reason_with_policy(&self, action: &str) -> String {
        let reason = self.reason_text(action);
        match self.policy_arn() {
            Some(arn) => format!("{reason}: {arn}"),
            None => reason,
        }
    }

    /// The ARN of the policy that denies; `None` for implicit denials and policies without an ARN.
    pub fn policy_arn(&self) -> Option<&str> {
        let name =
            self.statement.as_ref().filter(|_| self.kind == DenialKind::Explicit)?.policy.as_deref()?;
        // No inline policy's name has a colon.
        name.starts_with("arn:").then_some(name)
    }
}

/// For audit: the type, and which statement.
impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DenialKind::Explicit => write!(f, "explicit deny in {}", self.policy_type.noun())?,
            DenialKind::Implicit => write!(f, "no {} allows it", self.policy_type.noun())?,
        }
        if let Some(statement) = &self.statement {
            write!(f, " ({statement})")?;
        }
        if let Some(undecided) = &self.undecided {
            write!(f, "; undecided: {} ({})", undecided.reason, undecided.statement)?;
        }
        Ok(())
    }
}

impl fmt::Display for StatementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(policy) = &self.policy {
            write!(f, "{policy}, ")?;
        }
        write!(f, "statement {}", self.index)?;
        match &self.sid {
            Some(sid) if !sid.is_empty() => write!(f, " `{sid}`"),
            _ => Ok(()),
        }
    }
}
