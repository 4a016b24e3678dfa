"""Second factors, passwords and instance profiles, driven by unmodified boto3 and the `aws` CLI."""

import base64
import hashlib
import hmac
import json
import struct
import time

import pytest

from support import refused, trust

ACCOUNT = "000000000000"
LAMBDA = {"Service": "lambda.amazonaws.com"}
EC2 = {"Service": "ec2.amazonaws.com"}


@pytest.fixture
def iam(platform):
    return platform.client("iam")


def authenticator(seed):
    """The codes that an authenticator shows (RFC 6238), some steps of thirty seconds from this moment: whenever they are asked for, they follow each other."""
    moment = int(time.time()) // 30

    def code(steps=0):
        digest = hmac.new(base64.b32decode(seed), struct.pack(">q", moment + steps), hashlib.sha1).digest()
        at = digest[-1] & 15
        return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"

    return code


def enabled(iam, user, name):
    """A virtual device enabled for a user, its last used code two steps in the past: its serial number, and its codes."""
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Path="/phones/", Tags=[{"Key": "k", "Value": "v"}])["VirtualMFADevice"]
    code = authenticator(made["Base32StringSeed"].decode())
    assert made["QRCodePNG"].startswith(b"\x89PNG") and made["SerialNumber"] == f"arn:aws:iam::{ACCOUNT}:mfa/phones/{name}"
    refused(iam.enable_mfa_device, "InvalidAuthenticationCode", UserName=user, SerialNumber=made["SerialNumber"], AuthenticationCode1=code(-2), AuthenticationCode2=code(-4))
    iam.enable_mfa_device(UserName=user, SerialNumber=made["SerialNumber"], AuthenticationCode1=code(-3), AuthenticationCode2=code(-2))
    return made["SerialNumber"], code


def keys(credentials):
    return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]


def test_a_second_factor_opens_what_policies_ask_it_for(platform, iam, name):
    need = {"Effect": "Allow", "Action": ["iam:ListUsers", "sts:AssumeRole"], "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    key, secret = platform.user(name, need)
    serial, code = enabled(iam, name, name)
    sts = platform.client("sts", key, secret)
    refused(platform.client("iam", key, secret).list_users, "AccessDenied")
    plain = keys(sts.get_session_token()["Credentials"])
    refused(platform.client("iam", *plain).list_users, "InvalidClientTokenId")
    assert "must provide both" in refused(sts.get_session_token, "AccessDenied", SerialNumber=serial)
    wrong = f"{(int(code()) + 1) % 1_000_000:06}"
    assert "invalid MFA one time pass code" in refused(sts.get_session_token, "AccessDenied", SerialNumber=serial, TokenCode=wrong)
    now = code(-1)
    strong = keys(sts.get_session_token(SerialNumber=serial, TokenCode=now)["Credentials"])
    assert platform.client("iam", *strong).list_users()["Users"]
    # No code is good twice, and none is good for another.
    refused(sts.get_session_token, "AccessDenied", SerialNumber=serial, TokenCode=now)
    other = platform.client("sts", *platform.user(name + "-o"))
    refused(other.get_session_token, "AccessDenied", SerialNumber=serial, TokenCode=code())


def test_a_role_may_ask_for_a_second_factor(platform, iam, name):
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    serial, code = enabled(iam, name, name)
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole",
                 "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))["Role"]["Arn"]
    sts = platform.client("sts", key, secret)
    refused(sts.assume_role, "AccessDenied", RoleArn=arn, RoleSessionName="s1")
    now = code(-1)
    assert sts.assume_role(RoleArn=arn, RoleSessionName="s1", SerialNumber=serial, TokenCode=now)["Credentials"]
    refused(sts.assume_role, "AccessDenied", RoleArn=arn, RoleSessionName="s1", SerialNumber=serial, TokenCode=now)


def test_wrong_codes_of_another_user_lock_nobody_out(platform, iam, name):
    own = platform.client("sts", *platform.user(name))
    serial, code = enabled(iam, name, name)
    stranger = platform.client("sts", *platform.user(name + "-s"))
    for _ in range(8):
        refused(stranger.assume_role, "AccessDenied", RoleArn="arn:aws:iam::999999999999:role/none", RoleSessionName="guess", SerialNumber=serial, TokenCode="000000")
        refused(stranger.get_session_token, "AccessDenied", SerialNumber=serial, TokenCode="000000")
    assert own.get_session_token(SerialNumber=serial, TokenCode=code(-1))["Credentials"]
    # The user's own wrong codes do count: then the right one is refused as well, for a while.
    for _ in range(5):
        refused(own.get_session_token, "AccessDenied", SerialNumber=serial, TokenCode=f"{(int(code()) + 1) % 1_000_000:06}")
    refused(own.get_session_token, "AccessDenied", SerialNumber=serial, TokenCode=code())


def test_listings_of_long_names_are_walked_to_their_end(iam, name):
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
    path = f"/{name}/{'p' * 300}/"
    tags = [{"Key": "鍵" * 127 + str(at), "Value": "v"} for at in range(3)]
    iam.create_user(UserName=name, Path=path, Tags=tags)
    made = [iam.create_policy(PolicyName=f"{'n' * 120}{at}", Path=path, PolicyDocument=document)["Policy"]["Arn"] for at in range(3)]
    for arn in made:
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    walked = lambda operation, found, **arguments: list(iam.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **arguments).search(found))
    assert walked("list_policies", "Policies[].Arn", Scope="Local", PathPrefix=path) == made
    assert walked("list_attached_user_policies", "AttachedPolicies[].PolicyArn", UserName=name) == made
    assert [tag["Key"] for tag in walked("list_user_tags", "Tags[]", UserName=name)] == [tag["Key"] for tag in tags]
    assert set(made) <= set(walked("get_account_authorization_details", "Policies[].Arn", Filter=["LocalManagedPolicy"]))
    refused(iam.create_virtual_mfa_device, "ValidationError", VirtualMFADeviceName="m" * 227)


def test_a_device_is_listed_tagged_resynchronised_and_taken_away(platform, iam, name):
    iam.create_user(UserName=name)
    serial, code = enabled(iam, name, name)
    refused(iam.enable_mfa_device, "EntityAlreadyExists", UserName=name, SerialNumber=serial, AuthenticationCode1="000000", AuthenticationCode2="000000")
    assert [each["SerialNumber"] for each in iam.list_mfa_devices(UserName=name)["MFADevices"]] == [serial]
    own = [each for each in iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Assigned").search("VirtualMFADevices[]") if each["SerialNumber"] == serial]
    assert own[0]["User"]["UserName"] == name and own[0]["EnableDate"]
    assert iam.get_mfa_device(SerialNumber=serial, UserName=name)["UserName"] == name
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "a", "Value": "1"}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["k"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.resync_mfa_device(UserName=name, SerialNumber=serial, AuthenticationCode1=code(10), AuthenticationCode2=code(11))
    refused(iam.resync_mfa_device, "InvalidAuthenticationCode", UserName=name, SerialNumber=serial, AuthenticationCode1=code(10), AuthenticationCode2=code(11))
    assert "MFA device" in refused(iam.delete_user, "DeleteConflict", UserName=name)
    refused(iam.delete_virtual_mfa_device, "DeleteConflict", SerialNumber=serial)
    iam.deactivate_mfa_device(UserName=name, SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    refused(iam.get_mfa_device, "NoSuchEntity", SerialNumber=serial)
    iam.delete_user(UserName=name)


def test_passwords_live_by_the_accounts_policy(platform, iam, name):
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["iam:ChangePassword", "iam:GetLoginProfile"], "Resource": f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"})
    refused(iam.create_login_profile, "PasswordPolicyViolation", UserName=name, Password="weak")
    made = iam.create_login_profile(UserName=name, Password="Strong-Enough-1", PasswordResetRequired=True)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == (name, True)
    refused(iam.create_login_profile, "EntityAlreadyExists", UserName=name, Password="Strong-Enough-1")
    own = platform.client("iam", key, secret)
    refused(own.change_password, "AccessDenied", OldPassword="not-it", NewPassword="Strong-Enough-2")
    own.change_password(OldPassword="Strong-Enough-1", NewPassword="Strong-Enough-2")
    assert own.get_login_profile()["LoginProfile"]["PasswordResetRequired"] is False
    refused(iam.change_password, "InvalidUserType", OldPassword="Strong-Enough-1", NewPassword="Strong-Enough-2")
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, MaxPasswordAge=30)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["RequireSymbols"], policy["ExpirePasswords"], policy["MaxPasswordAge"]) == (12, True, True, 30)
    assert "minimum length of 12" in refused(iam.update_login_profile, "PasswordPolicyViolation", UserName=name, Password="Short-1a")
    iam.delete_account_password_policy()
    refused(iam.get_account_password_policy, "NoSuchEntity")
    iam.update_login_profile(UserName=name, Password="Short-1ab", PasswordResetRequired=False)
    iam.delete_login_profile(UserName=name)
    refused(iam.get_login_profile, "NoSuchEntity", UserName=name)


def test_an_instance_profile_wraps_a_role(platform, iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(EC2))
    made = iam.create_instance_profile(InstanceProfileName=name, Path="/p/", Tags=[{"Key": "k", "Value": "v"}])["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/p/{name}" and made["InstanceProfileId"].startswith("AIPA")
    refused(iam.create_instance_profile, "EntityAlreadyExists", InstanceProfileName=name)
    weak = platform.client("iam", *platform.user(name + "-u", {"Effect": "Allow", "Action": "iam:AddRoleToInstanceProfile", "Resource": "*"}))
    assert "iam:PassRole" in refused(weak.add_role_to_instance_profile, "AccessDenied", InstanceProfileName=name, RoleName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    refused(iam.add_role_to_instance_profile, "LimitExceeded", InstanceProfileName=name, RoleName=name)
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"][0]["RoleName"] == name
    assert [each["InstanceProfileName"] for each in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]] == [name]
    assert name in [each["InstanceProfileName"] for each in iam.list_instance_profiles(PathPrefix="/p/")["InstanceProfiles"]]
    iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "a", "Value": "1"}])
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["k"])
    assert iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"] == [{"Key": "a", "Value": "1"}]
    refused(iam.delete_role, "DeleteConflict", RoleName=name)
    refused(iam.delete_instance_profile, "DeleteConflict", InstanceProfileName=name)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    refused(iam.get_instance_profile, "NoSuchEntity", InstanceProfileName=name)


def test_the_simulator_decides_as_the_platform_does(platform, iam, name):
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "dynamodb:DeleteTable", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}]}
    key, secret = platform.user(name, *policy["Statement"])
    source = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t"
    asked = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["dynamodb:GetItem", "dynamodb:DeleteTable", "s3:GetObject"], ResourceArns=[table],
                                          ContextEntries=[{"ContextKeyName": "aws:MultiFactorAuthPresent", "ContextKeyType": "boolean", "ContextKeyValues": ["false"]}])
    decided = {each["EvalActionName"]: each for each in asked["EvaluationResults"]}
    assert {action: each["EvalDecision"] for action, each in decided.items()} == {"dynamodb:GetItem": "allowed", "dynamodb:DeleteTable": "explicitDeny", "s3:GetObject": "implicitDeny"}
    matched = decided["dynamodb:DeleteTable"]["MatchedStatements"]
    assert [each["SourcePolicyId"] for each in matched] == [f"user_{name}_inline"]
    text = json.dumps(policy)
    start, end = (matched[0][side]["Column"] for side in ("StartPosition", "EndPosition"))
    assert json.loads(text[start - 1:end - 1]) == policy["Statement"][1]
    assert decided["s3:GetObject"]["MatchedStatements"] == []
    silent = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["dynamodb:DeleteTable"])["EvaluationResults"][0]
    assert (silent["EvalDecision"], silent["MissingContextValues"]) == ("allowed", ["aws:MultiFactorAuthPresent"])
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=source)["ContextKeyNames"] == ["aws:MultiFactorAuthPresent"]
    # What it says is what happens.
    platform.client("dynamodb", key, secret).list_tables()
    refused(iam.simulate_principal_policy, "NoSuchEntity", PolicySourceArn=source + "-none", ActionNames=["s3:GetObject"])
    refused(iam.simulate_principal_policy, "InvalidInput", PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:policy/x", ActionNames=["s3:GetObject"])


def test_given_policies_are_simulated_with_boundary_and_resource_policy(platform, iam, name):
    allow = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
    read = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})
    pages = iam.get_paginator("simulate_custom_policy").paginate(PolicyInputList=[allow], PermissionsBoundaryPolicyInputList=[read], ActionNames=["s3:GetObject", "s3:PutObject"],
                                                               ResourceArns=["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"], PaginationConfig={"PageSize": 3})
    found = [(each["EvalActionName"], each["EvalResourceName"], each["EvalDecision"], each["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"]) for page in pages for each in page["EvaluationResults"]]
    assert found == [("s3:GetObject", "arn:aws:s3:::a/*", "allowed", True), ("s3:GetObject", "arn:aws:s3:::b/*", "allowed", True),
                     ("s3:PutObject", "arn:aws:s3:::a/*", "implicitDeny", False), ("s3:PutObject", "arn:aws:s3:::b/*", "implicitDeny", False)]
    several = {"PolicyInputList": [allow], "ActionNames": ["s3:GetObject", "s3:PutObject"], "MaxItems": 1}
    marker = iam.simulate_custom_policy(**several)["Marker"]
    assert iam.simulate_custom_policy(**several, Marker=marker)["EvaluationResults"][0]["EvalActionName"] == "s3:PutObject"
    refused(iam.simulate_custom_policy, "ValidationError", **{**several, "ActionNames": ["s3:GetObject"]}, Marker=marker)
    theirs = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "s3:GetObject", "Resource": "*"}})
    call = {"PolicyInputList": [allow], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b/k"], "ResourcePolicy": theirs, "ResourceOwner": "arn:aws:iam::222222222222:root"}
    refused(iam.simulate_custom_policy, "InvalidInput", **call)
    one = iam.simulate_custom_policy(**call, CallerArn="arn:aws:iam::111111111111:user/ana")["EvaluationResults"][0]
    assert (one["EvalDecision"], one["EvalDecisionDetails"]) == ("allowed", {"IAM Policy": "allowed", "Resource Policy": "allowed"})
    other = iam.simulate_custom_policy(**call, CallerArn="arn:aws:iam::333333333333:user/ana")["EvaluationResults"][0]
    assert (other["EvalDecision"], other["EvalDecisionDetails"]["Resource Policy"]) == ("implicitDeny", "implicitDeny")
    keys_of = iam.get_context_keys_for_custom_policy(PolicyInputList=[allow.replace('"*"}', '"arn:aws:s3:::${aws:username}/*"}')])
    assert keys_of["ContextKeyNames"] == ["aws:username"]
    refused(iam.simulate_custom_policy, "InvalidInput", PolicyInputList=["{"], ActionNames=["s3:GetObject"])
    # Who calls may be supposed, too; where nobody is, that is what is missing.
    home = allow.replace('"*"}', '"arn:aws:s3:::b/${aws:username}/*"}')
    supposed = {"PolicyInputList": [home], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b/bob/k"]}
    bob = [{"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": ["bob"]}]
    decided = [iam.simulate_custom_policy(**supposed, ContextEntries=entries)["EvaluationResults"][0] for entries in (bob, [])]
    assert [(each["EvalDecision"], each["MissingContextValues"]) for each in decided] == [("allowed", []), ("implicitDeny", ["aws:username"])]
    key, _ = platform.user(name)
    iam.tag_user(UserName=name, Tags=[{"Key": "Team", "Value": "red"}])
    tagged = allow.replace('"*"}', '"*", "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "blue", "aws:username": "bob"}}}')
    blue = [*bob, {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyType": "string", "ContextKeyValues": ["blue"]}]
    asked = {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "PolicyInputList": [tagged], "ActionNames": ["s3:GetObject"]}
    decided = [iam.simulate_principal_policy(**asked, ContextEntries=entries)["EvaluationResults"][0]["EvalDecision"] for entries in (blue, bob, [])]
    assert decided == ["allowed", "implicitDeny", "implicitDeny"]
    told = platform.aws("iam", "simulate-custom-policy", "--policy-input-list", allow, "--action-names", "s3:GetObject", "--query", "EvaluationResults[0].EvalDecision", "--output", "text")
    assert told.stdout.strip() == "allowed", told.stderr


def test_an_account_may_let_its_users_change_their_passwords(platform, iam, name):
    key, secret = platform.user(name)
    own = platform.client("iam", key, secret)
    iam.create_login_profile(UserName=name, Password="Strong-Enough-1")
    change = {"OldPassword": "Strong-Enough-1", "NewPassword": "Strong-Enough-2"}
    iam.update_account_password_policy(AllowUsersToChangePassword=False)
    try:
        refused(own.change_password, "AccessDenied", **change)
        iam.update_account_password_policy(AllowUsersToChangePassword=True)
        assert own.get_account_password_policy()["PasswordPolicy"]["AllowUsersToChangePassword"]
        own.change_password(**change)
        refused(own.get_user, "AccessDenied", UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="no", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:ChangePassword", "Resource": "*"}]}))
        refused(own.change_password, "AccessDenied", OldPassword="Strong-Enough-2", NewPassword="Strong-Enough-3")
    finally:
        iam.delete_account_password_policy()
        iam.delete_login_profile(UserName=name)


def test_of_what_nobody_can_have_there_is_none(platform, iam, name):
    platform.user(name)
    assert iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName=name)["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    assert iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"] == []
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    for listing in (iam.list_ssh_public_keys, iam.list_signing_certificates, iam.list_service_specific_credentials):
        refused(listing, "NoSuchEntity", UserName=name + "-none")
    refused(iam.upload_ssh_public_key, "NotImplemented", UserName=name, SSHPublicKeyBody="ssh-rsa AAAA")
