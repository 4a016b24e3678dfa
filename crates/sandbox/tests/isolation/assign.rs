//! Environments that are made before it is known what for: assigned once, to files and limits, and nothing else.

use std::time::Duration;

use sandbox::{Assignment, Bind, CpuShare, EnvironmentSpec, ExitStatus, Program};

use crate::support::{drain, host, shell, wait};

fn assignment(bind: Bind) -> Assignment {
    Assignment { binds: vec![bind], memory_mib: 256, cpu: CpuShare::for_memory(256), program: None }
}

#[test]
fn an_assignment_brings_files_that_cannot_be_written_and_happens_once() {
    let host = host();
    let mut spec = shell(
        "while ! test -e /var/task/name; do sleep 0.01; done; cd /var/task; cat name; \
         echo x > name || echo refused; ls /proc/self/fd | wc -l",
    );
    spec.awaits_assignment = true;
    let mut environment = host.spawner.launch(&spec).unwrap();
    let (stdout, stderr) =
        (drain(environment.take_stdout().unwrap()), drain(environment.take_stderr().unwrap()));
    let assignment = assignment(host.package("one", &[("name", "orders\n")]));
    environment.assign(&assignment).unwrap();
    assert!(environment.assign(&assignment).is_err(), "a second assignment");
    assert!(wait(&environment, Duration::from_secs(10)).is_some());
    let text = stdout.join().unwrap();
    assert!(text.starts_with("orders\nrefused\n"), "{text} {}", stderr.join().unwrap());
}

#[test]
fn assignments_do_not_meet() {
    let host = host();
    let script = "while ! test -e /var/task/name; do sleep 0.01; done; cat /var/task/name; ls /var/task";
    let environments: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .map(|name| {
            let mut spec = shell(script);
            spec.awaits_assignment = true;
            let mut environment = host.spawner.launch(&spec).unwrap();
            let stdout = drain(environment.take_stdout().unwrap());
            (name, environment, stdout)
        })
        .collect();
    for (name, environment, _) in &environments {
        environment.assign(&assignment(host.package(name, &[("name", name), (name, "")]))).unwrap();
    }
    for (name, environment, stdout) in environments {
        assert!(wait(&environment, Duration::from_secs(10)).is_some());
        assert_eq!(stdout.join().unwrap(), format!("{name}{name}\nname\n"));
    }
}

#[test]
fn who_attached_files_is_back_where_it_was_before_the_next_environment() {
    let host = host();
    let mut spec = shell("sleep 60");
    spec.awaits_assignment = true;
    let parked = host.spawner.launch(&spec).unwrap();
    parked.assign(&assignment(host.package("one", &[("name", "one's\n")]))).unwrap();
    // Another place to bind at: its root is built from the host's files, and its package is named by the host's path.
    let mut other =
        shell("cat /opt/name; ls /var/task; cat /etc/hostname; test -x /usr/bin/env && echo programs");
    let package = host.package("other", &[("name", "other's\n")]);
    other.binds.push(Bind::new(package.host, "/opt"));
    let mut environment = host.spawner.launch(&other).unwrap();
    let stdout = drain(environment.take_stdout().unwrap());
    assert!(wait(&environment, Duration::from_secs(10)).is_some());
    assert_eq!(stdout.join().unwrap(), "other's\nsandbox\nprograms\n");
}

#[test]
fn what_was_not_made_for_it_or_makes_no_sense_is_refused() {
    let host = host();
    let good = assignment(host.package("one", &[("name", "x")]));
    let ordinary = host.spawner.launch(&shell("sleep 60")).unwrap();
    assert!(ordinary.assign(&good).is_err(), "an environment that awaits nothing");
    let mut spec = shell("sleep 60");
    spec.awaits_assignment = true;
    let parked = host.spawner.launch(&spec).unwrap();
    let over = |inside: &str| assignment(Bind::new(host.dir.path(), inside));
    for bad in
        [over("/proc/1"), over("/tmp/x"), over("/var/../etc"), Assignment { memory_mib: 0, ..good.clone() }]
    {
        assert!(parked.assign(&bad).is_err(), "{bad:?}");
    }
    parked.assign(&good).unwrap();
}

#[test]
fn memory_acts_as_assigned() {
    let host = host();
    let program = "import os, time\n\
        while not os.path.exists('/var/task/name'): time.sleep(0.01)\n\
        held = bytearray(150 << 20); print(len(held) >> 20, flush=True)\n\
        more = bytearray(200 << 20); time.sleep(10); print('too much')";
    let mut spec = crate::support::python(program);
    spec.awaits_assignment = true;
    spec.memory_mib = 64;
    let mut environment = host.spawner.launch(&spec).unwrap();
    let stdout = drain(environment.take_stdout().unwrap());
    environment.assign(&assignment(host.package("one", &[("name", "x")]))).unwrap();
    let exit = wait(&environment, Duration::from_secs(20)).unwrap();
    assert_eq!((stdout.join().unwrap().as_str(), exit.oom_killed), ("150\n", true));
}

/// An environment without a program.
fn empty(id: &str) -> EnvironmentSpec {
    let mut spec = EnvironmentSpec::new(id, Vec::new());
    spec.working_dir = "/".into();
    (spec.awaits_assignment, spec.awaits_program) = (true, true);
    spec
}

fn program(script: &str) -> Option<Program> {
    Some(Program {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("SECRET".into(), "s".repeat(60_000))],
        working_dir: "/var/task".into(),
    })
}

#[test]
fn a_program_comes_with_the_assignment_and_finds_its_files_and_no_rights() {
    let host = host();
    let mut environment = host.spawner.launch(&empty("empty-1")).unwrap();
    let stdout = drain(environment.take_stdout().unwrap());
    let mut order = assignment(host.package("one", &[("name", "orders\n")]));
    order.program =
        program("cat name; pwd; echo ${#SECRET}; cat /proc/self/status; ls /proc/self/fd | wc -l; exit 6");
    environment.assign(&order).unwrap();
    assert!(environment.assign(&order).is_err(), "a second assignment");
    let exit = wait(&environment, Duration::from_secs(10)).expect("it ends");
    assert_eq!(exit.status, ExitStatus::Code(6));
    let text = stdout.join().unwrap();
    assert!(text.starts_with("orders\n/var/task\n60000\n"), "{text}");
    for line in ["Seccomp:\t2", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Uid:\t993\t993\t993\t993"] {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
    // Standard input, output and error, and the folder that is being listed.
    assert!(text.ends_with("\n4\n"), "{text}");
}

#[test]
fn a_program_goes_to_whom_awaits_one_and_a_bad_one_is_an_error() {
    let host = host();
    let bind = || host.package("one", &[("name", "x")]);
    let waiting = host.spawner.launch(&empty("empty-2")).unwrap();
    assert!(waiting.assign(&assignment(bind())).is_err(), "no program");
    let mut running = shell("sleep 60");
    running.awaits_assignment = true;
    let running = host.spawner.launch(&running).unwrap();
    let mut order = assignment(bind());
    order.program = program("true");
    assert!(running.assign(&order).is_err(), "two programs");
    let waiting = host.spawner.launch(&empty("empty-3")).unwrap();
    if let Some(program) = &mut order.program {
        program.argv[0] = "/nonexistent".to_owned();
    }
    let error = waiting.assign(&order).unwrap_err().to_string();
    assert!(error.contains("execute the program"), "{error}");
    assert!(!format!("{order:?}").contains("ssss"), "{order:?}");
}
