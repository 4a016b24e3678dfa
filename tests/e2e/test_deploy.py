"""`fastness deploy` and `fastness delete`: stacks on a platform that runs already, by the command line alone, with the rights of whoever calls."""

import json
import subprocess

import pytest
import requests

from harness.platform import binary

TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: code/
      Timeout: 30
      Environment: {Variables: {GREETING: !Ref Greeting}}
      Events:
        Get: {Type: Api, Properties: {Path: /hello, Method: get}}
Outputs:
  Api: {Value: !Ref ServerlessRestApi}
"""
CODE = """import os
def handler(event, context):
    return {"statusCode": 200, "body": os.environ["GREETING"] + " %s"}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "app"
    (folder / "code").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "code" / "app.py").write_text(CODE % "one")
    return folder


def fastness(platform, *arguments, key=None, secret=None, cwd=None, env=None, bare=False):
    environment = {"PATH": __import__("os").environ["PATH"], "HOME": "/nonexistent", **(env or {})}
    if bare:
        where = []
    elif key:
        environment.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
        where = ["--endpoint-url", platform.endpoint]
    else:
        where = ["--data-dir", str(platform.data_dir)]
    return subprocess.run([binary(), *arguments, *where], env=environment, cwd=cwd, capture_output=True, text=True, timeout=180)


def answer(platform, api):
    return requests.get(f"{platform.endpoint}/_aws/execute-api/{api}/Prod/hello", timeout=60).text


def test_an_application_is_deployed_changed_and_deleted(platform, project, name):
    made = fastness(platform, "deploy", str(project), "--stack-name", name)
    assert made.returncode == 0, made.stdout + made.stderr
    assert f"the stack {name} is in CREATE_COMPLETE" in made.stdout
    assert "CREATE_COMPLETE" in made.stderr and "Hello (AWS::Lambda::Function)" in made.stderr, made.stderr
    again = fastness(platform, "deploy", str(project), "--stack-name", name, "--json")
    assert again.returncode == 0 and again.stderr == "", again.stderr
    told = json.loads(again.stdout)
    assert told["changed"] is False and told["status"] == "CREATE_COMPLETE"
    api = told["outputs"]["Api"]
    assert answer(platform, api) == "hello one"
    (project / "code" / "app.py").write_text(CODE % "two")
    changed = fastness(platform, "deploy", str(project), "--stack-name", name, "--parameter", "Greeting=servus", "--json")
    assert changed.returncode == 0 and json.loads(changed.stdout)["changed"], changed.stdout
    assert answer(platform, api) == "servus two"
    # What is not given stays as it is.
    assert json.loads(fastness(platform, "deploy", str(project), "--stack-name", name, "--json").stdout)["changed"] is False
    gone = fastness(platform, "delete", name)
    assert gone.returncode == 0 and f"the stack {name} is in DELETE_COMPLETE" in gone.stdout, gone.stdout + gone.stderr
    missing = fastness(platform, "delete", name)
    assert missing.returncode == 1 and f"there is no stack `{name}`" in missing.stderr


def test_a_failure_names_the_resource_its_line_and_the_services_words(platform, tmp_path, name):
    template = tmp_path / "broken.yaml"
    template.write_text("Resources:\n  Fine: {Type: AWS::Logs::LogGroup}\n  Bad:\n    Type: AWS::Logs::LogGroup\n    DependsOn: Fine\n    Properties: {LogGroupName: '!!'}\n")
    failed = fastness(platform, "deploy", str(template), "--stack-name", name)
    assert failed.returncode == 1
    assert f"{template}, line 3: Bad (AWS::Logs::LogGroup): " in failed.stdout and "LogGroupName" in failed.stdout.replace("logGroupName", "LogGroupName"), failed.stdout
    told = json.loads(fastness(platform, "deploy", str(template), "--stack-name", name, "--json").stdout)
    assert told["status"] == "ROLLBACK_COMPLETE" and [f["line"] for f in told["failures"]] == [3], told
    template.write_text("Resources:\n  Odd: {Type: AWS::No::Pe}\n")
    refused = fastness(platform, "deploy", str(template), "--stack-name", f"{name}-x")
    assert refused.returncode == 1 and "line 2: " in refused.stderr and "Unrecognized resource types: [AWS::No::Pe]" in refused.stderr, refused.stderr
    assert fastness(platform, "delete", name).returncode == 0


def broken_within(folder):
    """A template whose innermost stack cannot be made, and the places to be told: two stacks and what failed in the inner one."""
    (folder / "mid").mkdir()
    (folder / "top.yaml").write_text("Resources:\n  Mid:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: mid/mid.yaml}\n")
    (folder / "mid" / "mid.yaml").write_text("Resources:\n\n  In:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: in.yaml}\n")
    (folder / "mid" / "in.yaml").write_text("Resources:\n  Fine: {Type: AWS::Logs::LogGroup}\n  Bad:\n    Type: AWS::Logs::LogGroup\n    DependsOn: Fine\n    Properties: {LogGroupName: '!!'}\n")
    stack = "AWS::CloudFormation::Stack"
    return folder / "top.yaml", [("Mid", stack, folder / "top.yaml", 2), ("Mid/In", stack, folder / "mid" / "mid.yaml", 3), ("Mid/In/Bad", "AWS::Logs::LogGroup", folder / "mid" / "in.yaml", 3)]


def test_a_failure_within_a_nested_stack_names_what_failed_there(platform, tmp_path, name):
    template, places = broken_within(tmp_path)
    failed = fastness(platform, "deploy", str(template), "--stack-name", name)
    assert failed.returncode == 1
    for resource, kind, file, line in places:
        assert f"{file}, line {line}: {resource} ({kind}): " in failed.stdout, failed.stdout
    told = json.loads(fastness(platform, "deploy", str(template), "--stack-name", name, "--json").stdout)
    assert [(f["resource"], f["type"], f["template"], f["line"]) for f in told["failures"]] == [(r, k, str(f), n) for r, k, f, n in places]
    assert "logGroupName" in told["failures"][2]["reason"], told
    assert fastness(platform, "delete", name).returncode == 0
    # An update that fails in there tells the same, and not what failed long ago.
    inner = tmp_path / "mid" / "in.yaml"
    inner.write_text("Resources:\n  Fine: {Type: AWS::Logs::LogGroup}\n")
    assert fastness(platform, "deploy", str(template), "--stack-name", name).returncode == 0
    inner.write_text("Resources:\n  Fine: {Type: AWS::Logs::LogGroup}\n  Worse: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: '??'}}\n")
    told = json.loads(fastness(platform, "deploy", str(template), "--stack-name", name, "--json").stdout)
    assert (told["status"], [f["resource"] for f in told["failures"]]) == ("UPDATE_ROLLBACK_COMPLETE", ["Mid", "Mid/In", "Mid/In/Worse"])
    assert fastness(platform, "delete", name).returncode == 0


def test_the_callers_own_rights_hold(platform, project, name):
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["cloudformation:*", "sts:*", "s3:*"], "Resource": "*"})
    failed = fastness(platform, "deploy", str(project), "--stack-name", name, "--json", key=key, secret=secret)
    told = json.loads(failed.stdout)
    assert failed.returncode == 1 and told["status"] == "ROLLBACK_COMPLETE", failed.stdout
    assert any("iam:CreateRole" in failure["reason"] and failure["line"] for failure in told["failures"]), told
    assert fastness(platform, "delete", name, key=key, secret=secret).returncode == 0
    wrong = fastness(platform, "delete", name, key=key, secret="no" * 20)
    assert wrong.returncode == 1 and "SignatureDoesNotMatch" in wrong.stderr


def test_the_command_line_goes_before_the_environment_which_is_read_as_aws_reads_it(platform, tmp_path, name):
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(platform.data_dir / "credentials"), "AWS_CONFIG_FILE": str(platform.data_dir / "config")}
    readme = {**files, "AWS_ENDPOINT_URL": platform.endpoint}
    missing = f"there is no stack `{name}`"
    # As the README says it, without and with the data folder; a folder that was named is meant whatever the environment says.
    assert missing in fastness(platform, "delete", name, env=readme, bare=True).stderr
    assert missing in fastness(platform, "delete", name, env=readme).stderr
    assert missing in fastness(platform, "delete", name, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}).stderr
    assert missing in fastness(platform, "delete", name, "--endpoint-url", platform.endpoint, env=files, bare=True).stderr
    # A profile of the caller's own has the caller's own rights.
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    own = tmp_path / "own"
    own.write_text(f"[own]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    refused = fastness(platform, "delete", name, env={**readme, "AWS_SHARED_CREDENTIALS_FILE": str(own), "AWS_PROFILE": "own"}, bare=True)
    assert refused.returncode == 1 and "AccessDenied" in refused.stderr and f"user/{name}" in refused.stderr, refused.stderr
    none = fastness(platform, "delete", name, env={"AWS_ENDPOINT_URL": platform.endpoint}, bare=True).stderr
    assert "which AWS_ENDPOINT_URL names" in none and "profile `default` of `/nonexistent/.aws/credentials`" in none, none
    half = fastness(platform, "delete", name, env={**readme, "AWS_ACCESS_KEY_ID": key}, bare=True).stderr
    assert "without AWS_SECRET_ACCESS_KEY" in half, half


def test_profiles_are_found_however_they_are_written(platform, tmp_path, name):
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": str(config)}
    keys = f"AWS_ACCESS_KEY_ID: {key}\n# aws_secret_access_key = x\naws_secret_access_key : {secret}\n"
    services = f"services = mine\n[services mine]\ncloudformation =\n  endpoint_url = {platform.endpoint}\n"

    def told(*args):
        said = fastness(platform, "delete", name, *args, env=files, bare=True)
        assert said.returncode == 1
        return said.stderr

    # The config file names the platform: for all services, or for stacks alone.
    for title, address in (("profile a b", f"endpoint_url = {platform.endpoint}\n"), ('profile   "a b"', services)):
        credentials.write_text(f"[a b]\n{keys}")
        config.write_text(f"[{title}]\n{address}" if '"' in title else f"[profile 'a b']\n{address}")
        assert "AccessDenied" in told("--profile", "a b") and f"user/{name}" in told("--profile", "a b")
    # A role is one however it is written: the profile's plain key signs nothing.
    for role in ("ROLE_ARN: x", "role_arn:x", "  role_arn = x"):
        config.write_text(f"[profile   'a b'] # mine\n{role}\nsource_profile = a b\n")
        assert "takes its credentials by role_arn" in told("--profile", "a b", "--endpoint-url", platform.endpoint), role
    config.write_text("[profile 'a b']\nrole_arn\n")
    assert "line 2" in told("--profile", "a b", "--endpoint-url", platform.endpoint)


def test_files_of_the_working_folder_are_not_the_homes(platform, tmp_path, name):
    keys = (platform.data_dir / "credentials").read_text()
    for folder in (".aws", "$HOME/.aws", "~root/.aws"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "credentials").write_text(keys)

    def told(unset=(), **env):
        environment = {"PATH": __import__("os").environ["PATH"], "HOME": "/nonexistent", "AWS_ENDPOINT_URL": platform.endpoint, **env}
        for variable in unset:
            del environment[variable]
        said = subprocess.run([binary(), "delete", name], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=180)
        assert said.returncode == 1
        return said.stderr

    # Whoever runs the tests may have files of the AWS tools where the password database says that the home is.
    assert "there is no stack" not in told(unset=("HOME",))
    for empty in ("HOME", "AWS_SHARED_CREDENTIALS_FILE"):
        said = told(**{empty: ""})
        assert "no credentials for the platform" in said, (empty, said)
    assert "profile `default` of `/.aws/credentials`" in told(HOME="")
    for pattern in ("$HOME/.aws/credentials", "~root/.aws/credentials"):
        assert "write the whole path" in told(AWS_SHARED_CREDENTIALS_FILE=pattern), pattern
    # Where nothing else is said, an empty name is no error of its own.
    here = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / ".aws" / "credentials")}
    said = told(**here, AWS_CONFIG_FILE="", AWS_WEB_IDENTITY_TOKEN_FILE="", FASTNESS_DATA_DIR="")
    assert f"there is no stack `{name}`" in said, said


def test_who_was_named_signs_or_nobody(platform, tmp_path, name):
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    keys = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    credentials.write_text(f"[own]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    config.write_text("[default]\nregion = us-east-1\n")
    (tmp_path / ".fastness").symlink_to(platform.data_dir)
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": str(config)}
    address = {"AWS_ENDPOINT_URL": platform.endpoint}

    def told(*args, **env):
        said = fastness(platform, "delete", name, *args, env={**files, **env}, cwd=tmp_path, bare=True)
        assert said.returncode == 1
        return said.stderr

    missing = f"there is no stack `{name}`"
    # The folder's administrator signs where nobody is named, and where the folder is; never for somebody who is named.
    assert missing in told()
    assert missing in told("--data-dir", ".fastness", AWS_PROFILE="own", **keys)
    assert missing in told(FASTNESS_DATA_DIR=".fastness", AWS_PROFILE="own", **keys)
    for named, args, env in (
        ("--profile own", ("--profile", "own"), {}),
        ("--profile own", ("--profile", "own", "--data-dir", ".fastness"), {}),
        ("--profile own", ("--profile", "own"), {"FASTNESS_DATA_DIR": ".fastness"}),
        ("AWS_PROFILE", (), {"AWS_PROFILE": "own"}),
        ("AWS_ACCESS_KEY_ID", (), keys),
    ):
        said = told(*args, **env)
        assert f"{named} says who signs" in said and "--endpoint-url" in said, (named, said)
    assert f"user/{name}" in told("--profile", "own", "--endpoint-url", platform.endpoint)
    # A profile that is not there is nobody, whatever keys the environment has.
    for profile, args, env in (
        ("nobody", ("--profile", "nobody"), address),
        ("nobody", (), {"AWS_PROFILE": "nobody", **address}),
        ("nobody", (), {"AWS_PROFILE": "nobody", **address, **keys}),
        ("nobody", (), {"AWS_PROFILE": "nobody"}),
        ("", (), {"AWS_PROFILE": "", **address}),
        ("", (), {"AWS_DEFAULT_PROFILE": "", "AWS_PROFILE": "own", **address}),
    ):
        said = told(*args, **env)
        assert f"The config profile ({profile}) could not be found" in said, (profile, said)
    # An address that is not where it belongs stops the command, whatever other one there is.
    own = f"[profile own]\nendpoint_url = {platform.endpoint}\n"
    for wrong in ("services =\n  a = b\n", f"services = s\n[services s]\ncloudformation = {platform.endpoint}\n"):
        config.write_text(own + wrong)
        said = told("--profile", "own")
        assert "profile `own` has lines below `services`" in said or "`services s` says one value" in said, said


def test_samconfig_says_who_signs_and_where(platform, tmp_path, name):
    users = {who: platform.user(f"{name}-{who}", {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}) for who in ("file", "other")}
    credentials = tmp_path / "credentials"
    credentials.write_text("".join(f"[{who}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n" for who, (key, secret) in users.items()))
    key, secret = users["other"]
    keys = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": ""}
    (tmp_path / "template.yaml").write_text("Resources: {Group: {Type: AWS::Logs::LogGroup}}\n")
    (tmp_path / ".fastness").symlink_to(platform.data_dir)
    config = tmp_path / "samconfig.toml"

    def told(*args, **env):
        said = fastness(platform, "deploy", str(tmp_path), "--stack-name", name, *args, env={**files, **env}, cwd=tmp_path, bare=True)
        return said.returncode, said.stdout + said.stderr

    config.write_text('[default.global.parameters]\nprofile = "file"\n[default.deploy.parameters]\nregion = "us-east-1"\n')
    address = {"AWS_ENDPOINT_URL": platform.endpoint}
    for env in ({}, keys, {"AWS_PROFILE": "other"}, {"AWS_DEFAULT_REGION": "eu-west-1"}):
        code, said = told(**address, **env)
        assert code == 1 and f"user/{name}-file" in said, (env, said)
    code, said = told("--profile", "other", **address)
    assert code == 1 and f"user/{name}-other" in said, said
    config.write_text(config.read_text().replace("us-east-1", "eu-west-3"))
    code, said = told(**address, AWS_DEFAULT_REGION="us-east-1")
    assert code == 1 and "a valid region, not 'eu-west-3'" in said, said
    code, said = told("--region", "us-east-1", **address)
    assert code == 1 and f"user/{name}-file" in said, said
    # Nobody signs in the profile's place.
    for env in ({}, {"FASTNESS_DATA_DIR": ".fastness"}):
        code, said = told(**env)
        assert code == 1 and "the profile `file` of samconfig.toml says who signs" in said, said
    config.write_text('[default.global.parameters]\nprofile = "nobody"\n')
    code, said = told(**address, **keys)
    assert code == 1 and "The config profile (nobody) could not be found" in said, said
    # The file comes with a project: what it names has no hand on the terminal, and no line of its own.
    config.write_text('[default.global.parameters]\nprofile = "no\\u001b[31m\\u009bbody\\nall is well"\n')
    code, said = told(**address, **keys)
    assert code == 1 and "The config profile (no\\u001b[31m\\u009bbody\\u000aall is well) could not be found" in said, said
    config.write_text('[default.global.parameters]\nprofile = ""\n')
    code, said = told(**address, **keys)
    assert code == 1 and "`profile` is empty" in said, said
    # But where the command line says whose folder it is.
    config.write_text('[default.global.parameters]\nprofile = "file"\n')
    code, said = told("--data-dir", ".fastness")
    assert code == 0, said
    assert fastness(platform, "delete", name).returncode == 0


def test_what_answers_and_events_say_has_no_hand_on_the_terminal(platform, tmp_path, name):
    """What a service answers may be anybody's: a value of the stack's outputs, and a reason that repeats what was asked."""
    hostile = "a\x1b[2J\u009b1mb\nForged = x"
    resource = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Name": f"/{name}", "Value": hostile}}
    template = {"Resources": {"P": resource}, "Outputs": {"Out": {"Value": {"Fn::GetAtt": ["P", "Value"]}}}}
    (tmp_path / "template.json").write_text(json.dumps(template))
    # XML has no place for an escape: what answers in XML has a mark in its place.
    shown = "a\ufffd[2J\\u009b1mb\\u000aForged = x"
    made = fastness(platform, "deploy", str(tmp_path / "template.json"), "--stack-name", name)
    assert made.returncode == 0 and f"  Out = {shown}\n" in made.stdout, made.stdout + made.stderr
    again = fastness(platform, "deploy", str(tmp_path / "template.json"), "--stack-name", name, "--json")
    assert json.loads(again.stdout)["outputs"]["Out"] == hostile.replace("\x1b", "\ufffd") and "\u009b" not in again.stdout, again.stdout
    assert fastness(platform, "delete", name).returncode == 0
    template["Resources"]["P"] = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"{name}\x1b[2J\u009b"}}
    del template["Outputs"]
    (tmp_path / "template.json").write_text(json.dumps(template))
    refused = fastness(platform, "deploy", str(tmp_path / "template.json"), "--stack-name", name)
    told = refused.stdout + refused.stderr
    assert refused.returncode == 1 and "\x1b" not in told and "\u009b" not in told, told
    assert "[2J\\u009b" in told, told
    fastness(platform, "delete", name)
    # JSON and YAML stay what they are.
    template["Description"] = hostile
    (tmp_path / "template.json").write_text(json.dumps(template))
    for output in ("json", "yaml"):
        said = subprocess.run([binary(), "transform", str(tmp_path / "template.json"), "--output", output], capture_output=True, text=True, timeout=60)
        assert said.returncode == 0 and "\x1b" not in said.stdout and "\u009b" not in said.stdout, said
        if output == "json":
            assert json.loads(said.stdout)["Description"] == hostile


def groups(name, count, broken=False):
    """So many log groups, and one more that cannot be made."""
    lines = ["Resources:"] + [f"  G{i}: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: /{name}/{i}}}}}" for i in range(count)]
    return "\n".join([*lines, *([f"  Broken: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: /{name}/0}}, DependsOn: [G0]}}"] if broken else [])]) + "\n"


def test_a_failure_among_many_resources_is_told(platform, tmp_path, name):
    template = tmp_path / "template.yaml"
    template.write_text(groups(name, 70, broken=True))
    failed = fastness(platform, "deploy", str(template), "--stack-name", name)
    assert failed.returncode == 1 and "Broken (AWS::Logs::LogGroup): " in failed.stdout, failed.stdout + failed.stderr
    assert "line 72: Broken" in failed.stdout, failed.stdout
    template.write_text(groups(name, 120))
    made = fastness(platform, "deploy", str(template), "--stack-name", name)
    assert made.returncode == 0, made.stdout + made.stderr
    assert all(f"G{i} (AWS::Logs::LogGroup)" in made.stderr for i in range(120)), made.stderr
    assert fastness(platform, "delete", name).returncode == 0


def test_what_may_hold_data_is_not_removed_to_deploy(platform, tmp_path, name):
    client, logs = platform.client("cloudformation"), platform.client("logs")
    template = tmp_path / "template.yaml"
    template.write_text(groups(name, 1, broken=True))
    kept = fastness(platform, "deploy", str(template), "--stack-name", name, "--on-failure", "do-nothing")
    assert kept.returncode == 1 and "CREATE_FAILED" in kept.stdout, kept.stdout + kept.stderr
    kept = fastness(platform, "deploy", str(template), "--stack-name", name)
    assert kept.returncode == 1 and "UPDATE_FAILED" in kept.stdout, kept.stdout + kept.stderr
    made = logs.describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"]
    assert made and client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "UPDATE_FAILED"
    template.write_text(groups(name, 1))
    mended = fastness(platform, "deploy", str(template), "--stack-name", name)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert logs.describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"] == made, "what was kept is what is there"
    assert fastness(platform, "delete", name).returncode == 0


def test_a_refusal_is_told_in_words_without_a_wrong_line(platform, tmp_path, name):
    template = tmp_path / "template.yaml"
    template.write_text("Resources:\n  G: {Type: AWS::Logs::LogGroup, Properties: {Foo: 1}}\n")
    told = fastness(platform, "deploy", str(template), "--stack-name", name).stderr
    assert "line 2: the platform answered 400: ValidationError: " in told and "[Foo]" in told and "<" not in told, told
    template.write_text("Resources:\n  G: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !ImportValue nothing}}\n")
    told = fastness(platform, "deploy", str(template), "--stack-name", name).stderr
    assert "No export named nothing found." in told and "(line 1)" not in told, told
