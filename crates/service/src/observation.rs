//! Observe mode: what a role's own policies lack is noted and let through, so that a run of tests tells the exact policy.
//!
//! It waives the missing allow of the role's own identity policies and nothing else. Explicit denies, boundaries, session
//! policies, an organization's limits, and what other accounts and roles say of themselves all decide as ever; and no one
//! gains rights over rights by it.

use std::sync::LazyLock;

use identity::Principal;
use policy::{Denial, DenialKind, NamedPolicy, Policy, PolicyKind, PolicySet, PolicyType, Request};
use protocol::AccessLevel;

/// The header of every answer to a role in observe mode: `on`, or what it lacked.
pub const OBSERVE_HEADER: &str = "x-fastness-observe";

/// A header names no more than this many.
const NAMED_MAX: usize = 8;

/// An allow that was missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) action: String,
    pub(crate) resource: String,
}

/// Services by which rights are given: what they do is never let through.
const OF_RIGHTS: [&str; 4] = ["iam", "sts", "organizations", "fastness"];

pub(crate) static EVERYTHING: LazyLock<Option<NamedPolicy>> = LazyLock::new(|| {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    Policy::parse(document, PolicyKind::Identity)
        .ok()
        .map(|policy| NamedPolicy::new("fastness:everything", policy))
});

/// Whether the call goes through in observe mode, all that the role's own policies lack aside.
// SECURITY: the decision is taken anew by the same evaluator, with one more identity policy: every other control still says no.
pub(crate) fn lets_through(
    principal: &Principal,
    request: &Request<'_>,
    set: &PolicySet<'_>,
    denial: &Denial,
) -> bool {
    let lacks_own_allow =
        denial.kind == DenialKind::Implicit && denial.policy_type == PolicyType::IdentityBased;
    if !principal.is_observed() || !lacks_own_allow || !is_waivable(request.action) {
        return false;
    }
    let Some(everything) = &*EVERYTHING else { return false };
    let mut identity = set.identity.to_vec();
    identity.push(everything.clone());
    policy::evaluate(request, &PolicySet { identity: &identity, ..*set }).is_allowed()
}

/// An action that is not in AWS's tables is not waived: nobody knows what it gives.
fn is_waivable(action: &str) -> bool {
    let Some((service, name)) = action.split_once(':') else { return false };
    if OF_RIGHTS.contains(&service) {
        return false;
    }
    protocol::action(service, name).is_some_and(|facts| facts.level() != AccessLevel::PermissionsManagement)
}

/// The header's value.
pub(crate) fn header(missing: &[Missing]) -> String {
    if missing.is_empty() {
        return "on".to_owned();
    }
    let named =
        missing.iter().take(NAMED_MAX).map(|one| format!("missing {} on {}", one.action, one.resource));
    named.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_over_rights_are_never_let_through() {
        for (action, expected) in [
            ("dynamodb:GetItem", true),
            ("lambda:InvokeFunction", true),
            ("logs:PutLogEvents", true),
            ("lambda:AddPermission", false),
            ("dynamodb:PutResourcePolicy", false),
            ("iam:GetUser", false),
            ("iam:PassRole", false),
            ("sts:AssumeRole", false),
            ("organizations:ListAccounts", false),
            ("fastness:SetObserveMode", false),
            ("nowhere:Nothing", false),
            ("dynamodb", false),
        ] {
            assert_eq!(is_waivable(action), expected, "{action}");
        }
    }

    #[test]
    fn the_header_names_what_is_missing() {
        assert_eq!(header(&[]), "on");
        let one = Missing { action: "a:B".into(), resource: "r".into() };
        assert_eq!(header(&[one.clone(), one.clone()]), "missing a:B on r; missing a:B on r");
        assert!(header(&vec![one; 100]).len() < 500);
    }
}
