//! What must be refused, tried from inside with C and Python.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sandbox::{Bind, EnvironmentSpec, ExitStatus, RUNTIME_API_PORT};

use crate::support::{Host, drain, host, python, shell, spec, wait};

/// Compiles the probes; a host without a C compiler cannot say that they are refused.
fn compile(host: &Host) -> PathBuf {
    let package = host.dir.path().join("probes");
    std::fs::create_dir_all(&package).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/isolation/probes.c");
    let compiled = Command::new("cc").arg("-o").arg(package.join("probe")).arg(source).status();
    assert!(compiled.expect("the probes need a C compiler called cc").success());
    package
}

fn probe_spec(host: &Host) -> EnvironmentSpec {
    let package = compile(host);
    std::fs::copy(package.join("probe"), package.join("suid")).unwrap();
    std::fs::set_permissions(package.join("suid"), PermissionsExt::from_mode(0o6755)).unwrap();
    let mut spec = spec(&["/var/task/probe"]);
    spec.binds = vec![Bind::new(package, "/var/task")];
    spec
}

#[test]
fn every_probe_in_c_is_refused() {
    let host = host();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("fastness-test-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let mut spec = probe_spec(&host);
    let port = service.local_addr().unwrap().port().to_string();
    spec.environment.extend([("HOST_PORT".to_owned(), port), ("HOST_ABSTRACT".to_owned(), name)]);
    let outcome = host.run(&spec);
    assert_eq!(outcome.exit.status, ExitStatus::Code(0), "{outcome:?}");
    println!("{}", outcome.stdout);
    let results: BTreeMap<&str, &str> =
        outcome.stdout.lines().filter_map(|line| line.split_once(' ')).collect();
    let count = outcome.stdout.lines().filter(|line| !line.ends_with(" probes")).count();
    assert!(
        outcome.stdout.ends_with(&format!("{count} probes\n")),
        "some probe said nothing: {}",
        outcome.stdout
    );
    assert!(count > 100, "{count}");
    let granted: Vec<_> = results.iter().filter(|(_, result)| **result == "GRANTED").collect();
    assert_eq!(granted, Vec::<(&&str, &&str)>::new());
    // A refusal for the wrong reason would be one by accident.
    for (probe, expected) in [
        ("unshare_user", "refused 1"),
        ("clone_user", "refused 1"),
        ("mount_tmpfs", "refused 1"),
        ("clone3_user", "refused 38"),
        ("io_uring", "refused 38"),
        ("raw_socket", "refused 97"),
        ("netlink_socket", "refused 97"),
        ("vsock_socket", "refused 97"),
        ("call_int80", "killed 31"),
        ("call_x32", "killed 31"),
        ("write_package", "refused 30"),
        ("metadata_service", "refused 101"),
        ("internet", "refused 101"),
        ("host_port", "refused 111"),
        ("open_sys", "refused 2"),
        ("open_core_pattern", "refused 2"),
    ] {
        if probe.starts_with("call_") && !cfg!(target_arch = "x86_64") {
            continue;
        }
        assert_eq!(results.get(probe), Some(&expected), "{probe}");
    }
}

#[test]
fn a_function_has_no_rights_at_all() {
    let outcome = host().run(&shell("cat /proc/self/status; id"));
    for line in [
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "Uid:\t993\t993\t993\t993",
        "Gid:\t990\t990\t990\t990",
    ] {
        assert!(outcome.stdout.contains(line), "{line} is missing: {outcome:?}");
    }
    assert!(outcome.stdout.contains("Groups:\t \n") || outcome.stdout.contains("Groups:\t\n"), "{outcome:?}");
    assert!(outcome.stdout.contains("uid=993(sbx_user1051) gid=990(sbx_user1051)"), "{outcome:?}");
}

#[test]
fn only_three_descriptors_and_only_the_given_variables_arrive() {
    let host = host();
    // Something of the server's that must not leak: an open file and a variable.
    let _secret = std::fs::File::open("/etc/hostname").unwrap();
    let code = "import os\nprint(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:3])\n\
        fds = [f for f in range(3, 1024) if os.path.exists('/proc/self/fd/%d' % f)]\nprint(fds)\n\
        print(sorted(os.environ))\nprint(os.readlink('/proc/self/fd/0'))";
    let outcome = host.run(&python(code));
    assert_eq!(outcome.stdout, "[0, 1, 2]\n[]\n['LC_CTYPE', 'PATH']\n/dev/null\n", "{outcome:?}");
}

#[test]
fn the_host_cannot_be_seen() {
    let script = "ls -a /; ls /dev; ls /etc; ls -a /proc | grep -v '^[0-9]*$'; ls -d /proc/[0-9]*; cat /proc/self/cgroup; hostname; ls /root /home /work /mnt 2>&1; cat /proc/1/cmdline 2>&1";
    let host = host();
    let outcome = host.run(&shell(script));
    let state = host.dir.path().display().to_string();
    for hidden in [state.as_str(), "fastness", "process_api", "ext4", "/dev/vda", "shadow", "kcore", "sda"] {
        assert!(!outcome.stdout.contains(hidden), "{hidden} is visible: {}", outcome.stdout);
    }
    let root: Vec<&str> = outcome.stdout.lines().take_while(|line| *line != "null").collect();
    for absent in ["home", "root", "sys", "boot", "mnt", "work", "srv"] {
        assert!(!root.contains(&absent), "/{absent}: {root:?}");
    }
    assert!(outcome.stdout.contains("\nsandbox\n"), "{}", outcome.stdout);
    // Init is another user's: with the processes of others hidden it does not even appear.
    assert!(!outcome.stdout.contains("/proc/1\n"), "{}", outcome.stdout);
}

#[test]
fn devices_are_five_and_work() {
    let script = "echo x > /dev/null && head -c 4 /dev/zero | od -An -tx1 && head -c 1 /dev/urandom | wc -c && \
        (echo x > /dev/full || echo full) 2>/dev/null && echo out > /dev/stdout && echo err > /dev/stderr; ls /dev";
    let outcome = host().run(&shell(script));
    let devices = "fd\nfull\nnull\nrandom\nstderr\nstdin\nstdout\nurandom\nzero\n";
    assert_eq!(outcome.stdout, format!(" 00 00 00 00\n1\nfull\nout\n{devices}"), "{outcome:?}");
    assert_eq!(outcome.stderr, "err\n");
}

#[test]
fn nothing_but_tmp_can_be_written() {
    let code = "import os\nwritable = []\n\
        for top, dirs, files in os.walk('/'):\n\
        \x20   if top.startswith(('/proc', '/tmp', '/usr/share', '/usr/lib', '/usr/include')): dirs[:] = []; continue\n\
        \x20   try: f = open(os.path.join(top, 'probe'), 'w'); writable.append(top)\n\
        \x20   except OSError: pass\n\
        print(writable)\nopen('/tmp/x', 'w').write('x')\nprint(oct(os.stat('/tmp/x').st_mode), os.stat('/tmp/x').st_uid)";
    let outcome = host().run(&python(code));
    assert_eq!(outcome.stdout, "[]\n0o100644 993\n", "{outcome:?}");
}

#[test]
fn two_environments_share_nothing() {
    let host = host();
    let mut one = shell("echo secret > /tmp/secret; sleep 30");
    one.doors = vec![RUNTIME_API_PORT];
    let environment = host.spawner.launch(&one).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let code = "import os, socket\nprint(os.listdir('/tmp'), len([p for p in os.listdir('/proc') if p.isdigit()]))\n\
        try: socket.create_connection(('127.0.0.1', 9001), 1); print('connected')\n\
        except OSError as e: print(e.errno)";
    let mut two = python(code);
    two.doors = Vec::new();
    let outcome = host.run(&two);
    assert_eq!(outcome.stdout, "[] 1\n111\n", "{outcome:?}");
    drop(environment);
}

#[test]
fn environments_have_different_users_on_the_host() {
    let host = host();
    let spec = |marker: &str| shell(&format!("exec sleep {marker}"));
    let (one, two) = ("31536001", "31536002");
    let environments = [host.spawner.launch(&spec(one)).unwrap(), host.spawner.launch(&spec(two)).unwrap()];
    let uid = |marker: &str| {
        let pid = crate::support::appears(marker);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("Uid:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u32>().unwrap()
    };
    let uids = (uid(one), uid(two));
    assert!(uids.0 >= 0x7000_0000 && uids.1 >= 0x7000_0000 && uids.0 != uids.1, "{uids:?}");
    drop(environments);
}

#[test]
fn a_door_of_one_environment_is_not_reachable_from_the_host() {
    let host = host();
    let mut spec = shell("sleep 30");
    spec.doors = vec![39_001];
    let mut environment = host.spawner.launch(&spec).unwrap();
    assert_eq!(environment.take_listeners().len(), 1);
    assert!(std::net::TcpStream::connect("127.0.0.1:39001").is_err());
}

#[test]
fn a_function_cannot_take_over_a_door() {
    let code = "import socket\nfor option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):\n\
        \x20   s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, option, 1)\n\
        \x20   try: s.bind(('127.0.0.1', 9001)); s.listen(); print('bound')\n\
        \x20   except OSError as e: print(e.errno)";
    let outcome = host().run(&python(code));
    assert_eq!(outcome.stdout, "98\n98\n", "{outcome:?}");
}

#[test]
fn ordinary_programs_still_work() {
    let code = "import subprocess, threading, socket, ssl, hashlib, tempfile, sqlite3, asyncio, concurrent.futures, os\n\
        print(subprocess.run(['/bin/echo', 'child'], capture_output=True, text=True).stdout.strip())\n\
        t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n\
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n\
        c = socket.create_connection(s.getsockname()); print('loopback')\n\
        a, b = socket.socketpair(); a.send(b'pair'); print(b.recv(9).decode())\n\
        u = socket.socket(socket.AF_UNIX); u.bind('\\0abstract'); print('abstract')\n\
        print(asyncio.run(asyncio.sleep(0, 'async')))\n\
        print(list(concurrent.futures.ThreadPoolExecutor(2).map(str, [1, 2])))\n\
        d = sqlite3.connect('/tmp/db'); d.execute('create table t(a)'); d.commit(); print('sqlite')\n\
        print(len(ssl.create_default_context().get_ca_certs()) > 10, os.cpu_count() > 0)";
    let outcome = host().run(&python(code));
    let expected = "child\nthread\nloopback\npair\nabstract\nasync\n['1', '2']\nsqlite\nTrue True\n";
    assert_eq!(outcome.stdout, expected, "{outcome:?}");
}

#[test]
fn a_program_that_does_not_exist_is_a_refusal_with_its_reason() {
    let host = host();
    for (argv, stage) in
        [("/nonexistent", "execute the program"), ("/var/task/probe.c", "execute the program")]
    {
        let error = host.spawner.launch(&spec(&[argv])).unwrap_err().to_string();
        assert!(error.contains(stage), "{error}");
    }
    let mut wrong = shell("true");
    wrong.working_dir = "/nonexistent".into();
    assert!(host.spawner.launch(&wrong).unwrap_err().to_string().contains("working directory"));
    wrong = shell("true");
    wrong.binds = vec![Bind::new("/nonexistent/host", "/var/task")];
    assert!(host.spawner.launch(&wrong).unwrap_err().to_string().contains("root image"));
    // And the next one is made as if nothing had happened.
    let mut environment = host.spawner.launch(&shell("echo fine")).unwrap();
    let stdout = drain(environment.take_stdout().unwrap());
    assert!(wait(&environment, Duration::from_secs(5)).is_some());
    assert_eq!(stdout.join().unwrap(), "fine\n");
}

#[test]
fn an_id_lives_once() {
    let host = host();
    let spec = shell("sleep 30");
    let environment = host.spawner.launch(&spec).unwrap();
    assert!(host.spawner.launch(&spec).unwrap_err().to_string().contains("lives already"));
    drop(environment);
}

#[test]
fn landlock_holds_one_layer_over_the_function() {
    let host = host();
    if !host.spawner.layers().iter().any(|layer| layer.name == "landlock" && layer.active) {
        return; // reported as missing, and not essential
    }
    // The kernel stacks sixteen layers; one of them is ours.
    let code = "import ctypes\nsyscall = ctypes.CDLL(None).syscall\nattribute = ctypes.create_string_buffer(b'\\x01' + bytes(7))\n\
        layers = 0\n\
        while True:\n\
        \x20   ruleset = syscall(444, attribute, 8, 0)\n\
        \x20   if ruleset < 0 or syscall(446, ruleset, 0) != 0: break\n\
        \x20   layers += 1\nprint(layers)";
    assert_eq!(host.run(&python(code)).stdout, "15\n");
}
