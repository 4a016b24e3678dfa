//! `AWS::IAM::ServiceLinkedRole`: a role that only its service may take on.

use std::time::Duration;

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, is_absent, list, optional, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct ServiceLinkedRole;

const PROPERTIES: [Property; 3] =
    [optional("AWSServiceName").fixed(), optional("CustomSuffix").fixed(), optional("Description")];

/// How often and how long apart a deletion is looked at until it has ended.
const LOOKS_MAX: usize = 120;
const LOOK_APART: Duration = Duration::from_millis(250);

impl Provider for ServiceLinkedRole {
    fn kind(&self) -> &'static str {
        "AWS::IAM::ServiceLinkedRole"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("iam", "CreateServiceLinkedRole"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let path = format!("/aws-service-role/{}/", work.text("AWSServiceName"));
            let input = json!({ "PathPrefix": path, "MaxItems": 1_000 });
            let shown = work.call("iam", "ListRoles", input).await?;
            for role in list(shown.get("Roles")) {
                let name = text(role.get("RoleName"));
                let shown = seen(work.call("iam", "GetRole", json!({ "RoleName": name })).await)?;
                if work.is_marked(shown.as_ref().and_then(|shown| shown.pointer("/Role/Tags"))) {
                    return Ok(Some(work.made(name, Value::Null)));
                }
            }
            Ok(None)
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules =
            Rules { unread: &["/AWSServiceName", "/CustomSuffix"], whole: &[], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetRole", json!({ "RoleName": of.id })).await)?;
            Ok(shown.map(|shown| properties(json!({ "Description": shown.pointer("/Role/Description") }))))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = Value::Object(work.properties.clone());
            let answer = work.call("iam", "CreateServiceLinkedRole", input).await?;
            let name = text(answer.pointer("/Role/RoleName"));
            Ok(work.made(&name, json!({ "RoleName": name })))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = json!({ "RoleName": old.id, "Description": work.text("Description") });
            work.call("iam", "UpdateRoleDescription", input).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let begun = match work.call("iam", "DeleteServiceLinkedRole", json!({ "RoleName": old.id })).await
            {
                Err(fault) if is_absent(&fault) => return Ok(()),
                begun => begun?,
            };
            let task = json!({ "DeletionTaskId": begun.get("DeletionTaskId") });
            for _ in 0..LOOKS_MAX {
                let told = work.call("iam", "GetServiceLinkedRoleDeletionStatus", task.clone()).await?;
                match text(told.get("Status")).as_str() {
                    "SUCCEEDED" => return Ok(()),
                    "FAILED" => return Err(Failure::new(text(told.pointer("/Reason/Reason")))),
                    _ => tokio::time::sleep(LOOK_APART).await,
                }
            }
            Err(Failure::new(format!("The role {} did not go away in time.", old.id)))
        })
    }
}
