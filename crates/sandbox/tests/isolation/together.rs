//! What environments take together, and what they learn of each other by the files that they share.

use std::path::{Path, PathBuf};

use crate::support::{host, python, shell};

/// The folder of an environment's spawner in the hierarchy that counts processes.
fn group_of(id: &str) -> PathBuf {
    let found = std::process::Command::new("find")
        .args(["/sys/fs/cgroup", "-type", "d", "-path", "*fastness-*", "-name", id])
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let group =
        found.lines().filter_map(|dir| Path::new(dir).parent()).find(|dir| dir.join("pids.max").exists());
    group.expect("a folder that counts processes").to_owned()
}

fn number(path: impl AsRef<Path>) -> u64 {
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

const FORKS: &str = "import os, time\n\
    made = 0\n\
    try:\n\
    \x20   for _ in range(40):\n\
    \x20       if os.fork() == 0: time.sleep(60)\n\
    \x20       made += 1\n\
    except OSError: pass\n\
    print(made, flush=True)\n";

#[test]
fn environments_together_have_fewer_processes_than_the_host_can() {
    let host = host();
    let environment = host.spawner.launch(&shell("exec sleep 60")).unwrap();
    let group = group_of(environment.id());
    let (max, host_max) = (number(group.join("pids.max")), number("/proc/sys/kernel/pid_max"));
    assert!(0 < max && max <= host_max / 2, "{max} of {host_max}");
    let layers = host.spawner.layers();
    let told = layers.iter().find(|layer| layer.name == "cgroup-pids").unwrap();
    assert!(told.detail.ends_with(&format!(", {max} processes and threads together")), "{told:?}");
    // It is held there, whatever an environment's own limit is.
    std::fs::write(group.join("pids.max"), (number(group.join("pids.current")) + 20).to_string()).unwrap();
    let outcome = host.run(&python(FORKS));
    let made: u64 = outcome.stdout.trim().parse().unwrap();
    assert!((1..20).contains(&made), "{outcome:?}");
}

#[test]
fn the_time_of_access_to_a_shared_file_tells_nothing() {
    let host = host();
    let bind = host.package("shared", &[("module.py", "secret = 1\n")]);
    let file = host.dir.path().join("shared/module.py");
    let look = |program: &str| {
        let mut spec = python(program);
        spec.binds.push(bind.clone());
        let outcome = host.run(&spec);
        assert_eq!(outcome.stderr, "");
        outcome.stdout
    };
    let times = "import os; print(os.stat('/var/task/module.py').st_atime_ns, os.stat('/var/task').st_atime_ns, \
                 os.stat('/etc/passwd').st_atime_ns, os.stat('/usr').st_atime_ns)";
    let before = look(times);
    // A neighbour reads, lists and maps what both of them see.
    look(
        "import mmap, os; open('/var/task/module.py').read(); os.listdir('/var/task'); open('/etc/passwd').read(); \
          os.listdir('/usr'); f = open('/var/task/module.py', 'rb'); mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:3]",
    );
    assert_eq!(look(times), before);
    // Such an access is noted where nothing forbids it: the file is as young as that.
    let noted = |path: &Path| std::fs::metadata(path).unwrap().accessed().unwrap();
    let unread = noted(&file);
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::read(&file).unwrap();
    assert_ne!(noted(&file), unread, "this host notes no access at all: run this where it does");
}
