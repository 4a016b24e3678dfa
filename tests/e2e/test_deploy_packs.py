"""`fastness deploy` and `up` pack what a template names beside it: layers, nested templates, definitions, included texts; and read `samconfig.toml`."""

import json
import os
import subprocess
import threading

import pytest
import requests

from harness import Platform
from harness.platform import binary
from support import eventually, listed

OUTER = """Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String}
Globals: {Function: {Runtime: python3.12, Handler: app.handler, Timeout: 30}}
Resources:
  Shared:
    Type: AWS::Serverless::LayerVersion
    Description: What several functions import.
    Properties: {ContentUri: layers/shared}
    Metadata: {BuildMethod: python3.12}
  Plain:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: layers/plain}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello
      Layers: [!Ref Shared, !Ref Plain]
      Environment: {Variables: {GREETING: !Ref Greeting}}
      Events:
        Get: {Type: Api, Properties: {Path: /hello, Method: get, RestApiId: !Ref Api}}
  Single:
    Type: AWS::Lambda::Function
    Properties: {Runtime: nodejs20.x, Handler: single.handler, Code: single.js, Timeout: 30, Role: !GetAtt HelloRole.Arn}
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: live, DefinitionUri: api.yaml, Variables: {function: !Ref Hello}}
  Group:
    Type: AWS::Logs::LogGroup
    Properties: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: group.yaml}}}
  Inner:
    Type: AWS::Serverless::Application
    Properties: {Location: inner/template.yaml, Parameters: {Name: !Ref Greeting}}
Outputs:
  Api: {Value: !Ref Api}
  Hello: {Value: !Ref Hello}
  Single: {Value: !Ref Single}
  Group: {Value: !Ref Group}
  Inner: {Value: !GetAtt Inner.Outputs.Function}
"""
# The address of the integration stands in the definition: in S3 nothing is filled in but by the stage.
API = """swagger: "2.0"
info: {title: packed, version: "1"}
paths:
  /hello:
    get:
      x-amazon-apigateway-integration:
        type: aws_proxy
        httpMethod: POST
        uri: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:${stageVariables.function}/invocations"
"""
INNER = """Transform: AWS::Serverless-2016-10-31
Parameters: {Name: {Type: String}}
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: inner.handler, CodeUri: code, Timeout: 30, Environment: {Variables: {NAME: !Ref Name}}}
Outputs: {Function: {Value: !Ref Function}}
"""
FILES = {
    "template.yaml": OUTER,
    "api.yaml": API,
    "group.yaml": "RetentionInDays: 7\n",
    "layers/shared/shared.py": "WORD = 'shared'\n",
    "layers/plain/python/plain.py": "WORD = 'plain'\n",
    "layers/plain/not-installed/requirements.txt": "nothing to install here\n",
    "hello/app.py": "import os, plain, shared\ndef handler(event, context):\n    return {'statusCode': 200, 'body': ' '.join([os.environ['GREETING'], shared.WORD, plain.WORD])}\n",
    "single.js": "exports.handler = async () => 'single';\n",
    "inner/template.yaml": INNER,
    "inner/code/inner.py": "import os\ndef handler(event, context):\n    return 'inner ' + os.environ['NAME']\n",
}


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "packed"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def fastness(platform, *arguments):
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    return subprocess.run([binary(), *arguments, "--data-dir", str(platform.data_dir)], env=environment, capture_output=True, text=True, timeout=180)


def result(platform, function):
    return json.loads(platform.client("lambda").invoke(FunctionName=function)["Payload"].read())


def check(platform, outputs, greeting):
    shown = requests.get(f"{platform.endpoint}/_aws/execute-api/{outputs['Api']}/live/hello", timeout=60)
    assert (shown.status_code, shown.text) == (200, f"{greeting} shared plain")
    assert result(platform, outputs["Single"]) == "single"
    assert result(platform, outputs["Inner"]) == f"inner {greeting}"
    groups = platform.client("logs").describe_log_groups(logGroupNamePrefix=outputs["Group"])["logGroups"]
    assert groups[0]["retentionInDays"] == 7


def test_what_a_template_names_is_packed_where_it_stands(platform, project, name):
    arguments = ("deploy", str(project), "--stack-name", name, "--parameter", "Greeting=hello", "--json")
    made = fastness(platform, *arguments)
    assert made.returncode == 0, made.stdout + made.stderr
    outputs = json.loads(made.stdout)["outputs"]
    check(platform, outputs, "hello")
    # As in AWS, a stack within is asked every time whether what stands at its address has changed; it stays as it was.
    assert json.loads(fastness(platform, *arguments).stdout)["status"] == "UPDATE_COMPLETE"
    stacks = listed(platform.client("cloudformation"), "describe_stacks", "Stacks")
    assert [stack["StackStatus"] for stack in stacks if stack.get("ParentId", "").split("/")[1:2] == [name]] == ["CREATE_COMPLETE"]
    # A change inside of the nested template is a change.
    (project / "inner" / "code" / "inner.py").write_text("def handler(event, context):\n    return 'changed'\n")
    changed = json.loads(fastness(platform, *arguments).stdout)
    assert changed["changed"] and changed["status"] == "UPDATE_COMPLETE", changed
    assert result(platform, outputs["Inner"]) == "changed"
    assert fastness(platform, "delete", name).returncode == 0


def test_samconfig_counts_where_the_command_line_is_silent(platform, project, name):
    platform.client("s3").create_bucket(Bucket=name.lower())
    (project / "samconfig.toml").write_text(f"""version = 0.1
[default.global.parameters]
stack_name = "{name}"
[default.deploy.parameters]
capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
parameter_overrides = "Greeting=\\"from the file\\""
tags = "team=one"
s3_bucket = "{name.lower()}"
confirm_changeset = true
[other.deploy.parameters]
stack_name = "{name}-other"
parameter_overrides = 5
""")
    made = fastness(platform, "deploy", str(project), "--tag", "stage=test")
    assert made.returncode == 0 and "samconfig.toml [default]" in made.stderr, made.stdout + made.stderr
    stack = platform.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    assert {t["Key"]: t["Value"] for t in stack["Tags"]} == {"team": "one", "stage": "test"}
    check(platform, {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}, "from the file")
    assert platform.client("s3").list_objects_v2(Bucket=name.lower())["KeyCount"] >= 7
    told = json.loads(fastness(platform, "deploy", str(project), "--parameter", "Greeting=said", "--json").stdout)
    check(platform, told["outputs"], "said")
    wrong = fastness(platform, "deploy", str(project), "--config-env", "other")
    assert wrong.returncode == 1 and "`parameter_overrides` is neither a text nor a list of texts" in wrong.stderr
    assert fastness(platform, "delete", name).returncode == 0


def test_samconfig_may_ask_for_a_change_set_alone_and_nothing_of_it_is_dropped(platform, tmp_path, name):
    stacks = platform.client("cloudformation")
    (tmp_path / "template.yaml").write_text("Parameters: {A: {Type: String}}\nResources: {P: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref A}}}\n")
    config = tmp_path / "samconfig.toml"

    def deploy(settings, *arguments):
        config.write_text(f'[default.deploy.parameters]\nstack_name = "{name}"\nparameter_overrides = {{A = "m1"}}\n{settings}\n')
        return fastness(platform, "deploy", str(tmp_path), *arguments)

    planned = deploy("no_execute_changeset = true", "--json")
    told = json.loads(planned.stdout)
    assert planned.returncode == 0 and told["status"] == "REVIEW_IN_PROGRESS" and told["changes"][0]["resource"] == "P", planned.stderr
    assert stacks.describe_change_set(ChangeSetName=told["changeSetId"])["ExecutionStatus"] == "AVAILABLE"
    assert stacks.describe_stack_resources(StackName=name)["StackResources"] == []
    waits = deploy("")
    assert waits.returncode == 1 and "waits for review" in waits.stderr
    stacks.delete_stack(StackName=name)
    made = deploy('confirm_changeset = true\nno_such = "x"')
    assert made.returncode == 0 and "`confirm_changeset` counts for nothing" in made.stderr and "`no_such` is no setting" in made.stderr, made.stderr
    planned = deploy("", "--no-execute-changeset", "--parameter", "A=m2")
    assert planned.returncode == 0 and "Modify P (AWS::SSM::Parameter)" in planned.stdout, planned.stdout
    assert stacks.describe_stacks(StackName=name)["Stacks"][0]["Parameters"][0]["ParameterValue"] == "m1"
    empty = deploy("fail_on_empty_changeset = true")
    assert empty.returncode == 1 and "is as the template says already" in empty.stdout, empty.stdout + empty.stderr
    refused = deploy('notification_arns = ["a"]')
    assert refused.returncode == 1 and "`notification_arns` is not supported" in refused.stderr
    missing = deploy("", "--config-env", "nope")
    assert missing.returncode == 1 and "`nope`" in missing.stderr
    assert fastness(platform, "delete", name).returncode == 0


def test_what_cannot_be_packed_is_told_with_its_line(platform, project, name):
    (project / "template.yaml").write_text(OUTER.replace("layers/plain}", "layers/gone}"))
    failed = fastness(platform, "deploy", str(project), "--stack-name", name, "--parameter", "Greeting=x")
    assert failed.returncode == 1
    assert "template.yaml, line 11: Parameter Content of resource Plain refers to a file or folder that does not exist" in failed.stderr, failed.stderr
    (project / "template.yaml").write_text(OUTER.replace("BuildMethod: python3.12", "BuildMethod: makefile"))
    failed = fastness(platform, "deploy", str(project), "--stack-name", name, "--parameter", "Greeting=x")
    assert failed.returncode == 1 and "run `sam build`" in failed.stderr, failed.stderr


def test_a_stack_that_cannot_be_made_goes_where_that_is_asked(platform, tmp_path, name):
    template = tmp_path / "broken.yaml"
    template.write_text("Resources: {Bad: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: '!!'}}}\n")
    failed = fastness(platform, "deploy", str(template), "--stack-name", name, "--on-failure", "delete", "--json")
    told = json.loads(failed.stdout)
    assert failed.returncode == 1 and told["status"] == "DELETE_COMPLETE" and told["failures"][0]["line"] == 1, told
    assert fastness(platform, "delete", name).returncode == 1


def test_a_role_acts_for_the_stack(platform, tmp_path, name):
    iam = platform.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    template = tmp_path / "group.yaml"
    template.write_text("Resources: {Group: {Type: AWS::Logs::LogGroup}}\n")
    failed = fastness(platform, "deploy", str(template), "--stack-name", name, "--role-arn", role, "--json")
    assert failed.returncode == 1 and f"{name}" in json.loads(failed.stdout)["failures"][0]["reason"], failed.stdout
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=json.dumps(allowed))
    made = fastness(platform, "deploy", str(template), "--stack-name", name, "--role-arn", role)
    assert made.returncode == 0, made.stdout + made.stderr
    assert platform.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["RoleARN"] == role
    assert fastness(platform, "delete", name).returncode == 0


def test_up_packs_the_same_and_follows_edits_of_nested_parts(project, tmp_path):
    arguments = ("--json", "--parameter", "Greeting=up")
    up = Platform(tmp_path / "up", command=("up", str(project)), arguments=arguments).start(timeout_s=120)
    try:
        threading.Thread(target=lambda: [None for _ in up.process.stdout], daemon=True).start()
        outputs = json.loads(up.ready_line.splitlines()[0])["outputs"]
        check(up, outputs, "up")
        (project / "inner" / "code" / "inner.py").write_text("def handler(event, context):\n    return 'edited'\n")
        eventually(lambda: result(up, outputs["Inner"]) == "edited", timeout_s=120)
        (project / "layers" / "shared" / "shared.py").write_text("WORD = 'edited'\n")
        url = f"{up.endpoint}/_aws/execute-api/{outputs['Api']}/live/hello"
        eventually(lambda: requests.get(url, timeout=60).text == "up edited plain", timeout_s=120)
    finally:
        up.kill()


def test_up_reads_samconfig_as_deploy_does_and_follows_its_edits(project, tmp_path):
    config = project / "samconfig.toml"
    # As `sam init` writes it: `sam deploy` needs no leave for macros, as it deploys by change sets.
    settings = '[{env}.global.parameters]\nstack_name = "of-the-file"\n[{env}.deploy.parameters]\ncapabilities = "CAPABILITY_IAM"\nparameter_overrides = "Greeting=\\"{word}\\""\ntags = "team=one"\n'
    config.write_text("version = 0.1\n" + settings.format(env="default", word="from the file") + settings.format(env="other", word="other"))
    up = Platform(tmp_path / "up", command=("up", str(project)), arguments=("--json",)).start(timeout_s=120)
    try:
        threading.Thread(target=lambda: [None for _ in up.process.stdout], daemon=True).start()
        stack = up.client("cloudformation").describe_stacks(StackName="of-the-file")["Stacks"][0]
        assert stack["Tags"] == [{"Key": "team", "Value": "one"}] and stack["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"], stack
        outputs = json.loads(up.ready_line.splitlines()[0])["outputs"]
        check(up, outputs, "from the file")
        config.write_text(settings.format(env="default", word="edited"))
        url = f"{up.endpoint}/_aws/execute-api/{outputs['Api']}/live/hello"
        eventually(lambda: requests.get(url, timeout=60).text == "edited shared plain", timeout_s=120)
        config.write_text("[default.deploy.parameters]\nparameter_overrides = 5\n")
        eventually(lambda: "`parameter_overrides` is neither a text nor a list of texts" in up.log_path.read_text())
        assert up.process.poll() is None
    finally:
        up.kill()
    other = Platform(tmp_path / "other")
    config.write_text(settings.format(env="other", word="other"))
    arguments = ["up", str(project), "--once", "--json", "--config-env", "other", "--parameter", "Greeting=line", "--stack-name", "of-the-line"]
    done = subprocess.run([binary(), *arguments, "--listen", f"127.0.0.1:{other.port}", "--data-dir", str(other.data_dir)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and json.loads(done.stdout.splitlines()[0])["stack"] == "of-the-line", done.stdout + done.stderr
