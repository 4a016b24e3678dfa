"""Code signing from outside: who may publish a function's code, by signatures that `fastness sign-code` makes."""

import subprocess

import pytest

from harness.platform import binary
from support import listed, package, refused, trust

CODE = "def handler(event, context):\n    return 1\n"


def sign(platform, key, *arguments):
    done = subprocess.run([binary(), "sign-code", "--key", str(key), *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def publisher(key):
    return f"arn:aws:signer:us-east-1:000000000000:/signing-profiles/{key}/1234567890"


@pytest.fixture
def client(platform):
    return platform.client("lambda")


@pytest.fixture(scope="module")
def role(platform):
    return platform.client("iam").create_role(RoleName="lambda-signing", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]


def test_only_what_a_publisher_signed_is_deployed(platform, client, role, name, tmp_path):
    ours = sign(platform, tmp_path / "ours.key", "--new-key")
    theirs = sign(platform, tmp_path / "theirs.key", "--new-key")
    assert len(ours) == 64 and ours != theirs and (tmp_path / "ours.key").stat().st_mode & 0o777 == 0o600

    def packed(text, *keys):
        path = tmp_path / "package.zip"
        path.write_bytes(package(app__py=text))
        for key in keys:
            sign(platform, tmp_path / f"{key}.key", path)
        return path.read_bytes()

    refused(client.create_code_signing_config, "InvalidParameterValueException",
            AllowedPublishers={"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/release/1"]})
    made = client.create_code_signing_config(Description="ours", AllowedPublishers={"SigningProfileVersionArns": [publisher(ours)]},
                                             CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"}, Tags={"team": "a"})["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    assert client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"] == made
    assert made in listed(client, "list_code_signing_configs", "CodeSigningConfigs")
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a"}
    client.tag_resource(Resource=arn, Tags={"more": "1"})
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"more": "1"}
    refused(client.list_tags, "ResourceNotFoundException", Resource=arn[:-5] + "00000")

    def create(code, **more):
        return client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=30, Code={"ZipFile": code}, **more)

    refused(client.create_function, "CodeSigningConfigNotFoundException", FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler",
            Code={"ZipFile": packed(CODE)}, CodeSigningConfigArn=arn[:-17] + "a" * 17)
    for code in (packed(CODE), packed(CODE, "theirs")):
        refused(client.create_function, "CodeVerificationFailedException", FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler",
                Code={"ZipFile": code}, CodeSigningConfigArn=arn)
    shown = create(packed(CODE, "theirs", "ours"), CodeSigningConfigArn=arn)
    assert shown["SigningProfileVersionArn"] == publisher(ours)
    assert client.invoke(FunctionName=name)["Payload"].read() == b"1"
    assert client.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == arn
    assert [each.split(":")[-1] for each in client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"]] == [name]
    refused(client.delete_code_signing_config, "ResourceConflictException", CodeSigningConfigArn=arn)

    signed = packed(CODE, "ours")
    forged = bytearray(package(app__py=CODE.replace("1", "2")))
    refused(client.update_function_code, "CodeVerificationFailedException", FunctionName=name, ZipFile=bytes(forged))
    moved = tmp_path / "moved.zip"
    moved.write_bytes(package(**{"app__py": CODE.replace("1", "2"), "META-INF/fastness-signatures": read_signatures(signed)}))
    refused(client.update_function_code, "InvalidCodeSignatureException", FunctionName=name, ZipFile=moved.read_bytes())

    layer = client.publish_layer_version(LayerName=name, Content={"ZipFile": package(**{"python/more__py": "x = 1"})})["LayerVersionArn"]
    refused(client.update_function_configuration, "CodeVerificationFailedException", FunctionName=name, Layers=[layer])

    warned = client.update_code_signing_config(CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"})["CodeSigningConfig"]
    assert warned["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Warn"} and warned["Description"] == "ours"
    assert "SigningProfileVersionArn" not in client.update_function_code(FunctionName=name, ZipFile=bytes(forged))
    refused(client.update_function_code, "InvalidCodeSignatureException", FunctionName=name, ZipFile=moved.read_bytes())

    client.delete_function_code_signing_config(FunctionName=name)
    assert not client.get_function_code_signing_config(FunctionName=name).get("CodeSigningConfigArn")
    client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    client.delete_function_code_signing_config(FunctionName=name)
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    refused(client.get_code_signing_config, "ResourceNotFoundException", CodeSigningConfigArn=arn)


def read_signatures(package_bytes):
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(package_bytes)) as archive:
        return archive.read("META-INF/fastness-signatures").decode()


def test_leave_for_the_configuration_is_asked_for(platform, client, role, name, tmp_path):
    key = sign(platform, tmp_path / "key", "--new-key")
    allowed = client.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [publisher(key)]})["CodeSigningConfig"]["CodeSigningConfigArn"]
    other = client.create_code_signing_config(AllowedPublishers={"SigningProfileVersionArns": [publisher(key)]})["CodeSigningConfig"]["CodeSigningConfigArn"]
    client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": package(app__py=CODE)})
    user = platform.user(name, {"Effect": "Allow", "Action": "lambda:PutFunctionCodeSigningConfig", "Resource": "*",
                                "Condition": {"StringEquals": {"lambda:CodeSigningConfigArn": allowed}}})
    mine = platform.client("lambda", *user)
    mine.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=allowed)
    refused(mine.put_function_code_signing_config, "AccessDeniedException", FunctionName=name, CodeSigningConfigArn=other)
    refused(mine.get_code_signing_config, "AccessDeniedException", CodeSigningConfigArn=allowed)
