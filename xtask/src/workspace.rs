//! Where things are in the repository, and which services it has.
//!
//! Knows paths and names only; reads nothing but what it is asked for.

use std::path::{Path, PathBuf};

use toml::Table;

use crate::failure::{At, Failure, Outcome};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    // Cargo says at run time which copy of the repository was meant.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().map(Path::to_owned).unwrap_or_default()
}

/// Where builds go, and what is made for tests and generators: outside the clone if cargo is told so.
pub(crate) fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR");
    named.map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// The text of a file, or a failure that names it.
pub(crate) fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).at(path.display())
}

/// The path relative to the root, for messages.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// A manifest.
pub(crate) fn manifest(folder: &str) -> Outcome<Table> {
    let path = root().join(folder).join("Cargo.toml");
    read(&path)?.parse().at(path.display())
}

/// The folders of the workspace's packages, in the order in which the manifest lists them.
pub(crate) fn members() -> Outcome<Vec<String>> {
    let workspace = manifest("")?;
    let members = workspace.get("workspace").and_then(|workspace| workspace.get("members")?.as_array());
    let members = members.ok_or_else(|| Failure::new("Cargo.toml has no workspace members"))?;
    Ok(members.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

/// An API: its model's name, and the folder of its `api.rs`.
pub(crate) struct Api {
    /// The name in `models/`.
    pub(crate) name: String,
    /// The folder, from the root.
    pub(crate) folder: String,
}

/// The APIs that services answer, in the same order: each its own, and those that its manifest names under
/// `package.metadata.apis` because they read the same records.
pub(crate) fn apis() -> Outcome<Vec<Api>> {
    let mut apis = Vec::new();
    for service in services()? {
        let folder = format!("services/{service}");
        let manifest = manifest(&folder)?;
        let more = manifest.get("package").and_then(|it| it.get("metadata")?.get("apis")?.as_array());
        let more: Vec<String> =
            more.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect();
        apis.push(Api { name: service, folder: format!("{folder}/src") });
        apis.extend(more.into_iter().map(|name| Api { folder: format!("{folder}/src/{name}"), name }));
    }
    Ok(apis)
}

/// The services' names, in the same order.
pub(crate) fn services() -> Outcome<Vec<String>> {
    Ok(members()?.iter().filter_map(|folder| folder.strip_prefix("services/")).map(str::to_owned).collect())
}
