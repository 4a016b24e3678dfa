"""Access that nobody uses, found on a platform whose first day was two days ago; and what to do about it."""

import json
import pathlib
import shutil
import subprocess

import pytest

from harness.platform import Platform
from support import eventually, refused, trust

ACCOUNT = "000000000000"
DAYS = 2
CLOCK = pathlib.Path(__file__).resolve().parents[1] / "harness" / "shifted_clock.c"


def document(actions):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


@pytest.fixture
def aged(tmp_path, monkeypatch):
    """A platform with a role and two users that were made two days ago, by the `aws` CLI of that day."""
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler to shift the clock with")
    library = tmp_path / "shifted_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(CLOCK), "-ldl"], check=True)
    made = Platform(tmp_path / "aged")
    with monkeypatch.context() as then:
        then.setenv("LD_PRELOAD", str(library))
        then.setenv("SHIFTED_CLOCK_SECS", str(-DAYS * 86_400))
        made.start()

        def aws(*arguments):
            told = made.aws(*arguments)
            assert told.returncode == 0, told.stderr
            return json.loads(told.stdout) if told.stdout.strip() else None

        aws("iam", "create-role", "--role-name", "idle", "--assume-role-policy-document", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
        aws("iam", "create-role", "--role-name", "spared", "--assume-role-policy-document", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "--tags", "Key=team,Value=ops")
        aws("iam", "create-user", "--user-name", "idle")
        made.idle_key = aws("iam", "create-access-key", "--user-name", "idle")["AccessKey"]["AccessKeyId"]
        aws("iam", "create-login-profile", "--user-name", "idle", "--password", "Correct-horse-1-battery")
        aws("iam", "create-user", "--user-name", "busy")
        aws("iam", "put-user-policy", "--user-name", "busy", "--policy-name", "wide", "--policy-document", document(["s3:ListAllMyBuckets", "s3:CreateBucket", "sqs:*"]))
        aws("iam", "attach-user-policy", "--user-name", "busy", "--policy-arn", "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess")
        key = aws("iam", "create-access-key", "--user-name", "busy")["AccessKey"]
        made.busy = (key["AccessKeyId"], key["SecretAccessKey"])
        made.stop()
    made.start()
    yield made
    made.kill()


def test_unused_access_is_found_and_a_tighter_policy_recommended(platform, aged):
    aged.client("s3", *aged.busy).list_buckets()
    analyzer = aged.client("accessanalyzer")
    exclusions = [{"resourceTags": [{"team": "ops"}]}]
    arn = analyzer.create_analyzer(analyzerName="idle", type="ACCOUNT_UNUSED_ACCESS", configuration={"unusedAccess": {"unusedAccessAge": 1, "analysisRule": {"exclusions": exclusions}}})["arn"]
    found = eventually(lambda: analyzer.list_findings_v2(analyzerArn=arn)["findings"])
    told = {(one["findingType"], one["resource"].rsplit(":", 1)[1]) for one in found}
    assert told == {("UnusedIAMRole", "role/idle"), ("UnusedIAMUserAccessKey", "user/idle"), ("UnusedIAMUserPassword", "user/idle"), ("UnusedPermission", "user/busy")}
    ids = {one["findingType"]: one["id"] for one in found}
    key = analyzer.get_finding_v2(analyzerArn=arn, id=ids["UnusedIAMUserAccessKey"])["findingDetails"][0]["unusedIamUserAccessKeyDetails"]
    assert key["accessKeyId"] == aged.idle_key and "lastAccessed" not in key
    details = [one["unusedPermissionDetails"] for one in analyzer.get_finding_v2(analyzerArn=arn, id=ids["UnusedPermission"])["findingDetails"]]
    services = {one["serviceNamespace"]: [action["action"] for action in one.get("actions", [])] for one in details}
    assert services["s3"] == ["s3:CreateBucket"] and services["sqs"] == [] and services["dynamodb"] == []

    finding = {"analyzerArn": arn, "id": ids["UnusedPermission"]}
    analyzer.generate_finding_recommendation(**finding)
    advice = analyzer.get_finding_recommendation(**finding)
    assert (advice["status"], advice["resourceArn"]) == ("SUCCEEDED", f"arn:aws:iam::{ACCOUNT}:user/busy")
    steps = [one["unusedPermissionsRecommendedStep"] for one in advice["recommendedSteps"]]
    create = [one for one in steps if one["recommendedAction"] == "CREATE_POLICY"]
    assert [one["existingPolicyId"] for one in create] == ["wide"]
    tighter = json.loads(create[0]["recommendedPolicy"])
    assert tighter["Statement"] == [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]
    assert {one["existingPolicyId"] for one in steps if one["recommendedAction"] == "DETACH_POLICY"} == {"wide", "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"}

    # Taken, the advice leaves what was used, and ends the finding at the next look.
    iam = aged.client("iam")
    iam.put_user_policy(UserName="busy", PolicyName="wide", PolicyDocument=json.dumps(tighter))
    iam.detach_user_policy(UserName="busy", PolicyArn="arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess")
    aged.client("s3", *aged.busy).list_buckets()
    refused(aged.client("s3", *aged.busy).create_bucket, "AccessDenied", Bucket="not-any-more")
    analyzer.update_analyzer(analyzerName="idle", configuration={"unusedAccess": {"analysisRule": {"exclusions": exclusions}}})
    eventually(lambda: analyzer.get_finding_v2(analyzerArn=arn, id=ids["UnusedPermission"])["status"] == "RESOLVED")
    platform.driven_elsewhere |= {"GenerateFindingRecommendation", "GetFindingRecommendation"}
