//! The host's Node.js.
//!
//! Of the host's modules a function sees what Lambda's runtimes bring: the AWS SDK of version 3, as far as it was installed globally.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ask::ask;
use super::{HostRuntime, NODE_BOOTSTRAP, RuntimeKind, bind_prefix};
use crate::spec::Bind;

const MAJOR_MIN: u32 = 18;

/// The scopes of the AWS SDK's packages and of those that they are made of.
const SDK_SCOPES: [&str; 3] = ["@aws-sdk", "@smithy", "@aws-crypto"];
/// Where a module is looked for behind all that a function brings, whichever way it is loaded.
const SDK_ROOT: &str = "/node_modules";
/// Where a distribution's npm installs globally, besides the installation's own folder.
const LOCAL_MODULES: &str = "/usr/local/lib/node_modules";

/// Prints the real program and the version.
const QUESTION: &str =
    "console.log(require('fs').realpathSync(process.execPath)); console.log(process.versions.node)";

/// The first `node` of the search path that is new enough.
pub(super) fn discover(folders: &[PathBuf]) -> Option<HostRuntime> {
    let search_path = std::env::join_paths(folders).unwrap_or_else(|_| OsString::new());
    let programs = folders.iter().map(|folder| folder.join("node")).filter(|program| program.is_file());
    programs.into_iter().find_map(|program| match read(&program) {
        Some((executable, version)) => describe(&executable, &version),
        None => {
            let answer = ask(&program, &["-e", QUESTION], &search_path)?;
            let mut lines = answer.lines();
            describe(Path::new(lines.next()?), lines.next()?)
        }
    })
}

/// An installation with its headers says its version without being run, which would cost the start fifty
/// milliseconds.
fn read(program: &Path) -> Option<(PathBuf, String)> {
    let executable = program.canonicalize().ok()?;
    if executable.file_name()? != "node" {
        return None;
    }
    let header = executable.parent()?.parent()?.join("include/node/node_version.h");
    let version = version_in(&std::fs::read_to_string(header).ok()?)?;
    Some((executable, version))
}

fn version_in(header: &str) -> Option<String> {
    let number = |name: &str| {
        let define = format!("#define NODE_{name}_VERSION ");
        let value = header.lines().find_map(|line| line.strip_prefix(define.as_str()))?;
        value.trim().parse::<u32>().ok()
    };
    Some(format!("{}.{}.{}", number("MAJOR")?, number("MINOR")?, number("PATCH")?))
}

fn describe(executable: &Path, version: &str) -> Option<HostRuntime> {
    let major: u32 = version.split('.').next()?.parse().ok()?;
    if major < MAJOR_MIN {
        return None;
    }
    // `<prefix>/bin/node`, as the archives, nvm and the distributions have it.
    let prefix = executable.parent()?.parent()?;
    let sdk = [prefix.join("lib/node_modules"), LOCAL_MODULES.into()].into_iter().find(|dir| has_sdk(dir));
    let sdk_binds = sdk.iter().flat_map(|dir| SDK_SCOPES.map(|scope| (dir.join(scope), scope)));
    let sdk_binds = sdk_binds.filter(|(scope, _)| scope.is_dir());
    let sdk_binds = sdk_binds.map(|(scope, name)| Bind::new(scope, Path::new(SDK_ROOT).join(name)));
    Some(HostRuntime {
        kind: RuntimeKind::Node,
        version: version.to_owned(),
        binds: bind_prefix(prefix).into_iter().chain(sdk_binds).collect(),
        argv: vec![executable.display().to_string(), NODE_BOOTSTRAP.to_owned()],
        sdk,
        root: None,
    })
}

/// Whether a client of the SDK stands in this folder.
fn has_sdk(modules: &Path) -> bool {
    let entries = std::fs::read_dir(modules.join("@aws-sdk")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("client-") || name.starts_with("lib-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_headers() {
        let header =
            "#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 1\n#define NODE_PATCH_VERSION 2\n";
        assert_eq!(version_in(header).as_deref(), Some("20.1.2"));
        assert_eq!(version_in("#define NODE_MAJOR_VERSION x\n"), None);
    }

    #[test]
    fn the_sdk_that_was_installed_globally_is_seen() {
        let prefix = tempfile::tempdir().unwrap();
        let modules = prefix.path().join("lib/node_modules");
        let node = prefix.path().join("bin/node");
        std::fs::create_dir_all(modules.join("@aws-sdk/types")).unwrap();
        assert_eq!(describe(&node, "20.1.0").unwrap().sdk, None);
        std::fs::create_dir_all(modules.join("@aws-sdk/client-s3")).unwrap();
        std::fs::create_dir_all(modules.join("@other/client-s3")).unwrap();
        let runtime = describe(&node, "20.1.0").unwrap();
        assert_eq!(runtime.sdk.as_deref(), Some(modules.as_path()));
        let sdk = Bind::new(modules.join("@aws-sdk"), "/node_modules/@aws-sdk");
        assert_eq!(
            runtime.binds.iter().filter(|bind| bind.inside.starts_with(SDK_ROOT)).collect::<Vec<_>>(),
            [&sdk]
        );
    }

    #[test]
    fn old_versions_are_passed_over_and_private_prefixes_are_bound() {
        assert_eq!(describe(Path::new("/usr/bin/node"), "16.20.0"), None);
        assert!(describe(Path::new("/usr/bin/node"), "20.1.0").unwrap().binds.is_empty());
        let private = describe(Path::new("/home/a/.nvm/versions/node/v22.1.0/bin/node"), "22.1.0").unwrap();
        assert_eq!(private.binds[0].host, Path::new("/home/a/.nvm/versions/node/v22.1.0"));
        assert_eq!(private.identifier(), "nodejs22.x");
    }
}
