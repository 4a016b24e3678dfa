"""Every type that the platform's services offer, made, changed, read and taken away by stacks; what is not offered is refused by name."""

import json
import subprocess

import pytest

from support import eventually, refused

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
LIST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}]}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
BOUNDARY = "arn:aws:iam::aws:policy/AdministratorAccess"


class Stack:
    """One stack: made or changed, checked for drift, and deleted."""

    def __init__(self, client, name):
        self.client, self.name, self.id = client, name, None

    def settled(self):
        def status():
            found = self.client.describe_stacks(StackName=self.id)["Stacks"][0]["StackStatus"]
            return None if found.endswith("_IN_PROGRESS") else found
        return eventually(status, timeout_s=120)

    def told(self):
        return [f"{e['LogicalResourceId']} {e['ResourceStatus']} {e.get('ResourceStatusReason')}" for e in self.client.describe_stack_events(StackName=self.id)["StackEvents"] if "FAILED" in e["ResourceStatus"]]

    def deploy(self, resources, outputs=None):
        body = {"Resources": resources, **({"Outputs": {key: {"Value": value} for key, value in outputs.items()}} if outputs else {})}
        call, wanted = (self.client.update_stack, "UPDATE_COMPLETE") if self.id else (self.client.create_stack, "CREATE_COMPLETE")
        self.id = call(StackName=self.name, TemplateBody=json.dumps(body), Capabilities=CAPABILITIES)["StackId"]
        assert self.settled() == wanted, "; ".join(self.told())
        return {o["OutputKey"]: o["OutputValue"] for o in self.client.describe_stacks(StackName=self.id)["Stacks"][0].get("Outputs", [])}

    def drift(self):
        detection = self.client.detect_stack_drift(StackName=self.id)["StackDriftDetectionId"]
        eventually(lambda: self.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)["DetectionStatus"] != "DETECTION_IN_PROGRESS")
        outcome = self.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        assert outcome["DetectionStatus"] == "DETECTION_COMPLETE", outcome
        drifts = self.client.describe_stack_resource_drifts(StackName=self.id)["StackResourceDrifts"]
        changed = {d["LogicalResourceId"]: sorted((p["DifferenceType"], p["PropertyPath"]) for p in d["PropertyDifferences"]) for d in drifts if d["StackResourceDriftStatus"] == "MODIFIED"}
        return changed, sorted(d["LogicalResourceId"] for d in drifts if d["StackResourceDriftStatus"] == "DELETED")

    def delete(self, wanted="DELETE_COMPLETE"):
        self.client.delete_stack(StackName=self.id)
        assert self.settled() == wanted, self.told()


@pytest.fixture
def stack(platform, name):
    made = Stack(platform.client("cloudformation"), name)
    yield made
    if made.id and made.client.describe_stacks(StackName=made.id)["Stacks"][0]["StackStatus"] != "DELETE_COMPLETE":
        made.client.delete_stack(StackName=made.id)
        made.settled()


def test_identities_of_every_kind(platform, stack, name, tmp_path):
    iam = platform.client("iam")
    key, certificate = tmp_path / "k.pem", tmp_path / "c.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", "/CN=t.example", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)

    def resources(tag, path, description, clients, password):
        tags = [{"Key": "a", "Value": tag}]
        return {
            "Idp": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": f"https://{name}.example/realm", "ClientIdList": clients, "ThumbprintList": ["a" * 40], "Tags": tags}},
            "Certificate": {"Type": "AWS::IAM::ServerCertificate", "Properties": {"CertificateBody": certificate.read_text(), "PrivateKey": key.read_text(), "Path": path, "Tags": tags}},
            "Linked": {"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": name[-6:], "Description": description}},
            "User": {"Type": "AWS::IAM::User", "Properties": {"Path": path, "PermissionsBoundary": BOUNDARY, "LoginProfile": {"Password": password, "PasswordResetRequired": True}}},
            "Group": {"Type": "AWS::IAM::Group", "Properties": {"Path": path}},
            "Members": {"Type": "AWS::IAM::UserToGroupAddition", "Properties": {"GroupName": {"Ref": "Group"}, "Users": [{"Ref": "User"}]}},
            "Device": {"Type": "AWS::IAM::VirtualMFADevice", "Properties": {"Users": [{"Ref": "User"}], "Tags": tags}},
            "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": LIST, "Groups": [{"Ref": "Group"}]}},
        }

    outputs = {"Idp": {"Ref": "Idp"}, "IdpArn": {"Fn::GetAtt": ["Idp", "Arn"]}, "Certificate": {"Ref": "Certificate"}, "CertificateArn": {"Fn::GetAtt": ["Certificate", "Arn"]},
               "Linked": {"Ref": "Linked"}, "LinkedName": {"Fn::GetAtt": ["Linked", "RoleName"]}, "User": {"Ref": "User"}, "Group": {"Ref": "Group"}, "GroupArn": {"Fn::GetAtt": ["Group", "Arn"]},
               "Serial": {"Fn::GetAtt": ["Device", "SerialNumber"]}, "Device": {"Ref": "Device"}, "Members": {"Fn::GetAtt": ["Members", "Id"]},
               "Version": {"Fn::GetAtt": ["Managed", "DefaultVersionId"]}, "Count": {"Fn::GetAtt": ["Managed", "AttachmentCount"]}}
    made = stack.deploy(resources("1", "/one/", "first", ["x"], "First-Password-1!"), outputs)
    assert made["Idp"] == made["IdpArn"] and made["Linked"] == made["LinkedName"] == f"AWSServiceRoleForAutoScaling_{name[-6:]}" and made["Serial"] == made["Device"]
    assert made["CertificateArn"].endswith(f":server-certificate/one/{made['Certificate']}") and (made["Version"], made["Count"]) == ("v1", "1")
    assert iam.get_login_profile(UserName=made["User"])["LoginProfile"]["PasswordResetRequired"]
    assert iam.get_user(UserName=made["User"])["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    assert stack.drift() == ({}, [])
    again = stack.deploy(resources("2", "/two/", "second", ["x", "y"], "Second-Password-2!"), outputs)
    stays = ("Idp", "Certificate", "Linked", "User", "Group", "Device")
    assert {each: again[each] for each in stays} == {each: made[each] for each in stays} and "/two/" in again["GroupArn"] and "/two/" in again["CertificateArn"]
    assert sorted(iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made["Idp"])["ClientIDList"]) == ["x", "y"]
    assert iam.get_role(RoleName=made["Linked"])["Role"]["Description"] == "second"
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=made["Idp"], ClientID="y")
    iam.tag_server_certificate(ServerCertificateName=made["Certificate"], Tags=[{"Key": "a", "Value": "3"}])
    iam.update_role_description(RoleName=made["Linked"], Description="third")
    iam.delete_user_permissions_boundary(UserName=made["User"])
    iam.untag_mfa_device(SerialNumber=made["Serial"], TagKeys=["a"])
    iam.update_group(GroupName=made["Group"], NewPath="/three/")
    assert stack.drift() == ({"Idp": [("REMOVE", "/ClientIdList/1")], "Certificate": [("NOT_EQUAL", "/Tags/0/Value")], "Linked": [("NOT_EQUAL", "/Description")],
                              "User": [("REMOVE", "/PermissionsBoundary")], "Device": [("REMOVE", "/Tags/0")], "Group": [("NOT_EQUAL", "/Path")]}, [])
    stack.delete()
    refused(iam.get_open_id_connect_provider, "NoSuchEntity", OpenIDConnectProviderArn=made["Idp"])
    refused(iam.get_role, "NoSuchEntity", RoleName=made["Linked"])
    refused(iam.get_server_certificate, "NoSuchEntity", ServerCertificateName=made["Certificate"])
    refused(iam.get_user, "NoSuchEntity", UserName=made["User"])


def test_functions_in_every_manner(platform, stack):
    aws = platform.client("lambda")
    def resources(loop, number, update, signed=True):
        code = {"ZipFile": "def handler(event, context): return 1"}
        signing = {"CodeSigningConfigArn": {"Ref": "Signing"}} if signed else {}
        return {
            "Role": ROLE,
            "F": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": code,
                  "RecursiveLoop": loop, "RuntimeManagementConfig": {"UpdateRuntimeOn": update}, **signing}},
            "V1": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}, "Description": "one"}},
            "Live": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "F"}, "FunctionVersion": {"Fn::GetAtt": ["V1", "Version"]}, "Name": "live",
                     **({"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": number}} if number else {})}},
            "Signing": {"Type": "AWS::Lambda::CodeSigningConfig", "Properties": {"AllowedPublishers": {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/" + "a" * 64 + "/1234567890"]}, "Description": loop,
                        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}, "Tags": [{"Key": "a", "Value": loop}]}},
        }

    outputs = {"F": {"Ref": "F"}, "Signing": {"Fn::GetAtt": ["Signing", "CodeSigningConfigArn"]}, "Id": {"Fn::GetAtt": ["Signing", "CodeSigningConfigId"]}, "Snap": {"Fn::GetAtt": ["F", "SnapStartResponse.ApplyOn"]}}
    made = stack.deploy(resources("Allow", 1, "Auto"), outputs)
    assert made["Signing"].endswith(made["Id"]) and made["Snap"] == "None"
    assert aws.get_function_recursion_config(FunctionName=made["F"])["RecursiveLoop"] == "Allow"
    assert aws.get_runtime_management_config(FunctionName=made["F"])["UpdateRuntimeOn"] == "Auto"
    assert aws.get_function_code_signing_config(FunctionName=made["F"])["CodeSigningConfigArn"] == made["Signing"]
    assert aws.get_provisioned_concurrency_config(FunctionName=made["F"], Qualifier="live")["RequestedProvisionedConcurrentExecutions"] == 1
    assert stack.drift() == ({}, [])
    again = stack.deploy(resources("Terminate", None, "Auto", signed=False), outputs)
    assert again == made
    assert aws.get_function_recursion_config(FunctionName=made["F"])["RecursiveLoop"] == "Terminate"
    assert not aws.get_function_code_signing_config(FunctionName=made["F"]).get("CodeSigningConfigArn")
    refused(aws.get_provisioned_concurrency_config, "ProvisionedConcurrencyConfigNotFoundException", FunctionName=made["F"], Qualifier="live")
    assert aws.list_tags(Resource=made["Signing"])["Tags"]["a"] == "Terminate"
    aws.put_function_recursion_config(FunctionName=made["F"], RecursiveLoop="Allow")
    aws.update_code_signing_config(CodeSigningConfigArn=made["Signing"], Description="by hand")
    assert stack.drift() == ({"F": [("NOT_EQUAL", "/RecursiveLoop")], "Signing": [("NOT_EQUAL", "/Description")]}, [])
    stack.delete()
    refused(aws.get_code_signing_config, "ResourceNotFoundException", CodeSigningConfigArn=made["Signing"])


def test_an_alias_shares_its_calls_out(platform, stack):
    aws = platform.client("lambda")

    def resources(weight):
        function = {"Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {"ZipFile": "def handler(event, context): return 1"}}
        shared = {"RoutingConfig": {"AdditionalVersionWeights": [{"FunctionVersion": {"Fn::GetAtt": ["V2", "Version"]}, "FunctionWeight": weight}]}} if weight else {}
        made = {"Role": ROLE, "F": {"Type": "AWS::Lambda::Function", "Properties": {**function, **({"Timeout": 7} if weight is not None else {})}},
                "V1": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}, "Description": "one"}},
                "Live": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "F"}, "FunctionVersion": {"Fn::GetAtt": ["V1", "Version"]}, "Name": "live", **shared}}}
        if weight is not None:
            made["V2"] = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}, "Description": "two"}}
        return made

    function = stack.deploy(resources(None), {"F": {"Ref": "F"}})["F"]
    second = stack.deploy(resources(0.25), {"V2": {"Fn::GetAtt": ["V2", "Version"]}})["V2"]
    assert second == "2" and aws.get_alias(FunctionName=function, Name="live")["RoutingConfig"]["AdditionalVersionWeights"] == {"2": 0.25}
    assert stack.drift() == ({}, [])
    aws.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert stack.drift() == ({"Live": [("NOT_EQUAL", "/RoutingConfig/AdditionalVersionWeights/0/FunctionWeight")]}, [])
    # A version of what has not changed since is the one that there is: it is not taken for another resource's.
    same = {**resources(0.25), "V3": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "F"}}}}
    stack.client.update_stack(StackName=stack.name, TemplateBody=json.dumps({"Resources": same}), Capabilities=CAPABILITIES)
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE" and any("A version for this Lambda function exists ( 2 )" in each for each in stack.told()), stack.told()
    assert [version["Version"] for version in aws.list_versions_by_function(FunctionName=function)["Versions"]] == ["$LATEST", "1", "2"]
    stack.deploy(resources(0))
    assert not aws.get_alias(FunctionName=function, Name="live").get("RoutingConfig", {}).get("AdditionalVersionWeights")


def test_analyzers_and_their_rules(platform, stack, name):
    aws = platform.client("accessanalyzer")
    # An account has one of each type, and other tests may have left theirs.
    for analyzer in aws.list_analyzers()["analyzers"]:
        aws.delete_analyzer(analyzerName=analyzer["name"])

    def resources(tag, value, age):
        return {
            "A": {"Type": "AWS::AccessAnalyzer::Analyzer", "Properties": {"AnalyzerName": name, "Type": "ACCOUNT", "Tags": [{"Key": "a", "Value": tag}],
                  "ArchiveRules": [{"RuleName": "own", "Filter": [{"Property": "resourceType", "Eq": [value]}]}]}},
            "U": {"Type": "AWS::AccessAnalyzer::Analyzer", "Properties": {"Type": "ACCOUNT_UNUSED_ACCESS", "AnalyzerConfiguration": {"UnusedAccessConfiguration": {"UnusedAccessAge": age}}}},
            "R": {"Type": "AWS::AccessAnalyzer::ArchiveRule", "DependsOn": "A", "Properties": {"AnalyzerName": name, "RuleName": "apart", "Filter": {"resourceType": {"Eq": [value]}}}},
        }

    outputs = {"A": {"Ref": "A"}, "Arn": {"Fn::GetAtt": ["A", "Arn"]}, "R": {"Fn::GetAtt": ["R", "Arn"]}}
    made = stack.deploy(resources("1", "AWS::S3::Bucket", 90), outputs)
    assert made["A"] == made["Arn"] == f"arn:aws:access-analyzer:us-east-1:000000000000:analyzer/{name}" and made["R"].startswith(made["A"])
    rules = {rule["ruleName"]: rule["filter"] for rule in aws.list_archive_rules(analyzerName=name)["archiveRules"]}
    assert rules == {each: {"resourceType": {"eq": ["AWS::S3::Bucket"]}} for each in ("own", "apart")}
    # The rule apart is the analyzer's as well, and its own template part does not say it.
    assert [each for each, found in stack.drift()[0].items() if found != [("ADD", "/ArchiveRules/0")]] == []
    assert stack.deploy(resources("2", "AWS::IAM::Role", 90), outputs) == made
    rules = {rule["ruleName"]: rule["filter"] for rule in aws.list_archive_rules(analyzerName=name)["archiveRules"]}
    assert rules == {each: {"resourceType": {"eq": ["AWS::IAM::Role"]}} for each in ("own", "apart")}
    assert aws.get_analyzer(analyzerName=name)["analyzer"]["tags"]["a"] == "2"
    aws.update_archive_rule(analyzerName=name, ruleName="apart", filter={"resourceType": {"eq": ["AWS::S3::Bucket"]}})
    assert stack.drift()[0]["R"] == [("ADD", "/Filter/resourceType/Eq/0"), ("REMOVE", "/Filter/resourceType/Eq/0")]
    stack.delete()
    refused(aws.get_analyzer, "ResourceNotFoundException", analyzerName=name)


def test_a_global_table_here_and_its_backup(platform, stack, name):
    aws = platform.client("dynamodb")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "dynamodb:GetItem", "Resource": "*"}]}
    schema = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}

    def resources(recovers, action, region="us-east-1"):
        stated = {**policy, "Statement": [{**policy["Statement"][0], "Action": action}]}
        return {
            "G": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": {**schema, "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"}, "Replicas": [
                {"Region": region, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recovers}, "Tags": [{"Key": "a", "Value": "1"}]}]}},
            "T": {"Type": "AWS::DynamoDB::Table", "Properties": {**schema, "ResourcePolicy": {"PolicyDocument": stated}}},
            "B": {"Type": "AWS::DynamoDB::Backup", "Properties": {"TableName": {"Ref": "T"}, "BackupName": name}},
        }

    outputs = {"G": {"Ref": "G"}, "Arn": {"Fn::GetAtt": ["G", "Arn"]}, "Id": {"Fn::GetAtt": ["G", "TableId"]}, "Stream": {"Fn::GetAtt": ["G", "StreamArn"]}, "T": {"Ref": "T"},
               "TArn": {"Fn::GetAtt": ["T", "Arn"]}, "B": {"Fn::GetAtt": ["B", "BackupArn"]}}
    made = stack.deploy(resources(True, "dynamodb:GetItem"), outputs)
    shown = aws.describe_table(TableName=made["G"])["Table"]
    assert (made["Arn"], made["Id"], made["Stream"]) == (shown["TableArn"], shown["TableId"], shown["LatestStreamArn"])
    recovery = "ContinuousBackupsDescription", "PointInTimeRecoveryDescription", "PointInTimeRecoveryStatus"
    found = aws.describe_continuous_backups(TableName=made["G"])
    assert found[recovery[0]][recovery[1]][recovery[2]] == "ENABLED"
    assert json.loads(aws.get_resource_policy(ResourceArn=made["TArn"])["Policy"])["Statement"][0]["Action"] == "dynamodb:GetItem"
    assert aws.describe_backup(BackupArn=made["B"])["BackupDescription"]["BackupDetails"]["BackupName"] == name
    assert stack.drift() == ({}, [])
    assert stack.deploy(resources(False, "dynamodb:Query"), outputs) == made
    assert json.loads(aws.get_resource_policy(ResourceArn=made["TArn"])["Policy"])["Statement"][0]["Action"] == "dynamodb:Query"
    aws.update_continuous_backups(TableName=made["G"], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    aws.delete_resource_policy(ResourceArn=made["TArn"])
    aws.delete_backup(BackupArn=made["B"])
    assert stack.drift() == ({"G": [("NOT_EQUAL", "/Replicas/0/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled")], "T": [("REMOVE", "/ResourcePolicy")]}, ["B"])
    stack.client.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources(False, "dynamodb:Query", "eu-west-1")}))
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE" and any("no replica but in us-east-1" in each for each in stack.told())
    stack.delete()
    refused(aws.describe_table, "ResourceNotFoundException", TableName=made["G"])


def test_an_organization_with_its_units_policies_and_accounts(fresh, name):
    platform = fresh.start()
    aws, stack = platform.client("organizations"), Stack(platform.client("cloudformation"), name)
    content = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "dynamodb:DeleteTable", "Resource": "*"}]}
    stack.deploy({"O": {"Type": "AWS::Organizations::Organization", "DeletionPolicy": "Retain", "Properties": {"FeatureSet": "ALL"}}}, {"Root": {"Fn::GetAtt": ["O", "RootId"]}, "Id": {"Ref": "O"}})
    root = aws.list_roots()["Roots"][0]["Id"]
    aws.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")

    def resources(unit, description, targets):
        return {
            "O": {"Type": "AWS::Organizations::Organization", "DeletionPolicy": "Retain", "Properties": {"FeatureSet": "ALL"}},
            "U": {"Type": "AWS::Organizations::OrganizationalUnit", "Properties": {"Name": unit, "ParentId": {"Fn::GetAtt": ["O", "RootId"]}, "Tags": [{"Key": "a", "Value": unit}]}},
            "P": {"Type": "AWS::Organizations::Policy", "Properties": {"Name": "p", "Type": "SERVICE_CONTROL_POLICY", "Content": content, "Description": description, "TargetIds": targets}},
            "B": {"Type": "AWS::Organizations::Account", "Properties": {"AccountName": "b", "Email": "b@example.com"}},
            "A": {"Type": "AWS::Organizations::Account", "DeletionPolicy": "Retain", "Properties": {"AccountName": "a", "Email": "a@example.com", "ParentIds": [{"Ref": "U"}]}},
        }

    outputs = {"B": {"Ref": "B"}, "U": {"Ref": "U"}, "P": {"Ref": "P"}, "A": {"Ref": "A"}, "Arn": {"Fn::GetAtt": ["A", "Arn"]}, "PArn": {"Fn::GetAtt": ["P", "Arn"]}, "Root": {"Fn::GetAtt": ["O", "RootId"]}}
    made = stack.deploy(resources("one", "first", [{"Ref": "U"}]), outputs)
    assert made["Root"] == root and aws.list_parents(ChildId=made["A"])["Parents"][0]["Id"] == made["U"]
    assert [t["TargetId"] for t in aws.list_targets_for_policy(PolicyId=made["P"])["Targets"]] == [made["U"]]
    assert stack.drift() == ({}, [])
    assert stack.deploy(resources("two", "second", [{"Ref": "A"}]), outputs) == made
    assert aws.describe_organizational_unit(OrganizationalUnitId=made["U"])["OrganizationalUnit"]["Name"] == "two"
    assert [t["TargetId"] for t in aws.list_targets_for_policy(PolicyId=made["P"])["Targets"]] == [made["A"]]
    # What no call changes is refused, and nothing is to be brought back then.
    for each, other in (("A", {"AccountName": "other"}), ("A", {"Email": "other@example.com"}), ("O", {"FeatureSet": "CONSOLIDATED_BILLING"})):
        asked = resources("two", "second", [{"Ref": "A"}])
        asked[each]["Properties"].update(other)
        stack.client.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": asked}), Capabilities=CAPABILITIES)
        assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE" and any("cannot be changed here" in told for told in stack.told()), (other, stack.told())
        assert stack.drift() == ({}, [])
    aws.update_organizational_unit(OrganizationalUnitId=made["U"], Name="by hand")
    aws.move_account(AccountId=made["A"], SourceParentId=made["U"], DestinationParentId=root)
    aws.update_policy(PolicyId=made["P"], Content=json.dumps({**content, "Statement": [{**content["Statement"][0], "Action": "s3:*"}]}))
    assert stack.drift() == ({"U": [("NOT_EQUAL", "/Name")], "A": [("ADD", "/ParentIds/0"), ("REMOVE", "/ParentIds/0")], "P": [("NOT_EQUAL", "/Content/Statement/0/Action")]}, [])
    stack.delete()
    assert [aws.describe_account(AccountId=made[each])["Account"]["Status"] for each in "AB"] == ["ACTIVE", "SUSPENDED"]
    refused(aws.describe_policy, "PolicyNotFoundException", PolicyId=made["P"])


@pytest.mark.parametrize("resource,said", [
    ({"Type": "AWS::IAM::SAMLProvider"}, "Unrecognized resource types: [AWS::IAM::SAMLProvider]"),
    ({"Type": "AWS::Logs::MetricFilter"}, "Unrecognized resource types: [AWS::Logs::MetricFilter]"),
    ({"Type": "AWS::S3::Bucket", "Properties": {"WebsiteConfiguration": {}}}, "#: key [WebsiteConfiguration] is not supported here: buckets have no metadata tables and no websites"),
    ({"Type": "AWS::Lambda::Function", "Properties": {"VpcConfig": {}}}, "#: key [VpcConfig] is not supported here"),
    ({"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"FunctionName": "f", "EventSourceArn": {"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:q"}}}, "#/EventSourceArn: there is no event source of sqs here"),
    ({"Type": "AWS::S3::Bucket", "Properties": {"Nonsense": 1}}, "#: extraneous key [Nonsense] is not permitted"),
])
def test_what_is_not_offered_is_refused_by_name(platform, name, resource, said):
    client = platform.client("cloudformation")
    assert said in refused(client.create_stack, "ValidationError", StackName=name, TemplateBody=json.dumps({"Resources": {"R": resource}}))


def test_attributes_that_a_type_has_not_are_refused_before_anything_is_made(platform, name):
    client = platform.client("cloudformation")
    template = json.dumps({"Resources": {"R": {"Type": "AWS::Logs::LogGroup"}}, "Outputs": {"O": {"Value": {"Fn::GetAtt": ["R", "Nope"]}}}})
    message = refused(client.create_stack, "ValidationError", StackName=name, TemplateBody=template)
    assert message.startswith("Template error: resource R does not support attribute type Nope in Fn::GetAtt"), message
    assert "does not exist" in refused(client.describe_stacks, "ValidationError", StackName=name)
