"""Bodies that lie: chunks, lengths and checksums that are not what was signed leave the bucket as it was."""

import base64
import datetime
import hashlib
import hmac
import socket
import zlib

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import requests
from botocore.client import Config

EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(scope="module")
def s3(platform):
    key, secret = platform.root()
    return boto3.client("s3", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
                        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))


@pytest.fixture
def bucket(s3, name):
    name = name.lower()[:63].strip("-")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"before")
    yield name
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)


class Upload:
    """A PUT whose chunks are signed one over the other, made by hand so that any part of it can lie."""

    def __init__(self, platform, bucket, stated, decoded_length, extra=()):
        key, secret = platform.root()
        self.host = platform.endpoint.removeprefix("http://")
        now = datetime.datetime.now(datetime.timezone.utc)
        self.stamp = now.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.stamp[:8]}/us-east-1/s3/aws4_request"
        signing = ("AWS4" + secret).encode()
        for part in (self.stamp[:8], "us-east-1", "s3", "aws4_request"):
            signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
        self.signing = signing
        self.headers = {"host": self.host, "x-amz-content-sha256": stated, "x-amz-date": self.stamp,
                        "x-amz-decoded-content-length": str(decoded_length), **dict(extra)}
        self.path = f"/{bucket}/k"
        names = sorted(self.headers)
        canonical = "\n".join(["PUT", self.path, "", *(f"{name}:{self.headers[name]}" for name in names), "", ";".join(names), stated])
        self.previous = self.sign("AWS4-HMAC-SHA256", None, hashlib.sha256(canonical.encode()).hexdigest())
        self.headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={key}/{self.scope}, SignedHeaders={';'.join(names)}, Signature={self.previous}"

    def sign(self, algorithm, previous, *lines):
        text = "\n".join([algorithm, self.stamp, self.scope, *([previous] if previous else []), *lines])
        return hmac.new(self.signing, text.encode(), hashlib.sha256).hexdigest()

    def chunk(self, data):
        self.previous = self.sign("AWS4-HMAC-SHA256-PAYLOAD", self.previous, EMPTY, hashlib.sha256(data).hexdigest())
        return f"{len(data):x};chunk-signature={self.previous}\r\n".encode() + (data + b"\r\n" if data else b"")

    def trailer(self, name, value):
        self.previous = self.sign("AWS4-HMAC-SHA256-TRAILER", self.previous, hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest())
        return f"{name}:{value}\r\nx-amz-trailer-signature:{self.previous}\r\n".encode()

    def send(self, body, length=None):
        """The status and the answer."""
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        address, port = self.host.split(":")
        with socket.create_connection((address, int(port)), timeout=60) as connection:
            connection.sendall(f"PUT {self.path} HTTP/1.1\r\n{head}content-length: {len(body) if length is None else length}\r\nconnection: close\r\n\r\n".encode() + body)
            if length is not None:
                return 0, b""  # breaks off
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return int(answer.split(b" ")[1]), answer


SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def content(s3, bucket):
    return s3.get_object(Bucket=bucket, Key="k")["Body"].read()


def test_signed_chunks_are_taken(platform, s3, bucket):
    upload = Upload(platform, bucket, SIGNED, 100_003)
    status, answer = upload.send(upload.chunk(b"a" * 100_000) + upload.chunk(b"end") + upload.chunk(b"") + b"\r\n")
    assert status == 200, answer
    assert content(s3, bucket) == b"a" * 100_000 + b"end"


def test_signed_trailers_are_taken(platform, s3, bucket):
    data = b"with a trailer"
    extra = {"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm": "CRC32"}
    value = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    upload = Upload(platform, bucket, SIGNED + "-TRAILER", len(data), extra.items())
    status, answer = upload.send(upload.chunk(data) + upload.chunk(b"") + upload.trailer("x-amz-checksum-crc32", value) + b"\r\n")
    assert status == 200, answer
    assert content(s3, bucket) == data
    wrong = Upload(platform, bucket, SIGNED + "-TRAILER", len(data), extra.items())
    status, answer = wrong.send(wrong.chunk(data) + wrong.chunk(b"") + wrong.trailer("x-amz-checksum-crc32", "AAAAAA==") + b"\r\n")
    assert status == 400 and b"BadDigest" in answer, answer


def test_only_checksums_come_as_trailers(platform, s3, bucket):
    for announced in ("x-amz-meta-other", "x-amz-checksum-crc32,host", "x-amz-checksum-foo"):
        upload = Upload(platform, bucket, SIGNED + "-TRAILER", 1, {"x-amz-trailer": announced}.items())
        status, answer = upload.send(upload.chunk(b"x") + upload.chunk(b"") + upload.trailer("x-amz-meta-other", "x") + b"\r\n")
        assert status == 400 and b"<Code>InvalidRequest</Code><Message>The value specified in the x-amz-trailer header is not supported" in answer, answer
    assert content(s3, bucket) == b"before"


def test_a_presigned_url_takes_no_header_that_was_not_signed(platform, s3, bucket):
    key, secret = platform.root()
    signer = boto3.client("s3", endpoint_url=platform.endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
                          config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"))
    url = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    answer = requests.put(url, data=b"x", headers={"x-amz-meta-other": "x"}, timeout=60)
    assert answer.status_code == 403 and "<Code>AccessDenied</Code><Message>There were headers present in the request which were not signed" in answer.text
    assert requests.put(url, data=b"x", timeout=60).status_code == 200


def test_trailers_are_announced_by_their_own_header(platform, s3, bucket):
    """As AWS documents it, and as clients do that know nothing of the SDKs' header."""
    data = b"announced"
    extra = {"x-amz-trailer": "x-amz-checksum-crc32"}
    value = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    made = lambda: Upload(platform, bucket, SIGNED + "-TRAILER", len(data), extra.items())  # noqa: E731
    upload = made()
    status, answer = upload.send(upload.chunk(data) + upload.chunk(b"") + upload.trailer("x-amz-checksum-crc32", value) + b"\r\n")
    assert status == 200 and b"x-amz-checksum-crc32: " + value.encode() in answer, answer
    assert content(s3, bucket) == data
    for name, sent, code in [
        ("x-amz-checksum-crc32", "AAAAAA==", b"BadDigest"),
        ("x-amz-checksum-sha1", base64.b64encode(hashlib.sha1(data).digest()).decode(), b"MalformedTrailerError"),
        ("x-amz-meta-other", "x", b"MalformedTrailerError"),
    ]:
        lying = made()
        status, answer = lying.send(lying.chunk(data) + lying.chunk(b"") + lying.trailer(name, sent) + b"\r\n")
        assert status == 400 and code in answer, (name, answer)


def test_a_trailer_that_was_promised_comes(platform, s3, bucket):
    key, secret = platform.root()
    url = f"{platform.endpoint}/{bucket}/k"
    for trailer, code in [("", b"MalformedTrailerError"), (f"x-amz-checksum-crc32:{base64.b64encode(zlib.crc32(b'hello').to_bytes(4, 'big')).decode()}\r\n", b"")]:
        headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-trailer": "x-amz-checksum-crc32", "x-amz-decoded-content-length": "5"}
        request = botocore.awsrequest.AWSRequest("PUT", url, data=f"5\r\nhello\r\n0\r\n{trailer}\r\n".encode(), headers=headers)
        signer = botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(key, secret), "s3", "us-east-1")
        signer.payload = lambda _: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        signer.add_auth(request)
        answer = requests.put(url, data=request.body, headers=dict(request.headers.items()), timeout=60)
        assert answer.status_code == (400 if code else 200) and code in answer.content, answer.content
        assert content(s3, bucket) == (b"before" if code else b"hello")


@pytest.mark.parametrize("lie,code", [
    ("changed", b"SignatureDoesNotMatch"), ("reordered", b"SignatureDoesNotMatch"), ("left out", b"SignatureDoesNotMatch"),
    ("cut", b"IncompleteBody"), ("longer than said", b"IncompleteBody"), ("no frames", b"IncompleteBody"), ("unsigned", b"SignatureDoesNotMatch"),
])
def test_chunks_that_lie_change_nothing(platform, s3, bucket, lie, code):
    upload = Upload(platform, bucket, SIGNED, 20 if lie == "longer than said" else 12)
    first, second, last = upload.chunk(b"first "), upload.chunk(b"second"), upload.chunk(b"")
    body = {
        "changed": first.replace(b"first", b"FIRST") + second + last + b"\r\n",
        "reordered": second + first + last + b"\r\n",
        "left out": first + last + b"\r\n",
        "cut": first + second,
        "longer than said": first + second + last + b"\r\n",
        "no frames": b"first second",
        "unsigned": b"c\r\nfirst second\r\n0\r\n\r\n",
    }[lie]
    status, answer = upload.send(body)
    assert status >= 400 and code in answer, answer
    assert content(s3, bucket) == b"before"


def test_a_connection_that_breaks_off_changes_nothing(platform, s3, bucket):
    upload = Upload(platform, bucket, SIGNED, 1_000_000)
    first = upload.chunk(b"a" * 500_000)
    upload.send(first, length=len(first) * 2)
    assert content(s3, bucket) == b"before"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def test_hostile_documents_are_refused(platform, s3, bucket):
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><Tagging><TagSet><Tag><Key>&b;</Key><Value>v</Value></Tag></TagSet></Tagging>'
    for body in (bomb, "<Tagging>" * 5_000, "<Tagging><Unknown/></Tagging>", "<Other/>"):
        digest = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
        request = botocore.awsrequest.AWSRequest("PUT", f"{platform.endpoint}/{bucket}?tagging", data=body.encode(), headers={"Content-MD5": digest})
        credentials = botocore.credentials.Credentials(*platform.root())
        botocore.auth.S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        answer = requests.put(request.url, data=body.encode(), headers=dict(request.headers.items()), timeout=60)
        assert answer.status_code == 400 and "MalformedXML" in answer.text, answer.text
