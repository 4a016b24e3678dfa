"""Presigned URLs of clients that were told nothing: `boto3` and `aws` sign them with version 2 in the older regions."""

import json
import time

import boto3
import pytest
import requests
from botocore.client import Config

from support import eventually


def client(platform, key, secret, token=None):
    return boto3.client("s3", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
                        config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def s3(platform):
    return client(platform, *platform.root())


@pytest.fixture
def bucket(s3, name):
    name = name.lower().replace("_", "-")[:63].strip("-")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    yield name
    for each in s3.list_object_versions(Bucket=name).get("Versions", []):
        s3.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket_policy(Bucket=name)
    s3.delete_bucket(Bucket=name)


def code(answer):
    return answer.content.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


def test_an_unmodified_client_presigns_and_the_url_works(s3, bucket):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b/\u00e9", "ContentType": "text/plain"})
    assert "AWSAccessKeyId=" in put and "X-Amz-Signature" not in put
    assert code(requests.put(put, data=b"x", timeout=60)) == "SignatureDoesNotMatch", "the type is signed"
    made = requests.put(put, data=b"by url", headers={"content-type": "text/plain"}, timeout=60)
    assert made.status_code == 200, made.content
    version = made.headers["x-amz-version-id"]
    s3.put_object(Bucket=bucket, Key="a b/\u00e9", Body=b"later")
    of_version = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/\u00e9", "VersionId": version, "ResponseContentType": "x/y"})
    got = requests.get(of_version, timeout=60)
    assert (got.content, got.headers["content-type"]) == (b"by url", "x/y")
    assert code(requests.get(of_version.replace("x%2Fy", "x%2Fz"), timeout=60)) == "SignatureDoesNotMatch"
    assert code(requests.get(of_version.replace(f"versionId={version}&", ""), timeout=60)) == "SignatureDoesNotMatch"
    head = s3.generate_presigned_url("head_object", Params={"Bucket": bucket, "Key": "a b/\u00e9"})
    assert requests.head(head, timeout=60).headers["content-length"] == "5"
    assert requests.get(head, timeout=60).status_code == 403, "another method"


def test_the_command_line_presigns(platform, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = platform.aws("s3", "presign", f"s3://{bucket}/k").stdout.strip()
    assert requests.get(url, timeout=60).content == b"x", url


def test_what_the_signature_leaves_open_is_refused(platform, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert requests.get(url, timeout=60).status_code == 200
    for change, expected in [
        (url + "&attributes", "InvalidRequest"),
        (url + "&policyStatus", "InvalidRequest"),
        (url + "&acl", "SignatureDoesNotMatch"),
        (url + "&versionId=null", "SignatureDoesNotMatch"),
        (url + "&Expires=9999999999", "InvalidArgument"),
        (url.replace("Expires=", "Expires=1"), "AccessDenied"),
        (url.replace("AWSAccessKeyId=", "AWSAccessKeyId=A"), "InvalidAccessKeyId"),
        (url.partition("&")[0], "AccessDenied"),
    ]:
        answer = requests.get(change, timeout=60)
        assert (code(answer), answer.status_code >= 400) == (expected, True), (change, answer.content)
    listing = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket, "Prefix": "a"})
    assert code(requests.get(listing, timeout=60)) == "InvalidRequest", "anybody could change the prefix"
    assert code(requests.get(url, headers={"x-amz-meta-a": "b"}, timeout=60)) == "SignatureDoesNotMatch"
    assert code(requests.get(url, headers={"authorization": "AWS a:b"}, timeout=60)) in ("InvalidArgument", "AuthorizationHeaderMalformed")
    past = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=1)
    time.sleep(2.1)
    answer = requests.get(past, timeout=60)
    assert code(answer) == "AccessDenied" and b"Request has expired" in answer.content
    far = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=700_000)
    assert code(requests.get(far, timeout=60)) == "AccessDenied"


def test_a_policy_refuses_the_version_and_the_trail_tells_it(platform, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    resource = [f"arn:aws:s3:::{bucket}/*"]

    def deny(**condition):
        statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": resource, "Condition": condition}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
        return requests.get(url, timeout=60).status_code

    assert deny(StringEquals={"s3:signatureversion": "AWS"}) == 403
    assert deny(StringNotEquals={"s3:signatureversion": "AWS4-HMAC-SHA256"}) == 403
    assert deny(StringEquals={"s3:authType": "REST-QUERY-STRING"}) == 403
    assert deny(NumericGreaterThan={"s3:signatureAge": 600_000}) == 403, "it tells no time of signing"
    assert deny(StringEquals={"s3:authType": "REST-HEADER"}) == 200
    assert deny(StringEquals={"s3:signatureversion": "AWS4-HMAC-SHA256"}) == 200

    def told():
        own = [event for event in platform.events(EventName="GetObject") if (event["requestParameters"] or {}).get("bucket") == bucket]
        details = [event.get("additionalEventData") or {} for event in own]
        return any(each.get("SignatureVersion") == "SigV2" and each["AuthenticationMethod"] == "QueryString" for each in details)

    eventually(told)


def test_keys_and_sessions_end_with_their_urls(platform, s3, bucket, name):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    key, secret = platform.root()
    iam = boto3.client("iam", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret)
    user = name[:60]
    iam.create_user(UserName=user)
    made = iam.create_access_key(UserName=user)["AccessKey"]
    theirs = client(platform, made["AccessKeyId"], made["SecretAccessKey"])
    url = theirs.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert code(requests.get(url, timeout=60)) == "AccessDenied", "who signs rightly has no leave by that"
    leave = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(leave))
    assert requests.get(url, timeout=60).content == b"x"
    sts = boto3.client("sts", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])
    session = sts.get_session_token()["Credentials"]
    of_session = client(platform, session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    by_session = of_session.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert "x-amz-security-token=" in by_session and requests.get(by_session, timeout=60).content == b"x"
    without = "&".join(part for part in by_session.split("&") if not part.startswith("x-amz-security-token"))
    assert requests.get(without, timeout=60).status_code in (400, 403)
    iam.update_access_key(UserName=user, AccessKeyId=made["AccessKeyId"], Status="Inactive")
    assert code(requests.get(url, timeout=60)) == "InvalidAccessKeyId"
    iam.delete_access_key(UserName=user, AccessKeyId=made["AccessKeyId"])
    iam.delete_user_policy(UserName=user, PolicyName="p")
    iam.delete_user(UserName=user)
