"""Every operation of S3, driven by unmodified boto3 and the `aws` CLI."""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import zlib

import boto3
import pytest
import requests
from botocore.client import Config

from harness import Platform
from support import eventually, refused

BIG = os.urandom(1 << 20) * 3 + b"end"


def client(platform, style="path"):
    key, secret = platform.root()
    endpoint = platform.endpoint if style == "path" else platform.endpoint.replace("127.0.0.1", "s3.localhost")
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
                        config=Config(signature_version="s3v4", s3={"addressing_style": style}, retries={"total_max_attempts": 1}))


@pytest.fixture
def s3(platform):
    return client(platform)


@pytest.fixture
def bucket(s3, name):
    name = name.lower()[:63]
    s3.create_bucket(Bucket=name)
    yield name
    while True:
        page = s3.list_object_versions(Bucket=name)
        found = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        if not found:
            break
        s3.delete_objects(Bucket=name, Delete={"Objects": found, "Quiet": True})
    s3.delete_bucket(Bucket=name)


def test_buckets_are_made_found_and_listed(s3, bucket):
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert s3.list_buckets(Prefix=bucket)["Buckets"][0]["BucketRegion"] == "us-east-1"
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.put_object(Bucket=bucket, Key="kept", Body=b"x")
    assert s3.create_bucket(Bucket=bucket)["Location"] == "/" + bucket, "in us-east-1 one's own bucket is made again"
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"x"
    refused(s3.create_bucket, "InvalidBucketName", Bucket="Bad_Name")
    refused(s3.create_bucket, "IllegalLocationConstraintException", Bucket="x" + bucket[1:], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    refused(s3.head_bucket, "404", Bucket="no-such-bucket-here")
    refused(s3.list_objects_v2, "NoSuchBucket", Bucket="no-such-bucket-here")
    refused(s3.get_bucket_location, "AccessDenied", Bucket=bucket, ExpectedBucketOwner="111122223333")


def test_a_stack_takes_no_bucket_that_was_there(platform, s3, bucket, name):
    stacks = platform.client("cloudformation")
    template = {"Resources": {"Own": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}}}
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    settled = lambda: stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"].endswith(("COMPLETE", "FAILED"))  # noqa: E731
    eventually(settled)
    assert stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    stacks.delete_stack(StackName=name)


@pytest.mark.parametrize("content", [b"", b"x", b"a" * 65536, BIG], ids=["empty", "one", "block", "big"])
@pytest.mark.parametrize("key", ["k", "a b/ü+%2F&=?#", "//x//"])
def test_objects_come_back_as_they_went(s3, bucket, content, key):
    put = s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="text/x", Metadata={"one": "1"}, CacheControl="no-store")
    assert put["ETag"] == '"' + hashlib.md5(content).hexdigest() + '"'
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == content
    assert (got["ContentType"], got["Metadata"], got["CacheControl"], got["ContentLength"]) == ("text/x", {"one": "1"}, "no-store", len(content))
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"], head["Metadata"]) == (len(content), put["ETag"], {"one": "1"})
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Key"] == key
    s3.delete_object(Bucket=bucket, Key=key)
    refused(s3.get_object, "NoSuchKey", Bucket=bucket, Key=key)
    refused(s3.head_object, "404", Bucket=bucket, Key=key)


def test_ranges_and_conditions(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=BIG)
    part = s3.get_object(Bucket=bucket, Key="k", Range="bytes=1000000-1500000")
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert part["ContentRange"] == f"bytes 1000000-1500000/{len(BIG)}"
    assert part["Body"].read() == BIG[1000000:1500001]
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=-3")["Body"].read() == b"end"
    refused(s3.get_object, "InvalidRange", Bucket=bucket, Key="k", Range=f"bytes={len(BIG)}-")
    refused(s3.get_object, "PreconditionFailed", Bucket=bucket, Key="k", IfMatch='"x"')
    refused(s3.get_object, "304", Bucket=bucket, Key="k", IfNoneMatch=put["ETag"])
    refused(s3.put_object, "PreconditionFailed", Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*")
    named = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseContentDisposition="attachment")
    assert (named["ContentType"], named["ContentDisposition"]) == ("a/b", "attachment")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    put = s3.put_object(Bucket=bucket, Key="k", Body=BIG, ChecksumAlgorithm=algorithm)
    member = "Checksum" + algorithm
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == BIG and got[member] == put[member]
    wrong = {member: {"CRC32": "AAAAAA==", "CRC32C": "AAAAAA==", "CRC64NVME": "AAAAAAAAAAA="}.get(algorithm) or "A" * 27 + "=" if algorithm != "SHA256" else "A" * 43 + "="}
    refused(s3.put_object, "BadDigest", Bucket=bucket, Key="k", Body=b"x", **wrong)


def test_copies_and_batches(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/ü b", Body=BIG, Metadata={"m": "1"}, Tagging="t=1")
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a/ü b"})
    assert copied["CopyObjectResult"]["ETag"] == '"' + hashlib.md5(BIG).hexdigest() + '"'
    assert s3.head_object(Bucket=bucket, Key="c")["Metadata"] == {"m": "1"}
    assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/c", MetadataDirective="REPLACE", Metadata={"m": "2"})
    assert s3.head_object(Bucket=bucket, Key="c")["Metadata"] == {"m": "2"}
    refused(s3.copy_object, "InvalidRequest", Bucket=bucket, Key="c", CopySource=f"{bucket}/c")
    refused(s3.copy_object, "NoSuchKey", Bucket=bucket, Key="c", CopySource=f"{bucket}/none")
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}, {"Key": "never"}]})
    assert sorted(each["Key"] for each in gone["Deleted"]) == ["c", "never"]


def test_versions(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=bytes([at]))["VersionId"] for at in range(5)]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    refused(s3.get_object, "NoSuchKey", Bucket=bucket, Key="k")
    refused(s3.get_object, "MethodNotAllowed", Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    source = {"Bucket": bucket, "Key": "k", "VersionId": marker["VersionId"]}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
    for copy, more in ((s3.copy_object, {}), (s3.upload_part_copy, {"UploadId": upload, "PartNumber": 1})):
        message = refused(copy, "InvalidRequest", Bucket=bucket, Key="copy", CopySource=source, **more)
        assert message == "The source of a copy request may not specifically refer to a delete marker by version id."
        refused(copy, "NoSuchKey", Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **more)
    s3.abort_multipart_upload(Bucket=bucket, Key="copy", UploadId=upload)
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=ids[2])["Body"].read() == bytes([2])
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    listed = [each["VersionId"] for page in pages for each in page.get("Versions", [])]
    assert listed == ids[::-1] and len(pages) >= 3
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == bytes([4])


def test_listings(s3, bucket):
    keys = [f"dir{at % 3}/sub/{at:03}" for at in range(25)] + ["plain", "z +"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    assert [each["Key"] for page in pages for each in page["Contents"]] == sorted(keys)
    pages = s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    assert [each["Key"] for page in pages for each in page["Contents"]] == sorted(keys)
    rolled = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}))
    assert [each["Prefix"] for page in rolled for each in page.get("CommonPrefixes", [])] == ["dir0/", "dir1/", "dir2/"]
    assert [each["Key"] for page in rolled for each in page.get("Contents", [])] == ["plain", "z +"]
    assert s3.list_objects_v2(Bucket=bucket, StartAfter="plain")["KeyCount"] == 1
    refused(s3.list_objects_v2, "InvalidArgument", Bucket=bucket, ContinuationToken="???")


def test_settings(s3, bucket):
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    refused(s3.get_bucket_tagging, "NoSuchTagSet", Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags["TagSet"]
    s3.delete_bucket_tagging(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags["TagSet"]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"][0]["ObjectOwnership"] == "BucketOwnerEnforced"
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    refused(s3.get_bucket_ownership_controls, "OwnershipControlsNotFoundError", Bucket=bucket)
    sealed = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=sealed)
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] == sealed
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert s3.get_object_acl(Bucket=bucket, Key="k")["Grants"][0]["Grantee"]["Type"] == "CanonicalUser"
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    refused(s3.put_bucket_acl, "AccessControlListNotSupported", Bucket=bucket, ACL="public-read")
    refused(s3.put_object, "AccessControlListNotSupported", Bucket=bucket, Key="k", Body=b"", ACL="public-read")
    refused(s3.put_bucket_cors, "NotImplemented", Bucket=bucket, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]})


def test_strangers_read_only_what_is_public(platform, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"public")
    url = f"{platform.endpoint}/{bucket}/k"
    assert requests.get(url, timeout=60).status_code == 403
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]})
    refused(s3.get_bucket_policy, "NoSuchBucketPolicy", Bucket=bucket)
    refused(s3.put_bucket_policy, "AccessDenied", Bucket=bucket, Policy=policy)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] is True
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": False})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert requests.get(url, timeout=60).content == b"public"
    assert requests.put(url, data=b"mine", timeout=60).status_code == 403
    assert requests.get(f"{platform.endpoint}/{bucket}?list-type=2", timeout=60).status_code == 403
    refused(s3.put_bucket_policy, "MalformedPolicy", Bucket=bucket, Policy=policy.replace(bucket, "other-bucket"))
    s3.delete_bucket_policy(Bucket=bucket)
    assert requests.get(url, timeout=60).status_code == 403
    s3.delete_public_access_block(Bucket=bucket)
    refused(s3.get_public_access_block, "NoSuchPublicAccessBlockConfiguration", Bucket=bucket)


def test_presigned_urls(s3, bucket):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"})
    assert requests.put(put, data=b"by url", timeout=60).status_code == 200
    got = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b", "ResponseContentType": "x/y"})
    answer = requests.get(got, timeout=60)
    assert (answer.content, answer.headers["content-type"]) == (b"by url", "x/y")
    second_version = requests.get(f"{got.split('?')[0]}?AWSAccessKeyId=AKIA&Signature=x&Expires=9", timeout=60)
    assert second_version.status_code in (400, 403), "a signature of another kind is never nobody's request"
    assert requests.get(got.replace("x%2Fy", "x%2Fz"), timeout=60).status_code == 403
    assert requests.get(got.replace("a%20b", "other"), timeout=60).status_code == 403
    expired = requests.get(got.replace("X-Amz-Expires=3600", "X-Amz-Expires=1"), timeout=60)
    assert expired.status_code == 403 and b"<Code>" in expired.content


def test_virtual_hosts(platform, bucket):
    virtual = client(platform, "virtual")
    try:
        virtual.put_object(Bucket=bucket, Key="v/k", Body=b"virtual")
    except Exception as error:  # names below localhost resolve where the host's resolver does that
        if "Could not connect" in str(error) or "resolve" in str(error).lower():
            host = f"{bucket}.s3.localhost"
            answer = requests.get(f"{platform.endpoint}/v/k", headers={"Host": host}, timeout=60)
            assert answer.status_code == 403 and b"AccessDenied" in answer.content
            return
        raise
    assert virtual.get_object(Bucket=bucket, Key="v/k")["Body"].read() == b"virtual"


def test_the_command_line(platform, bucket, tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.txt").write_text("one")
    (folder / "sub" / "two.bin").write_bytes(BIG)
    key, secret = platform.root()
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": "us-east-1"}

    def aws(*arguments):
        done = subprocess.run(["aws", "--endpoint-url", platform.endpoint, *arguments], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    aws("s3", "sync", str(folder), f"s3://{bucket}/in")
    assert "two.bin" in aws("s3", "ls", "--recursive", f"s3://{bucket}/")
    aws("s3", "cp", f"s3://{bucket}/in/sub/two.bin", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == BIG
    environment["AWS_CONFIG_FILE"] = str(tmp_path / "config")
    (tmp_path / "config").write_text("[default]\ns3 =\n    signature_version = s3v4\n    addressing_style = path\n")
    url = aws("s3", "presign", f"s3://{bucket}/in/one.txt").strip()
    assert requests.get(url, timeout=60).text == "one"
    aws("s3api", "head-object", "--bucket", bucket, "--key", "in/one.txt")
    aws("s3", "rm", "--recursive", f"s3://{bucket}/in")
    assert aws("s3", "ls", f"s3://{bucket}/") == ""


def test_a_body_that_is_not_what_was_signed_changes_nothing(platform, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    sent = {}

    def keep(request, **_):
        sent.update(url=request.url, headers={name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()})

    s3.meta.events.register("before-send.s3.PutObject", keep)
    s3.put_object(Bucket=bucket, Key="k", Body=b"signed")
    headers = {name: value for name, value in sent["headers"].items() if name.lower() not in ("content-length", "expect")}
    answer = requests.put(sent["url"], data=b"forged", headers=headers, timeout=60)
    assert answer.status_code >= 400, answer.content
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"signed"


PART = 5 << 20


def test_uploads_in_parts(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ContentType="a/b", Metadata={"x": "y"}, Tagging="t=1")["UploadId"]
    where = {"Bucket": bucket, "Key": "m", "UploadId": upload}
    contents = [os.urandom(PART), os.urandom(PART + 1), b"the end"]
    # Out of order, one of them twice, and one that is not used.
    s3.upload_part(**where, PartNumber=7, Body=b"unused")
    s3.upload_part(**where, PartNumber=2, Body=b"replaced")
    tags = {number: s3.upload_part(**where, PartNumber=number, Body=contents[number - 1])["ETag"] for number in (3, 1, 2)}
    assert [each["Key"] for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["m"]
    listed = [part for page in s3.get_paginator("list_parts").paginate(**where, PaginationConfig={"PageSize": 2}) for part in page["Parts"]]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, PART), (2, PART + 1), (3, 7), (7, 6)]
    refused(s3.get_object, "NoSuchKey", Bucket=bucket, Key="m")
    parts = [{"PartNumber": number, "ETag": tags[number]} for number in (1, 2, 3)]
    refused(s3.complete_multipart_upload, "InvalidPartOrder", **where, MultipartUpload={"Parts": parts[::-1]})
    refused(s3.complete_multipart_upload, "InvalidPart", **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]})
    refused(s3.complete_multipart_upload, "EntityTooSmall", **where, MultipartUpload={"Parts": parts + [{"PartNumber": 7, "ETag": listed[3]["ETag"]}]})
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(content).digest() for content in contents)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert done["Location"] == f"https://{bucket}.s3.us-east-1.amazonaws.com/m"
    assert s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})["ETag"] == done["ETag"], "asked again"
    got = s3.get_object(Bucket=bucket, Key="m")
    assert got["Body"].read() == b"".join(contents)
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("a/b", {"x": "y"}, 1)
    second = s3.get_object(Bucket=bucket, Key="m", PartNumber=2)
    assert second["Body"].read() == contents[1] and second["PartsCount"] == 3
    across = s3.get_object(Bucket=bucket, Key="m", Range=f"bytes={PART - 2}-{PART + 2}")["Body"].read()
    assert across == b"".join(contents)[PART - 2:PART + 3]
    told = s3.get_object_attributes(Bucket=bucket, Key="m", ObjectAttributes=["ETag", "ObjectSize", "ObjectParts", "Checksum"])
    assert (told["ObjectSize"], told["ObjectParts"]["TotalPartsCount"], told["ETag"]) == (2 * PART + 8, 3, done["ETag"].strip('"'))
    refused(s3.list_parts, "NoSuchUpload", **where)


def test_parts_are_copied_and_uploads_aborted(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=BIG)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    where = {"Bucket": bucket, "Key": "m", "UploadId": upload}
    copied = s3.upload_part_copy(**where, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange="bytes=0-99")
    refused(s3.upload_part_copy, "InvalidArgument", **where, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange=f"bytes=0-{len(BIG)}")
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="m")["Body"].read() == BIG[:100]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="n")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="n", UploadId=upload, PartNumber=1, Body=BIG)
    s3.abort_multipart_upload(Bucket=bucket, Key="n", UploadId=upload)
    refused(s3.upload_part, "NoSuchUpload", Bucket=bucket, Key="n", UploadId=upload, PartNumber=1, Body=b"")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("kind,algorithm", [("COMPOSITE", "CRC32"), ("FULL_OBJECT", "CRC32"), ("COMPOSITE", "SHA256")])
def test_checksums_of_uploads(s3, bucket, kind, algorithm):
    whole = os.urandom(PART) + b"tail"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm=algorithm, ChecksumType=kind)["UploadId"]
    where = {"Bucket": bucket, "Key": "m", "UploadId": upload}
    member, parts = "Checksum" + algorithm, []
    for number, content in enumerate((whole[:PART], whole[PART:]), 1):
        part = s3.upload_part(**where, PartNumber=number, Body=content, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": part["ETag"], member: part[member]})
    done = s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    if kind == "FULL_OBJECT":
        assert done[member] == base64.b64encode(zlib.crc32(whole).to_bytes(4, "big")).decode()
    else:
        assert done[member].endswith("-2")
    assert done["ChecksumType"] == kind


def test_what_an_upload_was_begun_with_is_asked_for_at_its_end(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE")["UploadId"]
    where = {"Bucket": bucket, "Key": "m", "UploadId": upload}
    parts = []
    for number in (1, 5):
        part = s3.upload_part(**where, PartNumber=number, Body=bytes(PART), ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    bare = [{name: part[name] for name in ("PartNumber", "ETag")} for part in parts]
    assert refused(s3.complete_multipart_upload, "InvalidRequest", **where, MultipartUpload={"Parts": [parts[0], bare[1]]}) == (
        "The upload was created using a sha256 checksum. The complete request must include the checksum for each part. It was missing for part 5 in the request.")
    refused(s3.complete_multipart_upload, "InvalidPartOrder", **where, MultipartUpload={"Parts": parts})
    assert s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts[:1]})["ChecksumSHA256"].endswith("-1")
    # An upload that was begun without one asks for none, whatever its parts had.
    where["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=bytes(PART), ChecksumAlgorithm="SHA256")["ETag"]} for n in (1, 5)]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


def test_memory_stays_small_whatever_the_size(tmp_path):
    """A body of 200 MB passes in and out of a platform whose memory hardly grows."""
    with Platform(tmp_path) as own:
        s3 = client(own)
        s3.create_bucket(Bucket="large")
        s3.put_object(Bucket="large", Key="warm", Body=os.urandom(4 << 20))
        s3.get_object(Bucket="large", Key="warm")["Body"].read()
        before = peak_mib(own)
        path = tmp_path / "large.bin"
        block = os.urandom(1 << 20)
        with path.open("wb") as file:
            for _ in range(200):
                file.write(block)
        with path.open("rb") as file:
            s3.put_object(Bucket="large", Key="k", Body=file)
        digest = hashlib.sha256()
        for chunk in s3.get_object(Bucket="large", Key="k")["Body"].iter_chunks(1 << 20):
            digest.update(chunk)
        assert digest.hexdigest() == hashlib.sha256(block * 200).hexdigest()
        grown = peak_mib(own) - before
        print(f"peak memory grew by {grown:.1f} MiB from {before:.1f} MiB")
        assert grown < 64


def peak_mib(platform):
    status = (pathlib.Path("/proc") / str(platform.process.pid) / "status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path):
    own = Platform(tmp_path).start()
    try:
        s3 = client(own)
        s3.create_bucket(Bucket="kept")
        contents = {f"k{at}": os.urandom(size) for at, size in enumerate([10, 70_000, 3_000_000])}
        for key, content in contents.items():
            s3.put_object(Bucket="kept", Key=key, Body=content)
        own.kill()
        own.start()
        s3 = client(own)
        for key, content in contents.items():
            assert s3.get_object(Bucket="kept", Key=key)["Body"].read() == content
        assert [each["Key"] for each in s3.list_objects_v2(Bucket="kept")["Contents"]] == sorted(contents)
    finally:
        own.kill()
