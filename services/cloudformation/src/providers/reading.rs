//! What several types share where they read what a resource is now, in a template's words.
//!
//! Compares nothing: that is [`crate::drift`]'s.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{Failure, Work, list, seen, text};

/// The properties that a resource has, or nothing where there is no such resource.
pub(crate) type Reading = Option<Map<String, Value>>;

/// A map of what is there.
pub(super) fn properties(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut map) => {
            map.retain(|_, value| !value.is_null());
            map
        }
        _ => Map::new(),
    }
}

/// A policy document as IAM and S3 answer it: JSON, percent-encoded or not.
pub(super) fn document(shown: Option<&Value>) -> Value {
    let given = text(shown);
    if let Ok(document) = serde_json::from_str(&given) {
        return document;
    }
    let decoded = percent_decode_str(&given).decode_utf8_lossy().into_owned();
    serde_json::from_str(&decoded).unwrap_or(Value::String(decoded))
}

/// The calls about one kind of holder of policies.
pub(super) struct Holder {
    /// The member that names one.
    pub(super) member: &'static str,
    pub(super) attached: &'static str,
    pub(super) inline: &'static str,
    pub(super) one: &'static str,
}

pub(super) const ROLE: Holder = Holder {
    member: "RoleName",
    attached: "ListAttachedRolePolicies",
    inline: "ListRolePolicies",
    one: "GetRolePolicy",
};
pub(super) const USER: Holder = Holder {
    member: "UserName",
    attached: "ListAttachedUserPolicies",
    inline: "ListUserPolicies",
    one: "GetUserPolicy",
};
pub(super) const GROUP: Holder = Holder {
    member: "GroupName",
    attached: "ListAttachedGroupPolicies",
    inline: "ListGroupPolicies",
    one: "GetGroupPolicy",
};

impl Holder {
    /// One inline policy's document.
    pub(super) async fn policy(
        &self,
        work: &Work,
        name: &Value,
        policy: &Value,
    ) -> Result<Option<Value>, Failure> {
        let input = json!({ self.member: name, "PolicyName": policy });
        let shown = seen(work.call("iam", self.one, input).await)?;
        Ok(shown.map(|shown| document(shown.get("PolicyDocument"))))
    }

    /// The policies of a holder, as far as the template says any.
    pub(super) async fn policies(
        &self,
        work: &Work,
        name: &str,
        into: &mut Map<String, Value>,
    ) -> Result<(), Failure> {
        if work.get("ManagedPolicyArns").is_some() {
            let shown =
                work.call("iam", self.attached, json!({ self.member: name, "MaxItems": 1_000 })).await?;
            let arns =
                list(shown.get("AttachedPolicies")).iter().filter_map(|policy| policy.get("PolicyArn"));
            into.insert("ManagedPolicyArns".to_owned(), arns.cloned().collect());
        }
        if work.get("Policies").is_some() {
            let shown =
                work.call("iam", self.inline, json!({ self.member: name, "MaxItems": 1_000 })).await?;
            let mut policies = Vec::new();
            for policy in list(shown.get("PolicyNames")) {
                if let Some(document) = self.policy(work, &json!(name), policy).await? {
                    policies.push(json!({ "PolicyName": policy, "PolicyDocument": document }));
                }
            }
            into.insert("Policies".to_owned(), policies.into());
        }
        Ok(())
    }
}

impl Work {
    /// Properties that no call shows apart from the resource itself: it is there, so they are as given.
    pub(super) fn as_given(&self, names: &[&str], into: &mut Map<String, Value>) {
        into.extend(self.pick(names));
    }
}

/// What a template may call a function: its name, or its ARN. Answers what the template calls it where that is the same.
pub(super) fn function(given: Option<&Value>, arn: Option<&Value>) -> Value {
    let (called, arn) = (text(given), text(arn));
    let name = arn.split_once(":function:").map(|(_, name)| name.to_owned()).unwrap_or_default();
    let partial = called.rsplit_once("function:").map_or(called.as_str(), |(_, name)| name);
    if partial == name { called.into() } else { arn.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_however_they_are_encoded() {
        for given in ["{\"A\":\"b c\"}", "%7B%22A%22%3A%22b%20c%22%7D"] {
            assert_eq!(document(Some(&json!(given))), json!({ "A": "b c" }));
        }
        assert_eq!(document(Some(&json!("%zz"))), json!("%zz"));
    }

    #[test]
    fn a_function_is_the_same_by_name_and_by_arn() {
        let arn = json!("arn:aws:lambda:us-east-1:123456789012:function:f:live");
        for called in [
            "f:live",
            "arn:aws:lambda:us-east-1:123456789012:function:f:live",
            "123456789012:function:f:live",
        ] {
            assert_eq!(function(Some(&json!(called)), Some(&arn)), json!(called));
        }
        assert_eq!(function(Some(&json!("g")), Some(&arn)), arn);
    }
}
