//! How the spawner comes to be: from the server's process image to a small one with few rights.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::process::{getegid, geteuid, getpriority_process, setpriority_process};
use rustix::thread::{
    CapabilitySet, UnshareFlags, capabilities, remove_capability_from_bounding_set, set_capabilities,
};

use super::{MARKER, STATE_DIR, Supervisor, probe};
use crate::cgroup::CgroupGroup;
use crate::ids::IdRange;
use crate::image::RootImages;
use crate::layers::LayerStatus;
use crate::message::{Channel, Reply};
use crate::{seccomp, sys};

/// What making environments takes. The rest is given up before the first request is read.
const NEEDED: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::KILL);

/// Prepares and tells the server how it went. An error means that nobody is there to be told.
pub(super) fn start() -> io::Result<Supervisor> {
    let server = take_socket()?;
    // No death signal: the socket says when the server is gone, and then there is still something to clear away.
    if !parent_is_the_server() {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    rustix::process::setsid()?;
    // Environments inherit it: that the platform runs ahead of others does not let its functions do so.
    if getpriority_process(None)? < 0 {
        setpriority_process(None, 0)?;
    }
    sys::reset();
    sys::ignore_children();
    match prepare() {
        Ok((prepared, mut layers)) => {
            let mut supervisor = assemble(server, prepared);
            layers.splice(0..0, probe::probe(&mut supervisor));
            supervisor.server.send(&Reply::Started { layers, failure: None }, &[])?;
            Ok(supervisor)
        }
        Err(error) => {
            let needs =
                "it needs root with CAP_SYS_ADMIN, or a kernel that gives users namespaces of their own";
            let failure = Some(format!("{error} ({needs})"));
            server.send(&Reply::Started { layers: Vec::new(), failure }, &[])?;
            Err(error)
        }
    }
}

/// What environments are made of.
struct Prepared {
    images: RootImages,
    group: CgroupGroup,
    ids: IdRange,
    mounts: OwnedFd,
}

fn assemble(server: Channel, prepared: Prepared) -> Supervisor {
    let Prepared { images, group, ids, mounts } = prepared;
    Supervisor {
        server,
        filter: seccomp::compile(),
        ids,
        group,
        images,
        proc: true,
        mounts,
        living: HashMap::new(),
        pending: Vec::new(),
        ending: Vec::new(),
    }
}

fn prepare() -> io::Result<(Prepared, Vec<LayerStatus>)> {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let is_root = geteuid().is_root();
    if !is_root {
        become_root_of_nothing_else()?;
    }
    let state_dir = std::env::var_os(STATE_DIR).ok_or(io::ErrorKind::InvalidInput)?;
    let images = RootImages::prepare(&PathBuf::from(state_dir).join("sandbox"))?;
    // The calling thread's: a test harness makes the spawner of another thread than the first.
    let mounts = File::open("/proc/thread-self/ns/mnt")?.into();
    let (group, layers) = CgroupGroup::claim();
    // Who maps user 0 of a user namespace into another must be able to give files capabilities there.
    let (ids, kept) = if is_root {
        (IdRange::of_group(group.number()), NEEDED)
    } else {
        (IdRange::of_platform(), NEEDED.union(CapabilitySet::SETFCAP))
    };
    shed_capabilities_but(kept)?;
    Ok((Prepared { images, group, ids, mounts }, layers))
}

/// Makes a user without rights the root of a user namespace that has this one user in it: that root may make
/// namespaces and mounts, and has no right over anything that was there before.
fn become_root_of_nothing_else() -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let own = |name: &str, text: String| {
        fs::write(format!("/proc/self/{name}"), text)
            .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
    };
    sys::unshare(UnshareFlags::NEWUSER)
        .map_err(|error| io::Error::new(error.kind(), format!("user namespace of user {user}: {error}")))?;
    // Before a user without rights may map a group, it gives up leaving groups.
    own("setgroups", "deny".to_owned())?;
    own("uid_map", format!("0 {user} 1\n"))?;
    own("gid_map", format!("0 {group} 1\n"))
}

/// The socket comes as standard input. It moves away, and everything else that may have been inherited is closed, so
/// that 0, 1 and 2 are `/dev/null` here. A function has others.
fn take_socket() -> io::Result<Channel> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let null: OwnedFd = File::options().read(true).write(true).open("/dev/null")?.into();
    for number in 0..=2 {
        sys::place(null.as_fd(), number)?;
    }
    drop(null);
    sys::close_all_but(&mut [socket.as_raw_fd()])?;
    Ok(Channel::new(socket))
}

/// Who is the spawner's parent is asked once; from then on, the end of the socket tells.
fn parent_is_the_server() -> bool {
    let server = std::env::var_os(MARKER).and_then(|pid| pid.to_str()?.parse::<i32>().ok());
    server == rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get())
}

fn shed_capabilities_but(kept: CapabilitySet) -> io::Result<()> {
    for capability in CapabilitySet::all().difference(kept).iter() {
        match remove_capability_from_bounding_set(capability) {
            Err(rustix::io::Errno::INVAL) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut sets = capabilities(None)?;
    sets.effective &= kept;
    sets.permitted &= kept;
    sets.inheritable = CapabilitySet::empty();
    set_capabilities(None, sets)?;
    Ok(())
}
