"""What hostile function code finds: each probe says what it tried, and what it was answered."""

import json

import pytest

from support import package, trust

PROBES = r'''
import ctypes, errno, glob, json, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)

def syscall(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return ("done" if result >= 0 else errno.errorcode.get(ctypes.get_errno(), "?"))

def attempt(body):
    try:
        return {"got": repr(body())[:300]}
    except BaseException as error:
        return {"refused": f"{type(error).__name__}: {error}"[:300]}

def connect(host, port):
    with socket.create_connection((host, port), timeout=2) as s:
        return s.getpeername()

PROBES = {
    "write the code": lambda: open("/var/task/app.py", "a"),
    "write the bootstrap": lambda: open("/var/runtime/bootstrap.py", "a"),
    "write the root": lambda: open("/x", "w"),
    "write to the interpreter": lambda: open(os.__file__, "a"),
    "read the host's shadow file": lambda: open("/etc/shadow").read(),
    # The way to the interpreter may stand there; nothing of root's may.
    "list root's home": lambda: [f for f in os.listdir("/root") if not sys.prefix.startswith("/root/" + f)][0],
    "see the platform's folder": lambda: [os.path.join(d, f) for d, _, fs in os.walk("/") for f in fs if f == "root.key"][0],
    "see another process": lambda: [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid(), os.getppid())][0],
    "read the parent's memory": lambda: open("/proc/%d/mem" % os.getppid(), "rb").read(1) if os.getppid() else open("/nothing"),
    "reach the platform's port on the host": lambda: connect("127.0.0.1", int(os.environ["PLATFORM_PORT"])),
    "reach the metadata service": lambda: connect("169.254.169.254", 80),
    "reach the network": lambda: connect("8.8.8.8", 53),
    "resolve a name": lambda: socket.getaddrinfo("example.com", 80),
    "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "open a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "open a netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "open a vsock": lambda: socket.socket(40, socket.SOCK_STREAM),
    "become root": lambda: os.setuid(0),
    "signal the platform": lambda: os.kill(int(os.environ["PLATFORM_PID"]), 9),
    "make a device": lambda: os.mknod("/tmp/sda", 0o600 | 0o060000, os.makedev(8, 0)),
    "change the host name": lambda: socket.sethostname("x"),
    "see a cgroup to write": lambda: open(glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True)[0], "w"),
    "write a kernel setting": lambda: open("/proc/sys/kernel/core_pattern", "w"),
    "trigger sysrq": lambda: open("/proc/sysrq-trigger", "w"),
}

SYSCALLS = {"ptrace": (101, 16, 1, 0, 0), "mount": (165, 0, 0, 0, 0, 0), "umount2": (166, 0, 0), "unshare": (272, 0x10000000), "setns": (308, 0, 0),
            "keyctl": (250, 0, 0), "add_key": (248, 0, 0, 0, 0, 0), "bpf": (321, 0, 0, 0), "io_uring_setup": (425, 1, 0), "userfaultfd": (323, 0),
            "perf_event_open": (298, 0, 0, 0, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0, 0), "personality": (135, 8), "kexec_load": (246, 0, 0, 0, 0),
            "init_module": (175, 0, 0, 0), "finit_module": (313, 0, 0, 0), "clock_settime": (227, 0, 0), "settimeofday": (164, 0, 0), "reboot": (169, 0, 0, 0, 0),
            "swapon": (167, 0, 0), "pivot_root": (155, 0, 0), "chroot": (161, 0), "open_by_handle_at": (304, 0, 0, 0), "name_to_handle_at": (303, 0, 0, 0, 0, 0),
            "fsopen": (430, 0, 0), "open_tree": (428, 0, 0, 0), "move_mount": (429, 0, 0, 0, 0, 0), "clone newuser": (56, 0x10000000, 0, 0, 0, 0), "iopl": (172, 3), "acct": (163, 0)}

def handler(event, context):
    if event == "descriptors":
        return sorted(int(fd) for fd in os.listdir("/proc/self/fd"))
    if event == "environment":
        return sorted(os.environ)
    if event == "setuid":
        with open("/tmp/s", "wb") as f: f.write(open("/bin/id", "rb").read())
        os.chmod("/tmp/s", 0o6755)
        return subprocess.run(["/tmp/s", "-u"], capture_output=True, text=True).stdout.strip()
    if event == "int80":
        code = bytes.fromhex("b814000000cd80c3")  # mov eax, 20 (getpid on i386); int 0x80; ret
        import mmap
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(code)
        run = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
        return run()
    if event == "syscalls":
        return {name: syscall(*call) for name, call in SYSCALLS.items()}
    if event == "x32":
        return syscall(0x40000000 + 39)
    if event == "forks":
        children = []
        try:
            for _ in range(5000):
                pid = os.fork()
                if pid == 0:
                    import time
                    time.sleep(60)
                    os._exit(0)
                children.append(pid)
        except OSError as error:
            return [len(children), errno.errorcode[error.errno]]
        return [len(children), "no limit"]
    if event == "files":
        held = []
        try:
            for _ in range(100000): held.append(os.dup(0))
        except OSError as error:
            return [len(held), errno.errorcode[error.errno]]
        finally:
            for fd in held: os.close(fd)
        return [len(held), "no limit"]
    if event == "tmp":
        try:
            with open("/tmp/big", "wb") as f:
                for _ in range(4096): f.write(b"x" * 1048576)
        except OSError as error:
            return errno.errorcode[error.errno]
        finally:
            os.unlink("/tmp/big")
        return "no limit"
    if event == "inodes":
        try:
            for n in range(1000000): open(f"/tmp/i{n}", "w").close()
        except OSError as error:
            return errno.errorcode[error.errno]
        return "no limit"
    return {name: attempt(body) for name, body in PROBES.items()}
'''


@pytest.fixture(scope="module")
def probe(platform):
    role = platform.client("iam").create_role(RoleName="probes", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client = platform.client("lambda")
    client.create_function(FunctionName="probes", Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, MemorySize=256, Code={"ZipFile": package(app__py=PROBES)},
                           Environment={"Variables": {"PLATFORM_PORT": str(platform.port), "PLATFORM_PID": str(platform.process.pid)}})
    client.get_waiter("function_active_v2").wait(FunctionName="probes", WaiterConfig={"Delay": 1})

    def run(event):
        answer = client.invoke(FunctionName="probes", Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    yield run
    client.delete_function(FunctionName="probes")


def test_every_probe_is_refused(probe):
    error, answers = probe("probes")
    assert error is None, answers
    got = {name: answer["got"] for name, answer in answers.items() if "got" in answer}
    assert len(answers) >= 24 and not got, got


def test_dangerous_system_calls_are_refused(probe):
    error, answers = probe("syscalls")
    assert error is None, answers
    assert {name: code for name, code in answers.items() if code not in ("EPERM", "ENOSYS", "EACCES")} == {}


@pytest.mark.parametrize("event", ["int80", "x32"])
def test_foreign_system_calls_end_the_process_or_fail(probe, event):
    error, answer = probe(event)
    assert error == "Unhandled" or answer in ("ENOSYS", "EPERM"), answer


def test_nothing_leaks_into_the_environment(probe):
    _, descriptors = probe("descriptors")
    assert set(descriptors) & {0, 1, 2} == {0, 1, 2} and len(descriptors) <= 6, descriptors
    _, names = probe("environment")
    assert not [name for name in names if name.startswith("FASTNESS_ROOT")] and "AWS_SESSION_TOKEN" in names


def test_setuid_gives_nothing(probe):
    error, answer = probe("setuid")
    assert error or answer != "0"


@pytest.mark.parametrize("event,limit", [("forks", 2048), ("files", 4096)])
def test_bombs_meet_their_limits(probe, event, limit):
    error, answer = probe(event)
    assert error or (answer[0] <= limit and answer[1] in ("EAGAIN", "EMFILE", "ENOMEM")), answer
    assert probe("descriptors")[0] is None, "the function did not recover"


@pytest.mark.parametrize("event", ["tmp", "inodes"])
def test_the_temporary_folder_is_bounded(probe, event):
    error, answer = probe(event)
    assert error or answer == "ENOSPC", answer
    assert probe("descriptors")[0] is None, "the function did not recover"


def test_a_killed_platform_leaves_no_orphan(fresh):
    import os
    import pathlib
    from support import eventually
    fresh.start()
    role = fresh.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client = fresh.client("lambda")
    # A number of this run's own: another one on this host looks for its own sleepers.
    seconds = str(100_000 + os.getpid())
    code = f"import subprocess\ndef handler(e, c):\n    subprocess.Popen(['sleep', '{seconds}'])\n    return 1\n"
    client.create_function(FunctionName="f", Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, Code={"ZipFile": package(app__py=code)})
    client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})
    assert json.loads(client.invoke(FunctionName="f")["Payload"].read()) == 1

    def sleepers():
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if path.read_bytes() == b"sleep\0" + seconds.encode() + b"\0":
                    found.append(path.parent.name)
            except OSError:
                pass
        return found

    # A program has its descriptors closed, by which its parent goes on, before it has its name.
    eventually(sleepers)
    fresh.kill()
    eventually(lambda: not sleepers())
