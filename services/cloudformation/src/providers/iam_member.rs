//! `AWS::IAM::UserToGroupAddition` and `AWS::IAM::InstanceProfile`: who is in what.

use serde_json::{Value, json};

use super::reading::{Reading, properties};
use super::{
    Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, taken_out, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct UserToGroup;

/// Under which name a stack remembers whom it put into the group itself.
const ADDED: &str = "Added";

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
            let done = members(work, &work.text("GroupName"), &Value::Null).await;
            let added = added(work, &Value::Null);
            let Err(failure) = done else { return Ok(remembers(made, added)) };
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
            let stays = before == group;
            if stays {
                members(work, &group, &present(work, old)).await?;
            } else {
                members(work, &group, &Value::Null).await?;
                let none = Work { properties: serde_json::Map::new(), ..work.clone() };
                members(&none, &before, &present(&none, old)).await?;
            }
            let made = work.made(&old.id, Value::Null);
            // What it goes back to remembers for itself.
            if work.place.goes_back {
                return Ok(made);
            }
            let before = if stays { by_stack(old) } else { Value::Null };
            Ok(remembers(made, added(work, &before)))
        })
    }

    fn half_changed(&self, work: &Work, old: &Physical) -> Physical {
        let stays = text(old.properties.get("GroupName")) == work.text("GroupName");
        let added = added(work, if stays { &old.properties } else { &Value::Null });
        let properties = json!({ "GroupName": work.get("GroupName"), "Users": added });
        // Whoever stays in the list may have been there before the stack, and is not the way back's to take out.
        let by_stack = self::added(work, &if stays { by_stack(old) } else { Value::Null });
        remembers(Physical { properties, ..old.clone() }, by_stack)
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let none = Work { properties: serde_json::Map::new(), ..work.clone() };
            members(&none, &text(old.properties.get("GroupName")), &present(&none, old)).await
        })
    }
}

/// The resource, with whom the stack put into the group itself, and has in its list still.
fn remembers(made: Physical, added: Vec<Value>) -> Physical {
    let mut attributes = made.attributes;
    attributes.insert(ADDED.to_owned(), added.into());
    Physical { attributes, ..made }
}

/// Of the users in the list those whom the stack put into the group itself. One that was made before this was remembered is taken to have
/// put in all.
fn by_stack(of: &Physical) -> Value {
    let added = of.attributes.get(ADDED).or_else(|| of.properties.get("Users"));
    json!({ "Users": added })
}

/// Whom a change is to find in the group, and takes out where they are not wanted: all that the list names, as AWS does.
// SECURITY: but on the way back only those whom the stack put there: who was in the group before may be held down by what it denies.
fn present(work: &Work, old: &Physical) -> Value {
    if !work.place.goes_back {
        return old.properties.clone();
    }
    let by_stack = by_stack(old);
    let stays =
        |user: &&Value| list(work.get("Users")).contains(user) || list(by_stack.get("Users")).contains(user);
    json!({ "Users": list(old.properties.get("Users")).iter().filter(stays).collect::<Vec<_>>() })
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
        taken_out(
            work.call("iam", "RemoveUserFromGroup", json!({ "GroupName": group, "UserName": user })).await,
        )?;
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
        taken_out(work.call("iam", "RemoveRoleFromInstanceProfile", input).await)?;
    }
    for role in wanted.iter().filter(|role| !present.contains(role)) {
        let input = json!({ "InstanceProfileName": profile, "RoleName": role });
        work.call("iam", "AddRoleToInstanceProfile", input).await?;
    }
    Ok(())
}
