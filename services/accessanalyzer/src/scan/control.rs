//! Resource control policies, as far as findings tell of them: whether one may narrow what is told.
//!
//! It does not work out what they leave over: access that one of them blocks is told all the same, and says so.

use analysis::glob;
use base::AccountId;
use identity::records::organization::RESOURCE_FULL_ACCESS;
use identity::{Directory, Principal};
use serde_json::Value;

/// AWS's word for what resource control policies of the owner's organization do to a resource of this type.
pub(crate) fn control(directory: &Directory, owner: AccountId, resource_type: &str) -> &'static str {
    let (service, action) = match resource_type {
        "AWS::IAM::Role" => ("sts", "sts:AssumeRole"),
        "AWS::S3::Bucket" => ("s3", "s3:GetObject"),
        "AWS::DynamoDB::Table" | "AWS::DynamoDB::Stream" => ("dynamodb", "dynamodb:GetItem"),
        _ => return "NOT_APPLICABLE",
    };
    let Ok(governance) = directory.governance(owner) else { return "FAILED_TO_EVALUATE_RCP" };
    let levels = governance.resource_control(&Principal::Anonymous, action);
    let own =
        levels.iter().flat_map(|level| level.iter()).filter(|policy| &*policy.name != RESOURCE_FULL_ACCESS);
    let narrows = own.map(|policy| policy.policy.text()).any(|text| is_about(text, service));
    if narrows { "APPLICABLE" } else { "NOT_APPLICABLE" }
}

/// True where a statement of the policy has to do with this service.
fn is_about(policy: &str, service: &str) -> bool {
    let document: Value = serde_json::from_str(policy).unwrap_or_default();
    let list = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let is_one = |action: &Value| {
        let named = action.as_str().unwrap_or_default().to_ascii_lowercase();
        glob::matches(named.split(':').next().unwrap_or_default(), service)
    };
    list(document.get("Statement")).iter().any(|statement| {
        statement.get("NotAction").is_some() || list(statement.get("Action")).iter().any(is_one)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_about_the_services_that_it_names() {
        for (statement, expected) in [
            (r#"{"Effect":"Deny","Action":"s3:*"}"#, true),
            (r#"[{"Effect":"Deny","Action":["sts:AssumeRole","S3:GetObject"]}]"#, true),
            (r#"{"Effect":"Deny","Action":"*"}"#, true),
            (r#"{"Effect":"Deny","NotAction":"sts:*"}"#, true),
            (r#"{"Effect":"Deny","Action":"sts:*"}"#, false),
        ] {
            let policy = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
            assert_eq!(is_about(&policy, "s3"), expected, "{statement}");
        }
    }
}
