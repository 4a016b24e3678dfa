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


def eventually(check, timeout_s=20):
    """Waits until the check answers something true."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
