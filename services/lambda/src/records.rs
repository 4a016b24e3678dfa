//! What is stored of functions, versions and aliases.
//!
//! A record is one version byte and compact JSON; the store seals it, environment variables included. A version that
//! is not known is an error, never a guess.

use std::collections::BTreeMap;
use std::fmt;

use base::Timestamp;
use compute::CodeHash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Key, Table};

use crate::model::name::FunctionId;

/// Functions, by account, region and name.
pub(crate) const FUNCTIONS: Table = Table::new(0x0301, "lambda-functions");
/// Published versions, by function and number.
pub(crate) const VERSIONS: Table = Table::new(0x0302, "lambda-versions");
/// Aliases, by function and name.
pub(crate) const ALIASES: Table = Table::new(0x0303, "lambda-aliases");

/// What is kept of functions that were deleted, by account, region and name.
pub(crate) const FORMER: Table = Table::new(0x030a, "lambda-former-functions");

/// What is kept of a function that was deleted: a policy, a stage or a client that names one of its versions is not to meet
/// code that somebody published later under the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FormerFunction {
    /// The number of the next version of a function of this name.
    pub(crate) next_version: u64,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {
    /// `$LATEST`.
    pub(crate) latest: VersionRecord,
    /// The number of the next version; never used twice, not by a later function of the same name either.
    pub(crate) next_version: u64,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) reserved_concurrency: Option<u32>,
    /// Resource policies by qualifier; the function's own under the empty one.
    pub(crate) policies: BTreeMap<String, FunctionPolicy>,
    /// Settings of asynchronous invocations, by version or alias.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) event_configs: BTreeMap<String, EventConfig>,
    /// True where the function may call itself without end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) allows_loops: bool,
    /// Environments that are kept ready, by version or alias.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) provisioned: BTreeMap<String, Provision>,
    /// The id of its code signing configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code_signing: Option<String>,
    /// No other function's, of the same name either. Absent in functions from before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

impl FunctionRecord {
    /// How many environments are kept ready of all its versions.
    pub(crate) fn provisioned_in_all(&self) -> u32 {
        self.provisioned.values().fold(0, |all, own| all.saturating_add(own.count))
    }
}

/// How many environments of a version or an alias are kept ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Provision {
    pub(crate) count: u32,
    pub(crate) modified_at: Timestamp,
}

/// For what is stored only where it is set.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// How asynchronous invocations of a version or an alias are retried, and where their outcome goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventConfig {
    pub(crate) retries_max: Option<u32>,
    pub(crate) age_max_secs: Option<u32>,
    pub(crate) on_success: Option<String>,
    pub(crate) on_failure: Option<String>,
    pub(crate) modified_at: Timestamp,
}

/// A version's code and configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    /// `$LATEST` or a number.
    pub(crate) version: String,
    /// Of its code and configuration: environments of another one are never used.
    pub(crate) revision_id: String,
    pub(crate) runtime: String,
    pub(crate) handler: String,
    pub(crate) role: String,
    pub(crate) description: String,
    pub(crate) timeout_secs: u32,
    pub(crate) memory_mib: u32,
    pub(crate) tmp_mib: u32,
    pub(crate) variables: Variables,
    /// Where it is not the default one.
    pub(crate) log_group: Option<String>,
    pub(crate) code: CodeHash,
    pub(crate) code_bytes: u64,
    pub(crate) modified_at: Timestamp,
    /// In their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) layers: Vec<LayerUse>,
    /// Of a log in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) json_log: Option<JsonLog>,
    /// The publisher whose signature let its code in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signed_by: Option<String>,
    /// Whether traces were asked for. None are kept: no invocation is sampled.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) traced: bool,
    /// How `$LATEST` was described when the version was made of it, where the version has a description of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) latest_description: Option<String>,
    /// The architecture that was asked for, where it is not this machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) architecture: Option<String>,
    /// The revision that callers see, where something else than code and configuration changed last: the policy, the tags, or what
    /// was published of it. Environments go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen_revision_id: Option<String>,
}

impl VersionRecord {
    /// The revision that callers see, and name.
    pub(crate) fn revision(&self) -> &str {
        self.seen_revision_id.as_deref().unwrap_or(&self.revision_id)
    }

    /// The packages of its layers, the last one on top.
    pub(crate) fn layer_codes(&self) -> Vec<CodeHash> {
        self.layers.iter().map(|layer| layer.code).collect()
    }

    /// Its code or configuration changed.
    pub(crate) fn change_to(&mut self, revision_id: String) {
        self.revision_id = revision_id;
        self.seen_revision_id = None;
    }
}

/// The least levels of a log in JSON, by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JsonLog {
    pub(crate) application: String,
    pub(crate) system: String,
}

/// A layer's version as a function has it: its content stays, whatever becomes of the layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerUse {
    pub(crate) arn: String,
    pub(crate) code: CodeHash,
    pub(crate) code_bytes: u64,
    pub(crate) unzipped_bytes: u64,
}

/// Environment variables: they travel and are stored, and are never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Variables(pub(crate) Vec<(String, String)>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({})", self.0.len())
    }
}

/// A resource policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FunctionPolicy {
    /// Of a layer's. A function's policy has the revision of what it belongs to.
    pub(crate) revision_id: String,
    pub(crate) statements: Vec<Statement>,
}

/// One statement of a resource policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Statement {
    pub(crate) sid: String,
    pub(crate) body: serde_json::Value,
}

/// An alias.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AliasRecord {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    /// A second version and its share.
    pub(crate) routing: Option<(String, f64)>,
    pub(crate) revision_id: String,
}

/// A record cannot be read or written. Its content is not repeated: it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored {0} is not in a form that this version reads")]
pub(crate) struct RecordError(&'static str);

/// Something that is stored.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// For errors.
    const NAME: &'static str;

    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mut bytes = vec![VERSION];
        serde_json::to_writer(&mut bytes, self).map_err(|_| RecordError(Self::NAME))?;
        Ok(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|_| RecordError(Self::NAME)),
            _ => Err(RecordError(Self::NAME)),
        }
    }
}

const VERSION: u8 = 1;

impl Record for FunctionRecord {
    const NAME: &'static str = "function";
}

impl Record for FormerFunction {
    const NAME: &'static str = "former function";
}

impl Record for VersionRecord {
    const NAME: &'static str = "function version";
}

impl Record for AliasRecord {
    const NAME: &'static str = "alias";
}

/// The key of a function, and the prefix of its versions and aliases.
pub(crate) fn function_key(id: &FunctionId) -> Key {
    Key::new().str(id.account.as_str()).str(id.region.as_str()).str(&id.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden<R: Record + PartialEq + fmt::Debug>(record: &R, text: &str) {
        let bytes = record.encode().unwrap();
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), text);
        assert_eq!(bytes[0], VERSION);
        assert_eq!(&R::decode(&bytes).unwrap(), record);
        for bad in [b"".as_slice(), b"\x02{}", &bytes[..bytes.len() - 1]] {
            assert!(R::decode(bad).is_err());
        }
    }

    fn latest() -> VersionRecord {
        VersionRecord {
            version: "$LATEST".into(),
            revision_id: "r".into(),
            runtime: "python3.13".into(),
            handler: "app.handler".into(),
            role: "arn:aws:iam::000000000001:role/r".into(),
            description: String::new(),
            timeout_secs: 3,
            memory_mib: 128,
            tmp_mib: 512,
            variables: Variables(vec![("A".into(), "1".into())]),
            log_group: None,
            code: CodeHash::of(b""),
            code_bytes: 22,
            modified_at: Timestamp::from_millis(1_440_938_160_000),
            layers: Vec::new(),
            json_log: None,
            traced: false,
            signed_by: None,
            latest_description: None,
            architecture: None,
            seen_revision_id: None,
        }
    }

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let latest = latest();
        let version = concat!(
            r#"{"version":"$LATEST","revision_id":"r","runtime":"python3.13","handler":"app.handler","#,
            r#""role":"arn:aws:iam::000000000001:role/r","description":"","timeout_secs":3,"memory_mib":128,"#,
            r#""tmp_mib":512,"variables":[["A","1"]],"log_group":null,"#,
            r#""code":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","code_bytes":22,"#,
            r#""modified_at":1440938160000}"#
        );
        golden(&latest, version);
        golden(&FormerFunction { next_version: 3 }, r#"{"next_version":3}"#);
        let seen = VersionRecord { seen_revision_id: Some("s".into()), ..latest.clone() };
        golden(&seen, &format!(r#"{},"seen_revision_id":"s"}}"#, version.strip_suffix('}').unwrap()));
        assert_eq!((seen.revision(), latest.revision()), ("s", "r"));
        let statement = Statement { sid: "s".into(), body: serde_json::json!({"Sid": "s"}) };
        let policy = FunctionPolicy { revision_id: "p".into(), statements: vec![statement] };
        let function = FunctionRecord {
            latest,
            next_version: 2,
            tags: vec![("k".into(), "v".into())],
            reserved_concurrency: Some(5),
            policies: BTreeMap::from([(String::new(), policy)]),
            event_configs: BTreeMap::new(),
            allows_loops: false,
            provisioned: BTreeMap::new(),
            code_signing: None,
            id: None,
        };
        let rest = concat!(
            r#","next_version":2,"tags":[["k","v"]],"reserved_concurrency":5,"policies":{"":{"revision_id":"p","#,
            r#""statements":[{"sid":"s","body":{"Sid":"s"}}]}}}"#
        );
        golden(&function, &format!(r#"{{"latest":{version}{rest}"#));
        let config = EventConfig {
            retries_max: Some(1),
            age_max_secs: None,
            on_success: None,
            on_failure: Some("f".into()),
            modified_at: Timestamp::from_millis(1),
        };
        let further = FunctionRecord {
            event_configs: BTreeMap::from([("$LATEST".into(), config)]),
            allows_loops: true,
            provisioned: BTreeMap::from([(
                "1".into(),
                Provision { count: 2, modified_at: Timestamp::from_millis(3) },
            )]),
            id: Some("i".into()),
            ..function.clone()
        };
        let more = concat!(
            r#","event_configs":{"$LATEST":{"retries_max":1,"age_max_secs":null,"on_success":null,"#,
            r#""on_failure":"f","modified_at":1}},"allows_loops":true,"provisioned":{"1":{"count":2,"modified_at":3}},"id":"i"}"#
        );
        let rest = rest.strip_suffix('}').unwrap();
        golden(&further, &format!(r#"{{"latest":{version}{rest}{more}"#));
        let alias = AliasRecord {
            name: "live".into(),
            version: "1".into(),
            description: "d".into(),
            routing: Some(("2".into(), 0.25)),
            revision_id: "a".into(),
        };
        golden(
            &alias,
            r#"{"name":"live","version":"1","description":"d","routing":["2",0.25],"revision_id":"a"}"#,
        );
        assert!(!format!("{function:?}").contains("\"1\""));
    }
}
