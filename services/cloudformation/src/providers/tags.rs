//! Tags: the list of a template, the map of some services, and what differs between two lists.

use serde_json::{Map, Value};

/// `[{Key, Value}]` as a map; a map is one already.
pub(super) fn to_map(tags: Option<&Value>) -> Map<String, Value> {
    if let Some(Value::Object(map)) = tags {
        return map.clone();
    }
    let pairs = super::list(tags)
        .iter()
        .map(|tag| (super::text(tag.get("Key")), super::text(tag.get("Value")).into()));
    pairs.collect()
}

/// What to set and which keys to remove, to get from `old` to `new`.
pub(super) fn difference(old: Option<&Value>, new: Option<&Value>) -> (Map<String, Value>, Vec<String>) {
    let (old, new) = (to_map(old), to_map(new));
    // The platform's own are nobody's to take away; a template that asked for one was refused.
    let removed =
        old.keys().filter(|key| !new.contains_key(*key) && !service::is_mark(key)).cloned().collect();
    let set = new.into_iter().filter(|(key, value)| old.get(key) != Some(value)).collect();
    (set, removed)
}

/// A map as `[{Key, Value}]`.
pub(super) fn to_list(tags: Map<String, Value>) -> Value {
    tags.into_iter().map(|(key, value)| serde_json::json!({ "Key": key, "Value": value })).collect()
}

/// A list of tags without the platform's own.
pub(super) fn own(tags: Option<&Value>) -> Value {
    let own = super::list(tags).iter().filter(|tag| !service::is_mark(&super::text(tag.get("Key"))));
    own.cloned().collect()
}

/// A map of tags as a list without the platform's own.
pub(super) fn own_of_map(tags: Option<&Value>) -> Value {
    let map = tags.and_then(Value::as_object).cloned().unwrap_or_default();
    own(Some(&to_list(map)))
}
