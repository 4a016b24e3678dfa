//! `AWS::IAM::UserToGroupAddition` and `AWS::IAM::InstanceProfile`: who is in what.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct UserToGroup;

const MEMBERS: [Property; 2] = [required("GroupName"), required("Users")];

impl Provider for UserToGroup {
    fn kind(&self) -> &'static str {
        "AWS::IAM::UserToGroupAddition"
    }

    fn properties(&self) -> &'static [Property] {
        &MEMBERS
    }

    fn of_receipt(&self, planned: &Physical, id: String) -> Option<Physical> {
        let properties = json!({ "GroupName": planned.properties.get("GroupName"), "Users": [id] });
        Some(Physical { properties, ..planned.clone() })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let input = json!({ "GroupName": work.text("GroupName"), "MaxItems": 1_000 });
            let Some(shown) = seen(work.call("iam", "GetGroup", input).await)? else { return Ok(None) };
            let present: Vec<&Value> =
                list(shown.get("Users")).iter().filter_map(|user| user.get("UserName")).collect();
            // Others in the group are there by somebody else's doing.
            let ours = list(work.get("Users")).iter().filter(|user| present.contains(user));
            Ok(Some(properties(json!({
                "GroupName": work.get("GroupName"),
                "Users": ours.collect::<Vec<_>>(),
            }))))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let made = work.made(&work.planned, Value::Null);
            let Err(failure) = members(work, &work.text("GroupName"), &Value::Null).await else {
                return Ok(made);
            };
            let added = added(work, &Value::Null);
            if added.is_empty() {
                return Err(failure);
            }
            let properties = json!({ "GroupName": work.get("GroupName"), "Users": added });
            Err(failure.after(&Physical { properties, ..made }))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let (before, group) = (text(old.properties.get("GroupName")), work.text("GroupName"));
            if before == group {
                members(work, &group, &old.properties).await?;
            } else {
                members(work, &group, &Value::Null).await?;
                let none = Work { properties: serde_json::Map::new(), ..work.clone() };
                members(&none, &before, &old.properties).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn half_changed(&self, work: &Work, old: &Physical) -> Physical {
        let stays = text(old.properties.get("GroupName")) == work.text("GroupName");
        let added = added(work, if stays { &old.properties } else { &Value::Null });
        let properties = json!({ "GroupName": work.get("GroupName"), "Users": added });
        Physical { properties, ..old.clone() }
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let none = Work { properties: serde_json::Map::new(), ..work.clone() };
            members(&none, &text(old.properties.get("GroupName")), &old.properties).await
        })
    }
}

/// Of the users that `work` wants in its group those that the stack had there by `old`, or has added since.
// SECURITY: whoever was in the group before is not to be taken out of it. Where it cannot be told who was added, nobody was.
fn added(work: &Work, old: &Value) -> Vec<Value> {
    let receipts = work.receipts().unwrap_or_default();
    let is_new = |user: &Value| receipts.iter().any(|name| name.eq_ignore_ascii_case(&text(Some(user))));
    let wanted = list(work.get("Users")).iter();
    wanted.filter(|user| list(old.get("Users")).contains(user) || is_new(user)).cloned().collect()
}

async fn members(work: &Work, group: &str, old: &Value) -> Result<(), Failure> {
    let (present, wanted) = (list(old.get("Users")), list(work.get("Users")));
    for user in wanted.iter().filter(|user| !present.contains(user)) {
        work.call("iam", "AddUserToGroup", json!({ "GroupName": group, "UserName": user })).await?;
    }
    for user in present.iter().filter(|user| !wanted.contains(user)) {
        gone(work.call("iam", "RemoveUserFromGroup", json!({ "GroupName": group, "UserName": user })).await)?;
    }
    Ok(())
}

pub(super) struct InstanceProfile;

const PROFILE: [Property; 3] =
    [optional("InstanceProfileName").fixed(), optional("Path").fixed(), required("Roles")];

impl Provider for InstanceProfile {
    fn kind(&self) -> &'static str {
        "AWS::IAM::InstanceProfile"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("iam", "CreateInstanceProfile"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROFILE
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("InstanceProfileName", 128))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let input = json!({ "InstanceProfileName": work.planned });
            let shown = seen(work.call("iam", "GetInstanceProfile", input).await)?;
            let tags = shown.as_ref().and_then(|shown| shown.pointer("/InstanceProfile/Tags"));
            Ok(work.is_marked(tags).then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let input = json!({ "InstanceProfileName": of.id });
            let shown = seen(work.call("iam", "GetInstanceProfile", input).await)?;
            let Some(profile) = shown.and_then(|shown| shown.get("InstanceProfile").cloned()) else {
                return Ok(None);
            };
            let roles = list(profile.get("Roles")).iter().filter_map(|role| role.get("RoleName"));
            Ok(Some(properties(json!({
                "InstanceProfileName": profile.get("InstanceProfileName"),
                "Path": profile.get("Path"),
                "Roles": roles.collect::<Vec<_>>(),
            }))))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["Path"]);
            input.insert("InstanceProfileName".to_owned(), work.planned.clone().into());
            let answer = work.call("iam", "CreateInstanceProfile", Value::Object(input)).await?;
            let made = work.made(&work.planned, json!({ "Arn": answer.pointer("/InstanceProfile/Arn") }));
            roles(work, &made.id, &Value::Null).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            roles(work, &old.id, &old.properties).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let none = Work { properties: serde_json::Map::new(), ..work.clone() };
            roles(&none, &old.id, &old.properties).await?;
            gone(work.call("iam", "DeleteInstanceProfile", json!({ "InstanceProfileName": old.id })).await)
        })
    }
}

/// A profile holds one role: the old one leaves before the new one comes.
async fn roles(work: &Work, profile: &str, old: &Value) -> Result<(), Failure> {
    let (present, wanted) = (list(old.get("Roles")), list(work.get("Roles")));
    for role in present.iter().filter(|role| !wanted.contains(role)) {
        let input = json!({ "InstanceProfileName": profile, "RoleName": role });
        gone(work.call("iam", "RemoveRoleFromInstanceProfile", input).await)?;
    }
    for role in wanted.iter().filter(|role| !present.contains(role)) {
        let input = json!({ "InstanceProfileName": profile, "RoleName": role });
        work.call("iam", "AddRoleToInstanceProfile", input).await?;
    }
    Ok(())
}
