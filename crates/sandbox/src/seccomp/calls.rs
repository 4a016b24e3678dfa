//! The list of system calls and the verdict on each, for this processor.
//!
//! Names only; numbers come from libc. A call on no list gets [`Verdict::Unknown`].

use super::Verdict;

/// The first number that no kernel known to this list has.
pub(super) const NUMBER_END: u32 = 512;

macro_rules! numbers {
    ($($name:ident)*) => { &[$(libc::$name),*] };
}

/// Calls that every processor has.
const ALLOWED: &[libc::c_long] = numbers![
    SYS_accept SYS_accept4 SYS_bind SYS_brk SYS_capget SYS_capset SYS_chdir SYS_clock_getres SYS_clock_gettime
    SYS_clock_nanosleep SYS_close SYS_close_range SYS_connect SYS_copy_file_range SYS_dup SYS_dup3
    SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_execve SYS_execveat SYS_exit
    SYS_exit_group SYS_faccessat SYS_faccessat2 SYS_fallocate SYS_fchdir SYS_fchmod SYS_fchmodat
    SYS_fchown SYS_fchownat SYS_fdatasync SYS_fgetxattr SYS_flistxattr SYS_flock SYS_fremovexattr
    SYS_fsetxattr SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_futex SYS_futex_waitv SYS_get_robust_list
    SYS_getcpu SYS_getcwd SYS_getdents64 SYS_getegid SYS_geteuid SYS_getgid SYS_getgroups SYS_getitimer
    SYS_getpeername SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority SYS_getrandom SYS_getresgid SYS_getresuid
    SYS_getrusage SYS_getsid SYS_getsockname SYS_getsockopt SYS_gettid SYS_gettimeofday SYS_getuid
    SYS_getxattr SYS_ioprio_get SYS_ioprio_set SYS_kill SYS_landlock_add_rule
    SYS_landlock_create_ruleset SYS_landlock_restrict_self SYS_lgetxattr SYS_linkat SYS_listen SYS_listxattr
    SYS_llistxattr SYS_lremovexattr SYS_lseek SYS_lsetxattr SYS_madvise SYS_membarrier SYS_memfd_create SYS_mincore
    SYS_mkdirat SYS_mknodat SYS_mlock SYS_mlock2 SYS_mlockall SYS_mmap SYS_mprotect SYS_mq_getsetattr SYS_mq_notify
    SYS_mq_open SYS_mq_timedreceive SYS_mq_timedsend SYS_mq_unlink SYS_mremap SYS_msgctl SYS_msgget SYS_msgrcv
    SYS_msgsnd SYS_msync SYS_munlock SYS_munlockall SYS_munmap SYS_nanosleep SYS_newfstatat SYS_openat SYS_openat2
    SYS_pidfd_open SYS_pidfd_send_signal SYS_pipe2 SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_ppoll
    SYS_pread64 SYS_preadv SYS_prlimit64 SYS_pselect6 SYS_pwrite64 SYS_pwritev SYS_read
    SYS_readahead SYS_readlinkat SYS_readv SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_remap_file_pages
    SYS_removexattr SYS_renameat2 SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending
    SYS_rt_sigprocmask SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait
    SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max SYS_sched_get_priority_min SYS_sched_getaffinity
    SYS_sched_getattr SYS_sched_getparam SYS_sched_getscheduler SYS_sched_rr_get_interval SYS_sched_setaffinity
    SYS_sched_setattr SYS_sched_setparam SYS_sched_setscheduler SYS_sched_yield SYS_semctl SYS_semget
    SYS_semop SYS_semtimedop SYS_sendfile SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_set_robust_list
    SYS_set_tid_address SYS_setfsgid SYS_setfsuid SYS_setgid SYS_setgroups SYS_setitimer SYS_setpgid
    SYS_setpriority SYS_setregid SYS_setresgid SYS_setresuid SYS_setreuid SYS_setsid
    SYS_setuid SYS_setxattr SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget SYS_shutdown SYS_sigaltstack SYS_signalfd4
    SYS_splice SYS_statfs SYS_statx SYS_symlinkat SYS_sync SYS_syncfs SYS_sysinfo SYS_tee
    SYS_tgkill SYS_timer_create SYS_timer_delete SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
    SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime SYS_times SYS_tkill SYS_truncate SYS_umask SYS_uname
    SYS_unlinkat SYS_utimensat SYS_vmsplice SYS_wait4 SYS_waitid SYS_write SYS_writev
];

/// Calls that only x86-64 still has under a name of their own.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[libc::c_long] = numbers![
    SYS_access SYS_alarm SYS_arch_prctl SYS_chmod SYS_chown SYS_creat SYS_dup2 SYS_epoll_create SYS_epoll_ctl_old
    SYS_epoll_wait SYS_epoll_wait_old SYS_eventfd SYS_fork SYS_futimesat SYS_getdents SYS_getpgrp SYS_getrlimit
    SYS_lchown SYS_link SYS_lstat SYS_mkdir SYS_mknod SYS_open SYS_pause SYS_pipe SYS_poll
    SYS_readlink SYS_rename SYS_renameat SYS_rmdir SYS_select SYS_setrlimit SYS_signalfd SYS_stat SYS_symlink
    SYS_sync_file_range SYS_time SYS_unlink SYS_utime SYS_utimes SYS_vfork
];
/// The same for arm64, where libc has no names for them: renameat, sync_file_range, getrlimit, setrlimit.
#[cfg(target_arch = "aarch64")]
const ALLOWED_HERE: &[libc::c_long] = &[38, 84, 163, 164];

/// Known, and refused: they reach the kernel's own configuration, other processes' memory, or namespaces and mounts.
const FORBIDDEN: &[libc::c_long] = numbers![
    SYS_acct SYS_add_key SYS_adjtimex SYS_bpf SYS_chroot SYS_clock_adjtime SYS_clock_settime SYS_delete_module
    SYS_fanotify_init SYS_fanotify_mark SYS_finit_module SYS_fsconfig SYS_fsmount SYS_fsopen SYS_fspick
    SYS_get_mempolicy SYS_init_module SYS_kcmp SYS_kexec_load SYS_keyctl SYS_lookup_dcookie
    SYS_mbind SYS_migrate_pages SYS_mount SYS_mount_setattr SYS_move_mount SYS_move_pages SYS_name_to_handle_at
    SYS_nfsservctl SYS_open_by_handle_at SYS_open_tree SYS_perf_event_open SYS_pidfd_getfd SYS_pivot_root
    SYS_process_madvise SYS_process_mrelease SYS_process_vm_readv SYS_process_vm_writev SYS_ptrace SYS_quotactl
    SYS_quotactl_fd SYS_reboot SYS_request_key SYS_set_mempolicy SYS_setdomainname SYS_sethostname SYS_setns
    SYS_seccomp SYS_settimeofday SYS_swapoff SYS_swapon SYS_syslog SYS_umount2 SYS_unshare SYS_userfaultfd SYS_vhangup
];

/// Known, and refused; x86-64 only.
#[cfg(target_arch = "x86_64")]
const FORBIDDEN_HERE: &[libc::c_long] = numbers![
    SYS_ioperm SYS_iopl SYS_kexec_file_load SYS_modify_ldt SYS_sysfs SYS_uselib SYS_ustat SYS__sysctl
];
#[cfg(not(target_arch = "x86_64"))]
const FORBIDDEN_HERE: &[libc::c_long] = &[];

/// Allowed or not by their arguments.
const CHECKED: &[(libc::c_long, Verdict)] = &[
    (libc::SYS_clone, Verdict::CheckClone),
    (libc::SYS_socket, Verdict::CheckSocket),
    (libc::SYS_socketpair, Verdict::CheckSocketPair),
    (libc::SYS_fcntl, Verdict::CheckFcntl),
    (libc::SYS_ioctl, Verdict::CheckIoctl),
    (libc::SYS_personality, Verdict::CheckPersonality),
    (libc::SYS_prctl, Verdict::CheckPrctl),
    (libc::SYS_setsockopt, Verdict::CheckSocketOption),
    (libc::SYS_fadvise64, Verdict::CheckAdvice),
    (libc::SYS_preadv2, Verdict::CheckTransfer),
    (libc::SYS_pwritev2, Verdict::CheckTransfer),
];

/// The verdict on each number from zero to [`NUMBER_END`].
///
/// SECURITY: `clone3` passes its flags in memory, which a filter cannot read: it must stay off these lists, so
/// that libc falls back to `clone`. The same goes for io_uring, which does other calls out of the filter's sight.
/// inotify tells what others do with files that all environments and the host share, and its instances, like the contexts
/// of the older asynchronous input and output, are counted for the whole host: one function could take them all. Which pages
/// of those files are in memory would tell the same: nobody may empty them out, nor ask without reading. Filters of a function's
/// own, for its calls or its sockets, are compiled into memory of the kernel's that no limit counts.
pub(super) fn verdicts() -> Vec<Verdict> {
    let mut verdicts = vec![Verdict::Unknown; usize::try_from(NUMBER_END).unwrap_or_default()];
    let allowed = ALLOWED.iter().chain(ALLOWED_HERE).map(|number| (*number, Verdict::Allow));
    let forbidden = FORBIDDEN.iter().chain(FORBIDDEN_HERE).map(|number| (*number, Verdict::Forbidden));
    for (number, verdict) in allowed.chain(forbidden).chain(CHECKED.iter().copied()) {
        if let Some(slot) = usize::try_from(number).ok().and_then(|index| verdicts.get_mut(index)) {
            *slot = verdict;
        }
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(number: libc::c_long) -> Verdict {
        verdicts()[usize::try_from(number).unwrap()]
    }

    #[test]
    fn what_hides_its_arguments_or_is_the_whole_hosts_does_not_exist() {
        for number in [
            libc::SYS_clone3,
            libc::SYS_io_uring_setup,
            libc::SYS_io_uring_enter,
            libc::SYS_io_uring_register,
            libc::SYS_memfd_secret,
            libc::SYS_inotify_init1,
            libc::SYS_io_setup,
        ] {
            assert_eq!(verdict(number), Verdict::Unknown, "{number}");
        }
    }

    #[test]
    fn no_call_is_on_two_lists_and_every_number_fits() {
        let mut all: Vec<_> = [ALLOWED, ALLOWED_HERE, FORBIDDEN, FORBIDDEN_HERE].concat();
        all.extend(CHECKED.iter().map(|(number, _)| *number));
        assert!(all.iter().all(|number| (0..libc::c_long::from(NUMBER_END)).contains(number)));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
