//! What a caller asks for: one environment, its files, its limits, its doors.
//!
//! A spec is checked here, on both sides of the spawner's socket, before anything is made of it. It holds plain
//! values only: no identity, no function, no account.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::caller::CALLER;

/// The Runtime API's port on the environment's own loopback.
pub const RUNTIME_API_PORT: u16 = 9001;
/// The AWS API's port on the environment's own loopback.
pub const AWS_API_PORT: u16 = 4566;
/// The AWS API's port for programs that speak TLS on its customary port and nothing else.
pub const SECURE_API_PORT: u16 = 443;
/// The host name, inside, behind which [`SECURE_API_PORT`] is found.
pub const PLATFORM_HOST: &str = "platform.fastness.internal";
/// The certificate authorities that programs inside trust: the one file of `/etc` that a bind may stand for.
pub const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The egress proxy's port on the environment's own loopback.
pub const EGRESS_PORT: u16 = 3128;
/// The memory that comes with one virtual CPU, as on Lambda.
pub const VCPU_MEMORY_MIB: u32 = 1_769;

const ID_BYTES_MAX: usize = 64;
const ARGUMENTS_MAX: usize = 64;
const VARIABLES_MAX: usize = 1_024;
const TEXT_BYTES_MAX: usize = 96 * 1_024;
const BINDS_MAX: usize = 32;
const DOORS_MAX: usize = 8;
const COMPANIONS_MAX: usize = 16;
const MEMORY_MIB: std::ops::RangeInclusive<u32> = 16..=65_536;
const TMP_MIB: std::ops::RangeInclusive<u32> = 1..=65_536;
const TMP_INODES: std::ops::RangeInclusive<u32> = 16..=4_194_304;
const PIDS: std::ops::RangeInclusive<u32> = 4..=32_768;
const OPEN_FILES: std::ops::RangeInclusive<u32> = 16..=65_536;

/// Everything one environment is made of.
#[derive(Clone, Serialize, Deserialize)]
pub struct EnvironmentSpec {
    /// Unique among living environments; letters, digits and hyphens. Names the cgroups.
    pub id: String,
    /// The program (an absolute path inside) and its arguments.
    pub argv: Vec<String>,
    /// The whole environment of the program: nothing else is passed on.
    pub environment: Vec<(String, String)>,
    /// Where the program starts, inside.
    pub working_dir: PathBuf,
    /// Files and folders of the host that appear inside, always read-only, without set-uid and devices.
    pub binds: Vec<Bind>,
    /// A folder of the host whose programs and libraries stand in place of the host's own; it is nobody's but the platform's to
    /// write.
    pub root: Option<PathBuf>,
    /// Limit of memory (with swap and page tables, without what stands in `/tmp`), in MiB.
    pub memory_mib: u32,
    /// Size of the private `/tmp`, in MiB.
    pub tmp_mib: u32,
    /// Files and folders that `/tmp` may hold.
    pub tmp_inodes: u32,
    /// Processes and threads.
    pub pids_max: u32,
    /// Open descriptors of each process.
    pub open_files_max: u32,
    /// Share of the processors.
    pub cpu: CpuShare,
    /// Ports on the environment's loopback whose listeners are returned, in this order; [`CALLER`] for a socket that listens to
    /// none.
    pub doors: Vec<u16>,
    /// Whether an [`Assignment`] follows: the environment is made before it is known what for.
    pub awaits_assignment: bool,
    /// Whether the program comes with the assignment too: there is none until then, and everything else is done already.
    pub awaits_program: bool,
    /// A program that cannot be executed is told of inside, as a runtime or a shell would; otherwise the launch is refused.
    pub explains_entrypoint: bool,
    /// Programs that run beside the program, under the same limits, and end with it or after it.
    pub companions: Vec<Companion>,
}

/// A program that runs beside an environment's own: it writes to the same pipes and outlives it, if need be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companion {
    /// The program (an absolute path inside) and its arguments.
    pub argv: Vec<String>,
    /// Names of variables of the environment that it does not get.
    pub without: Vec<String>,
}

/// What an environment that was made ahead becomes, once: files and limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Folders of the host that appear inside, always read-only, over folders that every environment has.
    pub binds: Vec<Bind>,
    /// Limit of memory, in MiB; not less than before.
    pub memory_mib: u32,
    /// Share of the processors.
    pub cpu: CpuShare,
    /// What is executed, where the environment has none so far.
    pub program: Option<Program>,
}

/// A program that an environment gets with its assignment. Holds credentials: its `Debug` shows the path alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program (an absolute path inside) and its arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// Where it starts, inside.
    pub working_dir: PathBuf,
}

impl Program {
    /// Wipes the values of the variables from this copy.
    pub(crate) fn wipe(&mut self) {
        self.environment.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("program", &self.argv.first()).finish_non_exhaustive()
    }
}

impl Assignment {
    /// Refuses what cannot be done, or must not.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        if let Some(program) = &self.program {
            check_program(&program.argv, &program.environment, &program.working_dir)?;
        }
        require(MEMORY_MIB.contains(&self.memory_mib), "16 to 65,536 MiB of memory")?;
        check_cpu(self.cpu)?;
        check_binds(&self.binds)
    }
}

/// A host path that appears inside, read-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Absolute path on the host. Resolved by the spawner with the host's root rights: the server vouches for it.
    pub host: PathBuf,
    /// Absolute path inside. Its parents are made.
    pub inside: PathBuf,
}

impl Bind {
    /// Shows `host` at `inside`.
    pub fn new(host: impl Into<PathBuf>, inside: impl Into<PathBuf>) -> Self {
        Self { host: host.into(), inside: inside.into() }
    }

    /// Shows `path` where it is on the host too.
    pub fn same(path: impl Into<PathBuf>) -> Self {
        let host = path.into();
        Self { inside: host.clone(), host }
    }
}

/// How much processor an environment gets: a weight under contention, and a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuShare {
    /// Weight among busy environments, in thousandths of a virtual CPU.
    pub weight_millis: u32,
    /// Never more than this, in thousandths of a CPU.
    pub ceiling_millis: u32,
}

impl Companion {
    fn is_runnable(&self) -> bool {
        let program = self.argv.first().map(Path::new);
        self.argv.len() <= ARGUMENTS_MAX && program.is_some_and(Path::is_absolute)
    }
}

impl CpuShare {
    /// Lambda's proportion: [`VCPU_MEMORY_MIB`] is one virtual CPU.
    ///
    /// The ceiling is rounded up to whole processors: an idle machine speeds up cold starts at no one's expense.
    pub fn for_memory(memory_mib: u32) -> Self {
        let weight_millis = (memory_mib.saturating_mul(1_000) / VCPU_MEMORY_MIB).max(10);
        Self { weight_millis, ceiling_millis: weight_millis.div_ceil(1_000).saturating_mul(1_000) }
    }
}

/// The spec asks for something that is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid environment: {0}")]
pub struct InvalidSpec(&'static str);

impl EnvironmentSpec {
    /// A spec with the customary limits; the caller fills in the program and its files.
    pub fn new(id: impl Into<String>, argv: Vec<String>) -> Self {
        Self {
            id: id.into(),
            argv,
            environment: Vec::new(),
            working_dir: PathBuf::from("/var/task"),
            binds: Vec::new(),
            root: None,
            memory_mib: 128,
            tmp_mib: 512,
            tmp_inodes: 32_768,
            pids_max: 1_024,
            open_files_max: 1_024,
            cpu: CpuShare::for_memory(128),
            doors: vec![RUNTIME_API_PORT, AWS_API_PORT],
            awaits_assignment: false,
            awaits_program: false,
            explains_entrypoint: false,
            companions: Vec::new(),
        }
    }

    /// Refuses what cannot be made, or must not.
    pub fn check(&self) -> Result<(), InvalidSpec> {
        self.check_texts()?;
        self.check_paths()?;
        self.check_numbers()
    }

    /// Wipes the values of the variables, which carry credentials, from this copy.
    pub(crate) fn wipe(&mut self) {
        self.environment.iter_mut().for_each(|(_, value)| value.zeroize());
    }

    fn check_texts(&self) -> Result<(), InvalidSpec> {
        let id_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        require(
            (1..=ID_BYTES_MAX).contains(&self.id.len()) && self.id.bytes().all(id_allowed),
            "the id is 1 to 64 letters, digits and hyphens",
        )?;
        require(self.companions.len() <= COMPANIONS_MAX, "at most 16 programs beside the program")?;
        require(self.companions.iter().all(Companion::is_runnable), "each of them is an absolute path")?;
        check_texts(self.companions.iter().flat_map(|one| one.argv.iter().chain(&one.without)))?;
        if self.awaits_program {
            let is_bare = self.argv.is_empty() && self.environment.is_empty() && self.companions.is_empty();
            return require(is_bare && self.awaits_assignment, "no program before the assignment");
        }
        check_program(&self.argv, &self.environment, &self.working_dir)
    }

    fn check_paths(&self) -> Result<(), InvalidSpec> {
        require(self.working_dir.is_absolute(), "the working directory is an absolute path")?;
        let root = self.root.as_deref();
        require(root.is_none_or(is_plain), "a root is an absolute path, without `..`, and not the host's")?;
        check_binds(&self.binds)
    }

    fn check_numbers(&self) -> Result<(), InvalidSpec> {
        require(MEMORY_MIB.contains(&self.memory_mib), "16 to 65,536 MiB of memory")?;
        require(TMP_MIB.contains(&self.tmp_mib), "1 to 65,536 MiB of /tmp")?;
        require(TMP_INODES.contains(&self.tmp_inodes), "16 to 4,194,304 inodes in /tmp")?;
        require(PIDS.contains(&self.pids_max), "4 to 32,768 processes")?;
        require(OPEN_FILES.contains(&self.open_files_max), "16 to 65,536 open files")?;
        check_cpu(self.cpu)?;
        require(self.doors.len() <= DOORS_MAX, "at most 8 doors")?;
        let is_allowed = |port: &u16| *port >= 1_024 || [SECURE_API_PORT, CALLER].contains(port);
        require(self.doors.iter().all(is_allowed), "door ports of 1,024 and above, and 443")
    }
}

/// Only the names: variables carry credentials.
impl std::fmt::Debug for EnvironmentSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvironmentSpec")
            .field("id", &self.id)
            .field("program", &self.argv.first())
            .field("memory_mib", &self.memory_mib)
            .finish_non_exhaustive()
    }
}

fn require(holds: bool, message: &'static str) -> Result<(), InvalidSpec> {
    if holds { Ok(()) } else { Err(InvalidSpec(message)) }
}

fn check_program(
    argv: &[String],
    environment: &[(String, String)],
    working_dir: &Path,
) -> Result<(), InvalidSpec> {
    require((1..=ARGUMENTS_MAX).contains(&argv.len()), "1 to 64 arguments")?;
    require(environment.len() <= VARIABLES_MAX, "at most 1,024 environment variables")?;
    check_texts(argv.iter().chain(environment.iter().flat_map(|(name, value)| [name, value])))?;
    let named = |(name, _): &(String, String)| !name.is_empty() && !name.contains('=');
    require(environment.iter().all(named), "environment variable names are not empty and hold no `=`")?;
    require(working_dir.is_absolute(), "the working directory is an absolute path")?;
    require(
        argv.first().is_some_and(|program| Path::new(program).is_absolute()),
        "the program is an absolute path",
    )
}

fn check_texts<'a>(texts: impl Iterator<Item = &'a String>) -> Result<(), InvalidSpec> {
    let mut bytes = 0_usize;
    for text in texts {
        require(!text.contains('\0'), "no NUL in arguments and environment variables")?;
        bytes = bytes.saturating_add(text.len());
    }
    require(bytes <= TEXT_BYTES_MAX, "at most 96 KiB of arguments and environment variables")
}

fn check_binds(binds: &[Bind]) -> Result<(), InvalidSpec> {
    require(binds.len() <= BINDS_MAX, "at most 32 binds")?;
    for bind in binds {
        require(bind.host.is_absolute(), "a bind's host path is absolute")?;
        require(is_plain(&bind.inside), "a bind's inside path is absolute, without `..`, and not the root")?;
        let is_free = !is_reserved(&bind.inside) || bind.inside == Path::new(AUTHORITIES);
        require(is_free, "a bind stays out of /proc, /dev, /sys, /tmp and /etc")?;
    }
    Ok(())
}

fn check_cpu(cpu: CpuShare) -> Result<(), InvalidSpec> {
    require((1..=1_024_000).contains(&cpu.weight_millis), "a CPU weight of 1 to 1,024,000 thousandths")?;
    require((10..=1_024_000).contains(&cpu.ceiling_millis), "a CPU ceiling of 10 to 1,024,000 thousandths")
}

fn is_plain(path: &Path) -> bool {
    let mut components = path.components();
    components.next() == Some(Component::RootDir)
        && path.components().nth(1).is_some()
        && components.all(|part| matches!(part, Component::Normal(_)))
}

fn is_reserved(path: &Path) -> bool {
    ["/proc", "/dev", "/sys", "/tmp", "/etc"].iter().any(|reserved| path.starts_with(reserved))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn companion(program: &str) -> Companion {
        Companion { argv: vec![program.to_owned()], without: Vec::new() }
    }

    fn valid() -> EnvironmentSpec {
        EnvironmentSpec::new("env-1", vec!["/bin/true".to_owned()])
    }

    #[test]
    fn an_ordinary_spec_is_accepted() {
        assert_eq!(valid().check(), Ok(()));
    }

    #[test]
    fn what_must_not_be_made_is_refused() {
        type Change = fn(&mut EnvironmentSpec);
        let changes: &[(&str, Change)] = &[
            ("id with a slash", |s| s.id = "../x".into()),
            ("empty id", |s| s.id.clear()),
            ("no program", |s| s.argv.clear()),
            ("relative program", |s| s.argv = vec!["sh".into()]),
            ("NUL", |s| s.environment = vec![("A".into(), "b\0c".into())]),
            ("name with =", |s| s.environment = vec![("A=B".into(), "c".into())]),
            ("large", |s| s.environment = vec![("A".into(), "x".repeat(100 * 1024))]),
            ("bind over the root", |s| s.binds = vec![Bind::new("/x", "/")]),
            ("bind with ..", |s| s.binds = vec![Bind::new("/x", "/var/../etc")]),
            ("bind over /proc", |s| s.binds = vec![Bind::new("/x", "/proc/1")]),
            ("bind over /etc", |s| s.binds = vec![Bind::new("/x", "/etc")]),
            ("the host's root", |s| s.root = Some("/".into())),
            ("relative root", |s| s.root = Some("x".into())),
            ("relative host path", |s| s.binds = vec![Bind::new("x", "/x")]),
            ("no memory", |s| s.memory_mib = 0),
            ("no pids", |s| s.pids_max = 0),
            ("low door", |s| s.doors = vec![80]),
            ("relative companion", |s| s.companions = vec![companion("x")]),
            ("a program too early", |s| (s.awaits_program, s.awaits_assignment) = (true, true)),
            ("a program never", |s| {
                s.argv.clear();
                s.awaits_program = true;
            }),
            ("many companions", |s| s.companions = vec![companion("/x"); 17]),
        ];
        for (what, change) in changes {
            let mut spec = valid();
            change(&mut spec);
            assert!(spec.check().is_err(), "{what}");
        }
    }

    #[test]
    fn processor_shares_follow_memory() {
        for (memory_mib, weight_millis, ceiling_millis) in [
            (128, 72, 1_000),
            (1_769, 1_000, 1_000),
            (1_770, 1_000, 1_000),
            (3_538, 2_000, 2_000),
            (10_240, 5_788, 6_000),
        ] {
            assert_eq!(
                CpuShare::for_memory(memory_mib),
                CpuShare { weight_millis, ceiling_millis },
                "{memory_mib}"
            );
        }
    }

    #[test]
    fn debug_shows_no_variables() {
        let mut spec = valid();
        spec.environment = vec![("AWS_SECRET_ACCESS_KEY".into(), "hunter2".into())];
        assert!(!format!("{spec:?}").contains("hunter2"));
    }
}
