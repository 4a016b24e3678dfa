"""Metadata as clients send it, and keys of the customer's own: nothing that was signed and answered 200 is lost without a word."""

import base64
import email.header
import hashlib
import http.client
import urllib.parse

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.client import Config
from botocore.exceptions import ClientError


@pytest.fixture
def s3(platform):
    key, secret = platform.root()
    return boto3.client("s3", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
                        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


@pytest.fixture
def bucket(s3, name):
    name = name.lower().replace("_", "-")[:63].strip("-")
    s3.create_bucket(Bucket=name)
    yield name
    for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)


def put(platform, path, *headers):
    """A request signed over these headers, which may share a name; texts go as UTF-8, bytes as they are. Answers the status and what the object then tells."""
    key, secret = platform.root()
    request = botocore.awsrequest.AWSRequest("PUT", platform.endpoint + path, data=b"x")
    for name, value in headers:
        # The canonical form is the bytes'.
        request.headers.add_header(name, value)
    botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(key, secret), "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(platform.endpoint).netloc, timeout=60)
    connection.putrequest("PUT", path, skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value.encode())
    connection.putheader("Content-Length", "1")
    connection.endheaders(b"x")
    answer = connection.getresponse()
    return answer.status, answer.read()


def words(text):
    return str(email.header.make_header(email.header.decode_header(text)))


def test_headers_of_one_name_are_one_list(platform, s3, bucket):
    assert put(platform, f"/{bucket}/k", ("x-amz-meta-a", "1"), ("x-amz-meta-a", "2"), ("x-amz-meta-b", "3"))[0] == 200
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1,2", "b": "3"}


@pytest.mark.parametrize("text, told", [("Zürich", "=?UTF-8?Q?Z=C3=BCrich?="), ("日本", "=?UTF-8?B?5pel5pys?="), ("ü and more, " * 20, None), ("=?UTF-8?Q?Z=C3=BCrich?=", "=?UTF-8?Q?Z=C3=BCrich?=")])
def test_what_a_header_cannot_hold_is_told_in_words(platform, s3, bucket, text, told):
    status, answer = put(platform, f"/{bucket}/k", ("x-amz-meta-n", text.strip()), ("x-amz-meta-ok", "1"))
    assert status == 200, answer
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    for shown in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="copy")):
        metadata = shown["Metadata"]
        assert (metadata["ok"], told or metadata["n"]) == ("1", metadata["n"])
        assert words(metadata["n"]) == words(text.strip())


def test_metadata_is_bounded_by_what_was_given(platform, bucket):
    status, answer = put(platform, f"/{bucket}/k", ("x-amz-meta-a", "é" * 600), ("x-amz-meta-a", "é" * 600))
    assert status == 400 and b"MetadataTooLarge" in answer, answer


def test_a_key_of_the_customers_own_is_refused_where_nothing_is_under_one(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    key = "0" * 32
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    source = {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": key}

    def refused(call, code, **parameters):
        with pytest.raises(ClientError) as caught:
            call(Bucket=bucket, **parameters)
        error = caught.value.response["Error"]
        assert error["Code"] == code, error
        assert code != "InvalidRequest" or error["Message"] == "The encryption parameters are not applicable to this object."

    refused(s3.get_object, "InvalidRequest", Key="k", **own)
    refused(s3.head_object, "400", Key="k", **own)
    refused(s3.get_object_attributes, "InvalidRequest", Key="k", ObjectAttributes=["ETag"], **own)
    refused(s3.copy_object, "InvalidRequest", Key="copy", CopySource=f"{bucket}/k", **source)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    refused(s3.complete_multipart_upload, "InvalidRequest", Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]}, **own)
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    # The digest of a key alone names one as well.
    digest = base64.b64encode(hashlib.md5(key.encode()).digest()).decode()
    refused(s3.get_object, "InvalidRequest", Key="k", SSECustomerKeyMD5=digest)
    # What is not there is said first.
    refused(s3.get_object, "NoSuchKey", Key="none", **own)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
