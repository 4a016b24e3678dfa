//! Nothing outlives its environment, and no environment outlives its platform.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::{ExitStatus, LaunchError, SpawnerOptions, StartError};

use crate::support::{appears, find_process, host, shell, wait};

/// Waits until no process has `marker` in its command line.
fn gone(marker: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while find_process(marker).is_some() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

#[test]
fn the_platform_may_open_as_many_files_as_the_host_allows_and_functions_may_not() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let allowed = getrlimit(Resource::Nofile).maximum.unwrap();
    let fewer = Rlimit { current: Some(1_024), maximum: Some(allowed) };
    setrlimit(Resource::Nofile, fewer).unwrap();
    let outcome = host().run(&shell("ulimit -Sn; ulimit -Hn"));
    // All that it may have, or what ten thousand environments take where it may raise that.
    let raised = getrlimit(Resource::Nofile).current.unwrap();
    assert!(raised >= allowed.min(262_144), "{raised} of {allowed}");
    assert_eq!(outcome.stdout, "1024\n1024\n", "{outcome:?}");
}

#[test]
fn what_a_function_leaves_behind_dies_with_it() {
    let host = host();
    let outcome = host.run(&shell("setsid sleep 41000001 >/dev/null 2>&1 & sleep 0.1; echo done"));
    assert_eq!(outcome.stdout, "done\n");
    assert_eq!(outcome.exit.status, ExitStatus::Code(0));
    assert!(gone("41000001"));
}

#[test]
fn a_kill_reaches_daemons_that_ignore_every_signal() {
    let host = host();
    let script =
        "trap '' HUP INT TERM QUIT; (trap '' HUP INT TERM QUIT; setsid sleep 41000002) & sleep 41000002";
    let environment = host.spawner.launch(&shell(script)).unwrap();
    appears("41000002");
    environment.kill();
    assert_eq!(wait(&environment, Duration::from_secs(5)).unwrap().status, ExitStatus::Killed);
    assert!(gone("sleep 41000002"));
}

#[test]
fn dropping_an_environment_kills_it_and_removes_its_cgroups() {
    let host = host();
    let spec = shell("sleep 41000003");
    let environment = host.spawner.launch(&spec).unwrap();
    appears("41000003");
    assert!(!cgroups(&spec.id).is_empty());
    drop(environment);
    assert!(gone("41000003"));
    let deadline = Instant::now() + Duration::from_secs(5);
    while !cgroups(&spec.id).is_empty() {
        assert!(Instant::now() < deadline, "{:?} are left", cgroups(&spec.id));
        std::thread::sleep(Duration::from_millis(5));
    }
    // Its id can be used again.
    drop(host.spawner.launch(&spec).unwrap());
}

/// The cgroups of an environment of this process's spawner.
fn cgroups(id: &str) -> Vec<String> {
    let arguments = ["/sys/fs/cgroup", "-type", "d", "-path", "*fastness-*", "-name", id];
    let output = Command::new("find").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn when_the_spawner_dies_everything_dies_and_another_one_takes_its_place() {
    let host = host();
    let (layers, mut descriptors) = (host.spawner.layers(), None);
    for round in 0..5 {
        let spec = shell("sleep 41000004 & exec sleep 41000004");
        let environment = host.spawner.launch(&spec).unwrap();
        appears("41000004");
        let dead = spawner_of(std::process::id()).expect("the spawner runs");
        kill(dead);
        assert!(gone("41000004"));
        assert_eq!(wait(&environment, Duration::from_secs(5)).unwrap().status, ExitStatus::Killed);
        drop(environment);
        // Whoever asks at this moment waits for the next one.
        assert_eq!(host.run(&shell("echo again")).stdout, "again\n", "round {round}");
        assert!(host.spawner.is_alive() && host.spawner.layers() == layers);
        assert_ne!(spawner_of(std::process::id()), Some(dead));
        assert!(cgroups(&spec.id).is_empty(), "{:?} are left", cgroups(&spec.id));
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
        assert_eq!(open, *descriptors.get_or_insert(open), "round {round}");
    }
}

#[test]
fn while_no_spawner_can_be_started_launches_are_refused_and_then_they_work_again() {
    let host = host();
    let (state, away) = (host.dir.path().join("state"), host.dir.path().join("away"));
    let break_it = || {
        std::fs::rename(&state, &away).unwrap();
        std::fs::write(&state, "").unwrap();
        kill(spawner_of(std::process::id()).unwrap());
        gone_from_sight(&host.spawner);
    };
    break_it();
    let repaired = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| host.run(&shell("echo repaired")));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!host.spawner.is_alive());
        std::fs::remove_file(&state).unwrap();
        std::fs::rename(&away, &state).unwrap();
        waiting.join().unwrap()
    });
    assert_eq!(repaired.stdout, "repaired\n");
    break_it();
    let refused = |within: Duration| {
        let asked = Instant::now();
        let error = host.spawner.launch(&shell("true")).unwrap_err();
        assert!(matches!(error, LaunchError::SpawnerGone(_)), "{error}");
        assert!(asked.elapsed() < within, "{:?}", asked.elapsed());
    };
    refused(Duration::from_secs(4));
    // It was tried often enough: until it is tried again, nobody waits.
    std::thread::sleep(Duration::from_secs(2));
    refused(Duration::from_millis(500));
    assert!(!host.spawner.is_alive());
}

fn gone_from_sight(spawner: &sandbox::Spawner) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while spawner.is_alive() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_spawner_that_hangs_is_ended_and_replaced() {
    let host = host();
    let environment = host.spawner.launch(&shell("exec sleep 41000006")).unwrap();
    appears("41000006");
    let hanging = spawner_of(std::process::id()).unwrap();
    signal(hanging, rustix::process::Signal::STOP);
    assert_eq!(host.run(&shell("echo patient")).stdout, "patient\n");
    assert!(gone("41000006"));
    assert_eq!(wait(&environment, Duration::from_secs(5)).unwrap().status, ExitStatus::Killed);
    assert_ne!(spawner_of(std::process::id()), Some(hanging));
}

fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn spawner_of(parent: u32) -> Option<u32> {
    crate::support::processes()
        .find(|(pid, command)| {
            command.starts_with("fastness-spawner")
                && std::fs::read_to_string(format!("/proc/{pid}/status"))
                    .is_ok_and(|status| status.contains(&format!("\nPPid:\t{parent}\n")))
        })
        .map(|(pid, _)| pid)
}

/// The id of an environment of the platform that is killed.
const KILLED: &str = "of-a-killed-platform";

/// A platform in a process of its own, for the test below to kill.
#[test]
fn platform_process() {
    if std::env::args_os().next().is_none_or(|name| name != "test-platform") {
        return;
    }
    let host = host();
    let mut running = shell("sleep 41000005 & exec sleep 41000005");
    running.id = KILLED.to_owned();
    let _running = host.spawner.launch(&running).unwrap();
    let frozen = host.spawner.launch(&shell("exec sleep 41000005")).unwrap();
    frozen.freeze().unwrap();
    println!("platform ready");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn killing_the_platform_leaves_no_orphan_not_even_a_frozen_one() {
    let mut platform = Command::new("/proc/self/exe")
        .arg0("test-platform")
        .args(["lifetime::platform_process", "--exact", "--nocapture", "--test-threads=1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(platform.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("platform ready")));
    appears("sleep 41000005");
    assert!(!cgroups(KILLED).is_empty());
    platform.kill().unwrap();
    platform.wait().unwrap();
    assert!(gone("sleep 41000005"));
    // The spawner outlives its server by a moment, to clear away what nobody else would before the next start.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !cgroups(KILLED).is_empty() {
        assert!(Instant::now() < deadline, "{:?} are left", cgroups(KILLED));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_next_platform_removes_the_cgroups_of_a_dead_one() {
    let host = host();
    let spec = shell("sleep 30");
    let environment = host.spawner.launch(&spec).unwrap();
    kill(spawner_of(std::process::id()).unwrap());
    wait(&environment, Duration::from_secs(5)).unwrap();
    let stale = cgroups(&spec.id);
    let next = crate::support::host();
    for dir in stale {
        assert!(!Path::new(&dir).exists() || reused(&next, &dir), "{dir} is left");
    }
}

/// Other tests run at the same time: a folder of that name may be another platform's by now.
fn reused(_: &crate::support::Host, dir: &str) -> bool {
    std::fs::read_to_string(Path::new(dir).join("cgroup.procs")).is_ok_and(|processes| !processes.is_empty())
}

#[test]
fn an_environment_that_crashes_leaves_its_place_clean() {
    let host = host();
    for round in 0..30 {
        let mut spec = shell("echo x > /tmp/trace; ls /tmp; kill -9 $$");
        spec.id = "same".to_owned();
        let mut environment = launch_when_free(&host, &spec, round);
        let stdout = crate::support::drain(environment.take_stdout().unwrap());
        assert_eq!(wait(&environment, Duration::from_secs(5)).unwrap().status, ExitStatus::Signal(9));
        assert_eq!(stdout.join().unwrap(), "trace\n");
    }
}

/// An id is free again a moment after its environment was dropped.
fn launch_when_free(
    host: &crate::support::Host,
    spec: &sandbox::EnvironmentSpec,
    round: u32,
) -> sandbox::Environment {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match host.spawner.launch(spec) {
            Ok(environment) => return environment,
            Err(error) => assert!(Instant::now() < deadline, "round {round}: {error}"),
        }
    }
}

#[test]
fn many_threads_may_launch_at_once() {
    let host = host();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let spawner = host.spawner.clone();
            std::thread::spawn(move || {
                for round in 0..10 {
                    let mut spec = shell("exit 5");
                    spec.id = format!("m{thread}-{round}");
                    let environment = spawner.launch(&spec).unwrap();
                    assert_eq!(environment.wait().unwrap().status, ExitStatus::Code(5));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_program_that_is_no_spawner_is_an_error_not_a_hang() {
    let dir = tempfile::tempdir().unwrap();
    // Leads to a test that does nothing, so that the process ends without a word.
    let options = SpawnerOptions::for_test(dir.path(), "lifetime::platform_process");
    assert!(matches!(sandbox::Spawner::start(options), Err(StartError::Process(_))));
}
