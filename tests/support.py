"""Small things that many tests need: refusals, trust policies, packages, signed requests to a stage."""

import io
import json
import time
import zipfile

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
import requests


def refused(call, code, **arguments):
    """Calls, expects this error code, and answers the message."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value.response["Error"]["Message"]


def trust(principal):
    """A trust policy for this principal element."""
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})


def keys_of(platform, call, **arguments):
    """The condition keys of a call that is refused, in lower case."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    message = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]
    decoded = json.loads(platform.client("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"])
    items = decoded["context"]["conditions"]["items"]
    return {item["key"].lower(): [value["value"] for value in item["values"]["items"]] for item in items}


def package(**files):
    """A zip of these files; `__` in a name stands for a dot, so that they can be keywords."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name.replace("__", "."))
            info.external_attr = 0o755 << 16
            archive.writestr(info, text)
    return buffer.getvalue()


def signed_get(platform, path, method="GET", body=b"", key=None, secret=None, token=None, service="execute-api", headers=None):
    """A request to a stage, signed as an SDK would sign it."""
    if key is None:
        key, secret = platform.root()
    request = botocore.awsrequest.AWSRequest(method, platform.endpoint + path, data=body, headers=dict(headers or {}))
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret, token), service, "us-east-1").add_auth(request)
    return requests.request(method, platform.endpoint + path, data=body, headers=dict(request.headers.items()), timeout=60)


def eventually(check, timeout_s=60):
    """Waits until the check answers something true; longer than any machine is busy with something else."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def listed(client, operation, member, **narrowed):
    """All that a listing names, however many pages the things of other tests fill."""
    return [one for page in client.get_paginator(operation).paginate(**narrowed) for one in page[member]]


def logged(logs, group, **narrowed):
    """The messages of a log group, none while there is no such group: output is shipped behind the answer, and makes the group."""
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **narrowed)
        return [event["message"] for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


# What functions leave of themselves where a kill must not take it: a log may lack its last lines then, a table lacks nothing.
# It signs by itself: an SDK takes longer to import than all the rest of this takes.
SEEN = """import datetime, hashlib, hmac, http.client, json, os
def put(n):
    body = json.dumps({"TableName": "seen", "Item": {"n": {"S": n}}})
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = [now[:8], "us-east-1", "dynamodb", "aws4_request"]
    headers = {"host": "127.0.0.1:4566", "x-amz-date": now, "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"], "x-amz-target": "DynamoDB_20120810.PutItem"}
    names = ";".join(headers)
    canonical = "\\n".join(["POST", "/", "", *(f"{k}:{v}" for k, v in headers.items()), "", names, hashlib.sha256(body.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\\n".join(["AWS4-HMAC-SHA256", now, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = os.environ["AWS_ACCESS_KEY_ID"] + "/" + "/".join(scope)
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    headers["content-type"] = "application/x-amz-json-1.0"
    connection = http.client.HTTPConnection("127.0.0.1", 4566, timeout=20)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(answer.read().decode())
"""


def make_seen(dynamodb):
    """The table that `SEEN` puts into."""
    dynamodb.create_table(TableName="seen", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "n", "AttributeType": "S"}],
                          KeySchema=[{"AttributeName": "n", "KeyType": "HASH"}])


def seen(dynamodb):
    """What was put."""
    return [item["n"]["S"] for page in dynamodb.get_paginator("scan").paginate(TableName="seen") for item in page["Items"]]
