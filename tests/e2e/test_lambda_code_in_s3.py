"""Functions and layers whose code stands in S3: read as the caller, who needs leave for the object."""

import io
import json

import pytest

from support import package, refused, trust

HANDLER = "def handler(event, context):\n    return {}\n"


def answering(word):
    return package(app__py=HANDLER.replace("{}", repr(word)))


@pytest.fixture(scope="module")
def role(platform):
    return platform.client("iam").create_role(RoleName="lambda-code-in-s3", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]


@pytest.fixture(scope="module")
def bucket(platform):
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="code-in-s3")
    s3.put_bucket_versioning(Bucket="code-in-s3", VersioningConfiguration={"Status": "Enabled"})
    return "code-in-s3"


def create(client, role, name, bucket, key, **code):
    return client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=30,
                                  Code={"S3Bucket": bucket, "S3Key": key, **code})


def ask(client, name):
    answer = client.invoke(FunctionName=name)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def test_an_object_is_code_and_each_of_its_versions(platform, role, bucket, name):
    s3, client = platform.client("s3"), platform.client("lambda")
    first = s3.put_object(Bucket=bucket, Key="app.zip", Body=answering("first"))["VersionId"]
    s3.put_object(Bucket=bucket, Key="app.zip", Body=answering("second"))
    create(client, role, name, bucket, "app.zip")
    assert ask(client, name) == "second"
    client.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key="app.zip", S3ObjectVersion=first)
    assert ask(client, name) == "first"
    read = {"bucket": bucket, "key": "app.zip"}
    assert any(read.items() <= (event["requestParameters"] or {}).items() for event in platform.events(EventName="GetObject")), "S3 wrote down who read the code"


def test_a_large_package_passes_through_a_file(platform, role, bucket, name):
    s3, client = platform.client("s3"), platform.client("lambda")
    filler = "".join(f"# {line * 7919 % 1_000_003:x}\n" for line in range(200_000))
    s3.upload_fileobj(io.BytesIO(package(app__py=HANDLER.replace("{}", "'large'"), filler__py=filler)), bucket, "large.zip")
    create(client, role, name, bucket, "large.zip")
    assert ask(client, name) == "large"


def test_a_layer_stands_in_s3_too(platform, bucket, name):
    platform.client("s3").put_object(Bucket=bucket, Key="layer.zip", Body=package(python__py="x = 1\n"))
    made = platform.client("lambda").publish_layer_version(LayerName=name, Content={"S3Bucket": bucket, "S3Key": "layer.zip"})
    assert made["Version"] == 1 and made["Content"]["CodeSize"] > 0


def test_who_may_not_read_the_object_makes_nothing_of_it(platform, role, bucket, name):
    platform.client("s3").put_object(Bucket=bucket, Key="secret.zip", Body=answering("secret"))
    makes = {"Effect": "Allow", "Action": ["lambda:*", "iam:PassRole"], "Resource": "*"}
    client = platform.client("lambda", *platform.user(name, makes))
    said = refused(client.create_function, "AccessDeniedException", FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler",
                   Code={"S3Bucket": bucket, "S3Key": "secret.zip"})
    assert f"permission to GetObject for {bucket}/secret.zip" in said
    refused(platform.client("lambda").get_function, "ResourceNotFoundException", FunctionName=name)


@pytest.mark.parametrize("place,code", [(("code-in-s3", "none.zip"), "NoSuchKey"), (("no-such-bucket-at-all", "app.zip"), "NoSuchBucket")])
def test_what_is_not_there_is_said_as_s3_says_it(platform, role, bucket, name, place, code):
    said = refused(platform.client("lambda").create_function, "InvalidParameterValueException", FunctionName=name, Runtime="python3.12", Role=role,
                   Handler="app.handler", Code={"S3Bucket": place[0], "S3Key": place[1]})
    assert said.startswith(f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: ")
