//! Starts a spawner and environments for tests, and collects what they print.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sandbox::{Bind, Environment, EnvironmentSpec, Exit, Spawner, SpawnerOptions};

/// A spawner with its own state folder.
pub(crate) struct Host {
    pub(crate) spawner: Spawner,
    pub(crate) dir: tempfile::TempDir,
}

/// What became of a program.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Starts a spawner with every essential layer, or fails saying why.
pub(crate) fn host() -> Host {
    assert!(rustix::process::geteuid().is_root(), "these tests make real sandboxes: run them as root");
    let dir = tempfile::tempdir().unwrap();
    let options = SpawnerOptions::for_test(dir.path().join("state"), "spawner_process");
    let spawner = Spawner::start(options).unwrap();
    Host { spawner, dir }
}

/// A spec for a shell script.
pub(crate) fn shell(script: &str) -> EnvironmentSpec {
    spec(&["/bin/sh", "-c", script])
}

/// A spec for a Python program, with the host's own `/usr/bin/python3`.
pub(crate) fn python(program: &str) -> EnvironmentSpec {
    let mut spec = spec(&["/usr/bin/python3", "-I", "-S", "-c", program]);
    spec.memory_mib = 256;
    spec
}

/// A spec with a unique id.
pub(crate) fn spec(argv: &[&str]) -> EnvironmentSpec {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let id = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut spec = EnvironmentSpec::new(id, argv.iter().map(|text| (*text).to_owned()).collect());
    spec.working_dir = "/tmp".into();
    spec.environment = vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())];
    spec
}

/// Reads a pipe to its end in the background.
pub(crate) fn drain(pipe: OwnedFd) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        File::from(pipe).read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the end, but not for ever.
pub(crate) fn wait(environment: &Environment, patience: Duration) -> Option<Exit> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(exit) = environment.try_wait().unwrap() {
            return Some(exit);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Host {
    /// Runs a program to its end.
    pub(crate) fn run(&self, spec: &EnvironmentSpec) -> Outcome {
        let mut environment = self.spawner.launch(spec).unwrap();
        let stdout = drain(environment.take_stdout().unwrap());
        let stderr = drain(environment.take_stderr().unwrap());
        let exit = wait(&environment, Duration::from_secs(60)).expect("the program ends");
        Outcome { exit, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
    }

    /// Makes a folder with files, as a package would be, and binds it.
    pub(crate) fn package(&self, name: &str, files: &[(&str, &str)]) -> Bind {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        for (file, content) in files {
            std::fs::write(dir.join(file), content).unwrap();
        }
        Bind::new(dir, "/var/task")
    }
}

/// Processes of the host: pid and command line, its arguments separated by spaces.
pub(crate) fn processes() -> impl Iterator<Item = (u32, String)> {
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&command).replace('\0', " ")))
    })
}

/// Waits until a process has `marker` in its command line: a launched one has yet to become its program.
pub(crate) fn appears(marker: &str) -> u32 {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(pid) = find_process(marker) {
            return pid;
        }
        assert!(Instant::now() < deadline, "{marker} does not run");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A process with `marker` in its command line, other than this one and its spawner.
pub(crate) fn find_process(marker: &str) -> Option<u32> {
    processes()
        .find(|(pid, command)| *pid != std::process::id() && command.contains(marker))
        .map(|(pid, _)| pid)
}
