"""Server certificates and service-linked roles, driven by unmodified boto3 and the `aws` CLI."""

import json
import subprocess

import pytest

from support import refused, trust


@pytest.fixture
def iam(platform):
    return platform.client("iam")


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=given, check=True, capture_output=True, text=True).stdout


def identity(kind, folder, name="one"):
    """A self-signed certificate and its key, as PEM texts."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    algorithm = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl("req", "-x509", "-newkey", *algorithm, "-nodes", "-days", "3", "-subj", "/CN=test.example", "-keyout", key, "-out", certificate)
    return certificate.read_text(), key.read_text()


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_certificates_are_kept_and_their_keys_told_to_nobody(platform, iam, name, kind, tmp_path):
    certificate, key = identity(kind, tmp_path)
    named = {"ServerCertificateName": name}
    made = iam.upload_server_certificate(**named, Path="/cloudfront/", CertificateBody=certificate, PrivateKey=key, CertificateChain=certificate, Tags=[{"Key": "k", "Value": "v"}])
    metadata = made["ServerCertificateMetadata"]
    assert metadata["Arn"] == f"arn:aws:iam::000000000000:server-certificate/cloudfront/{name}" and metadata["ServerCertificateId"].startswith("ASCA")
    assert 2 <= (metadata["Expiration"] - metadata["UploadDate"]).total_seconds() / 86400 <= 3
    found = iam.get_server_certificate(**named)["ServerCertificate"]
    assert found["CertificateBody"].strip() == certificate.strip() and found["CertificateChain"].strip() == certificate.strip()
    assert name in [one["ServerCertificateName"] for one in iam.list_server_certificates(PathPrefix="/cloudfront/")["ServerCertificateMetadataList"]]
    iam.tag_server_certificate(**named, Tags=[{"Key": "more", "Value": "w"}])
    iam.untag_server_certificate(**named, TagKeys=["k"])
    assert iam.list_server_certificate_tags(**named)["Tags"] == [{"Key": "more", "Value": "w"}]
    refused(iam.upload_server_certificate, "EntityAlreadyExists", **named, CertificateBody=certificate, PrivateKey=key)
    iam.update_server_certificate(**named, NewServerCertificateName=name + "2", NewPath="/x/")
    refused(iam.get_server_certificate, "NoSuchEntity", **named)
    renamed = {"ServerCertificateName": name + "2"}
    assert iam.get_server_certificate(**renamed)["ServerCertificate"]["ServerCertificateMetadata"]["Path"] == "/x/"
    trail = json.dumps(platform.events(EventName="UploadServerCertificate"))
    assert "PRIVATE KEY" not in trail and key.splitlines()[1] not in trail
    assert iam.get_account_summary()["SummaryMap"]["ServerCertificates"] >= 1
    iam.delete_server_certificate(**renamed)
    refused(iam.delete_server_certificate, "NoSuchEntity", **renamed)


def test_keys_of_other_forms_are_read(iam, name, tmp_path):
    certificate, _ = identity("ec", tmp_path)
    sec1 = openssl("ec", "-in", tmp_path / "one.key")
    assert "EC PRIVATE KEY" in sec1
    iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=certificate, PrivateKey=sec1)
    iam.delete_server_certificate(ServerCertificateName=name)
    certificate, _ = identity("rsa", tmp_path, "two")
    pkcs1 = openssl("rsa", "-in", tmp_path / "two.key", "-traditional")
    iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=certificate, PrivateKey=pkcs1)
    iam.delete_server_certificate(ServerCertificateName=name)


def test_what_is_no_certificate_or_not_of_its_key_is_refused(iam, name, tmp_path):
    certificate, key = identity("ec", tmp_path)
    stranger, other = identity("ec", tmp_path, "two")
    block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for body, private, chain, code in (("x", key, None, "MalformedCertificate"), (block, key, None, "MalformedCertificate"), (certificate, "x", None, "MalformedCertificate"),
                                       (certificate, certificate, None, "MalformedCertificate"), (certificate + certificate, key, None, "MalformedCertificate"),
                                       (certificate, key, "x", "MalformedCertificate"), (certificate, key, stranger, "MalformedCertificate"),
                                       (certificate, other, None, "KeyPairMismatch")):
        more = {"CertificateChain": chain} if chain else {}
        refused(iam.upload_server_certificate, code, ServerCertificateName=name, CertificateBody=body, PrivateKey=private, **more)


def test_a_chain_is_taken_link_by_link(iam, name, tmp_path):
    root, root_key = identity("rsa", tmp_path, "root")
    for name_of, signer in (("between", "root"), ("leaf", "between")):
        request = openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name_of}.example", "-keyout", tmp_path / f"{name_of}.key")
        openssl("x509", "-req", "-CA", tmp_path / f"{signer}.pem", "-CAkey", tmp_path / f"{signer}.key", "-CAcreateserial", "-days", "3", "-out", tmp_path / f"{name_of}.pem",
                given=request)
    leaf, key, between = (tmp_path / "leaf.pem").read_text(), (tmp_path / "leaf.key").read_text(), (tmp_path / "between.pem").read_text()
    for chain, index in ((root + between, 0), (between + between, 1)):
        message = refused(iam.upload_server_certificate, "MalformedCertificate", ServerCertificateName=name, CertificateBody=leaf, PrivateKey=key, CertificateChain=chain)
        assert message.endswith(f"is: {index}")
    iam.upload_server_certificate(ServerCertificateName=name, CertificateBody=leaf, PrivateKey=key, CertificateChain=between + root)
    iam.delete_server_certificate(ServerCertificateName=name)


def test_a_service_linked_role_is_its_services_alone(platform, iam):
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="t", Description="d")["Role"]
    name = role["RoleName"]
    assert (name, role["Path"]) == ("AWSServiceRoleForAutoScaling_t", "/aws-service-role/autoscaling.amazonaws.com/")
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "autoscaling.amazonaws.com"}
    refused(iam.create_service_linked_role, "InvalidInput", AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="t")
    refused(iam.create_service_linked_role, "InvalidInput", AWSServiceName="evil.example.com")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    for call, arguments in ((iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": policy}), (iam.attach_role_policy, {"PolicyArn": arn}), (iam.delete_role, {}),
                            (iam.update_assume_role_policy, {"PolicyDocument": trust({"AWS": "000000000000"})}), (iam.update_role, {"MaxSessionDuration": 7200}),
                            (iam.put_role_permissions_boundary, {"PermissionsBoundary": arn})):
        assert "protected role" in refused(call, "UnmodifiableEntity", RoleName=name, **arguments)
    iam.update_role_description(RoleName=name, Description="another")
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/autoscaling.amazonaws.com/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    refused(iam.get_role, "NoSuchEntity", RoleName=name)
    refused(iam.get_service_linked_role_deletion_status, "NoSuchEntity", DeletionTaskId=task[:-1] + "x")
    plain = iam.create_role(RoleName="t-no-linked-role", AssumeRolePolicyDocument=trust({"AWS": "000000000000"}))["Role"]["RoleName"]
    refused(iam.delete_service_linked_role, "InvalidInput", RoleName=plain)


def test_a_linked_role_holds_the_policy_that_it_has_in_aws(iam, name):
    policy = "arn:aws:iam::aws:policy/aws-service-role/AWSLambdaReplicator"
    role = iam.create_service_linked_role(AWSServiceName="replicator.lambda.amazonaws.com")["Role"]["RoleName"]
    assert [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]] == [policy]
    assert [one["RoleName"] for one in iam.list_entities_for_policy(PolicyArn=policy)["PolicyRoles"]] == [role]
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 1
    refused(iam.detach_role_policy, "UnmodifiableEntity", RoleName=role, PolicyArn=policy)
    iam.delete_service_linked_role(RoleName=role)
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 0
    # It is for no other role, and neither are those for tasks of root users.
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": "000000000000"}))
    for arn in (policy, "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"):
        assert "Cannot attach a Service Role Policy to a Customer Role." in refused(iam.attach_role_policy, "PolicyNotAttachable", RoleName=name, PolicyArn=arn)


def test_nobody_makes_a_role_look_like_a_services(iam, name):
    # No organization's policy binds the sessions of such roles.
    for path in ("/aws-service-role/", "/aws-service-role/ecs.amazonaws.com/"):
        assert "reserved" in refused(iam.create_role, "InvalidInput", RoleName=name, Path=path, AssumeRolePolicyDocument=trust({"AWS": "000000000000"}))


def test_leave_for_a_linked_role_names_its_service(platform, name):
    only_ecs = {"Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*",
                "Condition": {"StringLike": {"iam:AWSServiceName": "ecs.amazonaws.com"}}}
    key, secret = platform.user(name, only_ecs)
    made = platform.aws("iam", "create-service-linked-role", "--aws-service-name", "ecs.amazonaws.com", key=key, secret=secret)
    assert made.returncode == 0, made.stderr
    other = platform.aws("iam", "create-service-linked-role", "--aws-service-name", "rds.amazonaws.com", key=key, secret=secret)
    assert "AccessDenied" in other.stderr
