"""Accounts that vouch for their users and roles to others: tokens of `GetWebIdentityToken`, checked by PyJWT as anybody would."""

import json
import ssl
import time
import uuid

import boto3
import botocore.config
import jwt
import pytest
import requests

from harness.platform import Platform, free_port
from support import refused

AUDIENCE = "https://api.example.com"
AWS = "https://sts.amazonaws.com/"


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


@pytest.fixture(scope="module")
def own(tmp_path_factory, platform):
    """A platform that speaks TLS, as checking a token asks for; it comes back on the same port."""
    with Platform(tmp_path_factory.mktemp("outbound"), port=free_port(), arguments=("--tls-self-issued",)) as made:
        yield made
        platform.driven_elsewhere.update(("EnableOutboundWebIdentityFederation", "GetOutboundWebIdentityFederationInfo",
                                          "DisableOutboundWebIdentityFederation", "GetWebIdentityToken"))


@pytest.fixture(scope="module")
def authority(own):
    return str(own.data_dir / "tls" / "authority.pem")


@pytest.fixture(scope="module")
def client(own, authority):
    def make(service, key=None, secret=None, token=None):
        if key is None:
            key, secret = own.root()
        session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, region_name="us-east-1")
        return session.client(service, endpoint_url=f"https://localhost:{own.port}", verify=authority, config=botocore.config.Config(retries={"max_attempts": 1}))
    return make


@pytest.fixture(scope="module")
def user(client):
    """A new user with these rights: its sts client."""
    def make(name, *statements, tags=()):
        iam = client("iam")
        iam.create_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags])
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return client("sts", made["AccessKeyId"], made["SecretAccessKey"])
    return make


@pytest.fixture(scope="module")
def issuer(client):
    """The administrator's account as an issuer, switched on."""
    return client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]


def published(issuer, authority, document="openid-configuration", **more):
    return requests.get(f"{issuer}/.well-known/{document}", verify=authority, timeout=30, **more)


def keys_of(issuer, authority):
    context = ssl.create_default_context(cafile=authority)
    where = published(issuer, authority).json()
    assert where["issuer"] == issuer
    return jwt.PyJWKClient(where["jwks_uri"], ssl_context=context)


def read(token, issuer, authority, audience=AUDIENCE):
    """What a token says, once its signature, issuer, audience and time were checked."""
    key = keys_of(issuer, authority).get_signing_key_from_jwt(token)
    return jwt.decode(token, key.key, algorithms=["RS256", "ES384"], audience=audience, issuer=issuer,
                      options={"require": ["iss", "aud", "sub", "iat", "exp", "jti"]})


def test_it_is_off_until_it_is_switched_on(own, client, user, authority):
    iam, sts = client("iam"), user("early", allow("sts:GetWebIdentityToken"))
    refused(iam.get_outbound_web_identity_federation_info, "FeatureDisabled")
    refused(iam.disable_outbound_web_identity_federation, "FeatureDisabled")
    refused(sts.get_web_identity_token, "OutboundWebIdentityFederationDisabledException", Audience=[AUDIENCE], SigningAlgorithm="ES384")
    stranger = f"https://localhost:{own.port}/_aws/tokens/{uuid.uuid4()}"
    assert published(stranger, authority).status_code == 404
    first = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    refused(iam.enable_outbound_web_identity_federation, "FeatureEnabled")
    info = iam.get_outbound_web_identity_federation_info()
    assert (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (first, True)
    token = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]
    assert read(token, first, authority)
    before = published(first, authority, "jwks.json").json()["keys"]
    # Switched off, nothing is told any more; on again, it is the same issuer with other keys.
    iam.disable_outbound_web_identity_federation()
    for name in ("openid-configuration", "jwks.json"):
        assert published(first, authority, name).status_code == 404
    refused(sts.get_web_identity_token, "OutboundWebIdentityFederationDisabledException", Audience=[AUDIENCE], SigningAlgorithm="ES384")
    assert iam.enable_outbound_web_identity_federation()["IssuerIdentifier"] == first
    after = published(first, authority, "jwks.json").json()["keys"]
    assert not {key["kid"] for key in before} & {key["kid"] for key in after}
    with pytest.raises(jwt.PyJWKClientError):
        read(token, first, authority)
    iam.disable_outbound_web_identity_federation()


def test_strangers_read_the_public_keys_and_nothing_else(issuer, authority):
    described = published(issuer, authority)
    assert described.headers["content-type"] == "application/json"
    assert described.json()["id_token_signing_alg_values_supported"] == ["RS256", "ES384"]
    keys = published(issuer, authority, "jwks.json").json()["keys"]
    assert {(key["kty"], key["alg"], key["use"]) for key in keys} == {("RSA", "RS256", "sig"), ("EC", "ES384", "sig")}
    secret = {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert all(not secret & set(key) for key in keys)
    base = issuer.rsplit("/", 1)[0]
    for path in ("", "/", "/.well-known", "/.well-known/other", "/../.well-known/jwks.json", "/.well-known/jwks.json/x"):
        assert requests.get(issuer + path, verify=authority, timeout=30).status_code == 404
    assert requests.get(f"{base}/{uuid.uuid4()}/.well-known/jwks.json", verify=authority, timeout=30).status_code == 404
    assert requests.post(issuer + "/.well-known/jwks.json", verify=authority, timeout=30).status_code == 405


def test_a_users_token_says_what_is_known_of_it(client, user, issuer, authority):
    sts = user("teller", allow("sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"), tags=[("team", "red")])
    for algorithm in ("RS256", "ES384"):
        asked = int(time.time())
        made = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm=algorithm, DurationSeconds=120, Tags=[{"Key": "job", "Value": "7"}])
        token = made["WebIdentityToken"]
        assert jwt.get_unverified_header(token)["alg"] == algorithm
        claims = read(token, issuer, authority)
        arn = "arn:aws:iam::000000000000:user/teller"
        assert (claims["sub"], claims["aud"]) == (arn, AUDIENCE) and claims["exp"] - claims["iat"] == 120 and asked <= claims["iat"] <= time.time()
        assert made["Expiration"].timestamp() == claims["exp"] and uuid.UUID(claims["jti"])
        assert claims[AWS] == {"aws_account": "000000000000", "source_region": "us-east-1", "principal_id": arn,
                               "principal_tags": {"team": "red"}, "request_tags": {"job": "7"}}
    several = sts.get_web_identity_token(Audience=[AUDIENCE, "b"], SigningAlgorithm="ES384")
    claims = read(several["WebIdentityToken"], issuer, authority, audience="b")
    assert claims["aud"] == [AUDIENCE, "b"] and claims["exp"] - claims["iat"] == 300
    with pytest.raises(jwt.InvalidAudienceError):
        read(several["WebIdentityToken"], issuer, authority, audience="c")
    # Another account's keys check nothing of this one's, and a changed token is no token.
    head, body, signature = several["WebIdentityToken"].split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        read(f"{head}.{body}.{'A' * len(signature)}", issuer, authority)


def test_a_sessions_token_is_its_roles_and_ends_no_later(client, user, issuer, authority):
    iam = client("iam")
    trust = document({"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]})
    arn = iam.create_role(RoleName="worker", Path="/app/", AssumeRolePolicyDocument=trust, Tags=[{"Key": "stage", "Value": "prod"}, {"Key": "team", "Value": "red"}])["Role"]["Arn"]
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document(allow("sts:GetWebIdentityToken")))
    caller = user("starter", allow("sts:*"))
    made = caller.assume_role(RoleArn=arn, RoleSessionName="ss", DurationSeconds=900, SourceIdentity="ana", Tags=[{"Key": "Team", "Value": "blue"}])["Credentials"]
    session = client("sts", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    claims = read(session.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="RS256")["WebIdentityToken"], issuer, authority)
    assert claims["sub"] == arn
    told = claims[AWS]
    assert told["principal_id"] == arn and told["principal_tags"] == {"stage": "prod", "Team": "blue"} and told["source_identity"] == "ana"
    assert told["original_session_exp"] == made["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
    refused(session.get_web_identity_token, "SessionDurationEscalationException", Audience=[AUDIENCE], SigningAlgorithm="RS256", DurationSeconds=3600)


def test_leave_names_audience_algorithm_duration_and_tags(user, issuer):
    conditions = {"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": [AUDIENCE]}, "StringEquals": {"sts:SigningAlgorithm": "ES384"},
                  "NumericLessThanEquals": {"sts:DurationSeconds": 300}}
    sts = user("narrow", allow("sts:GetWebIdentityToken", Condition=conditions))
    good = {"Audience": [AUDIENCE], "SigningAlgorithm": "ES384"}
    assert sts.get_web_identity_token(**good)["WebIdentityToken"]
    for other in ({"Audience": [AUDIENCE, "other"]}, {"SigningAlgorithm": "RS256"}, {"DurationSeconds": 301}, {"Tags": [{"Key": "k", "Value": "v"}]}):
        refused(sts.get_web_identity_token, "AccessDenied", **{**good, **other})
    refused(user("without").get_web_identity_token, "AccessDenied", **good)
    for bad in ({"SigningAlgorithm": "HS256"}, {"SigningAlgorithm": "none0"}, {"DurationSeconds": 3601}, {"Audience": ["x" * 1001]}, {"Audience": [str(n) for n in range(11)]}):
        refused(sts.get_web_identity_token, "ValidationError", **{**good, **bad})
    wide = user("wide", allow("sts:*"))
    large = [{"Key": f"{n:03}" + "k" * 120, "Value": "v" * 250} for n in range(50)]
    assert "exceeds" in refused(wide.get_web_identity_token, "JWTPayloadSizeExceededException", **good, Tags=large)
    refused(wide.get_web_identity_token, "InvalidParameterValue", **good, Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])


def test_it_is_in_the_trail_without_the_token(client, user, issuer):
    sts = user("trailed", allow("sts:GetWebIdentityToken"))
    token = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]
    found = client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetWebIdentityToken"}])["Events"]
    assert found and not any(token in one["CloudTrailEvent"] or token.split(".")[2] in one["CloudTrailEvent"] for one in found)


def test_another_account_takes_the_token_where_the_operator_trusts_the_issuer(own, client, user, issuer, authority):
    """Closed loop: what one account vouches for opens a role of another, through the same checks as any provider's token."""
    org = client("organizations")
    org.create_organization(FeatureSet="ALL")
    member = org.create_account(AccountName="m", Email="m@example.com")["CreateAccountStatus"]["AccountId"]
    sts = user("traveller", allow("sts:GetWebIdentityToken", "sts:AssumeRole"))
    made = sts.assume_role(RoleArn=f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole", RoleSessionName="ss")["Credentials"]
    theirs = client("iam", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    provider = theirs.create_open_id_connect_provider(Url=issuer, ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
    name = issuer.removeprefix("https://")
    trust = document({"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
                      "Condition": {"StringEquals": {f"{name}:sub": "arn:aws:iam::000000000000:user/traveller", f"{name}:aud": AUDIENCE}}})
    arn = theirs.create_role(RoleName="guest", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    get = lambda: sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]
    enter = lambda token: client("sts").assume_role_with_web_identity(RoleArn=arn, RoleSessionName="ss", WebIdentityToken=token)
    refused(enter, "InvalidIdentityToken", token=get())
    assert own.stop() == 0
    own.arguments += ["--oidc-issuer", f"{issuer}={authority}"]
    own.start()
    token = get()
    assert read(token, issuer, authority)[AWS]["org_id"] == org.describe_organization()["Organization"]["Id"]
    session = enter(token)
    assert session["SubjectFromWebIdentityToken"] == "arn:aws:iam::000000000000:user/traveller"
    keys = session["Credentials"]
    who = client("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{member}:assumed-role/guest/ss"
    other = user("other", allow("sts:GetWebIdentityToken")).get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]
    refused(enter, "AccessDenied", token=other)
    elsewhere = sts.get_web_identity_token(Audience=["another"], SigningAlgorithm="ES384")["WebIdentityToken"]
    assert "audience" in refused(enter, "InvalidIdentityToken", token=elsewhere)
