"""What a function is started by: a program that cannot be executed is the function's own fault, told in Lambda's words; wrapper scripts run."""

import io
import json
import re
import zipfile

import pytest

from support import eventually, logged, trust

INVALID = "Runtime.InvalidEntrypoint"
MISSING = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
LINK = 0o120777
HANDLER = "import os, sys\ndef handler(event, context):\n    return [os.environ.get('WRAPPED'), sys.argv[-1].split('/')[-1] != '']\n"
NODE = "exports.handler = async () => [process.env.WRAPPED, true]\n"
WRAPPER = "#!/bin/sh\nexport WRAPPED=yes\necho wrapping >&2\nexec \"$@\"\n"


def archive(**files):
    """A package of names with their mode and content."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for path, (mode, content) in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr, entry.create_system = (0o100000 | mode) << 16, 3
            package.writestr(entry, content)
    return made.getvalue()


@pytest.fixture
def function(platform, name):
    iam, client, made = platform.client("iam"), platform.client("lambda"), []
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")

    def make(code, runtime="provided.al2023", **settings):
        made.append(f"{name}-{len(made)}")
        client.create_function(FunctionName=made[-1], Runtime=runtime, Role=role, Handler="app.handler", Timeout=30, Code={"ZipFile": code}, **settings)
        return made[-1]

    yield make
    for each in made:
        client.delete_function(FunctionName=each)


def invoke(platform, function):
    answer = platform.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def lines(platform, function):
    return logged(platform.client("logs"), f"/aws/lambda/{function}")


@pytest.mark.parametrize("files, words", [
    ({"other": (0o755, "x")}, MISSING),
    ({"bootstrap": (0o644, "#!/bin/sh\n")}, "fork/exec /var/task/bootstrap: permission denied"),
    ({"bootstrap": (0o755, "\x7fELF garbage")}, "fork/exec /var/task/bootstrap: exec format error"),
    ({"bootstrap": (0o755, "#!/nope\n")}, "fork/exec /var/task/bootstrap: no such file or directory"),
    ({"bootstrap/file": (0o755, "x")}, MISSING),
    ({"bootstrap": (LINK, "missing")}, MISSING),
    ({"bootstrap": (LINK, "/opt/bootstrap")}, MISSING),
    ({"bootstrap": (LINK, "bootstrap")}, MISSING),
    ({"bootstrap": (LINK, "other"), "other": (0o644, "#!/bin/sh\n")}, "fork/exec /var/task/bootstrap: permission denied"),
])
def test_a_bootstrap_that_cannot_be_executed_fails_the_function(platform, function, files, words):
    broken = function(archive(**files))
    for _ in range(2):
        error, payload = invoke(platform, broken)
        answered, message = payload["errorMessage"].split(" Error: ", 1)
        assert error == "Unhandled" and payload["errorType"] == INVALID and message == words, payload
        assert re.fullmatch("RequestId: [0-9a-f-]{36}", answered), payload
    eventually(lambda: [line for line in lines(platform, broken) if line.startswith("REPORT ")])
    eventually(lambda: payload["errorMessage"] in [line.rstrip("\n") for line in lines(platform, broken)])
    eventually(lambda: [line for line in lines(platform, broken) if line.startswith("INIT_REPORT ") and f"Error Type: {INVALID}" in line])


SHELL = r"""#!/bin/sh
while api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation; do
  id=$(curl -s -D - -o /dev/null $api/next | tr -d '\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  curl -s -o /dev/null -d "\"$0\"" $api/$id/response
done
"""


@pytest.mark.parametrize("own, layered, runs", [
    ({"other": (0o644, "x")}, "bootstrap", "/opt/bootstrap"),
    ({"bootstrap": (LINK, "missing")}, "bootstrap", "/opt/bootstrap"),
    ({"bootstrap/file": (0o644, "x")}, "bootstrap", "/opt/bootstrap"),
    ({"bootstrap": (LINK, "/opt/bin/boot")}, "bin/boot", "/var/task/bootstrap"),
])
def test_a_bootstrap_may_be_a_layers(platform, function, name, own, layered, runs):
    layer = platform.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": archive(**{layered: (0o755, SHELL)})})["LayerVersionArn"]
    assert invoke(platform, function(archive(**own), Layers=[layer])) == (None, runs)


def test_an_event_that_no_bootstrap_takes_goes_to_its_destination(platform, function, name):
    broken, audit = function(archive(other=(0o644, "x"))), function(archive(**{"app.py": (0o644, "import json\ndef handler(e, c):\n    print('GOT ' + json.dumps(e))\n")}), "python3.12")
    client, iam = platform.client("lambda"), platform.client("iam")
    arn = client.get_function(FunctionName=audit)["Configuration"]["FunctionArn"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}}))
    client.put_function_event_invoke_config(FunctionName=broken, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}})
    client.invoke(FunctionName=broken, InvocationType="Event", Payload=b"{}")

    [record] = eventually(lambda: [json.loads(line[4:]) for line in lines(platform, audit) if line.startswith("GOT ")])
    assert record["responsePayload"]["errorType"] == INVALID and record["requestContext"]["condition"] == "RetriesExhausted"


@pytest.mark.parametrize("runtime, file, code", [("python3.12", "app.py", HANDLER), ("nodejs20.x", "app.js", NODE)])
@pytest.mark.parametrize("path", ["/var/task/wrap", "wrap"])
def test_a_wrapper_script_starts_the_runtime(platform, function, runtime, file, code, path):
    wrapped = function(archive(**{file: (0o644, code), "wrap": (0o755, WRAPPER)}), runtime, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": path}})
    assert invoke(platform, wrapped) == (None, ["yes", True])
    eventually(lambda: [line for line in lines(platform, wrapped) if line.startswith("wrapping")])


@pytest.mark.parametrize("mode, status", [(None, 127), (0o644, 126)])
def test_a_wrapper_that_is_none_fails_the_function(platform, function, mode, status):
    files = {"app.py": (0o644, HANDLER)} | ({"wrap": (mode, WRAPPER)} if mode else {})
    wrapped = function(archive(**files), "python3.12", Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    error, payload = invoke(platform, wrapped)
    assert error == "Unhandled" and payload["errorType"] == "Runtime.ExitError" and payload["errorMessage"].endswith(f"exit status {status}"), payload
    assert eventually(lambda: [line for line in lines(platform, wrapped) if line.startswith("/var/task/wrap: ")])


def test_an_extension_that_cannot_be_executed_fails_the_function(platform, function, name):
    layer = platform.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": archive(**{"extensions/broken": (0o755, "#!/nope\n")})})["LayerVersionArn"]
    watched = function(archive(**{"app.py": (0o644, HANDLER)}), "python3.12", Layers=[layer])
    error, payload = invoke(platform, watched)
    assert error == "Unhandled" and payload["errorType"].startswith("Extension."), payload


def test_a_module_that_is_missing_is_asked_for_by_lambdas_own(platform, function):
    handler = function(archive(**{"other.js": (0o644, "")}), "nodejs20.x")
    error, payload = invoke(platform, handler)
    assert error == "Unhandled" and payload["errorType"] == "Runtime.ImportModuleError", payload
    assert payload["errorMessage"] == "Error: Cannot find module 'app'\nRequire stack:\n- /var/runtime/index.mjs", payload
    inner = function(archive(**{"app.js": (0o644, "require('left-pad')\n")}), "nodejs20.x")
    assert invoke(platform, inner)[1]["errorMessage"] == "Error: Cannot find module 'left-pad'\nRequire stack:\n- /var/task/app.js\n- /var/runtime/index.mjs"
