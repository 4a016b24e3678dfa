//! The host's Node.js.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ask::ask;
use super::{HostRuntime, NODE_BOOTSTRAP, RuntimeKind, bind_prefix};

const MAJOR_MIN: u32 = 18;

/// Prints the real program and the version.
const QUESTION: &str =
    "console.log(require('fs').realpathSync(process.execPath)); console.log(process.versions.node)";

/// The first `node` of the search path that is new enough.
pub(super) fn discover(folders: &[PathBuf]) -> Option<HostRuntime> {
    let search_path = std::env::join_paths(folders).unwrap_or_else(|_| OsString::new());
    let programs = folders.iter().map(|folder| folder.join("node")).filter(|program| program.is_file());
    programs.into_iter().find_map(|program| {
        let answer = ask(&program, &["-e", QUESTION], &search_path)?;
        let mut lines = answer.lines();
        describe(Path::new(lines.next()?), lines.next()?)
    })
}

fn describe(executable: &Path, version: &str) -> Option<HostRuntime> {
    let major: u32 = version.split('.').next()?.parse().ok()?;
    if major < MAJOR_MIN {
        return None;
    }
    // `<prefix>/bin/node`, as the archives, nvm and the distributions have it.
    let prefix = executable.parent()?.parent()?;
    Some(HostRuntime {
        kind: RuntimeKind::Node,
        version: version.to_owned(),
        binds: bind_prefix(prefix).into_iter().collect(),
        argv: vec![executable.display().to_string(), NODE_BOOTSTRAP.to_owned()],
        sdk: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_passed_over_and_private_prefixes_are_bound() {
        assert_eq!(describe(Path::new("/usr/bin/node"), "16.20.0"), None);
        assert!(describe(Path::new("/usr/bin/node"), "20.1.0").unwrap().binds.is_empty());
        let private = describe(Path::new("/home/a/.nvm/versions/node/v22.1.0/bin/node"), "22.1.0").unwrap();
        assert_eq!(private.binds[0].host, Path::new("/home/a/.nvm/versions/node/v22.1.0"));
        assert_eq!(private.identifier(), "nodejs22.x");
    }
}
