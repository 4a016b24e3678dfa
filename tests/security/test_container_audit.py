"""A public tool that models escapes out of containers, run inside a function: whatever it tries there, it confirms nothing.

The tool is `cepheus-engine` from PyPI (MIT). It looks around inside, and then tries each escape that it thinks possible with a harmless command of
its own, through `docker exec`. What it takes for `docker` here is a script that runs the command in a function, or, as the control, beside the tool.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from support import package, trust

TOOL = "cepheus-engine==1.1.1"
ROOT = pathlib.Path(__file__).resolve().parents[2]

AGENT = """
import subprocess
def handler(event, context):
    done = subprocess.run(event["command"], input=event["input"], capture_output=True, text=True, errors="replace", timeout=50)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
"""

# `docker exec [-i] -- NAME COMMAND...`; everything else that is asked of it has no answer.
DOCKER = """#!{python}
import json, os, subprocess, sys
if sys.argv[1:2] != ["exec"] or "--" not in sys.argv:
    sys.exit(1)
command = sys.argv[sys.argv.index("--") + 2:]
text = sys.stdin.read() if "-i" in sys.argv[:sys.argv.index("--")] else ""
with open(os.environ["AUDIT_LOG"], "a") as log:
    log.write(json.dumps(command) + "\\n")
if "AUDIT_ENDPOINT" not in os.environ:
    done = subprocess.run(command, input=text, text=True)
    sys.exit(done.returncode)
import boto3, botocore.config
settings = botocore.config.Config(read_timeout=70, retries={{"max_attempts": 1}})
client = boto3.client("lambda", endpoint_url=os.environ["AUDIT_ENDPOINT"], region_name="us-east-1", config=settings)
answer = client.invoke(FunctionName="container-audit", Payload=json.dumps({{"command": command, "input": text}}))
done = json.loads(answer["Payload"].read())
if "FunctionError" in answer:
    print(done, file=sys.stderr)
    sys.exit(125)
sys.stdout.write(done["out"])
sys.stderr.write(done["err"])
sys.exit(done["code"])
"""


@pytest.fixture(scope="module")
def tool():
    """The tool in an environment of its own, kept from run to run."""
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / ("audit-" + TOOL.replace("==", "-"))
    program = folder / "bin" / "cepheus"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        installed = subprocess.run([folder / "bin" / "pip", "install", "-q", TOOL], capture_output=True, text=True)
        if installed.returncode != 0:
            pytest.skip(f"{TOOL} cannot be had: {installed.stderr.strip().splitlines()[-1:]}")
    return program


@pytest.fixture
def audit(tool, tmp_path):
    """Runs the tool: the escapes that it confirmed, and the commands that it ran."""
    def run(**environment):
        docker, log, report = tmp_path / "docker", tmp_path / "log", tmp_path / "report.json"
        docker.write_text(DOCKER.format(python=sys.executable))
        docker.chmod(0o755)
        environment |= {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AUDIT_LOG": str(log), "HOME": str(tmp_path)}
        arguments = ["scan", "-c", "audited", "--format", "json", "-o", str(report)]
        done = subprocess.run([tool, *arguments], env=environment, capture_output=True, text=True, timeout=240)
        ran = [json.loads(line) for line in log.read_text().splitlines()]
        # Its exit says whether anything was confirmed, and an error ends it in the same way: the report tells them apart.
        assert report.exists(), done.stdout + done.stderr
        found = json.loads(report.read_text())
        confirmed = {step["technique"]["name"] for chain in found["chains"] for step in chain["steps"]}
        return found, confirmed, ran, done.returncode
    return run


def test_the_tool_finds_what_there_is_where_nothing_holds_it(audit):
    if os.geteuid() != 0:
        pytest.skip("without root there is little to be found")
    found, confirmed, ran, code = audit()
    assert code == 0 and len(confirmed) >= 5, (confirmed, ran)


def test_the_tool_confirms_no_escape_out_of_a_function(platform, audit):
    role = platform.client("iam").create_role(RoleName="container-audit", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))
    client = platform.client("lambda")
    client.create_function(FunctionName="container-audit", Runtime="python3.12", Role=role["Role"]["Arn"], Handler="app.handler", Timeout=60,
                           MemorySize=512, Code={"ZipFile": package(app__py=AGENT)})
    client.get_waiter("function_active_v2").wait(FunctionName="container-audit", WaiterConfig={"Delay": 1})
    key, secret = platform.root()
    found, confirmed, ran, code = audit(AUDIT_ENDPOINT=platform.endpoint, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    # It was inside, and looked around there.
    assert found["posture"]["hostname"] == "sandbox", found["posture"]
    assert found["posture"]["capabilities"]["effective"] == [], found["posture"]["capabilities"]
    assert found["total_techniques_checked"] > 50
    assert confirmed == set() and code == 1, (confirmed, ran)
