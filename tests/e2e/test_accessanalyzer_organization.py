"""An organization as the zone of trust: its members are inside, everybody else is not. On a platform of its own."""

import json

import pytest

from harness.platform import Platform
from support import eventually, refused, trust

STRANGER = "222222222222"
SERVICE = "access-analyzer.amazonaws.com"


@pytest.fixture
def own(tmp_path):
    with Platform(tmp_path / "organization") as made:
        yield made


def test_members_are_inside_and_others_are_not(own):
    org, analyzer, iam = (own.client(service) for service in ("organizations", "accessanalyzer", "iam"))
    refused(analyzer.create_analyzer, "ValidationException", analyzerName="all", type="ORGANIZATION")
    org.create_organization(FeatureSet="ALL")
    assert "rusted access" in refused(analyzer.create_analyzer, "ValidationException", analyzerName="all", type="ORGANIZATION")
    org.enable_aws_service_access(ServicePrincipal=SERVICE)
    member = org.create_account(AccountName="member", Email="member@example.com")["CreateAccountStatus"]["AccountId"]
    courier = own.client("sts", *own.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    keys = courier.assume_role(RoleArn=f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole", RoleSessionName="admin")["Credentials"]
    inside = own.client("iam", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    management = "000000000000"
    for name, principal in (("friendly", management), ("open", STRANGER)):
        inside.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{principal}:root"}))
    iam.create_role(RoleName="to-member", AssumeRolePolicyDocument=trust({"AWS": member}))

    everywhere = analyzer.create_analyzer(analyzerName="all", type="ORGANIZATION")["arn"]
    found = eventually(lambda: analyzer.list_findings(analyzerArn=everywhere)["findings"])
    assert [(one["resource"], one["resourceOwnerAccount"], one["principal"]) for one in found] == [(f"arn:aws:iam::{member}:role/open", member, {"AWS": STRANGER})]
    alone = analyzer.create_analyzer(analyzerName="own", type="ACCOUNT")["arn"]
    own_findings = eventually(lambda: analyzer.list_findings(analyzerArn=alone)["findings"])
    assert [one["principal"] for one in own_findings] == [{"AWS": member}], "to an account alone, another member is outside"

    # A resource control policy that is about the resource's service is told of.
    root, rcp = org.list_roots()["Roots"][0]["Id"], "RESOURCE_CONTROL_POLICY"
    org.enable_policy_type(RootId=root, PolicyType=rcp)
    restriction = lambda: analyzer.list_findings(analyzerArn=everywhere)["findings"][0]["resourceControlPolicyRestriction"]
    assert restriction() == "NOT_APPLICABLE"
    for action, expected in (("s3:DeleteObject", "NOT_APPLICABLE"), ("sts:*", "APPLICABLE")):
        denial = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": STRANGER}}}
        made = org.create_policy(Name=expected.lower(), Description="", Type=rcp, Content=json.dumps({"Version": "2012-10-17", "Statement": [denial]}))["Policy"]["PolicySummary"]["Id"]
        org.attach_policy(PolicyId=made, TargetId=root)
        eventually(lambda: restriction() == expected)

    # A change in the member is seen, and an account that is new is looked into.
    inside.update_assume_role_policy(RoleName="open", PolicyDocument=trust({"AWS": management}))
    eventually(lambda: analyzer.list_findings(analyzerArn=everywhere)["findings"][0]["status"] == "RESOLVED")
    second = org.create_account(AccountName="second", Email="second@example.com")["CreateAccountStatus"]["AccountId"]
    listed = lambda: {one["resourceOwnerAccount"] for one in analyzer.list_analyzed_resources(analyzerArn=everywhere)["analyzedResources"]}
    eventually(lambda: second in listed())
    made = inside.get_role(RoleName="AWSServiceRoleForAccessAnalyzer")["Role"]
    assert made["Path"] == f"/aws-service-role/{SERVICE}/"
    trail = own.client("cloudtrail", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateServiceLinkedRole"}])["Events"]
    assert len(events) == 1, "the role's making is in the member's trail"

    # The member sees nothing of it.
    foreign = own.client("accessanalyzer", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    refused(foreign.list_findings_v2, "AccessDeniedException", analyzerArn=everywhere)
    assert foreign.list_analyzers()["analyzers"] == []
    refused(foreign.create_analyzer, "ValidationException", analyzerName="mine", type="ORGANIZATION")

    org.disable_aws_service_access(ServicePrincipal=SERVICE)
    shown = analyzer.get_analyzer(analyzerName="all")["analyzer"]
    assert (shown["status"], shown["statusReason"]["code"]) == ("DISABLED", "AWS_SERVICE_ACCESS_DISABLED")
