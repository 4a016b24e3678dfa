//! Programs beside the function: started with it, under its limits, told apart from it when they end.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::time::{Duration, Instant};

use sandbox::{Companion, Environment, EnvironmentSpec, Exit, ExitStatus};

use crate::support::{drain, host, shell, wait};

fn beside(mut spec: EnvironmentSpec, script: &str) -> EnvironmentSpec {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    spec.companions.push(Companion { argv, without: vec!["SECRET_OF_THE_RUNTIME".to_owned()] });
    spec
}

fn first_end(environment: &Environment) -> Exit {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(exit) = environment.first_end().unwrap() {
            return exit;
        }
        assert!(Instant::now() < deadline, "nothing ended");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_companion_outlives_the_function_and_ends_the_environment_with_its_own_end() {
    let host = host();
    let mut spec = shell("echo function $SECRET_OF_THE_RUNTIME; exit 3");
    spec.environment.push(("SECRET_OF_THE_RUNTIME".to_owned(), "hidden".to_owned()));
    let spec = beside(spec, "sleep 2; echo companion $SECRET_OF_THE_RUNTIME; id -u; cat /proc/self/status");
    let mut environment = host.spawner.launch(&spec).unwrap();
    let stdout = drain(environment.take_stdout().unwrap());
    assert_eq!(first_end(&environment).status, ExitStatus::Code(3));
    assert_eq!(environment.try_wait().unwrap(), None, "the companion still runs");
    let exit = wait(&environment, Duration::from_secs(10)).expect("the companion ends");
    assert_eq!(exit.status, ExitStatus::Code(3));
    let printed = stdout.join().unwrap();
    assert!(printed.starts_with("function hidden\ncompanion\n993\n"), "{printed}");
    // Held as tightly as the function.
    for line in ["Seccomp:\t2", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(printed.contains(line), "{line} is missing: {printed}");
    }
}

#[test]
fn a_companion_that_ends_first_is_not_taken_for_the_function() {
    let host = host();
    for (script, code) in [("exit 7", 7), ("kill -9 $$", 137)] {
        let environment = host.spawner.launch(&beside(shell("sleep 41000011"), script)).unwrap();
        assert_eq!(first_end(&environment).status, ExitStatus::Companion(code));
        environment.kill();
        assert_eq!(
            wait(&environment, Duration::from_secs(5)).unwrap().status,
            ExitStatus::Companion(code),
            "what ended first stays what ended first"
        );
    }
}

#[test]
fn a_companion_that_cannot_be_executed_is_no_environment() {
    let host = host();
    let mut spec = shell("sleep 41000012");
    spec.companions.push(Companion { argv: vec!["/nonexistent".to_owned()], without: Vec::new() });
    let error = host.spawner.launch(&spec).unwrap_err().to_string();
    assert!(error.contains("execute the program"), "{error}");
}

#[test]
fn only_the_function_is_asked_to_end_and_only_it_is_killed_alone() {
    let host = host();
    let polite = "trap 'echo asked; exit 4' TERM; echo ready; while :; do sleep 0.01; done";
    let stubborn = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
    let companion = "trap 'echo companion asked' TERM HUP; sleep 41000013";
    for (script, ends_by_itself) in [(polite, true), (stubborn, false)] {
        let mut environment = host.spawner.launch(&beside(shell(script), companion)).unwrap();
        let mut stdout = BufReader::new(File::from(environment.take_stdout().unwrap()));
        let mut printed = String::new();
        stdout.read_line(&mut printed).unwrap();
        assert_eq!(printed, "ready\n");
        environment.ask_to_end();
        let expected = if ends_by_itself {
            ExitStatus::Code(4)
        } else {
            std::thread::sleep(Duration::from_millis(100));
            assert_eq!(environment.first_end().unwrap(), None);
            environment.kill_function();
            ExitStatus::Signal(9)
        };
        assert_eq!(first_end(&environment).status, expected);
        assert_eq!(environment.try_wait().unwrap(), None, "the companion still runs");
        environment.kill();
        stdout.read_to_string(&mut printed).unwrap();
        assert_eq!(printed, if ends_by_itself { "ready\nasked\n" } else { "ready\n" });
    }
}

#[test]
fn the_function_cannot_signal_its_init() {
    let host = host();
    let spec = shell("for s in 0 1 9 15; do kill -$s 1 2>/dev/null && echo sent $s; done; echo done");
    let outcome = host.run(&spec);
    assert_eq!(outcome.stdout, "done\n");
}
