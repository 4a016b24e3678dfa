//! `AWS::AccessAnalyzer::Analyzer`.

use serde_json::{Map, Value, json};

use super::analyzer_rules::{criteria, from_criteria};
use super::reading::{Reading, properties};
use super::{
    Answer, Failure, Property, Provider, Work, gone, list, optional, required, seen, tags, taken_out, text,
};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Analyzer;

const SERVICE: &str = "accessanalyzer";

const PROPERTIES: [Property; 5] = [
    optional("AnalyzerConfiguration"),
    optional("AnalyzerName").fixed(),
    optional("ArchiveRules"),
    optional("Tags"),
    required("Type").fixed(),
];

fn name_of(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

impl Provider for Analyzer {
    fn kind(&self) -> &'static str {
        "AWS::AccessAnalyzer::Analyzer"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some((SERVICE, "CreateAnalyzer"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn name(&self) -> Option<(&'static str, usize)> {
        Some(("AnalyzerName", 255))
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let shown =
                seen(work.call(SERVICE, "GetAnalyzer", json!({ "analyzerName": work.planned })).await)?;
            let analyzer = shown.and_then(|shown| shown.get("analyzer").cloned()).unwrap_or_default();
            let ours = work.is_marked(analyzer.get("tags"));
            Ok(ours.then(|| work.made(text(analyzer.get("arn")), Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&Rules::PLAIN)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            let name = json!({ "analyzerName": name_of(&of.id) });
            let shown = seen(work.call(SERVICE, "GetAnalyzer", name.clone()).await)?;
            let Some(analyzer) = shown.and_then(|shown| shown.get("analyzer").cloned()) else {
                return Ok(None);
            };
            let mut now = properties(json!({
                "AnalyzerConfiguration": analyzer.get("configuration").map(from_configuration),
                "AnalyzerName": analyzer.get("name"),
                "Tags": tags::own_of_map(analyzer.get("tags")),
                "Type": analyzer.get("type"),
            }));
            if work.get("ArchiveRules").is_some() {
                let shown = work.call(SERVICE, "ListArchiveRules", name).await?;
                let rules = list(shown.get("archiveRules")).iter().map(|rule| {
                    json!({ "RuleName": rule.get("ruleName"), "Filter": from_criteria(rule.get("filter")) })
                });
                now.insert("ArchiveRules".to_owned(), rules.collect());
            }
            Ok(Some(now))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let rules = list(work.get("ArchiveRules")).iter().map(
                |rule| json!({ "ruleName": rule.get("RuleName"), "filter": criteria(rule.get("Filter")) }),
            );
            let input = json!({
                "analyzerName": work.planned,
                "archiveRules": rules.collect::<Vec<_>>(),
                "configuration": work.get("AnalyzerConfiguration").map(configuration),
                "tags": tags::to_map(work.get("Tags")),
                "type": work.get("Type"),
            });
            let answer = work.call(SERVICE, "CreateAnalyzer", input).await?;
            let arn = text(answer.get("arn"));
            Ok(work.made(&arn, json!({ "Arn": arn })))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let name = name_of(&old.id);
            let wanted = work.get("AnalyzerConfiguration");
            if let Some(wanted) =
                wanted.filter(|wanted| Some(*wanted) != old.properties.get("AnalyzerConfiguration"))
            {
                let input = json!({ "analyzerName": name, "configuration": configuration(wanted) });
                work.call(SERVICE, "UpdateAnalyzer", input).await?;
            }
            rules(work, name, &old.properties).await?;
            let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
            if !removed.is_empty() {
                let of = json!({ "resourceArn": old.id });
                tags::take_off(work, (SERVICE, "UntagResource"), &of, "tagKeys", removed).await?;
            }
            if !set.is_empty() {
                work.call(SERVICE, "TagResource", json!({ "resourceArn": old.id, "tags": set })).await?;
            }
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            gone(work.call(SERVICE, "DeleteAnalyzer", json!({ "analyzerName": name_of(&old.id) })).await)
        })
    }
}

/// Brings the archive rules from `old` to what is wanted.
async fn rules(work: &Work, analyzer: &str, old: &Value) -> Result<(), Failure> {
    let (present, wanted) = (list(old.get("ArchiveRules")), list(work.get("ArchiveRules")));
    let named =
        |rules: &[Value], name: &Value| rules.iter().find(|rule| rule.get("RuleName") == Some(name)).cloned();
    for rule in wanted {
        let name = rule.get("RuleName").cloned().unwrap_or_default();
        let before = named(present, &name);
        if before.as_ref() == Some(rule) {
            continue;
        }
        let call = if before.is_some() { "UpdateArchiveRule" } else { "CreateArchiveRule" };
        let filter = criteria(rule.get("Filter"));
        let input = json!({ "analyzerName": analyzer, "ruleName": name, "filter": filter });
        work.call(SERVICE, call, input).await?;
    }
    for rule in present {
        let name = rule.get("RuleName").cloned().unwrap_or_default();
        if named(wanted, &name).is_none() {
            let input = json!({ "analyzerName": analyzer, "ruleName": name });
            taken_out(work.call(SERVICE, "DeleteArchiveRule", input).await)?;
        }
    }
    Ok(())
}

/// A template's configuration in the words of the call: names without a capital, and shorter.
fn configuration(given: &Value) -> Value {
    let mut wanted = Map::new();
    if let Some(unused) = given.get("UnusedAccessConfiguration") {
        let exclusions = list(unused.pointer("/AnalysisRule/Exclusions")).iter().map(|criteria| {
            let tagged = criteria.get("ResourceTags").and_then(Value::as_array).map(|lists| {
                lists.iter().map(|tags| Value::Object(tags::to_map(Some(tags)))).collect::<Vec<_>>()
            });
            Value::Object(properties(
                json!({ "accountIds": criteria.get("AccountIds"), "resourceTags": tagged }),
            ))
        });
        let exclusions: Vec<Value> = exclusions.collect();
        let rule = unused.get("AnalysisRule").map(|_| json!({ "exclusions": exclusions }));
        let access = json!({ "unusedAccessAge": unused.get("UnusedAccessAge"), "analysisRule": rule });
        wanted.insert("unusedAccess".to_owned(), access);
    }
    if let Some(internal) = given.get("InternalAccessConfiguration") {
        let rule = internal.get("InternalAccessAnalysisRule");
        let inclusions = list(rule.and_then(|rule| rule.get("Inclusions"))).iter().map(|criteria| {
            Value::Object(properties(json!({
                "accountIds": criteria.get("AccountIds"),
                "resourceArns": criteria.get("ResourceArns"),
                "resourceTypes": criteria.get("ResourceTypes"),
            })))
        });
        let inclusions: Vec<Value> = inclusions.collect();
        let rule = rule.map(|_| json!({ "inclusions": inclusions }));
        wanted.insert("internalAccess".to_owned(), json!({ "analysisRule": rule }));
    }
    Value::Object(wanted)
}

/// The same the other way round.
fn from_configuration(shown: &Value) -> Value {
    let unused = shown.get("unusedAccess").map(|unused| {
        let exclusions = list(unused.pointer("/analysisRule/exclusions")).iter().map(|criteria| {
            let tagged = list(criteria.get("resourceTags")).iter();
            let tagged = tagged.map(|map| tags::to_list(map.as_object().cloned().unwrap_or_default()));
            json!({ "AccountIds": criteria.get("accountIds"), "ResourceTags": tagged.collect::<Vec<_>>() })
        });
        json!({
            "UnusedAccessAge": unused.get("unusedAccessAge"),
            "AnalysisRule": { "Exclusions": exclusions.collect::<Vec<_>>() },
        })
    });
    let internal = shown.get("internalAccess").map(|internal| {
        let inclusions = list(internal.pointer("/analysisRule/inclusions")).iter().map(|criteria| {
            json!({
                "AccountIds": criteria.get("accountIds"),
                "ResourceArns": criteria.get("resourceArns"),
                "ResourceTypes": criteria.get("resourceTypes"),
            })
        });
        json!({ "InternalAccessAnalysisRule": { "Inclusions": inclusions.collect::<Vec<_>>() } })
    });
    let both = json!({ "UnusedAccessConfiguration": unused, "InternalAccessConfiguration": internal });
    Value::Object(properties(both))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_the_same_there_and_back() {
        let given = json!({ "UnusedAccessConfiguration": { "UnusedAccessAge": 90, "AnalysisRule": { "Exclusions": [
            { "AccountIds": ["123456789012"], "ResourceTags": [[{ "Key": "a", "Value": "b" }]] },
        ] } } });
        let called = configuration(&given);
        assert_eq!(
            called.pointer("/unusedAccess/analysisRule/exclusions/0/resourceTags/0/a"),
            Some(&json!("b"))
        );
        assert_eq!(from_configuration(&called), given);
    }
}
