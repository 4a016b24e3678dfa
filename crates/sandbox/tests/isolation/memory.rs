//! What counts as an environment's memory and what does not: files in `/tmp` do not, everything else does.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use rustix::fs::Advice;
use sandbox::{Bind, EnvironmentSpec, Exit, Spawner, SpawnerOptions};

use crate::support::{Host, host, python, wait};

const MIB: u64 = 1 << 20;

/// What has room for the interpreter and 80 MiB besides.
fn small(program: &str) -> EnvironmentSpec {
    let mut spec = python(&format!("import os, mmap, time\nM = bytes(1 << 20)\n{program}"));
    spec.memory_mib = 96;
    spec.tmp_mib = 512;
    spec
}

const FILL: &str = "def fill(path, n):\n\
    \x20   with open(path, 'wb', buffering=0) as f:\n\
    \x20       for _ in range(n): f.write(M)\n";

/// Has to be ended before it has waited to its end.
fn assert_ended(host: &Host, program: &str) -> Exit {
    let outcome = host.run(&small(&format!("{FILL}{program}\ntime.sleep(20); print('survived')")));
    assert!(outcome.exit.oom_killed && outcome.stdout.is_empty(), "{program}: {outcome:?}");
    outcome.exit
}

#[test]
fn what_stands_in_tmp_is_no_memory_of_the_function() {
    let host = host();
    let outcome = host.run(&small(&format!(
        "{FILL}fill('/tmp/a', 200)\nheld = bytearray(40 << 20)\nfill('/tmp/b', 200)\ntime.sleep(0.1)\n\
         with open('/tmp/a', 'r+b') as f: mmap.mmap(f.fileno(), 0)[-1]\nprint(os.statvfs('/tmp').f_bfree >> 8)"
    )));
    assert!(!outcome.exit.oom_killed, "{outcome:?}");
    assert_eq!(outcome.stdout, "112\n", "{outcome:?}");
    let peak = outcome.exit.memory_peak_bytes.unwrap();
    assert!((40 * MIB..80 * MIB).contains(&peak), "{peak}");
}

#[test]
fn more_than_the_memory_ends_it_whatever_stands_in_tmp() {
    let host = host();
    let exit = assert_ended(&host, "held = bytearray(150 << 20)");
    assert_eq!(exit.memory_peak_bytes, Some(96 * MIB));
    assert_ended(&host, "fill('/tmp/a', 300)\nheld = bytearray(150 << 20)");
    assert_ended(&host, "fill('/tmp/a', 512)\nheld = bytearray(150 << 20)");
    assert_ended(&host, "fill('/tmp/a', 200)\nos.unlink('/tmp/a')\nheld = bytearray(150 << 20)");
}

#[test]
fn memory_that_is_shared_but_no_file_of_tmp_counts() {
    let host = host();
    assert_ended(&host, "fill('/proc/self/fd/%d' % os.memfd_create('x'), 150)");
    assert_ended(&host, "fill('/tmp/a', 300)\nf = os.memfd_create('x')\nfor _ in range(150): os.write(f, M)");
    assert_ended(&host, "m = mmap.mmap(-1, 150 << 20)\nfor at in range(0, len(m), 4096): m[at] = 1");
}

#[test]
fn memory_does_not_pass_for_files_that_are_removed_meanwhile() {
    // The sum of both stays the same all the time.
    assert_ended(
        &host(),
        "held = []\n\
         for n in range(150): fill('/tmp/%d' % n, 1)\n\
         for n in range(150): os.unlink('/tmp/%d' % n); held.append(bytearray(1 << 20)); time.sleep(0.001)",
    );
}

/// A file of this many MiB, which nobody has in memory.
fn cold(host: &Host, mib: u64) -> Bind {
    let bind = host.package("large", &[]);
    let mut file = File::create(bind.host.join("file")).unwrap();
    for _ in 0..mib {
        file.write_all(&vec![1; 1 << 20]).unwrap();
    }
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    bind
}

#[test]
fn copies_of_files_that_can_be_read_again_end_nothing() {
    let host = host();
    let mut spec = small(
        "with open('/var/task/file', 'rb') as f:\n\
         \x20   n = sum(len(piece) for piece in iter(lambda: f.read(1 << 20), b''))\n\
         time.sleep(0.2); print(n >> 20)",
    );
    spec.binds.push(cold(&host, 300));
    let outcome = host.run(&spec);
    assert_eq!((outcome.stdout.as_str(), outcome.exit.oom_killed), ("300\n", false), "{outcome:?}");
}

/// Names that are not there are remembered: as long as these are, by some 700 bytes each. Nobody asked for these before.
const ASK_FOR_ABSENT_NAMES: &str = "name = '/usr/lib/' + os.urandom(120).hex() + '-%d'\n\
    for n in range(60000):\n\
    \x20   try: os.stat(name % n)\n\
    \x20   except OSError: pass\n\
    time.sleep(0.1); print('done')";

/// What has less memory than these names take.
fn smaller(program: &str) -> EnvironmentSpec {
    EnvironmentSpec { memory_mib: 32, ..small(program) }
}

#[test]
fn what_the_kernel_keeps_and_can_give_back_ends_nothing() {
    let host = host();
    let outcome = host.run(&smaller(ASK_FOR_ABSENT_NAMES));
    assert_eq!((outcome.stdout.as_str(), outcome.exit.oom_killed), ("done\n", false), "{outcome:?}");
    assert_eq!(outcome.exit.memory_peak_bytes, Some(32 * MIB), "more than its memory was remembered");
}

#[test]
fn what_the_kernel_keeps_is_given_back_where_copies_of_files_could_be_given_instead() {
    let host = host();
    let mut spec = smaller(&format!(
        "with open('/var/task/file', 'rb') as f:\n\
         \x20   while f.read(1 << 20): pass\n\
         {ASK_FOR_ABSENT_NAMES}"
    ));
    spec.binds.push(cold(&host, 300));
    let outcome = host.run(&spec);
    assert_eq!((outcome.stdout.as_str(), outcome.exit.oom_killed), ("done\n", false), "{outcome:?}");
}

#[test]
fn what_was_frozen_is_looked_at_again_when_it_runs() {
    let host = host();
    let program = "last = time.monotonic()\n\
        while True:\n\
        \x20   now = time.monotonic()\n\
        \x20   if now - last > 0.2: break\n\
        \x20   last = now; print('here', flush=True); time.sleep(0.01)\n\
        held = bytearray(150 << 20); time.sleep(20); print('survived')";
    let mut environment = host.spawner.launch(&small(program)).unwrap();
    let mut stdout = BufReader::new(File::from(environment.take_stdout().unwrap()));
    stdout.read_line(&mut String::new()).unwrap();
    environment.freeze().unwrap();
    std::thread::sleep(Duration::from_millis(400));
    environment.thaw().unwrap();
    let exit = wait(&environment, Duration::from_secs(15)).expect("it ends");
    assert!(exit.oom_killed, "{exit:?}");
}

#[test]
fn together_they_keep_no_more_in_tmp_than_the_machine_gives() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = SpawnerOptions::for_test(dir.path().join("state"), "spawner_process");
    options.storage_mib_max = 150;
    let host = Host { spawner: Spawner::start(options).unwrap(), dir };
    let fill = |mib: u32| {
        let program = format!("{FILL}fill('/tmp/a', {mib})\nprint('full', flush=True); time.sleep(60)");
        let mut environment = host.spawner.launch(&small(&program)).unwrap();
        let mut line = String::new();
        let stdout = environment.take_stdout().unwrap();
        BufReader::new(File::from(stdout)).read_line(&mut line).unwrap();
        (environment, line)
    };
    let (small, first) = fill(150);
    let (large, _) = fill(250);
    assert_eq!(first, "full\n");
    let exit = wait(&large, Duration::from_secs(5)).expect("the one with more of it ends");
    assert!(exit.oom_killed, "{exit:?}");
    assert!(wait(&small, Duration::from_millis(300)).is_none(), "the other one goes on");
    // Who waits for nothing goes first, though it has less.
    small.freeze().unwrap();
    let (busy, line) = fill(200);
    assert_eq!(line, "full\n");
    assert!(wait(&small, Duration::from_secs(5)).is_some_and(|exit| exit.oom_killed));
    assert!(wait(&busy, Duration::from_millis(300)).is_none());
}
