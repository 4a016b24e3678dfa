"""Layers, in real sandboxes, driven by unmodified boto3."""

import io
import json
import stat
import zipfile

import pytest

from support import refused, trust

ACCOUNT = "arn:aws:lambda:us-east-1:000000000000:"


def archive(**files):
    """A zip of files in folders: `python__slash__x__dot__py`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            info = zipfile.ZipInfo(name.replace("__slash__", "/").replace("__dot__", "."))
            info.external_attr = 0o755 << 16
            made.writestr(info, text)
    return buffer.getvalue()


def linked(archived, **links):
    """The same zip with symbolic links: names as in `archive`, and where each leads."""
    buffer = io.BytesIO(archived)
    with zipfile.ZipFile(buffer, "a") as made:
        for name, target in links.items():
            info = zipfile.ZipInfo(name.replace("__slash__", "/").replace("__dot__", "."))
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            made.writestr(info, target)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def role(platform):
    return platform.client("iam").create_role(RoleName="lambda-layers", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]


def publish(platform, name, **files):
    return platform.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": archive(**files)}, CompatibleRuntimes=["python3.12"])


def make(platform, role, name, runtime, code, layers, handler="app.handler", **settings):
    client = platform.client("lambda")
    client.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler=handler, Code={"ZipFile": code}, Layers=layers, **{"Timeout": 30, **settings})
    return client


def call(client, name):
    answer = client.invoke(FunctionName=name, Payload=b"{}")
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_python_imports_from_layers_and_the_last_one_wins(platform, role, name):
    first = publish(platform, name + "-one", python__slash__shared__dot__py="NAME = 'one'\n", python__slash__only__dot__py="NAME = 'only'\n", data__dot__txt="1")
    second = publish(platform, name + "-two", python__slash__shared__dot__py="NAME = 'two'\n")
    arns = [first["LayerVersionArn"], second["LayerVersionArn"]]
    assert arns[0] == f"{ACCOUNT}layer:{name}-one:1"
    code = archive(app__dot__py="import shared, only\ndef handler(e, c):\n    return [shared.NAME, only.NAME, open('/opt/data.txt').read()]\n")
    client = make(platform, role, name, "python3.12", code, arns)
    assert call(client, name) == ["two", "only", "1"]
    client.update_function_configuration(FunctionName=name, Layers=arns[::-1])
    assert call(client, name)[0] == "one"
    assert [layer["Arn"] for layer in client.get_function_configuration(FunctionName=name)["Layers"]] == arns[::-1]
    for arn in arns:
        client.delete_layer_version(LayerName=arn.rsplit(":", 1)[0], VersionNumber=1)
    client.update_function_configuration(FunctionName=name, Timeout=9)
    assert call(client, name)[0] == "one"
    message = refused(client.update_function_configuration, "InvalidParameterValueException", FunctionName=name, Layers=arns[:1])
    assert message == f"Layer version {arns[0]} does not exist."
    client.delete_function(FunctionName=name)


def test_node_requires_from_a_layer(platform, role, name):
    layer = publish(platform, name, nodejs__slash__node_modules__slash__greeter__slash__index__dot__js="module.exports = () => 'hello';\n")
    code = archive(index__dot__js="const greet = require('greeter');\nexports.handler = async () => greet();\n")
    client = make(platform, role, name, "nodejs20.x", code, [layer["LayerVersionArn"]], handler="index.handler")
    assert call(client, name) == "hello"
    client.delete_function(FunctionName=name)


def test_a_layer_brings_the_bootstrap_of_a_custom_runtime(platform, role, name):
    script = """#!/bin/sh
exec python3 - <<'PY'
import os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(api + "next") as event:
        event.read(); request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(urllib.request.Request(api + request_id + "/response", data=b'"from a layer"', method="POST")).read()
PY
"""
    layer = publish(platform, name, bootstrap=script)
    client = make(platform, role, name, "provided.al2023", archive(own__dot__txt="x"), [layer["LayerVersionArn"]], handler="any")
    assert call(client, name) == "from a layer"
    client.delete_function(FunctionName=name)


def test_links_of_a_package_lead_into_layers_and_the_functions_own_files(platform, role, name):
    layer = publish(platform, name, nodejs__slash__node_modules__slash__greeter__slash__package__dot__json='{"type": "module", "exports": "./index.js"}',
                    nodejs__slash__node_modules__slash__greeter__slash__index__dot__js="export default () => 'hello';\n")
    code = archive(index__dot__mjs="""import greet from 'greeter';
import fs from 'fs';
export const handler = async () => {
  fs.mkdirSync('/tmp/cache', { recursive: true });
  fs.writeFileSync('/var/task/cache/kept', greet());
  return [fs.readFileSync('/tmp/cache/kept', 'utf8'), fs.readFileSync('/var/task/a/up', 'utf8')];
};
""", one__dot__txt="one")
    # A module finds what a layer brings by such a link alone.
    code = linked(code, node_modules="/opt/nodejs/node_modules", cache="/tmp/cache", a__slash__up="../a/../one.txt")
    client = make(platform, role, name, "nodejs20.x", code, [layer["LayerVersionArn"]], handler="index.handler")
    assert call(client, name) == ["hello", "one"]
    client.delete_function(FunctionName=name)


def test_a_bootstrap_that_is_a_link_is_the_packages_own(platform, role, name):
    script = "#!/bin/sh\nset -e\nwhile true; do id=$(curl -sD - -o /dev/null \"http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next\" | tr -d '\\r' " \
        "| sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p'); curl -so /dev/null -d '\"{told}\"' \"http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response\"; done\n"
    layer = publish(platform, name, bootstrap=script.replace("{told}", "the layer's"), bin__slash__run=script.replace("{told}", "its own"))
    # It is not there on the host.
    code = linked(archive(own__dot__txt="x"), bootstrap="/opt/bin/run")
    client = make(platform, role, name, "provided.al2023", code, [layer["LayerVersionArn"]], handler="any")
    assert call(client, name) == "its own"
    client.delete_function(FunctionName=name)


def test_versions_are_listed_shown_and_never_numbered_twice(platform, name):
    client = platform.client("lambda")
    assert [publish(platform, name, a=str(n))["Version"] for n in range(3)] == [1, 2, 3]
    client.delete_layer_version(LayerName=name, VersionNumber=3)
    assert publish(platform, name, a="4")["Version"] == 4
    listed = [each["Version"] for page in client.get_paginator("list_layer_versions").paginate(LayerName=name, PaginationConfig={"PageSize": 1}) for each in page["LayerVersions"]]
    assert listed == [4, 2, 1]
    mine = [each for page in client.get_paginator("list_layers").paginate() for each in page["Layers"] if each["LayerName"] == name]
    assert mine[0]["LatestMatchingVersion"]["Version"] == 4
    shown = client.get_layer_version(LayerName=name, VersionNumber=2)
    assert client.get_layer_version_by_arn(Arn=f"{ACCOUNT}layer:{name}:2")["Content"]["CodeSha256"] == shown["Content"]["CodeSha256"]
    refused(client.get_layer_version, "ResourceNotFoundException", LayerName=name, VersionNumber=3)


def test_a_layers_policy_lets_others_use_it(platform, name):
    client = platform.client("lambda")
    publish(platform, name, a="1")
    arn = f"{ACCOUNT}layer:{name}:1"
    reader = platform.client("lambda", *platform.user(name))
    refused(reader.get_layer_version, "AccessDeniedException", LayerName=name, VersionNumber=1)
    refused(client.get_layer_version_policy, "ResourceNotFoundException", LayerName=name, VersionNumber=1)
    added = client.add_layer_version_permission(LayerName=name, VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal="*")
    assert json.loads(added["Statement"])["Resource"] == arn
    assert reader.get_layer_version(LayerName=name, VersionNumber=1)["LayerVersionArn"] == arn
    policy = client.get_layer_version_policy(LayerName=name, VersionNumber=1)
    assert len(json.loads(policy["Policy"])["Statement"]) == 1
    client.remove_layer_version_permission(LayerName=name, VersionNumber=1, StatementId="all", RevisionId=policy["RevisionId"])
    refused(reader.get_layer_version, "AccessDeniedException", LayerName=name, VersionNumber=1)


def test_limits_are_lambdas(platform, role, name):
    arns = [publish(platform, f"{name}-{n}", a=str(n))["LayerVersionArn"] for n in range(6)]
    client, code = platform.client("lambda"), archive(app__dot__py="def handler(e, c): return 1\n")
    arguments = {"FunctionName": name, "Runtime": "python3.12", "Role": role, "Handler": "app.handler", "Code": {"ZipFile": code}}
    assert "more than 5 layers" in refused(client.create_function, "InvalidParameterValueException", Layers=arns, **arguments)
    twice = publish(platform, f"{name}-0", a="again")["LayerVersionArn"]
    assert "same layer" in refused(client.create_function, "InvalidParameterValueException", Layers=[arns[0], twice], **arguments)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(150 * 1024 * 1024))
    large = [client.publish_layer_version(LayerName=f"{name}-large-{n}", Content={"ZipFile": buffer.getvalue()})["LayerVersionArn"] for n in range(2)]
    message = refused(client.create_function, "InvalidParameterValueException", Layers=large, **arguments)
    assert message.startswith("Function code combined with layers exceeds the maximum allowed size of 262144000 bytes.")
