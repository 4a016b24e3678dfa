//! The compact model as it stands in its file.
//!
//! Borrows every name from the text; resolves nothing.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

/// Text that lives as long as the process: borrowed where it stands as is, leaked where JSON escaped it.
#[derive(Clone, Copy)]
pub(super) struct Text(pub(super) &'static str);

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
pub(super) struct Borrowed(#[serde(borrow)] Cow<'static, str>);

/// An object whose entries keep their order.
pub(super) struct Table<T>(pub(super) Vec<(&'static str, T)>);

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
pub(super) struct RawModel {
    pub(super) service: Text,
    #[serde(default)]
    pub(super) api_version: Option<Text>,
    #[serde(default)]
    pub(super) endpoint_prefix: Option<Text>,
    #[serde(default)]
    pub(super) json_version: Option<Text>,
    pub(super) protocol: Text,
    #[serde(default)]
    pub(super) signing_name: Option<Text>,
    #[serde(default)]
    pub(super) target_prefix: Option<Text>,
    #[serde(default)]
    pub(super) xml_namespace: Option<Text>,
    #[serde(default)]
    pub(super) event_source: Option<Text>,
    #[serde(default)]
    pub(super) validation_error: Option<Text>,
    #[serde(default)]
    pub(super) validation_reasons: Option<Table<Text>>,
    #[serde(default)]
    pub(super) validation_reason: Option<Text>,
    #[serde(default)]
    pub(super) error_namespace: Option<Text>,
    #[serde(default)]
    pub(super) crc32: bool,
    #[serde(default)]
    pub(super) bare_errors: bool,
    #[serde(default)]
    pub(super) pattern_messages: Table<Text>,
    pub(super) operations: Table<RawOperation>,
    pub(super) shapes: Table<RawShape>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
pub(super) struct RawOperation {
    pub(super) http: (Text, Text),
    #[serde(default)]
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) input: Option<Text>,
    #[serde(default)]
    pub(super) output: Option<Text>,
    #[serde(default, rename = "output.resultWrapper")]
    pub(super) result_wrapper: Option<Text>,
    #[serde(default, rename = "output.locationName")]
    pub(super) output_root: Option<Text>,
    #[serde(default, rename = "output.unwrapped")]
    pub(super) unwrapped: bool,
    #[serde(default)]
    pub(super) errors: Vec<Text>,
    #[serde(default)]
    pub(super) action: Option<Text>,
    #[serde(default)]
    pub(super) event: Option<Text>,
    #[serde(default, rename = "readOnly")]
    pub(super) read_only: bool,
    #[serde(default, rename = "needsDigest")]
    pub(super) needs_digest: bool,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"), rename_all = "camelCase")]
pub(super) struct RawShape {
    pub(super) r#type: Text,
    #[serde(default)]
    pub(super) members: Table<RawMember>,
    #[serde(default)]
    pub(super) member: Option<RawMember>,
    #[serde(default)]
    pub(super) key: Option<RawMember>,
    #[serde(default)]
    pub(super) value: Option<RawMember>,
    #[serde(default)]
    pub(super) required: Vec<Text>,
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<Text>,
    #[serde(default)]
    pub(super) min: Option<f64>,
    #[serde(default)]
    pub(super) max: Option<f64>,
    #[serde(default)]
    pub(super) pattern: Option<Text>,
    #[serde(default)]
    pub(super) regex: Option<Text>,
    #[serde(default)]
    pub(super) except: Option<Text>,
    #[serde(default)]
    pub(super) sensitive: bool,
    #[serde(default)]
    pub(super) document: bool,
    #[serde(default)]
    pub(super) union: bool,
    #[serde(default)]
    pub(super) flattened: bool,
    #[serde(default)]
    pub(super) sparse: bool,
    #[serde(default)]
    pub(super) exception: bool,
    #[serde(default)]
    pub(super) fault: bool,
    #[serde(default)]
    pub(super) streaming: bool,
    #[serde(default)]
    pub(super) location_name: Option<Text>,
    #[serde(default)]
    pub(super) xml_namespace: Option<RawNamespace>,
    #[serde(default)]
    pub(super) payload: Option<Text>,
    #[serde(default)]
    pub(super) timestamp_format: Option<Text>,
    #[serde(default)]
    pub(super) error: Option<RawError>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"), rename_all = "camelCase")]
pub(super) struct RawError {
    #[serde(default)]
    pub(super) code: Option<Text>,
    #[serde(default)]
    pub(super) http_status_code: Option<u16>,
}

/// A shape's name alone, or an object.
pub(super) struct RawMember(pub(super) RawReference);

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"), rename_all = "camelCase")]
pub(super) struct RawReference {
    pub(super) shape: Text,
    #[serde(default)]
    pub(super) location: Option<Text>,
    #[serde(default)]
    pub(super) location_name: Option<Text>,
    #[serde(default)]
    pub(super) redact: bool,
    #[serde(default)]
    pub(super) flattened: bool,
    #[serde(default)]
    pub(super) xml_attribute: bool,
    #[serde(default)]
    pub(super) xml_namespace: Option<RawNamespace>,
    #[serde(default)]
    pub(super) jsonvalue: bool,
    #[serde(default)]
    pub(super) timestamp_format: Option<Text>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'static"))]
#[serde(untagged)]
pub(super) enum RawNamespace {
    Uri(Text),
    Prefixed {
        uri: Text,
        #[serde(default)]
        prefix: Option<Text>,
    },
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
