"""Every operation of iam, driven by unmodified boto3 and the `aws` CLI."""

import datetime
import json

import botocore.exceptions
import pytest

from support import eventually, listed, refused, trust

ACCOUNT = "arn:aws:iam::000000000000"
LAMBDA = {"Service": "lambda.amazonaws.com"}
READ_ONLY = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def document(*actions, effect="Allow"):
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": list(actions), "Resource": "*"}]}


@pytest.fixture
def iam(platform):
    return platform.client("iam")


def make(iam, kind, name):
    """A user, group or role of this name."""
    if kind == "role":
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(LAMBDA))
    return getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": name})


def test_a_user_is_made_tagged_renamed_and_deleted(iam, name):
    made = iam.create_user(UserName=name, Path="/a/", Tags=[{"Key": "k", "Value": "1"}])["User"]
    assert (made["Path"], made["Arn"], made["Tags"]) == ("/a/", f"{ACCOUNT}:user/a/{name}", [{"Key": "k", "Value": "1"}])
    iam.tag_user(UserName=name, Tags=[{"Key": "k", "Value": "2"}, {"Key": "other", "Value": ""}])
    iam.untag_user(UserName=name, TagKeys=["other", "never"])
    assert iam.list_user_tags(UserName=name)["Tags"] == [{"Key": "k", "Value": "2"}]
    iam.create_user(UserName=name + "-taken")
    refused(iam.update_user, "EntityAlreadyExists", UserName=name, NewUserName=name + "-taken")
    iam.update_user(UserName=name, NewUserName=name + "-new", NewPath="/b/")
    found = iam.get_user(UserName=name + "-new")["User"]
    assert (found["UserId"], found["Arn"]) == (made["UserId"], f"{ACCOUNT}:user/b/{name}-new")
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/b/")["Users"]] == [name + "-new"]
    iam.delete_user(UserName=name + "-new")
    for call in (iam.get_user, iam.delete_user, iam.list_user_tags):
        assert refused(call, "NoSuchEntity", UserName=name + "-new") == f"The user with name {name}-new cannot be found."


def test_names_that_differ_only_in_case_are_the_same(iam, name):
    iam.create_user(UserName=name)
    refused(iam.create_user, "EntityAlreadyExists", UserName=name.upper())
    refused(iam.create_user, "ValidationError", UserName="a b")


def test_access_keys_are_made_used_switched_off_and_deleted(platform, iam, name):
    key, secret = platform.user(name, document("iam:GetUser")["Statement"][0])
    mine = platform.client("iam", key, secret)
    assert mine.get_user()["User"]["UserName"] == name
    used = eventually(lambda: (lambda told: told["AccessKeyLastUsed"].get("LastUsedDate") and told)(iam.get_access_key_last_used(AccessKeyId=key)))
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == (name, "iam", "us-east-1")
    assert abs(used["AccessKeyLastUsed"]["LastUsedDate"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(hours=1)
    second = iam.create_access_key(UserName=name)["AccessKey"]
    assert "Cannot exceed quota for AccessKeysPerUser: 2" in refused(iam.create_access_key, "LimitExceeded", UserName=name)
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    listed = {each["AccessKeyId"]: each["Status"] for each in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]}
    assert listed == {key: "Inactive", second["AccessKeyId"]: "Active"}
    refused(mine.get_user, "InvalidClientTokenId")
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    assert mine.get_user()
    refused(iam.delete_user, "DeleteConflict", UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    refused(mine.get_user, "InvalidClientTokenId")
    refused(iam.delete_access_key, "NoSuchEntity", UserName=name, AccessKeyId=key)
    refused(iam.update_access_key, "NoSuchEntity", UserName=name, AccessKeyId=key, Status="Active")


def test_a_group_has_members(iam, name):
    group = iam.create_group(GroupName=name, Path="/g/")["Group"]
    assert group["Arn"] == f"{ACCOUNT}:group/g/{name}" and group["GroupId"].startswith("AGPA")
    refused(iam.create_group, "EntityAlreadyExists", GroupName=name)
    iam.create_user(UserName=name)
    for _ in range(2):
        iam.add_user_to_group(GroupName=name, UserName=name)
    refused(iam.add_user_to_group, "NoSuchEntity", GroupName=name, UserName=name + "-none")
    assert [user["UserName"] for user in iam.get_group(GroupName=name)["Users"]] == [name]
    assert [each["GroupName"] for each in iam.list_groups_for_user(UserName=name)["Groups"]] == [name]
    iam.update_group(GroupName=name, NewGroupName=name + "-new", NewPath="/h/")
    assert [each["GroupName"] for each in iam.list_groups(PathPrefix="/h/")["Groups"]] == [name + "-new"]
    refused(iam.delete_group, "DeleteConflict", GroupName=name + "-new")
    iam.remove_user_from_group(GroupName=name + "-new", UserName=name)
    assert iam.list_groups_for_user(UserName=name)["Groups"] == []
    iam.delete_group(GroupName=name + "-new")
    assert "cannot be found" in refused(iam.get_group, "NoSuchEntity", GroupName=name + "-new")


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_inline_policies_are_put_read_listed_and_deleted(iam, name, kind):
    make(iam, kind, name)
    who = {f"{kind.title()}Name": name}
    put, get, remove = (getattr(iam, f"{verb}_{kind}_policy") for verb in ("put", "get", "delete"))
    put(**who, PolicyName="p", PolicyDocument=json.dumps(document("s3:GetObject")))
    put(**who, PolicyName="p", PolicyDocument=json.dumps(document("s3:PutObject")))
    assert get(**who, PolicyName="p")["PolicyDocument"] == document("s3:PutObject")
    assert getattr(iam, f"list_{kind}_policies")(**who)["PolicyNames"] == ["p"]
    refused(put, "MalformedPolicyDocument", **who, PolicyName="bad", PolicyDocument='{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}')
    refused(put, "LimitExceeded", **who, PolicyName="big", PolicyDocument=json.dumps(document(*[f"s3:Get{n:04}" for n in range(900)])))
    refused(getattr(iam, f"delete_{kind}"), "DeleteConflict", **who)
    remove(**who, PolicyName="p")
    for call in (get, remove):
        refused(call, "NoSuchEntity", **who, PolicyName="p")
    getattr(iam, f"delete_{kind}")(**who)


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_managed_policies_are_attached_listed_and_detached(iam, name, kind):
    make(iam, kind, name)
    who = {f"{kind.title()}Name": name}
    attach, detach = (getattr(iam, f"{verb}_{kind}_policy") for verb in ("attach", "detach"))
    own = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document("s3:GetObject")))["Policy"]["Arn"]
    for arn in (own, READ_ONLY, own):
        attach(**who, PolicyArn=arn)
    attached = getattr(iam, f"list_attached_{kind}_policies")(**who)["AttachedPolicies"]
    assert sorted(each["PolicyArn"] for each in attached) == sorted([own, READ_ONLY])
    entities = iam.list_entities_for_policy(PolicyArn=own)
    assert [each[f"{kind.title()}Name"] for each in entities[f"Policy{kind.title()}s"]] == [name]
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    refused(attach, "NoSuchEntity", **who, PolicyArn=own + "-none")
    refused(getattr(iam, f"delete_{kind}"), "DeleteConflict", **who)
    for arn in (own, READ_ONLY):
        detach(**who, PolicyArn=arn)
    refused(detach, "NoSuchEntity", **who, PolicyArn=own)


@pytest.mark.parametrize("path", ["ReadOnlyAccess", "SecurityAudit", "job-function/SystemAdministrator", "AWSOrganizationsReadOnlyAccess", "IAMAccessAnalyzerFullAccess"])
def test_policies_that_administrators_name_are_known(iam, name, path):
    arn = f"arn:aws:iam::aws:policy/{path}"
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    statements = iam.get_policy_version(PolicyArn=arn, VersionId=shown["DefaultVersionId"])["PolicyVersion"]["Document"]["Statement"]
    assert shown["Arn"] == arn and statements
    make(iam, "role", name)
    iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == [{"PolicyName": path.split("/")[-1], "PolicyArn": arn}]


def test_read_only_access_reads_everything_and_changes_nothing(platform, iam, name):
    key, secret = platform.user(name)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    own = lambda service: platform.client(service, key, secret)
    assert own("iam").list_users()["Users"] and "TableNames" in own("dynamodb").list_tables() and "Buckets" in own("s3").list_buckets()
    refused(own("iam").create_user, "AccessDenied", UserName=name + "-2")
    refused(own("dynamodb").delete_table, "AccessDeniedException", TableName=name)


def test_a_role_is_described_updated_tagged_and_deleted(iam, name):
    made = iam.create_role(RoleName=name, Path="/service/", AssumeRolePolicyDocument=trust(LAMBDA), Tags=[{"Key": "a", "Value": "1"}])["Role"]
    assert made["RoleId"].startswith("AROA") and made["Arn"] == f"{ACCOUNT}:role/service/{name}"
    refused(iam.create_role, "EntityAlreadyExists", RoleName=name, AssumeRolePolicyDocument=trust(LAMBDA))
    iam.update_role(RoleName=name, MaxSessionDuration=7200)
    iam.update_role_description(RoleName=name, Description="first")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust({"AWS": f"{ACCOUNT}:root"}))
    refused(iam.update_assume_role_policy, "MalformedPolicyDocument", RoleName=name, PolicyDocument=json.dumps(document("sts:AssumeRole")))
    refused(iam.create_role, "MalformedPolicyDocument", RoleName=name + "-2", AssumeRolePolicyDocument=json.dumps(document("sts:AssumeRole")))
    iam.tag_role(RoleName=name, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName=name, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "b", "Value": "2"}]
    found = iam.get_role(RoleName=name)["Role"]
    assert (found["MaxSessionDuration"], found["Description"], found["Tags"]) == (7200, "first", [{"Key": "b", "Value": "2"}])
    assert found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": f"{ACCOUNT}:root"}
    assert name in [role["RoleName"] for role in iam.list_roles(PathPrefix="/service/")["Roles"]]
    iam.delete_role(RoleName=name)
    assert refused(iam.get_role, "NoSuchEntity", RoleName=name) == f"The role with name {name} cannot be found."


def test_a_boundary_caps_what_policies_allow(platform, iam, name):
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document("iam:GetUser")))["Policy"]["Arn"]
    key, secret = platform.user(name, document("iam:GetUser", "iam:ListUsers")["Statement"][0])
    mine = platform.client("iam", key, secret)
    assert mine.list_users()
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    expected = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    assert mine.get_user()["User"]["PermissionsBoundary"] == expected
    assert "because no permissions boundary allows the iam:ListUsers action" in refused(mine.list_users, "AccessDenied")
    refused(iam.delete_policy, "DeleteConflict", PolicyArn=boundary)
    iam.delete_user_permissions_boundary(UserName=name)
    assert mine.list_users()
    refused(iam.put_user_permissions_boundary, "NoSuchEntity", UserName=name, PermissionsBoundary=boundary + "-none")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(LAMBDA))
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    assert iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"] == expected
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]
    refused(iam.delete_role_permissions_boundary, "NoSuchEntity", RoleName=name)


def test_a_managed_policy_has_versions_and_tags(iam, name):
    made = iam.create_policy(PolicyName=name, Path="/p/", Description="d", PolicyDocument=json.dumps(document("s3:GetObject")), Tags=[{"Key": "a", "Value": "1"}])["Policy"]
    arn = made["Arn"]
    assert (arn, made["DefaultVersionId"], made["AttachmentCount"]) == (f"{ACCOUNT}:policy/p/{name}", "v1", 0)
    refused(iam.create_policy, "EntityAlreadyExists", PolicyName=name, PolicyDocument=json.dumps(document("s3:GetObject")))
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document("s3:PutObject")))["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", False)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == document("s3:PutObject")
    assert [(each["VersionId"], each["IsDefaultVersion"]) for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == [("v2", True), ("v1", False)]
    refused(iam.delete_policy, "DeleteConflict", PolicyArn=arn)
    refused(iam.delete_policy_version, "DeleteConflict", PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    refused(iam.get_policy_version, "NoSuchEntity", PolicyArn=arn, VersionId="v1")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert [each["PolicyName"] for each in iam.list_policies(Scope="Local", PathPrefix="/p/")["Policies"]] == [name]
    iam.delete_policy(PolicyArn=arn)
    refused(iam.get_policy, "NoSuchEntity", PolicyArn=arn)


def test_the_account_has_an_alias_a_summary_and_details(iam, name):
    alias = name.lower()[:63].strip("-")
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    refused(iam.delete_account_alias, "NoSuchEntity", AccountAlias="some-other-alias")
    iam.delete_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document("s3:GetObject")))
    summary = lambda: iam.get_account_summary()["SummaryMap"]
    # Stacks of other tests may still be about to delete their users.
    users = eventually(lambda: (listing := listed(iam, "list_users", "Users")) and summary()["Users"] == len(listing) and listing)
    assert name in [user["UserName"] for user in users] and summary()["AccessKeysPerUserQuota"] == 2
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["User"])
    details = {user["UserName"]: user for page in pages for user in page["UserDetailList"]}
    assert details[name]["UserPolicyList"] == [{"PolicyName": "p", "PolicyDocument": document("s3:GetObject")}]


def test_the_account_says_which_tokens_its_global_endpoint_makes(iam):
    version = lambda: iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"]
    for asked in (2, 1):
        iam.set_security_token_service_preferences(GlobalEndpointTokenVersion=f"v{asked}Token")
        assert version() == asked
    refused(iam.set_security_token_service_preferences, "ValidationError", GlobalEndpointTokenVersion="v3Token")


def test_a_role_tells_when_and_where_it_was_last_used(platform, iam, name):
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": "000000000000"}))["Role"]["Arn"]
    last = lambda: iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    assert last() == {}
    made = platform.client("sts", *platform.user(name, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})).assume_role(RoleArn=arn, RoleSessionName="ss")["Credentials"]
    assert last() == {}, "to be assumed is not yet to be used"
    session = platform.client("dynamodb", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    refused(session.list_tables, "AccessDeniedException")
    used = eventually(last)
    assert used["Region"] == "us-east-1" and abs((datetime.datetime.now(datetime.timezone.utc) - used["LastUsedDate"]).total_seconds()) < 60
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
    assert next(role for page in pages for role in page["RoleDetailList"] if role["RoleName"] == name)["RoleLastUsed"] == used
    assert "RoleLastUsed" not in next(role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"] if role["RoleName"] == name)
    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": "000000000000"}))
    assert last() == {}, "another role of the same name was never used"


def test_what_is_declined_says_so(iam):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        iam.delete_saml_provider(SAMLProviderArn="arn:aws:iam::000000000000:saml-provider/none")
    assert "SAML is signed XML" in str(caught.value)
    assert (caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplemented", 501)


def test_the_cli_makes_a_role_with_a_policy(platform, name, tmp_path):
    (tmp_path / "trust.json").write_text(trust(LAMBDA))
    made = platform.aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", f"file://{tmp_path}/trust.json", "--output", "json")
    assert json.loads(made.stdout)["Role"]["AssumeRolePolicyDocument"] == json.loads(trust(LAMBDA)), made.stderr
    for arguments in (["attach-role-policy", "--policy-arn", READ_ONLY], ["tag-role", "--tags", "Key=a,Value=b"]):
        done = platform.aws("iam", arguments[0], "--role-name", name, *arguments[1:])
        assert done.returncode == 0, done.stderr
    gone = platform.aws("iam", "delete-role", "--role-name", name)
    assert gone.returncode != 0 and "(DeleteConflict)" in gone.stderr
