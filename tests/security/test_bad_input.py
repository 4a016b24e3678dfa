"""Bad input of every kind gets an answer of AWS's form: never a hang, a panic or a 500."""

import errno
import json
import random
import socket

import botocore.compat
import botocore.exceptions
import botocore.parsers
import pytest

from support import refused, signed_get

TARGETS = {"dynamodb": "DynamoDB_20120810.", "logs": "Logs_20140328.", "cloudtrail": "CloudTrail_20131101."}


def send(platform, service, body, target=None, content_type="application/x-amz-json-1.0", path="/", method="POST"):
    headers = {"Content-Type": content_type}
    if target:
        headers["X-Amz-Target"] = target
    return signed_get(platform, path, method, body, service=service, headers=headers)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"TableName":', b'{"TableName":"a","TableName":"b"}', b'{"TableName":1}',
                                  b"[" * 100_000, b'{"a":' * 50_000, b'{"TableName":"' + b"x" * 1_000_000 + b'"}', b'{"Limit":1e999}', b'{"Limit":99999999999999999999}',
                                  b'{"Key":{"a":{"B":"not base64!"}},"TableName":"aaa"}', b"\x00" * 1000])
@pytest.mark.parametrize("operation", ["ListTables", "GetItem"])
def test_json_bodies(platform, operation, body):
    answer = send(platform, "dynamodb", body, TARGETS["dynamodb"] + operation)
    assert answer.status_code < 500, (body[:60], answer.text)
    assert answer.status_code == 200 or answer.json()["__type"]


@pytest.mark.parametrize("body", [b"", b"Action", b"Action=", b"Action=Nope&Version=2010-05-08", b"&&&&", b"Action=CreateUser&Version=1999-01-01", b"Action=CreateUser&Version=2010-05-08",
                                  b"Action=CreateUser&Version=2010-05-08&UserName=%", b"Action=CreateUser&Version=2010-05-08&UserName=%ff%fe",
                                  b"Action=CreateUser&Version=2010-05-08&UserName=a&UserName=b", b"Action=CreateUser&Version=2010-05-08&UserName=" + b"x" * 100_000,
                                  b"Action=TagUser&Version=2010-05-08&UserName=a&Tags.member.999999999999.Key=x", b"Action=TagUser&Version=2010-05-08&" + b"Tags.member" * 10_000,
                                  b"a=b&" * 50_000])
def test_query_bodies(platform, body):
    answer = send(platform, "iam", body, content_type="application/x-www-form-urlencoded")
    assert 400 <= answer.status_code < 500 and "<Code>" in answer.text, (body[:60], answer.text)


@pytest.mark.parametrize("method,path", [("GET", "/2015-03-31/functions/%00"), ("GET", "/2015-03-31/functions/" + "x" * 5000), ("POST", "/2015-03-31/functions"), ("PUT", "/nowhere"),
                                         ("GET", "/2015-03-31/functions/%2e%2e%2f"), ("DELETE", "/2015-03-31/functions/a/b/c/d"), ("PATCH", "/"), ("POST", "/2015-03-31/functions/a/invocations/x")])
def test_rest_paths(platform, method, path):
    answer = send(platform, "lambda", b"{", path=path, method=method, content_type="application/json")
    assert 400 <= answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize("target", ["", "x", "DynamoDB_20120810", "DynamoDB_20120810.", "DynamoDB_20120810.Nope", "DynamoDB_20111205.GetItem", "." * 1000, "Logs_20140328.GetItem"])
def test_targets(platform, target):
    answer = send(platform, "dynamodb", b"{}", target)
    assert 400 <= answer.status_code < 500, answer.text


def test_an_operation_that_is_not_implemented_says_so(platform):
    answer = send(platform, "dynamodb", b'{"TableName":"aaa"}', TARGETS["dynamodb"] + "DescribeContributorInsights")
    assert answer.status_code == 501 and "DescribeContributorInsights" in answer.text


def test_oversized_bodies_are_refused_before_they_are_read(platform):
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as stream:
        stream.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        assert b" 413 " in stream.recv(4096).split(b"\r\n")[0]


@pytest.mark.parametrize("service,operation,arguments", [("iam", "create_user", {"UserName": "x" * (17 << 20)}), ("sts", "assume_role", {"RoleArn": "a" * (17 << 20), "RoleSessionName": "ss"}),
                                                         ("cloudformation", "validate_template", {"TemplateBody": "x" * (17 << 20)}),
                                                         ("dynamodb", "describe_table", {"TableName": "x" * (17 << 20)})])
def test_oversized_bodies_are_refused_in_the_apis_own_form(platform, service, operation, arguments):
    client = platform.client(service, parameter_validation=False)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        getattr(client, operation)(**arguments)
    answer = caught.value.response
    assert answer["Error"]["Code"].startswith("RequestEntityTooLarge") and "must be smaller than" in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 413 and answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("method", ["HEAD", "PUT", "OPTIONS", "TRACE", "FOO", "DELETE"])
def test_methods_that_are_held_to_be_safe_change_nothing(platform, method):
    path = f"/?Action=CreateUser&UserName=made-by-{method}&Version=2010-05-08"
    assert signed_get(platform, path, method, service="iam").status_code >= 400
    refused(platform.client("iam").get_user, "NoSuchEntity", UserName=f"made-by-{method}")


@pytest.mark.parametrize("head", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"GET /" + b"x" * 200_000,
                                  b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                  b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nBad Header : y\r\n\r\n"])
def test_broken_http_is_answered_or_closed(platform, head):
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as stream:
        try:
            stream.sendall(head)
            stream.shutdown(socket.SHUT_WR)
            answer = stream.recv(4096)
        except OSError as error:
            # It was closed, and maybe so early that there is nothing left to shut down.
            assert error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN), error
            answer = b""
        assert not answer or answer.startswith(b"HTTP/1.1 4"), answer
    assert platform.raw("GET", "/_fastness/health").status_code == 200


@pytest.mark.parametrize("line", [b"Authorization: \x7f", b"a b: c", b"\r\n".join([b"a: b"] * 150)])
def test_broken_headers_are_answered(platform, line):
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n")
        assert stream.recv(4096).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))


HEAD_BYTES_MAX = 64 * 1024
GOOD = b"GET /_fastness/health HTTP/1.1\r\nHost: x\r\n\r\n"


def spoken(platform, *parts):
    """Everything that a connection answers to these bytes before it ends."""
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as stream:
        for part in parts:
            stream.sendall(part)
        return b"".join(iter(lambda: stream.recv(65536), b""))


def of_length(length):
    """A good request whose head is so many bytes long."""
    frame = b"GET /_fastness/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\na: %s\r\n\r\n"
    return frame % (b"b" * (length - len(frame % b"")))


@pytest.mark.parametrize("before", [b"", GOOD])
@pytest.mark.parametrize(("request_", "status", "code"), [
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"GET / HTTP/1.1\r\nHost: x\r\na: b\r\n c\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"GET /_fastness/health HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"GET / HTTP/1.1\r\nHost: a.lambda-url.us-east-1.localhost\r\nHost: b\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"GET / HTTP/1.1\r\nHost: b@a.lambda-url.us-east-1.localhost\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"GET http://b@a.lambda-url.us-east-1.localhost/ HTTP/1.1\r\nHost: a.lambda-url.us-east-1.localhost\r\n\r\n", 400, "MalformedHttpRequestException"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 100 + b"\r\n", 431, "RequestHeaderSectionTooLarge"),
    (of_length(HEAD_BYTES_MAX + 1), 431, "RequestHeaderSectionTooLarge"),
])
def test_what_cannot_be_read_is_refused_with_a_code_and_an_id(platform, before, request_, status, code):
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as stream:
        if before:
            stream.sendall(before)
            assert stream.recv(4096).startswith(b"HTTP/1.1 200 ")
        stream.sendall(request_)
        head, _, body = b"".join(iter(lambda: stream.recv(65536), b"")).partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    assert lines[0].startswith(f"HTTP/1.1 {status} ") and fields["content-length"] == str(len(body)) and fields["connection"] == "close"
    answer = botocore.parsers.QueryParser().parse({"body": body, "headers": fields, "status_code": status}, None)
    assert answer["Error"]["Code"] == code and answer["Error"]["Message"] and answer["ResponseMetadata"]["RequestId"] == fields["x-amzn-requestid"]
    assert len(fields) == len(lines) - 1, "a field stands twice"
    # Clients of the other APIs read it too.
    for parser in (botocore.parsers.RestXMLParser(), botocore.parsers.JSONParser(), botocore.parsers.RestJSONParser()):
        parsed = parser.parse({"body": body, "headers": botocore.compat.HTTPHeaders.from_dict(fields), "status_code": status}, None)
        assert parsed["Error"]["Message"] and (parsed["Error"]["Code"] in (code, str(status)) or code.lower() in parsed["Error"]["Code"]), parsed


def test_the_whole_address_in_the_first_line_goes_before_the_host_field(platform):
    nobodys, forbidden = "a.lambda-url.us-east-1.localhost", b'{"Message":"Forbidden"}'
    for target, host, is_url in ((f"http://{nobodys}/", "x", True), ("http://x/", nobodys, False), (f"http://{nobodys}:{platform.port}/", nobodys, True)):
        answer = spoken(platform, f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert (forbidden in answer) == is_url, (target, host, answer)


def test_the_limit_of_a_head_is_what_it_says(platform):
    assert spoken(platform, of_length(HEAD_BYTES_MAX)).startswith(b"HTTP/1.1 200 ")
    assert spoken(platform, of_length(HEAD_BYTES_MAX)[:30_000], of_length(HEAD_BYTES_MAX)[30_000:]).startswith(b"HTTP/1.1 200 ")
    assert platform.raw("GET", "/_fastness/health", headers={"a": "b" * 100_000}).status_code == 431


def test_an_answer_that_looks_like_a_refusal_is_not_touched(platform, name):
    """What somebody stored is handed out as it is, also behind other answers on the same connection."""
    forged = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=name)
    for count in (1, 20_000):
        s3.put_object(Bucket=name, Key="k", Body=forged * count)
        for _ in range(3):
            assert s3.get_object(Bucket=name, Key="k")["Body"].read() == forged * count
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)


def test_random_damage_never_breaks_it(platform):
    dice = random.Random(7)
    good = {"dynamodb": (TARGETS["dynamodb"] + "PutItem", json.dumps({"TableName": "none", "Item": {"id": {"S": "1"}, "m": {"M": {"l": {"L": [{"N": "1"}]}}}},
                                                                    "ConditionExpression": "a = :b AND size(c) > :d", "ExpressionAttributeValues": {":b": {"S": "x"}, ":d": {"N": "1"}}})),
            "logs": (TARGETS["logs"] + "FilterLogEvents", json.dumps({"logGroupName": "none", "filterPattern": '{ $.a = "b" && $.c > 1 }'}))}
    for _ in range(150):
        service = dice.choice(list(good))
        target, text = good[service]
        body = bytearray(text.encode())
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(body))
            body[at:at + dice.randint(0, 3)] = bytes(dice.randrange(256) for _ in range(dice.randint(0, 3)))
        answer = send(platform, service, bytes(body), target, "application/x-amz-json-1.1")
        assert answer.status_code < 500, (bytes(body), answer.text)


@pytest.mark.parametrize("action,member", [("DescribeStacks", "StackName"), ("DeleteStack", "StackName"), ("UpdateStack", "StackName"), ("DescribeStackResources", "StackName"),
                                           ("ListImports", "ExportName"), ("DetectStackDrift", "StackName")])
@pytest.mark.parametrize("length", [20_000, 65_533, 65_535, 70_000])
def test_names_longer_than_any_key_of_the_store(platform, action, member, length):
    """The store's keys end at 65,535 bytes: a name beyond that names nothing, for whoever asks."""
    body = f"Action={action}&Version=2010-05-15&{member}={'A' * length}".encode()
    answer = send(platform, "cloudformation", body, content_type="application/x-www-form-urlencoded")
    assert 400 <= answer.status_code < 500 or (answer.status_code == 200 and action == "DeleteStack"), answer.text[:300]


def raw_status(platform, head):
    """The status of an answer to bytes as they are, and all that was answered."""
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as connection:
        connection.sendall(head)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    return int(answer.split(b" ", 2)[1]), answer


def test_strangers_long_names_meet_no_key_of_the_store(platform):
    """The id of an access key, and a bucket in a host's name, are looked up before anybody is known."""
    for length in (1_000, 50_000, 65_540):
        key = f"GET / HTTP/1.1\r\nHost: sts.localhost\r\nConnection: close\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIA{'A' * length}" \
              "/20260101/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + "0" * 64 + "\r\n\r\n"
        host = f"GET /k HTTP/1.1\r\nHost: {'b' * length}.s3.us-east-1.localhost\r\nConnection: close\r\n\r\n"
        for head in (key, host):
            status, answer = raw_status(platform, head.encode())
            assert 400 <= status < 500 and len(answer) < 8_192, (length, answer[:200])


def test_a_refusal_of_a_long_name_is_read_by_every_client(platform):
    """The sealed message of a refusal is a header, which clients take up to some kilobytes."""
    key = platform.user("refused-a-long-name")
    client = platform.client("cloudformation", *key)
    for length in (5_000, 70_000):
        refused(client.describe_stacks, "AccessDenied", StackName="A" * length)
        refused(client.list_imports, "AccessDenied", ExportName="A" * length)
