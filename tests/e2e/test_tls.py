"""TLS: the platform speaks it alone where it has a certificate, and policies know whether a call came over it."""

import subprocess

import boto3
import pytest
import requests

from harness import Platform
from support import refused

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
        requests.get(secure.endpoint + "/", timeout=10)


def test_plain_http_is_refused(secure):
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://127.0.0.1:{secure.port}/", timeout=10)
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
