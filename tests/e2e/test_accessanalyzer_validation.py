"""ValidatePolicy from outside: for each kind of policy, faults with AWS's codes and types, and silence about what is right."""

import json

import pytest

TRUST = "AWS::IAM::AssumeRolePolicyDocument"
BUCKET = "AWS::S3::Bucket"


@pytest.fixture
def analyzer(platform):
    return platform.client("accessanalyzer")


def findings(analyzer, statement, policy_type="IDENTITY_POLICY", resource_type=None, version="2012-10-17"):
    kept_by = {"validatePolicyResourceType": resource_type} if resource_type else {}
    document = json.dumps({"Version": version, "Statement": [statement]})
    return analyzer.validate_policy(policyDocument=document, policyType=policy_type, **kept_by)["findings"]


def read(**elements):
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **elements}


def listing(operator, key, value):
    return {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b", "Condition": {operator: {key: value}}}


def trust(principal, action, **elements):
    return {"Effect": "Allow", "Principal": principal, "Action": action, **elements}


GITHUB = {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
SERVICE = {"Service": "cloudtrail.amazonaws.com"}


@pytest.mark.parametrize("code, kind, statement, policy_type, resource_type", [
    ("ARN_ACCOUNT_NOT_ALLOWED", "ERROR", read(Resource="arn:aws:s3::123456789012:b/*"), "IDENTITY_POLICY", None),
    ("INVALID_ARN_REGION", "ERROR", read(Action="dynamodb:GetItem", Resource="arn:aws:dynamodb:us-est-1:123456789012:table/x"), "IDENTITY_POLICY", None),
    ("INVALID_GLOBAL_CONDITION_KEY", "ERROR", listing("StringEquals", "aws:Foo", "x"), "IDENTITY_POLICY", None),
    ("INVALID_SERVICE_CONDITION_KEY", "ERROR", listing("StringEquals", "s3:Foo", "x"), "IDENTITY_POLICY", None),
    ("MISSING_QUALIFIER", "ERROR", listing("StringEquals", "aws:TagKeys", "x"), "IDENTITY_POLICY", None),
    ("MISSING_BRACE_IN_VARIABLE", "ERROR", read(Resource="arn:aws:s3:::b/${aws:username"), "IDENTITY_POLICY", None),
    ("PRIVATE_IP_ADDRESS", "ERROR", listing("IpAddress", "aws:SourceIp", ["10.0.0.0/8"]), "IDENTITY_POLICY", None),
    ("UNSUPPORTED_SID", "ERROR", read(Sid="a b!"), "IDENTITY_POLICY", None),
    ("UNSUPPORTED_ACTION_IN_POLICY", "ERROR", read(Principal="*", Action="iam:GetUser"), "RESOURCE_POLICY", BUCKET),
    ("INVALID_SERVICE_PRINCIPAL_FORMAT", "ERROR", read(Principal={"Service": "lambda"}), "RESOURCE_POLICY", BUCKET),
    ("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", "SECURITY_WARNING", read(Principal=SERVICE), "RESOURCE_POLICY", BUCKET),
    ("ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL", "ERROR", trust({"AWS": "arn:aws:iam::111122223333:role/*"}, "sts:AssumeRole"), "RESOURCE_POLICY", TRUST),
    ("MISMATCHED_ACTION_FOR_PRINCIPAL", "ERROR", trust(GITHUB, "sts:AssumeRole"), "RESOURCE_POLICY", TRUST),
    ("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", "SECURITY_WARNING", trust(GITHUB, "sts:AssumeRoleWithWebIdentity"), "RESOURCE_POLICY", TRUST),
    ("SCP_SYNTAX_ERROR_PRINCIPAL", "ERROR", read(Principal="*"), "SERVICE_CONTROL_POLICY", None),
    ("RCP_SYNTAX_ERROR_ALLOW", "ERROR", read(Principal="*", Resource="*"), "RESOURCE_CONTROL_POLICY", None),
    ("TYPE_MISMATCH_DATE", "WARNING", listing("DateLessThan", "aws:CurrentTime", "yesterday"), "IDENTITY_POLICY", None),
    ("IMPROVE_IP_RANGE", "SUGGESTION", listing("IpAddress", "aws:SourceIp", "54.1.2.3/16"), "IDENTITY_POLICY", None),
])
def test_a_fault_has_its_code_and_type(analyzer, code, kind, statement, policy_type, resource_type):
    met = findings(analyzer, statement, policy_type, resource_type)
    assert (kind, code) in [(each["findingType"], each["issueCode"]) for each in met]
    found = next(each for each in met if each["issueCode"] == code)
    assert found["findingDetails"] and found["locations"]
    assert found["learnMoreLink"].endswith(code.lower().replace("_", "-"))


@pytest.mark.parametrize("statement, policy_type, resource_type", [
    (read(), "IDENTITY_POLICY", None),
    (read(Principal={"AWS": "111122223333"}), "RESOURCE_POLICY", BUCKET),
    (read(Principal=SERVICE, Condition={"StringEquals": {"aws:SourceAccount": "111122223333"}}), "RESOURCE_POLICY", BUCKET),
    (trust({"AWS": "111122223333"}, "sts:AssumeRole"), "RESOURCE_POLICY", TRUST),
    (read(Action="*", Resource="*"), "SERVICE_CONTROL_POLICY", None),
    (read(Effect="Deny", Principal="*", Resource="*"), "RESOURCE_CONTROL_POLICY", None)])
def test_what_is_right_has_no_findings(analyzer, statement, policy_type, resource_type):
    assert findings(analyzer, statement, policy_type, resource_type) == []


def test_what_iam_refuses_is_an_error(platform, analyzer):
    iam = platform.client("iam")
    for statement in [read(Resource="b"), read(Sid="a b"), read(Action="s3:Get:Object"), read(Resource="arn:aws:iam:us-east-1:123456789012:role/r"),
                      {"Effect": "Allow", "Action": "s3:*"}, read(Condition={"Equals": {"aws:username": "a"}})]:
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
            iam.create_policy(PolicyName="refused", PolicyDocument=document)
        assert "ERROR" in [each["findingType"] for each in findings(analyzer, statement)], statement
