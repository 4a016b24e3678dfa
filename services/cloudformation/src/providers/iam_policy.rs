//! `AWS::IAM::Policy`: one inline policy in any number of roles, users and groups.
//!
//! Refuses a name that one of them has another policy of: that one is somebody else's.

use serde_json::{Map, Value, json};

use super::document::{is_document, to_text};
use super::reading::{GROUP, ROLE, Reading, USER};
use super::{Answer, Failure, Property, Provider, Work, list, optional, required, taken_out, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct InlinePolicy;

const PROPERTIES: [Property; 5] = [
    optional("Groups"),
    required("PolicyDocument"),
    required("PolicyName"),
    optional("Roles"),
    optional("Users"),
];

/// The property, the member that names a holder, and the calls that put and delete.
const HOLDERS: [(&str, &str, &str, &str); 3] = [
    ("Roles", "RoleName", "PutRolePolicy", "DeleteRolePolicy"),
    ("Users", "UserName", "PutUserPolicy", "DeleteUserPolicy"),
    ("Groups", "GroupName", "PutGroupPolicy", "DeleteGroupPolicy"),
];

impl Provider for InlinePolicy {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Policy"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn of_receipt(&self, planned: &Physical, id: String) -> Option<Physical> {
        let (kind, rest) = id.split_once('/')?;
        let (holder, name) = rest.split_once('/')?;
        if name != text(planned.properties.get("PolicyName")) {
            return None;
        }
        let (property, ..) = HOLDERS.iter().find(|(_, member, ..)| {
            member.strip_suffix("Name").is_some_and(|noun| noun.eq_ignore_ascii_case(kind))
        })?;
        let properties = json!({ "PolicyName": planned.properties.get("PolicyName"), *property: [holder] });
        Some(Physical { properties, ..planned.clone() })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/PolicyDocument"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let policy = json!(work.text("PolicyName"));
            let mut now = work.pick(&["PolicyName"]);
            for ((property, ..), holder) in HOLDERS.iter().zip([ROLE, USER, GROUP]) {
                let mut holders = Vec::new();
                for name in list(work.get(property)) {
                    let Some(document) = holder.policy(work, name, &policy).await? else { continue };
                    holders.push(name.clone());
                    // The one that differs is what there is to tell.
                    let known = now.get("PolicyDocument");
                    if known.is_none_or(|known| Some(known) == work.get("PolicyDocument")) {
                        now.insert("PolicyDocument".to_owned(), document);
                    }
                }
                now.insert((*property).to_owned(), holders.into());
            }
            Ok(now.contains_key("PolicyDocument").then_some(now))
        })
    }

    /// Goes on where the holders have nothing of that name but what an interrupted try put.
    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            if ours(work)?.is_empty() || others(work, &Value::Null).await?.is_some() {
                return Ok(None);
            }
            let made = made(work);
            put(work).await.map_err(|failure| failure.after(&made))?;
            Ok(Some(made))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            if HOLDERS.iter().all(|(property, ..)| list(work.get(property)).is_empty()) {
                return Err(Failure::new("At least one of [Groups,Roles,Users] must be non-empty."));
            }
            refuse_others(work, &Value::Null).await?;
            let made = made(work);
            put(work).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            // What an interrupted try put goes on the way back.
            refuse_others(work, &old.properties).await?;
            put(work).await?;
            // What the new state does not name any more, or names differently, goes.
            let renamed = old.properties.get("PolicyName") != work.get("PolicyName");
            let mut left = Map::new();
            for (property, ..) in HOLDERS {
                let kept = list(work.get(property));
                let items =
                    list(old.properties.get(property)).iter().filter(|item| renamed || !kept.contains(item));
                left.insert(property.to_owned(), items.cloned().collect());
            }
            remove(work, &text(old.properties.get("PolicyName")), &Value::Object(left)).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn half_changed(&self, work: &Work, old: &Physical) -> Physical {
        // SECURITY: the change may have stopped before it looked. Where it cannot be told what it put, that is nothing.
        let ours = ours(work).unwrap_or_default();
        let mut now = work.properties.clone();
        for (property, ..) in HOLDERS {
            let named = list(work.get(property)).iter();
            let kept = named.filter(|holder| is_ours(work, (&old.properties, &ours), (property, holder)));
            now.insert(property.to_owned(), kept.cloned().collect());
        }
        Physical { properties: Value::Object(now), ..old.clone() }
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move { remove(work, &text(old.properties.get("PolicyName")), &old.properties).await })
    }
}

fn made(work: &Work) -> Physical {
    work.made(&work.planned, json!({ "Id": work.planned }))
}

/// The holders in which an interrupted try put the policy, each as properties.
fn ours(work: &Work) -> Result<Vec<Value>, Failure> {
    let planned = made(work);
    let made = work.receipts()?.into_iter().filter_map(|id| InlinePolicy.of_receipt(&planned, id));
    Ok(made.map(|made| made.properties).collect())
}

/// True where a holder has the policy by `old`, or from an interrupted try.
fn is_ours(work: &Work, (old, ours): (&Value, &[Value]), (property, holder): (&str, &Value)) -> bool {
    let has = |state: &Value| list(state.get(property)).contains(holder);
    let renamed = old.get("PolicyName") != work.get("PolicyName");
    (!renamed && has(old)) || ours.iter().any(has)
}

/// A holder that has a policy of that name, and did not have it by `old`, nor from an interrupted try.
async fn others(work: &Work, old: &Value) -> Result<Option<String>, Failure> {
    let name = work.text("PolicyName");
    let ours = ours(work)?;
    for ((property, ..), kind) in HOLDERS.iter().zip([ROLE, USER, GROUP]) {
        let known = |holder: &&Value| is_ours(work, (old, &ours), (property, holder));
        for holder in list(work.get(property)).iter().filter(|holder| !known(holder)) {
            let found = kind.policy(work, holder, &json!(name)).await?;
            // SECURITY: what says the very same may be somebody else's, but on the way back: then the holder may still
            // have what the new state does not name, and the stack knows that it was its own.
            let may_be =
                |shown: &Value| work.place.goes_back && is_document(shown, work.get("PolicyDocument"));
            if found.is_some_and(|shown| !may_be(&shown)) {
                return Ok(Some(text(Some(holder))));
            }
        }
    }
    Ok(None)
}

async fn refuse_others(work: &Work, old: &Value) -> Result<(), Failure> {
    let Some(holder) = others(work, old).await? else { return Ok(()) };
    let name = work.text("PolicyName");
    Err(Failure::exists(format_args!(
        "Resource of type 'AWS::IAM::Policy' with identifier '{name}|{holder}' already exists."
    )))
}

async fn put(work: &Work) -> Result<(), Failure> {
    let (name, document) = (work.text("PolicyName"), to_text(work.get("PolicyDocument")));
    for (property, member, put, _) in HOLDERS {
        for holder in list(work.get(property)) {
            let input = json!({ member: holder, "PolicyName": name, "PolicyDocument": document });
            work.call("iam", put, input).await?;
        }
    }
    Ok(())
}

async fn remove(work: &Work, name: &str, holders: &Value) -> Result<(), Failure> {
    for (property, member, _, delete) in HOLDERS {
        for holder in list(holders.get(property)) {
            taken_out(work.call("iam", delete, json!({ member: holder, "PolicyName": name })).await)?;
        }
    }
    Ok(())
}
