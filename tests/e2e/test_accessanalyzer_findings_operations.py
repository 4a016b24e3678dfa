"""Analyzers and what they find in real resources, driven by unmodified boto3 and the `aws` CLI."""

import json
import time

import pytest

from support import eventually, package, refused, trust

ACCOUNT = "000000000000"
STRANGER = "222222222222"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/"


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.fixture(scope="module")
def analyzer(platform):
    """The administrator's client."""
    return platform.client("accessanalyzer")


@pytest.fixture(scope="module")
def arn(analyzer):
    """The account's one analyzer of external access; it goes with the last test of this file."""
    made = analyzer.create_analyzer(analyzerName="outside", type="ACCOUNT", tags={"team": "ops"})["arn"]
    assert made == f"arn:aws:access-analyzer:us-east-1:{ACCOUNT}:analyzer/outside"
    yield made
    analyzer.delete_analyzer(analyzerName="outside")
    refused(analyzer.get_analyzer, "ResourceNotFoundException", analyzerName="outside")


@pytest.fixture
def found(analyzer, arn):
    """Waits for findings about a resource with a status, and answers them."""
    def wait(resource, status="ACTIVE", count=1):
        chosen = {"resource": {"eq": [resource]}, "status": {"eq": [status]}}
        def check():
            findings = analyzer.list_findings(analyzerArn=arn, filter=chosen)["findings"]
            return findings if len(findings) == count else None
        return eventually(check)
    return wait


def test_an_analyzer_is_made_once_and_shown(platform, analyzer, arn):
    refused(analyzer.create_analyzer, "ConflictException", analyzerName="outside", type="ACCOUNT")
    refused(analyzer.create_analyzer, "ServiceQuotaExceededException", analyzerName="second", type="ACCOUNT")
    message = refused(analyzer.create_analyzer, "ValidationException", analyzerName="second", type="ACCOUNT_INTERNAL_ACCESS")
    assert "internal access" in message
    shown = analyzer.get_analyzer(analyzerName="outside")["analyzer"]
    assert (shown["arn"], shown["type"], shown["status"], shown["tags"]) == (arn, "ACCOUNT", "ACTIVE", {"team": "ops"})
    assert [each["name"] for each in analyzer.list_analyzers(type="ACCOUNT")["analyzers"]] == ["outside"]
    analyzer.tag_resource(resourceArn=arn, tags={"k": "v"})
    analyzer.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert analyzer.list_tags_for_resource(resourceArn=arn)["tags"] == {"k": "v"}
    told = platform.aws("accessanalyzer", "list-analyzers", "--query", "analyzers[].arn", "--output", "text")
    assert told.stdout.strip() == arn, told.stderr
    role = platform.client("iam").get_role(RoleName="AWSServiceRoleForAccessAnalyzer")["Role"]
    assert role["Path"] == "/aws-service-role/access-analyzer.amazonaws.com/"


def test_archive_rules_have_a_life(analyzer, arn):
    rule = {"analyzerName": "outside", "ruleName": "expected"}
    analyzer.create_archive_rule(**rule, filter={"principal.AWS": {"eq": ["444444444444"]}})
    refused(analyzer.create_archive_rule, "ConflictException", **rule, filter={"isPublic": {"eq": ["true"]}})
    refused(analyzer.update_archive_rule, "ValidationException", **rule, filter={"colour": {"eq": ["red"]}})
    analyzer.update_archive_rule(**rule, filter={"principal.AWS": {"eq": ["333333333333"]}})
    assert analyzer.get_archive_rule(**rule)["archiveRule"]["filter"] == {"principal.AWS": {"eq": ["333333333333"]}}
    assert [each["ruleName"] for each in analyzer.list_archive_rules(analyzerName="outside")["archiveRules"]] == ["expected"]
    analyzer.delete_archive_rule(**rule)
    refused(analyzer.get_archive_rule, "ResourceNotFoundException", **rule)


def test_a_role_that_trusts_a_stranger_is_found_and_its_finding_resolves(platform, analyzer, arn, found, name):
    iam = platform.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": STRANGER}))
    started = time.monotonic()
    finding, = found(ROLE_ARN + name)
    print(f"found after {time.monotonic() - started:.2f} s")
    assert finding["principal"] == {"AWS": STRANGER} and finding["action"] == ["sts:AssumeRole"]
    assert (finding["isPublic"], finding["resourceType"], finding["resourceOwnerAccount"]) == (False, "AWS::IAM::Role", ACCOUNT)
    assert analyzer.get_finding(analyzerArn=arn, id=finding["id"])["finding"]["condition"] == {}
    second = analyzer.get_finding_v2(analyzerArn=arn, id=finding["id"])
    assert second["findingType"] == "ExternalAccess"
    assert second["findingDetails"][0]["externalAccessDetails"]["principal"] == {"AWS": STRANGER}
    with_id = json.loads(trust({"AWS": STRANGER}))
    with_id["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "x"}}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(with_id))
    narrowed, = eventually(lambda: [one for one in found(ROLE_ARN + name) if one["condition"]])
    assert narrowed["condition"] == {"sts:ExternalId": "x"}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"Service": "lambda.amazonaws.com"}))
    assert len(found(ROLE_ARN + name, "RESOLVED", 2)) == 2
    iam.delete_role(RoleName=name)


def test_buckets_are_looked_at_with_their_block(platform, analyzer, arn, found, name):
    s3, bucket = platform.client("s3"), "arn:aws:s3:::" + name
    s3.create_bucket(Bucket=name)
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False})
    s3.put_bucket_policy(Bucket=name, Policy=document(Principal="*", Action="s3:GetObject", Resource=bucket + "/*"))
    finding, = found(bucket)
    assert finding["isPublic"] and finding["principal"] == {"AWS": "*"} and finding["sources"] == [{"type": "POLICY"}]
    resource = analyzer.get_analyzed_resource(analyzerArn=arn, resourceArn=bucket)["resource"]
    assert (resource["isPublic"], resource["actions"], resource["sharedVia"]) == (True, ["s3:GetObject"], ["POLICY"])
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    found(bucket, "RESOLVED")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": False})
    assert found(bucket)[0]["id"] == finding["id"], "the same finding is active again"
    s3.delete_bucket_policy(Bucket=name)
    s3.delete_bucket(Bucket=name)
    found(bucket, "RESOLVED")
    eventually(lambda: bucket not in [one["resourceArn"] for one in analyzer.list_analyzed_resources(analyzerArn=arn, resourceType="AWS::S3::Bucket")["analyzedResources"]])


def test_functions_layers_and_tables_are_looked_at(platform, analyzer, arn, found, name):
    iam, lambdas, dynamodb = (platform.client(service) for service in ("iam", "lambda", "dynamodb"))
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    made = lambdas.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="a.h", Code={"ZipFile": package(a__py="def h(e, c): pass")})
    lambdas.add_permission(FunctionName=name, StatementId="all", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    finding, = found(made["FunctionArn"])
    assert finding["isPublic"] and finding["condition"] == {"lambda:FunctionUrlAuthType": "NONE"}
    lambdas.publish_version(FunctionName=name)
    lambdas.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    lambdas.add_permission(FunctionName=name, Qualifier="live", StatementId="one", Action="lambda:InvokeFunction", Principal=STRANGER)
    assert found(made["FunctionArn"] + ":live")[0]["principal"] == {"AWS": STRANGER}
    layer = lambdas.publish_layer_version(LayerName=name, Content={"ZipFile": package(a__py="")})
    lambdas.add_layer_version_permission(LayerName=name, VersionNumber=1, StatementId="org", Action="lambda:GetLayerVersion", Principal="*", OrganizationId="o-abcdefghij")
    shared, = found(layer["LayerVersionArn"])
    assert (shared["isPublic"], shared["condition"]) == (False, {"aws:PrincipalOrgID": "o-abcdefghij"})
    table = dynamodb.create_table(TableName=name, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
                                  BillingMode="PAY_PER_REQUEST", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})["TableDescription"]
    dynamodb.put_resource_policy(ResourceArn=table["TableArn"], Policy=document(Principal={"AWS": STRANGER}, Action="dynamodb:GetItem", Resource=table["TableArn"]))
    assert found(table["TableArn"])[0]["action"] == ["dynamodb:GetItem"]
    looked_at = lambda kind: [one["resourceArn"] for one in analyzer.list_analyzed_resources(analyzerArn=arn, resourceType=kind)["analyzedResources"]]
    eventually(lambda: table["LatestStreamArn"] in looked_at("AWS::DynamoDB::Stream"))
    lambdas.delete_function(FunctionName=name)
    lambdas.delete_layer_version(LayerName=name, VersionNumber=1)
    dynamodb.delete_table(TableName=name)
    for resource in (made["FunctionArn"], made["FunctionArn"] + ":live", layer["LayerVersionArn"], table["TableArn"]):
        found(resource, "RESOLVED")
    iam.delete_role(RoleName=name)


def test_what_is_expected_is_archived(platform, analyzer, arn, found, name):
    iam = platform.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": STRANGER}))
    finding, = found(ROLE_ARN + name)
    analyzer.update_findings(analyzerArn=arn, ids=[finding["id"]], status="ARCHIVED")
    analyzer.start_resource_scan(analyzerArn=arn, resourceArn=ROLE_ARN + name)
    later = eventually(lambda: [one for one in found(ROLE_ARN + name, "ARCHIVED") if one["analyzedAt"] >= finding["analyzedAt"]])
    assert later[0]["id"] == finding["id"]
    analyzer.update_findings(analyzerArn=arn, resourceArn=ROLE_ARN + name, status="ACTIVE")
    analyzer.create_archive_rule(analyzerName="outside", ruleName="known", filter={"principal.AWS": {"eq": [STRANGER]}, "resource": {"contains": [name]}})
    assert found(ROLE_ARN + name), "a rule is for what is found later"
    analyzer.apply_archive_rule(analyzerArn=arn, ruleName="known")
    found(ROLE_ARN + name, "ARCHIVED")
    iam.create_role(RoleName=name + "-2", AssumeRolePolicyDocument=trust({"AWS": STRANGER}))
    found(ROLE_ARN + name + "-2", "ARCHIVED")
    statistics = analyzer.get_findings_statistics(analyzerArn=arn)["findingsStatistics"][0]["externalAccessFindingsStatistics"]
    assert statistics["totalArchivedFindings"] >= 2
    for role in (name, name + "-2"):
        iam.delete_role(RoleName=role)
    found(ROLE_ARN + name, "RESOLVED")


def test_findings_are_listed_page_by_page(platform, analyzer, arn, name):
    iam = platform.client("iam")
    for number in range(3):
        iam.create_role(RoleName=f"{name}-{number}", AssumeRolePolicyDocument=trust({"AWS": STRANGER}))
    chosen = {"resource": {"contains": [name]}}
    eventually(lambda: len(analyzer.list_findings_v2(analyzerArn=arn, filter=chosen)["findings"]) == 3)
    pages = analyzer.get_paginator("list_findings_v2").paginate(analyzerArn=arn, filter=chosen, sort={"attributeName": "resource", "orderBy": "ASC"}, PaginationConfig={"PageSize": 2})
    assert [one["resource"] for page in pages for one in page["findings"]] == [f"{ROLE_ARN}{name}-{number}" for number in range(3)]
    told = platform.aws("accessanalyzer", "list-findings", "--analyzer-arn", arn, "--filter", json.dumps(chosen), "--query", "length(findings)")
    assert told.stdout.strip() == "3", told.stderr
    for number in range(3):
        iam.delete_role(RoleName=f"{name}-{number}")


def test_every_read_of_the_service_is_recorded(platform, arn):
    reads = [event for event in platform.events(EventName="GetRole") if event["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {}).get("userName") == "AWSServiceRoleForAccessAnalyzer"]
    assert reads and all("errorCode" not in event or event["errorCode"].startswith("NoSuchEntity") for event in reads)


def test_what_the_role_may_not_read_is_an_error_and_not_a_silence(platform, analyzer, arn, found, name):
    s3, bucket = platform.client("s3"), "arn:aws:s3:::" + name
    s3.create_bucket(Bucket=name)
    denial = {"Effect": "Deny", "Principal": {"AWS": platform.client("iam").get_role(RoleName="AWSServiceRoleForAccessAnalyzer")["Role"]["Arn"]},
              "Action": "s3:GetBucketPolicy", "Resource": bucket}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [denial]}))
    finding, = found(bucket)
    assert finding["error"] == "ACCESS_DENIED" and "principal" not in finding
    s3.delete_bucket_policy(Bucket=name)
    found(bucket, "RESOLVED")
    s3.delete_bucket(Bucket=name)


def test_another_account_sees_nothing(platform, arn):
    nobody = platform.client("accessanalyzer", *platform.user("t-nobody-finds"))
    assert "access-analyzer:ListFindings" in refused(nobody.list_findings_v2, "AccessDeniedException", analyzerArn=arn)
    foreign = arn.replace(ACCOUNT, STRANGER)
    administrator = platform.client("accessanalyzer")
    code = "AccessDeniedException"
    refused(administrator.list_findings_v2, code, analyzerArn=foreign)
