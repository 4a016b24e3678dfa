"""Updates that fail, stop half-way or are cancelled: brought back, gone on with, deleted; nothing is left behind."""

import json

import pytest

from stacks import client, settled  # noqa: F401
from support import eventually, refused


def group(name, **more):
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, **more.pop("properties", {})}, **more}


def template(**resources):
    return json.dumps({"Resources": resources})


def groups(platform, prefix):
    return sorted(g["logGroupName"] for g in platform.client("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"])


@pytest.fixture
def stuck(platform, client, name):
    """A stack whose update failed and cannot go back: its deployer may set a retention and may not take it away."""
    taken = f"{name}-taken"
    platform.client("logs").create_log_group(logGroupName=taken)
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["cloudformation:*", "logs:Create*", "logs:Describe*", "logs:List*", "logs:Put*"], "Resource": "*"})
    deployer = platform.client("cloudformation", key, secret)
    made = deployer.create_stack(StackName=name, TemplateBody=template(A=group(f"{name}-a"), B=group(f"{name}-b", DependsOn="A")))["StackId"]
    assert settled(client, name) == "CREATE_COMPLETE"
    deployer.update_stack(StackName=name, TemplateBody=template(
        A=group(f"{name}-a", properties={"RetentionInDays": 7}), B=group(f"{name}-c", DependsOn="A"), C=group(taken, DependsOn="B")))
    assert settled(client, name) == "UPDATE_ROLLBACK_FAILED"
    yield made
    client.delete_stack(StackName=made)
    assert settled(client, made) == "DELETE_COMPLETE"
    # What is not the stack's is still there; all that was the stack's is gone.
    assert groups(platform, name) == [taken]


def test_a_stack_that_cannot_go_back_is_deleted_whole(platform, stuck, name):
    assert groups(platform, name) == [f"{name}-a", f"{name}-b", f"{name}-c", f"{name}-taken"]


def test_a_way_back_goes_on_with_enough_rights(platform, client, stuck, name):
    assert "UPDATE_ROLLBACK_FAILED state and can not be updated" in refused(client.update_stack, "ValidationError", StackName=name, TemplateBody=template(A=group("x")))
    client.continue_update_rollback(StackName=name)
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(platform, name) == [f"{name}-a", f"{name}-b", f"{name}-taken"]


def test_what_cannot_go_back_is_skipped(platform, client, stuck, name):
    assert "cannot be skipped: [B]" in refused(client.continue_update_rollback, "ValidationError", StackName=name, ResourcesToSkip=["B"])
    client.continue_update_rollback(StackName=name, ResourcesToSkip=["A"])
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(platform, name) == [f"{name}-a", f"{name}-b", f"{name}-taken"]


@pytest.mark.parametrize("back", [True, False])
def test_a_failed_update_that_was_kept_goes_back_or_on(platform, client, name, back):
    client.create_stack(StackName=name, TemplateBody=template(A=group(f"{name}-a")))
    assert settled(client, name) == "CREATE_COMPLETE"
    bad = group(f"{name}-x", DependsOn="A", properties={"RetentionInDays": 2_000_000})
    client.update_stack(StackName=name, TemplateBody=template(A=group(f"{name}-b"), X=bad), DisableRollback=True)
    assert settled(client, name) == "UPDATE_FAILED"
    if back:
        assert client.rollback_stack(StackName=name)["StackId"].startswith("arn:aws:cloudformation:")
        assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
        assert groups(platform, name) == [f"{name}-a"]
    else:
        client.update_stack(StackName=name, TemplateBody=template(A=group(f"{name}-c")))
        assert settled(client, name) == "UPDATE_COMPLETE"
        assert groups(platform, name) == [f"{name}-c"]
    client.delete_stack(StackName=name)
    eventually(lambda: groups(platform, name) == [])


def test_an_update_is_cancelled(platform, client, name):
    many = {f"G{n}": group(f"{name}-{n}", **({"DependsOn": f"G{n - 1}"} if n else {})) for n in range(60)}
    # In the middle it waits for what never comes.
    many["H"] = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    many["W"] = {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "G29", "Properties": {"Handle": {"Ref": "H"}, "Timeout": "43200"}}
    many["G30"]["DependsOn"] = "W"
    client.create_stack(StackName=name, TemplateBody=template(G0=many["G0"]))
    assert settled(client, name) == "CREATE_COMPLETE"
    assert refused(client.cancel_update_stack, "ValidationError", StackName=name) == "CancelUpdateStack cannot be called from current stack status"
    client.update_stack(StackName=name, TemplateBody=template(**many))
    events = lambda: [(e["LogicalResourceId"], e["ResourceStatus"]) for e in client.describe_stack_events(StackName=name)["StackEvents"]]
    eventually(lambda: ("W", "CREATE_IN_PROGRESS") in events())
    client.cancel_update_stack(StackName=name)
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert "G30" not in [logical_id for logical_id, _ in events()]
    assert groups(platform, name) == [f"{name}-0"]
    client.delete_stack(StackName=name)


def test_what_a_stack_makes_says_whose_it_is(platform, client, name):
    made = client.create_stack(StackName=name, TemplateBody=template(Own=group(name, properties={"Tags": [{"Key": "a", "Value": "b"}]})))["StackId"]
    assert settled(client, name) == "CREATE_COMPLETE"
    logs = platform.client("logs")
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{name}"
    tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
    assert tags == {"a": "b", "aws:cloudformation:stack-name": name, "aws:cloudformation:stack-id": made, "aws:cloudformation:logical-id": "Own"}
    # Nobody else writes them or takes them away, by a template neither.
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.untag_resource(resourceArn=arn, tagKeys=["aws:cloudformation:stack-id"])
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.tag_resource(resourceArn=arn, tags={"aws:cloudformation:stack-id": "other"})
    client.update_stack(StackName=name, TemplateBody=template(Own=group(name, properties={"Tags": [{"Key": "aws:x", "Value": "b"}]})))
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    client.delete_stack(StackName=name)


def test_what_is_new_goes_on_the_way_back_where_that_is_asked(platform, client, name):
    kept, bad = group(f"{name}-kept", DeletionPolicy="Retain"), group(f"{name}-bad", properties={"RetentionInDays": 2}, DependsOn="Kept")
    asked = {"StackName": name, "TemplateBody": template(Kept=kept, Bad=bad)}
    for retains, left in ((False, [f"{name}-kept"]), (True, [])):
        made = client.create_stack(**asked, RetainExceptOnCreate=retains)["StackId"]
        assert settled(client, name) == "ROLLBACK_COMPLETE"
        assert groups(platform, name) == left
        for each in left:
            platform.client("logs").delete_log_group(logGroupName=each)
        client.delete_stack(StackName=name)
        assert settled(client, made) == "DELETE_COMPLETE"
    client.create_stack(StackName=name, TemplateBody=template(First=group(f"{name}-first", DeletionPolicy="Retain")))
    assert settled(client, name) == "CREATE_COMPLETE"
    both = {"First": group(f"{name}-first", DeletionPolicy="Retain"), "Kept": kept, "Bad": bad}
    client.update_stack(StackName=name, TemplateBody=template(**both), RetainExceptOnCreate=True)
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert client.describe_stacks(StackName=name)["Stacks"][0]["RetainExceptOnCreate"] is True
    assert groups(platform, name) == [f"{name}-first"]
    client.update_stack(StackName=name, TemplateBody=template(**both), DisableRollback=True)
    assert settled(client, name) == "UPDATE_FAILED"
    client.rollback_stack(StackName=name, RetainExceptOnCreate=True)
    assert settled(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(platform, name) == [f"{name}-first"]
    client.delete_stack(StackName=name)
    platform.client("logs").delete_log_group(logGroupName=f"{name}-first")
