"""Every operation of accessanalyzer, driven by unmodified boto3 and the `aws` CLI."""

import json

import pytest

from support import refused


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}
ONE = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/k"}


@pytest.fixture
def analyzer(platform):
    return platform.client("accessanalyzer")


def test_policies_are_validated_with_places(platform, analyzer):
    text = policy({"Effect": "Allow", "Action": ["dynamodb:Fetch", "iam:PassRole"], "Resource": "*"}, {"Sid": "", **READ})
    findings = analyzer.validate_policy(policyDocument=text, policyType="IDENTITY_POLICY")["findings"]
    assert [(each["findingType"], each["issueCode"]) for each in findings] == [
        ("ERROR", "INVALID_ACTION"), ("SECURITY_WARNING", "PASS_ROLE_WITH_STAR_IN_RESOURCE"), ("SUGGESTION", "EMPTY_SID_VALUE")]
    place = findings[0]["locations"][0]
    assert place["path"] == [{"key": "Statement"}, {"index": 0}, {"key": "Action"}, {"index": 0}, {"value": "dynamodb:Fetch"}]
    start, end = place["span"]["start"]["offset"], place["span"]["end"]["offset"]
    assert text[start:end] == '"dynamodb:Fetch"'
    assert findings[0]["learnMoreLink"].endswith("#access-analyzer-reference-policy-checks-error-invalid-action")
    pages = analyzer.get_paginator("validate_policy").paginate(policyDocument=text, policyType="IDENTITY_POLICY", PaginationConfig={"PageSize": 1})
    assert [each["issueCode"] for page in pages for each in page["findings"]] == [each["issueCode"] for each in findings]
    trust = policy({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    assert analyzer.validate_policy(policyDocument=trust, policyType="RESOURCE_POLICY", validatePolicyResourceType="AWS::IAM::AssumeRolePolicyDocument")["findings"] == []
    told = platform.aws("accessanalyzer", "validate-policy", "--policy-document", "{", "--policy-type", "IDENTITY_POLICY", "--query", "findings[0].issueCode", "--output", "text")
    assert told.stdout.strip() == "JSON_SYNTAX_ERROR", told.stderr


@pytest.mark.parametrize("new, existing, result", [
    ([ONE], [READ], "PASS"), ([READ], [ONE], "FAIL"), ([READ], [READ], "PASS"),
    ([{**READ, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}], [READ], "PASS"),
    ([READ], [{**READ, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}], "FAIL"),
    ([READ], [READ, {**READ, "Effect": "Deny", "Resource": "arn:aws:s3:::b/secret"}], "FAIL")])
def test_new_access_is_told(analyzer, new, existing, result):
    answer = analyzer.check_no_new_access(newPolicyDocument=policy(*new), existingPolicyDocument=policy(*existing), policyType="IDENTITY_POLICY")
    assert answer["result"] == result and bool(answer["reasons"]) == (result == "FAIL")
    if result == "FAIL":
        assert answer["reasons"][0] == {"description": "New access in the statement with index: 0.", "statementIndex": 0}


def test_listed_access_is_told(analyzer):
    call = {"policyDocument": policy(READ), "policyType": "IDENTITY_POLICY"}
    assert analyzer.check_access_not_granted(**call, access=[{"actions": ["s3:PutObject", "iam:PassRole"]}])["result"] == "PASS"
    assert analyzer.check_access_not_granted(**call, access=[{"actions": ["s3:GetObject"]}])["result"] == "FAIL"
    assert analyzer.check_access_not_granted(**call, access=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::c/*"]}])["result"] == "PASS"
    for slip in ([], [{"actions": ["foo"]}], [{"actions": ["s3:GetObjct"]}], [{"resources": ["bucket"]}]):
        refused(analyzer.check_access_not_granted, "InvalidParameterException", **call, access=slip)
    refused(analyzer.check_no_public_access, "InvalidParameterException", policyDocument=call["policyDocument"], resourceType="AWS::S3::Bucket")
    refused(analyzer.check_access_not_granted, "InvalidParameterException", policyDocument="nonsense", policyType="IDENTITY_POLICY", access=[{"actions": ["s3:GetObject"]}])


def test_public_access_is_told(platform, analyzer):
    def check(**more):
        text = policy({"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": "*", **more})
        return analyzer.check_no_public_access(policyDocument=text, resourceType="AWS::Lambda::Function")["result"]
    assert check() == "FAIL"
    assert check(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}) == "PASS"
    assert check(Condition={"StringLike": {"aws:PrincipalOrgID": "*"}}) == "FAIL"
    nobody = platform.client("accessanalyzer", *platform.user("t-nobody-analyzes"))
    message = refused(nobody.check_no_public_access, "AccessDeniedException", policyDocument=policy(), resourceType="AWS::Lambda::Function")
    assert "access-analyzer:CheckNoPublicAccess" in message
