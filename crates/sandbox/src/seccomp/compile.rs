//! Compiles the verdicts into a BPF program: a binary tree over ranges of call numbers.
//!
//! A tree costs seven or eight tests a call where a list costs hundreds, and is short, which is what loading costs.
//! The program is built backwards, so that every jump's target is already in place.

use super::Verdict;
use super::calls::{NUMBER_END, verdicts};
use crate::sys::Instruction;

const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_AT_LEAST: u16 = 0x35;
const JUMP_ANY_BIT: u16 = 0x45;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

/// Offsets into the kernel's `seccomp_data`.
const AT_NUMBER: u32 = 0;
const AT_ARCHITECTURE: u32 = 4;
const fn at_argument_low(index: u32) -> u32 {
    16 + 8 * index
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const EPERM: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
/// The call succeeds without being made.
const DONE: u32 = libc::SECCOMP_RET_ERRNO;
const EOPNOTSUPP: u32 = libc::SECCOMP_RET_ERRNO | libc::EOPNOTSUPP.cast_unsigned();
const EAFNOSUPPORT: u32 = libc::SECCOMP_RET_ERRNO | libc::EAFNOSUPPORT.cast_unsigned();

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// The bit that marks a call of x32, an ABI with numbers of its own.
const X32_BIT: u32 = 0x4000_0000;

const NAMESPACE_FLAGS: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET)
    .cast_unsigned()
    | 0x80; // CLONE_NEWTIME

/// The bits of a socket's type that are flags.
const SOCKET_TYPE_MASK: u32 = 0xF;

/// An instruction's distance from the end of the program.
type Position = usize;

/// A program, last instruction first.
#[derive(Default)]
struct Backwards {
    reversed: Vec<Instruction>,
}

impl Backwards {
    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Position {
        self.reversed.push(Instruction { code, jt, jf, k });
        self.reversed.len() - 1
    }

    fn returns(&mut self, value: u32) -> Position {
        self.push(RETURN, 0, 0, value)
    }

    /// The distance of `target` from the next instruction pushed, through a long jump where it is too far.
    fn near(&mut self, target: Position, reserve: usize) -> Position {
        let distance = self.reversed.len() - target;
        if distance + reserve <= usize::from(u8::MAX) {
            return target;
        }
        self.push(JUMP, 0, 0, u32::try_from(distance - 1).unwrap_or(u32::MAX))
    }

    fn test(&mut self, code: u16, k: u32, yes: Position, no: Position) -> Position {
        let no = self.near(no, 2);
        let yes = self.near(yes, 1);
        let offset = |target: Position| u8::try_from(self.reversed.len() - 1 - target).unwrap_or(u8::MAX);
        let (jt, jf) = (offset(yes), offset(no));
        self.push(code, jt, jf, k)
    }

    fn load(&mut self, at: u32) -> Position {
        self.push(LOAD, 0, 0, at)
    }

    fn forwards(mut self) -> Vec<Instruction> {
        self.reversed.reverse();
        self.reversed
    }
}

/// Where each verdict is carried out.
struct Targets {
    allow: Position,
    forbidden: Position,
    unknown: Position,
    clone: Position,
    socket: Position,
    socket_pair: Position,
    fcntl: Position,
    ioctl: Position,
    personality: Position,
    prctl: Position,
    socket_option: Position,
    advice: Position,
    transfer: Position,
}

impl Targets {
    fn of(&self, verdict: Verdict) -> Position {
        match verdict {
            Verdict::Allow => self.allow,
            Verdict::Forbidden => self.forbidden,
            Verdict::Unknown => self.unknown,
            Verdict::CheckClone => self.clone,
            Verdict::CheckSocket => self.socket,
            Verdict::CheckSocketPair => self.socket_pair,
            Verdict::CheckFcntl => self.fcntl,
            Verdict::CheckIoctl => self.ioctl,
            Verdict::CheckPersonality => self.personality,
            Verdict::CheckPrctl => self.prctl,
            Verdict::CheckSocketOption => self.socket_option,
            Verdict::CheckAdvice => self.advice,
            Verdict::CheckTransfer => self.transfer,
        }
    }
}

/// The whole filter.
///
/// SECURITY: the architecture is checked before the number means anything, and a foreign one ends the process:
/// otherwise `int 0x80` would select from another table of calls.
pub(crate) fn compile() -> Vec<Instruction> {
    let mut program = Backwards::default();
    let targets = emit_targets(&mut program);
    let ranges = ranges(&verdicts());
    let kill = program.returns(KILL);
    let tree = emit_tree(&mut program, &targets, &ranges);
    if cfg!(target_arch = "x86_64") {
        program.test(JUMP_AT_LEAST, X32_BIT, kill, tree);
    }
    let number = program.load(AT_NUMBER);
    program.test(JUMP_EQUAL, ARCHITECTURE, number, kill);
    program.load(AT_ARCHITECTURE);
    program.forwards()
}

fn emit_targets(program: &mut Backwards) -> Targets {
    let allow = program.returns(ALLOW);
    let forbidden = program.returns(EPERM);
    let unknown = program.returns(ENOSYS);
    let no_family = program.returns(EAFNOSUPPORT);
    let done = program.returns(DONE);
    let unsupported = program.returns(EOPNOTSUPP);
    Targets {
        allow,
        forbidden,
        unknown,
        clone: {
            program.test(JUMP_ANY_BIT, NAMESPACE_FLAGS, forbidden, allow);
            program.load(at_argument_low(0))
        },
        socket: emit_socket(program, allow, no_family),
        socket_pair: emit_any_of(program, 0, &[libc::AF_UNIX.cast_unsigned()], allow, no_family),
        fcntl: emit_any_of(program, 1, FORBIDDEN_FCNTL, forbidden, allow),
        // What a terminal executes as typed. No terminal is in reach; this holds if one ever is.
        ioctl: emit_any_of(program, 1, &[TIOCSTI, TIOCLINUX, TIOCSETD], forbidden, allow),
        personality: emit_any_of(program, 0, &[0, u32::MAX], allow, forbidden),
        prctl: emit_any_of(program, 0, FORBIDDEN_PRCTL, forbidden, allow),
        socket_option: {
            let option = emit_any_of(program, 2, FORBIDDEN_SOCKET_OPTIONS, forbidden, allow);
            program.test(JUMP_EQUAL, libc::SOL_SOCKET.cast_unsigned(), option, allow);
            program.load(at_argument_low(1))
        },
        // Programs advise so in passing and expect no failure.
        advice: emit_any_of(program, 3, &[libc::POSIX_FADV_DONTNEED.cast_unsigned()], done, allow),
        transfer: {
            program.test(JUMP_ANY_BIT, RWF_NOWAIT | RWF_DONTCACHE, unsupported, allow);
            program.load(at_argument_low(5))
        },
    }
}

/// Read only what is in memory, which programs fall back from; and let it not stay there.
const RWF_NOWAIT: u32 = 0x8;
const RWF_DONTCACHE: u32 = 0x80;

const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541C;
const TIOCSETD: u32 = 0x5423;

/// Signals and leases that tell when another process opens a file or changes a folder: files are shared with the host.
const FORBIDDEN_FCNTL: &[u32] = &[libc::F_NOTIFY.cast_unsigned(), libc::F_SETLEASE.cast_unsigned()];

/// Rewriting the process's own memory map description, letting others trace it, and filters of calls.
const FORBIDDEN_PRCTL: &[u32] = &[
    libc::PR_SET_MM.cast_unsigned(),
    libc::PR_SET_PTRACER.cast_unsigned(),
    libc::PR_SET_SECCOMP.cast_unsigned(),
];

/// Programs that the kernel compiles, whoever's memory that takes.
const FORBIDDEN_SOCKET_OPTIONS: &[u32] = &[
    libc::SO_ATTACH_FILTER.cast_unsigned(),
    libc::SO_ATTACH_BPF.cast_unsigned(),
    libc::SO_ATTACH_REUSEPORT_CBPF.cast_unsigned(),
    libc::SO_ATTACH_REUSEPORT_EBPF.cast_unsigned(),
];

fn emit_any_of(
    program: &mut Backwards,
    argument: u32,
    values: &[u32],
    yes: Position,
    no: Position,
) -> Position {
    let mut next = no;
    for value in values {
        next = program.test(JUMP_EQUAL, *value, yes, next);
    }
    program.load(at_argument_low(argument))
}

fn emit_socket(program: &mut Backwards, allow: Position, refuse: Position) -> Position {
    // A family's usual protocol by its name, or none: MPTCP and UDP-Lite are kernel code that no function needs.
    let protocols = [0, 1, libc::IPPROTO_TCP.cast_unsigned(), libc::IPPROTO_UDP.cast_unsigned()];
    let protocol = emit_any_of(program, 2, &protocols, allow, refuse);
    let datagram = program.test(JUMP_EQUAL, libc::SOCK_DGRAM.cast_unsigned(), protocol, refuse);
    program.test(JUMP_EQUAL, libc::SOCK_STREAM.cast_unsigned(), protocol, datagram);
    program.push(AND, 0, 0, SOCKET_TYPE_MASK);
    let kind = program.load(at_argument_low(1));
    emit_any_of(
        program,
        0,
        &[libc::AF_INET.cast_unsigned(), libc::AF_INET6.cast_unsigned(), libc::AF_UNIX.cast_unsigned()],
        kind,
        refuse,
    )
}

/// A run of numbers with one verdict: it starts here and ends where the next one starts.
#[derive(Clone, Copy)]
struct Range {
    start: u32,
    verdict: Verdict,
}

fn ranges(verdicts: &[Verdict]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for (start, verdict) in (0..NUMBER_END).zip(verdicts.iter().copied()) {
        if ranges.last().is_none_or(|last| last.verdict != verdict) {
            ranges.push(Range { start, verdict });
        }
    }
    if ranges.last().is_none_or(|last| last.verdict != Verdict::Unknown) {
        ranges.push(Range { start: NUMBER_END, verdict: Verdict::Unknown });
    }
    ranges
}

/// Depth is the logarithm of the number of ranges, which is this program's own constant.
fn emit_tree(program: &mut Backwards, targets: &Targets, ranges: &[Range]) -> Position {
    let (left, right) = ranges.split_at(ranges.len() / 2);
    let (Some(middle), false) = (right.first(), left.is_empty()) else {
        return ranges.first().map_or(targets.unknown, |range| targets.of(range.verdict));
    };
    let right = emit_tree(program, targets, right);
    let left = emit_tree(program, targets, left);
    program.test(JUMP_AT_LEAST, middle.start, right, left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the kernel would do, for the instructions used here.
    fn run(program: &[Instruction], architecture: u32, number: u32, arguments: [u32; 6]) -> u32 {
        let (mut accumulator, mut at) = (0_u32, 0_usize);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let mut branch = |holds: bool| at += usize::from(if holds { jt } else { jf });
            match code {
                LOAD if k == AT_NUMBER => accumulator = number,
                LOAD if k == AT_ARCHITECTURE => accumulator = architecture,
                LOAD => accumulator = arguments[usize::try_from((k - 16) / 8).unwrap()],
                AND => accumulator &= k,
                JUMP => at += usize::try_from(k).unwrap(),
                JUMP_EQUAL => branch(accumulator == k),
                JUMP_AT_LEAST => branch(accumulator >= k),
                JUMP_ANY_BIT => branch(accumulator & k != 0),
                RETURN => return k,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    fn call(number: libc::c_long, arguments: &[u32]) -> u32 {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        run(&compile(), ARCHITECTURE, u32::try_from(number).unwrap(), all)
    }

    #[test]
    fn every_number_gets_its_verdict() {
        let program = compile();
        for (number, verdict) in (0_u32..).zip(verdicts()) {
            let expected = match verdict {
                Verdict::Allow => ALLOW,
                Verdict::Forbidden => EPERM,
                Verdict::Unknown => ENOSYS,
                _ => continue,
            };
            assert_eq!(run(&program, ARCHITECTURE, number, [0; 6]), expected, "call {number}");
        }
    }

    #[test]
    fn foreign_architectures_and_x32_end_the_process() {
        let program = compile();
        for architecture in [0x4000_0003, 0, 0xC000_00B8] {
            assert_eq!(run(&program, architecture, 0, [0; 6]), KILL);
        }
        if cfg!(target_arch = "x86_64") {
            assert_eq!(run(&program, ARCHITECTURE, X32_BIT | 1, [0; 6]), KILL);
        }
    }

    #[test]
    fn arguments_decide_where_they_must() {
        let unix = libc::AF_UNIX.cast_unsigned();
        for (number, arguments, expected) in [
            (libc::SYS_clone, &[0x11][..], ALLOW),
            (libc::SYS_clone, &[libc::CLONE_NEWUSER.cast_unsigned() | 0x11], EPERM),
            (libc::SYS_clone, &[libc::CLONE_NEWNET.cast_unsigned()], EPERM),
            (libc::SYS_socket, &[2, 1], ALLOW),
            (libc::SYS_socket, &[2, 1 | libc::SOCK_CLOEXEC.cast_unsigned()], ALLOW),
            (libc::SYS_socket, &[10, 2], ALLOW),
            (libc::SYS_socket, &[unix, 1], ALLOW),
            (libc::SYS_socket, &[2, 1, 6], ALLOW),
            (libc::SYS_socket, &[2, 2, 17], ALLOW),
            (libc::SYS_socket, &[2, 1, 262], EAFNOSUPPORT),
            (libc::SYS_socket, &[2, 2, 136], EAFNOSUPPORT),
            (libc::SYS_socket, &[2, 3], EAFNOSUPPORT),
            (libc::SYS_socket, &[16, 3], EAFNOSUPPORT),
            (libc::SYS_socket, &[17, 3], EAFNOSUPPORT),
            (libc::SYS_socket, &[38, 5], EAFNOSUPPORT),
            (libc::SYS_socket, &[40, 1], EAFNOSUPPORT),
            (libc::SYS_socketpair, &[unix, 1], ALLOW),
            (libc::SYS_socketpair, &[30, 1], EAFNOSUPPORT),
            (libc::SYS_fcntl, &[0, libc::F_SETFD.cast_unsigned()], ALLOW),
            (libc::SYS_fcntl, &[0, libc::F_NOTIFY.cast_unsigned()], EPERM),
            (libc::SYS_fcntl, &[0, libc::F_SETLEASE.cast_unsigned()], EPERM),
            (libc::SYS_ioctl, &[0, 0x5401], ALLOW),
            (libc::SYS_ioctl, &[0, TIOCSTI], EPERM),
            (libc::SYS_prctl, &[libc::PR_SET_SECCOMP.cast_unsigned(), 2], EPERM),
            (libc::SYS_prctl, &[libc::PR_SET_NO_NEW_PRIVS.cast_unsigned(), 1], ALLOW),
            (libc::SYS_setsockopt, &[3, 1, libc::SO_REUSEADDR.cast_unsigned()], ALLOW),
            (libc::SYS_setsockopt, &[3, 6, libc::SO_ATTACH_FILTER.cast_unsigned()], ALLOW),
            (libc::SYS_setsockopt, &[3, 1, libc::SO_ATTACH_FILTER.cast_unsigned()], EPERM),
            (libc::SYS_setsockopt, &[3, 1, libc::SO_ATTACH_REUSEPORT_CBPF.cast_unsigned()], EPERM),
            (libc::SYS_fadvise64, &[3, 0, 0, libc::POSIX_FADV_SEQUENTIAL.cast_unsigned()], ALLOW),
            (libc::SYS_fadvise64, &[3, 0, 0, libc::POSIX_FADV_DONTNEED.cast_unsigned()], DONE),
            (libc::SYS_preadv2, &[3, 0, 1, 0, 0, 0], ALLOW),
            (libc::SYS_preadv2, &[3, 0, 1, 0, 0, 1], ALLOW),
            (libc::SYS_preadv2, &[3, 0, 1, 0, 0, RWF_NOWAIT | 1], EOPNOTSUPP),
            (libc::SYS_pwritev2, &[3, 0, 1, 0, 0, RWF_DONTCACHE], EOPNOTSUPP),
            (libc::SYS_personality, &[u32::MAX], ALLOW),
            (libc::SYS_personality, &[0], ALLOW),
            (libc::SYS_personality, &[0x0040_0000], EPERM),
            (libc::SYS_prctl, &[15], ALLOW),
            (libc::SYS_prctl, &[35], EPERM),
        ] {
            assert_eq!(call(number, arguments), expected, "call {number} {arguments:x?}");
        }
    }

    #[test]
    fn the_program_is_short() {
        let length = compile().len();
        assert!(length < 250, "{length} instructions");
    }

    proptest! {
        #[test]
        fn unknown_numbers_never_reach_the_kernel(number in NUMBER_END..X32_BIT, arguments: [u32; 6]) {
            prop_assert_eq!(run(&compile(), ARCHITECTURE, number, arguments), ENOSYS);
        }
    }
}
