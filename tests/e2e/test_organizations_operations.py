"""Every operation of organizations, driven by unmodified boto3 and the `aws` CLI, and what its policies do to calls."""

import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import requests

from support import listed, refused, trust

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def org(platform):
    """The administrator's client; the organization is made once, and goes with the last test of this file."""
    client = platform.client("organizations")
    made = client.create_organization(FeatureSet="ALL")["Organization"]
    assert made["Id"].startswith("o-") and made["MasterAccountId"] == "000000000000"
    return client


@pytest.fixture(scope="module")
def root(org):
    return org.list_roots()["Roots"][0]["Id"]


@pytest.fixture(scope="module")
def courier(platform, org):
    """The sts client of a user of the management account that may assume any role."""
    return platform.client("sts", *platform.user("org-courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))


@pytest.fixture
def member(org, courier, name):
    """A new account: its id, and how to get a client of its administrator."""
    status = org.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED", status
    return status["AccountId"]


@pytest.fixture
def inside(platform, courier):
    def client(account, service, role="OrganizationAccountAccessRole", sts=None):
        arn = f"arn:aws:iam::{account}:role/{role}"
        made = (sts or courier).assume_role(RoleArn=arn, RoleSessionName="admin")["Credentials"]
        return platform.client(service, made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    return client


def test_the_organization_has_a_tree(org, root, name):
    described = org.describe_organization()["Organization"]
    assert described["Arn"] == f"arn:aws:organizations::000000000000:organization/{described['Id']}"
    refused(org.create_organization, "AlreadyInOrganizationException")
    unit = org.create_organizational_unit(ParentId=root, Name=name, Tags=[{"Key": "k", "Value": "v"}])["OrganizationalUnit"]
    assert unit["Arn"] == f"arn:aws:organizations::000000000000:ou/{described['Id']}/{unit['Id']}"
    refused(org.create_organizational_unit, "DuplicateOrganizationalUnitException", ParentId=root, Name=name)
    org.update_organizational_unit(OrganizationalUnitId=unit["Id"], Name=name + "-2")
    assert org.describe_organizational_unit(OrganizationalUnitId=unit["Id"])["OrganizationalUnit"]["Name"] == name + "-2"
    below = org.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    assert unit["Id"] in [one["Id"] for one in below]
    assert org.list_parents(ChildId=unit["Id"])["Parents"] == [{"Id": root, "Type": "ROOT"}]
    children = org.list_children(ParentId=root, ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert {"Id": unit["Id"], "Type": "ORGANIZATIONAL_UNIT"} in children
    org.tag_resource(ResourceId=unit["Id"], Tags=[{"Key": "team", "Value": "red"}])
    org.untag_resource(ResourceId=unit["Id"], TagKeys=["k"])
    assert org.list_tags_for_resource(ResourceId=unit["Id"])["Tags"] == [{"Key": "team", "Value": "red"}]
    org.delete_organizational_unit(OrganizationalUnitId=unit["Id"])
    refused(org.describe_organizational_unit, "OrganizationalUnitNotFoundException", OrganizationalUnitId=unit["Id"])


def test_an_account_is_a_tenant_of_its_own(platform, org, root, member, inside, name):
    created = org.list_create_account_status(States=["SUCCEEDED"])["CreateAccountStatuses"]
    mine = next(one for one in created if one.get("AccountId") == member)
    assert org.describe_create_account_status(CreateAccountRequestId=mine["Id"])["CreateAccountStatus"]["AccountId"] == member
    account = org.describe_account(AccountId=member)["Account"]
    assert (account["Name"], account["Email"], account["JoinedMethod"]) == (name, f"{name}@example.com", "CREATED")
    assert member in [one["Id"] for one in org.list_accounts()["Accounts"]]
    who = inside(member, "sts").get_caller_identity()
    assert who["Account"] == member and who["Arn"] == f"arn:aws:sts::{member}:assumed-role/OrganizationAccountAccessRole/admin"
    # The same name in two accounts is two things, and neither is seen from the other.
    theirs, ours = inside(member, "dynamodb"), platform.client("dynamodb")
    shape = {"TableName": name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
             "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
    theirs.create_table(**shape)
    assert name not in listed(ours, "list_tables", "TableNames")
    refused(ours.describe_table, "ResourceNotFoundException", TableName=name)
    ours.create_table(**shape)
    theirs.put_item(TableName=name, Item={"id": {"S": "theirs"}})
    assert ours.scan(TableName=name)["Items"] == []
    assert [user["UserName"] for user in inside(member, "iam").list_users()["Users"]] == []
    # Nobody else gets in: the role trusts the management account, and a user needs leave there.
    nobody = platform.client("sts", *platform.user(name))
    refused(nobody.assume_role, "AccessDenied", RoleArn=f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole", RoleSessionName="xx")
    shown = platform.aws("organizations", "describe-account", "--account-id", member, "--output", "json")
    assert json.loads(shown.stdout)["Account"]["Id"] == member, shown.stderr
    unit = org.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
    org.move_account(AccountId=member, SourceParentId=root, DestinationParentId=unit)
    assert [one["Id"] for one in org.list_accounts_for_parent(ParentId=unit)["Accounts"]] == [member]
    org.move_account(AccountId=member, SourceParentId=unit, DestinationParentId=root)


def test_a_call_across_accounts_stands_in_both_trails(platform, courier, member, inside):
    """The owner of a role learns who assumed it: whose principal, and no more of it."""
    trail = inside(member, "cloudtrail")
    theirs = [json.loads(event["CloudTrailEvent"]) for event in trail.lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AssumeRole"}])["Events"]]
    assert theirs and all(record["recipientAccountId"] == member for record in theirs)
    identity = theirs[0]["userIdentity"]
    assert (identity["type"], identity["accountId"]) == ("AWSAccount", "000000000000") and "arn" not in identity
    ours = [record for record in platform.events(EventName="AssumeRole") if record.get("sharedEventID") == theirs[0]["sharedEventID"]]
    assert len(ours) == 1 and ours[0]["userIdentity"]["userName"] == "org-courier" and ours[0]["eventID"] != theirs[0]["eventID"]


def test_a_service_control_policy_binds_the_next_call(platform, org, root, member, inside):
    if not org.list_roots()["Roots"][0]["PolicyTypes"]:
        assert org.enable_policy_type(RootId=root, PolicyType=SCP)["Root"]["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    made = org.create_policy(Name=f"no-users-{member}", Description="d", Type=SCP,
                             Content=document(Effect="Deny", Action="iam:ListUsers", Resource="*"))["Policy"]
    policy = made["PolicySummary"]["Id"]
    iam = inside(member, "iam")
    assert iam.list_users()["Users"] == []
    org.attach_policy(PolicyId=policy, TargetId=member)
    message = refused(iam.list_users, "AccessDenied")
    assert message.endswith(f"with an explicit deny in a service control policy: {made['PolicySummary']['Arn']}"), message
    assert platform.client("iam").list_users()["Users"], "the management account is not bound"
    org.update_policy(PolicyId=policy, Content=document(Effect="Deny", Action="iam:ListRoles", Resource="*"))
    assert iam.list_users()["Users"] == []
    refused(iam.list_roles, "AccessDenied")
    assert [one["TargetId"] for one in org.list_targets_for_policy(PolicyId=policy)["Targets"]] == [member]
    attached = {one["Id"] for one in org.list_policies_for_target(TargetId=member, Filter=SCP)["Policies"]}
    assert attached == {"p-FullAWSAccess", policy}
    assert policy in {one["Id"] for one in org.list_policies(Filter=SCP)["Policies"]}
    refused(org.delete_policy, "PolicyInUseException", PolicyId=policy)
    org.detach_policy(PolicyId=policy, TargetId=member)
    assert iam.list_roles()["Roles"]
    assert json.loads(org.describe_policy(PolicyId="p-FullAWSAccess")["Policy"]["Content"])["Statement"]
    org.delete_policy(PolicyId=policy)


def bound(org, root, member, **statement):
    """A service control policy with this one statement, attached to the account."""
    if not any(each["Type"] == SCP for each in org.list_roots()["Roots"][0]["PolicyTypes"]):
        org.enable_policy_type(RootId=root, PolicyType=SCP)
    policy = org.create_policy(Name=f"bound-{member}", Description="", Type=SCP, Content=document(**statement))["Policy"]["PolicySummary"]["Id"]
    org.attach_policy(PolicyId=policy, TargetId=member)
    return policy


def test_the_simulator_says_what_control_policies_do(platform, org, root, member, inside, name):
    policy = bound(org, root, member, Effect="Deny", Action=["iam:ListUsers", "s3:*"], Resource="*")
    iam = inside(member, "iam")
    user = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(Effect="Allow", Action="iam:List*", Resource="*"))

    def simulated(client, source):
        asked = client.simulate_principal_policy(PolicySourceArn=source, ActionNames=["iam:ListUsers", "iam:ListRoles", "s3:GetObject", "dynamodb:GetItem"])
        return {each["EvalActionName"]: (each["EvalDecision"], each.get("OrganizationsDecisionDetail")) for each in asked["EvaluationResults"]}

    refused_by, left_to = {"AllowedByOrganizations": False}, {"AllowedByOrganizations": True}
    assert simulated(iam, user) == {"iam:ListUsers": ("explicitDeny", refused_by), "iam:ListRoles": ("allowed", left_to),
                                    "s3:GetObject": ("explicitDeny", refused_by), "dynamodb:GetItem": ("implicitDeny", left_to)}
    # Only what is left: an allow list that lacks an action denies it implicitly.
    org.update_policy(PolicyId=policy, Content=document(Effect="Allow", Action="iam:*", Resource="*"))
    org.detach_policy(PolicyId="p-FullAWSAccess", TargetId=member)
    assert simulated(iam, user)["s3:GetObject"] == ("implicitDeny", refused_by)
    assert simulated(iam, user)["iam:ListUsers"] == ("allowed", left_to)
    org.attach_policy(PolicyId="p-FullAWSAccess", TargetId=member)
    org.detach_policy(PolicyId=policy, TargetId=member)
    org.delete_policy(PolicyId=policy)
    assert simulated(iam, user)["iam:ListUsers"] == ("allowed", left_to)
    # The account that manages the organization is bound by nothing.
    ours = platform.client("iam")
    mine = ours.create_user(UserName=name)["User"]["Arn"]
    assert simulated(ours, mine)["iam:ListUsers"] == ("implicitDeny", None)


def test_a_control_policy_binds_callers_of_a_gateway(platform, org, root, member, courier, inside, name):
    gateway = inside(member, "apigateway")
    api = gateway.create_rest_api(name=name)["id"]
    at = {"restApiId": api, "resourceId": gateway.get_resources(restApiId=api)["items"][0]["id"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="AWS_IAM")
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_integration_response(**at, statusCode="200")
    gateway.create_deployment(restApiId=api, stageName="prod")
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    made = courier.assume_role(RoleArn=role, RoleSessionName="caller")["Credentials"]
    credentials = botocore.credentials.Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def call():
        request = botocore.awsrequest.AWSRequest("GET", f"{platform.endpoint}/_aws/execute-api/{api}/prod/")
        botocore.auth.SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
        return requests.get(request.url, headers=dict(request.headers.items()), timeout=30)

    assert call().status_code == 200
    policy = bound(org, root, member, Effect="Deny", Action="execute-api:Invoke", Resource="*")
    denied = call()
    assert denied.status_code == 403 and "with an explicit deny in a service control policy\"" in denied.text, denied.text
    org.update_policy(PolicyId=policy, Content=document(Effect="Allow", Action=["apigateway:*", "sts:*"], Resource="*"))
    org.detach_policy(PolicyId="p-FullAWSAccess", TargetId=member)
    denied = call()
    assert denied.status_code == 403 and "explicit" not in denied.text, denied.text
    org.attach_policy(PolicyId="p-FullAWSAccess", TargetId=member)
    org.detach_policy(PolicyId=policy, TargetId=member)
    org.delete_policy(PolicyId=policy)
    assert call().status_code == 200


def test_a_resource_control_policy_guards_the_roles_of_members(platform, org, root, member, inside, courier):
    org.enable_policy_type(RootId=root, PolicyType=RCP)
    deny = document(Effect="Deny", Principal="*", Action="sts:AssumeRole", Resource="*",
                    Condition={"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::000000000000:user/org-other*"}})
    made = org.create_policy(Name=f"guard-{member}", Description="", Type=RCP, Content=deny)["Policy"]["PolicySummary"]
    policy = made["Id"]
    inside(member, "sts").get_caller_identity()
    org.attach_policy(PolicyId=policy, TargetId=member)
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    message = refused(courier.assume_role, "AccessDenied", RoleArn=role, RoleSessionName="xx")
    assert message.endswith(f"with an explicit deny in a resource control policy: {made['Arn']}"), message
    other = platform.client("sts", *platform.user(f"org-other-{member}", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    assert other.assume_role(RoleArn=role, RoleSessionName="xx")["Credentials"]
    refused(org.create_policy, "MalformedPolicyDocumentException", Name="x", Description="", Type=RCP,
            Content=document(Effect="Allow", Principal="*", Action="sts:*", Resource="*"))
    org.disable_policy_type(RootId=root, PolicyType=RCP)
    inside(member, "sts").get_caller_identity()
    org.delete_policy(PolicyId=policy)


def test_the_organization_is_a_condition_key_of_trust(platform, org, member, inside):
    """A role of the management account that trusts whoever belongs to the organization."""
    id = org.describe_organization()["Organization"]["Id"]
    iam, theirs = platform.client("iam"), inside(member, "sts")
    for organization, trusted in ((id, True), ("o-0000000000", False)):
        name = f"org-{member}-{trusted}"
        statement = json.loads(trust({"AWS": "*"}))["Statement"][0]
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organization}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        arn = f"arn:aws:iam::000000000000:role/{name}"
        if trusted:
            assert theirs.assume_role(RoleArn=arn, RoleSessionName="xx")["Credentials"]
        else:
            refused(theirs.assume_role, "AccessDenied", RoleArn=arn, RoleSessionName="xx")


def test_services_are_trusted_and_administered_by_members(org, member, inside):
    service = "access-analyzer.amazonaws.com"
    for call, reason, arguments in ((org.register_delegated_administrator, "SERVICE_ACCESS_NOT_ENABLED", {"AccountId": member, "ServicePrincipal": service}),
                                    (org.enable_aws_service_access, "UNRECOGNIZED_SERVICE_PRINCIPAL", {"ServicePrincipal": "nonsense.amazonaws.com"}),
                                    (org.tag_resource, "INVALID_PATTERN", {"ResourceId": "zz", "Tags": []}),
                                    (org.create_account, "INVALID_ROLE_NAME", {"AccountName": "x", "Email": "x@example.com", "RoleName": "AWSServiceRoleForX"})):
        with pytest.raises((org.exceptions.ConstraintViolationException, org.exceptions.InvalidInputException)) as caught:
            call(**arguments)
        assert caught.value.response["Reason"] == reason
    org.enable_aws_service_access(ServicePrincipal=service)
    enabled = org.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [one["ServicePrincipal"] for one in enabled] == [service]
    theirs = inside(member, "organizations")
    refused(theirs.list_accounts, "AccessDeniedException")
    org.register_delegated_administrator(AccountId=member, ServicePrincipal=service)
    assert member in [one["Id"] for one in theirs.list_accounts()["Accounts"]]
    refused(theirs.create_account, "AccessDeniedException", AccountName="x", Email="x@example.com")
    assert [one["Id"] for one in org.list_delegated_administrators(ServicePrincipal=service)["DelegatedAdministrators"]] == [member]
    assert [one["ServicePrincipal"] for one in org.list_delegated_services_for_account(AccountId=member)["DelegatedServices"]] == [service]
    org.deregister_delegated_administrator(AccountId=member, ServicePrincipal=service)
    org.disable_aws_service_access(ServicePrincipal=service)
    refused(theirs.list_accounts, "AccessDeniedException")


def test_a_closed_account_is_closed_for_everybody(platform, org, member, inside, courier):
    iam, sts, table = inside(member, "iam"), inside(member, "sts"), inside(member, "dynamodb")
    iam.create_user(UserName="left")
    made = iam.create_access_key(UserName="left")["AccessKey"]
    left = platform.client("sts", made["AccessKeyId"], made["SecretAccessKey"])
    iam.create_role(RoleName="open", AssumeRolePolicyDocument=trust({"AWS": "000000000000"}))
    arn = f"arn:aws:iam::{member}:role/open"
    assert left.get_caller_identity()["Account"] == member and courier.assume_role(RoleArn=arn, RoleSessionName="ss")
    bucket = f"closed-{member}"
    s3 = inside(member, "s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=document(Effect="Allow", Principal={"AWS": "000000000000"}, Action="s3:GetObject", Resource=f"arn:aws:s3:::{bucket}/*"))
    ours = platform.client("s3", *platform.user(f"reader-{member}", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
    assert ours.get_object(Bucket=bucket, Key="k")
    refused(org.close_account, "ConstraintViolationException", AccountId="000000000000")
    refused(org.close_account, "AccountNotFoundException", AccountId="999999999999")
    refused(inside(member, "organizations").close_account, "AccessDeniedException", AccountId=member)
    org.close_account(AccountId=member)
    for call in (left.get_caller_identity, sts.get_caller_identity, iam.list_users):
        refused(call, "InvalidClientTokenId")
    refused(table.list_tables, "UnrecognizedClientException")
    message = refused(courier.assume_role, "AccessDenied", RoleArn=arn, RoleSessionName="ss")
    assert message.endswith("because no role trust policy allows the sts:AssumeRole action"), message
    refused(ours.get_object, "AccessDenied", Bucket=bucket, Key="k")
    assert org.describe_account(AccountId=member)["Account"]["Status"] == "SUSPENDED"
    refused(org.close_account, "AccountAlreadyClosedException", AccountId=member)


def test_the_use_of_services_in_a_part_of_the_organization_is_reported(platform, org, root, member, inside):
    iam, id = platform.client("iam"), org.describe_organization()["Organization"]["Id"]
    inside(member, "dynamodb").list_tables()
    if not any(each["Type"] == SCP for each in org.list_roots()["Roots"][0]["PolicyTypes"]):
        org.enable_policy_type(RootId=root, PolicyType=SCP)
    policy = bound(org, root, member, Effect="Deny", Action="s3:*", Resource="*")
    path = f"{id}/{root}/{member}"

    def report(path, **more):
        job = iam.generate_organizations_access_report(EntityPath=path, **more)["JobId"]
        return iam.get_organizations_access_report(JobId=job, SortKey="LAST_AUTHENTICATED_TIME_DESCENDING")

    own = report(path)
    assert own["JobStatus"] == "COMPLETED" and own["NumberOfServicesAccessible"] == len(own["AccessDetails"])
    details = {one["ServiceNamespace"]: one for one in own["AccessDetails"]}
    assert details["dynamodb"]["EntityPath"] == path and details["dynamodb"]["TotalAuthenticatedEntities"] == 1
    assert "LastAuthenticatedTime" not in details["lambda"] and own["NumberOfServicesNotAccessed"] >= 1
    assert {one["ServiceNamespace"] for one in report(path, OrganizationsPolicyId="p-FullAWSAccess")["AccessDetails"]} >= {"dynamodb", "s3"}
    assert report(path, OrganizationsPolicyId=policy)["AccessDetails"] == [], "it allows nothing"
    everywhere = {one["ServiceNamespace"]: one for one in report(f"{id}/{root}")["AccessDetails"]}
    assert everywhere["iam"]["TotalAuthenticatedEntities"] >= 1
    for wrong in (f"{id}/{root}/999999999999", f"{id}/r-zzzz", f"o-0000000000/{root}"):
        refused(iam.generate_organizations_access_report, "InvalidInput", EntityPath=wrong)
    refused(inside(member, "iam").generate_organizations_access_report, "AccessDenied", EntityPath=path)
    refused(iam.get_organizations_access_report, "NoSuchEntity", JobId="01234567-89ab-cdef-0123-456789abcdef")
    org.detach_policy(PolicyId=policy, TargetId=member)
    org.delete_policy(PolicyId=policy)


def test_members_leave_and_are_let_go(platform, org, member, inside, name):
    other = org.create_account(AccountName=name + "-2", Email=f"{name}-2@example.com")["CreateAccountStatus"]["AccountId"]
    refused(org.leave_organization, "MasterCannotLeaveOrganizationException")
    inside(other, "organizations").leave_organization()
    events = inside(other, "cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "LeaveOrganization"}])
    assert len(events["Events"]) == 1, "the record stands in the trail of the account that left"
    platform.driven_elsewhere.add("LeaveOrganization")
    refused(inside(other, "organizations").describe_organization, "AWSOrganizationsNotInUseException")
    org.remove_account_from_organization(AccountId=member)
    refused(org.describe_account, "AccountNotFoundException", AccountId=member)


def test_the_organization_ends_when_its_members_are_gone(org):
    refused(org.delete_organization, "OrganizationNotEmptyException")
    for page in org.get_paginator("list_accounts").paginate():
        for account in page["Accounts"]:
            if account["JoinedMethod"] == "CREATED":
                org.remove_account_from_organization(AccountId=account["Id"])
    org.delete_organization()
    refused(org.describe_organization, "AWSOrganizationsNotInUseException")
