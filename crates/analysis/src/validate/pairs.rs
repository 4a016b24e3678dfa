//! Keys together with what else a statement says: actions that do not bring them, keys that belong beside them.
//!
//! Actions with wildcards are not held against keys, nor actions and keys of services whose facts are not known here.

use protocol::Action;

use super::conditions::{self, Found};
use super::keys::{Same, same};
use super::statement::allows;
use super::{Kind, Walk};
use crate::glob;
use crate::json::Node;

pub(super) fn statement(walk: &mut Walk<'_>, node: &Node) {
    let found = conditions::each(node);
    for it in &found {
        tags(walk, node, it);
        not_brought(walk, node, it);
        irrelevant(walk, it);
        if it.key == "s3:prefix"
            && it.operator.plain.starts_with("String")
            && allows(node) == it.operator.is_negated()
        {
            walk.secure(
                "S3_PREFIX_IN_NEGATIVE_CONTEXT",
                it.span,
                "Using the s3:prefix condition key in a Deny statement or with a negated string operator does not block listing the objects under the matching prefixes. A request that specifies a shorter prefix does not match the condition and can still list those objects. To restrict listing to specific prefixes, use s3:prefix with StringLike in an Allow statement, or use a Deny statement with StringNotLike.",
            );
        }
    }
    if let Some(it) = found.iter().find(|it| it.key == "aws:vpcsourceip")
        && !found.iter().any(|it| it.key.starts_with("aws:sourcevpc"))
    {
        let details = format!(
            "Using the condition key {} can be overly permissive without also using the following condition keys: aws:SourceVpc. Condition keys like this one are more secure when paired with a related key. We recommend that you add the related condition keys to the same condition block.",
            it.name
        );
        walk.secure("MISSING_PAIRED_CONDITION_KEYS", it.span, details);
    }
    attributes(walk, node, &found);
}

/// The actions of a statement that are named, each with its service and its facts.
fn named(node: &Node) -> Vec<(&str, String, &'static Action)> {
    let texts = node.get("Action").map(Node::texts).unwrap_or_default();
    let facts = |text: &str| {
        let (service, called) = text.split_once(':')?;
        let service = service.to_ascii_lowercase();
        let facts = protocol::authorization(&service)?;
        let (_, action) = facts.actions().find(|(name, _)| name.eq_ignore_ascii_case(called))?;
        Some((service, action))
    };
    texts
        .into_iter()
        .filter_map(|text| facts(text).map(|(service, action)| (text, service, action)))
        .collect()
}

/// Whether a key, in lower case, comes with an action on whatever resource.
fn brings(service: &str, action: &Action, key: &str) -> bool {
    let is_it = |known: &String| matches!(same(known, key), Same::Key);
    let of_type = |name: &String| {
        let facts = protocol::authorization(service).and_then(|facts| facts.resource(name));
        facts.is_some_and(|resource| resource.conditions.iter().any(is_it))
    };
    action.conditions().iter().any(is_it)
        || action.resources().iter().any(|(name, it)| it.conditions.iter().any(is_it) || of_type(name))
}

/// A tag of the resource asked for with actions that do not tell it.
fn tags(walk: &mut Walk<'_>, node: &Node, found: &Found<'_>) {
    if !found.key.starts_with("aws:resourcetag/") || !found.operator.asks_for_a_value() {
        return;
    }
    let (key, allows) = (found.name, allows(node));
    if node.get("NotAction").is_some() {
        if allows {
            let details = format!(
                "Using the effect Allow with NotAction and the tag condition key {key} allows only service actions that support the condition key. The condition key doesn't apply to some service actions. We recommend that you use Action instead of NotAction."
            );
            walk.suggest(
                "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE",
                found.span,
                details,
            );
        } else {
            let details = format!(
                "Using the effect Deny with NotAction and the tag condition key {key} can be overly permissive because some service actions are not denied by this statement. This is because the condition key doesn't apply to some service actions. We recommend that you use Action instead of NotAction."
            );
            walk.secure("DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", found.span, details);
        }
        return;
    }
    let mut services: Vec<String> = named(node)
        .into_iter()
        .filter(|(_, service, action)| !brings(service, action, &found.key))
        .map(|(_, service, _)| service)
        .collect();
    services.sort();
    services.dedup();
    if services.is_empty() {
        return;
    }
    let services = services.join(", ");
    if allows {
        let details = format!(
            "Using the effect Allow with the tag condition key {key} and actions for services with the following prefixes does not affect the policy: {services}. Actions for the listed service are not allowed by this statement. We recommend that you move these actions to a different statement without this condition key."
        );
        walk.suggest("ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", found.span, details);
    } else {
        let details = format!(
            "Using the effect Deny with the tag condition key {key} and actions for services with the following prefixes can be overly permissive: {services}. Actions for the listed services are not denied by this statement. We recommend that you move these actions to a different statement without this condition key."
        );
        walk.secure("DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", found.span, details);
    }
}

/// A service's own key beside actions of the service that do not bring it.
fn not_brought(walk: &mut Walk<'_>, node: &Node, found: &Found<'_>) {
    let Some((prefix, _)) = found.key.split_once(':') else { return };
    // Of a role's actions, one is the call and the others go with it.
    if prefix == "aws"
        || walk.kind == Kind::Trust
        || found.operator.plain == "Null"
        || found.operator.if_exists
    {
        return;
    }
    // A key that no action has is said elsewhere not to exist.
    let exists = matches!(super::keys::find(found.name), super::keys::Known::Key { .. });
    let actions: Vec<&str> = named(node)
        .into_iter()
        .filter(|(_, service, action)| service == prefix && !brings(service, action, &found.key))
        .map(|(text, ..)| text)
        .collect();
    if exists && !actions.is_empty() {
        let details = format!(
            "The following actions: {} are not supported by the condition key {}. The condition will not be evaluated for these actions. We recommend that you move these actions to a different statement without this condition key.",
            actions.join(", "),
            found.name
        );
        walk.error("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", found.span, details);
    }
}

/// Keys that a policy of this type has no use for.
fn irrelevant(walk: &mut Walk<'_>, found: &Found<'_>) {
    let service = found.key.split(':').next().unwrap_or_default();
    let resource_type = match (walk.kind, walk.resource_type) {
        // A function's session brings keys of Lambda's.
        (Kind::Trust, _)
            if !matches!(service, "aws" | "sts" | "iam" | "lambda")
                && protocol::authorization(service).is_some() =>
        {
            "AWS::IAM::AssumeRolePolicyDocument"
        }
        (Kind::Resource, Some(kind @ ("AWS::S3::Bucket" | "AWS::S3::AccessPoint")))
            if found.key == "s3:resourceaccount" =>
        {
            kind
        }
        _ => return,
    };
    let details = format!(
        "The condition key {} is not relevant for the {resource_type} policy.  Use this key in an identity-based policy to govern access to this resource.",
        found.name
    );
    walk.suggest("IRRELEVANT_CONDITION_KEY_IN_POLICY", found.span, details);
}

/// Attributes are asked for only where the request names them.
fn attributes(walk: &mut Walk<'_>, node: &Node, found: &[Found<'_>]) {
    const READS: [&str; 4] = ["dynamodb:getitem", "dynamodb:batchgetitem", "dynamodb:query", "dynamodb:scan"];
    let reads = node.get("Action").map(Node::texts).unwrap_or_default().iter().any(|action| {
        let folded = action.to_ascii_lowercase();
        READS.iter().any(|read| glob::matches(&folded, read))
    });
    let is_limited = found.iter().any(|it| it.key == "dynamodb:select");
    if let Some(it) = found.iter().find(|it| it.key == "dynamodb:attributes")
        && allows(node)
        && reads
        && !is_limited
    {
        walk.secure(
            "DYNAMODB_ATTRIBUTES_WITHOUT_SELECT",
            it.span,
            "Restricting dynamodb:Attributes without also setting dynamodb:Select to SPECIFIC_ATTRIBUTES allows all attributes to be returned on read requests that omit a projection expression. We recommend that you also set dynamodb:Select to SPECIFIC_ATTRIBUTES.",
        );
    }
}
