//! Bombs: each ends or is contained within its own environment, and is reported for what it was.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use sandbox::{CpuShare, ExitStatus};

use crate::support::{find_process, host, python, shell, wait};

#[test]
fn a_fork_bomb_is_contained_and_dies_when_killed() {
    let host = host();
    let mut spec = python(
        "import os, time\nn = 0\n\
         while True:\n\
         \x20   try:\n\
         \x20       if os.fork() == 0: time.sleep(1000)\n\
         \x20       n += 1\n\
         \x20   except OSError as e: print(n, e.errno, flush=True); break\n\
         while True:\n\
         \x20   try: os.fork()\n\
         \x20   except OSError: pass",
    );
    spec.pids_max = 40;
    let mut environment = host.spawner.launch(&spec).unwrap();
    let mut printed = String::new();
    BufReader::new(File::from(environment.take_stdout().unwrap())).read_line(&mut printed).unwrap();
    environment.kill();
    let exit = wait(&environment, Duration::from_secs(10)).expect("every process of the bomb dies");
    assert_eq!(exit.status, ExitStatus::Killed);
    let (count, errno) = printed.trim().split_once(' ').unwrap();
    assert!(count.parse::<u32>().unwrap() < 40, "{printed}");
    assert_eq!(errno, "11");
}

#[test]
fn a_memory_bomb_is_reported_as_out_of_memory() {
    let host = host();
    let mut spec = python("x = []\nwhile True: x.append(bytearray(1 << 20))");
    spec.memory_mib = 64;
    let outcome = host.run(&spec);
    assert!(outcome.exit.oom_killed, "{outcome:?}");
    // Version 2 kills the whole group, with the init that would have told of the signal.
    assert!(matches!(outcome.exit.status, ExitStatus::Signal(9) | ExitStatus::Killed), "{outcome:?}");
    let peak = outcome.exit.memory_peak_bytes.unwrap();
    assert!((32 << 20..=64 << 20).contains(&peak), "{peak}");
}

#[test]
fn a_modest_function_is_not_out_of_memory() {
    let outcome = host().run(&python("x = bytearray(32 << 20)\nprint(len(x))"));
    assert!(!outcome.exit.oom_killed, "{outcome:?}");
    assert!(outcome.exit.memory_peak_bytes.unwrap() > 32 << 20);
}

#[test]
fn tmp_is_full_at_its_limit_of_bytes_and_of_inodes() {
    let host = host();
    let mut spec = python(
        "import os\n\
         try: open('/tmp/big', 'wb').write(bytes(9 << 20))\n\
         except OSError as e: print(e.errno)\n\
         os.unlink('/tmp/big')\n\
         n = 0\n\
         try:\n\
         \x20   while True: open('/tmp/%d' % n, 'w').close(); n += 1\n\
         except OSError as e: print(n < 64, e.errno)",
    );
    spec.tmp_mib = 8;
    spec.tmp_inodes = 64;
    let outcome = host.run(&spec);
    assert_eq!(outcome.stdout, "28\nTrue 28\n", "{outcome:?}");
}

#[test]
fn descriptors_run_out_at_their_limit() {
    let host = host();
    let mut spec = python(
        "import os\nn = 0\n\
         try:\n\
         \x20   while True: os.dup(0); n += 1\n\
         except OSError as e: print(n, e.errno)",
    );
    spec.open_files_max = 64;
    let outcome = host.run(&spec);
    assert_eq!(outcome.stdout, "61 24\n", "{outcome:?}");
}

#[test]
fn pipe_buffers_count_as_memory_or_are_refused() {
    let host = host();
    let mut spec = python(
        "import os, fcntl\n\
         pipes = []\n\
         try:\n\
         \x20   while True:\n\
         \x20       r, w = os.pipe(); fcntl.fcntl(w, 1031, 1 << 20); os.set_blocking(w, False)\n\
         \x20       os.write(w, bytes(1 << 20)); pipes.append((r, w))\n\
         except OSError as e: print('refused', e.errno)",
    );
    spec.memory_mib = 64;
    let outcome = host.run(&spec);
    assert!(outcome.exit.oom_killed || outcome.stdout.starts_with("refused"), "{outcome:?}");
}

#[test]
fn a_busy_loop_is_held_to_its_ceiling() {
    let host = host();
    let mut spec = python(
        "import time\nt, used = time.monotonic(), time.process_time()\n\
         while time.monotonic() - t < 1: pass\nprint(time.process_time() - used)",
    );
    spec.cpu = CpuShare { weight_millis: 100, ceiling_millis: 200 };
    let outcome = host.run(&spec);
    let used: f64 = outcome.stdout.trim().parse().unwrap();
    assert!(used < 0.4, "{used} s of processor time in a second");
}

#[test]
fn output_that_nobody_reads_stops_its_writer_and_nobody_else() {
    let host = host();
    let environment = host.spawner.launch(&shell("yes")).unwrap();
    let outcome = host.run(&shell("echo fine"));
    assert_eq!(outcome.stdout, "fine\n");
    assert_eq!(environment.try_wait().unwrap(), None);
    environment.kill();
    assert!(wait(&environment, Duration::from_secs(5)).is_some());
}

#[test]
fn a_frozen_environment_stands_still_and_can_still_be_killed() {
    let host = host();
    let mut environment = host
        .spawner
        .launch(&python("import time\nwhile True: print(1, flush=True); time.sleep(0.005)"))
        .unwrap();
    let mut stdout = File::from(environment.take_stdout().unwrap());
    let mut read = || std::io::Read::read(&mut stdout, &mut [0; 65_536]).unwrap();
    assert!(read() > 0);
    environment.freeze().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let marker = find_process("print(1, flush=True)").expect("it lives");
    let cpu = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
        stat.split(' ').next().unwrap().to_owned()
    };
    let before = cpu(marker);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(cpu(marker), before);
    environment.thaw().unwrap();
    while read() == 0 {}
    environment.freeze().unwrap();
    let start = Instant::now();
    environment.kill();
    assert!(wait(&environment, Duration::from_secs(5)).is_some());
    assert!(start.elapsed() < Duration::from_secs(2));
}
