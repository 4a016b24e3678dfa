//! Changes the attributes of a whole mount tree.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The kernel's `struct mount_attr`, which libc does not have on every target.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

const READ_ONLY: u64 = 0x1;
const NO_SET_UID: u64 = 0x2;
const NO_DEVICES: u64 = 0x4;

/// Makes a tree of mounts read-only and void of set-uid programs, and of device nodes unless `devices`.
///
/// SECURITY: what is read through a read-only mount is not noted as accessed either, whatever the file system is mounted with: times of
/// access tell nobody what his neighbours read.
pub(crate) fn seal_mount(tree: BorrowedFd<'_>, devices: bool) -> io::Result<()> {
    let no_devices = if devices { 0 } else { NO_DEVICES };
    let attributes = MountAttributes {
        set: READ_ONLY | NO_SET_UID | no_devices,
        clear: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the path is a NUL-terminated literal; the structure and its true size are passed, and only read.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    super::checked(result).map(drop)
}
