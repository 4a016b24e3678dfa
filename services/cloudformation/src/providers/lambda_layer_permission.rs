//! `AWS::Lambda::LayerVersionPermission`: one statement of a layer version's policy.

use serde_json::{Value, json};

use super::lambda_permission::as_properties;
use super::reading::{Reading, document};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct LayerPermission;

const PROPERTIES: [Property; 4] = [
    required("Action").fixed(),
    required("LayerVersionArn").fixed(),
    optional("OrganizationId").fixed(),
    required("Principal").fixed(),
];

impl Provider for LayerPermission {
    fn kind(&self) -> &'static str {
        "AWS::Lambda::LayerVersionPermission"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("lambda", "AddLayerVersionPermission"))
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
            let (layer, version) = parts_of(&work.text("LayerVersionArn"))?;
            let input = json!({ "LayerName": layer, "VersionNumber": version });
            let Some(shown) = seen(work.call("lambda", "GetLayerVersionPolicy", input).await)? else {
                return Ok(None);
            };
            let policy = document(shown.get("Policy"));
            let mut statements = list(policy.get("Statement")).iter();
            let found = statements.find(|statement| text(statement.get("Sid")) == of.id);
            Ok(found.map(|statement| {
                let mut now = as_properties(statement);
                now.extend(work.pick(&["LayerVersionArn"]));
                now
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let (layer, version) = parts_of(&work.text("LayerVersionArn"))?;
            let mut input = work.pick(&["Action", "OrganizationId", "Principal"]);
            input.insert("LayerName".to_owned(), layer.into());
            input.insert("VersionNumber".to_owned(), version.into());
            input.insert("StatementId".to_owned(), work.planned.clone().into());
            work.call("lambda", "AddLayerVersionPermission", Value::Object(input)).await?;
            Ok(work.made(&work.planned, json!({ "Id": work.planned })))
        })
    }

    fn update<'a>(&'a self, _: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async { Err(Failure::new("A permission cannot be changed in place.").untouched()) })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let (layer, version) = parts_of(&text(old.properties.get("LayerVersionArn")))?;
            let input = json!({ "LayerName": layer, "VersionNumber": version, "StatementId": old.id });
            gone(work.call("lambda", "RemoveLayerVersionPermission", input).await)
        })
    }
}

/// A layer's ARN, and the number behind it.
fn parts_of(arn: &str) -> Result<(String, String), Failure> {
    let parts = arn.rsplit_once(':').map(|(layer, version)| (layer.to_owned(), version.to_owned()));
    parts.ok_or_else(|| Failure::new(format!("{arn} is not the ARN of a layer's version.")))
}
