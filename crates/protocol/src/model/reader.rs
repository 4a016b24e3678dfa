//! From the text of a compact model to a [`Model`]: names borrowed from the text, references resolved to indices.
//!
//! Trusts that `xtask gen` wrote the text, and still refuses a reference to a shape that is not there.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::shape::{ErrorShape, Kind, Location, Matcher, Member, ShapeData, TimestampFormat};
use super::{Model, OperationData, Protocol};
use crate::route::UriTemplate;

/// The text is not a compact model.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableModel {
    /// It is not JSON of the right form.
    #[error("the model does not read: {0}")]
    Json(#[from] serde_json::Error),
    /// A name in it leads nowhere.
    #[error("the model speaks of `{0}`, which it does not have")]
    Dangling(String),
}

/// Text that lives as long as the process: borrowed where it stands as is, leaked where JSON escaped it.
#[derive(Clone, Copy)]
struct Text(&'static str);

impl<'de: 'static> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Borrowed = Borrowed::deserialize(deserializer)?;
        Ok(Self(match text.0 {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => String::leak(text),
        }))
    }
}

#[derive(Deserialize)]
struct Borrowed(#[serde(borrow)] Cow<'static, str>);

/// An object whose entries keep their order.
struct Table<T>(Vec<(&'static str, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'static, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de: 'static, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Table<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    entries.push((name, map.next_value()?));
                }
                Ok(Table(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"), rename_all = "camelCase")]
struct RawModel {
    service: Text,
    #[serde(default)]
    api_version: Option<Text>,
    #[serde(default)]
    endpoint_prefix: Option<Text>,
    #[serde(default)]
    json_version: Option<Text>,
    protocol: Text,
    #[serde(default)]
    signing_name: Option<Text>,
    #[serde(default)]
    target_prefix: Option<Text>,
    #[serde(default)]
    xml_namespace: Option<Text>,
    #[serde(default)]
    validation_error: Option<Text>,
    #[serde(default)]
    error_namespace: Option<Text>,
    #[serde(default)]
    crc32: bool,
    #[serde(default)]
    pattern_messages: Table<Text>,
    operations: Table<RawOperation>,
    shapes: Table<RawShape>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
struct RawOperation {
    http: (Text, Text),
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    input: Option<Text>,
    #[serde(default)]
    output: Option<Text>,
    #[serde(default, rename = "output.resultWrapper")]
    result_wrapper: Option<Text>,
    #[serde(default)]
    errors: Vec<Text>,
    #[serde(default)]
    action: Option<Text>,
    #[serde(default, rename = "readOnly")]
    read_only: bool,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"), rename_all = "camelCase")]
struct RawShape {
    r#type: Text,
    #[serde(default)]
    members: Table<RawMember>,
    #[serde(default)]
    member: Option<RawMember>,
    #[serde(default)]
    key: Option<RawMember>,
    #[serde(default)]
    value: Option<RawMember>,
    #[serde(default)]
    required: Vec<Text>,
    #[serde(default, rename = "enum")]
    values: Vec<Text>,
    #[serde(default)]
    min: Option<f64>,
    #[serde(default)]
    max: Option<f64>,
    #[serde(default)]
    pattern: Option<Text>,
    #[serde(default)]
    regex: Option<Text>,
    #[serde(default)]
    except: Option<Text>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    document: bool,
    #[serde(default)]
    union: bool,
    #[serde(default)]
    flattened: bool,
    #[serde(default)]
    sparse: bool,
    #[serde(default)]
    exception: bool,
    #[serde(default)]
    fault: bool,
    #[serde(default)]
    payload: Option<Text>,
    #[serde(default)]
    timestamp_format: Option<Text>,
    #[serde(default)]
    error: Option<RawError>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"), rename_all = "camelCase")]
struct RawError {
    #[serde(default)]
    code: Option<Text>,
    #[serde(default)]
    http_status_code: Option<u16>,
}

/// A shape's name alone, or an object.
struct RawMember(RawReference);

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"), rename_all = "camelCase")]
struct RawReference {
    shape: Text,
    #[serde(default)]
    location: Option<Text>,
    #[serde(default)]
    location_name: Option<Text>,
    #[serde(default)]
    redact: bool,
    #[serde(default)]
    flattened: bool,
    #[serde(default)]
    xml_attribute: bool,
    #[serde(default)]
    xml_namespace: Option<RawNamespace>,
    #[serde(default)]
    jsonvalue: bool,
    #[serde(default)]
    timestamp_format: Option<Text>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
#[serde(untagged)]
enum RawNamespace {
    Uri(Text),
    Prefixed { uri: Text },
}

impl<'de: 'static> Deserialize<'de> for RawMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reference;
        impl<'de: 'static> Visitor<'de> for Reference {
            type Value = RawMember;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a shape's name or a reference")
            }

            fn visit_borrowed_str<E: serde::de::Error>(self, shape: &'de str) -> Result<RawMember, E> {
                Ok(RawMember(RawReference {
                    shape: Text(shape),
                    location: None,
                    location_name: None,
                    redact: false,
                    flattened: false,
                    xml_attribute: false,
                    xml_namespace: None,
                    jsonvalue: false,
                    timestamp_format: None,
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawMember, A::Error> {
                RawReference::deserialize(MapAccessDeserializer::new(map))
                    .map(RawMember)
                    .map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(Reference)
    }
}

/// Reads a model. Both the text and what is made of it live as long as the process.
pub(super) fn read(text: &'static str) -> Result<&'static Model, UnreadableModel> {
    let raw: RawModel = serde_json::from_str(text)?;
    let ids: HashMap<&'static str, u32> =
        raw.shapes.0.iter().zip(0_u32..).map(|((name, _), id)| (*name, id)).collect();
    let mut shapes = Vec::with_capacity(raw.shapes.0.len());
    for (name, shape) in raw.shapes.0 {
        shapes.push(shape.build(name, &ids)?);
    }
    mark_constrained(&mut shapes);
    let mut operations = Vec::with_capacity(raw.operations.0.len());
    for (name, operation) in raw.operations.0 {
        operations.push(operation.build(name, &ids)?);
    }
    let service = raw.service.0;
    let endpoint_prefix = raw.endpoint_prefix.map_or(service, |text| text.0);
    let model = Model {
        service,
        api_version: raw.api_version.map_or("", |text| text.0),
        protocol: protocol(raw.protocol.0, raw.json_version.map_or("1.1", |text| text.0))?,
        endpoint_prefix,
        signing_name: raw.signing_name.map_or(endpoint_prefix, |text| text.0),
        target_prefix: raw.target_prefix.map(|text| text.0),
        xml_namespace: raw.xml_namespace.map(|text| text.0),
        validation_error: raw.validation_error.map(|text| text.0),
        error_namespace: raw.error_namespace.map(|text| text.0),
        crc32: raw.crc32,
        event_source: format!("{service}.amazonaws.com"),
        pattern_messages: raw
            .pattern_messages
            .0
            .into_iter()
            .map(|(pattern, message)| (pattern, message.0))
            .collect(),
        operation_by_name: operations
            .iter()
            .zip(0_u32..)
            .map(|(operation, id)| (operation.name, id))
            .collect(),
        operations,
        shapes,
        shape_by_name: ids,
    };
    Ok(Box::leak(Box::new(model)))
}

fn protocol(name: &str, json_version: &str) -> Result<Protocol, UnreadableModel> {
    Ok(match (name, json_version) {
        ("json", "1.0") => Protocol::Json10,
        ("json", _) => Protocol::Json11,
        ("query", _) => Protocol::Query,
        ("rest-json", _) => Protocol::RestJson,
        ("rest-xml", _) => Protocol::RestXml,
        ("smithy-rpc-v2-cbor", _) => Protocol::Cbor,
        (other, _) => return Err(UnreadableModel::Dangling(other.to_owned())),
    })
}

type Ids = HashMap<&'static str, u32>;

fn id(name: Text, ids: &Ids) -> Result<u32, UnreadableModel> {
    ids.get(name.0).copied().ok_or_else(|| UnreadableModel::Dangling(name.0.to_owned()))
}

fn timestamp_format(name: Option<Text>) -> Result<Option<TimestampFormat>, UnreadableModel> {
    Ok(match name.map(|name| name.0) {
        None => None,
        Some("iso8601") => Some(TimestampFormat::Iso8601),
        Some("rfc822") => Some(TimestampFormat::Http),
        Some("unixTimestamp") => Some(TimestampFormat::Epoch),
        Some(other) => return Err(UnreadableModel::Dangling(other.to_owned())),
    })
}

impl RawOperation {
    fn build(self, name: &'static str, ids: &Ids) -> Result<OperationData, UnreadableModel> {
        Ok(OperationData {
            name,
            method: self.http.0.0,
            uri: UriTemplate::parse(self.http.1.0),
            status: self.status.unwrap_or(200),
            input: self.input.map(|shape| id(shape, ids)).transpose()?,
            output: self.output.map(|shape| id(shape, ids)).transpose()?,
            result_wrapper: self.result_wrapper.map(|text| text.0),
            errors: self.errors.into_iter().map(|shape| id(shape, ids)).collect::<Result<_, _>>()?,
            action: self.action.map_or(name, |text| text.0),
            read_only: self.read_only,
        })
    }
}

impl RawMember {
    fn build(self, name: &'static str, required: bool, ids: &Ids) -> Result<Member, UnreadableModel> {
        let raw = self.0;
        let location = match raw.location.map(|text| text.0) {
            None => Location::Body,
            Some("uri") => Location::Uri,
            Some("querystring") => Location::Query,
            Some("header") => Location::Header,
            Some("headers") => Location::Headers,
            Some("statusCode") => Location::Status,
            Some(other) => return Err(UnreadableModel::Dangling(other.to_owned())),
        };
        Ok(Member {
            name,
            wire_name: raw.location_name.map_or(name, |text| text.0),
            has_wire_name: raw.location_name.is_some(),
            shape: id(raw.shape, ids)?,
            location,
            required,
            redact: raw.redact,
            flattened: raw.flattened,
            xml_attribute: raw.xml_attribute,
            xml_namespace: raw.xml_namespace.map(|namespace| match namespace {
                RawNamespace::Uri(uri) | RawNamespace::Prefixed { uri } => uri.0,
            }),
            json_value: raw.jsonvalue,
            timestamp_format: timestamp_format(raw.timestamp_format)?,
        })
    }
}

impl RawShape {
    fn build(mut self, name: &'static str, ids: &Ids) -> Result<ShapeData, UnreadableModel> {
        let child = |child: Option<RawMember>, label: &'static str| {
            child
                .ok_or_else(|| UnreadableModel::Dangling(format!("{name}${label}")))?
                .build(label, false, ids)
        };
        let kind = match self.r#type.0 {
            "structure" if self.document => Kind::Document,
            "structure" => self.structure(name, ids)?,
            "list" => Kind::List {
                member: child(self.member.take(), "member")?,
                flattened: self.flattened,
                sparse: self.sparse,
            },
            "map" => Kind::Map {
                key: child(self.key.take(), "key")?,
                value: child(self.value.take(), "value")?,
                flattened: self.flattened,
                sparse: self.sparse,
            },
            "string" | "character" => {
                Kind::String { values: self.values.iter().map(|value| value.0).collect() }
            }
            "blob" => Kind::Blob,
            "boolean" => Kind::Boolean,
            "byte" => Kind::Integer { lowest: i8::MIN.into(), highest: i8::MAX.into(), name: "Byte" },
            "short" => Kind::Integer { lowest: i16::MIN.into(), highest: i16::MAX.into(), name: "Short" },
            "integer" => Kind::Integer { lowest: i32::MIN.into(), highest: i32::MAX.into(), name: "Integer" },
            "long" => Kind::Integer { lowest: i64::MIN, highest: i64::MAX, name: "Long" },
            "float" => Kind::Float { single: true },
            "double" => Kind::Float { single: false },
            "timestamp" => Kind::Timestamp,
            other => return Err(UnreadableModel::Dangling(other.to_owned())),
        };
        let exception = self.exception || self.fault;
        let error = self
            .error
            .map(|error| ErrorShape { code: error.code.map(|text| text.0), status: error.http_status_code });
        let regex = self.regex.or(self.pattern);
        Ok(ShapeData {
            name,
            kind,
            sensitive: self.sensitive,
            min: self.min,
            max: self.max,
            pattern: self.pattern.zip(regex).map(|(text, regex)| Matcher {
                text: text.0,
                regex: regex.0,
                except: self.except.map(|text| text.0),
                compiled: OnceLock::new(),
            }),
            timestamp_format: timestamp_format(self.timestamp_format)?,
            error: error.or_else(|| exception.then(ErrorShape::default)),
            constrained: false,
        })
    }

    fn structure(&mut self, name: &'static str, ids: &Ids) -> Result<Kind, UnreadableModel> {
        let mut members = Vec::with_capacity(self.members.0.len());
        for (member, reference) in std::mem::take(&mut self.members.0) {
            let required = self.required.iter().any(|required| required.0 == member);
            members.push(reference.build(member, required, ids)?);
        }
        let payload = match self.payload {
            None => None,
            Some(payload) => {
                let at = members.iter().position(|member| member.name == payload.0);
                Some(at.ok_or_else(|| UnreadableModel::Dangling(format!("{name}${}", payload.0)))?)
            }
        };
        Ok(Kind::Structure { members, union: self.union, payload })
    }
}

/// A shape is constrained where it has a constraint of its own or reaches one. Runs to the fixed point.
fn mark_constrained(shapes: &mut [ShapeData]) {
    loop {
        let known: Vec<bool> = shapes.iter().map(|shape| shape.constrained).collect();
        let of = |member: &Member| known.get(member.shape as usize).copied().unwrap_or(false);
        let mut changed = false;
        for shape in shapes.iter_mut().filter(|shape| !shape.constrained) {
            let own = shape.min.is_some() || shape.max.is_some() || shape.pattern.is_some();
            let reached = match &shape.kind {
                Kind::Structure { members, union, .. } => {
                    *union || members.iter().any(|member| member.required || of(member))
                }
                Kind::List { member, sparse, .. } => !sparse || of(member),
                Kind::Map { key, value, sparse, .. } => !sparse || of(key) || of(value),
                Kind::String { values } => !values.is_empty(),
                _ => false,
            };
            shape.constrained = own || reached;
            changed |= shape.constrained;
        }
        if !changed {
            return;
        }
    }
}
