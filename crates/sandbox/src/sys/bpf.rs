//! Installs a seccomp filter on the calling thread.

use std::io;

/// One instruction of classic BPF, laid out as the kernel's `sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Operation.
    pub(crate) code: u16,
    /// Instructions to skip when the test holds.
    pub(crate) jt: u8,
    /// Instructions to skip when it does not.
    pub(crate) jf: u8,
    /// Operand.
    pub(crate) k: u32,
}

#[repr(C)]
struct Program {
    len: u16,
    filter: *const Instruction,
}

/// Puts `filter` on this thread and everything it becomes. Needs no_new_privs.
pub(crate) fn install_filter(filter: &[Instruction]) -> io::Result<()> {
    let len = u16::try_from(filter.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let program = Program { len, filter: filter.as_ptr() };
    // SAFETY: `program` describes `filter`, which outlives the call; the kernel copies it.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0_u32, &raw const program) };
    super::checked(result).map(drop)
}
