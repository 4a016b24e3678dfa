"""Forged, damaged and missing signatures: each is refused with AWS's own error, and none reaches a service."""

import datetime
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

FORM = "Action=GetCallerIdentity&Version=2011-06-15"


def signed(platform, key=None, secret=None, token=None, service="sts", region="us-east-1", body=FORM, headers=None,
           path="/", when=None, monkeypatch=None):
    """A correctly signed request, to be damaged by the test."""
    if key is None:
        key, secret = platform.root()
    request = botocore.awsrequest.AWSRequest(
        "POST", platform.endpoint + path, data=body,
        headers={"Content-Type": "application/x-www-form-urlencoded", **(headers or {})})
    credentials = botocore.credentials.Credentials(key, secret, token)
    signer = botocore.auth.SigV4Auth(credentials, service, region)
    if when is not None:
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *a, **k: when)
    signer.add_auth(request)
    return dict(request.headers.items())


def code_of(answer):
    if answer.text.lstrip().startswith("<"):
        return answer.text.split("<Code>")[1].split("</Code>")[0]
    return json.loads(answer.text)["__type"].split("#")[-1]


def test_an_honest_signature_is_accepted(platform):
    answer = platform.raw(headers=signed(platform), body=FORM)
    assert answer.status_code == 200, answer.text
    assert "<Account>000000000000</Account>" in answer.text


def test_an_unsigned_call_is_refused(platform):
    answer = platform.raw(headers={"Content-Type": "application/x-www-form-urlencoded"}, body=FORM)
    assert answer.status_code == 403
    assert code_of(answer) == "MissingAuthenticationToken"


@pytest.mark.parametrize("service,target", [
    ("dynamodb", "DynamoDB_20120810.ListTables"), ("logs", "Logs_20140328.DescribeLogGroups"),
    ("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents")])
def test_an_unsigned_json_call_is_refused(platform, service, target):
    answer = platform.raw(headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}, body="{}")
    assert answer.status_code in (400, 403)
    assert code_of(answer) == "MissingAuthenticationTokenException"


def test_a_changed_body_is_refused(platform):
    answer = platform.raw(headers=signed(platform), body=FORM + "&Extra=1")
    assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")


def test_a_wrong_secret_is_refused(platform):
    key, _ = platform.root()
    answer = platform.raw(headers=signed(platform, key, "x" * 40), body=FORM)
    assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "test", "root", "admin", "ASIAIOSFODNN7EXAMPLE", "000000000000",
                                 "LSIAQAAAAAAVNCBMPNSG", "LKIAQAAAAAAVNCBMPNSG", "mock_access_key"])
def test_no_key_is_special(platform, key):
    for secret in ("test", "secret", key, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"):
        answer = platform.raw(headers=signed(platform, key, secret), body=FORM)
        assert (answer.status_code, code_of(answer)) == (403, "InvalidClientTokenId"), (key, secret)


@pytest.mark.parametrize("change", ["truncated", "flipped", "upper", "empty"])
def test_a_damaged_signature_is_refused(platform, change):
    headers = signed(platform)
    head, signature = headers["Authorization"].split("Signature=")
    damaged = {"truncated": signature[:-2], "flipped": signature[:-1] + ("0" if signature[-1] != "0" else "1"),
               "upper": signature.upper() + "0", "empty": ""}[change]
    headers["Authorization"] = head + "Signature=" + damaged
    answer = platform.raw(headers=headers, body=FORM)
    assert answer.status_code in (400, 403)
    assert code_of(answer) in ("SignatureDoesNotMatch", "IncompleteSignature"), answer.text


@pytest.mark.parametrize("header", [
    "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=", "Bearer abc", "Basic dGVzdDp0ZXN0", "{}",
    "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=00", "AWS4-HMAC-SHA512 x=y", ",,,,=",
    "AWS4-HMAC-SHA256 Credential=AKIA/20150830/us-east-1/sts/aws4_request" + "/x" * 5000])
def test_a_malformed_authorization_header_is_refused(platform, header):
    headers = {"Authorization": header, "X-Amz-Date": "20150830T123600Z",
               "Content-Type": "application/x-www-form-urlencoded"}
    answer = platform.raw(headers=headers, body=FORM)
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("minutes", [-20, -16, 16, 20, -60 * 24 * 365])
def test_a_signature_from_another_time_is_refused(platform, minutes, monkeypatch):
    when = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(minutes=minutes)
    answer = platform.raw(headers=signed(platform, when=when, monkeypatch=monkeypatch), body=FORM)
    assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")
    assert ("Signature expired" if minutes < 0 else "Signature not yet current") in answer.text


@pytest.mark.parametrize("service,region", [("iam", "us-east-1"), ("sts", "eu-west-1"), ("s3", "us-east-1")])
def test_a_signature_for_another_scope_is_refused(platform, service, region):
    answer = platform.raw(headers=signed(platform, service=service, region=region), body=FORM)
    assert answer.status_code in (400, 403, 404), answer.text
    assert "<Account>" not in answer.text


def test_an_unsigned_security_header_is_refused(platform):
    headers = signed(platform)
    headers["X-Amz-Security-Token"] = "smuggled"
    assert platform.raw(headers=headers, body=FORM).status_code == 403


def test_a_forged_session_token_is_refused(platform):
    session = platform.client("sts").get_session_token()["Credentials"]
    headers = signed(platform, session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert platform.raw(headers=headers, body=FORM).status_code == 200
    for token in (session["SessionToken"][:-4] + "AAAA", "", "x" * 64, None):
        headers = signed(platform, session["AccessKeyId"], session["SecretAccessKey"], token)
        answer = platform.raw(headers=headers, body=FORM)
        assert answer.status_code == 403, token
        assert code_of(answer) in ("InvalidClientTokenId", "InvalidToken", "SignatureDoesNotMatch"), answer.text


def test_a_token_of_another_session_is_refused(platform):
    sts = platform.client("sts")
    one, two = (sts.get_session_token()["Credentials"] for _ in range(2))
    headers = signed(platform, one["AccessKeyId"], one["SecretAccessKey"], two["SessionToken"])
    assert platform.raw(headers=headers, body=FORM).status_code == 403


def test_an_inactive_or_deleted_key_is_refused_at_once(platform, name):
    key, secret = platform.user(name)
    iam = platform.client("iam")
    assert platform.raw(headers=signed(platform, key, secret), body=FORM).status_code == 200
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    assert code_of(platform.raw(headers=signed(platform, key, secret), body=FORM)) == "InvalidClientTokenId"
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    assert platform.raw(headers=signed(platform, key, secret), body=FORM).status_code == 200
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    assert code_of(platform.raw(headers=signed(platform, key, secret), body=FORM)) == "InvalidClientTokenId"


def test_a_presigned_url_works_until_it_expires_or_is_changed(platform):
    key, secret = platform.root()
    credentials = botocore.credentials.Credentials(key, secret)
    request = botocore.awsrequest.AWSRequest("GET", f"{platform.endpoint}/?{FORM}")
    botocore.auth.SigV4QueryAuth(credentials, "sts", "us-east-1", expires=60).add_auth(request)
    path = request.url[len(platform.endpoint):]
    assert platform.raw("GET", path).status_code == 200
    assert platform.raw("GET", path.replace("Expires=60", "Expires=600")).status_code == 403
    assert platform.raw("GET", path.replace("Expires=60", "Expires=9999999")).status_code in (400, 403)
    assert platform.raw("GET", path[:-1]).status_code in (400, 403)


def test_a_refused_signature_is_on_record_with_its_reason(platform):
    key, _ = platform.root()
    platform.raw(headers={**signed(platform, key, "x" * 40), "User-Agent": "forger/1"}, body=FORM)
    records = [event for event in platform.events(EventName="GetCallerIdentity") if event["userAgent"] == "forger/1"]
    assert records and records[0]["errorCode"] == "SignatureDoesNotMatch"


def test_strangers_learn_nothing_but_health(platform):
    assert platform.raw("GET", "/_fastness/health").json() == {"status": "ready"}
    for path in ("/", "/_fastness", "/_fastness/state", "/_localstack/health", "/moto-api/", "/metrics", "/.fastness/credentials",
                 "/_aws/", "/_aws/execute-api/none/prod/", "/_fastness/health/../credentials", "/%2e%2e/credentials"):
        answer = platform.raw("GET", path)
        assert 400 <= answer.status_code < 500, (path, answer.status_code)
        assert "AKIA" not in answer.text and "secret" not in answer.text.lower()
