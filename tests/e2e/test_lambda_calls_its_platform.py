"""Functions call what else their platform serves: the stages of APIs and function URLs, by the addresses that users have, and as nobody but themselves."""

import io
import json
import pathlib
import zipfile

import certifi
import charset_normalizer
import idna
import pytest
import requests

from support import eventually, package, trust

PYTHON = """
import json, os, urllib.error, urllib.request
import boto3, botocore.auth, botocore.awsrequest, botocore.credentials, requests

def handler(event, context):
    headers = dict(event.get("headers", {}))
    url = event["url"].replace("$DOOR", os.environ["AWS_ENDPOINT_URL"])
    if "service" in event:
        own = boto3.Session().get_credentials().get_frozen_credentials()
        keys = botocore.credentials.Credentials(*event["keys"]) if "keys" in event else own
        request = botocore.awsrequest.AWSRequest(event.get("method", "GET"), url, headers=headers, data=event.get("data", ""))
        botocore.auth.SigV4Auth(keys, event["service"], os.environ["AWS_REGION"]).add_auth(request)
        headers = dict(request.headers.items())
    if event.get("client") == "urllib":
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=50) as answer:
                return {"status": answer.status, "body": answer.read().decode()}
        except urllib.error.HTTPError as error:
            return {"status": error.code, "body": error.read().decode()}
    session = requests.Session()
    if event.get("client") == "proxy":
        session.trust_env, session.proxies = False, {"http": os.environ["HTTP_PROXY"]}
    answer = session.request(event.get("method", "GET"), url, headers=headers, data=event.get("data"), timeout=50)
    return {"status": answer.status_code, "body": answer.text}
"""

# Calls itself by its own address, and hands on the trace as an instrumented client does.
AGAIN = """
import http.client, json, os

def handler(event, context):
    connection = http.client.HTTPConnection(os.environ["SELF"], timeout=170)
    connection.request("GET", "/", headers={"X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]})
    answer = connection.getresponse()
    body = answer.read().decode()
    told = json.loads(body) if answer.status == 200 else {"depth": 0, "status": answer.status, "told": body}
    told["depth"] += 1
    return {"statusCode": 200, "body": json.dumps(told)}
"""

NODE = """
const http = require('http');
const https = require('https');

function get(url, options) {
  return new Promise((resolve) => {
    const client = url.startsWith('https:') ? https : http;
    client.get(url, options, (answer) => {
      let body = '';
      answer.on('data', (data) => (body += data));
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    }).on('error', (error) => resolve({ error: error.message }));
  });
}

exports.handler = async (event) => {
  const url = event.url.replace('$DOOR', process.env.AWS_ENDPOINT_URL);
  const agent = event.client === 'agent' ? new http.Agent({ keepAlive: true, maxSockets: 2 }) : undefined;
  if (event.client !== 'fetch') return get(url, { headers: event.headers ?? {}, agent });
  try {
    const answer = await fetch(url, event.data ? { method: 'POST', body: event.data } : {});
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    return { error: `${error.message}: ${error.cause?.message}` };
  }
};
"""

SHOW = """import json
def handler(event, context):
    http = event["requestContext"].get("http") or event["requestContext"]["identity"]
    headers = {name.lower(): value for name, value in event["headers"].items()}
    signer = event["requestContext"].get("authorizer", {}).get("iam", {}).get("userArn") or http.get("userArn")
    return {"statusCode": 200, "body": json.dumps({"path": event.get("rawPath") or event["path"], "body": event.get("body"), "ip": http["sourceIp"], "signer": signer,
                                                   "host": event["requestContext"]["domainName"], "scheme": headers["x-forwarded-proto"], "port": headers["x-forwarded-port"]})}
"""


def with_requests():
    """The caller's package with `requests` as it is published, and what it needs besides the SDK."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("app.py", PYTHON)
        for module in (requests, certifi, charset_normalizer, idna):
            folder = pathlib.Path(module.__file__).parent
            for file in [*folder.rglob("*.py"), *folder.rglob("*.pem")]:
                archive.write(file, file.relative_to(folder.parent))
    return made.getvalue()


@pytest.fixture(scope="module")
def place(platform):
    """Two callers, and what they call: a URL that is open, one that asks for signatures, an API with a method of either kind."""
    iam, client, gateway = platform.client("iam"), platform.client("lambda"), platform.client("apigateway")
    roles = {}
    for name, actions in (("may", ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction", "execute-api:Invoke"]), ("may-not", ["s3:ListAllMyBuckets"])):
        roles[name] = iam.create_role(RoleName=f"own-platform-{name}", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
        iam.put_role_policy(RoleName=f"own-platform-{name}", PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}))
    python, node, show = with_requests(), package(app__js=NODE), package(app__py=SHOW)
    for name, runtime, role, code in (("calls-python", "python3.12", "may", python), ("calls-poor", "python3.12", "may-not", python), ("calls-node", "nodejs20.x", "may", node),
                                      ("called-open", "python3.12", "may-not", show), ("called-signed", "python3.12", "may-not", show)):
        client.create_function(FunctionName=name, Runtime=runtime, Role=roles[role], Handler="app.handler", Timeout=60, MemorySize=256, Code={"ZipFile": code})
    urls = {name: client.create_function_url_config(FunctionName=f"called-{name}", AuthType=auth)["FunctionUrl"] for name, auth in (("open", "NONE"), ("signed", "AWS_IAM"))}
    client.add_permission(FunctionName="called-open", StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    client.add_permission(FunctionName="called-open", StatementId="invoke", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)
    api = gateway.create_rest_api(name="own-platform")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    arn = "arn:aws:lambda:us-east-1:000000000000:function:called-open"
    client.add_permission(FunctionName="called-open", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api}/*")
    for path, kind in (("open", "NONE"), ("signed", "AWS_IAM")):
        resource = gateway.create_resource(restApiId=api, parentId=root, pathPart=path)["id"]
        gateway.put_method(restApiId=api, resourceId=resource, httpMethod="ANY", authorizationType=kind)
        gateway.put_integration(restApiId=api, resourceId=resource, httpMethod="ANY", type="AWS_PROXY", integrationHttpMethod="POST",
                                uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations")
    gateway.create_deployment(restApiId=api, stageName="prod")
    return {"roles": roles, "urls": urls, "api": api, "stage": f"http://{api}.execute-api.localhost:{platform.port}/prod"}


def call(platform, caller, **event):
    answered = platform.client("lambda").invoke(FunctionName=f"calls-{caller}", Payload=json.dumps(event))
    payload = json.loads(answered["Payload"].read())
    assert "FunctionError" not in answered, payload
    return payload


def shown(answer):
    assert answer.get("status") == 200, answer
    return json.loads(answer["body"])


@pytest.mark.parametrize("caller,client", [("python", "requests"), ("python", "urllib"), ("python", "proxy"), ("node", "http"), ("node", "agent"), ("node", "fetch")])
def test_a_function_calls_urls_and_stages_by_the_addresses_that_users_have(platform, place, caller, client):
    url, stage = place["urls"]["open"], place["stage"]
    seen = shown(call(platform, caller, client=client, url=url + "some/path"))
    assert (seen["path"], seen["ip"], seen["signer"]) == ("/some/path", "127.0.0.1", None)
    assert seen["host"] == url.split("//")[1].split(":")[0]
    staged = shown(call(platform, caller, client=client, url=f"{stage}/open"))
    assert staged["path"] == "/open"
    # The addresses that an application makes of these are there.
    assert all((one["scheme"], one["port"]) == ("http", str(platform.port)) for one in (seen, staged)), (seen, staged)
    if client == "proxy":
        return
    by_path = "$DOOR/_aws/lambda-url/" + url.split("//")[1].split(".")[0] + "/x"
    assert shown(call(platform, caller, client=client, url=by_path))["path"] == "/x"
    assert shown(call(platform, caller, client=client, url=f"$DOOR/_aws/execute-api/{place['api']}/prod/open"))["path"] == "/open"
    unsigned = call(platform, caller, client=client, url=f"{stage}/signed")
    assert (unsigned["status"], json.loads(unsigned["body"])) == (403, {"message": "Missing Authentication Token"})
    nowhere = call(platform, caller, client=client, url=f"http://{'a' * 32}.lambda-url.us-east-1.localhost:{platform.port}/")
    assert (nowhere["status"], json.loads(nowhere["body"])) == (403, {"Message": "Forbidden"})


@pytest.mark.parametrize("caller,client", [("python", "requests"), ("node", "fetch")])
def test_a_body_arrives_whole(platform, place, caller, client):
    sent = "x" * 300_000
    for url in (place["urls"]["open"], f"{place['stage']}/open"):
        assert shown(call(platform, caller, client=client, method="POST", url=url, data=sent, headers={"Content-Type": "text/plain"}))["body"] == sent


def test_a_function_is_itself_where_signatures_are_asked_for_and_nobody_else(platform, place):
    url, stage = place["urls"]["signed"], place["stage"] + "/signed"
    for service, address in (("lambda", url), ("execute-api", stage)):
        seen = shown(call(platform, "python", url=address, service=service))
        assert seen["signer"] == "arn:aws:sts::000000000000:assumed-role/own-platform-may/calls-python"
        assert call(platform, "poor", url=address, service=service)["status"] == 403
        # Keys that are good outside are good for nothing inside, whoever's they are.
        foreign = call(platform, "python", url=address, service=service, keys=platform.root())
        assert foreign["status"] == 403 and "Only the credentials of the function's own role" in foreign["body"], foreign
    # Other tests' requests with unknown keys have that code, too.
    eventually(lambda: [event for event in platform.events(EventName="InvokeFunctionUrl")
                        if event.get("errorCode") == "UnrecognizedClientException" and "not those of the environment" in event["errorMessage"]])


def test_no_other_listener_of_the_platform_is_reached(platform, place):
    health = call(platform, "python", url="$DOOR/_fastness/health")
    assert health["status"] != 200, health
    # AWS's own names are others': nothing vouches for them inside, and no rule lets them out.
    other = platform.client("lambda").invoke(FunctionName="calls-python", Payload=json.dumps({"url": f"https://{place['api']}.execute-api.us-east-1.amazonaws.com/prod/open"}))
    assert b"403" in other["Payload"].read() and other["FunctionError"]
    # What the platform does not call its own is nobody's, whichever way it is asked for.
    strange = f"http://{place['api']}.execute-api.x.y.localhost:{platform.port}/prod/open"
    direct = platform.client("lambda").invoke(FunctionName="calls-python", Payload=json.dumps({"url": strange, "client": "urllib"}))
    assert direct["FunctionError"], direct["Payload"].read()
    assert "error" in call(platform, "node", url=strange) and call(platform, "python", url=strange, client="proxy")["status"] == 403


def test_a_function_that_calls_itself_without_end_is_stopped(platform, place):
    client = platform.client("lambda")
    client.create_function(FunctionName="calls-itself", Runtime="python3.12", Role=place["roles"]["may-not"], Handler="app.handler", Timeout=180, Code={"ZipFile": package(app__py=AGAIN)})
    url = client.create_function_url_config(FunctionName="calls-itself", AuthType="NONE")["FunctionUrl"]
    client.add_permission(FunctionName="calls-itself", StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    client.add_permission(FunctionName="calls-itself", StatementId="invoke", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)
    client.update_function_configuration(FunctionName="calls-itself", Environment={"Variables": {"SELF": url.split("/")[2]}})
    told = json.loads(call(platform, "itself")["body"])
    assert told["status"] == 400 and "loop" in told["told"], told
    assert told["depth"] <= 16, told
