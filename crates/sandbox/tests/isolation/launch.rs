//! What an ordinary program finds: its files, its doors, its output, its end.

use std::io::{Read, Write};
use std::time::Duration;

use sandbox::{ExitStatus, RUNTIME_API_PORT};

use crate::support::{drain, host, python, shell, wait};

#[test]
fn all_essential_layers_are_active_here() {
    let host = host();
    for layer in host.spawner.layers().iter() {
        assert!(layer.active || !layer.essential, "{layer:?}");
    }
}

#[test]
fn a_program_runs_and_its_output_and_exit_code_arrive() {
    let outcome = host().run(&shell("echo out; echo err >&2; exit 7"));
    assert_eq!(outcome.exit.status, ExitStatus::Code(7), "{outcome:?}");
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\n", "err\n"));
    assert!(!outcome.exit.oom_killed);
}

#[test]
fn a_signal_is_reported_as_one() {
    let outcome = host().run(&shell("kill -SEGV $$"));
    assert_eq!(outcome.exit.status, ExitStatus::Signal(11), "{outcome:?}");
}

#[test]
fn a_python_process_reaches_its_doors() {
    let host = host();
    let mut spec = python(
        "import socket\ns = socket.create_connection(('127.0.0.1', 9001))\ns.sendall(b'next')\nprint(s.recv(99).decode())",
    );
    spec.doors = vec![RUNTIME_API_PORT];
    let mut environment = host.spawner.launch(&spec).unwrap();
    let stdout = drain(environment.take_stdout().unwrap());
    let stderr = drain(environment.take_stderr().unwrap());
    let listeners = environment.take_listeners();
    let (mut connection, _) = listeners[0].accept().unwrap();
    let mut request = [0; 4];
    connection.read_exact(&mut request).unwrap();
    connection.write_all(b"invocation").unwrap();
    drop(connection);
    let exit = wait(&environment, Duration::from_secs(10)).unwrap();
    assert_eq!(exit.status, ExitStatus::Code(0), "{}", stderr.join().unwrap());
    assert_eq!((&request, stdout.join().unwrap().as_str()), (b"next", "invocation\n"));
}
