//! The rules of the domain: ids, ARNs, names of types, what a control policy may say, quotas.
//!
//! No I/O, no async, no wire.

use base::AccountId;
use identity::records::organization::{ControlKind, ControlPolicyRecord, OrganizationRecord};
use policy::{Policy, PolicyKind};
use serde_json::Value;
use service::ServiceRole;

use crate::Error;

/// The role that every account of an organization has.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services.html>
pub(crate) const ROLE: ServiceRole = ServiceRole {
    service: "organizations.amazonaws.com",
    name: "AWSServiceRoleForOrganizations",
    path: "/aws-service-role/organizations.amazonaws.com/",
    policy: "arn:aws:iam::aws:policy/aws-service-role/AWSOrganizationsServiceTrustPolicy",
};

/// Accounts of an organization: what AWS grants on request.
pub(crate) const ACCOUNTS_MAX: usize = 1_000;
/// Units of an organization.
pub(crate) const UNITS_MAX: usize = 1_000;
/// Policies of one type.
pub(crate) const POLICIES_MAX: usize = 1_000;
/// Policies of one type on one root, unit or account.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
pub(crate) const fn attached_max(kind: ControlKind) -> usize {
    match kind {
        ControlKind::Service => 10,
        ControlKind::Resource => 5,
    }
}
/// One document, white space included.
const fn policy_characters_max(kind: ControlKind) -> usize {
    match kind {
        ControlKind::Service => 10_240,
        ControlKind::Resource => 5_120,
    }
}
/// Tags of one thing.
pub(crate) const TAGS_MAX: usize = 50;
/// Accounts that administer one service.
pub(crate) const ADMINISTRATORS_MAX: usize = 3;

/// The name of a type, or what is wrong with it.
pub(crate) fn kind(name: &str) -> Result<ControlKind, Error> {
    let known = ControlKind::ALL.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| {
        let why =
            format!("{name} is not offered here: SERVICE_CONTROL_POLICY and RESOURCE_CONTROL_POLICY are");
        Error::invalid("INVALID_ENUM_POLICY_TYPE", why)
    })
}

/// What an id names, by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Root,
    Unit,
    Account(AccountId),
    Policy,
}

impl Target {
    /// `None` where the id is of no form that organizations know.
    pub(crate) fn of(id: &str) -> Option<Self> {
        match id.split_once('-') {
            Some(("r", _)) => Some(Self::Root),
            Some(("ou", _)) => Some(Self::Unit),
            Some(("p", _)) => Some(Self::Policy),
            _ => id.parse().ok().map(Self::Account),
        }
    }

    /// AWS's name of what a policy is attached to, or of a parent or child.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Root => "ROOT",
            Self::Unit => "ORGANIZATIONAL_UNIT",
            Self::Account(_) => "ACCOUNT",
            Self::Policy => "POLICY",
        }
    }
}

/// The ARNs of an organization's parts.
pub(crate) struct Arns<'o>(pub(crate) &'o OrganizationRecord);

impl Arns<'_> {
    /// The ARN of a part of this kind; `rest` begins with a slash.
    pub(crate) fn part(&self, kind: &str, rest: &str) -> String {
        format!("arn:aws:organizations::{}:{kind}/{}{rest}", self.0.management, self.0.id)
    }

    pub(crate) fn organization(&self) -> String {
        self.part("organization", "")
    }

    pub(crate) fn unit(&self, id: &str) -> String {
        let kind = if id.starts_with("r-") { "root" } else { "ou" };
        self.part(kind, &format!("/{id}"))
    }

    pub(crate) fn account(&self, account: AccountId) -> String {
        self.part("account", &format!("/{account}"))
    }

    pub(crate) fn policy(&self, kind: ControlKind, id: &str) -> String {
        ControlPolicyRecord::arn(self.0, kind, id)
    }
}

/// New ids, in AWS's forms.
pub(crate) mod ids {
    use base::AccountId;
    use crypto::random;

    pub(crate) fn organization() -> String {
        format!("o-{}", random::hex(5))
    }

    pub(crate) fn root() -> String {
        format!("r-{}", random::hex(2))
    }

    /// A unit's id holds that of its root.
    pub(crate) fn unit(root: &str) -> String {
        format!("ou-{}-{}", root.trim_start_matches("r-"), random::hex(4))
    }

    pub(crate) fn policy() -> String {
        format!("p-{}", random::hex(4))
    }

    pub(crate) fn creation() -> String {
        format!("car-{}", random::hex(16))
    }

    /// Twelve random digits, the first not a zero.
    pub(crate) fn account() -> Option<AccountId> {
        const FIRST: u64 = 100_000_000_000;
        let drawn = u64::from_be_bytes(random::bytes()) % (9 * FIRST) + FIRST;
        drawn.to_string().parse().ok()
    }
}

/// Checks a document as a policy of its type.
// SECURITY: what is stored must compile: an account whose policies do not compile may do nothing at all.
pub(crate) fn check_document(kind: ControlKind, text: &str) -> Result<(), Error> {
    let characters_max = policy_characters_max(kind);
    if text.chars().count() > characters_max {
        let why = format!("You have exceeded the maximum policy size of {characters_max} characters.");
        return Err(Error::constraint("POLICY_CONTENT_LIMIT_EXCEEDED", why));
    }
    let malformed = |why: &str| {
        Error::MalformedPolicyDocument(format!(
            "The provided policy document does not meet the requirements of the specified policy type. {why}"
        ))
    };
    let compiled_as = match kind {
        ControlKind::Service => PolicyKind::ServiceControl,
        ControlKind::Resource => PolicyKind::ResourceControl,
    };
    Policy::parse(text, compiled_as).map_err(|error| malformed(&error.to_string()))?;
    match kind {
        ControlKind::Service => Ok(()),
        ControlKind::Resource => check_resource_control(text).map_err(malformed),
    }
}

/// A resource control policy only denies, to everyone, and says which actions.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html>
fn check_resource_control(text: &str) -> Result<(), &'static str> {
    let document: Value = serde_json::from_str(text).map_err(|_| "It is not JSON.")?;
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    for statement in statements {
        if statement.get("Effect").and_then(Value::as_str) != Some("Deny") {
            return Err("A resource control policy may only have the effect Deny.");
        }
        let anyone = match statement.get("Principal") {
            Some(Value::String(all)) => all == "*",
            Some(Value::Object(kinds)) => kinds.len() == 1 && kinds.get("AWS").is_some_and(is_star),
            _ => false,
        };
        if !anyone {
            return Err("The principal of a resource control policy is \"*\".");
        }
        if statement.get("NotAction").is_some() || statement.get("Action").is_some_and(is_star) {
            return Err("A resource control policy names its actions, and \"*\" alone is not one.");
        }
    }
    Ok(())
}

fn is_star(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "*",
        Value::Array(items) => items.iter().any(is_star),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_they_name() {
        assert_eq!(Target::of("r-ab12"), Some(Target::Root));
        assert_eq!(Target::of("ou-ab12-12345678"), Some(Target::Unit));
        assert_eq!(Target::of("p-12345678"), Some(Target::Policy));
        assert!(matches!(Target::of("123456789012"), Some(Target::Account(_))));
        for other in ["", "o-1234567890", "12345678901", "x-1"] {
            assert_eq!(Target::of(other), None, "{other}");
        }
        assert!(ids::account().is_some());
        assert_eq!(ids::unit("r-ab12").len(), "ou-ab12-12345678".len());
    }

    #[test]
    fn documents_are_checked_as_their_type() {
        let policy = |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let ok = |kind, statement: &str| check_document(kind, &policy(statement)).is_ok();
        let (service, resource) = (ControlKind::Service, ControlKind::Resource);
        assert!(ok(service, r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#));
        assert!(!ok(service, r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#));
        assert!(ok(resource, r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#));
        assert!(ok(
            resource,
            r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["sts:AssumeRole"],"Resource":"*"}"#
        ));
        for refused in [
            r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Principal":"*","NotAction":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Principal":{"AWS":"111111111111"},"Action":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
        ] {
            assert!(!ok(resource, refused), "{refused}");
        }
        for (kind, most, principal) in [(service, 10_240, ""), (resource, 5_120, r#""Principal":"*","#)] {
            let bare = format!(r#"{{"Effect":"Deny",{principal}"Action":"s3:*","Resource":"*"}}"#);
            let room = most - policy(&bare).len();
            let long = |more: usize| policy(&format!("{bare}{}", " ".repeat(room + more)));
            assert!(check_document(kind, &long(0)).is_ok(), "{most}");
            let refused = check_document(kind, &long(1)).unwrap_err().to_string();
            assert!(refused.starts_with("ConstraintViolationException"), "{refused}");
            assert!(refused.contains(&format!("{most} characters")), "{refused}");
        }
    }
}
