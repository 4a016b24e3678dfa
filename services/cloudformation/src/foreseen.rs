//! What a change would make of resources, told before it is done: what is known of it, and that the rest is known later.
//!
//! SECURITY: what is nobody's to see is masked here, before any of it is written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use template::{Plan, Resources, TemplateError};

use crate::diff::{Sides, changes_properties, with_stack_tags};
use crate::prepare;
use crate::records::{ChangeRecord, ResourceRecord};
use crate::secrets::Secrets;

/// Stands for a value that is known only once the stack is changed.
pub(crate) const KNOWN_LATER: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// What references give once the stack is changed, as far as that is known before.
pub(crate) struct Foreseen<'a> {
    pub(crate) records: &'a [ResourceRecord],
    pub(crate) changes: &'a [ChangeRecord],
    /// What the account's stacks export.
    pub(crate) exports: &'a BTreeMap<String, String>,
}

impl Foreseen<'_> {
    /// What is there of a resource, where it stays what it is: `still` where a change of its properties in place matters as well.
    fn staying(&self, logical_id: &str, still: bool) -> Option<&ResourceRecord> {
        let change = self.changes.iter().find(|change| change.logical_id == logical_id);
        let stays = match change {
            None => true,
            Some(change) => {
                change.replacement.as_deref() == Some("False")
                    && !(still && changes_properties(&change.details))
            }
        };
        self.records.iter().find(|record| stays && record.logical_id == logical_id)
    }
}

impl Resources for Foreseen<'_> {
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        let physical = self.staying(logical_id, false).and_then(|record| record.physical.as_ref());
        Ok(physical.map_or(KNOWN_LATER, |physical| physical.id.as_str()).into())
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        let physical = self.staying(logical_id, true).and_then(|record| record.physical.as_ref());
        let known = physical.and_then(|physical| physical.attributes.get(attribute));
        Ok(known.filter(|value| !value.is_null()).cloned().unwrap_or_else(|| KNOWN_LATER.into()))
    }

    fn import(&self, name: &str) -> Result<Value, TemplateError> {
        Ok(prepare::exported(self.exports, name).unwrap_or_else(|_| KNOWN_LATER.into()))
    }

    fn is_unknown(&self, text: &str) -> bool {
        text.contains(KNOWN_LATER)
    }
}

/// A value in which every text of which a part is known later is known later.
pub(crate) fn settled(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(KNOWN_LATER) => KNOWN_LATER.into(),
        Value::Array(items) => items.into_iter().map(settled).collect(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, settled(value))).collect(),
        scalar => scalar,
    }
}

/// Notes with each change what the resource is and what it would be.
pub(crate) fn tell(sides: &Sides<'_>, changes: &mut [ChangeRecord], exports: &BTreeMap<String, String>) {
    let known: Vec<ChangeRecord> = changes.to_vec();
    let foreseen = Foreseen { records: sides.records, changes: &known, exports };
    let (new, content) = sides.new;
    let mut both = vec![sides.new];
    both.extend(sides.old);
    let secrets = Secrets::within(&both, sides.records);
    for change in changes {
        let id = change.logical_id.as_str();
        if let Some((old, _)) = sides.old.filter(|_| change.action != "Add") {
            let record = sides.records.iter().find(|record| record.logical_id == id);
            let properties =
                record.and_then(|record| record.physical.as_ref()).map(|found| &found.properties);
            change.before = Some(context(properties.cloned(), old, (id, &foreseen), &secrets));
        }
        if change.action != "Remove" {
            let properties = new.properties(id, &foreseen).ok();
            let tagged = properties.map(|given| with_stack_tags(&change.kind, given, &content.tags));
            change.after = Some(context(tagged, new, (id, &foreseen), &secrets));
        }
    }
}

/// A resource as a change set tells it.
fn context(
    properties: Option<Value>,
    plan: &Plan,
    (id, foreseen): (&str, &Foreseen<'_>),
    secrets: &Secrets,
) -> Value {
    let mut context = Map::new();
    context.extend(properties.map(|properties| ("Properties".to_owned(), properties)));
    let metadata = plan.metadata(id, foreseen).ok().flatten();
    context.extend(metadata.map(|metadata| ("Metadata".to_owned(), metadata)));
    secrets.hide(&settled(Value::Object(context)))
}
