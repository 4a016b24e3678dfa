"""Parameter Store with boto3 and the aws CLI: values, versions, labels, paths, sealed values, and what is refused."""

import json
import os
import subprocess

import pytest

from support import package, refused, trust


@pytest.fixture
def ssm(platform):
    return platform.client("ssm")


def test_values_have_versions_and_labels(ssm, name):
    one, path = f"/{name}/one", f"/{name}"
    assert ssm.put_parameter(Name=one, Value="a", Type="String", Tags=[{"Key": "k", "Value": "v"}])["Version"] == 1
    refused(ssm.put_parameter, "ParameterAlreadyExists", Name=one, Value="b", Type="String")
    assert ssm.put_parameter(Name=one, Value="b", Overwrite=True)["Version"] == 2
    assert ssm.label_parameter_version(Name=one, ParameterVersion=1, Labels=["prod"])["InvalidLabels"] == []
    values = [ssm.get_parameter(Name=one + selector)["Parameter"]["Value"] for selector in ("", ":1", ":prod", ":2")]
    assert values == ["b", "a", "a", "b"]
    refused(ssm.get_parameter, "ParameterVersionNotFound", Name=one + ":9")
    taken = ssm.unlabel_parameter_version(Name=one, ParameterVersion=2, Labels=["prod"])
    assert (taken["RemovedLabels"], taken["InvalidLabels"]) == ([], ["prod"])
    ssm.label_parameter_version(Name=one, Labels=["test"])
    assert ssm.unlabel_parameter_version(Name=one, ParameterVersion=2, Labels=["test"])["RemovedLabels"] == ["test"]
    refused(ssm.get_parameter, "ParameterVersionNotFound", Name=one + ":test")
    refused(ssm.get_parameter, "ParameterNotFound", Name=f"/{name}/none")
    for at in range(12):
        ssm.put_parameter(Name=f"{path}/many/{at:02}", Value=str(at), Type="String")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True, PaginationConfig={"PageSize": 5})
    found = [each["Name"] for page in pages for each in page["Parameters"]]
    assert found == [f"{path}/many/{at:02}" for at in range(12)] + [one]
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": [path]}])
    assert len([each for page in pages for each in page["Parameters"]]) == 13
    history = ssm.get_parameter_history(Name=one)["Parameters"]
    assert [(each["Version"], each["Value"], each["Labels"]) for each in history] == [(1, "a", ["prod"]), (2, "b", [])]
    assert history[0]["LastModifiedUser"].endswith(":root")
    ssm.delete_parameters(Names=found[:10])
    ssm.delete_parameter(Name=one)
    refused(ssm.get_parameter, "ParameterNotFound", Name=one)


def test_a_sealed_value_is_read_by_who_may_and_stands_nowhere_else(platform, ssm, name):
    secret = f"the secret of {name}"
    ssm.put_parameter(Name=f"/{name}/s", Value=secret, Type="SecureString")
    assert ssm.get_parameter(Name=f"/{name}/s", WithDecryption=True)["Parameter"]["Value"] == secret
    assert secret not in ssm.get_parameter(Name=f"/{name}/s")["Parameter"]["Value"]
    key, own = platform.user(name, {"Effect": "Allow", "Action": "ssm:GetParameter*", "Resource": f"arn:aws:ssm:*:*:parameter/{name}/open/*"})
    other = platform.client("ssm", key, own)
    refused(other.get_parameter, "AccessDeniedException", Name=f"/{name}/s", WithDecryption=True)
    refused(other.get_parameters, "AccessDeniedException", Names=[f"/{name}/open/x", f"/{name}/s"])
    refused(other.get_parameters_by_path, "AccessDeniedException", Path=f"/{name}")
    assert other.get_parameters(Names=[f"/{name}/open/x"])["InvalidParameters"] == [f"/{name}/open/x"]
    ssm.delete_parameter(Name=f"/{name}/s")
    events = platform.events(EventSource="ssm.amazonaws.com")
    assert any(each["eventName"] == "PutParameter" and (each["requestParameters"] or {}).get("name") == f"/{name}/s" for each in events)
    assert secret not in json.dumps(events)


def test_the_cli_puts_and_gets(platform, name):
    def aws(*words):
        key, secret = platform.root()
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": "us-east-1"}
        done = subprocess.run(["aws", "--endpoint-url", platform.endpoint, "ssm", *words], env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr
    assert aws("put-parameter", "--name", f"/{name}/p", "--value", "v", "--type", "String")[0] == 0
    code, told = aws("get-parameter", "--name", f"/{name}/p", "--query", "Parameter.Value", "--output", "text")
    assert (code, told.strip()) == (0, "v")
    code, told = aws("get-parameter", "--name", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
    assert code != 0 and "ParameterNotFound" in told
    code, told = aws("describe-instance-information")
    assert code != 0 and "fleet" in told, told


def test_a_function_reads_with_its_roles_rights(platform, ssm, name):
    iam, functions = platform.client("iam"), platform.client("lambda")
    ssm.put_parameter(Name=f"/{name}/key", Value="k", Type="SecureString")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    code = "import boto3\ndef handler(event, context):\n    return boto3.client('ssm').get_parameter(Name=event, WithDecryption=True)['Parameter']['Value']\n"
    functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, Code={"ZipFile": package(app__py=code)})
    invoke = lambda: functions.invoke(FunctionName=name, Payload=json.dumps(f"/{name}/key"))["Payload"].read().decode()  # noqa: E731
    assert "AccessDeniedException" in invoke()
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": f"arn:aws:ssm:us-east-1:*:parameter/{name}/*"}]}))
    assert invoke() == '"k"'
