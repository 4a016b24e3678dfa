"""A connection is used again only where both sides agree on where its requests end: bodies that nobody read are never taken for requests."""

import socket
import urllib.parse

import botocore.exceptions
import pytest


@pytest.fixture(scope="module")
def connect(platform):
    address = urllib.parse.urlsplit(platform.endpoint)

    def open_connection():
        return socket.create_connection((address.hostname, address.port), timeout=20)

    return open_connection


def whole(connection):
    """All that comes until the other side closes."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


UNSIGNED = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n"


@pytest.mark.parametrize("target", [
    "PUT /bucket/key HTTP/1.1\r\n" + UNSIGNED.format(service="s3"),
    "POST / HTTP/1.1\r\n" + UNSIGNED.format(service="sts") + "Content-Length: 999999999\r\n",
    "PUT /_fastness/health HTTP/1.1\r\n",
    "POST /_aws/execute-api/aaaaaaaaaa/stage/ HTTP/1.1\r\nContent-Length: 999999999\r\n",
])
def test_a_refusal_before_the_body_ends_the_connection_and_says_so(connect, target):
    length = "" if "Content-Length" in target else "Content-Length: 60\r\n"
    smuggled = b"GET /_fastness/health HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n\r\n"
    with connect() as connection:
        connection.sendall(f"{target}Host: localhost\r\nExpect: 100-continue\r\n{length}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65_536)
            assert piece, head
            head += piece
        assert b"100 Continue" not in head and b"\r\nconnection: close\r\n" in head.lower(), head
        # A client that uses the connection all the same gets no second answer.
        connection.sendall(smuggled)
        connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 " not in head.partition(b"\r\n\r\n")[2] + whole(connection)


def test_a_large_body_that_nobody_reads_does_not_take_the_answer_away(connect):
    for _ in range(5):
        with connect() as connection:
            head = f"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\n{UNSIGNED.format(service='s3')}Content-Length: 8388608\r\n\r\n"
            connection.sendall(head.encode() + bytes(8_388_608))
            answer = whole(connection)
        assert answer.startswith(b"HTTP/1.1 4") and answer.rstrip().endswith(b"</Error>"), answer


def test_refused_uploads_leave_the_next_request_alone(platform):
    s3 = platform.client("s3", retries={"total_max_attempts": 1})
    s3.create_bucket(Bucket="reuse")
    outcomes = set()
    for _ in range(100):
        for call in (lambda: s3.upload_part(Bucket="reuse", Key="m", UploadId="nope", PartNumber=1, Body=b"x"),
                     lambda: s3.abort_multipart_upload(Bucket="reuse", Key="m", UploadId="nope")):
            with pytest.raises(botocore.exceptions.ClientError) as refused:
                call()
            outcomes.add(refused.value.response["Error"]["Code"])
    assert outcomes == {"NoSuchUpload"}
