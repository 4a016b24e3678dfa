"""Policy generation from the trail, access previews, and analyzers of unused access, driven by unmodified boto3 and the `aws` CLI."""

import datetime
import json

import pytest

from support import eventually, refused, trust

ACCOUNT = "000000000000"
STRANGER = "222222222222"
TRAIL = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/any"
SERVICE = {"Service": "access-analyzer.amazonaws.com"}


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.fixture(scope="module")
def analyzer(platform):
    return platform.client("accessanalyzer")


@pytest.fixture(scope="module")
def outside(analyzer):
    """An analyzer of external access, for this file."""
    yield analyzer.create_analyzer(analyzerName="previews", type="ACCOUNT")["arn"]
    analyzer.delete_analyzer(analyzerName="previews")


def details(role):
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"trails": [{"cloudTrailArn": TRAIL, "allRegions": True}], "accessRole": role,
            "startTime": now - datetime.timedelta(hours=1), "endTime": now + datetime.timedelta(minutes=5)}


def finished(analyzer, job):
    def check():
        shown = analyzer.get_generated_policy(jobId=job, includeResourcePlaceholders=True)
        return shown if shown["jobDetails"]["status"] != "IN_PROGRESS" else None
    return eventually(check)


def test_a_policy_is_written_from_what_was_called(platform, analyzer, name):
    iam = platform.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(SERVICE))["Role"]["Arn"]
    keys = platform.user(name + "-u", {"Effect": "Allow", "Action": ["dynamodb:*", "s3:*"], "Resource": "*"})
    user = f"arn:aws:iam::{ACCOUNT}:user/{name}-u"
    dynamodb = platform.client("dynamodb", *keys)
    dynamodb.create_table(TableName=name, KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
    dynamodb.put_item(TableName=name, Item={"k": {"S": "a"}})
    platform.client("s3", *keys).list_buckets()
    refused(platform.client("iam", *keys).list_users, "AccessDenied")
    request = {"policyGenerationDetails": {"principalArn": user}, "cloudTrailDetails": details(role)}

    job = analyzer.start_policy_generation(**request)["jobId"]
    failed = finished(analyzer, job)["jobDetails"]
    assert failed["status"] == "FAILED" and failed["jobError"]["code"] == "AUTHORIZATION_ERROR", failed

    iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=document(Action="cloudtrail:LookupEvents", Resource="*"))
    job = analyzer.start_policy_generation(**request)["jobId"]
    shown = finished(analyzer, job)
    assert shown["jobDetails"]["status"] == "SUCCEEDED", shown
    result = shown["generatedPolicyResult"]
    assert result["properties"]["isComplete"] and result["properties"]["principalArn"] == user
    statements = json.loads(result["generatedPolicies"][0]["policy"])["Statement"]
    granted = {action: statement["Resource"] for statement in statements for action in statement["Action"]}
    assert set(granted) == {"dynamodb:CreateTable", "dynamodb:PutItem", "s3:ListAllMyBuckets"}, granted
    assert granted["dynamodb:PutItem"] == "arn:aws:dynamodb:${Region}:${Account}:table/${TableName}"
    analyzer.cancel_policy_generation(jobId=job)
    assert analyzer.get_generated_policy(jobId=job)["jobDetails"]["status"] == "SUCCEEDED", "what is done stays done"
    listed = analyzer.list_policy_generations(principalArn=user)["policyGenerations"]
    assert [one["status"] for one in listed] in (["SUCCEEDED", "FAILED"], ["FAILED", "SUCCEEDED"])

    # Pasted, it lets the same calls through and no others.
    iam.put_user_policy(UserName=name + "-u", PolicyName="inline", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{**one, "Resource": "*"} for one in statements]}))
    dynamodb.put_item(TableName=name, Item={"k": {"S": "b"}})
    refused(dynamodb.delete_table, "AccessDeniedException", TableName=name)
    platform.client("dynamodb").delete_table(TableName=name)


def test_what_may_not_be_generated_is_refused(platform, analyzer, name):
    iam = platform.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    request = {"policyGenerationDetails": {"principalArn": role}, "cloudTrailDetails": details(role)}
    assert "cannot be assumed" in refused(analyzer.start_policy_generation, "ValidationException", **request)
    bob = platform.client("accessanalyzer", *platform.user(name, {"Effect": "Allow", "Action": "access-analyzer:*", "Resource": "*"}))
    assert "iam:PassRole" in refused(bob.start_policy_generation, "AccessDeniedException", **request)
    refused(analyzer.get_generated_policy, "ValidationException", jobId="0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f")
    iam.delete_role(RoleName=name)


def test_a_preview_tells_what_a_policy_would_let_in(platform, analyzer, outside, name):
    s3, bucket = platform.client("s3"), "arn:aws:s3:::" + name
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=document(Principal={"AWS": STRANGER}, Action="s3:GetObject", Resource=bucket + "/*"))
    chosen = {"resource": {"eq": [bucket]}, "status": {"eq": ["ACTIVE"]}}
    eventually(lambda: analyzer.list_findings(analyzerArn=outside, filter=chosen)["findings"])
    open_block = {"ignorePublicAcls": False, "restrictPublicBuckets": False}

    def findings(**configuration):
        made = analyzer.create_access_preview(analyzerArn=outside, configurations={bucket: {"s3Bucket": configuration}})["id"]
        status = analyzer.get_access_preview(analyzerArn=outside, accessPreviewId=made)["accessPreview"]["status"]
        assert status == "COMPLETED" and made in [one["id"] for one in analyzer.list_access_previews(analyzerArn=outside)["accessPreviews"]]
        found = analyzer.list_access_preview_findings(analyzerArn=outside, accessPreviewId=made)["findings"]
        return {(one["changeType"], one["status"], one["principal"]["AWS"]) for one in found}

    anyone = document(Principal="*", Action="s3:GetObject", Resource=bucket + "/*")
    assert findings(bucketPolicy=anyone, bucketPublicAccessBlock=open_block) == {("NEW", "ACTIVE", "*"), ("CHANGED", "RESOLVED", STRANGER)}
    assert findings() == {("UNCHANGED", "ACTIVE", STRANGER)}, "what is not given stays as it is"
    assert findings(bucketPolicy=anyone, bucketPublicAccessBlock={**open_block, "restrictPublicBuckets": True}) == {("CHANGED", "RESOLVED", STRANGER)}
    refused(analyzer.create_access_preview, "ValidationException", analyzerArn=outside, configurations={f"arn:aws:sqs:us-east-1:{ACCOUNT}:q": {"sqsQueue": {"queuePolicy": anyone}}})
    told = platform.aws("accessanalyzer", "list-access-previews", "--analyzer-arn", outside, "--query", "length(accessPreviews)")
    assert told.stdout.strip() == "3", told.stderr
    assert s3.get_bucket_policy(Bucket=name)["Policy"] != anyone, "a preview changes nothing"
    s3.delete_bucket_policy(Bucket=name)
    s3.delete_bucket(Bucket=name)


def test_analyzers_of_unused_access_are_made_and_changed(platform, analyzer, name):
    made = analyzer.create_analyzer(analyzerName="idle", type="ACCOUNT_UNUSED_ACCESS", configuration={"unusedAccess": {"unusedAccessAge": 30}})["arn"]
    exclusions = [{"resourceTags": [{"team": "ops"}]}, {"accountIds": [STRANGER]}]
    changed = analyzer.update_analyzer(analyzerName="idle", configuration={"unusedAccess": {"analysisRule": {"exclusions": exclusions}}})
    assert changed["configuration"]["unusedAccess"] == {"unusedAccessAge": 30, "analysisRule": {"exclusions": exclusions}}
    eventually(lambda: analyzer.get_analyzer(analyzerName="idle")["analyzer"].get("lastResourceAnalyzedAt"))
    assert analyzer.list_findings_v2(analyzerArn=made)["findings"] == [], "nobody here is 30 days old"
    assert analyzer.get_findings_statistics(analyzerArn=made)["findingsStatistics"][0]["unusedAccessFindingsStatistics"]["totalActiveFindings"] == 0
    refused(analyzer.list_findings, "ValidationException", analyzerArn=made)
    refused(analyzer.generate_finding_recommendation, "ResourceNotFoundException", analyzerArn=made, id=name)
    refused(analyzer.get_finding_recommendation, "ResourceNotFoundException", analyzerArn=made, id=name)
    reads = [event for event in platform.events(EventName="GetAccountAuthorizationDetails") 
             if "/AWSServiceRoleForAccessAnalyzer/" in event["userIdentity"].get("arn", "")]
    assert reads and all("errorCode" not in event for event in reads)
    analyzer.delete_analyzer(analyzerName="idle")
