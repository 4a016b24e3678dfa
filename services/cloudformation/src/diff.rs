//! What a new content changes in a stack, before anything is done.
//!
//! Values that only exist once resources do are compared by what they refer to.

use std::collections::HashSet;

use serde_json::Value;
use template::{Plan, Resource};

use crate::engine::STACK;
use crate::error::Error;
use crate::prepare::Symbolic;
use crate::providers;
use crate::records::{ChangeRecord, Content, DetailRecord, ResourceRecord};

/// What a detail says that is about properties.
const PROPERTIES: &str = "Properties";

/// Where a change comes from that follows from another resource's.
const OF_ATTRIBUTE: &str = "ResourceAttribute";
const OF_REFERENCE: &str = "ResourceReference";
/// And one that may come of what stands at a nested template's address.
const AUTOMATIC: &str = "Automatic";

/// True where any is about properties: what others take from the resource may be another value.
pub(crate) fn changes_properties(details: &[DetailRecord]) -> bool {
    details.iter().any(|detail| detail.attribute == PROPERTIES)
}

/// What a stack is and what it would be.
pub(crate) struct Sides<'a> {
    pub(crate) old: Option<(&'a Plan, &'a Content)>,
    pub(crate) new: (&'a Plan, &'a Content),
    pub(crate) records: &'a [ResourceRecord],
}

/// What becomes of what others refer to.
#[derive(Default)]
struct Fates {
    /// Whose properties change: what its attributes are is known afterwards.
    changed: HashSet<String>,
    /// Of those, what is or may be replaced: its name is another one, too.
    replaced: HashSet<String>,
}

impl Fates {
    /// Notes what becomes of a resource of this type with these changes.
    fn note(&mut self, (id, kind): (&str, &str), details: &[DetailRecord]) {
        let may_be_another = providers::may_become_another(kind) && changes_properties(details);
        if may_be_another || replacement(details) != "False" {
            self.replaced.insert(id.to_owned());
        }
        if changes_properties(details) {
            self.changed.insert(id.to_owned());
        }
    }

    /// What becomes of what these changes name.
    fn of(changes: &[ChangeRecord]) -> Self {
        let mut fates = Self::default();
        for change in changes {
            fates.note((&change.logical_id, &change.kind), &change.details);
        }
        fates
    }

    /// Whether a detail has a cause still.
    fn cause(&self, detail: &DetailRecord) -> bool {
        let cause = detail.causing.as_deref().unwrap_or_default();
        let target = cause.split_once('.').map_or(cause, |(target, _)| target);
        match detail.source.as_str() {
            OF_ATTRIBUTE => self.touch(target, true),
            OF_REFERENCE => self.touch(target, false),
            _ => true,
        }
    }

    /// Whether what a reference gives may be another value afterwards.
    fn touch(&self, target: &str, is_attribute: bool) -> bool {
        if is_attribute { self.changed.contains(target) } else { self.replaced.contains(target) }
    }
}

/// The differences between two sides. A type that changes under a logical id is refused.
pub(crate) fn changes(sides: &Sides<'_>) -> Result<Vec<ChangeRecord>, Error> {
    let new = sides.new.0;
    let mut changes = Vec::new();
    let mut fates = Fates::default();
    for id in new.order() {
        let Some(resource) = new.resources().get(id) else { continue };
        let before = sides.old.and_then(|(old, _)| Some((old, old.resources().get(id)?)));
        // What could not be made is made, and not changed.
        let before = before.filter(|_| !sides.is_missing(id));
        let Some((old, before)) = before else {
            changes.push(ChangeRecord::of("Add", id, &resource.kind));
            continue;
        };
        if before.kind != resource.kind {
            return Err(Error::Validation(format!(
                "Update of resource type is not permitted. The new template modifies resource type of the following \
                 resources: [{id}]"
            )));
        }
        let mut details = sides.attributes(before, resource);
        details.extend(sides.properties(id, (old, before), resource, &fates)?);
        if resource.kind == STACK && !changes_properties(&details) {
            details.push(automatic());
        }
        if details.is_empty() {
            continue;
        }
        let replacement = replacement(&details);
        fates.note((id, &resource.kind), &details);
        let mut change = ChangeRecord::of("Modify", id, &resource.kind);
        change.physical_id = sides.physical(id);
        change.replacement = Some(replacement.to_owned());
        change.properties = named(&details);
        change.policy_action = (replacement == "True").then(|| {
            let policies = [before, resource].map(|one| one.update_replace_policy.as_deref());
            let is_kept = keeps_replaced(policies[0], policies[1]);
            if is_kept { "ReplaceAndRetain" } else { "ReplaceAndDelete" }.to_owned()
        });
        change.details = details;
        changes.push(change);
    }
    for (id, resource) in sides.old.into_iter().flat_map(|(old, _)| old.resources()) {
        if !new.resources().contains_key(id) {
            let mut change = ChangeRecord::of("Remove", id, &resource.kind);
            change.physical_id = sides.physical(id);
            let kept = matches!(resource.deletion_policy.as_deref(), Some("Retain" | "RetainExceptOnCreate"));
            change.policy_action = Some(if kept { "Retain" } else { "Delete" }.to_owned());
            changes.push(change);
        }
    }
    Ok(changes)
}

/// Whether what a resource was is kept when it is replaced, by the policy of the template before and that of the new one: where either
/// says so, since what is deleted does not come back.
pub(crate) fn keeps_replaced(before: Option<&str>, after: Option<&str>) -> bool {
    [before, after].contains(&Some("Retain"))
}

impl ChangeRecord {
    fn of(action: &str, id: &str, kind: &str) -> Self {
        Self {
            action: action.to_owned(),
            logical_id: id.to_owned(),
            physical_id: None,
            kind: kind.to_owned(),
            replacement: None,
            properties: Vec::new(),
            policy_action: None,
            details: Vec::new(),
            change_set_id: None,
            before: None,
            after: None,
        }
    }
}

/// What a nested stack is asked for with every update of the stack around it: its template may have changed at its address.
fn automatic() -> DetailRecord {
    DetailRecord {
        attribute: PROPERTIES.to_owned(),
        name: None,
        recreation: "Never".to_owned(),
        evaluation: "Dynamic".to_owned(),
        source: AUTOMATIC.to_owned(),
        causing: None,
    }
}

/// What surely replaces, then what may: the latter depends on what another resource becomes.
fn replacement(details: &[DetailRecord]) -> &'static str {
    let mut replacing = details.iter().filter(|detail| detail.recreation != "Never").peekable();
    if replacing.peek().is_none() {
        return "False";
    }
    if replacing.any(|detail| detail.evaluation == "Static") { "True" } else { "Conditional" }
}

impl Sides<'_> {
    /// True where an operation that stopped left nothing of a resource, or something that is no whole one.
    fn is_missing(&self, id: &str) -> bool {
        let record = self.records.iter().find(|record| record.logical_id == id);
        record.is_some_and(|record| record.status == "CREATE_FAILED")
    }

    fn physical(&self, id: &str) -> Option<String> {
        let record = self.records.iter().find(|record| record.logical_id == id);
        record.and_then(|record| record.physical.as_ref()).map(|physical| physical.id.clone())
    }

    /// What differs besides the properties.
    fn attributes(&self, before: &Resource, after: &Resource) -> Vec<DetailRecord> {
        let tagged = providers::find(&after.kind)
            .is_some_and(|provider| provider.properties().iter().any(|property| property.name == "Tags"));
        let retagged = self.old.is_some_and(|(_, old)| old.tags != self.new.1.tags);
        let differ = [
            ("Metadata", before.metadata != after.metadata),
            ("DeletionPolicy", before.deletion_policy != after.deletion_policy),
            ("UpdateReplacePolicy", before.update_replace_policy != after.update_replace_policy),
            ("Tags", tagged && retagged),
        ];
        let detail = |attribute: &str| DetailRecord {
            attribute: attribute.to_owned(),
            name: None,
            recreation: "Never".to_owned(),
            evaluation: "Static".to_owned(),
            source: "DirectModification".to_owned(),
            causing: None,
        };
        differ.into_iter().filter(|(_, differs)| *differs).map(|(attribute, _)| detail(attribute)).collect()
    }

    /// What differs in the properties, and why.
    fn properties(
        &self,
        id: &str,
        (old, before): (&Plan, &Resource),
        after: &Resource,
        fates: &Fates,
    ) -> Result<Vec<DetailRecord>, Error> {
        let new = self.new.0;
        let differing = providers::changed(&old.properties(id, &Symbolic)?, &new.properties(id, &Symbolic)?);
        let nothing = Value::Null;
        let mut details = Vec::new();
        for (name, raw) in after.properties.as_object().into_iter().flatten() {
            let differs = differing.contains(name);
            let raw_before = before.properties.get(name).unwrap_or(&nothing);
            let mut of = |evaluation: &str, source: &str, causing: Option<String>| {
                details.push(DetailRecord {
                    attribute: PROPERTIES.to_owned(),
                    name: Some(name.clone()),
                    recreation: recreation(&after.kind, name).to_owned(),
                    evaluation: evaluation.to_owned(),
                    source: source.to_owned(),
                    causing,
                });
            };
            let mut explained = false;
            for reference in new.uses(id, name)? {
                let (target, is_attribute) = match reference.split_once('.') {
                    Some((target, _)) => (target, true),
                    None => (reference.as_str(), false),
                };
                if differs && self.parameter_differs(target) {
                    of("Static", "ParameterReference", Some(reference.clone()));
                    explained = true;
                } else if fates.touch(target, is_attribute) {
                    let source = if is_attribute { OF_ATTRIBUTE } else { OF_REFERENCE };
                    of("Dynamic", source, Some(reference.clone()));
                }
            }
            if differs && raw != raw_before {
                of("Static", "DirectModification", None);
            } else if differs {
                // As AWS tells it: the value is another one, and by how much is known when it is resolved.
                of(if explained { "Dynamic" } else { "Static" }, "DirectModification", None);
            }
        }
        let gone = differing.iter().filter(|name| after.properties.get(name.as_str()).is_none());
        details.extend(gone.map(|name| DetailRecord {
            attribute: PROPERTIES.to_owned(),
            name: Some(name.clone()),
            recreation: recreation(&after.kind, name).to_owned(),
            evaluation: "Static".to_owned(),
            source: "DirectModification".to_owned(),
            causing: None,
        }));
        Ok(details)
    }

    fn parameter_differs(&self, name: &str) -> bool {
        let value = |content: &Content| {
            content.parameters.iter().find(|parameter| parameter.key == name).map(|found| found.value.clone())
        };
        let new = value(self.new.1);
        new.is_some() && self.old.is_none_or(|(_, old)| value(old) != new)
    }
}

fn recreation(kind: &str, property: &str) -> &'static str {
    let replaces = providers::find(kind).is_some_and(|p| providers::replaces(p, &[property.to_owned()]));
    if replaces { "Always" } else { "Never" }
}

/// What a raw value refers to: `Name` or `Name.Attribute`, each once, in the order of the template.
pub(crate) fn references(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, &mut found);
    let mut seen = HashSet::new();
    found.retain(|name| seen.insert(name.clone()));
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(map) => {
            for (name, argument) in map {
                match (name.as_str(), argument) {
                    ("Ref", Value::String(name)) => found.push(name.clone()),
                    ("Fn::GetAtt", Value::String(name)) => found.push(name.clone()),
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        let of = |part: &Value| part.as_str().unwrap_or_default().to_owned();
                        found.push(parts.iter().map(of).collect::<Vec<_>>().join("."));
                        parts.iter().for_each(|part| collect(part, found));
                    }
                    ("Fn::Sub", Value::String(text)) => found.extend(names_in(text)),
                    ("Fn::Sub", Value::Array(parts)) => {
                        found.extend(parts.first().and_then(Value::as_str).into_iter().flat_map(names_in));
                        parts.iter().skip(1).for_each(|part| collect(part, found));
                    }
                    _ => collect(argument, found),
                }
            }
        }
        _ => {}
    }
}

/// The names in `${…}` of a text.
fn names_in(text: &str) -> Vec<String> {
    let pieces = text.split("${").skip(1);
    let names = pieces.filter_map(|piece| piece.split_once('}').map(|(name, _)| name.trim()));
    names.filter(|name| !name.starts_with('!')).map(str::to_owned).collect()
}

/// True where nothing differs, outputs and tags included.
pub(crate) fn is_nothing(sides: &Sides<'_>) -> Result<bool, Error> {
    Ok(changes(sides)?.is_empty() && is_same_besides(sides)?)
}

/// True where nothing differs besides the resources.
pub(crate) fn is_same_besides(sides: &Sides<'_>) -> Result<bool, Error> {
    let Some((old, before)) = sides.old else { return Ok(false) };
    let (new, after) = sides.new;
    Ok(before.tags == after.tags && old.outputs(&Symbolic)? == new.outputs(&Symbolic)?)
}

/// Takes out that something may change in a nested stack, where nothing does, and all that would have followed from it.
pub(crate) fn withdraw(changes: &mut Vec<ChangeRecord>, id: &str) {
    if let Some(change) = changes.iter_mut().find(|change| change.logical_id == id) {
        change.details.retain(|detail| detail.source != AUTOMATIC);
    }
    let mut is_settled = false;
    while !is_settled {
        is_settled = true;
        let fates = Fates::of(changes);
        for change in changes.iter_mut().filter(|change| change.action == "Modify") {
            let before = change.details.len();
            change.details.retain(|detail| fates.cause(detail));
            if change.details.len() < before {
                is_settled = false;
                // Something may change in another nested stack all the same.
                if change.kind == STACK && change.logical_id != id && !changes_properties(&change.details) {
                    change.details.push(automatic());
                }
            }
            change.properties = named(&change.details);
            change.replacement = Some(replacement(&change.details).to_owned());
        }
        changes.retain(|change| change.action != "Modify" || !change.details.is_empty());
    }
}

/// The properties that details are about.
fn named(details: &[DetailRecord]) -> Vec<String> {
    let mut names: Vec<String> = details.iter().filter_map(|detail| detail.name.clone()).collect();
    names.dedup();
    names
}

/// The properties of a resource with the stack's own tags added, where the type has tags.
pub(crate) fn with_stack_tags(kind: &str, mut properties: Value, tags: &[(String, String)]) -> Value {
    let tagged =
        providers::find(kind).is_some_and(|p| p.properties().iter().any(|property| property.name == "Tags"));
    let Some(map) = properties.as_object_mut().filter(|_| tagged && !tags.is_empty()) else {
        return properties;
    };
    let own = map.entry("Tags").or_insert_with(|| Value::Array(Vec::new()));
    // A resource's own tag stands before the stack's.
    for (key, value) in tags {
        let has = |tag: &Value| tag.get("Key").is_some_and(|own| own == key.as_str());
        match own {
            Value::Array(list) if !list.iter().any(has) => {
                list.push(serde_json::json!({ "Key": key, "Value": value }));
            }
            Value::Object(map) => drop(map.entry(key.as_str()).or_insert_with(|| value.as_str().into())),
            _ => {}
        }
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_found_wherever_functions_hide_them() {
        let table = [
            (json!({ "Ref": "A" }), vec!["A"]),
            (json!({ "Fn::GetAtt": ["A", "Arn"] }), vec!["A.Arn"]),
            (json!({ "Fn::GetAtt": "A.Outputs.B" }), vec!["A.Outputs.B"]),
            (json!({ "Fn::GetAtt": ["A", { "Ref": "N" }] }), vec!["A.", "N"]),
            (json!({ "Fn::Sub": "x-${A}-${!L}-${B.Arn}" }), vec!["A", "B.Arn"]),
            (json!({ "Fn::Sub": ["${V}", { "V": { "Ref": "C" } }] }), vec!["V", "C"]),
            (json!({ "Fn::Join": ["", [{ "Ref": "A" }, "x", { "Ref": "A" }]] }), vec!["A"]),
            (json!("plain"), vec![]),
        ];
        for (value, expected) in table {
            assert_eq!(references(&value), expected, "{value}");
        }
    }
}
