"""Streamed answers from outside: boto3's event stream, function URLs and Node.js, within their bounds."""

import base64
import http.client
import json
import time

import pytest

from support import package, trust

NODE = """import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
  const how = event.how ?? event.queryStringParameters?.how;
  const pause = Number(event.pause_ms ?? event.queryStringParameters?.pause_ms ?? 700);
  if (how === 'html') {
    const out = awslambda.HttpResponseStream.from(responseStream, { statusCode: 418, headers: { 'X-Own': 'yes' }, cookies: ['a=1', 'b=2'] });
    out.write('<p>');
    await wait(pause);
    out.end('done</p>');
    return;
  }
  if (how === 'empty') { awslambda.HttpResponseStream.from(responseStream, { statusCode: 204 }).end(); return; }
  if (how === 'early') throw new TypeError('before the first byte');
  responseStream.setContentType('text/plain');
  if (how === 'large') {
    async function* pieces() { for (let i = 0; i < event.megabytes * 4; i++) yield Buffer.alloc(262144, 120); }
    await pipeline(Readable.from(pieces()), responseStream);
    return;
  }
  responseStream.write('first ' + context.functionName);
  await wait(pause);
  if (how === 'late') throw new RangeError('after the first byte');
  if (how === 'uncaught') { setTimeout(() => { throw new Error('nobody catches'); }, 1); await wait(5000); }
  if (how === 'slow') await wait(60000);
  responseStream.write({ an: 'object' });
  if (how !== 'open') responseStream.end();
});
"""

BUFFERED = "def handler(event, context):\n    return {'statusCode': 200, 'got': event.get('n')}\n"


@pytest.fixture(scope="module")
def role(platform):
    return platform.client("iam").create_role(RoleName="lambda-streaming", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]


@pytest.fixture
def client(platform):
    return platform.client("lambda")


@pytest.fixture
def node(client, role, name):
    client.create_function(FunctionName=name, Runtime="nodejs20.x", Role=role, Handler="index.handler", Timeout=10, MemorySize=256,
                           Code={"ZipFile": package(index__mjs=NODE)})
    yield name
    client.delete_function(FunctionName=name)


def stream(client, function, **event):
    """The pieces of an answer, each with the moment at which it came, and the last message."""
    answer = client.invoke_with_response_stream(FunctionName=function, LogType="Tail", Payload=json.dumps(event))
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    pieces, end = [], None
    for message in answer["EventStream"]:
        assert end is None, "a message after the last one"
        if "PayloadChunk" in message:
            pieces.append((time.monotonic(), message["PayloadChunk"]["Payload"]))
        else:
            end = message["InvokeComplete"]
    return pieces, end


def text(pieces):
    return b"".join(piece for _, piece in pieces)


def test_pieces_arrive_while_the_function_runs(client, node):
    for _ in range(2):
        pieces, end = stream(client, node, how="plain", pause_ms=4_000)
        assert text(pieces) == b"first " + node.encode() + b'{"an":"object"}'
        assert pieces[-1][0] - pieces[0][0] > 1, "the first piece waited for the last"
        assert "ErrorCode" not in end and b"REPORT RequestId" in base64.b64decode(end["LogResult"])
    pieces, end = stream(client, node, how="open")
    assert text(pieces).endswith(b'{"an":"object"}') and json.loads(end["ErrorDetails"])["errorMessage"] == "Response stream is not finished."


def test_failures_are_told_at_the_end(client, node):
    for how, kind, begun in [("early", "TypeError", False), ("late", "RangeError", True), ("uncaught", "Error", True), ("open", "Error", True)]:
        pieces, end = stream(client, node, how=how)
        assert bool(pieces) == begun and end["ErrorCode"] == "Unhandled", (how, end)
        details = json.loads(end["ErrorDetails"])
        assert details["errorType"] == kind and details["trace"], (how, details)
    pieces, end = stream(client, node, how="slow")
    assert text(pieces) == b"first " + node.encode()
    assert json.loads(end["ErrorDetails"])["errorType"] == "Sandbox.Timedout"
    assert "ErrorCode" not in stream(client, node, how="plain")[1], "the next one is well"


def test_an_answer_may_be_larger_than_a_buffered_one(client, node):
    pieces, end = stream(client, node, how="large", megabytes=12)
    assert len(text(pieces)) == 12 * 1024 * 1024 and "ErrorCode" not in end
    took = pieces[-1][0] - pieces[0][0]
    assert 1.5 < took < 20, f"six megabytes are free, two a second follow: {took}"
    whole = client.invoke(FunctionName=node, Payload=json.dumps({"how": "plain"}))
    assert whole["Payload"].read() == b"first " + node.encode() + b'{"an":"object"}', "who asks for all of it gets all of it"
    large = client.invoke(FunctionName=node, Payload=json.dumps({"how": "large", "megabytes": 7}))
    assert large["FunctionError"] == "Unhandled" and json.loads(large["Payload"].read())["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_function_that_does_not_stream_answers_at_once(client, role, name):
    client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": package(app__py=BUFFERED)})
    pieces, end = stream(client, name, n=5)
    assert json.loads(text(pieces)) == {"statusCode": 200, "got": 5} and "ErrorCode" not in end
    assert client.invoke_with_response_stream(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    client.delete_function(FunctionName=name)


def visit(platform, url, query):
    """One request to a function URL: the answer's head, and when each part of its body came."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=60)
    connection.request("GET", f"/{query}", headers={"Host": url.split("//")[1].rstrip("/")})
    answer = connection.getresponse()
    parts = []
    while part := answer.read1():
        parts.append((time.monotonic(), part))
    return answer, parts


def test_a_url_hands_answers_on_as_they_come(platform, client, node):
    url = client.create_function_url_config(FunctionName=node, AuthType="NONE", InvokeMode="RESPONSE_STREAM")["FunctionUrl"]
    client.add_permission(FunctionName=node, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    client.add_permission(FunctionName=node, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)
    answer, parts = visit(platform, url, "?how=html&pause_ms=4000")
    assert (answer.status, answer.getheader("X-Own"), answer.getheader("Content-Type")) == (418, "yes", "application/octet-stream")
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"] and text(parts) == b"<p>done</p>"
    assert parts[-1][0] - parts[0][0] > 1, "the first part waited for the last"
    answer, parts = visit(platform, url, "?how=plain")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/plain") and text(parts).startswith(b"first ")
    answer, parts = visit(platform, url, "?how=empty")
    assert (answer.status, parts) == (204, [])
    answer, parts = visit(platform, url, "?how=early")
    assert answer.status == 502 and b"before" not in text(parts)
    with pytest.raises((http.client.IncompleteRead, http.client.HTTPException, ConnectionError)):
        visit(platform, url, "?how=late")
    assert client.update_function_url_config(FunctionName=node, InvokeMode="BUFFERED")["InvokeMode"] == "BUFFERED"
    answer, _ = visit(platform, url, "?how=plain")
    assert answer.status == 502, "what is no JSON is no buffered answer"
