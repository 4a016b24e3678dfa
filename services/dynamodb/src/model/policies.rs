//! The rules of resource policies: which actions and resources the policy of a table or a stream may name.
//!
//! It reads documents that parse; no call is decided by it.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html>

use serde_json::Value;

use crate::invalid::Invalid;

/// Actions on tables that no table's own policy can give, as there is no table yet.
const MAKING: [&str; 6] = [
    "CreateTable",
    "CreateGlobalTable",
    "ImportTable",
    "RestoreTableFromBackup",
    "RestoreTableFromAwsBackup",
    "RestoreTableToPointInTime",
];

/// What a policy is of, by its ARN.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PolicyOf<'a> {
    Table(&'a str),
    Stream(&'a str),
}

impl PolicyOf<'_> {
    /// The resource types of its actions, as the authorization facts call them.
    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Table(_) => &["table", "index"],
            Self::Stream(_) => &["stream"],
        }
    }

    fn takes_action(self, text: &str) -> bool {
        if text == "*" {
            return true;
        }
        let Some((service, name)) = text.split_once(':') else { return false };
        if !service.eq_ignore_ascii_case("dynamodb") {
            return false;
        }
        if name.contains(['*', '?']) {
            return true;
        }
        let Some(facts) = protocol::authorization("dynamodb") else { return false };
        facts.actions().any(|(known, action)| {
            known.eq_ignore_ascii_case(name)
                && !MAKING.contains(&known)
                && self.types().iter().any(|kind| action.resources().contains_key(*kind))
        })
    }

    fn takes_resource(self, text: &str) -> bool {
        let start = text.split(['*', '?', '$']).next().unwrap_or_default();
        let is_pattern = start.len() < text.len();
        let own = |arn: &str| if is_pattern { arn.starts_with(start) } else { arn == text };
        match self {
            Self::Stream(arn) => own(arn),
            // An index of it, there or not.
            Self::Table(arn) => {
                own(arn) || text.strip_prefix(arn).is_some_and(|rest| rest.starts_with("/index/"))
            }
        }
    }

    /// Refuses a document that names actions or resources that are not this one's, or that lets everyone in.
    ///
    /// # Errors
    /// It does.
    pub(crate) fn check(self, document: &str) -> Result<(), Invalid> {
        self.check_names(document)?;
        // SECURITY: what cannot be judged lets nobody in, either. Nobody can switch this off, as in AWS.
        // <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-bpa-rbp.html>
        let is_private = analysis::access::no_public_access(document).is_ok_and(|public| public.is_empty());
        if is_private {
            return Ok(());
        }
        Err(Invalid::parameter(
            "Invalid policy document: Block Public Access: the policy grants public access to the resource. Name principals, \
             or narrow the statement by a condition with fixed values"
                .to_owned(),
        ))
    }

    fn check_names(self, document: &str) -> Result<(), Invalid> {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let statements = document.get("Statement").map(each).unwrap_or_default();
        let named = |elements: [&str; 2]| -> Vec<&str> {
            let found =
                statements.iter().flat_map(|statement| elements.map(|element| statement.get(element)));
            found.flatten().flat_map(each).filter_map(Value::as_str).collect()
        };
        for (elements, what, takes) in [
            (["Action", "NotAction"], "action names", Self::takes_action as fn(Self, &str) -> bool),
            (["Resource", "NotResource"], "resources", Self::takes_resource),
        ] {
            let invalid: Vec<String> = named(elements)
                .into_iter()
                .filter(|text| !takes(self, text))
                .map(|it| format!("\"{it}\""))
                .collect();
            if !invalid.is_empty() {
                return Err(Invalid::parameter(format!(
                    "Invalid policy document: The following {what} are invalid: {}",
                    invalid.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// The elements of a list, or the one value that stands for it.
fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab";
    const STREAM: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab/stream/2026-01-01T00:00:00.000";

    #[test]
    fn actions_and_resources_are_those_of_what_the_policy_is_of() {
        let index = format!("{TABLE}/index/i");
        let indexes = format!("{TABLE}/index/*");
        let other = format!("{TABLE}le");
        for (of, action, resource, refused) in [
            (PolicyOf::Table(TABLE), "dynamodb:GetItem", TABLE, ""),
            (PolicyOf::Table(TABLE), "DynamoDB:getitem", "*", ""),
            (PolicyOf::Table(TABLE), "dynamodb:*", &index, ""),
            (PolicyOf::Table(TABLE), "*", &indexes, ""),
            (PolicyOf::Table(TABLE), "dynamodb:Query", "arn:aws:dynamodb:*:123456789012:table/Tab", ""),
            (PolicyOf::Table(TABLE), "s3:GetObject", TABLE, "s3:GetObject"),
            (PolicyOf::Table(TABLE), "dynamodb:CreateTable", TABLE, "dynamodb:CreateTable"),
            (PolicyOf::Table(TABLE), "dynamodb:GetRecords", TABLE, "dynamodb:GetRecords"),
            (PolicyOf::Table(TABLE), "dynamodb:Nothing", TABLE, "dynamodb:Nothing"),
            (PolicyOf::Table(TABLE), "dynamodb:GetItem", &other, &other),
            (PolicyOf::Table(TABLE), "dynamodb:GetItem", "arn:aws:s3:::*", "arn:aws:s3:::*"),
            (PolicyOf::Table(TABLE), "dynamodb:GetItem", STREAM, STREAM),
            (PolicyOf::Stream(STREAM), "dynamodb:GetRecords", STREAM, ""),
            (PolicyOf::Stream(STREAM), "dynamodb:ListStreams", STREAM, "dynamodb:ListStreams"),
            (PolicyOf::Stream(STREAM), "dynamodb:GetItem", STREAM, "dynamodb:GetItem"),
            (PolicyOf::Stream(STREAM), "dynamodb:GetRecords", TABLE, TABLE),
        ] {
            for document in [
                json!({"Statement": {"Action": action, "Resource": resource}}),
                json!({"Statement": [{"NotAction": [action], "NotResource": [resource]}]}),
            ] {
                let message = of
                    .check_names(&document.to_string())
                    .err()
                    .map(Invalid::into_message)
                    .unwrap_or_default();
                assert_eq!(message.is_empty(), refused.is_empty(), "{document}: {message}");
                assert!(
                    message.ends_with(refused) || message.ends_with(&format!("invalid: \"{refused}\"")),
                    "{message}"
                );
            }
        }
    }

    #[test]
    fn a_policy_that_lets_everyone_in_is_refused() {
        let of = |principal: Value, condition: Value| {
            let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal,
                "Action": "dynamodb:GetItem", "Resource": TABLE, "Condition": condition}]});
            PolicyOf::Table(TABLE).check(&document.to_string()).is_ok()
        };
        assert!(of(json!({"AWS": "111122223333"}), json!({})));
        assert!(of(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})));
        for condition in [
            json!({}),
            json!({"Bool": {"aws:SecureTransport": "true"}}),
            json!({"StringLike": {"aws:PrincipalOrgID": "o-*"}}),
            json!({"StringLike": {"aws:userid": "*"}}),
        ] {
            assert!(!of(json!("*"), condition.clone()), "{condition}");
        }
    }
}
