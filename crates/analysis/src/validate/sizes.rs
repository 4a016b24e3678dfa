//! How long a policy may be.
//!
//! Quotas that an account may have raised are warnings; an organization's are not raised.

use policy::quota;

use super::{Kind, Walk, arns};
use crate::json::Node;

/// One policy of an organization, white space included.
const SERVICE_CONTROL_CHARACTERS_MAX: usize = 10_240;
const RESOURCE_CONTROL_CHARACTERS_MAX: usize = 5_120;
/// One policy of a bucket, an access point or a table, white space included.
const RESOURCE_CHARACTERS_MAX: usize = 20_480;

pub(super) fn check(walk: &mut Walk<'_>, text: &str, node: &Node) {
    let (dense, all) = (quota::characters(text), text.chars().count());
    let span = node.span;
    match walk.kind {
        Kind::Identity if dense > quota::MANAGED_POLICY_CHARACTERS_MAX => {
            let details = format!(
                "The {dense} characters in the identity policy, excluding whitespace, exceed the {} character maximum for inline and managed policies. We recommend that you use multiple granular policies.",
                quota::MANAGED_POLICY_CHARACTERS_MAX
            );
            walk.warn("POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", span, details);
        }
        Kind::Trust if dense > quota::TRUST_POLICY_CHARACTERS_MAX => walk.warn(
            "POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA",
            span,
            "The characters in the role trust policy, excluding whitespace, exceed the character maximum. We recommend that you request a role trust policy length quota increase using Service Quotas and AWS Support Center. If the quotas have already been increased, then you can ignore this warning.",
        ),
        Kind::Resource
            if walk.resource_type.and_then(arns::keeper).is_some() && all > RESOURCE_CHARACTERS_MAX =>
        {
            let details = format!(
                "The {all} characters in the resource policy exceed the {RESOURCE_CHARACTERS_MAX} character maximum for resource policies. We recommend that you use multiple granular policies."
            );
            walk.warn("POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", span, details);
        }
        Kind::ServiceControl if all > SERVICE_CONTROL_CHARACTERS_MAX => {
            let details = format!(
                "The {all} characters in the service control policy (SCP) exceed the {SERVICE_CONTROL_CHARACTERS_MAX} character maximum for SCPs. We recommend that you use multiple granular policies."
            );
            walk.error("POLICY_SIZE_EXCEEDS_SCP_QUOTA", span, details);
        }
        Kind::ResourceControl if all > RESOURCE_CONTROL_CHARACTERS_MAX => {
            let details = format!(
                "The {all} characters in the resource control policy (RCP) exceed the {RESOURCE_CONTROL_CHARACTERS_MAX} character maximum for RCPs. We recommend that you use multiple granular policies."
            );
            walk.error("POLICY_SIZE_EXCEEDS_RCP_QUOTA", span, details);
        }
        _ => {}
    }
}
