"""API keys and usage plans: by API Gateway's operations, as SAM templates say it, and over a kill."""

import json
import time

import pytest
import requests

from harness import Platform
from support import eventually, refused

ARN = "arn:aws:apigateway:us-east-1::"
MOCK = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}


def patch(*operations):
    return {"patchOperations": [dict(zip(("op", "path", "value"), operation)) for operation in operations]}


@pytest.fixture
def gateway(platform):
    return platform.client("apigateway")


def deployed(gateway, name):
    api = gateway.create_rest_api(name=name)
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    assert gateway.put_method(**at, authorizationType="NONE", apiKeyRequired=True)["apiKeyRequired"] is True
    gateway.put_integration(**at, **MOCK)
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": '"in"'})
    gateway.create_deployment(restApiId=api["id"], stageName="prod")
    return api["id"]


@pytest.fixture
def api(gateway, name):
    made = deployed(gateway, name)
    yield made
    gateway.delete_rest_api(restApiId=made)


def ask(platform, api, key=None):
    got = platform.raw("GET", f"/_aws/execute-api/{api}/prod/", {"x-api-key": key} if key else {})
    return got.status_code, got.json()


def test_keys_let_in_and_keep_out(platform, gateway, api, name):
    assert ask(platform, api) == (403, {"message": "Forbidden"})
    key = gateway.create_api_key(name=name, enabled=True, description="d", tags={"a": "1"})
    assert len(key["value"]) == 40 and ask(platform, api, key["value"])[0] == 403, "a key without a plan is good for nothing"
    shown = gateway.get_api_key(apiKey=key["id"])
    assert "value" not in shown and shown["tags"] == {"a": "1"}
    assert gateway.get_api_key(apiKey=key["id"], includeValue=True)["value"] == key["value"]
    assert [each["id"] for each in gateway.get_api_keys(nameQuery=name)["items"]] == [key["id"]]
    plan = gateway.create_usage_plan(name=name, apiStages=[{"apiId": api, "stage": "prod"}], tags={"p": "1"})
    assert gateway.get_usage_plan(usagePlanId=plan["id"])["name"] == name
    tie = gateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    assert (tie["id"], tie["type"]) == (key["id"], "API_KEY")
    assert ask(platform, api, key["value"]) == (200, "in")
    assert ask(platform, api, key["value"][:-1]) == (403, {"message": "Forbidden"})
    assert gateway.get_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"])["name"] == name
    assert [each["id"] for each in gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]] == [key["id"]]
    assert [each["id"] for each in gateway.get_usage_plans(keyId=key["id"])["items"]] == [plan["id"]]
    gateway.tag_resource(resourceArn=f"{ARN}/apikeys/{key['id']}", tags={"b": "2"})
    assert gateway.get_tags(resourceArn=f"{ARN}/apikeys/{key['id']}")["tags"] == {"a": "1", "b": "2"}
    assert gateway.get_tags(resourceArn=f"{ARN}/usageplans/{plan['id']}")["tags"] == {"p": "1"}
    changed = gateway.update_api_key(apiKey=key["id"], **patch(("replace", "/enabled", "false"), ("replace", "/customerId", "c")))
    assert (changed["enabled"], changed["customerId"]) == (False, "c") and ask(platform, api, key["value"])[0] == 403
    gateway.update_api_key(apiKey=key["id"], **patch(("replace", "/enabled", "true")))
    assert ask(platform, api, key["value"])[0] == 200
    other = gateway.create_usage_plan(name=name + "-2", apiStages=[{"apiId": api, "stage": "prod"}])
    refused(gateway.create_usage_plan_key, "ConflictException", usagePlanId=other["id"], keyId=key["id"], keyType="API_KEY")
    refused(gateway.create_usage_plan_key, "NotFoundException", usagePlanId=plan["id"], keyId="nokey", keyType="API_KEY")
    assert refused(gateway.create_usage_plan, "NotFoundException", name="x", apiStages=[{"apiId": api, "stage": "nostage"}]) == f"API Stage not found: {api}:nostage"
    refused(gateway.create_usage_plan, "BadRequestException", name="x", quota={"limit": 1, "offset": 1, "period": "DAY"})
    assert refused(gateway.get_api_key, "NotFoundException", apiKey="nokey") == "Invalid API Key identifier specified"
    assert refused(gateway.get_usage_plan, "NotFoundException", usagePlanId="noplan") == "Invalid Usage Plan ID specified"
    refused(gateway.create_api_key, "ConflictException", value=key["value"])
    refused(gateway.create_api_key, "BadRequestException", value="short")
    gateway.delete_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"])
    assert ask(platform, api, key["value"])[0] == 403
    for each in (plan, other):
        gateway.delete_usage_plan(usagePlanId=each["id"])
    gateway.delete_api_key(apiKey=key["id"])
    refused(gateway.delete_api_key, "NotFoundException", apiKey=key["id"])
    trail = json.dumps(platform.events(EventSource="apigateway.amazonaws.com"), default=str)
    assert key["id"] in trail and key["value"] not in trail
    assert key["value"] not in platform.log_path.read_text()


def test_keys_are_imported(platform, gateway, api, name):
    plan = gateway.create_usage_plan(name=name, apiStages=[{"apiId": api, "stage": "prod"}])["id"]
    values = [f"imported-{name}-{number}-0123456789"[:100] for number in range(2)]
    file = f"Name,key,description,Enabled,usageplanIds\nfirst,{values[0]},\"one, two\",TRUE,\"{plan}\"\nsecond,{values[1]},,FALSE,\"{plan},noplan\"\n"
    made = gateway.import_api_keys(body=file, format="csv")
    assert len(made["ids"]) == 2 and len(made["warnings"]) == 1
    assert gateway.get_api_key(apiKey=made["ids"][0])["description"] == "one, two"
    assert [ask(platform, api, value)[0] for value in values] == [200, 403]
    refused(gateway.import_api_keys, "ConflictException", body=file, format="csv")
    refused(gateway.import_api_keys, "BadRequestException", body="nothing", format="csv")
    for key in made["ids"]:
        gateway.delete_api_key(apiKey=key)
    gateway.delete_usage_plan(usagePlanId=plan)


def test_plans_throttle_and_end(platform, gateway, api, name):
    plan = gateway.create_usage_plan(name=name, apiStages=[{"apiId": api, "stage": "prod"}], throttle={"rateLimit": 0.01, "burstLimit": 3})["id"]
    key = gateway.create_api_key(name=name, enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    began = time.strftime("%Y-%m-%d", time.gmtime())
    assert [ask(platform, api, key["value"])[0] for _ in range(4)] == [200, 200, 200, 429]
    assert ask(platform, api, key["value"]) == (429, {"message": "Too Many Requests"})
    changed = gateway.update_usage_plan(usagePlanId=plan, **patch(("remove", "/throttle"), ("replace", "/quota/limit", "5"), ("replace", "/quota/period", "WEEK")))
    assert "throttle" not in changed and changed["quota"] == {"limit": 5, "offset": 0, "period": "WEEK"}
    assert [ask(platform, api, key["value"])[0] for _ in range(3)] == [200, 200, 429], "what was used before counts"
    assert ask(platform, api, key["value"]) == (429, {"message": "Limit Exceeded"})
    today = time.strftime("%Y-%m-%d", time.gmtime())
    items = gateway.get_usage(usagePlanId=plan, startDate=began, endDate=today)["items"]
    # A list of days: two of them around midnight.
    assert list(items) == [key["id"]] and (sum(used for used, _ in items[key["id"]]), items[key["id"]][-1][1]) == (5, 0), items
    gateway.update_usage(usagePlanId=plan, keyId=key["id"], **patch(("replace", "/remaining", "2")))
    assert [ask(platform, api, key["value"])[0] for _ in range(3)] == [200, 200, 429]
    refused(gateway.get_usage, "BadRequestException", usagePlanId=plan, startDate="2026-02-30", endDate=today)
    gateway.delete_usage_plan(usagePlanId=plan)
    gateway.delete_api_key(apiKey=key["id"])


def test_what_was_used_outlives_a_kill(fresh):
    platform = fresh.start()
    gateway = platform.client("apigateway")
    api = deployed(gateway, "kill")
    plan = gateway.create_usage_plan(name="kill", apiStages=[{"apiId": api, "stage": "prod"}], quota={"limit": 6, "period": "MONTH"})["id"]
    key = gateway.create_api_key(name="kill", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    assert [ask(platform, api, key["value"])[0] for _ in range(4)] == [200] * 4
    # Written once a second, which nobody sees from outside: what is much older than that is never lost.
    time.sleep(8)
    platform.kill()
    platform.start()
    assert [ask(platform, api, key["value"])[0] for _ in range(3)] == [200, 200, 429]


SAM = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 30}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        ApiKeyRequired: true
        UsagePlan: {CreateUsagePlan: PER_API, Quota: {Limit: 4, Period: DAY}, Throttle: {BurstLimit: 100, RateLimit: 50}}
  Shared:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Auth: {UsagePlan: {CreateUsagePlan: SHARED}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return {"statusCode": 200, "body": event["requestContext"]["identity"].get("apiKeyId") or "nobody"}
      Events:
        Keyed: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /keyed, Method: get}}
        Open: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /open, Method: get, Auth: {ApiKeyRequired: false}}}
        Other: {Type: Api, Properties: {RestApiId: !Ref Shared, Path: /keyed, Method: get, Auth: {ApiKeyRequired: true}}}
Outputs:
  Api: {Value: !Ref Api}
  Key: {Value: !Ref ApiApiKey}
  Shared: {Value: !Ref Shared}
  SharedKey: {Value: !Ref ServerlessApiKey}
"""


def test_a_template_says_who_needs_a_key(platform, gateway):
    client = platform.client("cloudformation")
    made = client.create_stack(StackName="keys", TemplateBody=SAM, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])["StackId"]

    def status():
        found = client.describe_stacks(StackName=made)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    def settled(wanted):
        found = eventually(status, timeout_s=120)
        assert found["StackStatus"] == wanted, [(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in client.describe_stack_events(StackName=made)["StackEvents"]]
        return {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}

    outputs = settled("CREATE_COMPLETE")
    values = {name: gateway.get_api_key(apiKey=outputs[name], includeValue=True)["value"] for name in ("Key", "SharedKey")}

    def get(api, path, key=None):
        return requests.get(f"{platform.endpoint}/_aws/execute-api/{api}/{path}", headers={"x-api-key": key} if key else {}, timeout=60)

    assert get(outputs["Api"], "prod/open").text == "nobody"
    assert get(outputs["Api"], "prod/keyed").status_code == 403
    assert get(outputs["Api"], "prod/keyed", values["SharedKey"]).status_code == 403
    assert get(outputs["Api"], "prod/keyed", values["Key"]).text == outputs["Key"]
    assert get(outputs["Shared"], "v1/keyed", values["SharedKey"]).text == outputs["SharedKey"]
    assert get(outputs["Shared"], "v1/keyed", values["Key"]).status_code == 403
    client.update_stack(StackName=made, TemplateBody=SAM.replace("Limit: 4,", "Limit: 1,"), Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    settled("UPDATE_COMPLETE")
    assert get(outputs["Api"], "prod/keyed", values["Key"]).json() == {"message": "Limit Exceeded"}
    client.delete_stack(StackName=made)
    settled("DELETE_COMPLETE")
    refused(gateway.get_api_key, "NotFoundException", apiKey=outputs["Key"])


def test_a_value_is_one_accounts_and_stages_are_its_own(tmp_path, name):
    """Another account neither learns that a value is taken nor takes it away, nor names stages that are not its own."""
    with Platform(tmp_path) as platform:
        gateway, organizations = platform.client("apigateway"), platform.client("organizations")
        api = deployed(gateway, name)
        value = "human-chosen-key-2026-orders"
        key = gateway.create_api_key(name=name, enabled=True, value=value, stageKeys=[{"restApiId": api, "stageName": "prod"}])
        plan = gateway.create_usage_plan(name=name, apiStages=[{"apiId": api, "stage": "prod"}])["id"]
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
        assert ask(platform, api, value)[0] == 200
        organizations.create_organization(FeatureSet="ALL")
        account = organizations.create_account(AccountName="member", Email="m@example.com")["CreateAccountStatus"]["AccountId"]
        courier = platform.client("sts", *platform.user("courier", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}))
        made = courier.assume_role(RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="xx")["Credentials"]
        member = platform.client("apigateway", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        theirs = member.create_api_key(name=name, enabled=True, value=value)
        assert ask(platform, api, value)[0] == 200
        refused(member.create_api_key, "ConflictException", name=name, value=value)
        member.delete_api_key(apiKey=theirs["id"])
        assert ask(platform, api, value)[0] == 200
        refused(gateway.create_api_key, "ConflictException", name=name, value=value)
        for rest_api in (api, "zzzzzzzzzz"):
            stage = [{"restApiId": rest_api, "stageName": "prod"}]
            assert refused(member.create_api_key, "NotFoundException", name=name, stageKeys=stage) == f"API Stage not found: {rest_api}:prod"
