"""A runtime whose version this host has not, or a machine that it is not: functions run on another version of the family and on this host, which is said,
or are refused where that is asked for."""

import json
import platform as host
import shutil
import subprocess

import pytest

from harness import Platform
from support import eventually, logged, package, refused, trust

CODE = "import sys\ndef handler(event, context):\n    return 'python%d.%d' % sys.version_info[:2]\n"
MINORS = range(8, 15)
ABSENT = next(f"python3.{minor}" for minor in MINORS if not shutil.which(f"python3.{minor}", path="/usr/bin:/bin"))
OWN, OTHER = ("arm64", "x86_64") if host.machine() == "aarch64" else ("x86_64", "arm64")
# A host with the Pythons of the system only, whoever runs this.
PATH = {"PATH": "/usr/bin:/bin"}
TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}
  Older:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: older, Runtime: %s, Handler: index.handler, Role: !GetAtt Role.Arn, Code: {ZipFile: "%s"}, Architectures: [%s]}
  Own:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: own, Runtime: %s, Handler: index.handler, Role: !GetAtt Role.Arn, Code: {ZipFile: "%s"}}
"""


def system_python():
    return subprocess.run(["python3", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"], env=PATH, capture_output=True, text=True, check=True).stdout.strip()


def create(platform, name, runtime):
    iam = platform.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    return {"FunctionName": name, "Runtime": runtime, "Role": role, "Handler": "app.handler", "Code": {"ZipFile": package(app__py=CODE)}}


def test_another_version_stands_in_and_the_log_names_it(tmp_path):
    with Platform(tmp_path, arguments=("--log", "info"), environment=PATH) as platform:
        client, logs = platform.client("lambda"), platform.client("logs")
        client.create_function(**create(platform, "older", ABSENT))
        given = json.loads(client.invoke(FunctionName="older")["Payload"].read())
        assert given != ABSENT and given.removeprefix("python") == system_python().rpartition(".")[0]
        client.create_function(**create(platform, "exact", given))
        assert json.loads(client.invoke(FunctionName="exact")["Payload"].read()) == given

        def first_line(name):
            return next((message for message in logged(logs, f"/aws/lambda/{name}") if message.startswith("INIT_START ")), None)

        lines = [eventually(lambda name=name: first_line(name)) for name in ("older", "exact")]
        assert lines[0] == lines[1] and lines[0].startswith(f"INIT_START Runtime Version: {given.replace('python', 'python:')}\t"), lines
        # At the start it is said what there is.
        assert f'runtimes="Python {system_python()}' in platform.log_path.read_text()

        platform.stop()
        platform.arguments.append("--exact-runtimes")
        platform.start()
        client = platform.client("lambda")
        message = refused(client.invoke, "InvalidRuntimeException", FunctionName="older")
        assert ABSENT in message and given in message and message.count(ABSENT) == 1, message
        assert json.loads(client.invoke(FunctionName="exact")["Payload"].read()) == given
        message = refused(client.create_function, "InvalidParameterValueException", **create(platform, "newer", ABSENT))
        assert f"Value {ABSENT} at 'runtime' failed to satisfy constraint" in message and given in message.partition("[")[2], message
        client.create_function(**create(platform, "native", "provided.al2"))


def test_what_is_interpreted_runs_whatever_machine_it_names(tmp_path):
    given = "python" + system_python().rpartition(".")[0]
    with Platform(tmp_path, environment=PATH) as platform:
        client = platform.client("lambda")
        asked = {**create(platform, "other", given), "Architectures": [OTHER]}
        assert client.create_function(**asked)["Architectures"] == [OTHER]
        assert json.loads(client.invoke(FunctionName="other")["Payload"].read()) == given
        client.update_function_code(FunctionName="other", ZipFile=package(app__py=CODE + "\n"))
        assert client.get_function_configuration(FunctionName="other")["Architectures"] == [OTHER], "what is not said stays"
        told = refused(client.update_function_configuration, "InvalidParameterValueException", FunctionName="other", Runtime="provided.al2023")
        assert f"Architecture {OTHER} is not available on this machine" in told
        native = {**asked, "FunctionName": "native", "Runtime": "provided.al2023"}
        assert f"Architecture {OTHER}" in refused(client.create_function, "InvalidParameterValueException", **native)
        assert client.update_function_code(FunctionName="other", ZipFile=package(app__py=CODE), Architectures=[OWN])["Architectures"] == [OWN]
        platform.stop()
        platform.arguments.append("--exact-runtimes")
        platform.start()
        told = refused(platform.client("lambda").create_function, "InvalidParameterValueException", **{**asked, "FunctionName": "exact"})
        assert f"Architecture {OTHER} is not available on this machine" in told


def test_up_warns_of_functions_on_another_version_or_machine(tmp_path):
    template = tmp_path / "template.yaml"
    code = CODE.replace("\n", "\\n")
    template.write_text(TEMPLATE % (ABSENT, code, OTHER, "python" + system_python().rpartition(".")[0], code))
    running = Platform(tmp_path / "up", command=("up", str(template)), arguments=("--json", "--no-watch"), environment=PATH).start(timeout_s=120)
    try:
        lines = running.log_path.read_text().splitlines()
        assert len([line for line in lines if f"Older asks for {OTHER}: it runs on this host, which is {OWN}" in line]) == 1, lines
        told = [line for line in lines if "not on this host" in line]
        assert len(told) == 1 and f"Older asks for {ABSENT}" in told[0] and f"it runs on Python {system_python()}" in told[0], told
    finally:
        running.stop()
    running.arguments.append("--exact-runtimes")
    shutil.rmtree(running.data_dir)
    with pytest.raises(AssertionError, match=f"Value {ABSENT} at 'runtime' failed to satisfy constraint"):
        running.start(timeout_s=120)
