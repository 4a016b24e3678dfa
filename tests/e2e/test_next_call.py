"""What is taken away is gone at the next call, on every connection, while calls keep coming."""

import json
import threading
import time

import botocore.exceptions
import pytest

from support import eventually, trust

CONNECTIONS = 6
ROOT = "arn:aws:iam::000000000000:root"


def document(*actions, effect="Allow"):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": list(actions), "Resource": "*"}]})


class Load:
    """Connections that call without pause, and note when each call began and whether it was let through."""

    def __init__(self, clients):
        self.calls = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(client,)) for client in clients]

    def run(self, client):
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                client.list_tables()
                allowed = True
            except botocore.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] in ("AccessDeniedException", "UnrecognizedClientException"), error
                allowed = False
            self.calls.append((began, allowed, threading.get_ident()))

    def wait_for_all(self):
        """Until every connection has made a call that began after now."""
        since = time.monotonic()
        eventually(lambda: len({who for began, _, who in list(self.calls) if began > since}) == len(self.threads))

    def __enter__(self):
        [thread.start() for thread in self.threads]
        try:
            self.wait_for_all()
        except AssertionError:
            self.stopping.set()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.wait_for_all()
        finally:
            self.stopping.set()
            [thread.join() for thread in self.threads]

    def judge(self, changed):
        """Every call that began after the change was answered is refused; before, all were let through."""
        after = [(allowed, who) for began, allowed, who in self.calls if began > changed]
        assert {who for _, who in after} == {thread.ident for thread in self.threads}, "a connection made no call"
        assert not [1 for allowed, _ in after if allowed], "a call passed after what allowed it was gone"
        assert sum(allowed for _, allowed, _ in self.calls) >= CONNECTIONS


@pytest.fixture
def session(platform, name):
    """Credentials of a role's session that may list tables."""
    iam = platform.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document("dynamodb:ListTables"))
    courier = platform.client("sts", *platform.user(name + "-c", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    made = courier.assume_role(RoleArn=arn, RoleSessionName="load")["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def judged(platform, session, change):
    clients = [platform.client("dynamodb", *session, max_pool_connections=1) for _ in range(CONNECTIONS)]
    with Load(clients) as load:
        change()
        changed = time.monotonic()
    load.judge(changed)


def test_a_policy_that_is_taken_away(platform, session, name):
    judged(platform, session, lambda: platform.client("iam").delete_role_policy(RoleName=name, PolicyName="p"))


def test_a_boundary_that_is_set(platform, session, name):
    iam = platform.client("iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document("s3:*"))["Policy"]["Arn"]
    judged(platform, session, lambda: iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn))


def test_sessions_that_are_revoked(platform, session, name):
    """As the console revokes them: a deny for tokens that were issued before now."""
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
                                                               "Condition": {"DateLessThan": {"aws:TokenIssueTime": later}}}]})
    judged(platform, session, lambda: platform.client("iam").put_role_policy(RoleName=name, PolicyName="AWSRevokeOlderSessions", PolicyDocument=deny))


def test_a_role_that_is_deleted(platform, session, name):
    iam = platform.client("iam")

    def delete():
        iam.delete_role_policy(RoleName=name, PolicyName="p")
        iam.delete_role(RoleName=name)

    judged(platform, session, delete)


def test_a_service_control_policy_that_is_attached(platform, name):
    org = platform.client("organizations")
    org.create_organization()
    root = org.list_roots()["Roots"][0]["Id"]
    org.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    account = org.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]["AccountId"]
    policy = org.create_policy(Name=name, Description="", Type="SERVICE_CONTROL_POLICY",
                               Content=document("dynamodb:*", effect="Deny"))["Policy"]["PolicySummary"]["Id"]
    courier = platform.client("sts", *platform.user(name, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
    made = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="load")["Credentials"]
    session = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    try:
        judged(platform, session, lambda: org.attach_policy(PolicyId=policy, TargetId=root))
    finally:
        org.remove_account_from_organization(AccountId=account)
        org.delete_organization()
