"""Dependencies are installed in a sandbox: what an installation runs sees the application's folder, reaches the registries, and nothing else."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

import pytest

from harness import Platform
from harness.platform import binary
from support import eventually

OWN_PYTHON = f"python3.{sys.version_info.minor}"
TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {Runtime: RUNTIME, Handler: app.handler, CodeUri: code, Timeout: 30}
Outputs: {Function: {Value: !Ref Hello}}
"""
# Imports a module that is native code, and tells the digests of what stands beside it.
NATIVE = """import hashlib, importlib.metadata, markupsafe._speedups, os, pathlib
def handler(event, context):
    folder = pathlib.Path(markupsafe.__file__).parent
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.is_file()}
    return {"version": importlib.metadata.version("markupsafe"), "files": files, "folder": str(folder)}
"""
# What a package's set-up finds out, it leaves in what it installs.
SETUP = """
import os, pathlib, socket, urllib.request
from setuptools import setup

def tried(what):
    try:
        return "got: " + str(what())[:200]
    except BaseException as error:
        return "no: " + type(error).__name__ + " " + str(error)[:200]

found = {
    "shadow": tried(lambda: open("/etc/shadow").read()),
    "home": tried(lambda: open("/root/.bashrc").read()),
    "secret": tried(lambda: open(%(secret)r).read()),
    "beside": tried(lambda: os.listdir(%(folder)r)),
    "write": tried(lambda: open("/usr/lib/x", "w")),
    "application": tried(lambda: open("/var/task/app.py", "a")),
    "direct": tried(lambda: socket.create_connection(("127.0.0.1", %(port)d), 5)),
    "far": tried(lambda: socket.create_connection(("198.51.100.7", 443), 5)),
    "platform": tried(lambda: urllib.request.urlopen("http://127.0.0.1:%(port)d/", timeout=20).status),
    "metadata": tried(lambda: urllib.request.urlopen("http://169.254.169.254/latest/", timeout=20).status),
    "elsewhere": tried(lambda: urllib.request.urlopen("https://elsewhere.example/", timeout=20).status),
}
rest = {
    "environment": sorted(name for name in os.environ if name.startswith(("AWS_", "FASTNESS_", "SECRET_"))),
    "user": os.getuid(), "processes": len([n for n in os.listdir("/proc") if n.isdigit()]),
}
pathlib.Path("hostile.py").write_text("FOUND = " + repr(found) + "\\nREST = " + repr(rest))
setup(name="hostile", version="1.0", py_modules=["hostile"])
"""
PYPROJECT = '[build-system]\nrequires = ["setuptools==75.6.0"]\nbuild-backend = "setuptools.build_meta"\n'
POSTINSTALL = """
const fs = require("fs"), net = require("net"), http = require("http");
const found = {};
const tried = (name, what) => { try { found[name] = "got: " + what(); } catch (error) { found[name] = "no: " + error.code; } };
tried("shadow", () => fs.readFileSync("/etc/shadow"));
tried("secret", () => fs.readFileSync(OUTSIDE));
tried("write", () => fs.writeFileSync("/usr/lib/x", "x"));
const direct = new Promise((done) => net.connect(PORT, "127.0.0.1", () => done("got: connected")).on("error", (error) => done("no: " + error.code)));
const proxied = new Promise((done) => http.get({ host: "127.0.0.1", port: 3128, path: "http://127.0.0.1:PORT/" }, (answer) => done("status: " + answer.statusCode)));
Promise.all([direct, proxied]).then(([one, two]) => {
  Object.assign(found, { direct: one, proxied: two, environment: Object.keys(process.env).filter((n) => /^(AWS|FASTNESS|SECRET)_/.test(n)) });
  fs.writeFileSync("found.json", JSON.stringify(found));
});
"""


def application(folder, runtime, files):
    for path, text in {"template.yaml": TEMPLATE.replace("RUNTIME", runtime), **files}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def deploy(platform, folder, name, *more, path=None, **environment):
    environment = {"PATH": path or os.environ["PATH"], "HOME": "/nonexistent", "SECRET_OF_HOST": "not for packages", **environment}
    arguments = ["deploy", str(folder), "--stack-name", name, "--data-dir", str(platform.data_dir), *more]
    return subprocess.run([binary(), *arguments], env=environment, capture_output=True, text=True, timeout=300)


def answer(platform, name):
    """Whether the stack's function failed, and what it answers."""
    outputs = platform.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    called = platform.client("lambda").invoke(FunctionName=outputs[0]["OutputValue"])
    return "FunctionError" in called, json.loads(called["Payload"].read())


def result(platform, name):
    failed, told = answer(platform, name)
    assert not failed, told
    return told


def deployed(platform, folder, name, *more, **environment):
    made = deploy(platform, folder, name, *more, **environment)
    assert made.returncode == 0, made.stdout + made.stderr
    return result(platform, name), made


@pytest.fixture
def outside():
    """A file that anyone of the host may read, in a folder that anyone may list."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="outside-"))
    folder.chmod(0o755)
    (folder / "secret").write_text("of the host")
    yield folder
    shutil.rmtree(folder)


def test_what_a_package_runs_reaches_nothing_but_the_registries(platform, outside, tmp_path, name):
    words = {"secret": str(outside / "secret"), "folder": str(outside), "port": platform.port}
    folder = application(tmp_path / "app", OWN_PYTHON, {
        "code/app.py": "import hostile\ndef handler(event, context):\n    return [hostile.FOUND, hostile.REST]\n",
        "code/requirements.txt": "./hostile\n",
        "code/hostile/setup.py": SETUP % words,
        "code/hostile/pyproject.toml": PYPROJECT,
    })
    (found, rest), made = deployed(platform, folder, name)
    assert rest["environment"] == [] and rest["user"] != 0 and rest["processes"] < 20, rest
    assert len(found) == 11
    for what, told in found.items():
        assert told.startswith("no: "), (what, told)
    for what in ("platform", "metadata", "elsewhere"):
        assert "403" in found[what], found[what]
    # Whoever deploys is told what was refused.
    for host in ("127.0.0.1:%d" % platform.port, "169.254.169.254:80", "elsewhere.example:443"):
        assert f"refused {host}: no egress rule of this platform allows it (--registry" in made.stderr, made.stderr
    assert "in a sandbox that reaches pypi.org" in made.stderr and "Successfully installed hostile-1.0" in made.stderr, made.stderr


def test_the_platform_is_refused_even_where_it_is_named(platform, outside, tmp_path, name):
    words = {"secret": str(outside / "secret"), "folder": str(outside), "port": platform.port}
    folder = application(tmp_path / "app", OWN_PYTHON, {
        "code/app.py": "import hostile\ndef handler(event, context):\n    return hostile.FOUND\n",
        "code/requirements.txt": "./hostile\n", "code/hostile/setup.py": SETUP % words, "code/hostile/pyproject.toml": PYPROJECT,
    })
    found, made = deployed(platform, folder, name, "--registry", f"localhost:{platform.port}", "--registry", f"127.0.0.1:{platform.port}")
    assert found["direct"].startswith("no: ") and "403" in found["platform"], found
    assert "the platform itself is reached" in made.stderr, made.stderr


def test_scripts_of_node_packages_run_and_reach_nothing(platform, outside, tmp_path, name):
    script = POSTINSTALL.replace("OUTSIDE", json.dumps(str(outside / "secret"))).replace("PORT", str(platform.port))
    folder = application(tmp_path / "app", "nodejs20.x", {
        "code/app.js": "exports.handler = async () => [require('is-odd')(3), require('hostile/found.json')];\n",
        "code/package.json": json.dumps({"name": "app", "dependencies": {"is-odd": "3.0.1", "hostile": "file:./hostile"}}),
        "code/hostile/package.json": json.dumps({"name": "hostile", "version": "1.0.0", "scripts": {"postinstall": "node script.cjs"}}),
        "code/hostile/script.cjs": script,
    })
    (odd, found), made = deployed(platform, folder, name)
    assert odd is True
    assert found.pop("environment") == [] and found.pop("proxied") == "status: 403"
    assert len(found) == 4 and all(told.startswith("no: ") for told in found.values()), found
    assert f"refused 127.0.0.1:{platform.port}" in made.stderr, made.stderr


def test_native_wheels_arrive_as_they_are_published(platform, tmp_path, name):
    files = {"code/app.py": NATIVE, "code/requirements.txt": "markupsafe==3.0.2\n"}
    folder = application(tmp_path / "app", OWN_PYTHON, files)
    found, made = deployed(platform, folder, name)
    assert found["version"] == "3.0.2" and found["folder"].startswith("/var/task/")
    assert any(file.endswith(".so") for file in found["files"]), found
    # The same as pip puts it down on this host, where it is asked to run there.
    other = application(tmp_path / "other", OWN_PYTHON, files)
    host, told = deployed(platform, other, name + "-host", "--install-on-host")
    assert host == found and "on this host itself" in told.stderr


def test_only_what_changed_is_installed_again(platform, tmp_path, name):
    folder = application(tmp_path / "app", "nodejs20.x", {
        "code/app.js": "exports.handler = async () => require('is-odd')(3);\n",
        "code/package.json": '{"name": "app", "dependencies": {"is-odd": "3.0.1"}}',
    })
    told, made = deployed(platform, folder, name)
    assert told is True and "in a sandbox" in made.stderr
    (folder / "code" / "app.js").write_text("exports.handler = async () => [require('is-odd')(4), require('is-number')(1)];\n")
    told, made = deployed(platform, folder, name)
    assert told == [False, True] and "in a sandbox" not in made.stderr, made.stderr
    (folder / "code" / "package.json").write_text('{"name": "app", "dependencies": {"is-odd": "3.0.1", "is-even": "1.0.0"}}')
    (folder / "code" / "app.js").write_text("exports.handler = async () => require('is-even')(4);\n")
    told, made = deployed(platform, folder, name)
    assert told is True and "in a sandbox" in made.stderr
    assert all(path.is_dir() and "." not in path.name for path in (folder / ".fastness" / "build").iterdir())


def test_a_registry_of_the_applications_choice_is_refused_until_it_is_named(platform, tmp_path, name):
    folder = application(tmp_path / "app", OWN_PYTHON, {
        "code/app.py": "", "code/requirements.txt": "--index-url https://elsewhere.example/simple\ncrhelper==2.0.11\n",
    })
    failed = deploy(platform, folder, name)
    assert failed.returncode == 1
    assert "template.yaml, line 3: Hello cannot be packaged: `pip install` failed" in failed.stderr, failed.stderr
    assert "refused elsewhere.example:443: no egress rule" in failed.stderr and "--registry names what an installation may reach" in failed.stderr
    named = deploy(platform, folder, name, "--registry", "elsewhere.example")
    assert named.returncode == 1 and "not reached elsewhere.example:443: the name could not be resolved" in named.stderr, named.stderr
    wrong = deploy(platform, folder, name, "--registry", "http://x")
    assert wrong.returncode == 1 and "is not an egress rule" in wrong.stderr


def test_what_fails_is_told_in_the_package_managers_own_words(platform, tmp_path, name):
    folder = application(tmp_path / "app", OWN_PYTHON, {"code/app.py": "", "code/requirements.txt": "no-such-package-of-anyone==9.9\n"})
    failed = deploy(platform, folder, name)
    assert failed.returncode == 1 and "No matching distribution found for no-such-package-of-anyone==9.9" in failed.stderr, failed.stderr
    assert "it ended with status 1" in failed.stderr
    node = application(tmp_path / "node", "nodejs20.x", {"code/app.js": "", "code/package.json": '{"dependencies": {"is-odd": "99.0.0"}}'})
    failed = deploy(platform, node, name)
    assert failed.returncode == 1 and "notarget No matching version found for is-odd@99.0.0" in failed.stderr, failed.stderr


def test_an_installation_that_takes_too_much_is_stopped_and_the_bound_is_told(platform, tmp_path, name):
    folder = application(tmp_path / "app", OWN_PYTHON, {
        "code/app.py": "", "code/requirements.txt": "./greedy\n",
        "code/greedy/setup.py": "taken = [b'x' * (1 << 28) for _ in range(16)]\n", "code/greedy/pyproject.toml": PYPROJECT,
    })
    failed = deploy(platform, folder, name)
    assert failed.returncode == 1 and "it was stopped when it used more than 3072 MiB" in failed.stderr, failed.stderr
    full = application(tmp_path / "full", OWN_PYTHON, {
        "code/app.py": "", "code/requirements.txt": "./greedy\n",
        "code/greedy/setup.py": "file = open('/tmp/big', 'wb')\nfor _ in range(200): file.write(bytes(1 << 24))\n", "code/greedy/pyproject.toml": PYPROJECT,
    })
    failed = deploy(platform, full, name)
    assert failed.returncode == 1 and "No space left on device" in failed.stderr, failed.stderr


def test_credentials_of_this_hosts_registry_stay_here(platform, tmp_path, name):
    folder = application(tmp_path / "app", OWN_PYTHON, {"code/app.py": "", "code/requirements.txt": "crhelper==2.0.11\n"})
    failed = deploy(platform, folder, name, PIP_INDEX_URL="https://someone:hidden-word@registry.invalid/simple")
    assert failed.returncode == 1 and "in a sandbox that reaches registry.invalid" in failed.stderr, failed.stderr
    assert "credentials that pip or npm of this host has" in failed.stderr and "hidden-word" not in failed.stderr


def test_without_a_sandbox_it_says_so_and_names_the_flag(platform, tmp_path, name):
    """As a user whom the kernel gives no namespaces: here, one without any right in a folder of his own."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="fastness-user-"))
    try:
        home.chmod(0o755)
        shutil.copy(binary(), home / "fastness")
        (home / "fastness").chmod(0o755)
        folder = application(home / "app", OWN_PYTHON, {"code/app.py": "", "code/requirements.txt": "crhelper==2.0.11\n"})
        for path in [home, *home.rglob("*")]:
            os.chown(path, 64_998, 64_998)
        key, secret = platform.root()
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        done = subprocess.run([str(home / "fastness"), "deploy", str(folder), "--stack-name", name, "--endpoint-url", platform.endpoint],
                              env=environment, capture_output=True, text=True, timeout=300, user=64_998, group=64_998, extra_groups=[])
        assert done.returncode == 1
        assert "dependencies are installed in a sandbox, and none can be made here" in done.stderr and "--install-on-host" in done.stderr, done.stderr
    finally:
        shutil.rmtree(home)


def test_up_installs_in_its_own_sandboxes_and_follows_the_manifest(tmp_path):
    files = {"code/app.py": "import crhelper\ndef handler(event, context):\n    return crhelper.__name__\n", "code/requirements.txt": "crhelper==2.0.11\n"}
    folder = application(tmp_path / "app", OWN_PYTHON, files)
    up = Platform(tmp_path / "up", command=("up", str(folder)), arguments=("--stack-name", "installs")).start(timeout_s=120)
    try:
        threading.Thread(target=lambda: [None for _ in up.process.stdout], daemon=True).start()
        assert result(up, "installs") == "crhelper"
        assert "in a sandbox that reaches pypi.org" in up.log_path.read_text()
        (folder / "code" / "requirements.txt").write_text("markupsafe==3.0.2\n")
        (folder / "code" / "app.py").write_text("import markupsafe\ndef handler(event, context):\n    return markupsafe.__name__\n")
        eventually(lambda: answer(up, "installs")[1] == "markupsafe", timeout_s=240)
    finally:
        up.kill()
