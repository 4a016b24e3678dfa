//! Which package may depend on which: only on those of an earlier layer.
//!
//! Adding an edge here is a bigger event than adding a thousand lines inside a crate. Services stand beside each other:
//! they call one another through the pipeline.

use super::manifest::{Package, packages};
use crate::failure::Outcome;

/// The layers from the bottom up. A service's name stands for itself; `services/*` for all of them.
const LAYERS: [&[&str]; 9] = [
    &["base"],
    &["crypto"],
    &["store", "protocol", "policy", "sandbox", "template"],
    &["identity", "observe", "compute", "analysis"],
    &["service"],
    // Before the services: the data plane owns the records that its control plane, a service, writes.
    &["gateway"],
    &["services/*"],
    &["edge"],
    &["fastness"],
];

/// Every edge that points the wrong way, and every package without a layer.
pub(super) fn check() -> Outcome<Vec<String>> {
    let packages = packages()?;
    let mut problems = Vec::new();
    for package in &packages {
        if package.folder.rsplit('/').next() != Some(package.name.as_str()) {
            problems.push(format!("{} is called {}", package.folder, package.name));
        }
        // A tool may look at everything; nothing may depend on a tool.
        if package.is_tool() {
            continue;
        }
        let own = layer(package);
        if own.is_none() {
            problems.push(format!("{} stands in no layer of xtask/src/tidy/layers.rs", package.folder));
        }
        // Tests may look sideways and down, never up.
        let edges = package.dependencies.iter().map(|name| (name, false));
        for (name, testing) in edges.chain(package.dev_dependencies.iter().map(|name| (name, true))) {
            let Some(target) = packages.iter().find(|other| other.name == *name) else { continue };
            let allowed = match (own, layer(target)) {
                (Some(own), Some(below)) => below < own || (testing && below == own && !target.is_service()),
                _ => false,
            };
            if !allowed {
                problems.push(format!("{} may not depend on {}", package.folder, target.folder));
            }
        }
    }
    Ok(problems)
}

fn layer(package: &Package) -> Option<usize> {
    let name = if package.is_service() { "services/*" } else { package.name.as_str() };
    LAYERS.iter().position(|layer| layer.contains(&name))
}
