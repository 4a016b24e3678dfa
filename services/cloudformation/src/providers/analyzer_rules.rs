//! `AWS::AccessAnalyzer::ArchiveRule`, and the filters of archive rules.

use serde_json::{Map, Value, json};

use super::reading::{Reading, properties};
use super::{Answer, Property, Provider, Work, gone, list, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct ArchiveRule;

const SERVICE: &str = "accessanalyzer";

const PROPERTIES: [Property; 3] =
    [required("AnalyzerName").fixed(), required("Filter"), required("RuleName").fixed()];

const CRITERION: [(&str, &str); 4] =
    [("Contains", "contains"), ("Eq", "eq"), ("Exists", "exists"), ("Neq", "neq")];

fn called(of: &Physical) -> Map<String, Value> {
    let named = [("analyzerName", "AnalyzerName"), ("ruleName", "RuleName")];
    named
        .into_iter()
        .map(|(member, name)| (member.to_owned(), text(of.properties.get(name)).into()))
        .collect()
}

impl ArchiveRule {
    async fn put(work: &Work, call: &str) -> Result<(), super::Failure> {
        let mut input = called(&work.made("", Value::Null));
        input.insert("filter".to_owned(), criteria(work.get("Filter")));
        work.call(SERVICE, call, Value::Object(input)).await?;
        Ok(())
    }
}

impl Provider for ArchiveRule {
    fn kind(&self) -> &'static str {
        "AWS::AccessAnalyzer::ArchiveRule"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some((SERVICE, "CreateArchiveRule"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let name = json!({ "analyzerName": work.text("AnalyzerName") });
            let analyzer = seen(work.call(SERVICE, "GetAnalyzer", name).await)?;
            let tags = analyzer.as_ref().and_then(|shown| shown.pointer("/analyzer/tags"));
            if !work.is_of_stack(tags) {
                return Ok(None);
            }
            let made = work.made("", Value::Null);
            let shown = seen(work.call(SERVICE, "GetArchiveRule", Value::Object(called(&made))).await)?;
            Ok(shown.map(|_| made))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/Filter"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let shown = seen(work.call(SERVICE, "GetArchiveRule", Value::Object(called(of))).await)?;
            Ok(shown.map(|shown| {
                let filter = shown.pointer("/archiveRule/filter").and_then(Value::as_object).cloned();
                let filter = filter.unwrap_or_default().into_iter().map(|(name, criterion)| {
                    (name, Value::Object(renamed(&criterion, |(upper, lower)| (lower, upper))))
                });
                let mut now = properties(json!({ "Filter": filter.collect::<Map<_, _>>() }));
                now.extend(work.pick(&["AnalyzerName", "RuleName"]));
                now
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            Self::put(work, "CreateArchiveRule").await?;
            let made = work.made("", Value::Null);
            let shown = work.call(SERVICE, "GetArchiveRule", Value::Object(called(&made))).await?;
            let (region, account) = (work.caller.region().as_str(), work.caller.account);
            let name =
                format!("analyzer/{}/archive-rule/{}", work.text("AnalyzerName"), work.text("RuleName"));
            let arn = base::Arn::new("access-analyzer", region, account.as_str(), name).to_string();
            let attributes = json!({
                "Arn": arn,
                "CreatedAt": shown.pointer("/archiveRule/createdAt"),
                "UpdatedAt": shown.pointer("/archiveRule/updatedAt"),
            });
            Ok(work.made(&arn, attributes))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            Self::put(work, "UpdateArchiveRule").await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(
            async move { gone(work.call(SERVICE, "DeleteArchiveRule", Value::Object(called(old))).await) },
        )
    }
}

fn renamed(
    criterion: &Value,
    way: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> Map<String, Value> {
    let parts = CRITERION.into_iter().map(way);
    parts.filter_map(|(from, to)| Some((to.to_owned(), criterion.get(from)?.clone()))).collect()
}

/// The criteria of a filter by property, from an analyzer's list or a rule's map.
pub(super) fn criteria(filter: Option<&Value>) -> Value {
    let call = |criterion: &Value| Value::Object(renamed(criterion, |names| names));
    match filter {
        Some(Value::Object(map)) => {
            Value::Object(map.iter().map(|(name, criterion)| (name.clone(), call(criterion))).collect())
        }
        other => Value::Object(
            list(other).iter().map(|criterion| (text(criterion.get("Property")), call(criterion))).collect(),
        ),
    }
}

/// The criteria as an analyzer lists them.
pub(super) fn from_criteria(shown: Option<&Value>) -> Value {
    let map = shown.and_then(Value::as_object).into_iter().flatten();
    let listed = map.map(|(name, criterion)| {
        let mut entry = renamed(criterion, |(upper, lower)| (lower, upper));
        entry.insert("Property".to_owned(), name.clone().into());
        Value::Object(entry)
    });
    listed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_lists_or_maps() {
        let listed = json!([{ "Property": "resourceType", "Eq": ["AWS::S3::Bucket"] }]);
        let mapped = json!({ "resourceType": { "Eq": ["AWS::S3::Bucket"] } });
        let wanted = json!({ "resourceType": { "eq": ["AWS::S3::Bucket"] } });
        assert_eq!((criteria(Some(&listed)), criteria(Some(&mapped))), (wanted.clone(), wanted.clone()));
        assert_eq!(
            from_criteria(Some(&wanted)),
            json!([{ "Eq": ["AWS::S3::Bucket"], "Property": "resourceType" }])
        );
    }
}
