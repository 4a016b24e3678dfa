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
/// The distributions that these modules come in, as their metadata is named.
const SDK_PROJECTS: [&str; 7] =
    ["boto3", "botocore", "s3transfer", "jmespath", "python_dateutil", "urllib3", "six"];
/// Where they are inside, and where the bootstrap looks for them.
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

/// Writes the byte code of a script as a file that the same interpreter runs in its place, which spares it from compiling the
/// script at each start. The script's place inside is what its traces name.
const COMPILE: &str = "import importlib.util, marshal, os, sys\n\
    source, target, name = sys.argv[1:]\n\
    code = compile(open(source, 'rb').read(), name, 'exec', dont_inherit=True)\n\
    data = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, 'little') + bytes(8) + marshal.dumps(code)\n\
    file = os.open(target + '.new', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)\n\
    assert os.write(file, data) == len(data)\n\
    os.rename(target + '.new', target)\n\
    print('done')";

/// Compiles the bootstrap for this interpreter; `false` where it cannot.
pub(super) fn compile_bootstrap(program: &str, source: &Path, target: &Path) -> bool {
    let (Some(source), Some(target)) = (source.to_str(), target.to_str()) else { return false };
    let arguments = ["-I", "-S", "-B", "-c", COMPILE, source, target, PYTHON_BOOTSTRAP];
    ask(Path::new(program), &arguments, OsStr::new("")).is_some_and(|answer| answer == "done\n")
}

/// An interpreter and the folders of its third-party modules.
type Found = (HostRuntime, Vec<PathBuf>);

pub(super) fn discover(folders: &[PathBuf]) -> Vec<HostRuntime> {
    let found = interpreters(folders);
    let any_sdk = found.iter().find_map(|(_, modules)| sdk_in(modules));
    let complete = |(runtime, modules): Found| {
        let of_another = || any_sdk.clone().filter(|sdk| serves(sdk, &runtime.version));
        match sdk_in(&modules).or_else(of_another) {
            Some(sdk) => with_sdk(runtime, sdk),
            None => runtime,
        }
    };
    found.into_iter().map(complete).collect()
}

/// Whether the SDK in this folder can be imported by this version of Python: what its own description asks for.
fn serves(sdk: &Path, version: &str) -> bool {
    let described = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let is_description = name.starts_with("botocore-") && name.ends_with(".dist-info");
        is_description.then(|| std::fs::read_to_string(entry.path().join("METADATA")).ok())?
    };
    let description = std::fs::read_dir(sdk).into_iter().flatten().flatten().find_map(described);
    let least = description.as_deref().and_then(least_minor);
    let minor: Option<u32> = version.split('.').nth(1).and_then(|minor| minor.parse().ok());
    least.zip(minor).is_none_or(|(least, minor)| minor >= least)
}

/// `Requires-Python: >=3.10`
fn least_minor(description: &str) -> Option<u32> {
    let wanted = description.lines().find_map(|line| line.strip_prefix("Requires-Python:"))?;
    let digits = wanted.split(">=").nth(1)?.trim().strip_prefix("3.")?;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The first of these folders that has boto3.
fn sdk_in(module_dirs: &[PathBuf]) -> Option<PathBuf> {
    module_dirs.iter().find(|dir| dir.join("boto3").is_dir() && dir.join("botocore").is_dir()).cloned()
}

fn with_sdk(mut runtime: HostRuntime, sdk: PathBuf) -> HostRuntime {
    let modules =
        SDK_MODULES.iter().filter(|module| sdk.join(module).exists()).map(|module| (*module).to_owned());
    let shown = modules.chain(metadata_in(&sdk));
    runtime.binds.extend(shown.map(|name| Bind::new(sdk.join(&name), Path::new(SDK_ROOT).join(&name))));
    runtime.sdk = Some(sdk);
    runtime
}

/// What tells which distributions these modules are of: libraries look for it before they look at a module.
fn metadata_in(sdk: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(sdk).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| {
        let stem = name.strip_suffix(".dist-info").or_else(|| name.strip_suffix(".egg-info"));
        let project = stem.and_then(|stem| stem.split('-').next()).unwrap_or_default();
        SDK_PROJECTS.contains(&project.to_ascii_lowercase().as_str())
    })
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
    programs.retain(|program| program.canonicalize().is_ok_and(|real| !is_unfit(&real) && seen.insert(real)));
    programs
}

/// Whether the name alone says that the version is none of those served.
fn is_unfit(program: &Path) -> bool {
    let name = program.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let minor = name.strip_prefix("python3.").and_then(|minor| minor.trim_end_matches('m').parse().ok());
    minor.is_some_and(|minor: u32| !MINORS.contains(&minor))
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

/// What a program is: read from its files where they say it, asked otherwise.
fn describe(program: &Path, search_path: &OsStr) -> Option<Found> {
    let facts = read(program).or_else(|| question(program, search_path))?;
    let minor: u32 = facts.version.strip_prefix("3.")?.split('.').next()?.parse().ok()?;
    if !MINORS.contains(&minor) {
        return None;
    }
    // No `site`: neither the host's start-up files nor its `.pth` files run. No byte code is written.
    let executable = facts.executable.display().to_string();
    let argv = [executable.as_str(), "-S", "-B", PYTHON_BOOTSTRAP].map(str::to_owned).to_vec();
    let binds = bind_prefix(&facts.prefix).into_iter().collect();
    let runtime =
        HostRuntime { kind: RuntimeKind::Python, version: facts.version, binds, argv, sdk: None, root: None };
    Some((runtime, facts.module_dirs))
}

struct Facts {
    executable: PathBuf,
    version: String,
    prefix: PathBuf,
    module_dirs: Vec<PathBuf>,
}

/// An installation with its headers says everything without being run, which would cost the start some ten
/// milliseconds for each.
fn read(program: &Path) -> Option<Facts> {
    if program.parent()?.parent()?.join("pyvenv.cfg").exists() {
        return None;
    }
    let executable = program.canonicalize().ok()?;
    let name = executable.file_name()?.to_str()?.to_owned();
    let prefix = executable.parent()?.parent()?.to_path_buf();
    let library = prefix.join("lib").join(&name);
    if !library.join("os.py").is_file() {
        return None;
    }
    let header = std::fs::read_to_string(prefix.join("include").join(&name).join("patchlevel.h")).ok()?;
    let version = version_in(&header)?;
    let mut module_dirs = vec![library.join("site-packages")];
    if prefix == Path::new("/usr") {
        module_dirs.push(PathBuf::from("/usr/lib/python3/dist-packages"));
        module_dirs.push(Path::new("/usr/local/lib").join(&name).join("dist-packages"));
    }
    Some(Facts { executable, version, prefix, module_dirs })
}

/// `#define PY_VERSION "3.11.2+"`
fn version_in(header: &str) -> Option<String> {
    let line =
        header.lines().find_map(|line| line.strip_prefix("#define PY_VERSION")?.trim().strip_prefix('"'))?;
    Some(line.split(['"', '+']).next()?.to_owned())
}

fn question(program: &Path, search_path: &OsStr) -> Option<Facts> {
    let answer = ask(program, &["-I", "-S", "-c", QUESTION], search_path)?;
    let mut lines = answer.lines();
    Some(Facts {
        executable: lines.next()?.into(),
        version: lines.next()?.to_owned(),
        prefix: lines.next()?.into(),
        module_dirs: lines.map(PathBuf::from).filter(|dir| dir.is_dir()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_bootstraps_run_and_name_their_source() {
        let dir = tempfile::tempdir().unwrap();
        let (source, target) = (dir.path().join("b.py"), dir.path().join("b.pyc"));
        std::fs::write(&source, "print((lambda: 0).__code__.co_filename)\n").unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        for runtime in discover(&folders) {
            let program = runtime.argv[0].as_str();
            assert!(compile_bootstrap(program, &source, &target), "{program}");
            let answer = ask(Path::new(program), &["-S", "-B", target.to_str().unwrap()], OsStr::new(""));
            assert_eq!(answer.as_deref(), Some("/var/runtime/bootstrap.py\n"), "{program}");
        }
        assert!(!compile_bootstrap("/nonexistent", &source, &target));
    }

    #[test]
    fn an_sdk_serves_the_versions_that_it_is_made_for() {
        let dir = tempfile::tempdir().unwrap();
        assert!(serves(dir.path(), "3.9.18"), "what says nothing");
        let described = dir.path().join("botocore-1.43.0.dist-info");
        std::fs::create_dir(&described).unwrap();
        for (wanted, version, serves_it) in [
            ("Requires-Python: >= 3.10", "3.9.18", false),
            ("Requires-Python: >=3.10", "3.10.1", true),
            ("Requires-Python: >=3.10,<4", "3.14.0", true),
            ("Requires-Python: >=3.9", "3.9.18", true),
            ("Name: botocore", "3.9.18", true),
        ] {
            std::fs::write(described.join("METADATA"), format!("Metadata-Version: 2.1\n{wanted}\n\ntext\n"))
                .unwrap();
            assert_eq!(serves(dir.path(), version), serves_it, "{wanted} {version}");
        }
    }

    #[test]
    fn the_sdk_is_shown_with_its_metadata_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let shown = ["boto3", "boto3-1.40.0.dist-info", "botocore", "python_dateutil-2.9.0.egg-info"];
        for name in shown.iter().chain(&["requests", "requests-2.0.dist-info", "boto3_stubs-1.dist-info"]) {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let runtime = HostRuntime {
            kind: RuntimeKind::Python,
            version: "3.12.1".into(),
            binds: Vec::new(),
            argv: Vec::new(),
            sdk: None,
            root: None,
        };
        let runtime = with_sdk(runtime, dir.path().to_path_buf());
        let mut inside: Vec<PathBuf> = runtime.binds.into_iter().map(|bind| bind.inside).collect();
        inside.sort();
        assert_eq!(inside, shown.map(|name| Path::new(SDK_ROOT).join(name)));
    }

    #[test]
    fn versions_are_read_from_headers() {
        let header = "#define PY_MICRO_VERSION 2\n#define PY_VERSION      \t\"3.11.2+\"\n";
        assert_eq!(version_in(header).as_deref(), Some("3.11.2"));
        assert_eq!(version_in("#define PY_VERSION_HEX 1\n"), None);
        assert_eq!(version_in(""), None);
    }

    #[test]
    fn reading_and_asking_agree_wherever_both_are_possible() {
        for minor in MINORS {
            let program = PathBuf::from(format!("/usr/bin/python3.{minor}"));
            let path = OsStr::new("/usr/bin:/bin");
            if let (Some(read), Some(asked)) = (read(&program), question(&program, path)) {
                let facts = |facts: Facts| (facts.executable, facts.version, facts.prefix);
                assert_eq!(facts(read), facts(asked));
            }
        }
    }
}
