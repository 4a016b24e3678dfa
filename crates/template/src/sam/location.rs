//! Where code lies: `s3://bucket/key?versionId=v`, or the same as a map.
//!
//! Reads nothing. A text that is no such address is refused: `up` and the tools that package replace local paths first.

use serde_json::{Map, Value};

use super::error::Problems;
use super::value::truthy;

/// A location's bucket, key and version, and how Lambda keeps what lies there.
pub(super) struct Location {
    bucket: Value,
    key: Value,
    version: Option<Value>,
    mode: Option<Value>,
}

/// Reads a location for `property`.
pub(super) fn read(id: &str, property: &str, uri: &Value) -> Result<Location, Problems> {
    let refuse = |message: String| Err(Problems::resource(id, message));
    match uri {
        Value::Object(map) => match (truthy(map, "Bucket"), truthy(map, "Key")) {
            (Some(bucket), Some(key)) => Ok(Location {
                bucket: bucket.clone(),
                key: key.clone(),
                version: map.get("Version").cloned(),
                mode: map.get("StorageMode").cloned(),
            }),
            _ => refuse(format!("'{property}' requires Bucket and Key properties to be specified.")),
        },
        Value::String(text) if is_dynamic(text) => refuse(format!(
            "Unsupported dynamic reference detected in '{property}'. Please consider using alternative 'FunctionCode' object \
             format."
        )),
        Value::String(text) => {
            let address = text.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case("s3"));
            let parts = address.and_then(|(_, rest)| rest.split_once('/'));
            let Some((bucket, rest)) = parts.filter(|(bucket, _)| !bucket.is_empty()) else {
                return refuse(format!(
                    "'{property}' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter."
                ));
            };
            let rest = rest.split('#').next().unwrap_or_default();
            let (key, query) = rest.split_once('?').unwrap_or((rest, ""));
            let mut versions = query.split('&').filter_map(|pair| pair.strip_prefix("versionId="));
            let version = versions.next().filter(|version| !version.is_empty());
            let version = version.filter(|_| versions.next().is_none());
            Ok(Location {
                bucket: bucket.into(),
                key: key.trim_start_matches('/').into(),
                version: version.map(Value::from),
                mode: None,
            })
        }
        _ => refuse(format!("'{property}' must be of type dict or string.")),
    }
}

/// A reference that CloudFormation resolves, with a slash in it: it cannot be told from an address.
fn is_dynamic(text: &str) -> bool {
    ["ssm", "ssm-secure", "secretsmanager"].iter().any(|service| {
        let found =
            text.split_once(&format!("{{{{resolve:{service}:")).and_then(|(_, rest)| rest.split_once("}}"));
        found.is_some_and(|(name, _)| name.contains('/'))
    })
}

/// As Lambda names it.
pub(super) fn s3_location(id: &str, property: &str, uri: &Value) -> Result<Map<String, Value>, Problems> {
    let location = read(id, property, uri)?;
    let mode = location.mode.clone().map(|mode| ("S3ObjectStorageMode".to_owned(), mode));
    let mut named = location.named("S3Bucket", "S3Key", "S3ObjectVersion");
    named.extend(mode);
    Ok(named)
}

impl Location {
    /// The parts under the names that a service has for them.
    pub(super) fn named(self, bucket: &str, key: &str, version: &str) -> Map<String, Value> {
        let mut map = Map::from_iter([(bucket.to_owned(), self.bucket), (key.to_owned(), self.key)]);
        if let Some(value) = self.version {
            map.insert(version.to_owned(), value);
        }
        map
    }
}
