//! What a check is to find not granted: actions and resources, as policies name them.
//!
//! What names nothing is refused: that a policy does not grant it would show nothing.

use crate::glob;

/// Actions that must not be granted, on resources; without resources on any, without actions any.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Actions.
    pub actions: Vec<String>,
    /// ARNs.
    pub resources: Vec<String>,
}

impl Listed {
    /// The first of the strings that is no action or resource, with the reason.
    pub fn fault(&self) -> Option<String> {
        let action = self.actions.iter().find_map(|action| action_fault(action));
        action.or_else(|| self.resources.iter().find_map(|resource| resource_fault(resource)))
    }
}

fn action_fault(action: &str) -> Option<String> {
    if action == "*" {
        return None;
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*' | b'?');
    let parts = action.split_once(':').filter(|(service, called)| {
        let is_written = |part: &str| !part.is_empty() && part.bytes().all(is_part);
        is_written(service) && is_written(called)
    });
    let Some((service, called)) = parts else {
        return Some(format!("The action {action} is not valid: actions are written service:Action."));
    };
    let facts = protocol::authorization(&service.to_ascii_lowercase())?;
    let wanted = called.to_ascii_lowercase();
    let is_known = facts.actions().any(|(name, _)| glob::matches(&wanted, &name.to_ascii_lowercase()));
    // Facts are as old as the release: a pattern may mean what comes later.
    let is_wrong = !is_known && !called.contains(['*', '?']);
    is_wrong.then(|| format!("The action {action} does not exist."))
}

fn resource_fault(resource: &str) -> Option<String> {
    let is_arn = resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6;
    (resource != "*" && !is_arn).then(|| format!("The resource {resource} is not the ARN of a resource."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_nothing_is_told() {
        for (action, is_fine) in [
            ("*", true),
            ("s3:GetObject", true),
            ("S3:getobject", true),
            ("s3:Get*", true),
            ("ec2:RunInstances", true),
            ("dynamodb:*", true),
            ("access-analyzer:ListFindings", true),
            ("s3:GetObjct", false),
            ("foo", false),
            ("", false),
            (":GetObject", false),
            ("s3:", false),
            ("s3:Get Object", false),
            ("s3:Get:Object", false),
        ] {
            let listed = Listed { actions: vec!["*".into(), action.into()], resources: Vec::new() };
            assert_eq!(listed.fault().is_none(), is_fine, "{action}: {:?}", listed.fault());
        }
        for (resource, is_fine) in [
            ("*", true),
            ("arn:aws:s3:::b/*", true),
            ("arn:aws:lambda:us-east-1:123456789012:function:f:1", true),
            ("bucket", false),
            ("arn:aws:s3:b", false),
            ("", false),
        ] {
            let listed = Listed { actions: Vec::new(), resources: vec![resource.into()] };
            assert_eq!(listed.fault().is_none(), is_fine, "{resource}");
        }
    }
}
