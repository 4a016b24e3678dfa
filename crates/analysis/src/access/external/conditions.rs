//! Conditions, as far as they say who comes from where.
//!
//! A condition keeps outsiders out only with an operator that holds for the named values alone, and a key whose values
//! tell of an account, an ARN with its account, or an organization.

use std::collections::BTreeMap;

use super::Zone;
use crate::access::public::{NAMING, is_of_token};
use crate::json::Node;

/// Condition keys that findings tell, as AWS writes them.
const TOLD: [&str; 21] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:UserId",
    "aws:VpcSourceIp",
    "kms:CallerAccount",
    "lambda:FunctionUrlAuthType",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "sts:SourceIdentity",
];

/// What a statement's conditions leave over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Restraint {
    /// Nobody outside the zone meets them.
    Inside,
    /// Outsiders may meet them; these are told.
    Outside(BTreeMap<String, String>),
}

/// Each condition of a statement: operator, key, values.
fn each(statement: &Node) -> impl Iterator<Item = (&str, &str, Vec<&str>)> {
    let operators = statement.get("Condition").map(Node::members).unwrap_or_default();
    operators.iter().flat_map(|operator| {
        let keys = operator.node.members().iter();
        keys.map(|key| (operator.name.as_str(), key.name.as_str(), key.node.texts()))
    })
}

pub(super) fn restraint(statement: &Node, zone: &Zone, federated: bool) -> Restraint {
    let mut told = BTreeMap::new();
    for (operator, key, values) in each(statement) {
        let plain = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
        let folded = key.to_ascii_lowercase();
        let is_naming = NAMING.contains(&plain) && !values.is_empty();
        if is_naming && values.iter().all(|value| is_inside(&folded, value, zone)) {
            return Restraint::Inside;
        }
        let base = plain.strip_prefix("ForAllValues:").unwrap_or(plain);
        let base = base.strip_suffix("IfExists").unwrap_or(base);
        let name = TOLD.iter().find(|told| told.eq_ignore_ascii_case(key)).copied();
        let name = name.or_else(|| (federated && is_of_token(&folded)).then_some(key));
        if let Some(name) = name.filter(|_| NAMING.contains(&base)) {
            let outside: Vec<&str> =
                values.into_iter().filter(|value| !is_inside(&folded, value, zone)).collect();
            told.insert(name.to_owned(), outside.join(","));
        }
    }
    Restraint::Outside(told)
}

/// True where every condition of a denial holds for whoever is outside, signed or not.
pub(super) fn hold_for_outsiders(statement: &Node, zone: &Zone) -> bool {
    each(statement).all(|(operator, key, values)| {
        let base = operator.strip_suffix("IfExists").unwrap_or(operator);
        let folded = key.to_ascii_lowercase();
        let excludes = matches!(base, "StringNotEquals" | "StringNotLike" | "ArnNotEquals" | "ArnNotLike");
        let of_caller = folded.starts_with("aws:principal");
        // Findings are about no service.
        let of_services = operator == "BoolIfExists" && folded == "aws:principalisawsservice";
        (excludes && of_caller && values.iter().all(|value| is_inside(&folded, value, zone)))
            || (of_services && values.iter().all(|value| value.eq_ignore_ascii_case("false")))
    })
}

/// True where the value stands for something of the zone alone.
fn is_inside(key: &str, value: &str, zone: &Zone) -> bool {
    let is_plain = |text: &str| !text.contains(['*', '?', '$']);
    match key {
        "aws:principalaccount"
        | "aws:sourceaccount"
        | "aws:sourceowner"
        | "kms:calleraccount"
        | "s3:dataaccesspointaccount" => zone.accounts.contains(value),
        "aws:principalarn" | "aws:sourcearn" | "s3:dataaccesspointarn" => {
            let mut parts = value.splitn(6, ':');
            let account = parts.nth(4).unwrap_or_default();
            value.starts_with("arn:") && is_plain(account) && zone.accounts.contains(account)
        }
        "aws:principalorgid" | "aws:sourceorgid" => zone.organization.as_deref() == Some(value),
        "aws:principalorgpaths" | "aws:sourceorgpaths" => {
            let owner = value.split('/').next().unwrap_or_default();
            value.contains('/') && zone.organization.as_deref() == Some(owner)
        }
        _ => false,
    }
}
