// Probes of a sandbox in the words of a function's author: each tries one thing that must be refused.
//
// Prints a line a probe: its name, then `refused <errno>`, `killed <signal>` or `GRANTED`.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALL(name, expression) \
    static long name(void) { return (long)(expression); }

static char page[4096];
static struct iovec own = {page, sizeof page};

CALL(ptrace_init, ptrace(PTRACE_ATTACH, 1, 0, 0))
CALL(ptrace_parent, ptrace(PTRACE_SEIZE, getppid(), 0, 0))
CALL(ptrace_traceme, ptrace(PTRACE_TRACEME, 0, 0, 0))
CALL(vm_read_init, process_vm_readv(1, &own, 1, &own, 1, 0))
CALL(vm_write_init, process_vm_writev(1, &own, 1, &own, 1, 0))
CALL(kcmp_init, syscall(SYS_kcmp, getpid(), 1, 0, 0, 0))
CALL(pidfd_getfd_init, syscall(438, syscall(434, 1, 0), 0, 0))
CALL(process_madvise_init, syscall(440, syscall(434, 1, 0), &own, 1, 4, 0))
CALL(mount_tmpfs, mount("x", "/tmp", "tmpfs", 0, 0))
CALL(mount_proc, mount("proc", "/proc", "proc", 0, 0))
CALL(mount_cgroup, mount("cgroup", "/tmp", "cgroup", 0, "memory"))
CALL(mount_cgroup2, mount("cgroup2", "/tmp", "cgroup2", 0, 0))
CALL(remount_root_writable, mount(0, "/", 0, MS_REMOUNT | MS_BIND, 0))
CALL(remount_task_writable, mount(0, "/var/task", 0, MS_REMOUNT | MS_BIND, 0))
CALL(umount_task, umount2("/var/task", MNT_DETACH))
CALL(umount_proc, umount2("/proc", MNT_DETACH))
CALL(pivot, syscall(SYS_pivot_root, "/tmp", "/tmp"))
CALL(change_root, chroot("/tmp"))
CALL(fs_open, syscall(430, "tmpfs", 0))
CALL(open_the_tree, syscall(428, AT_FDCWD, "/", 1))
CALL(move_a_mount, syscall(429, AT_FDCWD, "/tmp", AT_FDCWD, "/opt", 0))
CALL(mount_setattr_root, syscall(442, AT_FDCWD, "/", 0, page, 32))
CALL(unshare_user, unshare(CLONE_NEWUSER))
CALL(unshare_mount, unshare(CLONE_NEWNS))
CALL(unshare_net, unshare(CLONE_NEWNET))
CALL(clone_user, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0))
CALL(clone_pid, syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0))
CALL(clone3_user, syscall(435, (unsigned long[11]){CLONE_NEWUSER, 0, 0, 0, SIGCHLD}, 88))
CALL(setns_init, setns(syscall(434, 1, 0), CLONE_NEWNS))
CALL(setns_own, setns(open("/proc/self/ns/user", O_RDONLY), 0))
CALL(keyctl_session, syscall(SYS_keyctl, 0, -3, 1))
CALL(add_a_key, syscall(SYS_add_key, "user", "k", "v", 1, -3))
CALL(request_a_key, syscall(SYS_request_key, "user", "k", 0, -3))
CALL(bpf_map, syscall(SYS_bpf, 0, page, 72))
CALL(io_uring, syscall(425, 8, page))
CALL(userfault, syscall(SYS_userfaultfd, 0))
CALL(perf_event, syscall(SYS_perf_event_open, page, 0, -1, -1, 0))
CALL(personality_no_aslr, personality(ADDR_NO_RANDOMIZE))
CALL(personality_read_implies_exec, personality(READ_IMPLIES_EXEC))
CALL(kexec, syscall(SYS_kexec_load, 0, 0, 0, 0))
CALL(load_module, syscall(SYS_init_module, page, 1, ""))
CALL(load_module_file, syscall(SYS_finit_module, 0, "", 0))
CALL(unload_module, syscall(SYS_delete_module, "x", 0))
CALL(set_clock, clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0}))
CALL(set_time_of_day, settimeofday(&(struct timeval){1, 0}, 0))
CALL(adjust_clock, adjtimex(&(struct timex){.modes = ADJ_OFFSET}))
CALL(raw_socket, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
CALL(packet_socket, socket(AF_PACKET, SOCK_RAW, 0))
CALL(netlink_socket, socket(AF_NETLINK, SOCK_RAW, 0))
CALL(vsock_socket, socket(40, SOCK_STREAM, 0))
CALL(alg_socket, socket(AF_ALG, SOCK_SEQPACKET, 0))
CALL(bluetooth_socket, socket(AF_BLUETOOTH, SOCK_STREAM, 0))
CALL(unix_packets, socket(AF_UNIX, SOCK_SEQPACKET, 0))
CALL(sctp_socket, socket(AF_INET, SOCK_SEQPACKET, 132))
CALL(reboot_machine, syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0))
CALL(swap_on, swapon("/tmp", 0))
CALL(kernel_log, syscall(SYS_syslog, 3, page, sizeof page))
CALL(host_name, sethostname("x", 1))
CALL(domain_name, setdomainname("x", 1))
CALL(accounting, syscall(SYS_acct, "/tmp/x"))
CALL(quota, syscall(SYS_quotactl, 0, 0, 0, 0))
CALL(handle_of_root, syscall(SYS_open_by_handle_at, AT_FDCWD, page, 0))
CALL(fanotify, syscall(SYS_fanotify_init, 0, 0))
CALL(io_ports, syscall(SYS_iopl, 3))
CALL(local_descriptor_table, syscall(SYS_modify_ldt, 0, page, 16))
CALL(hidden_memory, syscall(447, 0))
CALL(rewrite_memory_map, prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0))
CALL(become_root, setuid(0))
CALL(become_other, setresuid(1000, 1000, 1000))
CALL(join_group_zero, setgid(0))
CALL(extra_groups, syscall(SYS_setgroups, 1, (gid_t[]){0}))
CALL(device_node_memory, mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)))
CALL(device_node_disk, mknod("/tmp/disk", S_IFBLK | 0666, makedev(254, 0)))
CALL(device_node_null, mknod("/tmp/null", S_IFCHR | 0666, makedev(1, 3)))
CALL(write_package, open("/var/task/new", O_WRONLY | O_CREAT, 0644))
CALL(write_root, open("/new", O_WRONLY | O_CREAT, 0644))
CALL(write_usr, open("/usr/bin/new", O_WRONLY | O_CREAT, 0644))
CALL(write_etc, open("/etc/passwd", O_WRONLY))
CALL(remove_package, unlink("/var/task/probe"))
CALL(open_init_memory, open("/proc/1/mem", O_RDWR))
CALL(open_init_environment, open("/proc/1/environ", O_RDONLY))
CALL(open_init_root, open("/proc/1/root/etc", O_RDONLY))
CALL(open_core_pattern, open("/proc/sys/kernel/core_pattern", O_RDWR))
CALL(open_sysrq, open("/proc/sysrq-trigger", O_WRONLY))
CALL(open_kcore, open("/proc/kcore", O_RDONLY))
CALL(open_kernel_symbols, open("/proc/kallsyms", O_RDONLY))
CALL(open_keys, open("/proc/keys", O_RDONLY))
CALL(open_sys, open("/sys", O_RDONLY))
CALL(open_release_agent, open("/sys/fs/cgroup/memory/release_agent", O_WRONLY))
CALL(open_host_memory, open("/dev/mem", O_RDONLY))
CALL(open_host_disk, open("/dev/vda", O_RDONLY))
CALL(open_terminal, open("/dev/tty", O_RDWR))
CALL(open_pseudo_terminal, open("/dev/ptmx", O_RDWR))
CALL(open_fuse, open("/dev/fuse", O_RDWR))
CALL(open_kvm, open("/dev/kvm", O_RDWR))
CALL(open_shadow, open("/etc/shadow", O_RDONLY))
CALL(open_root_home, open("/root/.ssh", O_RDONLY))
CALL(open_host_root, open("/root/.bashrc", O_RDONLY))
CALL(raise_score, ({ int f = open("/proc/self/oom_score_adj", O_WRONLY); f < 0 ? -1 : write(f, "-1000", 5); }))
CALL(raise_priority, setpriority(PRIO_PROCESS, 0, -10))
CALL(real_time, sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}))
CALL(raise_limit, setrlimit(RLIMIT_NOFILE, &(struct rlimit){1000000, 1000000}))
CALL(signal_init, kill(1, SIGKILL))
CALL(signal_init_stop, kill(1, SIGSTOP))
CALL(push_terminal_input, ioctl(0, TIOCSTI, "x"))
CALL(steal_terminal, ioctl(0, TIOCSCTTY, 1))

static long join_own_time(void) { return unshare(0x80); }

static long connect_to(const char *address, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    return connect(s, (struct sockaddr *)&to, sizeof to);
}
CALL(metadata_service, connect_to("169.254.169.254", 80))
CALL(metadata_service_ecs, connect_to("169.254.170.2", 80))
CALL(internet, connect_to("1.1.1.1", 53))
CALL(private_network, connect_to("10.0.0.1", 80))
CALL(host_port, connect_to("127.0.0.1", atoi(getenv("HOST_PORT"))))

static long datagram_out(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    inet_pton(AF_INET, "8.8.8.8", &to.sin_addr);
    return sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&to, sizeof to);
}

static long host_abstract_socket(void) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *name = getenv("HOST_ABSTRACT");
    memcpy(to.sun_path + 1, name, strlen(name));
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(s, (struct sockaddr *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

#if defined(__x86_64__)
// getpid of the 32-bit table; with the filter it never returns.
static long call_int80(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    return result;
}
static long call_x32(void) { return syscall(0x40000000 | SYS_getpid); }
#endif

// A set-uid copy of this program: executed, it must still be who it was.
static long set_uid(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, "probe", "whoami", (char *)0);
        _exit(99);
    }
    int status = 0;
    waitpid(child, &status, 0);
    errno = EPERM;
    return WEXITSTATUS(status) == 0 ? 0 : -1;
}

static long set_uid_in_tmp(void) {
    if (system("cp /var/task/probe /tmp/suid && chmod 6755 /tmp/suid") != 0) return 0;
    return set_uid("/tmp/suid");
}
CALL(set_uid_in_package, set_uid("/var/task/suid"))

struct probe {
    const char *name;
    long (*run)(void);
};
#define P(name) {#name, name}
static const struct probe probes[] = {
    P(ptrace_init), P(ptrace_parent), P(ptrace_traceme), P(vm_read_init), P(vm_write_init), P(kcmp_init),
    P(pidfd_getfd_init), P(process_madvise_init), P(mount_tmpfs), P(mount_proc), P(mount_cgroup), P(mount_cgroup2),
    P(remount_root_writable), P(remount_task_writable), P(umount_task), P(umount_proc), P(pivot), P(change_root),
    P(fs_open), P(open_the_tree), P(move_a_mount), P(mount_setattr_root), P(unshare_user), P(unshare_mount),
    P(unshare_net), P(clone_user), P(clone_pid), P(clone3_user), P(setns_init), P(setns_own), P(join_own_time),
    P(keyctl_session), P(add_a_key), P(request_a_key), P(bpf_map), P(io_uring), P(userfault), P(perf_event),
    P(personality_no_aslr), P(personality_read_implies_exec), P(kexec), P(load_module), P(load_module_file),
    P(unload_module), P(set_clock), P(set_time_of_day), P(adjust_clock), P(raw_socket), P(packet_socket),
    P(netlink_socket), P(vsock_socket), P(alg_socket), P(bluetooth_socket), P(unix_packets), P(sctp_socket),
    P(reboot_machine), P(swap_on), P(kernel_log), P(host_name), P(domain_name), P(accounting), P(quota),
    P(handle_of_root), P(fanotify), P(io_ports), P(local_descriptor_table), P(hidden_memory), P(rewrite_memory_map),
    P(become_root), P(become_other), P(join_group_zero), P(extra_groups), P(device_node_memory), P(device_node_disk),
    P(device_node_null), P(write_package), P(write_root), P(write_usr), P(write_etc), P(remove_package),
    P(open_init_memory), P(open_init_environment), P(open_init_root), P(open_core_pattern), P(open_sysrq),
    P(open_kcore), P(open_kernel_symbols), P(open_keys), P(open_sys), P(open_release_agent), P(open_host_memory),
    P(open_host_disk), P(open_terminal), P(open_pseudo_terminal), P(open_fuse), P(open_kvm), P(open_shadow),
    P(open_root_home), P(open_host_root), P(raise_score), P(raise_priority), P(real_time), P(raise_limit),
    P(signal_init), P(signal_init_stop), P(push_terminal_input), P(steal_terminal), P(metadata_service),
    P(metadata_service_ecs), P(internet), P(private_network), P(host_port), P(datagram_out), P(host_abstract_socket),
#if defined(__x86_64__)
    P(call_int80), P(call_x32),
#endif
    P(set_uid_in_tmp), P(set_uid_in_package),
};

static void run(const struct probe *probe) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(5);
        errno = 0;
        long result = probe->run();
        if (result >= 0) printf("%s GRANTED\n", probe->name);
        else printf("%s refused %d\n", probe->name, errno);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) printf("%s killed %d\n", probe->name, WTERMSIG(status));
}

int main(int argc, char **argv) {
    // Success is what a set-uid program would have: another effective user.
    if (argc > 1 && strcmp(argv[1], "whoami") == 0) return geteuid() == getuid() && geteuid() == 993 ? 1 : 0;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) run(&probes[i]);
    printf("%zu probes\n", sizeof probes / sizeof *probes);
    return 0;
}
