"""Runtimes that were brought from elsewhere: OCI image layouts and folders, imported by command and used by functions."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import sysconfig
import tarfile

import pytest

from harness.platform import binary
from support import package, refused, trust

LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "__pycache__", "site-packages", "dist-packages"}
HANDLER = """import os, sys
def handler(event, context):
    return {"prefix": sys.prefix, "program": sys.executable, "marker": open("/etc/marker").read(), "from": os.environ.get("FROM_IMAGE"),
            "opt": sorted(os.listdir("/opt")), "home": os.path.exists("/home"), "gone": os.path.exists("/srv/gone"), "doc": os.path.exists("/usr/share/doc"), "event": event}
"""
# A runtime of the image's own, as Lambda's images have one: it speaks the Runtime API and nothing else.
BOOTSTRAP = """#!/usr/bin/python3 -S
import json, os, sys, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
while True:
    with opener.open(api + "next") as call:
        request, event = call.headers["Lambda-Runtime-Aws-Request-Id"], json.load(call)
    answer = {"own": True, "handler": os.environ["_HANDLER"], "files": sorted(os.listdir("/var/task")), "runtime": sorted(os.listdir("/var/runtime")), "event": event}
    opener.open(urllib.request.Request(api + request + "/response", json.dumps(answer).encode()))
"""


def libraries(*programs):
    """What the dynamic linker loads for these."""
    found = set()
    for program in programs:
        for word in subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout.split():
            if word.startswith("/") and os.path.exists(word):
                found.add(word)
    return found


def python_tree():
    """A small root file system with this host's Python: paths inside, and files of the host."""
    program, version = os.path.realpath(sys.executable), "python%d.%d" % sys.version_info[:2]
    stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
    files = {"usr/bin/python3": program}
    for folder, folders, names in os.walk(stdlib):
        folders[:] = [each for each in folders if each not in LEFT_OUT and not each.startswith("config-")]
        for each in names:
            if not each.endswith((".a", ".pyc")):
                path = pathlib.Path(folder, each)
                files[f"usr/lib/{version}/{path.relative_to(stdlib)}"] = str(path)
    modules = [path for path in files.values() if path.endswith(".so")]
    for library in libraries(program, *modules):
        files[library.lstrip("/")] = os.path.realpath(library)
    return files


class Layer:
    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w")

    def file(self, path, content, mode=0o644):
        info = tarfile.TarInfo(path)
        info.size, info.mode = len(content), mode
        self.tar.addfile(info, io.BytesIO(content))

    def special(self, path, kind, target=""):
        info = tarfile.TarInfo(path)
        info.type, info.linkname = kind, target
        self.tar.addfile(info)

    def bytes(self):
        self.tar.close()
        return self.buffer.getvalue()


class Layout:
    """An OCI image layout on the disk."""

    def __init__(self, folder, layers, config):
        self.folder = folder
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        config = self.blob("config.v1+json", json.dumps({"architecture": machine, "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": []}}).encode())
        first, *others = layers
        layers = [self.blob("layer.v1.tar", first), *(self.blob("layer.v1.tar+gzip", gzip.compress(each, 1)) for each in others)]
        manifest = self.blob("manifest.v1+json", json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode())
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{**manifest, "platform": {"os": "linux", "architecture": machine}}]}))

    def blob(self, kind, content):
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs/sha256" / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}


@pytest.fixture(scope="module")
def base():
    layer = Layer()
    for path, host in python_tree().items():
        content = pathlib.Path(host).read_bytes()
        layer.file(path, content, 0o4755 if os.access(host, os.X_OK) else 0o644)
    if not any(path.startswith("lib64/") for path in python_tree()):
        layer.special("lib64", tarfile.SYMTYPE, "usr/lib64")
    layer.file("srv/gone", b"of the lower layer")
    layer.special("dev/null", tarfile.CHRTYPE)
    return layer.bytes()


def upper(*files):
    layer = Layer()
    layer.file("srv/.wh.gone", b"")
    layer.file("etc/marker", b"of the image")
    for path, content in files:
        layer.file(path, content, 0o755)
    return layer.bytes()


def command(platform, *arguments):
    return subprocess.run([binary(), "runtime", *map(str, arguments), "--data-dir", platform.data_dir], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def role():
    def make(platform):
        iam = platform.client("iam")
        made = iam.create_role(RoleName="runtimes", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        iam.attach_role_policy(RoleName="runtimes", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
        return made
    return make


def invoke(client, name, event):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_functions_run_on_images_that_were_imported(fresh, tmp_path, base, role):
    plain = Layout(tmp_path / "plain", [base, upper()], {"Env": ["FROM_IMAGE=yes", "PATH=/usr/bin"]})
    own = Layout(tmp_path / "own", [base, upper(("var/runtime/bootstrap", BOOTSTRAP.encode()), ("var/runtime/extra", b"x"))], {"Env": ["FROM_IMAGE=own"]})
    for name, layout in (("python3.9", plain), ("java21", own)):
        imported = command(fresh, "import", name, layout.folder)
        assert imported.returncode == 0 and imported.stdout.startswith(name + "\t"), imported.stderr
    again = command(fresh, "import", "java21", own.folder)
    assert again.returncode == 1 and "imported already" in again.stderr
    listed = command(fresh, "list").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["java21", "python3.9"] and all("sha256:" in line for line in listed)
    fresh.start()
    client, arn = fresh.client("lambda"), role(fresh)
    message = refused(client.create_function, "InvalidParameterValueException", FunctionName="other", Runtime="ruby3.3", Role=arn, Handler="app.handler", Code={"ZipFile": package(app__py=HANDLER)})
    assert message.startswith("Value ruby3.3 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [java21, ") and "python3.9" in message
    for name, runtime in (("plain", "python3.9"), ("own", "java21")):
        client.create_function(FunctionName=name, Runtime=runtime, Role=arn, Handler="app.handler", MemorySize=256, Timeout=60, Code={"ZipFile": package(app__py=HANDLER)})
    for n in range(2):
        seen = invoke(client, "plain", {"n": n})
        assert seen == {"prefix": "/usr", "program": "/usr/bin/python3", "marker": "of the image", "from": "yes", "opt": [], "home": False, "gone": False, "doc": False, "event": {"n": n}}
        assert invoke(client, "own", {"n": n}) == {"own": True, "handler": "app.handler", "files": ["app.py"], "runtime": ["bootstrap", "extra"], "event": {"n": n}}
    # What functions run on stays as long as the platform runs.
    refusal = command(fresh, "remove", "python3.9")
    assert refusal.returncode == 1 and "stop it first" in refusal.stderr, refusal
    assert len(command(fresh, "list").stdout.splitlines()) == 2
    # The host's own runtimes are as they were.
    client.create_function(FunctionName="host", Runtime="python3.12", Role=arn, Handler="app.handler", Timeout=30, Code={"ZipFile": package(app__py="def handler(event, context): return event")})
    assert invoke(client, "host", {"here": True}) == {"here": True}


def test_a_folder_is_imported_and_removed(fresh, tmp_path):
    root = tmp_path / "root"
    (root / "usr/local/bin").mkdir(parents=True)
    (root / "usr/local/bin/node").write_text("#!/bin/sh\n")
    (root / "usr/local/bin/node").chmod(0o755)
    assert command(fresh, "import", "nodejs18.x", root).returncode == 0
    assert "a folder" in command(fresh, "list").stdout
    assert command(fresh, "remove", "nodejs18.x").returncode == 0 and command(fresh, "list").stdout == ""
    assert "no runtime of this name" in command(fresh, "remove", "nodejs18.x").stderr


@pytest.mark.parametrize("what", ["device", "up", "digest", "bomb", "nothing"])
def test_hostile_images_are_refused_and_leave_nothing(fresh, tmp_path, what):
    layer = Layer()
    layer.file("var/runtime/bootstrap", b"#!/bin/sh\n", 0o755)
    if what == "device":
        layer.special("usr/disk", tarfile.BLKTYPE)
    if what == "up":
        layer.file("usr/../../../escaped", b"x")
    if what == "nothing":
        layer = Layer()
        layer.file("etc/hostname", b"x")
    content = layer.bytes()
    if what == "bomb":
        # A header that claims eight gigabytes.
        header = bytearray(tarfile.TarInfo("large").tobuf(tarfile.GNU_FORMAT)[:512])
        header[124:136] = b"100000000000"
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        content = bytes(header) + bytes(1024)
    layout = Layout(tmp_path / "image", [content], {})
    if what == "digest":
        blob = layout.folder / "blobs/sha256" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content.replace(b"#!/bin/sh", b"#!/bin/no"))
    refusal = command(fresh, "import", "python3.9", layout.folder)
    assert refusal.returncode == 1 and refusal.stderr.startswith("fastness: ") and "panicked" not in refusal.stderr, refusal.stderr
    roots = pathlib.Path(fresh.data_dir, "roots")
    assert not roots.exists() or not list(roots.iterdir())
    assert not (tmp_path / "escaped").exists()
