//! Resources: ARNs in the form that they have, with a region and an account where the service's resources have them.
//!
//! Fields are held against the authorization tables where the service is known here. A resource that may be of several types is
//! judged only where all of them agree.

use super::{Kind, Walk, regions, variables};
use crate::json::{Node, Span};
use crate::template::actions;
use crate::{glob, json::Json};

/// Services of ARNs that are none of actions, and services that are gone from AWS but not from policies.
const ELSEWHERE: [&str; 6] =
    ["catalog", "iot1click", "deepracer", "zocalo", "deepcomposer", "elastic-inference"];

pub(super) fn check(walk: &mut Walk<'_>, name: &str, found: &Node) {
    if matches!(&found.value, Json::Array(items) if items.is_empty()) {
        walk.suggest(
            "EMPTY_ARRAY_RESOURCE",
            found.span,
            "This statement includes no resources and does not affect the policy. Specify resources.",
        );
    }
    walk.each(found, |walk, item| match item.text() {
        Some(text) => {
            variables::check(walk, item.span, text);
            arn(walk, item.span, &variables::masked(text));
        }
        None => walk.mismatch(item.span, "String"),
    });
    super::redundant::entries(walk, name, found);
}

/// True where AWS has a service of this name, in actions or in ARNs.
pub(super) fn is_service(name: &str) -> bool {
    ELSEWHERE.contains(&name) || actions::services().any(|service| service == name)
}

fn arn(walk: &mut Walk<'_>, span: Span, text: &str) {
    if text == "*" || text.starts_with('*') && !text.contains(':') {
        return;
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts.as_slice() else {
        if parts.first() == Some(&"arn") {
            walk.error(
                "MISSING_ARN_FIELD",
                span,
                "Resource ARNs must include at least 6 fields in the following structure: arn:partition:service:region:account:resource",
            );
        } else {
            walk.error("INVALID_ARN_PREFIX", span, "Add the required prefix (arn) to the resource ARN.");
        }
        return;
    };
    if *prefix != "arn" {
        walk.error("INVALID_ARN_PREFIX", span, "Add the required prefix (arn) to the resource ARN.");
    } else if !matches!(*partition, "aws" | "aws-cn" | "aws-us-gov" | "*") {
        let details = format!(
            "The resource ARN for the service {service} does not support the partition {partition}. Use the supported values: aws, aws-cn, aws-us-gov"
        );
        walk.error("INVALID_PARTITION", span, details);
    } else if service.contains(['*', '?']) {
        walk.suggest("WILDCARD_IN_SERVICE_NAME", span, super::actions::WILDCARD_IN_SERVICE);
    } else if service.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let details =
            format!("Update the service name {service} in the resource ARN to use all lowercase letters.");
        walk.error("INVALID_ARN_SERVICE_CASE", span, details);
    } else if !is_service(service) {
        let details = format!("The service {service} does not exist. Use a valid service name.");
        walk.error("INVALID_SERVICE", span, details);
    } else if !is_account(account) {
        let details =
            format!("The resource ARN account ID {account} is not valid. Provide a 12-digit account ID.");
        walk.error("INVALID_ARN_ACCOUNT", span, details);
    } else if resource.is_empty() {
        walk.error(
            "INVALID_ARN_RESOURCE",
            span,
            "Resource ARN does not match the expected ARN format. Update the resource portion of the ARN.",
        );
    } else {
        fields(walk, span, service, (*region, *account), resource);
        kept_elsewhere(walk, span, service);
    }
}

fn is_account(text: &str) -> bool {
    let plain = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.is_empty() || plain || text == "aws" || text.contains(['*', '?'])
}

fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Region and account where every type that the resource may be of has them, or none.
fn fields(walk: &mut Walk<'_>, span: Span, service: &str, (region, account): (&str, &str), resource: &str) {
    if !region.is_empty() && !is_wild(region) && !regions::is_known(region) {
        let details = format!(
            "The Region {region} is not valid for this resource. Update the resource ARN to include a supported Region."
        );
        walk.error("INVALID_ARN_REGION", span, details);
        return;
    }
    let shapes = shapes(service, resource);
    if shapes.is_empty() {
        return;
    }
    let (with_region, with_account) = (|shape: &Shape| shape.has_region, |shape: &Shape| shape.has_account);
    if !region.is_empty() && !is_wild(region) && !shapes.iter().any(with_region) {
        let details =
            format!("The service {service} does not support specifying a Region in the resource ARN.");
        walk.error("ARN_REGION_NOT_ALLOWED", span, details);
    } else if region.is_empty() && shapes.iter().all(with_region) {
        walk.error("MISSING_ARN_REGION", span, format!("Add a Region to the {service} resource ARN."));
    } else if !account.is_empty() && !is_wild(account) && !shapes.iter().any(with_account) {
        let details =
            format!("The service {service} does not support specifying an account ID in the resource ARN.");
        walk.error("ARN_ACCOUNT_NOT_ALLOWED", span, details);
    } else if account.is_empty() && shapes.iter().all(with_account) && !is_of_aws(service, resource) {
        let details = format!(
            "The resource {resource} in the arn is missing an account id. Please provide a 12 digit account id."
        );
        walk.error("MISSING_ARN_ACCOUNT", span, details);
    }
}

/// Parameters that AWS keeps for everybody are no account's.
fn is_of_aws(service: &str, resource: &str) -> bool {
    service == "ssm" && resource.starts_with("parameter/aws/")
}

/// Which fields a type's ARNs have.
struct Shape {
    has_region: bool,
    has_account: bool,
}

/// The types of a service's resources that a resource may be of.
fn shapes(service: &str, resource: &str) -> Vec<Shape> {
    let Some(facts) = protocol::authorization(service) else { return Vec::new() };
    let mut shapes = Vec::new();
    for (_, kind) in facts.resources() {
        let masked = variables::masked(&kind.arn);
        let parts: Vec<&str> = masked.splitn(6, ':').collect();
        if let [_, _, of, region, account, form] = parts.as_slice()
            && *of == service
            && glob::overlap(form, resource)
        {
            shapes.push(Shape { has_region: !region.is_empty(), has_account: !account.is_empty() });
        }
    }
    shapes
}

/// The service whose resources keep policies of this type.
pub(super) fn keeper(resource_type: &str) -> Option<&'static str> {
    match resource_type {
        "AWS::S3::Bucket" | "AWS::S3::AccessPoint" | "AWS::S3::MultiRegionAccessPoint" => Some("s3"),
        "AWS::S3ObjectLambda::AccessPoint" => Some("s3-object-lambda"),
        "AWS::DynamoDB::Table" => Some("dynamodb"),
        _ => None,
    }
}

/// A resource's policy is about resources of its service.
fn kept_elsewhere(walk: &mut Walk<'_>, span: Span, service: &str) {
    let Some(resource_type) = walk.resource_type.filter(|_| walk.kind == Kind::Resource) else { return };
    if keeper(resource_type).is_some_and(|keeper| keeper != service) {
        let details = format!(
            "The resource ARN is not supported for the resource-based policy attached to the resource type {resource_type}."
        );
        walk.error("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", span, details);
    }
}
