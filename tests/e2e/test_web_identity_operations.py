"""Web identities from outside: providers registered with boto3, tokens of a real https issuer, sessions for whom a role trusts."""

import base64
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import boto3
import botocore
import botocore.config
import pytest
import requests

from harness import Platform
from support import eventually, refused

AUDIENCE = "sts.amazonaws.com"
SUBJECT = "repo:acme/site:ref:refs/heads/main"
ACTIONS = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=given, check=True, capture_output=True).stdout


def encoded(content):
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Issuer:
    """An identity provider over https with an authority of its own. Each path is an issuer; some of them misbehave."""

    def __init__(self, folder):
        # Bound before anything else is done: nobody takes the port meanwhile.
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.folder, self.port, self.asked = folder, self.server.server_port, []
        self.authority = folder / "authority.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Test authority",
                "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", folder / "authority.key", "-out", self.authority)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", folder / "server.csr")
        (folder / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\n")
        openssl("x509", "-req", "-in", folder / "server.csr", "-CA", self.authority, "-CAkey", folder / "authority.key", "-CAcreateserial", "-days", "2",
                "-extfile", folder / "names", "-out", folder / "server.pem")
        for name in ("signing", "stranger"):
            openssl("genrsa", "-out", folder / f"{name}.key", "2048")
        modulus = openssl("rsa", "-in", folder / "signing.key", "-noout", "-modulus").decode().strip().split("=")[1]
        self.keys = {"keys": [{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": encoded(bytes.fromhex(modulus)), "e": "AQAB"}]}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/good"):
        return f"https://localhost:{self.port}{path}"

    def handler(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                path = self.path.removesuffix("/.well-known/openid-configuration")
                keys = issuer.url("/keys")
                documents = {
                    "/keys": issuer.keys,
                    "/good": {"issuer": issuer.url(), "jwks_uri": keys},
                    "/liar": {"issuer": issuer.url(), "jwks_uri": keys},
                    "/elsewhere": {"issuer": issuer.url("/elsewhere"), "jwks_uri": f"https://127.0.0.1:{issuer.port}/keys"},
                    "/plain": {"issuer": issuer.url("/plain"), "jwks_uri": f"http://localhost:{issuer.port}/keys"},
                    "/large": {"issuer": issuer.url("/large"), "jwks_uri": issuer.url("/flood")},
                    "/flood": {**issuer.keys, "padding": "x" * 300_000},
                }
                self.send_response(302 if path == "/moved" else 200 if path in documents else 404)
                if path == "/moved":
                    self.send_header("Location", issuer.url("/good/.well-known/openid-configuration"))
                body = json.dumps(documents.get(path, {})).encode()
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def token(self, path="/good", key="signing", header=None, **claims):
        now = int(time.time())
        claims = {"iss": self.url(path), "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 300, **claims}
        signed = encoded({"alg": "RS256", "kid": "k1", "typ": "JWT", **(header or {})}) + "." + encoded(claims)
        return signed + "." + encoded(openssl("dgst", "-sha256", "-sign", self.folder / f"{key}.key", given=signed.encode()))


NAMED = ["/good", "/liar", "/elsewhere", "/plain", "/large", "/moved"]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def silent_port():
    """Nobody answers there, and while it is held nobody else comes to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="module")
def federated(tmp_path_factory, platform, issuer, silent_port):
    """A platform whose operator named the issuer's paths, and one that does not answer."""
    named = [f"{url}={issuer.authority}" for url in [*map(issuer.url, NAMED), f"https://localhost:{silent_port}"]]
    arguments = [word for one in named for word in ("--oidc-issuer", one)]
    with Platform(tmp_path_factory.mktemp("federated"), arguments=arguments) as running:
        iam = running.client("iam")
        for url in [*map(issuer.url, [*NAMED, "/unnamed"]), f"https://localhost:{silent_port}"]:
            iam.create_open_id_connect_provider(Url=url, ClientIDList=[AUDIENCE])
        yield running
        # What was driven here need not be driven on the platform that the other tests share.
        platform.driven_elsewhere.add("AssumeRoleWithWebIdentity")


def trust(provider, condition=None, actions=ACTIONS):
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": actions, "Condition": condition or {}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def provider(issuer, path="/good"):
    return f"arn:aws:iam::000000000000:oidc-provider/localhost:{issuer.port}{path}"


def make_role(federated, name, document):
    iam = federated.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    tagged = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "blue"}}}
    always = {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [tagged, always]}))
    return arn


@pytest.fixture
def role(federated, issuer, name):
    key = f"localhost:{issuer.port}/good"
    return make_role(federated, name, trust(provider(issuer), {"StringEquals": {f"{key}:aud": AUDIENCE}, "StringLike": {f"{key}:sub": "repo:acme/*"}}))


def unsigned(federated):
    config = botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"max_attempts": 1})
    return boto3.client("sts", region_name="us-east-1", endpoint_url=federated.endpoint, config=config)


def assume(federated, role, token, **more):
    return unsigned(federated).assume_role_with_web_identity(RoleArn=role, RoleSessionName="ci", WebIdentityToken=token, **more)


def refusal(federated, role, token, code):
    return refused(unsigned(federated).assume_role_with_web_identity, code, RoleArn=role, RoleSessionName="ci", WebIdentityToken=token)


def keys(answer):
    credentials = answer["Credentials"]
    return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]


def test_providers_are_kept(platform):
    iam = platform.client("iam")
    arn = iam.create_open_id_connect_provider(Url="https://Idp.Example/Realms/A", ClientIDList=["one"], ThumbprintList=["a" * 40], Tags=[{"Key": "k", "Value": "v"}])["OpenIDConnectProviderArn"]
    assert arn == "arn:aws:iam::000000000000:oidc-provider/idp.example/Realms/A"
    assert arn in [one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    assert "already exists" in refused(iam.create_open_id_connect_provider, "EntityAlreadyExists", Url="https://idp.example/Realms/A")
    for bad in ("http://idp.example", "https://a@b", "https://idp.example?x=1"):
        refused(iam.create_open_id_connect_provider, "ValidationError", Url=bad)
    refused(iam.create_open_id_connect_provider, "InvalidInput", Url="https://other.example", ThumbprintList=["b" * 40] * 6)
    named = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["c" * 40])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "more", "Value": "w"}])
    iam.untag_open_id_connect_provider(**named, TagKeys=["k"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [{"Key": "more", "Value": "w"}]
    found = iam.get_open_id_connect_provider(**named)
    assert (found["Url"], found["ClientIDList"], found["ThumbprintList"]) == ("idp.example/Realms/A", ["two"], ["c" * 40])
    kept = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert arn in [one["Arn"] for one in kept] and iam.get_account_summary()["SummaryMap"]["Providers"] == len(kept)
    iam.delete_open_id_connect_provider(**named)
    iam.delete_open_id_connect_provider(**named)
    refused(iam.get_open_id_connect_provider, "NoSuchEntity", **named)


def test_whom_the_role_trusts_gets_its_rights_and_no_more(federated, issuer, role, name):
    answer = assume(federated, role, issuer.token(), DurationSeconds=900)
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT and answer["Audience"] == AUDIENCE
    assert answer["Provider"] == provider(issuer) and "PackedPolicySize" not in answer
    session = federated.client("sts", *keys(answer)).get_caller_identity()
    assert session["Arn"] == answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}/ci"
    iam = federated.client("iam", *keys(answer))
    iam.list_roles()
    refused(iam.list_users, "AccessDenied")
    narrow = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}]})
    narrowed = assume(federated, role, issuer.token(), Policy=narrow)
    assert narrowed["PackedPolicySize"] >= 1
    refused(federated.client("iam", *keys(narrowed)).list_roles, "AccessDenied")
    # The operator's two documents were fetched once for all of this.
    assert issuer.asked.count("/keys") == 1


def test_session_tags_and_source_identity_come_from_the_token(federated, issuer, role):
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["blue"]}, "transitive_tag_keys": ["Team"]}, "https://aws.amazon.com/source_identity": "ana"}
    answer = assume(federated, role, issuer.token(**tags))
    assert answer["SourceIdentity"] == "ana"
    federated.client("iam", *keys(answer)).list_users()
    bad = {"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["a<b"]}}}
    refusal(federated, role, issuer.token(**bad), "IDPRejectedClaim")


def test_only_whom_the_trust_policy_names_is_let_in(federated, issuer, role, name):
    message = refusal(federated, role, issuer.token(sub="repo:evil/site"), "AccessDenied")
    assert message == "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    plain = make_role(federated, name + "-p", trust(provider(issuer), actions=["sts:AssumeRoleWithWebIdentity"]))
    assume(federated, plain, issuer.token())
    refusal(federated, plain, issuer.token(**{"https://aws.amazon.com/source_identity": "ana"}), "AccessDenied")
    other = make_role(federated, name + "-o", trust(provider(issuer, "/other")))
    refusal(federated, other, issuer.token(), "AccessDenied")
    refusal(federated, "arn:aws:iam::000000000000:role/none", issuer.token(), "AccessDenied")


def test_an_authorized_party_is_the_audience_and_whom_the_token_is_for_is_told_apart(federated, issuer, name):
    key = f"localhost:{issuer.port}/good"
    asked = {"StringEquals": {f"{key}:aud": AUDIENCE, f"{key}:oaud": "acme-site", f"{key}:email": "ana@example.com"}}
    role = make_role(federated, name, trust(provider(issuer), asked))
    token = {"azp": AUDIENCE, "aud": "acme-site", "email": "ana@example.com"}
    assume(federated, role, issuer.token(**token))
    refusal(federated, role, issuer.token(**{**token, "aud": "other"}), "AccessDenied")
    refusal(federated, role, issuer.token(**{**token, "email": "eve@example.com"}), "AccessDenied")
    refusal(federated, role, issuer.token(email="ana@example.com"), "AccessDenied")


def test_shared_providers_are_trusted_by_the_claim_that_tells_their_customers_apart(federated, name):
    iam, host = federated.client("iam"), "token.actions.githubusercontent.com"
    github = f"arn:aws:iam::000000000000:oidc-provider/{host}"
    audience = {"StringEquals": {f"{host}:aud": AUDIENCE}}
    told = refused(iam.create_role, "MalformedPolicyDocument", RoleName=name, AssumeRolePolicyDocument=trust(github, audience))
    assert f"{host}:sub" in str(told)
    own = trust(github, {**audience, "StringLike": {f"{host}:sub": "repo:acme/site:*"}})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=own)
    anyone = trust(github, {**audience, "StringLike": {f"{host}:sub": "*"}})
    refused(iam.update_assume_role_policy, "MalformedPolicyDocument", RoleName=name, PolicyDocument=anyone)
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(own)


def test_who_is_not_trusted_measures_nothing(federated, issuer, name):
    nobody = {"StringEquals": {f"localhost:{issuer.port}/good:sub": "nobody"}}
    there = make_role(federated, name, trust(provider(issuer), nobody))
    federated.client("iam").tag_role(RoleName=name, Tags=[{"Key": "Secret", "Value": "x" * 200}])
    seen = []
    for arn in (there, there[:-1] + ("x" if there[-1] != "x" else "y")):
        with pytest.raises(botocore.exceptions.ClientError) as told:
            assume(federated, arn, issuer.token())
        headers = told.value.response["ResponseMetadata"]["HTTPHeaders"]
        seen.append((told.value.response["Error"], sorted(headers), headers["content-length"]))
    assert seen[0] == seen[1] and "x-fastness-authorization-message" not in seen[0][1]


def test_tokens_that_do_not_hold_are_refused(federated, issuer, role):
    now = int(time.time())
    good = issuer.token()
    head, claims, signature = good.split(".")
    assert refusal(federated, role, issuer.token(aud="another"), "InvalidIdentityToken") == "Incorrect token audience"
    assert refusal(federated, role, issuer.token(aud=[AUDIENCE, "another"]), "InvalidIdentityToken") == "Incorrect token audience"
    assert "must be before the expiration" in refusal(federated, role, issuer.token(exp=now - 1), "ExpiredTokenException")
    for token in (
        issuer.token(key="stranger"),
        issuer.token(nbf=now + 3600),
        issuer.token(iat=now + 3600),
        issuer.token(header={"kid": "k2"}),
        issuer.token(header={"alg": "HS256"}),
        issuer.token(header={"crit": ["exp"]}),
        encoded({"alg": "none"}) + "." + claims + ".",
        head + "." + encoded({"iss": issuer.url(), "sub": "repo:acme/other", "aud": AUDIENCE, "iat": now, "exp": now + 300}) + "." + signature,
        "an access token",
    ):
        refusal(federated, role, token, "InvalidIdentityToken")


def test_only_issuers_that_the_operator_named_are_asked(federated, issuer, name, silent_port):
    for path, code in (("/unnamed", "InvalidIdentityToken"), ("/liar", "InvalidIdentityToken"), ("/elsewhere", "IDPCommunicationError"), ("/plain", "IDPCommunicationError"),
                       ("/large", "IDPCommunicationError"), ("/moved", "IDPCommunicationError")):
        before = len(issuer.asked)
        arn = make_role(federated, name + path.replace("/", "-"), trust(provider(issuer, path)))
        refusal(federated, arn, issuer.token(path), code)
        asked = issuer.asked[before:]
        assert ("/keys" in asked) is False, (path, asked)
        assert path != "/unnamed" or asked == []
    silent = f"localhost:{silent_port}"
    arn = make_role(federated, name + "-s", trust(f"arn:aws:iam::000000000000:oidc-provider/{silent}"))
    refusal(federated, arn, issuer.token(iss=f"https://{silent}"), "IDPCommunicationError")


def test_a_platform_whose_operator_named_nobody_takes_no_token(platform, issuer, name):
    iam = platform.client("iam")
    arn = iam.create_open_id_connect_provider(Url=issuer.url(), ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
    role = make_role(platform, name, trust(arn))
    before = len(issuer.asked)
    assert "verification key" in refusal(platform, role, issuer.token(), "InvalidIdentityToken")
    assert len(issuer.asked) == before
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_the_trail_names_whom_the_token_proved(federated, issuer, role, name):
    token = issuer.token()
    answer = assume(federated, role, token)
    federated.client("iam", *keys(answer)).list_roles()
    refusal(federated, role, issuer.token(sub="repo:evil/site"), "AccessDenied")
    mine = lambda event: name in json.dumps(event)  # noqa: E731
    events = eventually(lambda: len([e for e in federated.events(EventName="AssumeRoleWithWebIdentity") if mine(e)]) >= 2 and federated.events(EventName="AssumeRoleWithWebIdentity"))
    events = [event for event in events if mine(event)]
    assert {event["userIdentity"]["userName"] for event in events} == {SUBJECT, "repo:evil/site"}
    assert all(event["userIdentity"]["type"] == "WebIdentityUser" and event["userIdentity"]["identityProvider"] == provider(issuer) for event in events)
    assert [event.get("errorCode") for event in events if event["userIdentity"]["userName"] != SUBJECT] == ["AccessDenied"]
    assert token not in json.dumps(events) and answer["Credentials"]["SessionToken"] not in json.dumps(events)
    read = eventually(lambda: [e for e in federated.events(EventName="ListRoles") if e["userIdentity"].get("principalId", "").endswith(":ci") and mine(e)])
    assert read[0]["userIdentity"]["sessionContext"]["webIdFederationData"]["federatedProvider"] == provider(issuer)


def test_the_cli_takes_its_token_from_a_file(federated, issuer, role, name, tmp_path):
    (tmp_path / "token").write_text(issuer.token())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    # A home of its own: the CLI keeps credentials by role and session name there.
    environment.update(HOME=str(tmp_path), AWS_ROLE_ARN=role, AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"), AWS_ROLE_SESSION_NAME="file", AWS_ENDPOINT_URL=federated.endpoint,
                       AWS_DEFAULT_REGION="us-east-1", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", AWS_PAGER="")
    shown = subprocess.run(["aws", "sts", "get-caller-identity", "--output", "json"], env=environment, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["Arn"].endswith(f":assumed-role/{name}/file")


def test_nothing_else_comes_unsigned(federated, role):
    for action in ("AssumeRole", "GetCallerIdentity", "GetSessionToken"):
        answer = requests.post(federated.endpoint, data={"Action": action, "Version": "2011-06-15", "RoleArn": role, "RoleSessionName": "ci", "WebIdentityToken": "x"}, timeout=30)
        assert answer.status_code == 403 and "MissingAuthenticationToken" in answer.text, answer.text
