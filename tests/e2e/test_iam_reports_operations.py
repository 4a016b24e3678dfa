"""Credential reports and services last used, driven by unmodified boto3."""

import csv
import io
import json

from support import refused

ACCOUNT = "000000000000"


def report_of(iam, arn, **more):
    job = iam.generate_service_last_accessed_details(Arn=arn, **more)["JobId"]
    found = iam.get_service_last_accessed_details(JobId=job)
    assert found["JobStatus"] == "COMPLETED"
    return job, {each["ServiceNamespace"]: each for each in found["ServicesLastAccessed"]}


def test_the_credential_report_names_everyone(fresh, platform):
    own = fresh.start()
    iam = own.client("iam")
    refused(iam.get_credential_report, "ReportNotPresent")
    key, secret = own.user("ana", {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"})
    iam.create_login_profile(UserName="ana", Password="Strong-Enough-1")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    platform.driven_elsewhere.update(["GenerateCredentialReport", "GetCredentialReport"])
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report["Content"].decode()))}
    assert set(rows) == {"<root_account>", "ana"}
    ana = rows["ana"]
    assert (ana["arn"], ana["password_enabled"], ana["mfa_active"], ana["access_key_1_active"], ana["access_key_2_active"]) == (f"arn:aws:iam::{ACCOUNT}:user/ana", "true", "false", "true", "false")
    assert rows["<root_account>"]["access_key_1_active"] == "true" and secret not in report["Content"].decode()


def test_the_last_use_of_services_comes_from_the_trail(platform, name):
    iam = platform.client("iam")
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["dynamodb:ListTables", "logs:*"], "Resource": "*"})
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    platform.client("dynamodb", key, secret).list_tables()
    refused(platform.client("iam", key, secret).list_users, "AccessDenied")
    job, services = report_of(iam, arn, Granularity="ACTION_LEVEL")
    assert set(services) == {"dynamodb", "logs"}
    used = services["dynamodb"]
    assert (used["LastAuthenticatedEntity"], used["LastAuthenticatedRegion"], used["TotalAuthenticatedEntities"]) == (arn, "us-east-1", 1)
    assert [each["ActionName"] for each in used["TrackedActionsLastAccessed"]] == ["ListTables"]
    assert services["logs"]["TotalAuthenticatedEntities"] == 0 and "LastAuthenticated" not in services["logs"]
    entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="dynamodb")["EntityDetailsList"]
    assert [(each["EntityInfo"]["Arn"], each["EntityInfo"]["Type"]) for each in entities] == [(arn, "USER")]
    refused(iam.get_service_last_accessed_details, "NoSuchEntity", JobId="01234567-89ab-cdef-0123-456789abcdef")
    # Of a policy: everyone it is attached to.
    document = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}})
    policy = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    assert report_of(iam, policy)[1]["dynamodb"]["LastAuthenticatedEntity"] == arn
    granting = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=["dynamodb", "iam"])["PoliciesGrantingServiceAccess"]
    assert [(each["ServiceNamespace"], sorted(p["PolicyName"] for p in each["Policies"])) for each in granting] == [("dynamodb", sorted(["inline", name])), ("iam", [])]
    refused(iam.generate_service_last_accessed_details, "NoSuchEntity", Arn=policy + "-none")
