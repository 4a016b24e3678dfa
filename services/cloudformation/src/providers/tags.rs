//! Tags: the list of a template, the map of some services, and what differs between two lists.

use serde_json::{Map, Value, json};

use super::{Failure, Work, is_impossible};

/// How many tags every service takes off with one call.
const KEYS_PER_CALL: usize = 50;
/// How long a key may be.
const KEY_CHARS_MAX: usize = 128;

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

/// Takes the tags of these keys off: `call` is the service and its operation, `member` has the keys in its input.
///
/// A change that was refused for a key goes back with that key in its list, and the service refuses it once more: then one key
/// is asked for at a time, and one that cannot be is not there.
pub(super) async fn take_off(
    work: &Work,
    (service, operation): (&str, &str),
    of: &Value,
    member: &str,
    keys: Vec<String>,
) -> Result<(), Failure> {
    let input = |keys: &[String]| {
        let mut input = of.as_object().cloned().unwrap_or_default();
        input.insert(member.to_owned(), json!(keys));
        Value::Object(input)
    };
    for some in keys.chunks(KEYS_PER_CALL) {
        match work.call(service, operation, input(some)).await {
            Ok(_) => {}
            Err(fault) if is_impossible(&fault) => {
                for key in some {
                    match work.call(service, operation, input(std::slice::from_ref(key))).await {
                        // SECURITY: what could be there is not taken to be gone: a tag may give rights.
                        Err(fault) if !(is_impossible(&fault) && cannot_be(key)) => return Err(fault.into()),
                        _ => {}
                    }
                }
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(())
}

/// True of what not every service takes for a tag's key.
fn cannot_be(key: &str) -> bool {
    let is_usual = |char: char| char.is_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char);
    key.is_empty() || key.chars().count() > KEY_CHARS_MAX || !key.chars().all(is_usual)
}

/// A map as `[{Key, Value}]`.
pub(super) fn to_list(tags: Map<String, Value>) -> Value {
    tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_service_takes_could_be_there() {
        for key in ["a", "team:x", "größe 1", "a/b=c+d-e@f_g.h"] {
            assert!(!cannot_be(key), "{key}");
        }
        for key in ["", "a\u{1}", "why?", &"k".repeat(129)] {
            assert!(cannot_be(key), "{key}");
        }
        assert!(!cannot_be(&"k".repeat(128)));
    }
}
