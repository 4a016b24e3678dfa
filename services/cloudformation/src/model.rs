//! The rules of stacks: names and ids, states and what they allow, capabilities.
//!
//! No I/O, no wire.

use serde_json::Value;
use template::Template;

use crate::error::Error;

/// The states of a stack, as AWS names them.
pub(crate) mod status {
    pub(crate) const CREATE_IN_PROGRESS: &str = "CREATE_IN_PROGRESS";
    pub(crate) const CREATE_COMPLETE: &str = "CREATE_COMPLETE";
    pub(crate) const CREATE_FAILED: &str = "CREATE_FAILED";
    pub(crate) const ROLLBACK_IN_PROGRESS: &str = "ROLLBACK_IN_PROGRESS";
    pub(crate) const ROLLBACK_COMPLETE: &str = "ROLLBACK_COMPLETE";
    pub(crate) const ROLLBACK_FAILED: &str = "ROLLBACK_FAILED";
    pub(crate) const UPDATE_IN_PROGRESS: &str = "UPDATE_IN_PROGRESS";
    pub(crate) const UPDATE_CLEANUP: &str = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
    pub(crate) const UPDATE_COMPLETE: &str = "UPDATE_COMPLETE";
    pub(crate) const UPDATE_FAILED: &str = "UPDATE_FAILED";
    pub(crate) const UPDATE_ROLLBACK_IN_PROGRESS: &str = "UPDATE_ROLLBACK_IN_PROGRESS";
    pub(crate) const UPDATE_ROLLBACK_CLEANUP: &str = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS";
    pub(crate) const UPDATE_ROLLBACK_COMPLETE: &str = "UPDATE_ROLLBACK_COMPLETE";
    pub(crate) const UPDATE_ROLLBACK_FAILED: &str = "UPDATE_ROLLBACK_FAILED";
    pub(crate) const DELETE_IN_PROGRESS: &str = "DELETE_IN_PROGRESS";
    pub(crate) const DELETE_COMPLETE: &str = "DELETE_COMPLETE";
    pub(crate) const DELETE_FAILED: &str = "DELETE_FAILED";
    pub(crate) const DELETE_SKIPPED: &str = "DELETE_SKIPPED";
    pub(crate) const REVIEW_IN_PROGRESS: &str = "REVIEW_IN_PROGRESS";
}

/// Stacks that an account may have in a region, deleted ones not counted.
pub(crate) const STACKS_MAX: usize = 2_000;
/// Tags on one stack.
pub(crate) const TAGS_MAX: usize = 50;

/// What was asked of a nested stack that goes back with the one around it, as its events tell it.
pub(crate) const WAY_BACK: &str = "ROLLBACK";

/// How deep stacks may be nested in one another.
pub(crate) const NESTED_MAX: usize = 5;

/// True where an update or a change set may be applied.
pub(crate) fn can_update(status: &str) -> bool {
    matches!(
        status,
        status::CREATE_COMPLETE
            | status::CREATE_FAILED
            | status::UPDATE_COMPLETE
            | status::UPDATE_ROLLBACK_COMPLETE
            | status::UPDATE_FAILED
    )
}

/// True where resources are what they were last asked to be, as far as the stack knows.
pub(crate) fn can_detect_drift(status: &str) -> bool {
    matches!(
        status,
        status::CREATE_COMPLETE
            | status::UPDATE_COMPLETE
            | status::UPDATE_ROLLBACK_COMPLETE
            | status::UPDATE_ROLLBACK_FAILED
    )
}

/// True where an update stopped half-way, and may be brought back or deleted.
pub(crate) fn can_go_back(status: &str) -> bool {
    matches!(status, status::CREATE_FAILED | status::UPDATE_FAILED | status::UPDATE_ROLLBACK_FAILED)
}

/// True where a stack in state `from` may begin an operation whose first state is `to`.
pub(crate) fn may_begin(from: &str, to: &str) -> bool {
    match to {
        status::CREATE_IN_PROGRESS => from == status::REVIEW_IN_PROGRESS,
        status::UPDATE_IN_PROGRESS => can_update(from),
        status::ROLLBACK_IN_PROGRESS | status::UPDATE_ROLLBACK_IN_PROGRESS => can_go_back(from),
        _ => false,
    }
}

/// True where the stack may be deleted: nothing is going on, or a creation, whose place the deletion takes.
pub(crate) fn can_delete(status: &str) -> bool {
    let creates = [status::REVIEW_IN_PROGRESS, status::CREATE_IN_PROGRESS, status::ROLLBACK_IN_PROGRESS]
        .contains(&status);
    !status.ends_with("_IN_PROGRESS") || creates
}

/// True where the stack is deleted already, or will be without another call.
pub(crate) fn is_going(status: &str) -> bool {
    matches!(status, status::DELETE_COMPLETE | status::DELETE_IN_PROGRESS)
}

/// `arn:aws:cloudformation:region:account:stack/name/uuid`
pub(crate) fn stack_arn(region: &str, account: &str, name: &str, uuid: &str) -> String {
    base::Arn::new("cloudformation", region, account, format!("stack/{name}/{uuid}")).to_string()
}

/// The id of a stack's operation: the same for the same one, and told apart from all others.
pub(crate) fn operation_id(stack_id: &str, number: u64) -> String {
    crate::providers::step_id(&[stack_id, "operation", &number.to_string()])
}

/// Refuses what is no name of a stack.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if starts && name.len() <= 128 && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
    )))
}

/// Resource types that grant rights, and the property that gives one a name of its own.
const GRANTING: [(&str, Option<&str>); 11] = [
    ("AWS::IAM::AccessKey", None),
    ("AWS::IAM::Group", Some("GroupName")),
    ("AWS::IAM::GroupPolicy", None),
    ("AWS::IAM::InstanceProfile", Some("InstanceProfileName")),
    ("AWS::IAM::ManagedPolicy", Some("ManagedPolicyName")),
    ("AWS::IAM::Policy", None),
    ("AWS::IAM::Role", Some("RoleName")),
    ("AWS::IAM::RolePolicy", None),
    ("AWS::IAM::User", Some("UserName")),
    ("AWS::IAM::UserPolicy", None),
    ("AWS::IAM::UserToGroupAddition", None),
];

/// What a template needs its caller to acknowledge, and because of which resource types.
pub(crate) fn capabilities(template: &Template) -> (Option<&'static str>, Vec<String>) {
    let mut needed = None;
    let mut kinds = Vec::new();
    for resource in template.resources.values() {
        let Some((_, name)) = GRANTING.iter().find(|(kind, _)| *kind == resource.kind) else { continue };
        let named =
            name.is_some_and(|name| resource.properties.get(name).is_some_and(|value| *value != Value::Null));
        if named {
            needed = Some("CAPABILITY_NAMED_IAM");
        } else {
            needed = needed.or(Some("CAPABILITY_IAM"));
        }
        if !kinds.contains(&resource.kind) {
            kinds.push(resource.kind.clone());
        }
    }
    (needed, kinds)
}

/// Refuses a template that does more than its caller acknowledged.
pub(crate) fn check_capabilities(
    template: &Template,
    given: &[String],
    expands: bool,
    by_change_set: bool,
) -> Result<(), Error> {
    let has = |name: &str| given.iter().any(|given| given == name);
    // A change set shows what a macro made of the template before it is executed: no leave is needed for that.
    if expands && !by_change_set {
        check_expansion(given)?;
    }
    match capabilities(template).0 {
        Some("CAPABILITY_IAM") if !has("CAPABILITY_IAM") && !has("CAPABILITY_NAMED_IAM") => {
            Err(missing("CAPABILITY_IAM"))
        }
        Some("CAPABILITY_NAMED_IAM") if !has("CAPABILITY_NAMED_IAM") => Err(missing("CAPABILITY_NAMED_IAM")),
        _ => Ok(()),
    }
}

/// Refuses to run transforms for a caller who did not acknowledge them.
pub(crate) fn check_expansion(given: &[String]) -> Result<(), Error> {
    let has = given.iter().any(|given| given == "CAPABILITY_AUTO_EXPAND");
    if has { Ok(()) } else { Err(missing("CAPABILITY_AUTO_EXPAND")) }
}

fn missing(capability: &str) -> Error {
    Error::InsufficientCapabilities(format!("Requires capabilities : [{capability}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(resource: &str) -> Template {
        let text = format!("Resources: {{A: {resource}}}");
        Template::from_document(&template::Document::parse(&text).unwrap()).unwrap()
    }

    #[test]
    fn names_are_held_to_awss_pattern() {
        for good in ["a", "A-1", "orders-prod"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a_b", "a b", "é", &"a".repeat(129)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_grants_rights_must_be_acknowledged() {
        let table = [
            ("{Type: AWS::SNS::Topic}", None),
            ("{Type: AWS::IAM::Role}", Some("CAPABILITY_IAM")),
            ("{Type: AWS::IAM::Policy, Properties: {PolicyName: p}}", Some("CAPABILITY_IAM")),
            ("{Type: AWS::IAM::Role, Properties: {RoleName: r}}", Some("CAPABILITY_NAMED_IAM")),
        ];
        for (resource, needed) in table {
            let template = template(resource);
            assert_eq!(capabilities(&template).0, needed, "{resource}");
            assert_eq!(check_capabilities(&template, &[], false, false).is_ok(), needed.is_none());
            let all = ["CAPABILITY_NAMED_IAM".to_owned()];
            assert!(check_capabilities(&template, &all, false, false).is_ok());
        }
    }

    #[test]
    fn only_a_direct_expansion_must_be_acknowledged() {
        let template = template("{Type: AWS::SNS::Topic}");
        assert!(check_capabilities(&template, &[], true, false).is_err());
        assert!(check_capabilities(&template, &[], true, true).is_ok());
    }

    #[test]
    fn a_stack_at_work_is_left_alone() {
        assert!(can_update(status::CREATE_COMPLETE) && can_update(status::CREATE_FAILED));
        assert!(!can_update(status::ROLLBACK_COMPLETE));
        assert!(can_delete(status::ROLLBACK_COMPLETE) && !can_delete(status::UPDATE_CLEANUP));
        assert!(can_delete(status::REVIEW_IN_PROGRESS) && can_delete(status::CREATE_IN_PROGRESS));
        assert!(!can_delete(status::UPDATE_IN_PROGRESS) && !can_delete(status::DELETE_IN_PROGRESS));
    }
}
