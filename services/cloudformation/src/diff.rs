//! What a new content changes in a stack, before anything is done.
//!
//! Values that only exist once resources do are compared by what they refer to.

use serde_json::Value;
use template::Plan;

use crate::error::Error;
use crate::prepare::Symbolic;
use crate::providers;
use crate::records::{ChangeRecord, ResourceRecord};

/// The differences between two plans. A type that changes under a logical id is refused.
pub(crate) fn changes(
    old: Option<&Plan>,
    new: &Plan,
    records: &[ResourceRecord],
) -> Result<Vec<ChangeRecord>, Error> {
    let physical = |id: &str| {
        let record = records.iter().find(|record| record.logical_id == id);
        record.and_then(|record| record.physical.as_ref()).map(|physical| physical.id.clone())
    };
    let mut changes = Vec::new();
    let mut replaced: Vec<String> = Vec::new();
    for id in new.order() {
        let Some(resource) = new.resources().get(id) else { continue };
        let mut change = ChangeRecord {
            action: "Add".to_owned(),
            logical_id: id.clone(),
            physical_id: None,
            kind: resource.kind.clone(),
            replacement: None,
            properties: Vec::new(),
        };
        let before = old.and_then(|old| Some((old, old.resources().get(id)?)));
        if let Some((old, before)) = before {
            if before.kind != resource.kind {
                return Err(Error::Validation(format!(
                    "Update of resource type is not permitted. The new template modifies resource type of the following \
                     resources: [{id}]"
                )));
            }
            let differing =
                providers::changed(&old.properties(id, &Symbolic)?, &new.properties(id, &Symbolic)?);
            let follows = new.dependencies(id).any(|dependency| replaced.iter().any(|id| id == dependency));
            let moved = before.metadata != resource.metadata
                || before.deletion_policy != resource.deletion_policy
                || before.update_replace_policy != resource.update_replace_policy;
            if differing.is_empty() && !follows && !moved {
                continue;
            }
            let replaces =
                providers::find(&resource.kind).is_some_and(|p| providers::replaces(p, &differing));
            if replaces {
                replaced.push(id.clone());
            }
            change.action = "Modify".to_owned();
            change.physical_id = physical(id);
            change.replacement = Some(if replaces { "True" } else { "False" }.to_owned());
            if follows && !replaces {
                change.replacement = Some("Conditional".to_owned());
            }
            change.properties = differing;
        }
        changes.push(change);
    }
    for (id, resource) in old.into_iter().flat_map(Plan::resources) {
        if !new.resources().contains_key(id) {
            changes.push(ChangeRecord {
                action: "Remove".to_owned(),
                logical_id: id.clone(),
                physical_id: physical(id),
                kind: resource.kind.clone(),
                replacement: None,
                properties: Vec::new(),
            });
        }
    }
    Ok(changes)
}

/// True where the outputs that two plans would give differ.
pub(crate) fn outputs_differ(old: &Plan, new: &Plan) -> Result<bool, Error> {
    Ok(old.outputs(&Symbolic)? != new.outputs(&Symbolic)?)
}

/// The properties of a resource with the stack's own tags added, where the type has tags.
pub(crate) fn with_stack_tags(kind: &str, mut properties: Value, tags: &[(String, String)]) -> Value {
    let tagged =
        providers::find(kind).is_some_and(|p| p.properties().iter().any(|property| property.name == "Tags"));
    let Some(map) = properties.as_object_mut().filter(|_| tagged && !tags.is_empty()) else {
        return properties;
    };
    let own = map.entry("Tags").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(list) = own.as_array_mut() {
        for (key, value) in tags {
            // A resource's own tag stands before the stack's.
            if !list.iter().any(|tag| tag.get("Key").is_some_and(|own| own == key.as_str())) {
                list.push(serde_json::json!({ "Key": key, "Value": value }));
            }
        }
    }
    properties
}
