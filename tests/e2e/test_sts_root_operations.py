"""Centralized root access: the administrators of an organization in the place of a member's root user, for one task."""

import json
import time

import pytest

from harness.platform import Platform
from support import refused

TASKS = "arn:aws:iam::aws:policy/root-task/"
FEATURES = ["RootCredentialsManagement", "RootSessions"]
SWITCHES = ("EnableOrganizationsRootCredentialsManagement", "EnableOrganizationsRootSessions", "ListOrganizationsFeatures",
            "DisableOrganizationsRootCredentialsManagement", "DisableOrganizationsRootSessions")


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def own(tmp_path_factory, platform):
    """A platform of its own: what an organization's owner switches on is there for the whole organization."""
    with Platform(tmp_path_factory.mktemp("root-access")) as made:
        yield made
        platform.driven_elsewhere.update((*SWITCHES, "AssumeRoot"))


@pytest.fixture(scope="module")
def org(own):
    client = own.client("organizations")
    client.create_organization(FeatureSet="ALL")
    return client


@pytest.fixture(scope="module")
def members(org):
    make = lambda name: org.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]["AccountId"]
    return [make("one"), make("two")]


@pytest.fixture(scope="module")
def officer(own):
    """A user of the management account who may act in the place of root users, and assume roles."""
    return own.client("sts", *own.user("officer", {"Effect": "Allow", "Action": ["sts:AssumeRoot", "sts:AssumeRole"], "Resource": "*"}))


def keys(made):
    made = made["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


@pytest.fixture(scope="module")
def inside(own, officer):
    """A client of the administrator of a member."""
    def client(account, service):
        arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        return own.client(service, *keys(officer.assume_role(RoleArn=arn, RoleSessionName="admin")))
    return client


@pytest.fixture(scope="module")
def as_root(own, officer):
    """A client of a member's root user, for one task."""
    def client(account, task, service, sts=None, **more):
        return own.client(service, *keys((sts or officer).assume_root(TargetPrincipal=account, TaskPolicyArn={"arn": TASKS + task}, **more)))
    return client


@pytest.fixture(scope="module")
def enabled(own, org):
    iam = own.client("iam")
    org.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    iam.enable_organizations_root_credentials_management()
    iam.enable_organizations_root_sessions()
    return iam


def test_it_is_off_until_the_owner_switches_it_on(own, org, members, officer, inside):
    iam, target = own.client("iam"), {"TargetPrincipal": members[0], "TaskPolicyArn": {"arn": TASKS + "S3UnlockBucketPolicy"}}
    sample = "AccessDenied"
    for call in (iam.enable_organizations_root_sessions, iam.list_organizations_features):
        refused(call, "ServiceAccessNotEnabledException")
    refused(officer.assume_root, sample, **target)
    org.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    id = org.describe_organization()["Organization"]["Id"]
    assert iam.list_organizations_features() | {"ResponseMetadata": 0} == {"OrganizationId": id, "EnabledFeatures": [], "ResponseMetadata": 0}
    refused(officer.assume_root, sample, **target)
    assert iam.enable_organizations_root_credentials_management()["EnabledFeatures"] == FEATURES[:1]
    refused(officer.assume_root, sample, **target)
    assert iam.enable_organizations_root_sessions()["EnabledFeatures"] == FEATURES
    assert officer.assume_root(**target)["Credentials"]["AccessKeyId"].startswith("ASIA")
    # A member switches nothing, and sees nothing of it.
    theirs = inside(members[0], "iam")
    for call in (theirs.enable_organizations_root_sessions, theirs.disable_organizations_root_sessions, theirs.list_organizations_features):
        refused(call, "AccountNotManagementOrDelegatedAdministratorException")
    assert iam.disable_organizations_root_sessions()["EnabledFeatures"] == FEATURES[:1]
    refused(officer.assume_root, sample, **target)
    assert iam.disable_organizations_root_credentials_management()["EnabledFeatures"] == []
    org.disable_aws_service_access(ServicePrincipal="iam.amazonaws.com")


def test_the_session_is_the_root_user_for_a_quarter_of_an_hour(own, enabled, members, officer):
    asked = int(time.time())
    made = officer.assume_root(TargetPrincipal=f"arn:aws:iam::{members[0]}:root", TaskPolicyArn={"arn": TASKS + "IAMAuditRootUserCredentials"}, DurationSeconds=600)
    answered = time.time()
    who = own.client("sts", *keys(made)).get_caller_identity()
    assert (who["Account"], who["Arn"], who["UserId"]) == (members[0], f"arn:aws:iam::{members[0]}:root", members[0])
    issued = next(one for one in own.events(EventName="AssumeRoot") if "errorCode" not in one)
    assert issued["requestParameters"]["targetPrincipal"] == f"arn:aws:iam::{members[0]}:root"
    assert asked <= made["Credentials"]["Expiration"].timestamp() - 600 <= answered
    refused(officer.assume_root, "ValidationError", TargetPrincipal=members[0], TaskPolicyArn={"arn": TASKS + "S3UnlockBucketPolicy"}, DurationSeconds=901)
    for arn in ("arn:aws:iam::aws:policy/AdministratorAccess", TASKS + "Everything", f"arn:aws:iam::{members[0]}:policy/root-task/S3UnlockBucketPolicy"):
        refused(officer.assume_root, "ValidationError", TargetPrincipal=members[0], TaskPolicyArn={"arn": arn})
    refused(officer.assume_root, "ValidationError", TargetPrincipal="arn:aws:iam::12:root", TaskPolicyArn={"arn": TASKS + "S3UnlockBucketPolicy"})


def test_a_bucket_that_locked_everybody_out_is_unlocked(own, enabled, members, inside, as_root):
    bucket, s3 = "locked-bucket", inside(members[0], "s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    nobody = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    s3.put_bucket_policy(Bucket=bucket, Policy=document(nobody), ConfirmRemoveSelfBucketAccess=True)
    for call in (s3.get_bucket_policy, s3.delete_bucket_policy, s3.list_objects_v2):
        refused(call, "AccessDenied", Bucket=bucket)
    unlocking = as_root(members[0], "S3UnlockBucketPolicy", "s3")
    assert bucket in [one["Name"] for one in unlocking.list_buckets()["Buckets"]]
    assert json.loads(unlocking.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"] == [nobody]
    # Of all else that a root user may, nothing is left.
    for call, more in ((unlocking.list_objects_v2, {}), (unlocking.get_object, {"Key": "k"}), (unlocking.delete_bucket, {})):
        refused(call, "AccessDenied", Bucket=bucket, **more)
    refused(as_root(members[0], "S3UnlockBucketPolicy", "iam").list_users, "AccessDenied")
    refused(as_root(members[0], "S3UnlockBucketPolicy", "sts").get_session_token, "AccessDenied")
    # Nor is another account's bucket in its reach.
    refused(as_root(members[1], "S3UnlockBucketPolicy", "s3").delete_bucket_policy, "AccessDenied", Bucket=bucket)
    unlocking.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"
    trail = inside(members[0], "cloudtrail")
    lookup = lambda name: [json.loads(one["CloudTrailEvent"]) for one in trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]]
    deleted = next(one for one in lookup("DeleteBucketPolicy") if "errorCode" not in one)["userIdentity"]
    assert (deleted["type"], deleted["arn"]) == ("Root", f"arn:aws:iam::{members[0]}:root")
    assert deleted["sessionContext"]["assumedRoot"] == "true"
    # The member learns that somebody of the management account was in its root user's place.
    assert {one["userIdentity"]["accountId"] for one in lookup("AssumeRoot")} == {"000000000000"}


def test_the_root_users_credentials_are_managed(enabled, members, as_root):
    audit, create, delete = (as_root(members[1], task, "iam") for task in ("IAMAuditRootUserCredentials", "IAMCreateRootUserPassword", "IAMDeleteRootUserCredentials"))
    present = lambda: audit.get_account_summary()["SummaryMap"]["AccountPasswordPresent"]
    assert audit.get_user()["User"]["Arn"] == f"arn:aws:iam::{members[1]}:root"
    assert audit.list_access_keys()["AccessKeyMetadata"] == [] and audit.list_mfa_devices()["MFADevices"] == []
    refused(audit.get_login_profile, "NoSuchEntity")
    assert present() == 0
    refused(audit.create_login_profile, "AccessDenied")
    assert "must be omitted" in refused(create.create_login_profile, "ValidationError", Password="Correct-Horse-9")
    made = create.create_login_profile()["LoginProfile"]
    assert audit.get_login_profile()["LoginProfile"] == made and present() == 1
    refused(create.create_login_profile, "EntityAlreadyExists")
    refused(create.delete_login_profile, "AccessDenied")
    refused(delete.create_access_key, "AccessDenied")
    delete.delete_login_profile()
    refused(delete.delete_login_profile, "NoSuchEntity")
    refused(delete.delete_access_key, "NoSuchEntity", AccessKeyId="AKIAQNZGKIQY56JQ7WML")
    refused(delete.deactivate_mfa_device, "NoSuchEntity", SerialNumber=f"arn:aws:iam::{members[1]}:mfa/none")
    assert present() == 0
    # Users are not root: the task's policy leaves them alone.
    for call in (audit.list_access_keys, audit.get_user, delete.delete_login_profile):
        refused(call, "AccessDenied", UserName="somebody")


def test_only_administrators_with_leave_are_let_in(own, org, enabled, members, officer, as_root, inside):
    root = own.client("sts")
    target = {"TargetPrincipal": members[1], "TaskPolicyArn": {"arn": TASKS + "IAMAuditRootUserCredentials"}}
    refused(root.assume_root, "AccessDenied", **target)
    nobody = own.client("sts", *own.user("nobody", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    missing = refused(nobody.assume_root, "AccessDenied", **target)
    assert "is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::" in missing
    one_task = own.client("sts", *own.user("one-task", {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": f"arn:aws:iam::{members[1]}:root",
                          "Condition": {"StringEquals": {"sts:TaskPolicyArn": TASKS + "IAMAuditRootUserCredentials"}}}))
    one_task.assume_root(**target)
    refused(one_task.assume_root, "AccessDenied", **{**target, "TargetPrincipal": members[0]})
    refused(one_task.assume_root, "AccessDenied", **{**target, "TaskPolicyArn": {"arn": TASKS + "S3UnlockBucketPolicy"}})
    # Neither is anybody above the management account, nor is there a way to an account outside or that is not there.
    for account in ("000000000000", "999999999999"):
        message = refused(officer.assume_root, "AccessDenied", **{**target, "TargetPrincipal": account})
        assert message.replace(f"{account}:root", "X") == refused(officer.assume_root, "AccessDenied", **{**target, "TargetPrincipal": "888888888888"}).replace("888888888888:root", "X")
    # A session in a root user's place begins no other.
    refused(as_root(members[0], "IAMAuditRootUserCredentials", "sts").assume_root, "AccessDenied", **target)
    # A member does it once it administers IAM for the organization.
    theirs = inside(members[0], "sts")
    refused(theirs.assume_root, "AccessDenied", **target)
    org.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    org.register_delegated_administrator(AccountId=members[0], ServicePrincipal="iam.amazonaws.com")
    assert as_root(members[1], "IAMAuditRootUserCredentials", "sts", sts=theirs).get_caller_identity()["Account"] == members[1]
    assert inside(members[0], "iam").list_organizations_features()["EnabledFeatures"] == FEATURES
    refused(inside(members[0], "iam").enable_organizations_root_sessions, "CallerIsNotManagementAccountException")
    org.deregister_delegated_administrator(AccountId=members[0], ServicePrincipal="iam.amazonaws.com")
    refused(theirs.assume_root, "AccessDenied", **target)


def test_control_policies_bind_it_and_can_let_it_through(own, org, enabled, members, as_root):
    root, scp = org.list_roots()["Roots"][0]["Id"], "SERVICE_CONTROL_POLICY"
    org.enable_policy_type(RootId=root, PolicyType=scp)
    no_root = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}}
    id = org.create_policy(Name="no-root", Description="", Type=scp, Content=document(no_root))["Policy"]["PolicySummary"]["Id"]
    audit = as_root(members[0], "IAMAuditRootUserCredentials", "iam")
    assert audit.get_user()
    org.attach_policy(PolicyId=id, TargetId=members[0])
    assert "service control policy" in refused(audit.get_user, "AccessDenied")
    no_root["Condition"]["Null"] = {"aws:AssumedRoot": "true"}
    org.update_policy(PolicyId=id, Content=document(no_root))
    assert audit.get_user()
    org.detach_policy(PolicyId=id, TargetId=members[0])
    org.delete_policy(PolicyId=id)
    org.disable_policy_type(RootId=root, PolicyType=scp)


def test_the_session_ends_with_the_leave_and_carries_who_began_it(own, org, enabled, members, as_root, name):
    iam = own.client("iam")
    statement = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(statement))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document({"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*"}))
    caller = own.client("sts", *own.user(name, {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}))
    named = own.client("sts", *keys(caller.assume_role(RoleArn=arn, RoleSessionName="ss", SourceIdentity="ana")))
    made = named.assume_root(TargetPrincipal=members[0], TaskPolicyArn={"arn": TASKS + "IAMAuditRootUserCredentials"})
    assert made["SourceIdentity"] == "ana"
    audit = own.client("iam", *keys(made))
    assert audit.get_user()
    iam.disable_organizations_root_credentials_management()
    refused(audit.get_user, "InvalidClientTokenId")
    iam.enable_organizations_root_credentials_management()
    assert audit.get_user()
    org.remove_account_from_organization(AccountId=members[0])
    refused(audit.get_user, "InvalidClientTokenId")


def test_the_cli_does_it(own, enabled, members):
    key, secret = own.user("cli", {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*"})
    made = own.aws("sts", "assume-root", "--target-principal", members[1], "--task-policy-arn", f"arn={TASKS}IAMAuditRootUserCredentials", key=key, secret=secret)
    assert json.loads(made.stdout)["Credentials"]["SessionToken"], made.stderr
