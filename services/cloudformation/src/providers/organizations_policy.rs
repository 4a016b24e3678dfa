//! `AWS::Organizations::Policy`, attached to its targets.

use serde_json::{Map, Value, json};

use super::document::to_text;
use super::finders;
use super::organizations_types::TAGGING;
use super::reading::{Reading, document, properties};
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Policy;

const PROPERTIES: [Property; 6] = [
    required("Content"),
    optional("Description"),
    required("Name"),
    optional("Tags"),
    optional("TargetIds"),
    required("Type").fixed(),
];

impl Provider for Policy {
    fn kind(&self) -> &'static str {
        "AWS::Organizations::Policy"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("organizations", "CreatePolicy"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let listing = ("ListPolicies", json!({ "Filter": work.text("Type") }), "Policies");
            let found = finders::in_organization(work, listing, ("Name", &work.text("Name"))).await?;
            Ok(found.map(|id| work.made(id, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/Content"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let input = json!({ "PolicyId": of.id });
            let shown = seen(work.call("organizations", "DescribePolicy", input.clone()).await)?;
            let Some(policy) = shown.and_then(|shown| shown.get("Policy").cloned()) else { return Ok(None) };
            let summary = policy.get("PolicySummary");
            let part = |name: &str| summary.and_then(|summary| summary.get(name));
            let mut now = properties(json!({
                "Content": document(policy.get("Content")),
                "Description": part("Description"),
                "Name": part("Name"),
                "Type": part("Type"),
            }));
            if work.get("TargetIds").is_some() {
                let shown = work.call("organizations", "ListTargetsForPolicy", input).await?;
                let targets = list(shown.get("Targets")).iter().filter_map(|target| target.get("TargetId"));
                now.insert("TargetIds".to_owned(), targets.cloned().collect());
            }
            if work.get("Tags").is_some() {
                now.insert("Tags".to_owned(), TAGGING.shown("organizations", work, of).await?);
            }
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = work.pick(&["Name", "Tags", "Type"]);
            input.insert("Content".to_owned(), to_text(work.get("Content")).into());
            // The call wants one, a template need not have it.
            input.insert("Description".to_owned(), work.text("Description").into());
            let answer = work.call("organizations", "CreatePolicy", Value::Object(input)).await?;
            let summary = answer.pointer("/Policy/PolicySummary").cloned().unwrap_or_default();
            let attributes = json!({
                "Arn": summary.get("Arn"),
                "AwsManaged": summary.get("AwsManaged"),
                "Id": summary.get("Id"),
            });
            let made = work.made(text(summary.get("Id")), attributes);
            attach(work, &made.id, &Value::Null).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = json!({
                "PolicyId": old.id,
                "Name": work.text("Name"),
                "Description": work.text("Description"),
                "Content": to_text(work.get("Content")),
            });
            work.call("organizations", "UpdatePolicy", input).await?;
            attach(work, &old.id, &old.properties).await?;
            TAGGING.change("organizations", work, old).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let none = Work { properties: Map::new(), ..work.clone() };
            attach(&none, &old.id, &old.properties).await?;
            gone(work.call("organizations", "DeletePolicy", json!({ "PolicyId": old.id })).await)
        })
    }
}

async fn attach(work: &Work, policy: &str, old: &Value) -> Result<(), Failure> {
    let (present, wanted) = (list(old.get("TargetIds")), list(work.get("TargetIds")));
    for target in wanted.iter().filter(|target| !present.contains(target)) {
        let input = json!({ "PolicyId": policy, "TargetId": target });
        work.call("organizations", "AttachPolicy", input).await?;
    }
    for target in present.iter().filter(|target| !wanted.contains(target)) {
        let input = json!({ "PolicyId": policy, "TargetId": target });
        match work.call("organizations", "DetachPolicy", input).await {
            Err(fault) if fault.code == "PolicyNotAttachedException" => {}
            answer => gone(answer)?,
        }
    }
    Ok(())
}
