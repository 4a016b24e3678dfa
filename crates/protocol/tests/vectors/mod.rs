//! How the vectors spell cases and values.
//!
//! Knows nothing of the codecs under test: values are built here from the parameters, elements by an XML library.

use bytes::Bytes;
use protocol::{Kind, Shape, Structure, Timestamp, Value};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use serde_json::Value as Json;

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) model: Json,
    pub(crate) params: Option<Json>,
    pub(crate) serialized: Option<Json>,
    pub(crate) result: Option<Json>,
    pub(crate) response: Option<Json>,
    pub(crate) error: Option<Json>,
    #[serde(rename = "errorCode")]
    pub(crate) error_code: Option<String>,
}

/// The value that a vector's parameters stand for: blobs are text, moments epoch seconds.
pub(crate) fn value(shape: Shape, json: &Json) -> Value {
    match (shape.kind(), json) {
        (Kind::Structure { .. }, Json::Object(entries)) => {
            Value::Structure(entries.iter().fold(Structure::new(), |all, (name, json)| {
                match shape.member(name) {
                    Some((member, inside)) => all.with(member.name(), value(inside, json)),
                    None => all,
                }
            }))
        }
        (Kind::Structure { .. }, _) => Value::Structure(Structure::new()),
        (Kind::List { member, .. }, Json::Array(items)) => {
            Value::List(items.iter().map(|item| value(shape.of(member), item)).collect())
        }
        (Kind::Map { value: inside, .. }, Json::Object(entries)) => Value::Map(
            entries.iter().map(|(key, json)| (key.clone(), value(shape.of(inside), json))).collect(),
        ),
        (Kind::Document, json) => Value::Document(json.clone()),
        (Kind::Blob, Json::String(text)) => Value::Blob(Bytes::from(text.clone())),
        (Kind::Timestamp, json) => {
            Value::Timestamp(Timestamp::from_millis((json.as_f64().unwrap() * 1000.0) as i64))
        }
        (Kind::Float { .. }, Json::String(text)) => {
            Value::Float(text.replace("Infinity", "inf").parse().unwrap())
        }
        (Kind::Float { .. }, json) => Value::Float(json.as_f64().unwrap()),
        (Kind::Integer { .. }, Json::Number(number)) => Value::Integer(number.as_i64().unwrap()),
        (_, Json::String(text)) => Value::String(text.clone()),
        (_, Json::Bool(value)) => Value::Bool(*value),
        (_, Json::Null) => Value::Null,
        (_, json) => panic!("{shape:?}: {json}"),
    }
}

/// An element: name, attributes but namespaces, text, children. Children are sorted but for equal names.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

/// Parses XML; request ids and response metadata are left out, for no vector gives ours.
pub(crate) fn element(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let name = attribute.key.as_ref().to_owned();
                    (name, attribute.value.to_string())
                });
                open.push(Element {
                    name: tag.name().as_ref().to_owned(),
                    attributes: attributes.filter(|(name, _)| !name.starts_with("xmlns")).collect(),
                    ..Element::default()
                });
            }
            Event::Empty(tag) => {
                let name = tag.name().as_ref().to_owned();
                open.last_mut().unwrap().children.push(Element { name, ..Element::default() });
            }
            Event::End(_) => {
                let mut done = open.pop().unwrap();
                done.children.sort_by(|left, right| left.name.cmp(&right.name));
                if !done.children.is_empty() || done.text.trim().is_empty() {
                    done.text.clear();
                }
                if !matches!(done.name.as_str(), "ResponseMetadata" | "RequestId") {
                    open.last_mut().unwrap().children.push(done);
                }
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
            Event::CData(text) => open.last_mut().unwrap().text.push_str(&text),
            Event::GeneralRef(reference) => {
                open.last_mut().unwrap().text.push_str(&format!("&{};", &*reference));
            }
            Event::Eof => {
                // What stands around the root is white space.
                let mut document = open.pop().unwrap();
                document.text.clear();
                return document;
            }
            _ => {}
        }
    }
}
