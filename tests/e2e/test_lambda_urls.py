"""Function URLs from outside: by host and by path, signed and open, with CORS, cookies and bytes."""

import base64
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import requests

from support import eventually, package, refused, trust

SHOW = """import json
def handler(event, context):
    if event["rawPath"].endswith("/full"):
        return {"statusCode": 201, "headers": {"X-Own": "yes", "Content-Type": "text/plain"}, "cookies": ["a=1", "b=2; HttpOnly"], "body": "aGVsbG8=", "isBase64Encoded": True}
    if event["rawPath"].endswith("/fail"):
        raise ValueError("secret reason")
    return event
"""


@pytest.fixture(scope="module")
def role(platform):
    return platform.client("iam").create_role(RoleName="lambda-urls", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]


@pytest.fixture
def function(platform, role, name):
    client = platform.client("lambda")
    client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": package(app__py=SHOW)})
    yield name
    client.delete_function(FunctionName=name)


def open_to_all(client, function):
    client.add_permission(FunctionName=function, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    client.add_permission(FunctionName=function, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)


def send(platform, url, path="/", method="GET", headers=None, body=b"", by_path=False):
    """A request to a function URL; its host resolves to this machine whatever the resolver says."""
    host = url.split("//")[1].rstrip("/")
    target = f"/_aws/lambda-url/{host.split('.')[0]}{path}" if by_path else path
    headers = dict(headers or {})
    if not by_path:
        headers["Host"] = host
    return requests.request(method, platform.endpoint + target, headers=headers, data=body, timeout=60)


def signed(platform, url, key, secret, path="/"):
    host = url.split("//")[1].split(".")[0]
    target = f"{platform.endpoint}/_aws/lambda-url/{host}{path}"
    request = botocore.awsrequest.AWSRequest("GET", target)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), "lambda", "us-east-1").add_auth(request)
    return requests.get(target, headers=dict(request.headers.items()), timeout=60)


def test_an_open_url_serves_by_host_and_by_path(platform, function):
    client = platform.client("lambda")
    made = client.create_function_url_config(FunctionName=function, AuthType="NONE")
    url = made["FunctionUrl"]
    assert url.endswith(f".lambda-url.us-east-1.localhost:{platform.port}/")
    assert send(platform, url).status_code == 403 and send(platform, url).json() == {"Message": "Forbidden"}
    open_to_all(client, function)
    for by_path in (False, True):
        answer = send(platform, url, "/a%20b/c?x=1&x=2&y=%C3%A9", headers={"Cookie": "k=v; l=w", "X-Own": "1", "User-Agent": "probe/1"}, by_path=by_path)
        assert answer.status_code == 200, answer.text
        event = answer.json()
        assert (event["version"], event["routeKey"], event["rawPath"], event["rawQueryString"]) == ("2.0", "$default", "/a%20b/c", "x=1&x=2&y=%C3%A9")
        assert event["queryStringParameters"] == {"x": "1,2", "y": "\u00e9"} and event["cookies"] == ["k=v", "l=w"]
        assert event["headers"]["x-own"] == "1" and "cookie" not in event["headers"] and event["headers"]["x-forwarded-for"] == "127.0.0.1"
        context = event["requestContext"]
        assert (context["accountId"], context["http"]["userAgent"], context["stage"]) == ("anonymous", "probe/1", "$default")
        assert context["domainPrefix"] == url.split("//")[1].split(".")[0] and "body" not in event and not event["isBase64Encoded"]
    text = send(platform, url, method="POST", headers={"Content-Type": "application/json"}, body=b'{"a": 1}').json()
    assert (text["body"], text["isBase64Encoded"]) == ('{"a": 1}', False)
    raw = send(platform, url, method="PUT", headers={"Content-Type": "image/png"}, body=b"\x89PNG").json()
    assert (base64.b64decode(raw["body"]), raw["isBase64Encoded"]) == (b"\x89PNG", True)
    full = send(platform, url, "/full")
    assert (full.status_code, full.content, full.headers["X-Own"], full.headers["Content-Type"]) == (201, b"hello", "yes", "text/plain")
    assert full.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2; HttpOnly"]
    failed = send(platform, url, "/fail")
    assert failed.status_code == 502 and "secret" not in failed.text
    refused(client.create_function_url_config, "ResourceConflictException", FunctionName=function, AuthType="NONE")
    client.delete_function_url_config(FunctionName=function)
    assert send(platform, url).status_code == 403
    refused(client.get_function_url_config, "ResourceNotFoundException", FunctionName=function)


def test_a_signed_url_wants_a_signature_and_both_rights(platform, function, name):
    client = platform.client("lambda")
    url = client.create_function_url_config(FunctionName=function, AuthType="AWS_IAM")["FunctionUrl"]
    assert send(platform, url).status_code == 403
    administrator = signed(platform, url, *platform.root())
    assert administrator.status_code == 200, administrator.text
    iam = administrator.json()["requestContext"]["authorizer"]["iam"]
    assert iam["accountId"] == "000000000000" and iam["userArn"].endswith(":root") and "authorization" not in administrator.json()["headers"]
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    allow = {"Effect": "Allow", "Resource": arn}
    only_url = platform.user(name + "-url", {**allow, "Action": "lambda:InvokeFunctionUrl"})
    both = platform.user(name + "-both", {**allow, "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"],
                                          "Condition": {"StringEqualsIfExists": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}})
    through = platform.user(name + "-through", {**allow, "Action": "lambda:InvokeFunctionUrl"},
                            {**allow, "Action": "lambda:InvokeFunction", "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}})
    assert signed(platform, url, *only_url).status_code == 403
    assert signed(platform, url, *both).status_code == 200
    assert signed(platform, url, *through).status_code == 200
    refused(platform.client("lambda", *through).invoke, "AccessDeniedException", FunctionName=function)
    key, secret = both
    assert signed(platform, url, key, secret[:-1] + ("A" if secret[-1] != "A" else "B")).status_code == 403
    refusals = eventually(lambda: (found := [event for event in platform.events(EventName="InvokeFunctionUrl") if (event["requestParameters"] or {}).get("functionName") == arn]) and len(found) > 1 and found)
    assert {event["errorCode"] for event in refusals} == {"AccessDeniedException", "InvalidSignatureException"}, refusals
    for event in refusals:
        assert event["eventSource"] == "lambda.amazonaws.com" and event["resources"][0]["ARN"] == arn and event["requestParameters"]["functionUrlAuthType"] == "AWS_IAM"
    changed = client.update_function_url_config(FunctionName=function, AuthType="NONE")
    assert (changed["AuthType"], changed["FunctionUrl"]) == ("NONE", url)
    assert send(platform, url).status_code == 403


def test_browsers_are_told_who_may(platform, function):
    client = platform.client("lambda")
    cors = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-own"], "ExposeHeaders": ["x-told"], "MaxAge": 60, "AllowCredentials": True}
    url = client.create_function_url_config(FunctionName=function, AuthType="NONE", Cors=cors)["FunctionUrl"]
    open_to_all(client, function)
    assert client.get_function_url_config(FunctionName=function)["Cors"] == cors
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-own"}
    answer = send(platform, url, method="OPTIONS", headers=asked)
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "https://a.example" and answer.headers["Access-Control-Max-Age"] == "60"
    for change in ({"Origin": "https://b.example"}, {"Access-Control-Request-Method": "PUT"}, {"Access-Control-Request-Headers": "x-other"}):
        assert "Access-Control-Allow-Origin" not in send(platform, url, method="OPTIONS", headers={**asked, **change}).headers
    real = send(platform, url, headers={"Origin": "https://a.example"})
    assert real.headers["Access-Control-Allow-Credentials"] == "true" and real.headers["Access-Control-Expose-Headers"] == "x-told"
    assert "Access-Control-Allow-Origin" not in send(platform, url, headers={"Origin": "https://b.example"}).headers


def test_an_aliass_url_calls_its_version(platform, function):
    client = platform.client("lambda")
    refused(client.create_function_url_config, "ResourceNotFoundException", FunctionName=function, Qualifier="live", AuthType="AWS_IAM")
    client.publish_version(FunctionName=function)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    made = client.create_function_url_config(FunctionName=function, Qualifier="live", AuthType="AWS_IAM")
    assert made["FunctionArn"].endswith(f":{function}:live")
    client.update_function_code(FunctionName=function, ZipFile=package(app__py="def handler(e, c):\n    return 2\n"))
    assert signed(platform, made["FunctionUrl"], *platform.root()).json()["version"] == "2.0"
    assert [each["FunctionArn"] for each in client.list_function_url_configs(FunctionName=function)["FunctionUrlConfigs"]] == [made["FunctionArn"]]


def test_a_url_survives_a_restart_and_no_id_is_told(fresh):
    fresh.start()
    role = fresh.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client = fresh.client("lambda")
    client.create_function(FunctionName="f", Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": package(app__py=SHOW)})
    url = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    open_to_all(client, "f")
    fresh.kill()
    fresh.start()
    assert send(fresh, url).status_code == 200
    assert json.loads(send(fresh, "http://nothing.lambda-url.us-east-1.localhost/").content) == {"Message": "Forbidden"}
