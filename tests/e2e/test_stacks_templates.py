"""Templates of the kind that AWS's samples are made of: deployed, called, changed and deleted from outside."""

import json
import pathlib

import pytest

from support import listed, refused, signed_get

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
FOLDER = pathlib.Path(__file__).parent / "templates"


@pytest.fixture
def deploy(platform, name):
    """Creates or updates this test's stack, waits, and answers its outputs; the stack is deleted at the end."""
    client = platform.client("cloudformation")
    begun = []

    def reasons():
        return [f"{e['LogicalResourceId']} {e['ResourceStatus']} {e.get('ResourceStatusReason', '')}" for e in
                client.describe_stack_events(StackName=name)["StackEvents"]]

    def run(template, **parameters):
        text = template if "\n" in template else (FOLDER / template).read_text()
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        call, waiter = (client.update_stack, "stack_update_complete") if begun else (client.create_stack, "stack_create_complete")
        begun.append(call(StackName=name, TemplateBody=text, Parameters=given, Capabilities=CAPABILITIES)["StackId"])
        try:
            client.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        except Exception as error:
            raise AssertionError("\n".join(reasons())) from error
        return {o["OutputKey"]: o["OutputValue"] for o in client.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])}

    yield run
    made = [r["PhysicalResourceId"] for r in client.describe_stack_resources(StackName=name)["StackResources"]]
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=begun[0], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    left = {f["FunctionName"] for f in listed(platform.client("lambda"), "list_functions", "Functions")}
    left |= {r["RoleName"] for r in listed(platform.client("iam"), "list_roles", "Roles")}
    left |= set(listed(platform.client("dynamodb"), "list_tables", "TableNames"))
    left |= {a["id"] for a in listed(platform.client("apigateway"), "get_rest_apis", "items")}
    assert not left & set(made), "what the stack made is still there"


def at(platform, api, stage, path, method="GET", **more):
    return platform.raw(method, f"/_aws/execute-api/{api}/{stage}{path}", **more)


def invoked(platform, function, event=None):
    answer = platform.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_hello_world_in_python_behind_the_implicit_api(platform, deploy):
    made = deploy("hello_python.yaml")
    answer = at(platform, made["Api"], "Prod", "/hello")
    assert (answer.status_code, answer.json()) == (200, {"message": "hello world", "stage": "Prod"})
    assert at(platform, made["Api"], "Prod", "/hello/ada", "POST").json()["message"] == "hello world ada"
    assert made["HelloWorldFunctionIamRole"].startswith("arn:aws:iam::000000000000:role/")
    assert made["HelloWorldApi"] == f"https://{made['Api']}.execute-api.us-east-1.amazonaws.com/Prod/hello/"
    # The greeting is configuration: the function is changed, its API stays.
    changed = deploy((FOLDER / "hello_python.yaml").read_text().replace("GREETING: hello world", "GREETING: good day"))
    assert changed == made
    assert at(platform, made["Api"], "Prod", "/hello").json()["message"] == "good day"


def test_a_path_that_is_added_answers_and_one_that_is_removed_does_not(platform, deploy):
    text = (FOLDER / "hello_python.yaml").read_text()
    made = deploy(text)
    moved = deploy(text.replace("Path: /hello, ", "Path: /moved, "))
    assert moved["Api"] == made["Api"]
    assert at(platform, made["Api"], "Prod", "/moved").status_code == 200
    assert at(platform, made["Api"], "Prod", "/hello").status_code == 403


def test_hello_world_in_node_with_cors(platform, deploy):
    api = deploy("hello_node_cors.yaml")["Api"]
    answer = at(platform, api, "Prod", "/hello?a=1")
    assert (answer.status_code, answer.json()) == (200, {"method": "GET", "query": {"a": "1"}})
    assert at(platform, api, "Prod", "/hello", "POST", body=b"{}").json()["method"] == "POST"
    asked = at(platform, api, "Prod", "/hello", "OPTIONS", headers={"Origin": "https://example.com", "Access-Control-Request-Method": "GET"})
    told = {key.lower(): value for key, value in asked.headers.items() if key.lower().startswith("access-control")}
    assert asked.status_code == 200 and told == {
        "access-control-allow-methods": "GET,POST,OPTIONS", "access-control-allow-headers": "Content-Type,X-Api-Key",
        "access-control-allow-origin": "https://example.com", "access-control-max-age": "600"}


def test_a_definition_that_is_written_out(platform, deploy, name):
    made = deploy("definition_body.yaml", StageName="beta")
    assert made["Stage"] == "beta" and made["Root"]
    assert at(platform, made["Api"], "beta", "/open/7").json() == {"path": "/open/7", "id": "7"}
    assert at(platform, made["Api"], "beta", "/closed").status_code == 403
    assert signed_get(platform, f"/_aws/execute-api/{made['Api']}/beta/closed").json()["path"] == "/closed"
    # The template's own name wins over the body's title, now and when the body changes.
    named = platform.client("apigateway").get_rest_api(restApiId=made["Api"])["name"]
    changed = (FOLDER / "definition_body.yaml").read_text().replace("title: written-out", "title: changed").replace("/open/{id}", "/shown/{id}")
    deploy(changed, StageName="beta")
    assert platform.client("apigateway").get_rest_api(restApiId=made["Api"])["name"] == named == f"{name}-api"
    assert at(platform, made["Api"], "beta", "/shown/8").json()["id"] == "8"


def test_policies_of_every_form(platform, deploy):
    made = deploy("policies.yaml")
    iam = platform.client("iam")
    attached = {p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName=made["ReaderRole"])["AttachedPolicies"]}
    assert attached == {"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole", made["Shared"]}
    inline = iam.list_role_policies(RoleName=made["ReaderRole"])["PolicyNames"]
    assert len(inline) == 2
    documents = [iam.get_role_policy(RoleName=made["ReaderRole"], PolicyName=one)["PolicyDocument"] for one in inline]
    assert {s["Effect"] for d in documents for s in d["Statement"]} == {"Allow", "Deny"}
    assert invoked(platform, made["Reader"])["role"].endswith(made["Reader"])
    assert invoked(platform, made["Own"]) == "own" and made["OwnRoleId"].startswith("AROA")


def test_tables_with_policy_templates(platform, deploy):
    made = deploy("crud_tables.yaml")
    assert invoked(platform, made["Put"], {"sku": "a"}) == "a"
    assert invoked(platform, made["Get"]) == [1, "AccessDeniedException"]
    tags = platform.client("lambda").list_tags(Resource=platform.client("lambda").get_function(FunctionName=made["Put"])["Configuration"]["FunctionArn"])["Tags"]
    assert tags["app"] == "items"
    assert made["ItemsArn"].endswith(f"table/{made['Items']}")


def test_conditions_mappings_and_functions(platform, deploy, name):
    made = deploy("conditions.yaml")
    assert made == {"Function": f"{name}-fn", "Region": "us-east-1/000000000000/aws/amazonaws.com"}
    assert invoked(platform, made["Function"]) == {"FIRST": "https://a.example", "ALL": "https://a.example|https://b.example", "KIND": "not-dev-${Literal}",
                                                   "TABLE": None, "PARTS": "dev", "memory": "128"}
    shown = platform.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["Parameters"]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in shown}["Token"] == "****"
    made = deploy("conditions.yaml", Environment="prod")
    assert set(made) == {"Function", "Table"} and made["Table"].startswith("arn:aws:dynamodb:")
    answer = invoked(platform, made["Function"])
    assert (answer["KIND"], answer["PARTS"], answer["memory"]) == ("production", "prod", "256") and answer["TABLE"] == made["Table"].rsplit("/", 1)[1]
    groups = platform.client("logs").describe_log_groups(logGroupNamePrefix=f"/own/{name}")["logGroups"]
    assert [g["retentionInDays"] for g in groups] == [30]
    deploy("conditions.yaml", Environment="dev")
    refused(platform.client("dynamodb").describe_table, "ResourceNotFoundException", TableName=answer["TABLE"])
    refused(platform.client("cloudformation").update_stack, "ValidationError", StackName=name, UsePreviousTemplate=True, Capabilities=CAPABILITIES,
            Parameters=[{"ParameterKey": "Environment", "ParameterValue": "stage"}])


def test_an_alias_follows_published_versions(platform, deploy):
    made = deploy("alias.yaml")
    assert made["Alias"].endswith(":live") and made["Version"] == "1"
    assert at(platform, made["Api"], "Prod", "/answer").json() == ["one", "1"]
    changed = deploy("alias.yaml", Answer="two")
    assert changed["Version"] == "2"
    assert at(platform, made["Api"], "Prod", "/answer").json() == ["two", "2"]
    assert json.loads(invoked(platform, made["Alias"])["body"]) == ["two", "2"]


def test_an_api_without_the_transform(platform, deploy, name):
    made = deploy("plain_api.yaml")
    answer = at(platform, made["Api"], made["Stage"], "/things")
    assert (answer.status_code, answer.text) == (200, f"{name} /things")
    assert at(platform, made["Api"], made["Stage"], "/other").status_code == 403


def test_plain_booleans_of_yaml_are_what_aws_makes_of_them(platform, deploy):
    made = deploy("""Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      PublicAccessBlockConfiguration: {BlockPublicAcls: yes, BlockPublicPolicy: Off, IgnorePublicAcls: ON, RestrictPublicBuckets: no}
      Tags: [{Key: plain, Value: YES}, {Key: quoted, Value: 'YES'}, {Key: letter, Value: y}]
Outputs: {Name: {Value: !Ref Bucket}}
""")
    s3 = platform.client("s3")
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=made["Name"])["TagSet"]}
    assert (tags["plain"], tags["quoted"], tags["letter"]) == ("true", "YES", "y")
    assert s3.get_public_access_block(Bucket=made["Name"])["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "BlockPublicPolicy": False, "IgnorePublicAcls": True, "RestrictPublicBuckets": False}


def test_what_is_null_is_refused_and_not_taken_for_what_is_not_there(platform, name):
    stacks, iam = platform.client("cloudformation"), platform.client("iam")
    text = """
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: %s
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
      PermissionsBoundary:
""" % name
    for call in (stacks.validate_template, lambda **template: stacks.create_stack(StackName=name, Capabilities=["CAPABILITY_NAMED_IAM"], **template)):
        assert "'null' values are not allowed in templates" in refused(call, "ValidationError", TemplateBody=text)
    refused(iam.get_role, "NoSuchEntity", RoleName=name)
