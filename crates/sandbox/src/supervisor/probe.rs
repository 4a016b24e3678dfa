//! Finds out which layers this host gives, by making one environment for real.
//!
//! Believes no version number and no configuration file: what is reported as active was active a moment ago.

use super::{Member, Supervisor, launch};
use crate::layers::{self, LayerStatus};
use crate::spec::EnvironmentSpec;
use crate::sys;

/// Reports every layer but the cgroups, and settles whether environments get a `/proc`.
pub(super) fn probe(supervisor: &mut Supervisor) -> Vec<LayerStatus> {
    let mut outcome = attempt(supervisor);
    let mut proc = LayerStatus::active(layers::PROC, "own processes only");
    if let Err(problem) = &outcome
        && problem.stage.ends_with("proc")
    {
        proc = LayerStatus::missing(layers::PROC, format!("environments have no /proc: {}", problem.reason));
        supervisor.proc = false;
        outcome = attempt(supervisor);
    }
    let problem = outcome.err().map(|problem| format!("{}: {}", problem.stage, problem.reason));
    let tried = |layer, detail: &str| match &problem {
        None => LayerStatus::active(layer, detail),
        Some(problem) => LayerStatus::missing(layer, problem.clone()),
    };
    let landlock = match sys::landlock_version() {
        Some(version) => LayerStatus::active(layers::LANDLOCK, format!("version {version}")),
        None => LayerStatus::missing(layers::LANDLOCK, "not in this kernel"),
    };
    let ids = if supervisor.ids.is_platforms() {
        let reason = "only root has ids to give: functions run with the platform's own user id";
        LayerStatus::missing(layers::ID_RANGE, reason)
    } else {
        tried(layers::ID_RANGE, "ids of its own for every environment")
    };
    vec![
        tried(layers::NAMESPACES, "user, pid, mount, ipc, uts, net, cgroup"),
        ids,
        tried(layers::ROOT, "host programs read-only, private /tmp"),
        proc,
        tried(layers::SECCOMP, &format!("{} instructions", supervisor.filter.len())),
        landlock,
    ]
}

/// A program that does nothing. Where the host has none at that path, everything before its execution has worked.
fn attempt(supervisor: &mut Supervisor) -> Result<(), launch::Refusal> {
    let mut spec = EnvironmentSpec::new("probe", vec!["/usr/bin/true".to_owned()]);
    spec.working_dir = "/".into();
    spec.tmp_mib = 1;
    match launch::begin(supervisor, &spec).and_then(|launching| supervisor.complete(launching)) {
        Ok(member) => end(supervisor, member),
        Err(refusal) if refusal.stage == "execute the program" => {}
        Err(refusal) => return Err(refusal),
    }
    Ok(())
}

fn end(supervisor: &mut Supervisor, member: Member) {
    member.kill();
    supervisor.ending.push(member);
}
