//! What the kernel says of a process: CPU time and memory.

use std::time::Duration;

use crate::Error;

/// User and system time of a process so far.
pub(crate) fn time(pid: u32) -> Result<Duration, Error> {
    Ok(ticks(&std::fs::read_to_string(format!("/proc/{pid}/stat"))?))
}

/// The same of those of its threads whose name starts so.
pub(crate) fn time_of_threads(pid: u32, name: &str) -> Result<Duration, Error> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"))?.flatten();
    let told = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    let named = |stat: &String| stat.split_once('(').is_some_and(|(_, rest)| rest.starts_with(name));
    Ok(told.filter(named).map(|stat| ticks(&stat)).sum())
}

/// What a process gave the kernel to write so far, to files and sockets.
pub(crate) fn written_bytes(pid: u32) -> Result<u64, Error> {
    let told = std::fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = told.lines().find_map(|line| line.strip_prefix("wchar: "));
    Ok(line.ok_or("the kernel does not tell what is written")?.trim().parse()?)
}

fn ticks(stat: &str) -> Duration {
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0));
    let both = ticks.next().unwrap_or(0) + ticks.next().unwrap_or(0);
    // The kernel counts in hundredths of a second on every platform that we run on.
    Duration::from_millis(both * 10)
}

/// Memory that belongs to the process alone or is shared in proportion, in MiB.
pub(crate) fn memory_mib(pid: u32) -> Result<f64, Error> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default();
    let kib: f64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(kib / 1024.0)
}

/// The processes whose parent this is, whichever of its threads started them.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let listed = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let listed: Vec<String> = listed.collect();
    listed.iter().flat_map(|line| line.split_whitespace()).filter_map(|child| child.parse().ok()).collect()
}
