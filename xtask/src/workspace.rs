//! Where things are in the repository.
//!
//! Knows paths and names only; reads nothing but what it is asked for.

use std::path::{Path, PathBuf};

use crate::failure::{At, Outcome};

/// The services, in the order of the workspace's member list.
pub(crate) const SERVICES: [&str; 8] =
    ["iam", "sts", "lambda", "apigateway", "dynamodb", "logs", "cloudtrail", "cloudformation"];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The text of a file, or a failure that names it.
pub(crate) fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).at(path.display())
}

/// The path relative to the root, for messages.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
