//! From the text of a compact model to a [`Model`]: names borrowed from the text, references resolved to indices.
//!
//! Trusts that `xtask gen` wrote the text, and still refuses a reference to a shape that is not there.

mod raw;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::shape::{ErrorShape, Kind, Location, Matcher, Member, ShapeData, TimestampFormat, XmlNamespace};
use raw::{RawMember, RawModel, RawNamespace, RawOperation, RawShape, Text};

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
        validation_reasons: raw
            .validation_reasons
            .map(|reasons| reasons.0.into_iter().map(|(shape, reason)| (shape, reason.0)).collect()),
        validation_reason: raw.validation_reason.map(|text| text.0),
        error_namespace: raw.error_namespace.map(|text| text.0),
        crc32: raw.crc32,
        bare_errors: raw.bare_errors,
        event_source: format!("{}.amazonaws.com", raw.event_source.map_or(service, |text| text.0)),
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
            output_root: self.output_root.map(|text| text.0),
            unwrapped: self.unwrapped,
            errors: self.errors.into_iter().map(|shape| id(shape, ids)).collect::<Result<_, _>>()?,
            action: self.action.map_or(name, |text| text.0),
            event_name: self.event.map_or(name, |text| text.0),
            read_only: self.read_only,
            needs_digest: self.needs_digest,
        })
    }
}

impl RawNamespace {
    fn read(self) -> XmlNamespace {
        match self {
            Self::Uri(uri) => XmlNamespace { prefix: None, uri: uri.0 },
            Self::Prefixed { uri, prefix } => XmlNamespace { prefix: prefix.map(|text| text.0), uri: uri.0 },
        }
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
            xml_namespace: raw.xml_namespace.map(RawNamespace::read),
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
        // An error of the service's own has status 500 where the model gives none.
        let status = self.fault.then_some(500);
        let error = match self.error {
            Some(error) => Some(ErrorShape {
                code: error.code.map(|text| text.0),
                status: error.http_status_code.or(status),
            }),
            None => (self.exception || self.fault).then_some(ErrorShape { code: None, status }),
        };
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
            error,
            streaming: self.streaming,
            xml_name: self.location_name.map(|text| text.0),
            xml_namespace: self.xml_namespace.map(RawNamespace::read),
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
