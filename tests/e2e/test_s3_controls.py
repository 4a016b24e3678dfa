"""S3's controls from outside: digests of documents, each object of many, how a request was signed, the managed key."""

import base64
import datetime
import hashlib
import json
import zlib

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.compat
import botocore.credentials
import pytest
import requests
from botocore.client import Config

from support import refused


def client(platform, key=None, secret=None):
    if key is None:
        key, secret = platform.root()
    return boto3.client("s3", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
                        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))


@pytest.fixture
def s3(platform):
    return client(platform)


@pytest.fixture
def bucket(s3, name):
    name = name.lower()[:63]
    s3.create_bucket(Bucket=name)
    yield name
    for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


def send(platform, method, path, body=b"", headers=None):
    key, secret = platform.root()
    request = botocore.awsrequest.AWSRequest(method, platform.endpoint + path, data=body, headers=dict(headers or {}))
    botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(key, secret), "s3", "us-east-1").add_auth(request)
    return requests.request(method, platform.endpoint + path, data=body, headers=dict(request.headers.items()), timeout=60)


def test_what_deletes_many_needs_a_digest_that_fits(platform, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    for headers, code in [
        ({}, "InvalidRequest"),
        ({"content-md5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"content-md5": "x"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-crc32": "AA=="}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": crc, "x-amz-checksum-sha1": "AAAA"}, "InvalidRequest"),
    ]:
        answer = send(platform, "POST", f"/{bucket}?delete", body, headers)
        assert answer.status_code == 400 and f"<Code>{code}</Code>" in answer.text, (headers, answer.text)
    s3.head_object(Bucket=bucket, Key="k")
    for headers in ({"content-md5": md5}, {"x-amz-checksum-crc32": crc}):
        answer = send(platform, "POST", f"/{bucket}?delete", body, headers)
        assert answer.status_code == 200 and "<Deleted><Key>k</Key></Deleted>" in answer.text, answer.text


def test_each_object_of_many_is_asked_for_by_itself(platform, s3, bucket, name):
    for key in ("own/a", "own/b", "other"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    user = client(platform, *platform.user(name, {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/own/*"}))
    wanted = {"Objects": [{"Key": key} for key in ("own/a", "other", "own/b")]}
    answer = user.delete_objects(Bucket=bucket, Delete=wanted)
    assert sorted(each["Key"] for each in answer["Deleted"]) == ["own/a", "own/b"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("other", "AccessDenied")]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["other"]
    # Who may delete nothing is told the same, be the bucket there or not.
    none = client(platform, *platform.user(name + "-n"))
    answers = [none.delete_objects(Bucket=which, Delete=wanted) for which in (bucket, "never-made-at-all")]
    told = [json.dumps(answer["Errors"]).replace(f"s3:::{which}/", "") for answer, which in zip(answers, (bucket, "never-made-at-all"))]
    assert told[0] == told[1] and "Deleted" not in answers[0]
    unsigned = requests.post(f"{platform.endpoint}/{bucket}?delete", data=b"<Delete><Object><Key>other</Key></Object></Delete>", timeout=60,
                             headers={"x-amz-checksum-crc32": base64.b64encode(zlib.crc32(b"<Delete><Object><Key>other</Key></Object></Delete>").to_bytes(4, "big")).decode()})
    assert unsigned.status_code == 403
    s3.head_object(Bucket=bucket, Key="other")


def test_policies_see_how_a_request_was_signed(platform, s3, bucket, name, monkeypatch):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def keys(which, condition):
        statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": condition}
        return platform.user(f"{name}-{which}", statement)

    def user(which, condition):
        return client(platform, *keys(which, condition))

    by_header = user("h", {"StringEquals": {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}})
    by_header.get_object(Bucket=bucket, Key="k")
    url = by_header.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert requests.get(url, timeout=60).status_code == 403
    half_an_hour = keys("u", {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}, "NumericLessThan": {"s3:signatureAge": "1800000"}})
    refused(client(platform, *half_an_hour).get_object, "AccessDenied", Bucket=bucket, Key="k")

    def by_url():
        request = botocore.awsrequest.AWSRequest("GET", f"{platform.endpoint}/{bucket}/k")
        botocore.auth.S3SigV4QueryAuth(botocore.credentials.Credentials(*half_an_hour), "s3", "us-east-1", expires=7200).add_auth(request)
        return requests.get(request.url, timeout=60)

    assert by_url().content == b"x"
    an_hour_ago = botocore.compat.get_current_datetime() - datetime.timedelta(hours=1)
    with monkeypatch.context() as patched:
        patched.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: an_hour_ago)
        old = by_url()
    assert old.status_code == 403 and "<Code>AccessDenied</Code>" in old.text and "expired" not in old.text, "the policy's age, not the URL's"
    signed_body = user("b", {"StringNotEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}})
    signed_body.put_object(Bucket=bucket, Key="k", Body=b"y")
    url = signed_body.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    assert requests.put(url, data=b"z", timeout=60).status_code == 403
    tls = user("t", {"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}})
    refused(tls.get_object, "AccessDenied", Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"


def test_the_managed_key_is_the_only_one_and_keeps_others_out(platform, s3, bucket):
    default = lambda **rule: {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}  # noqa: E731
    for key in ("alias/mine", "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"):
        configuration = default(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
        refused(s3.put_bucket_encryption, "KMS.NotFoundException", Bucket=bucket, ServerSideEncryptionConfiguration=configuration)
        refused(s3.put_object, "KMS.NotFoundException", Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    refused(s3.put_object, "NotImplemented", Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="aws:kms:dsse")
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=default(SSEAlgorithm="aws:kms"))
    found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert found["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms"}
    put = s3.put_object(Bucket=bucket, Key="sealed", Body=b"mine")
    assert put["ServerSideEncryption"] == "aws:kms" and put["SSEKMSKeyId"].startswith("arn:aws:kms:us-east-1:000000000000:key/")
    assert s3.put_object(Bucket=bucket, Key="named", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=put["SSEKMSKeyId"])["SSEKMSKeyId"] == put["SSEKMSKeyId"]
    assert s3.put_object(Bucket=bucket, Key="plain", Body=b"all", ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=b"p")
    done = s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload["UploadId"],
                                        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert {each["ServerSideEncryption"] for each in (upload, part, done, s3.head_object(Bucket=bucket, Key="parts"))} == {"aws:kms"}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": False})
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*Object", "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    get = lambda key: requests.get(f"{platform.endpoint}/{bucket}/{key}", timeout=60)  # noqa: E731
    assert get("plain").content == b"all"
    for key in ("sealed", "parts"):
        assert get(key).status_code == 400 and b"Signature Version 4" in get(key).content
    assert requests.put(f"{platform.endpoint}/{bucket}/new", data=b"x", timeout=60).status_code == 400
    assert s3.get_object(Bucket=bucket, Key="sealed")["Body"].read() == b"mine"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="sealed")["ServerSideEncryption"] == "aws:kms", "as it was put"
