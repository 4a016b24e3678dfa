//! What a method asks of its requests before anything is called.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is checked of a method's requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// Parameters without which a request is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// The models that bodies are held against, by content type or `$default`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
}

/// A parameter of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Parameter {
    /// A header.
    #[serde(rename = "header")]
    Header(String),
    /// A parameter of the query.
    #[serde(rename = "querystring")]
    Query(String),
    /// A parameter of the path.
    #[serde(rename = "path")]
    Path(String),
}

impl Parameter {
    /// Reads `method.request.header.name` and the like.
    pub fn of(text: &str) -> Option<Self> {
        let (place, name) = text.strip_prefix("method.request.")?.split_once('.')?;
        let name = Some(name).filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)?.to_owned();
        match place {
            "header" => Some(Self::Header(name)),
            "querystring" | "multivaluequerystring" => Some(Self::Query(name)),
            "multivalueheader" => Some(Self::Header(name)),
            "path" => Some(Self::Path(name)),
            _ => None,
        }
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        let (Self::Header(name) | Self::Query(name) | Self::Path(name)) = self;
        name
    }
}

/// The longest name of a parameter, in bytes.
const NAME_BYTES_MAX: usize = 256;
