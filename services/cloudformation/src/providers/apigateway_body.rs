//! The definition of a REST API: in the template, or in S3, from where it is read as the caller.
//!
//! It understands nothing of the definition: that is API Gateway's.

use protocol::Structure;
use serde_json::{Map, Value};

use super::document::to_text;
use super::{Failure, Work, text};

/// The longest definition that API Gateway imports.
const BYTES_MAX: usize = 6 * 1_024 * 1_024;
/// What a place in S3 is told with. AWS's `ETag` is what the object has to have.
const MEMBERS: [&str; 4] = ["Bucket", "Key", "Version", "ETag"];

/// True where the template brings a definition, in either way.
pub(super) fn is_given(work: &Work) -> bool {
    work.get("Body").is_some() || work.get("BodyS3Location").is_some()
}

/// The definition, where the template brings one.
pub(super) async fn read(work: &Work) -> Result<Option<Vec<u8>>, Failure> {
    if let Some(body) = work.get("Body") {
        return Ok(Some(to_text(Some(body)).into_bytes()));
    }
    let Some(place) = work.get("BodyS3Location") else { return Ok(None) };
    let mut members = place.as_object().into_iter().flatten();
    if let Some((unknown, _)) = members.find(|(name, _)| !MEMBERS.contains(&name.as_str())) {
        return Err(Failure::new(format!("BodyS3Location has no member {unknown}")));
    }
    let member = |name: &str| place.get(name).map(|value| text(Some(value)));
    let (Some(bucket), Some(key)) = (member("Bucket"), member("Key")) else {
        return Err(Failure::new("BodyS3Location needs a Bucket and a Key."));
    };
    let mut input = Structure::new().with("Bucket", bucket.as_str()).with("Key", key.as_str());
    for (from, to) in [("Version", "VersionId"), ("ETag", "IfMatch")] {
        if let Some(value) = member(from) {
            input = input.with(to, value.as_str());
        }
    }
    let bytes = work.caller.object(input, BYTES_MAX).await?;
    json(bytes).map(Some)
}

/// A definition in YAML as the JSON that it stands for.
fn json(bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(bytes);
    }
    let invalid = |error: &dyn std::fmt::Display| Failure::new(format!("Invalid OpenAPI input: {error}"));
    let text = String::from_utf8(bytes).map_err(|error| invalid(&error))?;
    let document = template::Document::parse(&text).map_err(|error| invalid(&error))?;
    Ok(document.root.to_string().into_bytes())
}

/// A definition under the resource's name where it has no title of its own: the name needs no title, an import does.
pub(super) fn named(body: Vec<u8>, name: Option<&Value>) -> Vec<u8> {
    let Some(name) = name.filter(|name| name.as_str().is_some_and(|name| !name.is_empty())) else {
        return body;
    };
    // What is no definition is for API Gateway to refuse.
    let Ok(Value::Object(mut root)) = serde_json::from_slice(&body) else { return body };
    let info = root.entry("info").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(info) = info else { return body };
    if !matches!(info.get("title"), None | Some(Value::Null)) && info.get("title") != Some(&Value::from("")) {
        return body;
    }
    info.insert("title".to_owned(), name.clone());
    Value::Object(root).to_string().into_bytes()
}

/// True where the definition itself says what a property of the template says; of one in S3 that is not known, and so it does.
pub(super) fn tells(work: &Work, pointer: &str) -> bool {
    match work.get("Body") {
        Some(body) => body.pointer(pointer).is_some(),
        None => work.get("BodyS3Location").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_for_a_title() {
        let name = Value::from("n");
        for (body, expected) in [
            (r#"{"info":{}}"#, r#"{"info":{"title":"n"}}"#),
            (r#"{"info":{"title":""}}"#, r#"{"info":{"title":"n"}}"#),
            (r#"{"paths":{}}"#, r#"{"paths":{},"info":{"title":"n"}}"#),
            (r#"{"info":{"title":"own"}}"#, r#"{"info":{"title":"own"}}"#),
            (r#"{"info":[]}"#, r#"{"info":[]}"#),
            ("no definition", "no definition"),
        ] {
            let named = named(body.as_bytes().to_vec(), Some(&name));
            assert_eq!(String::from_utf8(named).unwrap(), expected);
        }
        assert_eq!(named(b"{}".to_vec(), None), b"{}");
        assert_eq!(named(b"{}".to_vec(), Some(&Value::from(""))), b"{}");
    }

    #[test]
    fn a_definition_in_yaml_is_its_json() {
        assert_eq!(json(b" {\"a\": 1}".to_vec()).unwrap(), b" {\"a\": 1}");
        assert_eq!(
            json(b"swagger: \"2.0\"\npaths: {/: {}}\n".to_vec()).unwrap(),
            b"{\"swagger\":\"2.0\",\"paths\":{\"/\":{}}}"
        );
        assert!(json(b"a: [".to_vec()).unwrap_err().message.contains("Invalid OpenAPI input"));
        assert!(json(vec![0xFF]).is_err());
    }
}
