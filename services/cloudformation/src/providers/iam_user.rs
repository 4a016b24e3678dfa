//! `AWS::IAM::User`: name, path, policies, groups, tags, boundary, password.

use serde_json::{Value, json};

use super::document::to_text;
use super::iam_role::by_name;
use super::reading::{Reading, USER, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, seen, tags, taken_out};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct User;

const PROPERTIES: [Property; 8] = [
    optional("Groups"),
    optional("LoginProfile"),
    optional("ManagedPolicyArns"),
    optional("Path"),
    optional("PermissionsBoundary"),
    optional("Policies"),
    optional("Tags"),
    optional("UserName").fixed(),
];

impl Provider for User {
    fn kind(&self) -> &'static str {
        "AWS::IAM::User"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("UserName", 64))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetUser", json!({ "UserName": work.planned })).await)?;
            let tags = shown.as_ref().and_then(|shown| shown.pointer("/User/Tags"));
            Ok(work.is_marked(tags).then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules {
            unread: &["/LoginProfile/Password"],
            whole: &["/Policies/*/PolicyDocument"],
            ordered: &[],
        };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetUser", json!({ "UserName": of.id })).await)?;
            let Some(user) = shown.and_then(|shown| shown.get("User").cloned()) else { return Ok(None) };
            let mut now = properties(json!({
                "Path": user.get("Path"),
                "PermissionsBoundary": user.pointer("/PermissionsBoundary/PermissionsBoundaryArn"),
                "Tags": tags::own(user.get("Tags")),
                "UserName": user.get("UserName"),
            }));
            USER.policies(work, &of.id, &mut now).await?;
            if work.get("Groups").is_some() {
                let shown = work
                    .call("iam", "ListGroupsForUser", json!({ "UserName": of.id, "MaxItems": 1_000 }))
                    .await?;
                let groups = list(shown.get("Groups")).iter().filter_map(|group| group.get("GroupName"));
                now.insert("Groups".to_owned(), groups.cloned().collect());
            }
            if work.get("LoginProfile").is_some() {
                let shown = seen(work.call("iam", "GetLoginProfile", json!({ "UserName": of.id })).await)?;
                now.extend(shown.and_then(|shown| {
                    let reset = shown.pointer("/LoginProfile/PasswordResetRequired")?.clone();
                    Some(("LoginProfile".to_owned(), json!({ "PasswordResetRequired": reset })))
                }));
            }
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["Path", "PermissionsBoundary", "Tags"]);
            input.insert("UserName".to_owned(), work.planned.clone().into());
            let answer = work.call("iam", "CreateUser", Value::Object(input)).await?;
            let arn = answer.get("User").and_then(|user| user.get("Arn")).cloned();
            let made = work.made(&work.planned, json!({ "Arn": arn }));
            let rest = async {
                set_rights(work, &made.id, &Value::Null).await?;
                password(work, &made.id, None).await
            };
            rest.await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut arn = old.attributes.clone();
            if old.properties.get("Path") != work.get("Path") {
                let path = work.get("Path").cloned().unwrap_or_else(|| json!("/"));
                work.call("iam", "UpdateUser", json!({ "UserName": old.id, "NewPath": path })).await?;
                let answer = work.call("iam", "GetUser", json!({ "UserName": old.id })).await?;
                arn.extend(
                    answer
                        .get("User")
                        .and_then(|user| user.get("Arn"))
                        .map(|arn| ("Arn".to_owned(), arn.clone())),
                );
            }
            set_rights(work, &old.id, &old.properties).await?;
            password(work, &old.id, old.properties.get("LoginProfile")).await?;
            match work.get("PermissionsBoundary") {
                same if same == old.properties.get("PermissionsBoundary") => {}
                Some(arn) => {
                    let input = json!({ "UserName": old.id, "PermissionsBoundary": arn });
                    work.call("iam", "PutUserPermissionsBoundary", input).await?;
                }
                None => gone(
                    work.call("iam", "DeleteUserPermissionsBoundary", json!({ "UserName": old.id })).await,
                )?,
            }
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                tags::take_off(
                    work,
                    ("iam", "UntagUser"),
                    &json!({ "UserName": old.id }),
                    "TagKeys",
                    removed,
                )
                .await?;
            }
            if !set.is_empty() {
                work.call("iam", "TagUser", json!({ "UserName": old.id, "Tags": tags::to_list(set) }))
                    .await?;
            }
            Ok(work.made(&old.id, Value::Object(arn)))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let none = Work { properties: serde_json::Map::new(), ..work.clone() };
            set_rights(&none, &old.id, &old.properties).await?;
            password(&none, &old.id, old.properties.get("LoginProfile")).await?;
            gone(work.call("iam", "DeleteUser", json!({ "UserName": old.id })).await)
        })
    }
}

/// Brings attached policies, inline policies and groups from `old` to what is wanted.
async fn set_rights(work: &Work, name: &str, old: &Value) -> Result<(), Failure> {
    let differences = [
        ("ManagedPolicyArns", "PolicyArn", "AttachUserPolicy", "DetachUserPolicy"),
        ("Groups", "GroupName", "AddUserToGroup", "RemoveUserFromGroup"),
    ];
    for (property, member, add, remove) in differences {
        let (present, wanted) = (list(old.get(property)), list(work.get(property)));
        for item in wanted.iter().filter(|item| !present.contains(item)) {
            work.call("iam", add, json!({ "UserName": name, member: item })).await?;
        }
        for item in present.iter().filter(|item| !wanted.contains(item)) {
            taken_out(work.call("iam", remove, json!({ "UserName": name, member: item })).await)?;
        }
    }
    let (present, wanted) = (by_name(old.get("Policies")), by_name(work.get("Policies")));
    for (policy, document) in
        wanted.iter().filter(|(policy, document)| present.get(*policy) != Some(*document))
    {
        let input =
            json!({ "UserName": name, "PolicyName": policy, "PolicyDocument": to_text(Some(document)) });
        work.call("iam", "PutUserPolicy", input).await?;
    }
    for policy in present.keys().filter(|policy| !wanted.contains_key(*policy)) {
        taken_out(
            work.call("iam", "DeleteUserPolicy", json!({ "UserName": name, "PolicyName": policy })).await,
        )?;
    }
    Ok(())
}

/// Gives the user a password, changes it, or takes it away.
async fn password(work: &Work, user: &str, old: Option<&Value>) -> Result<(), Failure> {
    let wanted = work.get("LoginProfile");
    if wanted == old {
        return Ok(());
    }
    let Some(wanted) = wanted else {
        return gone(work.call("iam", "DeleteLoginProfile", json!({ "UserName": user })).await);
    };
    let call =
        if old.is_some_and(|old| !old.is_null()) { "UpdateLoginProfile" } else { "CreateLoginProfile" };
    let input = json!({
        "UserName": user,
        "Password": wanted.get("Password"),
        "PasswordResetRequired": wanted.get("PasswordResetRequired").cloned().unwrap_or(Value::Bool(false)),
    });
    work.call("iam", call, input).await?;
    Ok(())
}
