"""TLS: the platform speaks it alone where it has a certificate, and policies know whether a call came over it."""

import json
import os
import socket
import ssl
import subprocess

import boto3
import pytest
import requests

from harness import Platform
from harness.platform import binary
from support import package, refused, trust

ONLY_SECURE = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
ONLY_PLAIN = {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}


class SecurePlatform(Platform):
    """A platform with a certificate of its own for 127.0.0.1."""

    def __init__(self, folder):
        self.certificate, key = folder / "certificate.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(self.certificate)],
                       check=True, capture_output=True)
        super().__init__(folder, arguments=("--tls-cert", str(self.certificate), "--tls-key", str(key)))

    @property
    def endpoint(self):
        return f"https://127.0.0.1:{self.port}"

    def client(self, service, key=None, secret=None):
        key, secret = (key, secret) if key else self.root()
        return boto3.client(service, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1", endpoint_url=self.endpoint,
                            verify=str(self.certificate))


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    with SecurePlatform(tmp_path_factory.mktemp("tls")) as running:
        yield running


def test_clients_that_trust_the_certificate_are_served(secure):
    assert secure.client("sts").get_caller_identity()["Account"] == "000000000000"
    shown = secure.aws("sts", "get-caller-identity", "--ca-bundle", str(secure.certificate))
    assert shown.returncode == 0, shown.stderr


def test_clients_that_do_not_trust_it_refuse(secure):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(secure.endpoint + "/", timeout=60)


def test_plain_http_is_refused(secure):
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://127.0.0.1:{secure.port}/", timeout=60)
    assert secure.client("sts").get_caller_identity()


def test_policies_see_secure_transport(secure, platform, name):
    over_tls = secure.client("iam", *secure.user(name, ONLY_SECURE, ONLY_PLAIN))
    assert over_tls.list_users()["Users"]
    refused(over_tls.list_roles, "AccessDenied")
    over_http = platform.client("iam", *platform.user(name, ONLY_SECURE, ONLY_PLAIN))
    assert "Roles" in over_http.list_roles()
    refused(over_http.list_users, "AccessDenied")


@pytest.mark.parametrize("given,missing", [("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")])
def test_half_an_identity_starts_nothing(secure, tmp_path, given, missing):
    with pytest.raises(AssertionError, match=missing):
        Platform(tmp_path, arguments=(given, str(secure.certificate))).start()


class SelfIssuedPlatform(Platform):
    """A platform that is its own certificate authority."""

    def __init__(self, folder, *more):
        super().__init__(folder, arguments=("--tls-self-issued", *more))

    @property
    def endpoint(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def authority(self):
        return self.data_dir / "tls" / "authority.pem"

    def client(self, service, key=None, secret=None):
        key, secret = (key, secret) if key else self.root()
        return boto3.client(service, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1", endpoint_url=self.endpoint,
                            verify=str(self.authority))


@pytest.fixture(scope="module")
def self_issued(tmp_path_factory):
    with SelfIssuedPlatform(tmp_path_factory.mktemp("self-issued"), "--tls-name", "fastness.example") as running:
        yield running


def test_the_aws_cli_needs_nothing_but_the_config_file_of_the_data_folder(self_issued):
    environment = {"PATH": os.environ["PATH"], "AWS_CONFIG_FILE": str(self_issued.data_dir / "config"),
                   "AWS_SHARED_CREDENTIALS_FILE": str(self_issued.data_dir / "credentials")}
    shown = subprocess.run(["aws", "sts", "get-caller-identity"], env=environment, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["Account"] == "000000000000"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "a1b2.execute-api.localhost", "u1.lambda-url.us-east-1.localhost", "bucket.s3.localhost",
                                  "fastness.example", "a1b2.execute-api.fastness.example"])
def test_every_address_form_is_certified(self_issued, host):
    context = ssl.create_default_context(cafile=self_issued.authority)
    with socket.create_connection(("127.0.0.1", self_issued.port), 60) as plain, context.wrap_socket(plain, server_hostname=host) as secured:
        assert secured.version() in ("TLSv1.2", "TLSv1.3")


CALLER = """import urllib.request
def handler(event, context):
    if "url" not in event:
        return "called by " + event["requestContext"]["domainName"]
    with urllib.request.urlopen(event["url"], timeout=40) as answer:
        return answer.read().decode()
"""


CALLER_NODE = """exports.handler = async (event) => (event.url ? (await fetch(event.url)).text() : 'called by ' + event.requestContext.domainName);
"""


@pytest.mark.parametrize("runtime,code", [("python3.12", {"app__py": CALLER}), ("nodejs20.x", {"app__js": CALLER_NODE})])
def test_a_function_checks_the_certificate_of_its_own_platforms_addresses(self_issued, runtime, code):
    client, name = self_issued.client("lambda"), "calls-over-tls-" + runtime.replace(".", "-")
    role = self_issued.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    client.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler="app.handler", Timeout=50, Code={"ZipFile": package(**code)})
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    assert url.startswith("https://")
    client.add_permission(FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    client.add_permission(FunctionName=name, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"url": url}))["Payload"].read()
    assert json.loads(json.loads(answer)) == "called by " + url.split("//")[1].split(":")[0], answer


def test_it_vouches_for_no_other_name(self_issued):
    context = ssl.create_default_context(cafile=self_issued.authority)
    with socket.create_connection(("127.0.0.1", self_issued.port), 60) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="sts.amazonaws.com")
    text = subprocess.run(["openssl", "x509", "-in", str(self_issued.authority), "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    assert "X509v3 Name Constraints: critical" in text and "DNS:localhost" in text and "pathlen:0" in text
    assert "PRIVATE" not in "".join(p.read_text(errors="replace") for p in self_issued.authority.parent.iterdir())


def test_the_authority_outlives_a_restart_and_a_new_name_needs_a_new_one(tmp_path):
    first = SelfIssuedPlatform(tmp_path).start()
    try:
        trusted = first.authority.read_bytes()
    finally:
        first.kill()
    with SelfIssuedPlatform(tmp_path) as again:
        assert again.authority.read_bytes() == trusted
        assert requests.get(again.endpoint + "/_fastness/health", verify=str(again.authority), timeout=60).ok
    with pytest.raises(AssertionError, match="does not vouch for `other.example`"):
        SelfIssuedPlatform(tmp_path, "--tls-name", "other.example").start()


def test_one_identity_or_the_other(secure, tmp_path):
    with pytest.raises(AssertionError, match="cannot be used with"):
        Platform(tmp_path, arguments=("--tls-self-issued", "--tls-cert", str(secure.certificate), "--tls-key", str(secure.certificate))).start()


def command(running, *arguments):
    """A command of the platform's own that asks the running platform."""
    return subprocess.run([binary(), *arguments, "--data-dir", str(running.data_dir)], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60)


def test_commands_speak_tls_and_trust_only_what_they_are_given(secure, self_issued, name):
    """`explain` and `least-privilege` of a platform under TLS."""
    caller = secure.client("iam", *secure.user(name, ONLY_SECURE))
    with pytest.raises(caller.exceptions.ClientError) as caught:
        caller.list_roles()
    message = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-fastness-authorization-message"]
    trusting = ("--ca-bundle", str(secure.certificate))
    shown = command(secure, "explain", message, *trusting)
    assert shown.returncode == 0, shown.stderr
    assert "[0] Allow" in shown.stdout and "does not apply: action" in shown.stdout
    shown = command(secure, "least-privilege", "no-such-role", *trusting)
    assert shown.returncode != 0 and "no-such-role" in shown.stderr, shown.stderr
    # Somebody else's certificate vouches for nobody here, and nobody is trusted unasked.
    for arguments in (("explain", message), ("least-privilege", "no-such-role")):
        shown = command(secure, *arguments, "--ca-bundle", str(self_issued.authority))
        assert shown.returncode != 0 and "certificate" in shown.stderr, shown.stderr
        shown = command(secure, *arguments)
        assert shown.returncode != 0 and "--ca-bundle" in shown.stderr, shown.stderr
