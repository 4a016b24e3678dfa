"""Deploying tools of other people, pinned, each in a folder of its own under target: installed by the first test that needs one, and the test skipped, with the
reason, where that cannot be done."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from harness.platform import ROOT

FOLDER = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))) / "tools"
SAM = "aws-sam-cli==1.170.0"
CHALICE = "chalice==1.34.0"
CDK = ("aws-cdk@2.1148.1", "aws-cdk-lib@2.260.0", "constructs@10.8.1")


def by_hand():
    """For what takes minutes or hundreds of megabytes: only where FASTNESS_TOOLS says so."""
    if not os.environ.get("FASTNESS_TOOLS"):
        pytest.skip("by hand: FASTNESS_TOOLS=1 installs and drives this tool")


def python_tool(requirement, program):
    """The program of a Python package."""
    folder = FOLDER / requirement
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        must([sys.executable, "-m", "venv", str(folder)], requirement)
        must([str(folder / "bin" / "pip"), "install", "--quiet", requirement], requirement)
        (folder / "done").touch()
    return folder / "bin" / program


def node_packages(*names):
    """A folder whose `node_modules` holds these packages."""
    folder = FOLDER / names[0].replace("/", "-")
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"name": "tools", "private": true}')
        must(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *names], names[0], cwd=folder)
        (folder / "done").touch()
    return folder


def must(command, what, cwd=None):
    """Runs a step of an installation, or skips the test."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=900)
    except OSError as error:
        pytest.skip(f"{what} cannot be installed: {error}")
    if done.returncode != 0:
        pytest.skip(f"{what} cannot be installed: {(done.stderr or done.stdout)[-300:]}")


def environment(platform, home, ca_bundle=None):
    """The variables that point any tool at the platform, as its administrator, and at nothing else of this machine."""
    key, secret = platform.root()
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "FASTNESS_"))}
    variables.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, AWS_DEFAULT_REGION="us-east-1", AWS_REGION="us-east-1", AWS_PAGER="",
                     AWS_ENDPOINT_URL=platform.endpoint, AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
                     SAM_CLI_TELEMETRY="0", CDK_DISABLE_VERSION_CHECK="1", HOME=str(home))
    if ca_bundle:
        variables.update(AWS_ENDPOINT_URL=platform.endpoint.replace("http:", "https:"), AWS_CA_BUNDLE=str(ca_bundle), NODE_EXTRA_CA_CERTS=str(ca_bundle))
    return variables


def outputs(platform, stack):
    """A stack's outputs."""
    found = platform.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}


def here(platform, url):
    """The path on this platform of a stage that a template writes as AWS's host: `https://ID.execute-api.….amazonaws.com/STAGE/…`."""
    host, _, path = url.removeprefix("https://").partition("/")
    return f"/_aws/execute-api/{host.split('.')[0]}/{path}"
