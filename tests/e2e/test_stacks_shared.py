"""What stacks share and what they are protected by: exports, stack policies, roles, tokens, and change sets that say what they would do."""

import json
import threading
import time

from botocore.exceptions import ClientError
from stacks import client, settled  # noqa: F401
from support import eventually, listed, refused


def group(name, **more):
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **more.pop("properties", {})}, **more}


def template(outputs=None, parameters=None, **resources):
    return json.dumps({"Resources": resources, **({"Outputs": outputs} if outputs else {}), **({"Parameters": parameters} if parameters else {})})


def made(client, name, text, **more):
    stack = client.create_stack(StackName=name, TemplateBody=text, **more)["StackId"]
    assert settled(client, stack) == "CREATE_COMPLETE", [e.get("ResourceStatusReason") for e in client.describe_stack_events(StackName=stack)["StackEvents"]]
    return stack


def groups(platform, prefix):
    return sorted(g["logGroupName"] for g in platform.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"])


def test_an_export_is_used_and_kept_while_it_is(platform, client, name):
    exporting = {"Name": {"Value": {"Ref": "G"}, "Export": {"Name": f"{name}-name"}}}
    first = made(client, f"{name}-a", template(exporting, G=group(f"{name}-a")))
    assert "No export named" in refused(client.create_stack, "ValidationError", StackName=f"{name}-b", TemplateBody=template(G=group({"Fn::ImportValue": "unheard"})))
    second = made(client, f"{name}-b", template(G=group({"Fn::Sub": ["${N}-b", {"N": {"Fn::ImportValue": f"{name}-name"}}]})))
    assert groups(platform, name) == [f"{name}-a", f"{name}-a-b"]
    assert {"ExportingStackId": first, "Name": f"{name}-name", "Value": f"{name}-a"} in listed(client, "list_exports", "Exports")
    assert client.list_imports(ExportName=f"{name}-name")["Imports"] == [f"{name}-b"]
    # Neither deleted nor changed while it is in use, and exported once only.
    client.delete_stack(StackName=first)
    assert settled(client, first) == "CREATE_COMPLETE"
    assert f"Cannot delete export {name}-name as it is in use by {name}-b" in client.describe_stacks(StackName=first)["Stacks"][0]["StackStatusReason"]
    # Nothing of it was deleted: it is updated as before.
    client.update_stack(StackName=first, TemplateBody=template(exporting, G=group(f"{name}-a", properties={"RetentionInDays": 7})))
    assert settled(client, first) == "UPDATE_COMPLETE"
    client.create_stack(StackName=f"{name}-c", TemplateBody=template(exporting, G=group(f"{name}-c")))
    assert settled(client, f"{name}-c") == "ROLLBACK_COMPLETE"
    assert f"Export with name {name}-name is already exported by stack {name}-a" in str(client.describe_stack_events(StackName=f"{name}-c")["StackEvents"])
    client.delete_stack(StackName=second)
    assert settled(client, second) == "DELETE_COMPLETE"
    assert "is not imported by any stack" in refused(client.list_imports, "ValidationError", ExportName=f"{name}-name")
    client.delete_stack(StackName=first)
    assert settled(client, first) == "DELETE_COMPLETE"
    client.delete_stack(StackName=f"{name}-c")


def test_an_export_that_goes_while_it_is_imported_is_kept_or_not_imported(platform, client, name):
    """Deleted and imported in the same moment: either the deletion is refused, or the import; a stack never stands with an import of nothing."""
    importer = template(G=group({"Fn::Sub": ["${N}-used", {"N": {"Fn::ImportValue": name}}]}))
    exporter = template({"O": {"Value": name, "Export": {"Name": name}}}, G=group(f"{name}-g"))
    for attempt in range(20):
        first, second = made(client, f"{name}-{attempt}-a", exporter), f"{name}-{attempt}-b"
        # The one or the other first, by a little.
        begin, gap = threading.Barrier(2), (attempt % 5 - 2) * 0.004
        told = []

        def imports():
            begin.wait()
            time.sleep(max(gap, 0))
            told.append(attempted(lambda: platform.client("cloudformation").create_stack(StackName=second, TemplateBody=importer)))

        def deletes():
            begin.wait()
            time.sleep(max(-gap, 0))
            platform.client("cloudformation").delete_stack(StackName=first)

        both = [threading.Thread(target=work) for work in (imports, deletes)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        importing = settled(client, second) if told[0] is None else told[0]
        exporting = settled(client, first)
        is_there = any(export["Name"] == name for export in listed(client, "list_exports", "Exports"))
        assert is_there == (exporting == "CREATE_COMPLETE"), (attempt, exporting, importing)
        assert (importing == "CREATE_COMPLETE") == is_there, (attempt, exporting, importing)
        assert is_there or "No export named" in importing or importing == "ROLLBACK_COMPLETE", (attempt, exporting, importing)
        for each in ([second] if told[0] is None else []) + ([first] if is_there else []):
            found = client.describe_stacks(StackName=each)["Stacks"][0]["StackId"]
            client.delete_stack(StackName=found)
            assert settled(client, found) == "DELETE_COMPLETE", (attempt, each)

def attempted(call):
    """None where a call is taken, else what it is refused with."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Message"]
    return None


def test_an_export_in_use_does_not_change(platform, client, name):
    text = lambda value: template({"O": {"Value": value, "Export": {"Name": name}}}, G=group(f"{name}-g"))
    made(client, f"{name}-a", text("one"))
    made(client, f"{name}-b", template(G=group({"Fn::Sub": [f"{name}-${{V}}", {"V": {"Fn::ImportValue": name}}]})))
    client.update_stack(StackName=f"{name}-a", TemplateBody=text("two"))
    assert settled(client, f"{name}-a") == "UPDATE_ROLLBACK_COMPLETE"
    assert f"Cannot update export {name} as it is in use by {name}-b" in str(client.describe_stack_events(StackName=f"{name}-a")["StackEvents"])
    for each in ("b", "a"):
        client.delete_stack(StackName=f"{name}-{each}")
        eventually(lambda each=each: groups(platform, f"{name}-{ {'a': 'g', 'b': 'one'}[each] }") == [])


POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
                                   {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": "LogicalResourceId/Kept"}]})


def test_a_stack_policy_protects_from_updates(platform, client, name):
    made(client, name, template(Kept=group(f"{name}-k"), Other=group(f"{name}-o")), StackPolicyBody=POLICY)
    assert json.loads(client.get_stack_policy(StackName=name)["StackPolicyBody"]) == json.loads(POLICY)
    for text, action in ((template(Kept=group(f"{name}-x"), Other=group(f"{name}-o")), "Replace"), (template(Other=group(f"{name}-o")), "Delete")):
        client.update_stack(StackName=name, TemplateBody=text)
        assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
        assert groups(platform, name) == [f"{name}-k", f"{name}-o"]
        denied = f"Action denied by stack policy: Statement [#2] does not allow [Update:{action}] for resource [LogicalResourceId/Kept]"
        assert denied in str(client.describe_stack_events(StackName=name)["StackEvents"])
    client.update_stack(StackName=name, TemplateBody=template(Kept=group(f"{name}-k", properties={"RetentionInDays": 7}), Other=group(f"{name}-o")))
    assert settled(client, name) == "UPDATE_COMPLETE"
    # Lifted for one update, then for good.
    allow = json.dumps({"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]})
    client.update_stack(StackName=name, TemplateBody=template(Kept=group(f"{name}-x"), Other=group(f"{name}-o")), StackPolicyDuringUpdateBody=allow)
    assert settled(client, name) == "UPDATE_COMPLETE" and groups(platform, name) == [f"{name}-o", f"{name}-x"]
    client.set_stack_policy(StackName=name, StackPolicyBody=allow)
    client.update_stack(StackName=name, TemplateBody=template(Other=group(f"{name}-o")))
    assert settled(client, name) == "UPDATE_COMPLETE" and groups(platform, name) == [f"{name}-o"]
    assert "Error validating stack policy" in refused(client.set_stack_policy, "ValidationError", StackName=name, StackPolicyBody="{}")
    client.delete_stack(StackName=name)


def trusting(service):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})


def test_a_stack_is_made_with_its_role(platform, client, name):
    iam = platform.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusting("cloudformation.amazonaws.com"))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}))
    other = iam.create_role(RoleName=f"{name}-other", AssumeRolePolicyDocument=trusting("lambda.amazonaws.com"))["Role"]["Arn"]
    key, secret = platform.user(name, {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"})
    deployer = platform.client("cloudformation", key, secret)
    text = template(G=group(f"{name}-g"))
    assert "iam:PassRole" in refused(deployer.create_stack, "AccessDenied", StackName=name, TemplateBody=text, RoleARN=arn)
    iam.put_user_policy(UserName=name, PolicyName="pass", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": [arn, other],
                        "Condition": {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}}]}))
    assert "cannot be assumed" in refused(deployer.create_stack, "ValidationError", StackName=name, TemplateBody=text, RoleARN=other)
    made(deployer, name, text, RoleARN=arn)
    assert client.describe_stacks(StackName=name)["Stacks"][0]["RoleARN"] == arn
    event = eventually(lambda: next((e for e in platform.events(EventName="CreateLogGroup") if name in json.dumps(e)), None))
    assert event["userIdentity"]["type"] == "AssumedRole" and event["userIdentity"]["arn"].endswith(f"assumed-role/{name}/AWSCloudFormation")
    # It stays the stack's: whoever may update the stack uses it without passing it again.
    iam.delete_user_policy(UserName=name, PolicyName="pass")
    deployer.update_stack(StackName=name, TemplateBody=template(G=group(f"{name}-g", properties={"RetentionInDays": 7})))
    assert settled(client, name) == "UPDATE_COMPLETE"
    stack = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    deployer.delete_stack(StackName=name)
    assert settled(client, stack) == "DELETE_COMPLETE"


def test_the_same_token_is_the_same_call(client, name):
    first = client.create_stack(StackName=name, TemplateBody=template(G=group(name)), ClientRequestToken="once")["StackId"]
    assert client.create_stack(StackName=name, TemplateBody=template(G=group(name)), ClientRequestToken="once")["StackId"] == first
    refused(client.create_stack, "AlreadyExistsException", StackName=name, TemplateBody=template(G=group(name)), ClientRequestToken="twice")
    assert settled(client, name) == "CREATE_COMPLETE"
    assert {e["ClientRequestToken"] for e in client.describe_stack_events(StackName=name)["StackEvents"]} == {"once"}
    text = template(G=group(name, properties={"RetentionInDays": 7}))
    for _ in range(2):
        client.update_stack(StackName=name, TemplateBody=text, ClientRequestToken="change")
        assert settled(client, name) == "UPDATE_COMPLETE"
    client.delete_stack(StackName=name)


def changes(client, name, change_set, text, **more):
    client.create_change_set(StackName=name, ChangeSetName=change_set, TemplateBody=text, **more)
    shown = client.describe_change_set(StackName=name, ChangeSetName=change_set)
    assert shown["Status"] == "CREATE_COMPLETE", shown
    return {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in shown["Changes"]}


def test_a_change_set_says_what_and_why(client, name):
    days = {"Days": {"Type": "Number", "Default": "7"}}
    role = lambda **more: {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(trusting("lambda.amazonaws.com")), **more}}
    base = {"A": group(f"{name}-a", properties={"RetentionInDays": {"Ref": "Days"}}), "B": group({"Fn::Sub": "${A}-b"}), "C": role(Description={"Ref": "A"}), "D": group(f"{name}-d")}
    made(client, name, template(parameters=days, **base), Capabilities=["CAPABILITY_IAM"])
    caps = {"Capabilities": ["CAPABILITY_IAM"]}
    found = changes(client, name, "parameter", template(parameters=days, **base), Parameters=[{"ParameterKey": "Days", "ParameterValue": "14"}], **caps)
    assert list(found) == ["A"] and (found["A"]["Replacement"], found["A"]["Scope"]) == ("False", ["Properties"])
    target = {"Attribute": "Properties", "Name": "RetentionInDays", "RequiresRecreation": "Never"}
    assert found["A"]["Details"] == [{"Target": target, "Evaluation": "Static", "ChangeSource": "ParameterReference", "CausingEntity": "Days"},
                                     {"Target": target, "Evaluation": "Dynamic", "ChangeSource": "DirectModification"}]
    found = changes(client, name, "replace", template(parameters=days, **{**base, "A": group(f"{name}-x", properties={"RetentionInDays": {"Ref": "Days"}}), "D": group(f"{name}-d", DeletionPolicy="Retain")}), **caps)
    assert {id: change["Replacement"] for id, change in found.items()} == {"A": "True", "B": "Conditional", "C": "False", "D": "False"}
    assert found["A"]["PolicyAction"] == "ReplaceAndDelete" and found["D"]["Scope"] == ["DeletionPolicy"]
    assert found["B"]["Details"] == [{"Target": {"Attribute": "Properties", "Name": "LogGroupName", "RequiresRecreation": "Always"},
                                      "Evaluation": "Dynamic", "ChangeSource": "ResourceReference", "CausingEntity": "A"}]
    found = changes(client, name, "remove", template(parameters=days, **{k: v for k, v in base.items() if k != "D"}), Tags=[{"Key": "team", "Value": "a"}], **caps)
    assert (found["D"]["Action"], found["D"]["PolicyAction"]) == ("Remove", "Delete")
    assert found["A"]["Scope"] == ["Tags"] and found["A"]["Details"][0]["Target"] == {"Attribute": "Tags", "RequiresRecreation": "Never"}
    refused(client.create_change_set, "ValidationError", StackName=name, ChangeSetName="i", ChangeSetType="IMPORT", TemplateBody=template(**base))
    client.execute_change_set(StackName=name, ChangeSetName="replace")
    assert settled(client, name) == "UPDATE_COMPLETE"
    client.delete_stack(StackName=name)


def test_quotas_are_told(client):
    limits = {each["Name"]: each["Value"] for each in client.describe_account_limits()["AccountLimits"]}
    assert limits == {"StackLimit": 2000, "StackOutputsLimit": 200}


def test_identities_are_declared(platform, client, name):
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:DescribeLogGroups", "Resource": "*"}]}
    text = template(
        {"Key": {"Value": {"Ref": "Key"}}, "Secret": {"Value": {"Fn::GetAtt": ["Key", "SecretAccessKey"]}}},
        Group={"Type": "AWS::IAM::Group", "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": allow}]}},
        User={"Type": "AWS::IAM::User"},
        In={"Type": "AWS::IAM::UserToGroupAddition", "Properties": {"GroupName": {"Ref": "Group"}, "Users": [{"Ref": "User"}]}},
        Key={"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": {"Ref": "User"}}},
        Role={"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(trusting("ec2.amazonaws.com"))}},
        Inline={"Type": "AWS::IAM::RolePolicy", "Properties": {"RoleName": {"Ref": "Role"}, "PolicyName": "q", "PolicyDocument": allow}},
        Logs={"Type": "AWS::Logs::LogGroup"}, Stream={"Type": "AWS::Logs::LogStream", "Properties": {"LogGroupName": {"Ref": "Logs"}}})
    assert refused(client.create_stack, "InsufficientCapabilitiesException", StackName=name, TemplateBody=text) == "Requires capabilities : [CAPABILITY_IAM]"
    stack = made(client, name, text, Capabilities=["CAPABILITY_IAM"])
    given = {o["OutputKey"]: o["OutputValue"] for o in client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]}
    logs = platform.client("logs", given["Key"], given["Secret"])
    assert eventually(lambda: logs.describe_log_groups()["logGroups"]), "the key has the group's rights"
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in client.describe_stack_resources(StackName=name)["StackResources"]}
    assert platform.client("iam").list_role_policies(RoleName=ids["Role"])["PolicyNames"] == ["q"]
    assert platform.client("logs").describe_log_streams(logGroupName=ids["Logs"])["logStreams"][0]["logStreamName"] == ids["Stream"]
    client.delete_stack(StackName=name)
    assert settled(client, stack) == "DELETE_COMPLETE"
    refused(platform.client("iam").get_user, "NoSuchEntity", UserName=ids["User"])
    refused(platform.client("iam").get_group, "NoSuchEntity", GroupName=ids["Group"])
