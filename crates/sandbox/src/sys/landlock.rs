//! Asks the kernel which version of Landlock it has.

use std::ptr;

/// `None` where Landlock is not built in or not enabled.
pub(crate) fn landlock_version() -> Option<i64> {
    const CREATE_RULESET_VERSION: u32 = 1;
    // SAFETY: with this flag the kernel reads no attribute, so that a null pointer of size zero is what it wants.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<libc::c_void>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    (version > 0).then_some(version)
}
