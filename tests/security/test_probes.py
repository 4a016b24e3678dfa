"""The rest of the list that every sandbox must stand: native probes, two tenants that run at one time, forgery, bombs, packages that bite."""

import base64
import errno
import io
import json
import os
import pathlib
import socket
import stat
import subprocess
import tempfile
import threading
import time
import zipfile

import pytest

from support import package, refused, trust

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION_1 = pathlib.Path("/sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes").exists()

# Runs what it is given, as an author of hostile functions would.
AGENT = """
def handler(event, context):
    scope = {"context": context}
    exec(event["code"], scope)
    return scope.get("result")
"""


def archive(*entries):
    """A zip of (name, bytes, mode) entries, exactly as named."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            zipped.writestr(info, content)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def tenants(platform, tmp_path_factory):
    """Two functions with roles of their own; the first brings the native probes."""
    folder = tmp_path_factory.mktemp("native")
    subprocess.run(["cc", "-o", folder / "probe", ROOT / "crates/sandbox/tests/isolation/probes.c"], check=True)
    native = (folder / "probe").read_bytes()
    client = platform.client("lambda")
    packages = {
        "tenant-a": archive(("app.py", AGENT.encode(), 0o644), ("probe", native, 0o755), ("suid", native, stat.S_IFREG | 0o6755)),
        "tenant-b": package(app__py=AGENT),
    }
    for name, code in packages.items():
        role = platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=300, MemorySize=256, Code={"ZipFile": code})
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    def run(name, code, error=None):
        answer = platform.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"code": code}))
        payload = json.loads(answer["Payload"].read())
        assert ("FunctionError" in answer) == bool(error), payload
        if error:
            assert error in json.dumps(payload), payload
        return payload

    yield run
    for name in packages:
        client.delete_function(FunctionName=name)


def test_every_native_probe_is_refused(platform, tenants):
    """ptrace, process_vm_readv, mounts, unshare, setns, keyctl, bpf, io_uring, userfaultfd, perf_event_open, personality, kexec, modules, clocks, raw, netlink
    and vsock sockets, abstract sockets, host services, metadata, int 0x80, x32, set-uid in /tmp and in the package, device nodes, cgroup mounts, release_agent,
    core_pattern, TIOCSTI, /proc/*/mem, signals outward: the C program names each."""
    with socket.socket(socket.AF_UNIX) as host:
        host.bind(f"\0probes-{platform.port}")
        host.listen()
        lines = tenants("tenant-a", f"""
import os, subprocess
result = subprocess.run(["/var/task/probe"], capture_output=True, text=True,
                        env=dict(os.environ, HOST_PORT="{platform.port}", HOST_ABSTRACT="probes-{platform.port}")).stdout
""").splitlines()
    results = dict(line.split(" ", 1) for line in lines[:-1])
    assert len(results) > 100 and lines[-1] == f"{len(results)} probes", lines[-1]
    assert {name: result for name, result in results.items() if result == "GRANTED"} == {}
    for name in ["ptrace_init", "io_uring", "bpf_map", "set_uid_in_package", "push_terminal_input", "host_abstract_socket", "open_release_agent", "metadata_service"]:
        assert name in results


def test_two_tenants_at_one_time_do_not_meet(platform, tenants):
    """Another environment's /tmp, /proc, memory, sockets, Runtime API and processes."""
    held = {}

    def hold():
        held["a"] = tenants("tenant-a", """
import os, socket, time
open("/tmp/secret-of-a", "w").write("secret")
named, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
named.bind("/tmp/a.sock"); named.listen()
abstract.bind("\\0tenant-a"); abstract.listen()
tcp = socket.create_server(("127.0.0.1", 7777))
until = time.time() + 4
met = []
for listener in (named, abstract, tcp): listener.settimeout(1.2)
for listener in (named, abstract, tcp):
    try:
        listener.accept(); met.append(str(listener))
    except TimeoutError:
        pass
result = {"met": met, "pid": os.getpid()}
""")

    holding = threading.Thread(target=hold)
    holding.start()
    time.sleep(1.0)
    found = tenants("tenant-b", """
import glob, os, socket
def reach(family, address):
    with socket.socket(family) as s:
        s.settimeout(0.5)
        try:
            s.connect(address)
            # A connection to a port of its own choice may meet itself: nobody else is there.
            return s.getsockname() != address or family == socket.AF_UNIX
        except OSError:
            return False
ports = [port for port in range(1, 65536) if reach(socket.AF_INET, ("127.0.0.1", port))]
signalled = []
for pid in range(1, 4000):
    try:
        os.kill(pid, 0); signalled.append(pid)
    except OSError:
        pass
result = {"tmp": os.listdir("/tmp"), "named": reach(socket.AF_UNIX, "/tmp/a.sock"), "abstract": reach(socket.AF_UNIX, "\\0tenant-a"), "ports": ports,
          "signalled": signalled, "own": os.getpid(), "processes": [p for p in os.listdir("/proc") if p.isdigit()], "ids": os.getresuid(),
          "environment": [e for e in glob.glob("/proc/[0-9]*/environ") if e != f"/proc/{os.getpid()}/environ" and os.access(e, os.R_OK)]}
""")
    holding.join()
    assert held["a"]["met"] == []
    assert found["tmp"] == [] and not found["named"] and not found["abstract"]
    assert found["ports"] == [443, 3128, 4566, 9001]
    assert set(found["signalled"]) <= {1, found["own"]} and set(map(int, found["processes"])) <= {1, found["own"]}
    assert found["environment"] == []


def test_an_answer_to_another_invocation_is_refused(tenants):
    """Request-id forgery, and calls out of turn."""
    statuses = tenants("tenant-b", """
import http.client
def call(method, path, body=b"{}"):
    c = http.client.HTTPConnection("127.0.0.1", 9001, timeout=10)
    c.request(method, path, body)
    return c.getresponse().status
base = "/2018-06-01/runtime/"
result = {"forged answer": call("POST", base + "invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response"),
          "forged error": call("POST", base + "invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/error"),
          "a second next": call("GET", base + "invocation/next", b""),
          "an error of the init that is over": call("POST", base + "init/error"),
          "another assignment": call("GET", "/2018-06-01/fastness/assignment", b""),
          "an unknown call": call("GET", "/admin")}
""")
    assert statuses == {"forged answer": 400, "forged error": 400, "a second next": 403, "an error of the init that is over": 403,
                        "another assignment": 403, "an unknown call": 404}


@pytest.mark.parametrize("bomb,error", [
    ("held = []\nwhile True: held.append(bytearray(16 << 20))", "Runtime"),
    ("import mmap, os\nheld = []\nwhile True:\n    m = mmap.mmap(-1, 64 << 20)\n    m.write(b'x' * (64 << 20))\n    held.append(m)", "Runtime"),
    ("f = open('/dev/shm/x', 'wb') if __import__('os').path.isdir('/dev/shm') else open('/tmp/x', 'wb')\nwhile True: f.write(b'x' * (16 << 20))", ""),
], ids=["heap", "mappings", "files"])
def test_memory_bombs_end_the_environment_and_nothing_else(tenants, bomb, error):
    payload = tenants("tenant-b", bomb, error=error or "e")
    assert "exited" in json.dumps(payload) or "Memory" in json.dumps(payload) or "No space" in json.dumps(payload), payload
    assert tenants("tenant-b", "result = 1") == 1


def test_pipe_buffers_are_bounded(tenants):
    answer = tenants("tenant-b", """
import errno, fcntl, os
held, total, error = [], 0, None
try:
    while total < 4 << 30:
        r, w = os.pipe()
        held += [r, w]
        size = fcntl.fcntl(w, 1031, 1 << 20)
        os.set_blocking(w, False)
        total += os.write(w, b"x" * size)
except OSError as e:
    error = errno.errorcode[e.errno]
for fd in held: os.close(fd)
result = {"total": total, "error": error}
""")
    assert answer["error"] in ("EPERM", "EMFILE", "ENFILE", "ENOMEM") and answer["total"] <= 256 << 20, answer


def test_nobody_watches_files_that_all_share(tenants):
    """inotify and dnotify would tell which modules another tenant imports, and which programs the host's administrator runs."""
    answer = tenants("tenant-b", """
import ctypes, errno, fcntl, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(call, *arguments):
    return call(*arguments) >= 0 or errno.errorcode[ctypes.get_errno()]
folder = os.open("/usr/bin", os.O_RDONLY)
def asked(command, argument):
    try:
        return fcntl.fcntl(folder, command, argument)
    except OSError as error:
        return errno.errorcode[error.errno]
result = {"inotify_init": tried(libc.inotify_init), "inotify_init1": tried(libc.inotify_init1, 0), "dnotify": asked(1026, 0x8000003F), "lease": asked(1024, 0)}
""")
    assert answer == {"inotify_init": "ENOSYS", "inotify_init1": "ENOSYS", "dnotify": "EPERM", "lease": "EPERM"}


def test_nobody_learns_which_files_of_all_are_in_memory(tenants):
    """Emptying a shared file out of memory, and asking later whether somebody read it, would tell the same without any right over it."""
    answer = tenants("tenant-b", """
import errno, os
with open("/usr/bin/factor" if os.path.exists("/usr/bin/factor") else "/bin/sh", "rb") as file:
    file.read()
    fd = file.fileno()
    advised = os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    found = os.preadv(fd, [bytearray(16)], 0)
    refused = []
    for flags in (os.RWF_NOWAIT, 0x80):
        try:
            os.preadv(fd, [bytearray(16)], 0, flags)
        except OSError as error:
            refused.append(errno.errorcode[error.errno])
result = [advised, found, refused]
""")
    assert answer == [None, 16, [errno.errorcode[errno.EOPNOTSUPP]] * 2]


def test_the_time_of_access_tells_nobody_what_others_read(tenants):
    """What a tenant imports, executes and lists stands for all to see; when it was last done must not."""
    times = """
import os, sysconfig
library = sysconfig.get_path("stdlib")
paths = [library + "/this.py", library + "/antigravity.py", library, "/usr/bin/env", "/usr/bin/true", "/etc/services", "/var/runtime/bootstrap.py", "/dev/zero"]
result = [[path, os.stat(path).st_atime_ns] for path in paths if os.path.exists(path)]
"""
    before = tenants("tenant-b", times)
    assert len(before) >= 5
    tenants("tenant-a", times + """
import mmap, subprocess
for path, _ in result:
    if os.path.isdir(path):
        os.listdir(path)
        continue
    with open(path, "rb") as file:
        file.read(64)
        try:
            mmap.mmap(file.fileno(), 64, prot=mmap.PROT_READ).read(8)
        except (OSError, ValueError):
            pass
subprocess.run(["/usr/bin/env", "/usr/bin/true"], check=True)
""")
    assert tenants("tenant-b", times) == before


def test_what_is_mounted_tells_of_nobody_else(platform, tenants):
    """Where a function's files stand on the host can be read inside: the data folder and code by its hash, and no name of another function or account."""
    mounts = tenants("tenant-b", "result = open('/proc/self/mountinfo').read()")
    other = platform.client("lambda").get_function_configuration(FunctionName="tenant-a")
    theirs = [other["FunctionArn"], "tenant-a", other["Role"], base64.b64decode(other["CodeSha256"]).hex()]
    assert "/var/task" in mounts and not [word for word in theirs if word in mounts], mounts
    # Of the host, what the interpreter needs and what was made for this function; no mount of anything else.
    interpreter = tenants("tenant-b", "import sys\nresult = sys.prefix")
    known = ("/usr", "/var/task", "/var/runtime", "/var/lang", "/etc/ssl/certs/", "/proc", "/tmp", "/dev/", "/opt", "/bin", "/sbin", "/lib", interpreter)
    points = [line.split()[4] for line in mounts.splitlines()]
    assert not [point for point in points if point != "/" and not point.startswith(known)], points


def test_what_stands_at_zero_is_nobody_elses(tenants):
    """An open file that two environments share would tell one what the other set in it, and outlive both."""
    def seen(tenant):
        return tenants(tenant, """
import errno, fcntl, os
flags = fcntl.fcntl(0, fcntl.F_GETFL)
fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_APPEND | os.O_NONBLOCK)
fcntl.fcntl(0, 10, 40)  # F_SETSIG
try:
    os.utime(0)
    touched = True
except OSError as error:
    touched = errno.errorcode[error.errno]
result = [flags & (os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK), fcntl.fcntl(0, 11) if flags & os.O_APPEND else 0, touched, os.read(0, 1).decode()]
""")
    before = os.stat("/dev/null").st_mtime_ns
    for tenant in ("tenant-a", "tenant-b"):
        answer = seen(tenant)
        assert answer[:2] == [0, 0] and answer[2] in ("EROFS", "EPERM") and answer[3] == "", (tenant, answer)
    assert os.stat("/dev/null").st_mtime_ns == before


def test_the_kernel_compiles_no_filters_for_functions(tenants):
    """What it compiles is its own memory, which no function's limit counts, out of a pot that all share."""
    assert tenants("tenant-b", """
import ctypes, errno, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
program = Program(1, ctypes.cast(code, ctypes.c_void_p))
def tried(call, *arguments):
    return call(*arguments) >= 0 or errno.errorcode[ctypes.get_errno()]
allowed = tried(libc.prctl, 38, 1, 0, 0, 0)
with socket.socket() as own:
    result = [allowed, tried(libc.syscall, 317, 1, 0, ctypes.byref(program)), tried(libc.prctl, 22, 2, ctypes.byref(program)),
              tried(libc.setsockopt, own.fileno(), 1, 26, ctypes.byref(program), ctypes.sizeof(program)),
              tried(libc.setsockopt, own.fileno(), 1, 51, ctypes.byref(program), ctypes.sizeof(program))]
""") == [True, "EPERM", "EPERM", "EPERM", "EPERM"]


def test_what_the_whole_host_counts_cannot_be_taken(tenants):
    """Contexts of asynchronous input and output are a number for the whole host (fs.aio-max-nr)."""
    before = pathlib.Path("/proc/sys/fs/aio-nr").read_text()
    assert tenants("tenant-b", """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
context = ctypes.c_ulong(0)
result = (libc.syscall(206, 1024, ctypes.byref(context)), errno.errorcode[ctypes.get_errno()])
""") == [-1, "ENOSYS"]
    assert pathlib.Path("/proc/sys/fs/aio-nr").read_text() == before


def test_socket_buffers_are_bounded(tenants):
    """The kernel's memory behind a function's connections is the function's: under version 2 of cgroups it ends for want of memory, under
    version 1, where it is counted apart, its sockets take 64 MiB at most."""
    payload = tenants("tenant-b", """
import socket
held, total = [], 0
listener = socket.create_server(("127.0.0.1", 7001))
for _ in range(120):
    client = socket.create_connection(("127.0.0.1", 7001))
    server, _ = listener.accept()
    held += [client, server]
    for one in (client, server):
        one.setblocking(False)
        try:
            while True:
                total += one.send(b"x" * 65536)
        except BlockingIOError:
            pass
result = total
""", error=None if VERSION_1 else "Runtime.OutOfMemory")
    assert not VERSION_1 or payload < 192 << 20, payload


def test_nothing_of_a_crashed_environment_is_in_the_next(tenants):
    tenants("tenant-b", "import os\nopen('/tmp/left', 'w').write('x')\nos.environ['LEFT'] = '1'\nos._exit(3)", error="Runtime.ExitError")
    assert tenants("tenant-b", "import os\nresult = [os.listdir('/tmp'), os.environ.get('LEFT')]") == [[], None]


def test_output_without_end_ends_with_the_time_out(platform, tenants):
    platform.client("lambda").update_function_configuration(FunctionName="tenant-b", Timeout=3)
    tenants("tenant-b", "import sys\nwhile True: sys.stdout.write('x' * 65536)", error="timed out")
    platform.client("lambda").update_function_configuration(FunctionName="tenant-b", Timeout=300)
    assert tenants("tenant-b", "result = 1") == 1


LINK = stat.S_IFLNK | 0o777


@pytest.mark.parametrize("entries", [
    [("../evil.py", b"x", 0o644)],
    [("a/../../evil.py", b"x", 0o644)],
    [("/etc/evil", b"x", 0o644)],
    [("link", b"/etc/passwd", LINK)],
    [("link", b"../../../etc/passwd", LINK)],
    [("link", b"/opt/../etc/passwd", LINK)],
    [("folder", b"/tmp", LINK), ("folder/evil", b"x", 0o644)],
    [("folder/evil", b"x", 0o644), ("./folder", b"/tmp", LINK)],
    [("folder", b"/tmp", LINK), ("folder//evil", b"x", 0o644)],
    [("lines", b"a\nevil\0f 644 1 0", LINK)],
    [("./../evil.py", b"x", 0o644)],
    [("device", b"", stat.S_IFBLK | 0o666)],
    [("fifo", b"", stat.S_IFIFO | 0o666)],
    [("App.py", b"x", 0o644), ("app.py/x", b"x", 0o644), ("app.py", b"y", 0o644)],
    [("app.py", b"x", 0o644), ("app.py", b"y", 0o644)],
    [("app.py", b"x", 0o644), ("./app.py", b"y", 0o644)],
    [("a" * 300, b"x", 0o644)],
    [("/".join("a" * 100) + "/x", b"x", 0o644)],
    [("bomb", b"\0" * (300 << 20), 0o644)],
    [(f"{n}", b"", 0o644) for n in range(70_000)],
], ids=["dots", "inner-dots", "absolute", "link-absolute", "link-out", "link-out-of-layers", "link-then-file", "file-then-link", "link-then-file-with-slashes", "link-of-lines", "dot-dots", "device", "fifo",
        "file-and-folder", "twice", "twice-by-dot", "long-name", "deep", "bomb", "many"])
def test_a_package_that_bites_is_refused(platform, tenants, entries):
    client = platform.client("lambda")
    role = platform.client("iam").get_role(RoleName="tenant-a")["Role"]["Arn"]
    refused(client.create_function, "InvalidParameterValueException", FunctionName="bites", Runtime="python3.12", Role=role, Handler="app.handler",
            Code={"ZipFile": archive(*entries)})
    refused(client.get_function, "ResourceNotFoundException", FunctionName="bites")
    assert not list(platform.data_dir.rglob("evil*"))


@pytest.fixture
def named():
    """A folder of the host's, of a name that links of functions may lead to."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="fastness-") as folder:
        yield pathlib.Path(folder)


def test_a_link_leads_to_what_the_function_sees_and_nobody_else_follows_it(platform, named):
    client = platform.client("lambda")
    role = platform.client("iam").get_role(RoleName="tenant-a")["Role"]["Arn"]
    (named / "theirs").write_text("of the host")
    (named / "extension").write_text("#!/bin/sh\n")
    (named / "extension").chmod(0o755)
    secrets = [str(named / "theirs"), f"{named}/../{named.name}/extension"]
    links = [(f"link{n}", target.encode(), LINK) for n, target in enumerate(secrets)]
    # A layer's folder that is a link to one of the host's, where extensions would be looked for, and a file of another layer in such a one.
    layers = [[("extensions", str(named).encode(), LINK), ("way", str(named).encode(), LINK), *links], [("way/theirs", b"of the layer", 0o644)]]
    arns = [client.publish_layer_version(LayerName=f"links{n}", Content={"ZipFile": archive(*entries)})["LayerVersionArn"] for n, entries in enumerate(layers)]
    agent = f"""def handler(event, context):
    def read(path):
        try:
            return open(path).read()
        except OSError as error:
            return error.strerror
    return [[read(f"{{root}}/link{{n}}") for n in range({len(links)})] for root in ("/var/task", "/opt")] + [read("/var/task/own"), read("/opt/way/theirs")]
"""
    code = archive(("app.py", agent.encode(), 0o644), ("own", b"/var/task/app.py", LINK), *links)
    client.create_function(FunctionName="links", Runtime="python3.12", Role=role, Handler="app.handler", Timeout=30, Code={"ZipFile": code}, Layers=arns)
    client.get_waiter("function_active_v2").wait(FunctionName="links", WaiterConfig={"Delay": 1})
    answer = client.invoke(FunctionName="links", Payload=b"{}")
    task, opt, own, way = json.loads(answer["Payload"].read())
    assert task == opt == ["No such file or directory"] * 2, (task, opt)
    assert own == agent
    assert way == "of the layer" and (named / "theirs").read_text() == "of the host"
    shown = client.get_function(FunctionName="links")["Configuration"]
    assert shown["CodeSize"] == len(code)
    client.delete_function(FunctionName="links")
    for arn in arns:
        client.delete_layer_version(LayerName=arn.rsplit(":", 1)[0], VersionNumber=1)
    assert {path.name for path in named.iterdir()} == {"theirs", "extension"} and (named / "theirs").read_text() == "of the host"


def test_the_start_says_which_layers_are_active(fresh):
    fresh.start()
    said = fresh.ready_line
    while "isolation of functions: " not in said or not said.endswith("\n"):
        said += os.read(fresh.process.stdout.fileno(), 4096).decode()
    active = said.split("isolation of functions: ")[1].split(";")[0].strip().split(", ")
    assert {"namespaces", "id-range", "read-only-root", "seccomp", "cgroup-memory", "cgroup-pids"} <= set(active), said
