"""What readers and writers of S3 are told besides the bytes: markers, ids, namespaces, and what exactly was wrong."""

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import requests
from botocore.client import Config
from botocore.exceptions import ClientError

MADE_UP = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"


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
    for kind in ("Versions", "DeleteMarkers"):
        for each in s3.list_object_versions(Bucket=name).get(kind, []):
            s3.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket(Bucket=name)


def refused(call, code, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer
    return answer


def raw(platform, method, path, body=b"", **headers):
    key, secret = platform.root()
    request = botocore.awsrequest.AWSRequest(method, platform.endpoint + path, data=body, headers=headers)
    botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(key, secret), "s3", "us-east-1").add_auth(request)
    return requests.request(method, platform.endpoint + path, data=body, headers=dict(request.headers.items()), timeout=60)


def test_documents_have_s3s_namespace_and_errors_have_none(platform, s3, bucket):
    namespace = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    for path, root in [("/", b"ListAllMyBucketsResult"), (f"/{bucket}?list-type=2", b"ListBucketResult"), (f"/{bucket}?versioning", b"VersioningConfiguration"), (f"/{bucket}?versions", b"ListVersionsResult"), (f"/{bucket}?location", b"LocationConstraint")]:
        answer = raw(platform, "GET", path)
        assert answer.status_code == 200 and b"<" + root + namespace + b">" in answer.content, answer.content
    missing = raw(platform, "GET", f"/{bucket}/none")
    assert missing.status_code == 404 and b"<Error><Code>NoSuchKey</Code>" in missing.content


def test_a_sub_resource_never_means_the_plain_operation(platform, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    object = f"/{bucket}/k"
    for method, path, status, code in [
        *(("DELETE", f"/{bucket}?{query}", 405, "MethodNotAllowed") for query in ("acl", "versioning", "abac", "metrics", "uploads", "policyStatus")),
        *(("DELETE", f"{object}?{query}", 405, "MethodNotAllowed") for query in ("torrent", "acl", "retention")),
        *(("PUT", f"{object}?{query}", 405, "MethodNotAllowed") for query in ("uploadId=abc", "restore", "attributes")),
        ("PUT", f"{object}?partNumber=1", 400, "InvalidArgument"),
        ("PUT", f"{object}?versionId=abc", 400, "InvalidArgument"),
        ("DELETE", f"/{bucket}?policy&tagging", 400, "InvalidArgument"),
        ("POST", f"{object}?uploadId=x&uploads", 400, "InvalidArgument"),
    ]:
        answer = raw(platform, method, path, b"new" if method == "PUT" else b"")
        assert answer.status_code == status and f"<Code>{code}</Code>".encode() in answer.content, (method, path, answer.content)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    assert raw(platform, "GET", f"{object}?response-content-type=a&x-id=GetObject").headers["content-type"] == "a"


def test_readers_are_told_of_delete_markers(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for call, code in [(s3.get_object, "NoSuchKey"), (s3.head_object, "404")]:
        told = refused(call, code, Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]
        assert (told["x-amz-delete-marker"], told["x-amz-version-id"]) == ("true", marker)
    for call, code in [(s3.get_object, "MethodNotAllowed"), (s3.head_object, "405")]:
        told = refused(call, code, Bucket=bucket, Key="k", VersionId=marker)["ResponseMetadata"]["HTTPHeaders"]
        assert (told["x-amz-delete-marker"], told["x-amz-version-id"], told["allow"]) == ("true", marker, "DELETE")
        assert told["last-modified"].endswith(" GMT")
    never = refused(s3.get_object, "NoSuchKey", Bucket=bucket, Key="never")["ResponseMetadata"]["HTTPHeaders"]
    assert "x-amz-delete-marker" not in never


def test_made_up_versions_and_suspended_ones(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    for call in (s3.get_object, s3.delete_object):
        answer = refused(call, "InvalidArgument", Bucket=bucket, Key="k", VersionId=MADE_UP)
        assert answer["Error"]["Message"] == "Invalid version id specified"
    many = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": MADE_UP}]})
    assert [each["Code"] for each in many["Errors"]] == ["NoSuchVersion"] and "Deleted" not in many
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=kept)["Body"].read() == b"x"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"y")
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"


def test_completions_say_which_part_is_wrong(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    tags = [s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b"small")["ETag"] for number in (1, 2)]

    def complete(*parts):
        listed = [{"PartNumber": number, "ETag": tag} for number, tag in parts]
        return dict(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": listed})

    small = refused(s3.complete_multipart_upload, "EntityTooSmall", **complete((1, tags[0]), (2, tags[1])))["Error"]
    assert (small["ProposedSize"], small["MinSizeAllowed"], small["PartNumber"], small["ETag"]) == ("5", "5242880", "1", tags[0].strip('"'))
    wrong = refused(s3.complete_multipart_upload, "InvalidPart", **complete((1, tags[0]), (3, tags[1])))["Error"]
    assert (wrong["UploadId"], wrong["PartNumber"], wrong["ETag"]) == (upload, "3", tags[1].strip('"'))
    order = refused(s3.complete_multipart_upload, "InvalidPartOrder", **complete((2, tags[1]), (1, tags[0])))["Error"]
    assert order["UploadId"] == upload
    assert s3.complete_multipart_upload(**complete((2, tags[1])))["ETag"].endswith('-1"')


def test_documents_that_say_nothing_or_something_else_are_malformed(platform, s3, bucket):
    loose = boto3.client("s3", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=platform.root()[0], aws_secret_access_key=platform.root()[1],
                         config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))
    refused(loose.delete_objects, "MalformedXML", Bucket=bucket, Delete={"Objects": []})
    refused(s3.put_bucket_versioning, "MalformedXML", Bucket=bucket, VersioningConfiguration={"Status": "enabled"})
    refused(s3.put_bucket_versioning, "IllegalVersioningConfigurationException", Bucket=bucket, VersioningConfiguration={})
    for constraint, code in [("us-east-1", "InvalidLocationConstraint"), ("nowhere", "InvalidLocationConstraint"), ("eu-west-3", "IllegalLocationConstraintException")]:
        refused(s3.create_bucket, code, Bucket=bucket + "-2", CreateBucketConfiguration={"LocationConstraint": constraint})
    refused_tag = refused(s3.put_object, "InvalidTag", Bucket=bucket, Key="k", Body=b"", Tagging="aws:x=1")
    assert refused_tag["Error"]["Message"] == "Your TagKey cannot be prefixed with aws:"
    tagged = s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert tagged["ResponseMetadata"]["HTTPStatusCode"] == 204
