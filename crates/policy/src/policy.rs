//! A policy document, compiled once and shared.
//!
//! A policy knows its text and its statements; whose it is, and its name, are known to who keeps it.

use std::fmt;
use std::sync::Arc;

use crate::error::PolicyError;
use crate::gate::{Gates, Head};
use crate::parse;
use crate::statement::Statement;

/// What a policy is attached to decides which elements it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// Attached to, or inline in, a user, group or role.
    Identity,
    /// Kept by a resource: names principals.
    Resource,
    /// A role's trust policy: names principals, has no resource.
    Trust,
    /// Handed over when a session begins.
    Session,
    /// A permissions boundary.
    Boundary,
    /// An organization's limit on its accounts' principals.
    ServiceControl,
    /// An organization's limit on its accounts' resources.
    ResourceControl,
}

/// A compiled policy. Cheap to clone.
#[derive(Clone)]
pub struct Policy(Arc<Compiled>);

struct Compiled {
    kind: PolicyKind,
    text: Box<str>,
    statements: Box<[Statement]>,
    gates: Gates,
}

impl Policy {
    /// Parses and compiles a document. The error's text is AWS's message for `MalformedPolicyDocument`.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Self, PolicyError> {
        let statements = parse::document(text, kind)?;
        let gates = Gates::of(&statements);
        Ok(Self(Arc::new(Compiled { kind, text: text.into(), statements: statements.into(), gates })))
    }

    /// The document exactly as it was given.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What the policy was compiled as.
    pub fn kind(&self) -> PolicyKind {
        self.0.kind
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.0.statements
    }

    /// The statements that may concern an action that begins like this, each with its place.
    pub(crate) fn concerning(&self, action: Head) -> impl Iterator<Item = (usize, &Statement)> {
        let statement = |index: usize| self.0.statements.get(index).map(|statement| (index, statement));
        self.0.gates.passed(action).filter_map(statement)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("kind", &self.0.kind)
            .field("text", &self.0.text)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind == other.0.kind && self.0.text == other.0.text
    }
}

/// A policy under the name that it has where it is kept: an ARN, or an inline policy's name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPolicy {
    /// For explanations, and where it is an ARN for denials.
    pub name: Arc<str>,
    /// The policy.
    pub policy: Policy,
    /// The group through which its holder has it: for explanations.
    pub group: Option<Arc<str>>,
}

impl NamedPolicy {
    /// A policy and its name.
    pub fn new(name: impl Into<Arc<str>>, policy: Policy) -> Self {
        Self { name: name.into(), policy, group: None }
    }

    /// The same as a member of this group has it.
    #[must_use]
    pub fn through(self, group: impl Into<Arc<str>>) -> Self {
        Self { group: Some(group.into()), ..self }
    }
}

/// All policies that have a say in one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicySet<'a> {
    /// The principal's own policies, inline and attached, those of its groups included.
    pub identity: &'a [NamedPolicy],
    /// The principal's permissions boundary.
    pub boundary: Option<&'a NamedPolicy>,
    /// The session's policies: together they allow what any of them allows. Empty where the session has none.
    pub session: &'a [NamedPolicy],
    /// The resource's policy, or the role's trust policy.
    pub resource: Option<&'a Policy>,
    /// Service control policies, one slice for each level from the root to the account; every level must allow.
    pub service_control: &'a [&'a [NamedPolicy]],
    /// Resource control policies, likewise.
    pub resource_control: &'a [&'a [NamedPolicy]],
    /// The policy of the private endpoint that the call came through.
    pub endpoint: Option<&'a Policy>,
    /// The id of a grant by which the resource's owner gave this very caller leave for this very action, as KMS has them.
    pub grant: Option<&'a str>,
    /// True where only the resource's policy opens it, even to its own account, as for KMS keys. Trust policies always do.
    pub resource_decides: bool,
}
