//! `AWS::IAM::ManagedPolicy`.

use serde_json::{Map, Value, json};

use super::document::to_text;
use super::reading::{Reading, document, properties};
use super::{
    Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, taken_out, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct ManagedPolicy;

const PROPERTIES: [Property; 7] = [
    optional("Description").fixed(),
    optional("Groups"),
    optional("ManagedPolicyName").fixed(),
    optional("Path").fixed(),
    required("PolicyDocument"),
    optional("Roles"),
    optional("Users"),
];

/// The property, the member that names a holder, and the calls that attach and detach.
const HOLDERS: [(&str, &str, &str, &str); 3] = [
    ("Roles", "RoleName", "AttachRolePolicy", "DetachRolePolicy"),
    ("Users", "UserName", "AttachUserPolicy", "DetachUserPolicy"),
    ("Groups", "GroupName", "AttachGroupPolicy", "DetachGroupPolicy"),
];

/// How many versions IAM keeps of one policy.
const VERSIONS_MAX: usize = 5;

impl Provider for ManagedPolicy {
    fn kind(&self) -> &'static str {
        "AWS::IAM::ManagedPolicy"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("ManagedPolicyName", 128))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let arn = arn(work, &work.planned, &Value::Object(work.properties.clone()));
            let shown = seen(work.call("iam", "GetPolicy", json!({ "PolicyArn": arn })).await)?;
            let tags = shown.as_ref().and_then(|shown| shown.pointer("/Policy/Tags"));
            Ok(work.is_marked(tags).then(|| work.made(arn, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/PolicyDocument"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetPolicy", json!({ "PolicyArn": of.id })).await)?;
            let Some(policy) = shown.and_then(|shown| shown.get("Policy").cloned()) else { return Ok(None) };
            let input = json!({ "PolicyArn": of.id, "VersionId": policy.get("DefaultVersionId") });
            let version = work.call("iam", "GetPolicyVersion", input).await?;
            let mut now = properties(json!({
                "Description": policy.get("Description"),
                "ManagedPolicyName": policy.get("PolicyName"),
                "Path": policy.get("Path"),
                "PolicyDocument": document(version.pointer("/PolicyVersion/Document")),
            }));
            if HOLDERS.iter().any(|(property, ..)| work.get(property).is_some()) {
                let input = json!({ "PolicyArn": of.id, "MaxItems": 1_000 });
                let shown = work.call("iam", "ListEntitiesForPolicy", input).await?;
                for (property, member, ..) in HOLDERS {
                    let holders = list(shown.get(format!("Policy{property}"))).iter();
                    now.insert(
                        property.to_owned(),
                        holders.filter_map(|holder| holder.get(member)).cloned().collect(),
                    );
                }
            }
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["Description", "Path"]);
            input.insert("PolicyName".to_owned(), work.planned.clone().into());
            input.insert("PolicyDocument".to_owned(), to_text(work.get("PolicyDocument")).into());
            let answer = work.call("iam", "CreatePolicy", Value::Object(input)).await?;
            let policy = answer.get("Policy").cloned().unwrap_or_default();
            let arn = text(policy.get("Arn"));
            let attached: usize = HOLDERS.iter().map(|(property, ..)| list(work.get(property)).len()).sum();
            let attributes = json!({
                "AttachmentCount": attached,
                "CreateDate": policy.get("CreateDate"),
                "DefaultVersionId": policy.get("DefaultVersionId"),
                "IsAttachable": policy.get("IsAttachable"),
                "PermissionsBoundaryUsageCount": 0,
                "PolicyArn": arn,
                "PolicyId": policy.get("PolicyId"),
                "UpdateDate": policy.get("UpdateDate"),
            });
            let made = work.made(&arn, attributes);
            attach(work, &arn, &Value::Null).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            if old.properties.get("PolicyDocument") != work.get("PolicyDocument") {
                let versions = old_versions(work, &old.id).await?;
                if versions.len() + 1 >= VERSIONS_MAX {
                    // IAM lists the newest first: the last one is the oldest.
                    if let Some(oldest) = versions.last() {
                        let input = json!({ "PolicyArn": old.id, "VersionId": oldest });
                        gone(work.call("iam", "DeletePolicyVersion", input).await)?;
                    }
                }
                let document = to_text(work.get("PolicyDocument"));
                let input = json!({ "PolicyArn": old.id, "PolicyDocument": document, "SetAsDefault": true });
                work.call("iam", "CreatePolicyVersion", input).await?;
            }
            attach(work, &old.id, &old.properties).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            if !old.id.starts_with("arn:") {
                // Planned and never made, or made without an answer.
                let id = arn(work, &old.id, &old.properties);
                return delete(work, &Physical { id, ..old.clone() }).await;
            }
            delete(work, old).await
        })
    }
}

/// A policy's ARN follows from its name and path.
fn arn(work: &Work, name: &str, properties: &Value) -> String {
    let path = match text(properties.get("Path")) {
        path if path.is_empty() => "/".to_owned(),
        path => path,
    };
    base::Arn::new("iam", "", work.caller.account.as_str(), format!("policy{path}{name}")).to_string()
}

async fn delete(work: &Work, old: &Physical) -> Result<(), Failure> {
    let none = Work { properties: Map::new(), ..work.clone() };
    attach(&none, &old.id, &old.properties).await?;
    for version in old_versions(work, &old.id).await? {
        let input = json!({ "PolicyArn": old.id, "VersionId": version });
        gone(work.call("iam", "DeletePolicyVersion", input).await)?;
    }
    gone(work.call("iam", "DeletePolicy", json!({ "PolicyArn": old.id })).await)
}

/// All versions but the default one.
async fn old_versions(work: &Work, arn: &str) -> Result<Vec<Value>, Failure> {
    let answer = match work.call("iam", "ListPolicyVersions", json!({ "PolicyArn": arn })).await {
        Ok(answer) => answer,
        Err(fault) if super::is_absent(&fault) => return Ok(Vec::new()),
        Err(fault) => return Err(fault.into()),
    };
    let versions = list(answer.get("Versions")).iter();
    let old = versions.filter(|version| version.get("IsDefaultVersion") != Some(&Value::Bool(true)));
    Ok(old.filter_map(|version| version.get("VersionId").cloned()).collect())
}

async fn attach(work: &Work, arn: &str, old: &Value) -> Result<(), Failure> {
    for (property, member, attach, detach) in HOLDERS {
        let (present, wanted) = (list(old.get(property)), list(work.get(property)));
        for holder in wanted.iter().filter(|holder| !present.contains(holder)) {
            work.call("iam", attach, json!({ member: holder, "PolicyArn": arn })).await?;
        }
        for holder in present.iter().filter(|holder| !wanted.contains(holder)) {
            taken_out(work.call("iam", detach, json!({ member: holder, "PolicyArn": arn })).await)?;
        }
    }
    Ok(())
}
