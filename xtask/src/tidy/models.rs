//! Generated files are what `cargo xtask gen` wrote: nobody edited them by hand since.
//!
//! Compares hashes only, so that it needs no package; `cargo xtask gen --check` regenerates.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failure::{At, Outcome};
use crate::generate::hex;
use crate::workspace::{apis, read, root};

/// Every generated file that is missing or was changed, and every service without one.
pub(super) fn check() -> Outcome<Vec<String>> {
    let provenance = root().join("models/provenance.json");
    let provenance: Value = serde_json::from_str(&read(&provenance)?).at("models/provenance.json")?;
    let files = provenance.get("sha256").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut problems = Vec::new();
    for (path, hash) in &files {
        match std::fs::read(root().join(path)) {
            Ok(bytes) if hash.as_str() == Some(hex(&Sha256::digest(&bytes)).as_str()) => {}
            Ok(_) => problems
                .push(format!("{path} was changed by hand, or its generator was: run `cargo xtask gen`")),
            Err(_) => problems.push(format!("{path} is missing: run `cargo xtask gen`")),
        }
    }
    for api in apis()? {
        for path in [format!("models/{}.json", api.name), format!("{}/api.rs", api.folder)] {
            if !files.contains_key(&path) {
                problems.push(format!("{path} is not generated"));
            }
        }
    }
    Ok(problems)
}
