//! `AWS::Lambda::Permission`: one statement of a function's resource policy. Any change is another statement.

use serde_json::{Value, json};

use super::{Answer, Failure, Property, Provider, Work, gone, optional, required, text};
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

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.properties.clone();
            input.insert("StatementId".to_owned(), work.planned.clone().into());
            work.call("lambda", "AddPermission", Value::Object(input)).await?;
            Ok(work.made(&work.planned, json!({ "Id": work.planned })))
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("A permission cannot be changed in place.")) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let function = text(old.properties.get("FunctionName"));
            let input = json!({ "FunctionName": function, "StatementId": old.id });
            gone(work.call("lambda", "RemovePermission", input).await)
        })
    }
}
