"""The egress door: unmodified HTTP clients reach what the operator's rules name, and nothing else; each attempt leaves its record."""

import http.server
import json
import socket
import ssl
import subprocess
import threading

import pytest

from harness import Platform, free_port
from support import eventually, package, trust

PYTHON = """
import json, os, socket, ssl, urllib.error, urllib.request

def fetch(event):
    context = ssl._create_unverified_context()
    request = urllib.request.Request(event["url"], data=event.get("data", "").encode() or None)
    try:
        with urllib.request.urlopen(request, timeout=50, context=context) as answer:
            return {"status": answer.status, "body": answer.read().decode()}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": error.read().decode()}
    except OSError as error:
        return {"error": str(error)}

def raw(event):
    with socket.create_connection(("127.0.0.1", 3128), timeout=50) as door:
        door.sendall(event["raw"].encode())
        answer = b""
        while piece := door.recv(65536):
            answer += piece
    return {"raw": answer.decode("latin-1")}

def handler(event, context):
    if "raw" in event:
        return raw(event)
    if "variables" in event:
        return {name: os.environ.get(name) for name in event["variables"]}
    if "identity" in event:
        import boto3
        return boto3.client("sts").get_caller_identity()["Arn"]
    return fetch(event)
"""

NODE = """
const http = require('http');
const https = require('https');

function request(url) {
  return new Promise((resolve) => {
    const client = url.startsWith('https:') ? https : http;
    client.get(url, { rejectUnauthorized: false }, (answer) => {
      let body = '';
      answer.on('data', (data) => (body += data));
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    }).on('error', (error) => resolve({ error: error.message }));
  });
}

exports.handler = async (event) => {
  if (!event.fetch) return request(event.url);
  try {
    const answer = await fetch(event.url, event.data ? { method: 'POST', body: event.data } : {});
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    return { error: `${error.message}: ${error.cause?.message}` };
  }
};
"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length", 0))
        body = json.dumps({"path": self.path, "host": self.headers["Host"], "body": self.rfile.read(length).decode(),
                           "proxied": [name for name in self.headers if name.lower().startswith("proxy")]}).encode()
        self.server.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.seen = []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A plain server, one with TLS, and a plain one that no rule names."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    servers = {"plain": serve(), "tls": serve(context), "unnamed": serve()}
    yield {name: (server.server_address[1], server.seen) for name, server in servers.items()}
    for server in servers.values():
        server.shutdown()


@pytest.fixture(scope="module")
def open_platform(outside, tmp_path_factory):
    """A platform whose functions may reach two of the servers; one rule comes from a file."""
    folder = tmp_path_factory.mktemp("egress")
    (folder / "rules").write_text(f"# what the tests need\n127.0.0.1:{outside['tls'][0]}  # with TLS\nlocalhost:{outside['plain'][0]}\nLOCALHOST:{outside['tls'][0]}\n")
    port = free_port()
    running = Platform(folder, port=port, arguments=["--allow-egress", f"127.0.0.1:{outside['plain'][0]}", "--allow-egress", f"@{folder / 'rules'}",
                                                     "--allow-egress", f"127.0.0.0/8:{port}", "--allow-egress", "0.0.0.0/0:*"]).start()
    role = running.client("iam").create_role(RoleName="egress", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client = running.client("lambda")
    for name, runtime, handler, code in [("python", "python3.12", "app.handler", package(app__py=PYTHON)), ("node", "nodejs20.x", "app.handler", package(app__js=NODE))]:
        client.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler=handler, Timeout=60, MemorySize=256, Code={"ZipFile": code})
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    yield running
    assert running.stop() == 0


def ask(platform, function, **event):
    answer = platform.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


@pytest.mark.parametrize("function,extra", [("python", {}), ("node", {}), ("node", {"fetch": True})])
def test_unmodified_clients_reach_what_a_rule_names(open_platform, outside, function, extra):
    port, seen = outside["plain"]
    # Inside, `localhost` is the function's own (NO_PROXY); with the final dot the proxy is asked.
    answer = ask(open_platform, function, url=f"http://localhost.:{port}/a?b=c", **extra)
    assert answer.get("status") == 200, answer
    body = json.loads(answer["body"])
    assert body["path"] == "/a?b=c" and not body["proxied"] and "/a?b=c" in seen


@pytest.mark.parametrize("function,host", [("python", "localhost."), ("node", "localhost."), ("node", "[::ffff:127.0.0.1]")])
def test_tls_goes_through_a_tunnel(open_platform, outside, function, host):
    answer = ask(open_platform, function, url=f"https://{host}:{outside['tls'][0]}/secret")
    assert answer.get("status") == 200 and json.loads(answer["body"])["path"] == "/secret", answer


def test_a_body_arrives_whole_and_alone(open_platform, outside):
    port, seen = outside["plain"]
    answer = ask(open_platform, "python", url=f"http://localhost.:{port}/post", data="x" * 200_000)
    assert len(json.loads(answer["body"])["body"]) == 200_000
    smuggled = f"POST http://localhost:{port}/one HTTP/1.1\r\nContent-Length: 2\r\n\r\nokGET /two HTTP/1.1\r\nHost: x\r\n\r\n"
    assert "/one" in ask(open_platform, "python", raw=smuggled)["raw"] and "/two" not in seen


@pytest.mark.parametrize("function,extra", [("python", {}), ("node", {}), ("node", {"fetch": True})])
def test_what_no_rule_names_is_refused_and_recorded(open_platform, outside, function, extra):
    port, seen = outside["unnamed"]
    answer = ask(open_platform, function, url=f"http://localhost.:{port}/", **extra)
    assert "no egress rule" in json.dumps(answer), answer
    assert not seen

    def record():
        events = open_platform.events(EventSource="egress.fastness")
        return [e for e in events if (e["requestParameters"] or {}).get("port") == port and e["userIdentity"]["arn"].endswith(f"/egress/{function}")]

    refusal = eventually(record)[0]
    assert (refusal["errorCode"], refusal["eventName"], refusal["eventCategory"]) == ("AccessDenied", "Connect", "NetworkActivity")
    assert refusal["requestParameters"]["host"] == "localhost" and refusal["requestParameters"]["rule"] is None
    assert refusal["resources"][0]["ARN"].endswith(f":function:{function}") and refusal["additionalEventData"]["environmentId"]


def test_what_was_reached_is_recorded_with_its_rule(open_platform, outside):
    port = outside["plain"][0]
    ask(open_platform, "python", url=f"http://localhost.:{port}/recorded")
    reached = eventually(lambda: [e for e in open_platform.events(EventSource="egress.fastness") if (e["requestParameters"] or {}).get("port") == port])[0]
    assert "errorCode" not in reached
    assert reached["requestParameters"]["rule"] == f"localhost:{port}" and reached["requestParameters"]["address"] == "127.0.0.1"


@pytest.mark.parametrize("target", ["127.0.0.1:{unnamed}", "[::1]:{unnamed}", "[::ffff:127.0.0.1]:{unnamed}", "0.0.0.0:{unnamed}", "169.254.169.254:80",
                                    "[fd00:ec2::254]:80", "10.0.0.1:443", "localhost:{unnamed}", "127.0.0.1:{platform}", "127.0.0.2:{platform}"])
@pytest.mark.parametrize("form", ["CONNECT {} HTTP/1.1\r\n\r\n", "GET http://{}/ HTTP/1.1\r\n\r\n"])
def test_special_addresses_and_the_platform_itself_are_out_of_reach(open_platform, outside, target, form):
    target = target.format(unnamed=outside["unnamed"][0], platform=open_platform.port)
    answer = ask(open_platform, "python", raw=form.format(target))["raw"]
    assert answer.startswith("HTTP/1.1 403 Forbidden\r\n"), answer
    assert not outside["unnamed"][1]


@pytest.mark.parametrize("head", ["CONNECT 127.1:80 HTTP/1.1", "CONNECT 2130706433:80 HTTP/1.1", "CONNECT 0x7f000001:80 HTTP/1.1", "GET / HTTP/1.1", "GET ftp://a/ HTTP/1.1",
                                  "GET http://a@b/ HTTP/1.1", "POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", "\0"])
def test_what_makes_no_sense_is_refused(open_platform, head):
    assert ask(open_platform, "python", raw=head + "\r\n\r\n")["raw"].startswith("HTTP/1.1 400 Bad Request\r\n")


def test_the_aws_door_stays_as_it_is(open_platform):
    variables = ask(open_platform, "python", variables=["HTTPS_PROXY", "NO_PROXY", "AWS_ENDPOINT_URL"])
    assert variables == {"HTTPS_PROXY": "http://127.0.0.1:3128", "NO_PROXY": "127.0.0.1,localhost,::1,sandbox,sandbox.localdomain,platform.fastness.internal", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}


def test_nothing_is_open_without_a_rule(platform, name, outside):
    role = platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client = platform.client("lambda")
    client.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="app.handler", Timeout=60, Code={"ZipFile": package(app__py=PYTHON)})
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    for target in [f"127.0.0.1:{outside['plain'][0]}", "example.com:443", "8.8.8.8:53"]:
        assert ask(platform, name, raw=f"CONNECT {target} HTTP/1.1\r\n\r\n")["raw"].startswith("HTTP/1.1 403 Forbidden\r\n")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", 3128), timeout=2)


def test_a_rule_that_is_none_stops_the_start(tmp_path):
    with pytest.raises(AssertionError, match="is not an egress rule"):
        Platform(tmp_path, arguments=["--allow-egress", "http://example.com"]).start()
