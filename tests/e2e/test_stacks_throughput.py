"""What stacks say of tables' throughput: ceilings, what tables are made ready for, and units of indexes."""

import json

from test_stacks_registry import stack  # noqa: F401

ID = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": each, "AttributeType": "S"} for each in ("id", "a")]}
INDEX = {"IndexName": "by-a", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
BROKEN = {"Type": "AWS::Logs::LogGroup", "DependsOn": "T", "Properties": {"LogGroupName": "/aws/broken", "RetentionInDays": 2}}


def table(index=None, kind="Table", **more):
    return {"T": {"Type": f"AWS::DynamoDB::{kind}", "Properties": {**ID, "BillingMode": "PAY_PER_REQUEST", **more, "GlobalSecondaryIndexes": [{**INDEX, **(index or {})}]}}}


def ready(shown):
    return shown["WarmThroughput"]["ReadUnitsPerSecond"], shown["WarmThroughput"]["WriteUnitsPerSecond"]


def units(shown):
    return tuple(shown["ProvisionedThroughput"][f"{each}CapacityUnits"] for each in ("Read", "Write"))


def test_a_table_has_ceilings_and_is_made_ready(platform, stack):  # noqa: F811
    aws, named = platform.client("dynamodb"), {"T": {"Ref": "T"}}

    def has():
        shown = aws.describe_table(TableName=made)["Table"]
        return shown, shown["GlobalSecondaryIndexes"][0]

    made = stack.deploy(table(
        {"OnDemandThroughput": {"MaxReadRequestUnits": 7}, "WarmThroughput": {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 4000}},
        OnDemandThroughput={"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}, WarmThroughput={"ReadUnitsPerSecond": 14000, "WriteUnitsPerSecond": 5000}), named)["T"]
    own, index = has()
    assert own["OnDemandThroughput"] == {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6} and ready(own) == (14000, 5000)
    assert index["OnDemandThroughput"] == {"MaxReadRequestUnits": 7} and ready(index) == (13000, 4000)
    assert stack.drift() == ({}, [])
    # What is not said any more is taken away; what it is ready for stays.
    assert stack.deploy(table({"OnDemandThroughput": {"MaxWriteRequestUnits": 8}}, OnDemandThroughput={"MaxWriteRequestUnits": 9}), named)["T"] == made
    own, index = has()
    assert own["OnDemandThroughput"] == {"MaxWriteRequestUnits": 9} and ready(own) == (14000, 5000)
    assert index["OnDemandThroughput"] == {"MaxWriteRequestUnits": 8} and ready(index) == (13000, 4000)
    more = {"WarmThroughput": {"ReadUnitsPerSecond": 15000, "WriteUnitsPerSecond": 5000}}
    assert stack.deploy(table({**more, "OnDemandThroughput": {"MaxWriteRequestUnits": 8}}, OnDemandThroughput={"MaxWriteRequestUnits": 9}, **more), named)["T"] == made
    own, index = has()
    assert ready(own) == ready(index) == (15000, 5000)
    aws.update_table(TableName=made, OnDemandThroughput={"MaxWriteRequestUnits": 3})
    assert stack.drift() == ({"T": [("NOT_EQUAL", "/OnDemandThroughput/MaxWriteRequestUnits")]}, [])


def test_what_cannot_be_goes_back(platform, stack):  # noqa: F811
    aws, named = platform.client("dynamodb"), {"T": {"Ref": "T"}}
    ceiling, warm = {"MaxReadRequestUnits": 5}, {"ReadUnitsPerSecond": 14000, "WriteUnitsPerSecond": 5000}
    made = stack.deploy(table(OnDemandThroughput=ceiling, WarmThroughput=warm), named)["T"]

    def update(resources):
        stack.client.update_stack(StackName=stack.id, TemplateBody=json.dumps({"Resources": resources}))
        status = stack.settled()
        shown = aws.describe_table(TableName=made)["Table"]
        return status, shown.get("OnDemandThroughput"), ready(shown)

    less = table(OnDemandThroughput=ceiling, WarmThroughput={"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 5000})
    assert update(less) == ("UPDATE_ROLLBACK_COMPLETE", ceiling, (14000, 5000))
    assert any("decreasing WarmThroughput is not supported" in each for each in stack.told())
    # The table was made ready for more before something else failed: it stays ready for more than the template says.
    more = table(WarmThroughput={"ReadUnitsPerSecond": 16000, "WriteUnitsPerSecond": 5000})
    assert update({**more, "Bad": BROKEN}) == ("UPDATE_ROLLBACK_COMPLETE", ceiling, (16000, 5000))


def test_a_table_and_its_index_change_how_they_are_paid_for(platform, stack):  # noqa: F811
    aws, named = platform.client("dynamodb"), {"T": {"Ref": "T"}}

    def throughput(read):
        return {"ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": 1}}

    def has():
        shown = aws.describe_table(TableName=made)["Table"]
        return units(shown), units(shown["GlobalSecondaryIndexes"][0]), shown.get("OnDemandThroughput")

    ceiling = {"OnDemandThroughput": {"MaxReadRequestUnits": 5}}
    made = stack.deploy(table(ceiling, **ceiling), named)["T"]
    assert has() == ((0, 0), (0, 0), {"MaxReadRequestUnits": 5})
    assert stack.deploy(table(throughput(3), BillingMode="PROVISIONED", **throughput(2)), named)["T"] == made
    assert has() == ((2, 1), (3, 1), None)
    # A change of an index that its table does not get to is not taken back either.
    refusal = table(throughput(4), BillingMode="PROVISIONED", TableClass="NONE", **throughput(2))
    stack.client.update_stack(StackName=stack.id, TemplateBody=json.dumps({"Resources": refusal}))
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE", stack.told()
    assert has() == ((2, 1), (3, 1), None)
    assert stack.deploy(table(throughput(4), BillingMode="PROVISIONED", **throughput(2)), named)["T"] == made
    assert has() == ((2, 1), (4, 1), None)
    assert stack.deploy(table(ceiling, **ceiling), named)["T"] == made
    assert has() == ((0, 0), (0, 0), {"MaxReadRequestUnits": 5})
    both = table(ceiling, BillingMode="PROVISIONED", **throughput(2), **ceiling)
    stack.client.update_stack(StackName=stack.id, TemplateBody=json.dumps({"Resources": both}))
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE", stack.told()
    assert has() == ((0, 0), (0, 0), {"MaxReadRequestUnits": 5})


def test_a_global_table_says_reads_and_writes_apart(platform, stack):  # noqa: F811
    aws, named = platform.client("dynamodb"), {"T": {"Ref": "T"}}

    def resources(write, read, of_index, **replica):
        return table({"ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": of_index}}, "GlobalTable", StreamSpecification={"StreamViewType": "NEW_IMAGE"},
                     WriteOnDemandThroughputSettings={"MaxWriteRequestUnits": write}, WarmThroughput={"ReadUnitsPerSecond": 14000, "WriteUnitsPerSecond": 5000},
                     Replicas=[{"Region": "us-east-1", "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": read}, **replica}])

    def has():
        shown = aws.describe_table(TableName=made)["Table"]
        return shown["OnDemandThroughput"], shown["GlobalSecondaryIndexes"][0]["OnDemandThroughput"], ready(shown)

    made = stack.deploy(resources(6, 5, 7), named)["T"]
    assert has() == ({"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}, {"MaxReadRequestUnits": 7}, (14000, 5000))
    own = {"GlobalSecondaryIndexes": [{"IndexName": "by-a", "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": 11}}]}
    assert stack.deploy(resources(8, 9, 7, **own), named)["T"] == made
    assert has() == ({"MaxReadRequestUnits": 9, "MaxWriteRequestUnits": 8}, {"MaxReadRequestUnits": 11}, (14000, 5000))
    # What the replica says comes before what is said of the whole, which is no drift.
    assert stack.drift() == ({}, [])
    assert stack.deploy(resources(8, 9, 7), named)["T"] == made
    assert has()[1] == {"MaxReadRequestUnits": 7}
    aws.update_table(TableName=made, OnDemandThroughput={"MaxReadRequestUnits": 3})
    assert stack.drift() == ({"T": [("NOT_EQUAL", "/Replicas/0/ReadOnDemandThroughputSettings/MaxReadRequestUnits")]}, [])
