"""The policy simulator beside an organization: what it takes into account is what AWS's does.

https://docs.aws.amazon.com/cli/latest/reference/iam/simulate-principal-policy.html
"""

import json

import botocore.exceptions
import pytest

from harness.platform import Platform


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A platform of its own: an organization is there once."""
    with Platform(tmp_path_factory.mktemp("simulator")) as platform:
        yield platform


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_service_control_policies_count_and_resource_control_policies_do_not(own):
    organizations = own.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        organizations.enable_policy_type(RootId=root, PolicyType=kind)
    account = organizations.create_account(AccountName="member", Email="m@example.com")["CreateAccountStatus"]["AccountId"]
    courier = own.client("sts", *own.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    made = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="xx")["Credentials"]
    keys = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    iam = own.client("iam", *keys)
    iam.create_user(UserName="ana")
    iam.put_user_policy(UserName="ana", PolicyName="all", PolicyDocument=document({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}))
    ana = iam.create_access_key(UserName="ana")["AccessKey"]
    table = f"arn:aws:dynamodb:us-east-1:{account}:table/items"

    def attach(kind, statement):
        made = organizations.create_policy(Name=kind[:3], Description="", Type=kind, Content=document(statement))
        organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=account)

    def simulated(action):
        answer = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{account}:user/ana", ActionNames=[action], ResourceArns=[table])
        return answer["EvaluationResults"][0]

    def real(call, **arguments):
        client = own.client("dynamodb", ana["AccessKeyId"], ana["SecretAccessKey"])
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(client, call)(TableName="items", **arguments)
        return caught.value.response["Error"]

    attach("SERVICE_CONTROL_POLICY", {"Effect": "Deny", "Action": "dynamodb:DeleteTable", "Resource": "*"})
    attach("RESOURCE_CONTROL_POLICY", {"Effect": "Deny", "Principal": "*", "Action": "dynamodb:Scan", "Resource": "*"})
    denied = simulated("dynamodb:DeleteTable")
    assert denied["EvalDecision"] == "explicitDeny" and denied["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    assert "explicit deny in a service control policy" in real("delete_table")["Message"]
    # The simulator knows nothing of resource control policies, which guard the real call.
    allowed = simulated("dynamodb:Scan")
    assert allowed["EvalDecision"] == "allowed" and allowed["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    assert "explicit deny in a resource control policy" in real("scan")["Message"]
    assert simulated("dynamodb:GetItem")["EvalDecision"] == "allowed"
    assert real("get_item", Key={"k": {"S": "x"}})["Code"] == "ResourceNotFoundException"
