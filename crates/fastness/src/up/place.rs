//! Where in a template the thing stands that CloudFormation refused.
//!
//! CloudFormation is sent the template without its lines; what it refuses it names. It guesses nothing: a message that
//! names no entry of the template has no line.

use serde_json::Value;
use template::Document;

/// The line, counted from 1, of the first entry of the template that `message` is about.
pub(crate) fn line(document: &Document, message: &str) -> Option<u32> {
    let words: Vec<&str> = message.split(|c: char| !c.is_ascii_alphanumeric() && c != ':').collect();
    let names = |name: &str| words.iter().any(|word| word.trim_matches(':') == name);
    let entries = ["Resources", "Parameters", "Outputs", "Conditions", "Mappings"]
        .into_iter()
        .flat_map(|section| entries(document, section).map(move |(id, value)| (section, id, value)));
    let entries: Vec<(&str, &String, &Value)> = entries.collect();
    let kind = |value: &Value| value.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
    // By its own name first, then by its type, then by what it refers to.
    let by_name = entries.iter().find(|(_, id, _)| names(id));
    let by_kind = || entries.iter().find(|(_, _, value)| kind(value).contains("::") && names(&kind(value)));
    let by_reference =
        || entries.iter().find(|(_, _, value)| bracketed(message).any(|name| refers(value, name)));
    let (section, id, _) = by_name.or_else(by_kind).or_else(by_reference)?;
    document.line(&format!("{section}/{id}"))
}

fn entries<'a>(document: &'a Document, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    document.root.get(section).and_then(Value::as_object).into_iter().flatten()
}

/// The names that a message gives in brackets.
fn bracketed(message: &str) -> impl Iterator<Item = &str> {
    let lists = message.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    lists.flat_map(|(list, _)| list.split(", "))
}

/// True where a text in the tree is this name, or names a part of it.
fn refers(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => {
            text == name
                || text.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
                || text.contains(&format!("${{{name}"))
        }
        // The reader bounds the depth of every document.
        Value::Array(items) => items.iter().any(|item| refers(item, name)),
        Value::Object(members) => members.values().any(|member| refers(member, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_names_has_its_line() {
        let text = "Parameters:\n  Size: {Type: String}\nResources:\n  A:\n    Type: AWS::No::Pe\n  B:\n    Type: \
                    AWS::Logs::LogGroup\n    Properties: {LogGroupName: !Sub '${Nope.Arn}', Zork: !Ref Other}\n";
        let document = Document::parse(text).unwrap();
        let table = [
            ("Template format error: Unrecognized resource types: [AWS::No::Pe]", Some(4)),
            ("Properties validation failed for resource B with message: #: extraneous key [Zork]", Some(6)),
            ("Resource with id [B] is invalid. property Zork not defined", Some(6)),
            (
                "Template format error: Unresolved resource dependencies [Nope] in the Resources block",
                Some(6),
            ),
            (
                "Template format error: Unresolved resource dependencies [Other] in the Resources block",
                Some(6),
            ),
            ("Parameters: [Size] must have values", Some(2)),
            ("Rate exceeded", None),
        ];
        for (message, expected) in table {
            assert_eq!(line(&document, message), expected, "{message}");
        }
    }
}
