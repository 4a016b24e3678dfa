//! The actions that there are, and which of them work on resources that a policy could name.
//!
//! Knows names only. Services come and go: of what is not known here nothing is claimed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use protocol::AccessLevel;
use serde::Deserialize;

use crate::glob;

/// Whether a policy could name what an action is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// It could.
    Possible,
    /// The action is on everything, or nobody knows beforehand on what.
    Impossible,
    /// The action is not known here.
    Unknown,
}

#[derive(Deserialize)]
struct Actions {
    #[serde(rename = "on resources")]
    on_resources: Vec<String>,
    #[serde(rename = "on everything")]
    on_everything: Vec<String>,
}

/// AWS's service authorization reference, all services.
static ALL: LazyLock<BTreeMap<String, Actions>> = LazyLock::new(|| {
    // SECURITY: without the facts every action is unknown, which is told.
    serde_json::from_str(include_str!("../../../../models/actions.json")).unwrap_or_default()
});

/// The names of all services, as they stand before the colon of an action.
pub(crate) fn services() -> impl Iterator<Item = &'static str> {
    ALL.keys().map(String::as_str)
}

/// What AWS's own policies for functions in a network grant on everything: the interfaces are not there yet.
const NOT_THERE_YET: [&str; 4] = [
    "ec2:assignprivateipaddresses",
    "ec2:createnetworkinterface",
    "ec2:deletenetworkinterface",
    "ec2:unassignprivateipaddresses",
];

/// Whether an action (in lower case, a pattern perhaps) could be bound. Patterns of actions that list are left out, and so
/// is a whole service, which is a finding of its own.
pub(super) fn binding(action: &str) -> Binding {
    let Some((service, called)) = action.split_once(':') else { return Binding::Unknown };
    let is_pattern = called.contains(['*', '?']);
    let lists = called.starts_with("describe") || called.starts_with("list");
    if called == "*" || (is_pattern && lists) || NOT_THERE_YET.contains(&action) {
        return Binding::Impossible;
    }
    let Some(known) = ALL.get(service) else { return Binding::Unknown };
    let fits = |name: &String| glob::matches(called, &name.to_ascii_lowercase());
    let counts = |name: &&String| !is_pattern || !is_listing(service, name);
    if known.on_resources.iter().filter(counts).any(fits) {
        Binding::Possible
    } else if known.on_everything.iter().any(fits) || (is_pattern && known.on_resources.iter().any(fits)) {
        Binding::Impossible
    } else {
        Binding::Unknown
    }
}

fn is_listing(service: &str, name: &str) -> bool {
    let level = protocol::action(service, name).map(|action| action.level());
    matches!(level, Some(AccessLevel::List)) || name.starts_with("List") || name.starts_with("Describe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_bound_is_not_asked_to_be() {
        for (action, expected) in [
            ("s3:*", Binding::Impossible),
            ("s3:delete*", Binding::Possible),
            ("s3:list*", Binding::Impossible),
            ("s3:listallmybuckets", Binding::Impossible),
            ("dynamodb:getitem", Binding::Possible),
            ("dynamodb:nonesuch", Binding::Unknown),
            ("logs:describeloggroups", Binding::Impossible),
            ("xray:puttracesegments", Binding::Impossible),
            ("cloudwatch:putmetricdata", Binding::Impossible),
            ("textract:detectdocumenttext", Binding::Impossible),
            ("ec2:describeinstances", Binding::Impossible),
            ("ec2:describe*", Binding::Impossible),
            ("ec2:terminateinstances", Binding::Possible),
            ("access-analyzer:getfinding", Binding::Possible),
            ("secretsmanager:getsecretvalue", Binding::Possible),
            ("secretsmanager:get*", Binding::Possible),
            ("acme:doit", Binding::Unknown),
        ] {
            assert_eq!(binding(action), expected, "{action}");
        }
    }
}
