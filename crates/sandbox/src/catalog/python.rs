//! The host's Pythons.
//!
//! `python3` of the search path is the preferred one; versions that carry their number in their name and siblings under
//! pyenv follow. Of the host's third-party modules a function sees what Lambda's runtimes bring, boto3 and what it
//! needs, and no other: what runs here runs there.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::ask::ask;
use super::{HostRuntime, PYTHON_BOOTSTRAP, RuntimeKind, bind_prefix};
use crate::spec::Bind;

/// boto3 and its dependencies: all of them plain Python, so that one copy serves every version.
const SDK_MODULES: [&str; 7] =
    ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py"];
/// Where they are inside.
const SDK_ROOT: &str = "/var/lang/sdk";

const MINORS: std::ops::RangeInclusive<u32> = 9..=14;

/// Prints the real program, the version, the prefix, and the folders of third-party modules.
const QUESTION: &str = "import os, sys, sysconfig\n\
    version = '%d.%d.%d' % sys.version_info[:3]\n\
    modules = {sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}\n\
    modules |= {'/usr/lib/python3/dist-packages'} if sys.base_prefix == '/usr' else set()\n\
    short = 'python%d.%d' % sys.version_info[:2]\n\
    modules |= {'/usr/local/lib/' + short + '/dist-packages'} if sys.base_prefix == '/usr' else set()\n\
    for line in [os.path.realpath(sys.executable), version, sys.base_prefix] + sorted(modules): print(line)";

/// An interpreter and the folders of its third-party modules.
type Found = (HostRuntime, Vec<PathBuf>);

pub(super) fn discover(folders: &[PathBuf]) -> Vec<HostRuntime> {
    let found = interpreters(folders);
    let any_sdk = found.iter().find_map(|(_, modules)| sdk_in(modules));
    let complete = |(runtime, modules): Found| match sdk_in(&modules).or_else(|| any_sdk.clone()) {
        Some(sdk) => with_sdk(runtime, sdk),
        None => runtime,
    };
    found.into_iter().map(complete).collect()
}

/// The first of these folders that has boto3.
fn sdk_in(module_dirs: &[PathBuf]) -> Option<PathBuf> {
    module_dirs.iter().find(|dir| dir.join("boto3").is_dir() && dir.join("botocore").is_dir()).cloned()
}

fn with_sdk(mut runtime: HostRuntime, sdk: PathBuf) -> HostRuntime {
    let modules = SDK_MODULES.iter().filter(|module| sdk.join(module).exists());
    runtime.binds.extend(modules.map(|module| Bind::new(sdk.join(module), Path::new(SDK_ROOT).join(module))));
    runtime.argv.push(SDK_ROOT.to_owned());
    runtime.sdk = Some(sdk);
    runtime
}

fn interpreters(folders: &[PathBuf]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let search_path = std::env::join_paths(folders).unwrap_or_else(|_| OsString::new());
    let mut seen = BTreeSet::new();
    for program in candidates(folders) {
        if let Some(described) = describe(&program, &search_path)
            && seen.insert(described.0.identifier())
        {
            found.push(described);
        }
    }
    found
}

/// Programs worth asking, the preferred one first. Shims of pyenv are scripts that cost more than Python itself, and
/// fail for versions that are not selected: what they lead to is asked instead.
fn candidates(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut programs = Vec::new();
    for folder in folders {
        match folder.file_name().zip(folder.parent()) {
            Some((name, root)) if name == "shims" && root.join("versions").is_dir() => {
                programs.extend(pyenv_programs(root));
            }
            _ => programs.push(folder.join("python3")),
        }
    }
    for folder in folders {
        programs.extend(
            MINORS.map(|minor| folder.join(format!("python3.{minor}"))).filter(|path| !is_shim(path)),
        );
    }
    programs.retain(|program| program.is_file());
    let mut seen = BTreeSet::new();
    programs.retain(|program| program.canonicalize().is_ok_and(|real| seen.insert(real)));
    programs
}

fn is_shim(program: &Path) -> bool {
    program.parent().and_then(Path::file_name) == Some(OsStr::new("shims"))
}

/// pyenv's selected versions, then the others.
fn pyenv_programs(root: &Path) -> Vec<PathBuf> {
    let selected = std::fs::read_to_string(root.join("version")).unwrap_or_default();
    let versions = root.join("versions");
    let mut names: Vec<PathBuf> = selected.split_whitespace().map(|name| versions.join(name)).collect();
    let mut others: Vec<PathBuf> =
        std::fs::read_dir(&versions).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    others.sort_unstable();
    names.extend(others.into_iter().rev());
    names.into_iter().map(|version| version.join("bin/python3")).collect()
}

fn describe(program: &Path, search_path: &OsStr) -> Option<Found> {
    let answer = ask(program, &["-I", "-S", "-c", QUESTION], search_path)?;
    let mut lines = answer.lines();
    let (executable, version) = (lines.next()?, lines.next()?);
    let base_prefix = PathBuf::from(lines.next()?);
    let module_dirs: Vec<PathBuf> = lines.map(PathBuf::from).filter(|dir| dir.is_dir()).collect();
    let minor: u32 = version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
    if !MINORS.contains(&minor) {
        return None;
    }
    let binds = bind_prefix(&base_prefix).into_iter().collect();
    // No `site`: neither the host's start-up files nor its `.pth` files run. No byte code is written.
    let argv = [executable, "-S", "-B", PYTHON_BOOTSTRAP].into_iter().map(str::to_owned).collect();
    let runtime =
        HostRuntime { kind: RuntimeKind::Python, version: version.to_owned(), binds, argv, sdk: None };
    Some((runtime, module_dirs))
}
