//! Whom outside a zone of trust a resource's policy lets in.
//!
//! One-sided: a statement is left out only where it was shown that nobody outside comes in by it. Services are no part of
//! the answer, as in Access Analyzer: what they do on whose behalf is a matter of their own conditions.

mod conditions;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::statement::{Selection, Statement};
use super::{Document, NotAPolicy, public};
use crate::json::{self, Node};
use conditions::Restraint;

/// The accounts that trust each other, and their organization where it is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// The accounts' ids.
    pub accounts: BTreeSet<String>,
    /// `o-…`; `None` where the zone is an account alone.
    pub organization: Option<String>,
}

/// A principal outside who is let in, and what it may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// `AWS`, `Federated` or `CanonicalUser`.
    pub kind: String,
    /// `*`, an account's id, an ARN, a provider.
    pub principal: String,
    /// The actions as the policy names them; `*` where it names all but some.
    pub actions: BTreeSet<String>,
    /// What else must hold: condition keys with the values that let in outsiders.
    pub conditions: BTreeMap<String, String>,
    /// True where nothing narrows who comes.
    pub is_public: bool,
}

/// Whom the policy lets in from outside the zone, one for each principal under the same conditions.
///
/// # Errors
/// Where the text is not a policy document.
pub fn exposures(policy: &str, zone: &Zone) -> Result<Vec<Exposure>, NotAPolicy> {
    let document = Document::parse(policy)?;
    let node = json::parse(policy).map_err(|error| NotAPolicy(error.to_string()))?;
    let nodes = node.get("Statement").map(Node::one_or_many).unwrap_or_default();
    let pairs: Vec<(&Node, &Statement)> = nodes.iter().zip(&document.0).collect();
    let denies: Vec<Statement> = pairs
        .iter()
        .filter(|(_, statement)| !statement.allows)
        .map(|(node, statement)| {
            let mut denial = (*statement).clone();
            // Every outsider meets these conditions: for outsiders they are none.
            if conditions::hold_for_outsiders(node, zone) {
                denial.conditions.clear();
            }
            denial
        })
        .collect();
    let mut found: BTreeMap<(String, String, BTreeMap<String, String>), Exposure> = BTreeMap::new();
    for (node, statement) in pairs.iter().filter(|(_, statement)| statement.allows) {
        for (kind, principal) in principals(node) {
            let Some(exposure) = exposure(node, statement, &denies, (kind, principal), zone) else {
                continue;
            };
            let key = (exposure.kind.clone(), exposure.principal.clone(), exposure.conditions.clone());
            let known =
                found.entry(key).or_insert_with(|| Exposure { actions: BTreeSet::new(), ..exposure.clone() });
            known.actions.extend(exposure.actions);
            known.is_public |= exposure.is_public;
        }
    }
    Ok(found.into_values().collect())
}

/// The principals as the policy names them, by kind.
fn principals(statement: &Node) -> Vec<(&str, &str)> {
    let Some(named) = statement.get("Principal") else { return vec![("AWS", "*")] };
    if named.text().is_some() {
        return vec![("AWS", "*")];
    }
    let each = named.members().iter();
    each.flat_map(|member| member.node.texts().into_iter().map(|name| (member.name.as_str(), name))).collect()
}

fn exposure(
    node: &Node,
    statement: &Statement,
    denies: &[Statement],
    (kind, name): (&str, &str),
    zone: &Zone,
) -> Option<Exposure> {
    let principal = match kind {
        "AWS" => outsider(name, zone)?,
        "Federated" | "CanonicalUser" => name.to_owned(),
        _ => return None,
    };
    let federated = kind == "Federated";
    let Restraint::Outside(conditions) = conditions::restraint(node, zone, federated) else { return None };
    let open = if federated { public::is_for_strangers(name) } else { name == "*" };
    let is_public = open && !public::is_narrowed(node, federated.then_some(name));
    let actions = actions(node, statement, denies, kind, name);
    (!actions.is_empty()).then(|| Exposure {
        kind: kind.to_owned(),
        principal,
        actions,
        conditions,
        is_public,
    })
}

/// The principal as a finding names it; `None` for one inside, and for the id that is left of one that was deleted.
fn outsider(name: &str, zone: &Zone) -> Option<String> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let account = match name.starts_with("arn:") {
        true => name.split(':').nth(4).unwrap_or_default(),
        false => name,
    };
    let is_gone = !name.contains(':')
        && name.len() >= 16
        && (name.starts_with("AIDA") || name.starts_with("AROA"))
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if zone.accounts.contains(account) || is_gone {
        return None;
    }
    let is_root = is_account(account) && name.ends_with(":root");
    Some(if is_root { account.to_owned() } else { name.to_owned() })
}

/// The actions that no denial takes back.
fn actions(
    node: &Node,
    statement: &Statement,
    denies: &[Statement],
    kind: &str,
    name: &str,
) -> BTreeSet<String> {
    let who = match (kind, name) {
        ("AWS", "*") => Selection::of("*"),
        _ => {
            let root = name.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
            Selection::of(&format!("{kind}:{}", root.unwrap_or(name)))
        }
    };
    let is_kept = |actions: Selection| {
        let part = Statement { actions, principals: who.clone(), ..statement.clone() };
        !denies.iter().any(|denial| denial.covers(&part))
    };
    let named = node.get("Action").map(Node::texts).unwrap_or_default();
    if named.is_empty() {
        let all = is_kept(statement.actions.clone()).then(|| "*".to_owned());
        return all.into_iter().collect();
    }
    let kept = named.into_iter().filter(|action| is_kept(Selection::action(action)));
    kept.map(str::to_owned).collect()
}
