//! `AWS::IAM::Group`: name, path and policies.

use serde_json::{Value, json};

use super::document::to_text;
use super::iam_role::by_name;
use super::reading::{GROUP, Reading, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, seen, taken_out};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Group;

const PROPERTIES: [Property; 4] =
    [optional("GroupName").fixed(), optional("ManagedPolicyArns"), optional("Path"), optional("Policies")];

impl Provider for Group {
    fn kind(&self) -> &'static str {
        "AWS::IAM::Group"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("GroupName", 128))
    }

    fn of_receipt(&self, planned: &Physical, id: String) -> Option<Physical> {
        // Its own policies leave receipts, too.
        (id == planned.id).then(|| planned.clone())
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/Policies/*/PolicyDocument"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call("iam", "GetGroup", json!({ "GroupName": of.id })).await)?;
            let Some(group) = shown.and_then(|shown| shown.get("Group").cloned()) else { return Ok(None) };
            let mut now =
                properties(json!({ "GroupName": group.get("GroupName"), "Path": group.get("Path") }));
            GROUP.policies(work, &of.id, &mut now).await?;
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["Path"]);
            input.insert("GroupName".to_owned(), work.planned.clone().into());
            let answer = work.call("iam", "CreateGroup", Value::Object(input)).await?;
            let made = work.made(&work.planned, json!({ "Arn": answer.pointer("/Group/Arn") }));
            set_rights(work, &made.id, &Value::Null).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut attributes = old.attributes.clone();
            if old.properties.get("Path") != work.get("Path") {
                let path = work.get("Path").cloned().unwrap_or_else(|| json!("/"));
                work.call("iam", "UpdateGroup", json!({ "GroupName": old.id, "NewPath": path })).await?;
                let shown = work.call("iam", "GetGroup", json!({ "GroupName": old.id })).await?;
                let arn = shown.pointer("/Group/Arn");
                attributes.extend(arn.map(|arn| ("Arn".to_owned(), arn.clone())));
            }
            set_rights(work, &old.id, &old.properties).await?;
            Ok(work.made(&old.id, Value::Object(attributes)))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let none = Work { properties: serde_json::Map::new(), ..work.clone() };
            set_rights(&none, &old.id, &old.properties).await?;
            gone(work.call("iam", "DeleteGroup", json!({ "GroupName": old.id })).await)
        })
    }
}

/// Brings attached and inline policies from `old` to what is wanted.
async fn set_rights(work: &Work, name: &str, old: &Value) -> Result<(), Failure> {
    let (present, wanted) = (list(old.get("ManagedPolicyArns")), list(work.get("ManagedPolicyArns")));
    for arn in wanted.iter().filter(|arn| !present.contains(arn)) {
        work.call("iam", "AttachGroupPolicy", json!({ "GroupName": name, "PolicyArn": arn })).await?;
    }
    for arn in present.iter().filter(|arn| !wanted.contains(arn)) {
        taken_out(
            work.call("iam", "DetachGroupPolicy", json!({ "GroupName": name, "PolicyArn": arn })).await,
        )?;
    }
    let (present, wanted) = (by_name(old.get("Policies")), by_name(work.get("Policies")));
    for (policy, document) in
        wanted.iter().filter(|(policy, document)| present.get(*policy) != Some(*document))
    {
        let document = to_text(Some(document));
        let input = json!({ "GroupName": name, "PolicyName": policy, "PolicyDocument": document });
        work.call("iam", "PutGroupPolicy", input).await?;
    }
    for policy in present.keys().filter(|policy| !wanted.contains_key(*policy)) {
        taken_out(
            work.call("iam", "DeleteGroupPolicy", json!({ "GroupName": name, "PolicyName": policy })).await,
        )?;
    }
    Ok(())
}
