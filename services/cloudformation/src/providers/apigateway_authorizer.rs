//! `AWS::ApiGateway::Authorizer`: a function that tells an API's callers apart.

use serde_json::{Map, Value, json};

use super::apigateway_resource::uncapitalised;
use super::apigateway_rest_api::is_of_stack;
use super::apigateway_seen as shown;
use super::reading::Reading;
use super::{Answer, Property, Provider, Work, gone, list, optional, required, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Authorizer;

const PROPERTIES: [Property; 10] = [
    optional("AuthType"),
    optional("AuthorizerCredentials"),
    optional("AuthorizerResultTtlInSeconds"),
    optional("AuthorizerUri"),
    optional("IdentitySource"),
    optional("IdentityValidationExpression"),
    required("Name"),
    optional("ProviderARNs"),
    required("RestApiId").fixed(),
    required("Type"),
];

impl Provider for Authorizer {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Authorizer"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("apigateway", "CreateAuthorizer"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let api = work.text("RestApiId");
            if !is_of_stack(work, &api).await? {
                return Ok(None);
            }
            let answer =
                work.call("apigateway", "GetAuthorizers", json!({ "restApiId": api, "limit": 500 })).await?;
            let name = work.text("Name");
            let found = list(answer.get("items")).iter().find(|item| text(item.get("name")) == name);
            Ok(found.map(|item| made(work, &text(item.get("id")))))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::AUTHORIZER.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::AUTHORIZER.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = uncapitalised(&Value::Object(work.properties.clone()));
            let answer = work.call("apigateway", "CreateAuthorizer", input).await?;
            Ok(made(work, &text(answer.get("id"))))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let new = uncapitalised(&Value::Object(work.properties.clone()));
            let new = new.as_object().cloned().unwrap_or_default();
            let before = uncapitalised(&old.properties).as_object().cloned().unwrap_or_default();
            let input = json!({
                "restApiId": work.text("RestApiId"),
                "authorizerId": old.id,
                "patchOperations": patches(&before, &new),
            });
            work.call("apigateway", "UpdateAuthorizer", input).await?;
            Ok(made(work, &old.id))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let api = text(old.properties.get("RestApiId"));
            let input = json!({ "restApiId": api, "authorizerId": old.id });
            gone(work.call("apigateway", "DeleteAuthorizer", input).await)
        })
    }
}

fn made(work: &Work, id: &str) -> Physical {
    work.made(id, json!({ "AuthorizerId": id }))
}

/// What has to be patched for one set of members to become another.
fn patches(before: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Value> {
    let set = new.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let set = set.map(
        |(name, value)| json!({ "op": "replace", "path": format!("/{name}"), "value": text(Some(value)) }),
    );
    let gone = before.keys().filter(|name| !new.contains_key(*name));
    set.chain(gone.map(|name| json!({ "op": "remove", "path": format!("/{name}") }))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_patched() {
        let of = |value: Value| value.as_object().cloned().unwrap();
        let before = of(json!({ "name": "a", "authorizerResultTtlInSeconds": 5, "authType": "x" }));
        let new = of(json!({ "name": "b", "authorizerResultTtlInSeconds": 5 }));
        let expected = [
            json!({ "op": "replace", "path": "/name", "value": "b" }),
            json!({ "op": "remove", "path": "/authType" }),
        ];
        assert_eq!(patches(&before, &new), expected);
    }
}
