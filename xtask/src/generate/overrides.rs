//! What people decided about the models: `models/overrides.toml`, and `models/<service>.overrides.toml` of each service.
//!
//! An entry that matches nothing any more is an error where it is used, so that these files never rot.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::failure::{At, Outcome};
use crate::workspace::{read, root};

/// Decisions that hold for every model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Global {
    /// Traits that say nothing a server needs.
    pub(crate) drop: BTreeSet<String>,
    /// Patterns whose regular expression our engine does not have, by their exact text.
    #[serde(default)]
    pub(crate) pattern: BTreeMap<String, Pattern>,
}

/// How to match what a pattern means.
#[derive(Deserialize, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    /// The whole text must match this.
    pub(crate) regex: String,
    /// And must not match this.
    pub(crate) except: Option<String>,
}

/// Decisions about one service.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Service {
    /// Operations that `api.rs` has types for.
    pub(crate) implement: BTreeSet<String>,
    /// Shapes that stay `protocol::Value` in `api.rs`.
    pub(crate) opaque: BTreeSet<String>,
    /// Shapes that are secret although the model does not say so.
    pub(crate) sensitive: BTreeSet<String>,
    /// `Structure$Member`s that the audit trail must not show.
    pub(crate) redact: BTreeSet<String>,
    /// `Structure$Member`s that are required although the model does not say so.
    pub(crate) required: BTreeSet<String>,
    /// `Structure$Member`s that may be absent although the model says otherwise.
    pub(crate) optional: BTreeSet<String>,
    /// `Structure$Member`s that have another shape of the model than it says, by that shape's name.
    pub(crate) retype: BTreeMap<String, String>,
    /// Operations that count as reads, against their access level.
    pub(crate) read_only: BTreeSet<String>,
    /// Operations whose document is refused without a digest: the model says it of more than AWS enforces.
    pub(crate) needs_digest: BTreeSet<String>,
    /// Operations whose IAM action has another name.
    pub(crate) action: BTreeMap<String, String>,
    /// Operations that CloudTrail records under another name.
    pub(crate) event: BTreeMap<String, String>,
    /// The prefix of its IAM actions, where another service's facts hold them.
    pub(crate) authorization: Option<String>,
    /// The service that CloudTrail names as the source of its events, where that is another one.
    pub(crate) event_source: Option<String>,
    /// The code of a request that breaks a constraint of the model.
    pub(crate) validation_error: Option<String>,
    /// Present where such a refusal carries a `Reason`: the reasons of shapes that have their own.
    pub(crate) validation_reasons: Option<BTreeMap<String, String>>,
    /// Present where such a refusal has a required `reason` and lists its members in `fieldList`: that reason.
    pub(crate) validation_reason: Option<String>,
    /// What stands before an error shape's name in `__type`.
    pub(crate) error_namespace: Option<String>,
    /// The namespace of documents in XML, where the model has none.
    pub(crate) xml_namespace: Option<String>,
    /// The status of an operation's answer, where the model has none.
    pub(crate) status: BTreeMap<String, u16>,
    /// What is said, with the code of a broken constraint, of values that are nested too deep.
    pub(crate) too_deep: Option<String>,
    /// Answers carry `x-amz-crc32`.
    pub(crate) crc32: bool,
    /// Shapes whose values are streams. Elsewhere what the model calls streaming is one piece of bytes.
    pub(crate) streams: BTreeSet<String>,
    /// Errors stand alone, without the element around them that other XML APIs have.
    pub(crate) bare_errors: bool,
    /// Operations that the model is read without: another one has the same method and path.
    pub(crate) without: BTreeSet<String>,
    /// The root element of an operation's answer, where it is not the shape's name.
    pub(crate) root: BTreeMap<String, String>,
    /// Operations whose answer is the one member itself, without an element around it.
    pub(crate) unwrapped: BTreeSet<String>,
    /// Constraints by shape.
    pub(crate) shape: BTreeMap<String, Constraints>,
    /// Whole messages for values that break a pattern; `{member}` is the member's name.
    pub(crate) pattern_message: BTreeMap<String, String>,
}

/// Constraints that replace the model's.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Constraints {
    /// Traits of the model that AWS does not enforce: `min`, `max`, `pattern`, `enum`.
    pub(crate) remove: BTreeSet<String>,
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    pub(crate) pattern: Option<String>,
    #[serde(rename = "enum")]
    pub(crate) values: Option<Vec<String>>,
}

impl Global {
    /// Reads `models/overrides.toml`.
    pub(crate) fn load() -> Outcome<Self> {
        let path = root().join("models/overrides.toml");
        toml::from_str(&read(&path)?).at("models/overrides.toml")
    }
}

impl Service {
    /// Reads `models/<service>.overrides.toml`; every service has one, for it says what is implemented.
    pub(crate) fn load(service: &str) -> Outcome<Self> {
        let name = format!("models/{service}.overrides.toml");
        toml::from_str(&read(&root().join(&name))?).at(name)
    }
}
