//! `AWS::ApiGateway::Resource`: one part of an API's paths.

use serde_json::{Value, json};

use super::apigateway_rest_api::is_of_stack;
use super::apigateway_seen as shown;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, list, required, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Resource;

const PROPERTIES: [Property; 3] =
    [required("ParentId").fixed(), required("PathPart").fixed(), required("RestApiId").fixed()];

impl Provider for Resource {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Resource"
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
                work.call("apigateway", "GetResources", json!({ "restApiId": api, "limit": 500 })).await?;
            let (parent, part) = (work.text("ParentId"), work.text("PathPart"));
            let found = list(answer.get("items"))
                .iter()
                .find(|item| text(item.get("parentId")) == parent && text(item.get("pathPart")) == part);
            Ok(found.map(|item| work.made(text(item.get("id")), Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::RESOURCE.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::RESOURCE.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = json!({
                "restApiId": work.text("RestApiId"),
                "parentId": work.text("ParentId"),
                "pathPart": work.text("PathPart"),
            });
            let answer = work.call("apigateway", "CreateResource", input).await?;
            let id = text(answer.get("id"));
            Ok(work.made(&id, json!({ "ResourceId": id })))
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("A resource of an API cannot be changed in place.").untouched()) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            if old.id == work.planned {
                return Ok(());
            }
            let api = text(old.properties.get("RestApiId"));
            let input = json!({ "restApiId": api, "resourceId": old.id });
            gone(work.call("apigateway", "DeleteResource", input).await)
        })
    }
}

/// The names of a method's parts: a template writes them with a capital, the API without.
pub(super) fn uncapitalised(value: &Value) -> Value {
    let members = value.as_object().into_iter().flatten();
    Value::Object(members.map(|(name, value)| (lowered(name), value.clone())).collect())
}

/// A name without its capital.
pub(super) fn lowered(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
