//! Puts the root image, the binds, `/proc` and `/tmp` together and makes them all there is.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, unmount,
};
use rustix::process::{fchdir, pivot_root};

use super::{Failure, Plan, Stage};

/// Any folder that every host has: the image is attached here for the moment that it takes to pivot.
const STAGING: &str = "/usr";

/// After this the host's files cannot be named. Answers the mount of `/tmp`, which tells how much stands there.
pub(super) fn enter(plan: &Plan<'_>) -> Result<OwnedFd, Failure> {
    let attach = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&plan.root, "", CWD, STAGING, attach).stage("attach the root")?;
    for (tree, inside) in &plan.binds {
        let relative = inside.strip_prefix("/").unwrap_or(inside);
        move_mount(tree, "", &plan.root, relative, attach).stage("attach a bind")?;
    }
    if plan.proc {
        let proc = open_proc().stage("proc")?;
        move_mount(&proc, "", &plan.root, Path::new("proc"), attach).stage("attach proc")?;
    }
    let tmp = open_tmp(plan).stage("tmp")?;
    move_mount(&tmp, "", &plan.root, Path::new("tmp"), attach).stage("attach tmp")?;
    fchdir(plan.root.as_fd()).stage("enter the root")?;
    pivot_root(".", ".").stage("pivot")?;
    unmount(".", UnmountFlags::DETACH).stage("detach the host")?;
    rustix::process::chdir("/").stage("enter the new root")?;
    Ok(tmp)
}

/// Only processes, and only one's own: nothing of `/proc` but the numbered folders exists.
pub(crate) fn open_proc() -> rustix::io::Result<OwnedFd> {
    let proc = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&proc, "subset", "pid")?;
    fsconfig_set_string(&proc, "hidepid", "invisible")?;
    fsconfig_create(&proc)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&proc, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

fn open_tmp(plan: &Plan<'_>) -> rustix::io::Result<OwnedFd> {
    let tmp = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&tmp, "mode", "1777")?;
    fsconfig_set_string(&tmp, "size", format!("{}m", plan.spec.tmp_mib))?;
    fsconfig_set_string(&tmp, "nr_inodes", plan.spec.tmp_inodes.to_string())?;
    fsconfig_create(&tmp)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(&tmp, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
