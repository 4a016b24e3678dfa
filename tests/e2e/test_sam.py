"""The unmodified `sam` CLI: its own starter applications are made, built, deployed, changed and deleted, and their functions answer."""

import json
import subprocess
import sys

import pytest

import tools
from harness import Platform
from support import eventually, listed


@pytest.fixture(scope="module")
def sam():
    return tools.python_tool(tools.SAM, "sam")


@pytest.fixture
def run(platform, sam, tmp_path):
    return runner(sam, tools.environment(platform, tmp_path), tmp_path)


def runner(sam, environment, folder):
    def call(*arguments, cwd=folder, fails=False, answers=""):
        done = subprocess.run([str(sam), *arguments], cwd=cwd, env=environment, input=answers, capture_output=True, text=True, timeout=300)
        assert (done.returncode != 0) is fails, f"sam {' '.join(arguments)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    return call


def starter(run, sam, language, runtime):
    """One of the starter applications that the CLI brings along, made by `sam init`; answers its folder's name."""
    found = list(sam.parent.parent.glob(f"lib/python3*/site-packages/samcli/lib/init/templates/cookiecutter-aws-sam-hello-{language}"))
    run("init", "--no-interactive", "--no-input", "--location", str(found[0]), "--name", "app", "--extra-context", json.dumps({"runtime": runtime}))
    return "app"


def message(platform, stack):
    found = platform.raw("GET", tools.here(platform, tools.outputs(platform, stack)["HelloWorldApi"]).rstrip("/"))
    assert found.status_code == 200, found.text
    return found.json()["message"]


@pytest.mark.parametrize("language,runtime,source", [
    ("python", f"python3.{sys.version_info.minor}", "hello_world/app.py"),
    ("nodejs", "nodejs20.x", "hello-world/app.js"),
])
def test_a_starter_application_is_built_deployed_changed_and_deleted(platform, sam, run, tmp_path, name, language, runtime, source):
    if language != "python":
        tools.by_hand()
    bucket = name.lower()
    platform.client("s3").create_bucket(Bucket=bucket)
    app = tmp_path / starter(run, sam, language, runtime)
    # Its configuration asks for a bucket of the CLI's own, which takes TLS only; here a bucket is named.
    (app / "samconfig.toml").unlink()

    def deploy():
        run("build", cwd=app)
        return run("deploy", "--stack-name", name, "--s3-bucket", bucket, "--capabilities", "CAPABILITY_IAM", "--region", "us-east-1",
                   "--no-confirm-changeset", "--no-fail-on-empty-changeset", cwd=app)

    assert f"Successfully created/updated stack - {name}" in deploy()
    assert message(platform, name) == "hello world"
    text = (app / source).read_text()
    assert "hello world" in text
    (app / source).write_text(text.replace("hello world", "servus welt"))
    deploy()
    eventually(lambda: message(platform, name) == "servus welt")
    if language == "python":
        assert "No changes to deploy" in deploy()
        here = ("--stack-name", name, "--region", "us-east-1")
        assert "HelloWorldFunction" in run("list", "resources", *here, cwd=app)
        assert "HelloWorldApi" in run("list", "stack-outputs", *here, cwd=app)
        assert "servus welt" in run("remote", "invoke", "HelloWorldFunction", *here, cwd=app)
        eventually(lambda: "REPORT RequestId" in run("logs", *here, cwd=app))
        # Code alone, past CloudFormation.
        (app / source).write_text(text.replace("hello world", "pronto"))
        run("sync", "--code", "--no-watch", "--no-dependency-layer", *here, cwd=app, answers="Y\n")
        assert message(platform, name) == "pronto"
        # It asks Cloud Control, which is not here: that is said.
        assert "The service cloudcontrolapi is not available on this platform." in run("list", "endpoints", *here, cwd=app, fails=True)
    run("delete", "--stack-name", name, "--no-prompts", "--region", "us-east-1", cwd=app)
    found = [s["StackName"] for s in listed(platform.client("cloudformation"), "describe_stacks", "Stacks")]
    assert name not in found


def test_what_sam_init_writes_deploys_as_it_is_over_tls(fresh, sam, tmp_path):
    """`samconfig.toml` as `sam init` writes it says `resolve_s3`: the bucket that the CLI makes for itself refuses whoever comes without TLS."""
    fresh.arguments = ["--tls-self-issued"]
    fresh.start()
    authority = fresh.data_dir / "tls" / "authority.pem"
    run = runner(sam, tools.environment(fresh, tmp_path, authority), tmp_path)
    app = tmp_path / starter(run, sam, "python", f"python3.{sys.version_info.minor}")
    assert "resolve_s3 = true" in (app / "samconfig.toml").read_text()
    run("build", cwd=app)
    told = run("deploy", "--no-confirm-changeset", "--region", "us-east-1", cwd=app)
    assert "Successfully created/updated stack - app" in told
    assert "hello world" in run("remote", "invoke", "HelloWorldFunction", "--stack-name", "app", "--region", "us-east-1", cwd=app)


def test_the_clis_own_bucket_refuses_plain_http(fresh, sam, tmp_path):
    fresh.start()
    run = runner(sam, tools.environment(fresh, tmp_path), tmp_path)
    app = tmp_path / starter(run, sam, "python", f"python3.{sys.version_info.minor}")
    assert "with an explicit deny in a resource-based policy" in run("deploy", "--no-confirm-changeset", "--region", "us-east-1", cwd=app, fails=True)
