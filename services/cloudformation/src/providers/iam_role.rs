//! `AWS::IAM::Role`.

use serde_json::{Map, Value, json};

use super::document::to_text;
use super::reading::{ROLE, Reading, document, properties};
use super::{
    Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, tags, taken_out, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Role;

const PROPERTIES: [Property; 9] = [
    required("AssumeRolePolicyDocument"),
    optional("Description"),
    optional("ManagedPolicyArns"),
    optional("MaxSessionDuration"),
    optional("Path").fixed(),
    optional("PermissionsBoundary"),
    optional("Policies"),
    optional("RoleName").fixed(),
    optional("Tags"),
];

impl Provider for Role {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Role"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("RoleName", 64))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetRole", json!({ "RoleName": work.planned })).await)?;
            let tags = shown.as_ref().and_then(|shown| shown.pointer("/Role/Tags"));
            Ok(work.is_marked(tags).then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules {
            unread: &[],
            whole: &["/AssumeRolePolicyDocument", "/Policies/*/PolicyDocument"],
            ordered: &[],
        };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetRole", json!({ "RoleName": of.id })).await)?;
            let Some(role) = shown.and_then(|shown| shown.get("Role").cloned()) else { return Ok(None) };
            let mut now = properties(json!({
                "AssumeRolePolicyDocument": document(role.get("AssumeRolePolicyDocument")),
                "Description": role.get("Description"),
                "MaxSessionDuration": role.get("MaxSessionDuration"),
                "Path": role.get("Path"),
                "PermissionsBoundary": role.pointer("/PermissionsBoundary/PermissionsBoundaryArn"),
                "RoleName": role.get("RoleName"),
                "Tags": tags::own(role.get("Tags")),
            }));
            ROLE.policies(work, &of.id, &mut now).await?;
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input =
                work.pick(&["Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags"]);
            let trust = to_text(work.get("AssumeRolePolicyDocument"));
            input.insert("RoleName".to_owned(), work.planned.clone().into());
            input.insert("AssumeRolePolicyDocument".to_owned(), trust.into());
            let answer = work.call("iam", "CreateRole", Value::Object(input)).await?;
            let role = answer.get("Role").cloned().unwrap_or_default();
            let made =
                work.made(&work.planned, json!({ "Arn": role.get("Arn"), "RoleId": role.get("RoleId") }));
            set_policies(work, &made, &Value::Null).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let name = json!(old.id);
            if old.properties.get("AssumeRolePolicyDocument") != work.get("AssumeRolePolicyDocument") {
                let document = to_text(work.get("AssumeRolePolicyDocument"));
                let input = json!({ "RoleName": name, "PolicyDocument": document });
                work.call("iam", "UpdateAssumeRolePolicy", input).await?;
            }
            let mut settings = work.pick(&["Description", "MaxSessionDuration"]);
            // What the template does not say any more goes back to IAM's default.
            for (gone, default) in [("Description", json!("")), ("MaxSessionDuration", json!(3_600))] {
                if old.properties.get(gone).is_some_and(|value| !value.is_null()) {
                    settings.entry(gone).or_insert(default);
                }
            }
            settings.insert("RoleName".to_owned(), name.clone());
            work.call("iam", "UpdateRole", Value::Object(settings)).await?;
            match work.get("PermissionsBoundary") {
                new if new == old.properties.get("PermissionsBoundary") => {}
                Some(arn) => {
                    let input = json!({ "RoleName": name, "PermissionsBoundary": arn });
                    work.call("iam", "PutRolePermissionsBoundary", input).await?;
                }
                None => gone(
                    work.call("iam", "DeleteRolePermissionsBoundary", json!({ "RoleName": name })).await,
                )?,
            }
            let made = work.made(&old.id, Value::Object(old.attributes.clone()));
            set_policies(work, &made, &old.properties).await?;
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                tags::take_off(work, ("iam", "UntagRole"), &json!({ "RoleName": name }), "TagKeys", removed)
                    .await?;
            }
            if !set.is_empty() {
                work.call("iam", "TagRole", json!({ "RoleName": name, "Tags": tags::to_list(set) })).await?;
            }
            Ok(made)
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            for arn in list(old.properties.get("ManagedPolicyArns")) {
                let input = json!({ "RoleName": old.id, "PolicyArn": arn });
                taken_out(work.call("iam", "DetachRolePolicy", input).await)?;
            }
            for policy in list(old.properties.get("Policies")) {
                let input = json!({ "RoleName": old.id, "PolicyName": policy.get("PolicyName") });
                taken_out(work.call("iam", "DeleteRolePolicy", input).await)?;
            }
            gone(work.call("iam", "DeleteRole", json!({ "RoleName": old.id })).await)
        })
    }
}

/// Inline policies by name.
pub(super) fn by_name(policies: Option<&Value>) -> Map<String, Value> {
    let pairs = list(policies).iter().map(|policy| {
        (text(policy.get("PolicyName")), policy.get("PolicyDocument").cloned().unwrap_or_default())
    });
    pairs.collect()
}

/// Attaches and puts what is new, then detaches and deletes what is no longer named.
async fn set_policies(work: &Work, role: &Physical, old: &Value) -> Result<(), Failure> {
    let name = &role.id;
    let (attached, wanted) = (list(old.get("ManagedPolicyArns")), list(work.get("ManagedPolicyArns")));
    for arn in wanted.iter().filter(|arn| !attached.contains(arn)) {
        work.call("iam", "AttachRolePolicy", json!({ "RoleName": name, "PolicyArn": arn })).await?;
    }
    for arn in attached.iter().filter(|arn| !wanted.contains(arn)) {
        taken_out(work.call("iam", "DetachRolePolicy", json!({ "RoleName": name, "PolicyArn": arn })).await)?;
    }
    let (present, wanted) = (by_name(old.get("Policies")), by_name(work.get("Policies")));
    for (policy, document) in
        wanted.iter().filter(|(policy, document)| present.get(*policy) != Some(*document))
    {
        let input =
            json!({ "RoleName": name, "PolicyName": policy, "PolicyDocument": to_text(Some(document)) });
        work.call("iam", "PutRolePolicy", input).await?;
    }
    for policy in present.keys().filter(|policy| !wanted.contains_key(*policy)) {
        taken_out(
            work.call("iam", "DeleteRolePolicy", json!({ "RoleName": name, "PolicyName": policy })).await,
        )?;
    }
    Ok(())
}
