//! The SAM policy templates, by the script that knows where the translator keeps them.

use super::packages::{Packages, call};
use crate::failure::Outcome;
use crate::workspace::{read, root, target};

/// Runs `xtask/python/sam_policy_templates.py`; nothing where the script is absent.
pub(crate) fn generate(packages: &Packages) -> Outcome<Option<String>> {
    let script = root().join("xtask/python/sam_policy_templates.py");
    if !script.is_file() {
        return Ok(None);
    }
    let output = target().join("sam-policy-templates.json");
    call(packages.python().arg("-B").arg(&script).arg(&output))?;
    read(&output).map(Some)
}
