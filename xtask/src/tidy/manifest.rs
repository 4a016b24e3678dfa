//! What the packages' manifests say of their dependencies.
//!
//! Reads `Cargo.toml` files only; resolves and downloads nothing.

use toml::Table;

use crate::failure::Outcome;
use crate::workspace::{manifest, members};

/// One package of the workspace.
pub(super) struct Package {
    /// Its name, which is its folder's name.
    pub(super) name: String,
    /// Its folder, for example `services/iam`.
    pub(super) folder: String,
    /// What it is built from.
    pub(super) dependencies: Vec<String>,
    /// What only its tests are built from.
    pub(super) dev_dependencies: Vec<String>,
}

impl Package {
    /// True for an AWS API.
    pub(super) fn is_service(&self) -> bool {
        self.folder.starts_with("services/")
    }

    /// True for what is no part of the platform.
    pub(super) fn is_tool(&self) -> bool {
        !self.is_service() && !self.folder.starts_with("crates/")
    }
}

/// All packages, in the order of the workspace's members.
pub(super) fn packages() -> Outcome<Vec<Package>> {
    members()?.into_iter().map(package).collect()
}

fn package(folder: String) -> Outcome<Package> {
    let manifest = manifest(&folder)?;
    let names = |section: &str| -> Vec<String> {
        let section = manifest.get(section).and_then(toml::Value::as_table);
        section.into_iter().flat_map(Table::keys).cloned().collect()
    };
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str()).unwrap_or_default();
    Ok(Package {
        name: name.to_owned(),
        dependencies: names("dependencies").into_iter().chain(names("build-dependencies")).collect(),
        dev_dependencies: names("dev-dependencies"),
        folder,
    })
}
