//! Services that a resource's policy lets in: for whom they may come.
//!
//! Roles' trust policies are not judged: who may hand a role to a service is asked when it is handed over.

use super::statement::allows;
use super::{Kind, Step, Walk, conditions};
use crate::access::narrows;
use crate::json::Node;

/// Keys that say for whom a service comes.
const SOURCES: [&str; 4] = ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];
/// Keys that say where a call comes from, which for a service's calls is nothing that its client could choose.
const PLACES: [&str; 5] = ["aws:referer", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:useragent"];
/// Keys that services' calls do not bring.
const PRINCIPALS: [&str; 2] = ["aws:principalorgid", "aws:principalorgpaths"];

pub(super) fn statement(walk: &mut Walk<'_>, node: &Node) {
    let principal = node.get("Principal");
    let Some(services) = principal.and_then(|principal| principal.get("Service")) else { return };
    if walk.kind != Kind::Resource || !allows(node) || is_about_roles(node) || services.texts().is_empty() {
        return;
    }
    let found = conditions::each(node);
    let are_alone = principal.is_some_and(|principal| principal.members().len() == 1);
    let unknown: Vec<&str> = found
        .iter()
        .filter(|it| PRINCIPALS.contains(&it.key.as_str()) && it.operator.asks_for_a_value())
        .map(|it| it.name)
        .collect();
    if are_alone && !unknown.is_empty() {
        let details = format!(
            "The following condition keys are not supported when used with the service principal: {}.",
            unknown.join(", ")
        );
        let span = node.get("Condition").map_or(node.span, |condition| condition.span);
        walk.within(Step::Key("Condition".to_owned()), |walk| {
            walk.error("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", span, details);
        });
    }
    if narrows(node, |key| SOURCES.contains(&key) || key == "kms:calleraccount") {
        return;
    }
    walk.within(Step::Key("Principal".to_owned()), |walk| {
        walk.within(Step::Key("Service".to_owned()), |walk| {
            walk.secure(
                "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL",
                services.span,
                "Granting access to a service principal without specifying a source is overly permissive. Use aws:SourceArn, aws:SourceAccount, aws:SourceOrgID, or aws:SourceOrgPaths condition key to grant fine-grained access.",
            );
        });
    });
    for it in found.iter().filter(|it| PLACES.contains(&it.key.as_str())) {
        let details = format!(
            "To restrict access to the service principal {} operating on your behalf, we recommend aws:SourceArn, aws:SourceAccount, aws:SourceOrgID, or aws:SourceOrgPaths instead of {}.",
            services.texts().join(", "),
            it.name
        );
        walk.suggest("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", it.span, details);
    }
}

/// A trust policy that is asked about without its type.
fn is_about_roles(node: &Node) -> bool {
    let actions = node.get("Action").map(Node::texts).unwrap_or_default();
    !actions.is_empty() && actions.iter().all(|action| action.to_ascii_lowercase().starts_with("sts:"))
}
