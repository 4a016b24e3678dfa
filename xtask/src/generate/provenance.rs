//! Where each generated file came from: package pins, and a hash of every file.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Files;
use super::packages::Packages;
use crate::failure::Outcome;

/// `models/provenance.json`.
pub(crate) fn generate(packages: &Packages, files: &Files) -> Outcome<String> {
    let hashes: Map<String, Value> = files
        .iter()
        .map(|(path, text)| (path.display().to_string(), Value::from(hex(&Sha256::digest(text)))))
        .collect();
    let document = json!({
        "licences": {
            "botocore": "Apache-2.0", "policy_sentry": "MIT", "aws-sam-translator": "Apache-2.0", "moto": "Apache-2.0"
        },
        "packages": packages.pins,
        "sha256": hashes,
    });
    Ok(format!("{document:#}\n"))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
