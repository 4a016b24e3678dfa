//! `AWS::Lambda::Permission`: one statement of a function's resource policy. Any change is another statement.

use serde_json::{Value, json};

use super::reading::{Reading, document, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Permission;

const PROPERTIES: [Property; 9] = [
    required("Action").fixed(),
    optional("EventSourceToken").fixed(),
    required("FunctionName").fixed(),
    optional("FunctionUrlAuthType").fixed(),
    optional("InvokedViaFunctionUrl").fixed(),
    required("Principal").fixed(),
    optional("PrincipalOrgID").fixed(),
    optional("SourceAccount").fixed(),
    optional("SourceArn").fixed(),
];

impl Provider for Permission {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::Permission"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn owns_planned(&self) -> bool {
        // The planned id is the statement's, and no one else's statement has it.
        true
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let input = json!({ "FunctionName": work.text("FunctionName") });
            let Some(shown) = seen(work.call("lambda", "GetPolicy", input).await)? else { return Ok(None) };
            let policy = document(shown.get("Policy"));
            let mut statements = list(policy.get("Statement")).iter();
            let found = statements.find(|statement| text(statement.get("Sid")) == of.id);
            Ok(found.map(|statement| {
                let mut now = as_properties(statement);
                now.extend(work.pick(&["FunctionName"]));
                now
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.properties.clone();
            input.insert("StatementId".to_owned(), work.planned.clone().into());
            work.call("lambda", "AddPermission", Value::Object(input)).await?;
            Ok(work.made(&work.planned, json!({ "Id": work.planned })))
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("A permission cannot be changed in place.").untouched()) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let function = text(old.properties.get("FunctionName"));
            let input = json!({ "FunctionName": function, "StatementId": old.id });
            gone(work.call("lambda", "RemovePermission", input).await)
        })
    }
}

/// A statement in the words of a template.
pub(super) fn as_properties(statement: &Value) -> serde_json::Map<String, Value> {
    let principal = statement.get("Principal");
    let named = principal.and_then(Value::as_object).and_then(|map| map.values().next()).or(principal);
    // An account may be told by its number, and is kept by the ARN of its root.
    let named = text(named);
    let account =
        named.strip_suffix(":root").and_then(|arn| arn.rsplit_once(':')).map(|(_, account)| account);
    let condition = |operator: &str, key: &str| statement.get("Condition")?.get(operator)?.get(key);
    properties(json!({
        "Action": statement.get("Action"),
        "EventSourceToken": condition("StringEquals", "lambda:EventSourceToken"),
        "FunctionUrlAuthType": condition("StringEquals", "lambda:FunctionUrlAuthType"),
        "InvokedViaFunctionUrl": condition("Bool", "lambda:InvokedViaFunctionUrl"),
        "OrganizationId": condition("StringEquals", "aws:PrincipalOrgID"),
        "Principal": account.unwrap_or(&named),
        "PrincipalOrgID": condition("StringEquals", "aws:PrincipalOrgID"),
        "SourceAccount": condition("StringEquals", "AWS:SourceAccount"),
        "SourceArn": condition("ArnLike", "AWS:SourceArn"),
    }))
}
