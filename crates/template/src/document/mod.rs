//! Text to a tree: YAML with CloudFormation's short-form tags, or JSON.
//!
//! Knows no section of a template. Refuses duplicate keys, unknown tags, and anything beyond the caps on size, depth and
//! node count, aliases counted as often as they are used.

mod emit;
mod json;
mod json_place;
mod place;
mod scalar;
mod tag;
mod yaml;

use serde_json::Value;

use crate::error::TemplateError;
use crate::limits::DOCUMENT_BYTES_MAX;

pub use place::Place;
pub(crate) use place::Places;

/// A parsed document: the tree, and where its keys and items stand.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The tree. Short-form tags are already long: `!Ref x` is `{"Ref": "x"}`.
    pub root: Value,
    places: Places,
}

impl Document {
    /// Parses `text`, at most [`DOCUMENT_BYTES_MAX`] bytes of it.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(TemplateError::format(format_args!(
                "the template has {} bytes, and at most {DOCUMENT_BYTES_MAX} are allowed.",
                text.len()
            )));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !text.trim_start().starts_with('{') {
            return yaml::parse(text);
        }
        // A brace opens JSON, or a YAML map in flow style. The JSON error is the one to tell.
        json::parse(text).or_else(|error| yaml::parse(text).map_err(|_| error))
    }

    /// The line of a section (`Resources`), of an entry in it (`Resources/Table`) or of anything below, counted from 1.
    pub fn line(&self, path: &str) -> Option<u32> {
        self.place(path).map(|place| place.line)
    }

    /// The place of the same; of something below an entry that has no place of its own, the nearest that has one.
    pub fn place(&self, path: &str) -> Option<Place> {
        self.places.find(path.split('/'))
    }

    /// The tree as YAML text that parses to the same tree.
    pub fn to_yaml(&self) -> String {
        emit::yaml(&self.root)
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }
}

impl From<Value> for Document {
    /// A tree that was parsed before; its lines are not known any more.
    fn from(root: Value) -> Self {
        Self { root, ..Self::default() }
    }
}
