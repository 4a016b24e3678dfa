"""Every operation of apigateway, driven by unmodified boto3 and the `aws` CLI."""

import json

import pytest

from support import refused

ARN = "arn:aws:apigateway:us-east-1::/restapis/"
MOCK = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}


@pytest.fixture
def gateway(platform):
    return platform.client("apigateway")


@pytest.fixture
def api(gateway, name):
    made = gateway.create_rest_api(name=name, description="d", tags={"first": "1"})
    yield made["id"]
    gateway.delete_rest_api(restApiId=made["id"])


@pytest.fixture
def root(gateway, api):
    return gateway.get_rest_api(restApiId=api)["rootResourceId"]


def mock(gateway, at, answer="hello"):
    """Puts a method with a mock integration: where it is, and what it answers."""
    gateway.put_method(**at, authorizationType="NONE")
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration(**at, **MOCK)
    gateway.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": json.dumps(answer)})


def patch(path, value=None, op="replace"):
    return {"patchOperations": [{"op": op, "path": path, **({} if value is None else {"value": value})}]}


def test_an_api_is_made_listed_changed_and_deleted(gateway, api, name):
    shown = gateway.get_rest_api(restApiId=api)
    assert (shown["name"], shown["description"], shown["tags"]) == (name, "d", {"first": "1"})
    assert api in [each["id"] for page in gateway.get_paginator("get_rest_apis").paginate(PaginationConfig={"PageSize": 1}) for each in page["items"]]
    assert gateway.update_rest_api(restApiId=api, **patch("/description", "new"))["description"] == "new"
    refused(gateway.update_rest_api, "BadRequestException", restApiId=api, **patch("/nowhere", "x"))
    other = gateway.create_rest_api(name=name)["id"]
    for junk in ("junk", other, "00"):
        assert refused(gateway.get_rest_apis, "BadRequestException", position=junk) == "Invalid position parameter"
        assert refused(gateway.get_resources, "BadRequestException", restApiId=api, position=junk) == "Invalid position parameter"
    gateway.delete_rest_api(restApiId=other)
    for call in (gateway.get_rest_api, gateway.delete_rest_api, gateway.get_resources, gateway.get_stages):
        assert refused(call, "NotFoundException", restApiId=other) == "Invalid API identifier specified 000000000000:" + other
    assert gateway.get_account()["throttleSettings"]["rateLimit"] > 0


def test_resources_form_a_tree(gateway, api, root):
    orders = gateway.create_resource(restApiId=api, parentId=root, pathPart="orders")
    one = gateway.create_resource(restApiId=api, parentId=orders["id"], pathPart="{id}")
    assert (orders["path"], one["path"], one["parentId"]) == ("/orders", "/orders/{id}", orders["id"])
    assert gateway.get_resource(restApiId=api, resourceId=one["id"])["pathPart"] == "{id}"
    assert sorted(each["path"] for each in gateway.get_resources(restApiId=api)["items"]) == ["/", "/orders", "/orders/{id}"]
    message = refused(gateway.create_resource, "ConflictException", restApiId=api, parentId=root, pathPart="orders")
    assert message == "Another resource with the same parent already has this name: orders"
    refused(gateway.create_resource, "BadRequestException", restApiId=api, parentId=root, pathPart="a b")
    refused(gateway.create_resource, "NotFoundException", restApiId=api, parentId="nowhere", pathPart="x")
    moved = gateway.update_resource(restApiId=api, resourceId=orders["id"], **patch("/pathPart", "bills"))
    assert moved["path"] == "/bills" and gateway.get_resource(restApiId=api, resourceId=one["id"])["path"] == "/bills/{id}"
    refused(gateway.update_resource, "BadRequestException", restApiId=api, resourceId=orders["id"], **patch("/parentId", one["id"]))
    refused(gateway.update_resource, "BadRequestException", restApiId=api, resourceId=root, **patch("/pathPart", "x"))
    gateway.delete_resource(restApiId=api, resourceId=orders["id"])
    assert refused(gateway.get_resource, "NotFoundException", restApiId=api, resourceId=one["id"]) == "Invalid Resource identifier specified"
    refused(gateway.delete_resource, "BadRequestException", restApiId=api, resourceId=root)


def test_methods_and_integrations_are_put_shown_changed_and_deleted(gateway, api, root):
    at = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    refused(gateway.get_method, "NotFoundException", **at)
    refused(gateway.put_integration, "NotFoundException", **at, **MOCK)
    mock(gateway, at)
    refused(gateway.put_method, "ConflictException", **at, authorizationType="NONE")
    assert gateway.get_method(**at)["methodIntegration"]["type"] == "MOCK"
    assert gateway.update_method(**at, **patch("/authorizationType", "AWS_IAM"))["authorizationType"] == "AWS_IAM"
    assert gateway.get_integration(**at)["requestTemplates"] == MOCK["requestTemplates"]
    changed = gateway.update_integration(**at, **patch("/requestTemplates/application~1json", '{"statusCode": 404}'))
    assert changed["requestTemplates"] == {"application/json": '{"statusCode": 404}'}
    assert gateway.get_method_response(**at, statusCode="200")["statusCode"] == "200"
    assert gateway.get_integration_response(**at, statusCode="200")["responseTemplates"] == {"application/json": '"hello"'}
    gateway.update_method_response(**at, statusCode="200", **patch("/responseParameters/method.response.header.X-A", "false", "add"))
    assert gateway.get_method_response(**at, statusCode="200")["responseParameters"] == {"method.response.header.X-A": False}
    changed = gateway.update_integration_response(**at, statusCode="200", **patch("/responseParameters/method.response.header.X-A", "'a'", "add"))
    assert changed["responseParameters"] == {"method.response.header.X-A": "'a'"}
    refused(gateway.update_integration_response, "BadRequestException", **at, statusCode="200", **patch("/selectionPattern", "("))
    refused(gateway.update_integration_response, "NotFoundException", **at, statusCode="500", **patch("/selectionPattern", "5.."))
    undeclared = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [%s]"
    header = {"method.response.header.X-B": "'b'"}
    unknown = undeclared % "Invalid mapping expression parameter specified: method.response.header.X-B"
    assert refused(gateway.put_integration_response, "BadRequestException", **at, statusCode="200", responseParameters=header) == unknown
    assert refused(gateway.update_integration_response, "BadRequestException", **at, statusCode="200", **patch("/responseParameters/method.response.header.X-B", "'b'", "add")) == unknown
    none = undeclared % "No method response exists for method."
    assert refused(gateway.put_integration_response, "BadRequestException", **at, statusCode="201") == none
    assert gateway.get_integration_response(**at, statusCode="200")["responseParameters"] == {"method.response.header.X-A": "'a'"}
    gateway.delete_integration_response(**at, statusCode="200")
    gateway.delete_method_response(**at, statusCode="200")
    assert refused(gateway.put_integration_response, "BadRequestException", **at, statusCode="200") == none
    for call in (gateway.get_integration_response, gateway.get_method_response):
        refused(call, "NotFoundException", **at, statusCode="200")
    gateway.delete_integration(**at)
    refused(gateway.get_integration, "NotFoundException", **at)
    gateway.delete_method(**at)
    assert refused(gateway.delete_method, "NotFoundException", **at) == "Invalid Method identifier specified"


def test_a_mock_answers_with_what_the_request_and_the_stage_have(platform, gateway, api, root):
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart="{id}")["id"]
    at = {"restApiId": api, "resourceId": resource, "httpMethod": "POST"}
    mock(gateway, at)
    status = """{"statusCode": $input.params('status'), "was": $input.json('$')}"""
    gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": status})
    gateway.put_method_response(**at, statusCode="404")
    gateway.delete_method_response(**at, statusCode="200")
    headers = {f"method.response.header.{name}": False for name in ("X-Id", "X-Stage", "X-Text", "X-None")}
    gateway.put_method_response(**at, statusCode="200", responseParameters=headers)
    sources = dict(zip(headers, ("context.requestId", "stageVariables.v", "'t'", "stageVariables.none")))
    answer = """{"q": "$input.params('q')", "id": "$input.params('id')", "header": "$input.params("X-Own")", "none": "$input.params('none')",
        "request": "$context.requestId", "stage": "${context.stage}", "v": "$stageVariables.v", "w": "$!{stageVariables['w']}", "body": "$input.body", "costs": "$5 #1"}"""
    gateway.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": answer}, responseParameters=sources)
    gateway.put_integration_response(**at, statusCode="404", selectionPattern="4..", responseTemplates={"text/plain": "no $input.params('id')"})
    gateway.create_deployment(restApiId=api, stageName="prod", variables={"v": "a-v", "w": "w-w"})
    path = f"/_aws/execute-api/{api}/prod/7"
    shown = platform.raw("POST", path + "?q=a%20b&status=200", body=b'{"a": 1}', headers={"X-Own": "mine", "Content-Type": "application/json"})
    told = shown.json()
    assert told.pop("request") == shown.headers["x-amzn-requestid"] == shown.headers["x-id"]
    assert (shown.headers["x-stage"], shown.headers["x-text"]) == ("a-v", "t") and "x-none" not in shown.headers
    assert told == {"q": "a b", "id": "7", "header": "mine", "none": "", "stage": "prod", "v": "a-v", "w": "w-w", "body": "{}", "costs": "$5 #1"}
    missing = platform.raw("POST", path + "?status=404", headers={"Content-Type": "application/json"})
    assert (missing.status_code, missing.text, missing.headers["content-type"]) == (404, "no 7", "text/plain")
    assert platform.raw("POST", path + "?status=x", headers={"Content-Type": "application/json"}).status_code == 500
    broken = platform.raw("POST", path + "?status=200", body=b"{", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400 and broken.json()["message"].startswith("Could not parse request body into json")
    for template, part in (("#set($a = 1)", "#set($a = 1)"), ("$util.urlEncode('a')", "$util.urlEncode('a')"), ("$input.path('$.a')", "$input.path('$.a')")):
        message = refused(gateway.put_integration_response, "BadRequestException", **at, statusCode="200", responseTemplates={"application/json": template})
        assert message == f"`{part}` in a mapping template is not supported yet"
        refused(gateway.put_integration, "BadRequestException", **at, type="MOCK", requestTemplates={"application/json": template})


def test_a_mock_names_its_status_as_constructs_and_frameworks_write_it(platform, gateway, api, root):
    at = {"restApiId": api, "resourceId": root, "httpMethod": "OPTIONS"}
    mock(gateway, at)
    # The AWS CDK's and the Serverless Framework's, and others that API Gateway reads.
    written = ["{ statusCode: 204 }", "{statusCode:204}", "{'statusCode': 204, note: 'a, b}',}", "{statusCode: $input.params('status')}"]
    gateway.put_method_response(**at, statusCode="204", responseParameters={"method.response.header.Access-Control-Allow-Origin": False})
    for number, template in enumerate(written):
        gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": template}, contentHandling="CONVERT_TO_TEXT")
        origin = {"method.response.header.Access-Control-Allow-Origin": "'https://x.com'"}
        gateway.put_integration_response(**at, statusCode="204", selectionPattern="204", responseParameters=origin)
        gateway.create_deployment(restApiId=api, stageName=f"s{number}")
        answer = platform.raw("OPTIONS", f"/_aws/execute-api/{api}/s{number}/?status=204")
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (204, "https://x.com"), template
        assert gateway.get_integration(**at)["requestTemplates"] == {"application/json": template}
    for template in ("{statusCode: '204'}", "{statusCode 204}", "statusCode: 204", "{'statusCode\": 204}", "{statusCode: 204"):
        message = refused(gateway.put_integration, "BadRequestException", **at, type="MOCK", requestTemplates={"application/json": template})
        assert message == "A request template that is not JSON with a statusCode is not supported yet", template


def test_a_head_over_the_quota_is_refused(platform, gateway, api, root):
    mock(gateway, {"restApiId": api, "resourceId": root, "httpMethod": "GET"})
    gateway.create_deployment(restApiId=api, stageName="prod")
    path = f"/_aws/execute-api/{api}/prod"
    assert platform.raw("GET", path, headers={"X-Long": "a" * 9_900}).status_code == 200
    long = platform.raw("GET", path, headers={f"X-Long-{at}": "a" * 1_000 for at in range(11)})
    assert (long.status_code, long.json()) == (431, {"message": "HTTP header is larger than 10240 bytes."})
    assert platform.raw("GET", path + "?a=" + "b" * 10_240).status_code == 431


def test_only_what_is_deployed_is_served(platform, gateway, api, root):
    at = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    refused(gateway.create_deployment, "BadRequestException", restApiId=api)
    mock(gateway, at, "one")
    first = gateway.create_deployment(restApiId=api, stageName="prod", description="first")
    path = f"/_aws/execute-api/{api}/prod/"
    assert platform.raw("GET", path).json() == "one"
    gateway.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": '"two"'})
    assert platform.raw("GET", path).json() == "one"
    second = gateway.create_deployment(restApiId=api)
    assert sorted(each["id"] for each in gateway.get_deployments(restApiId=api)["items"]) == sorted([first["id"], second["id"]])
    assert gateway.update_deployment(restApiId=api, deploymentId=second["id"], **patch("/description", "second"))["description"] == "second"
    assert gateway.get_deployment(restApiId=api, deploymentId=second["id"])["description"] == "second"
    stage = gateway.update_stage(restApiId=api, stageName="prod", **patch("/deploymentId", second["id"]))
    assert stage["deploymentId"] == second["id"] and platform.raw("GET", path).json() == "two"
    message = refused(gateway.delete_deployment, "BadRequestException", restApiId=api, deploymentId=second["id"])
    assert message == "Active stages pointing to this deployment must be moved or deleted"
    gateway.delete_deployment(restApiId=api, deploymentId=first["id"])
    refused(gateway.get_deployment, "NotFoundException", restApiId=api, deploymentId=first["id"])


def test_stages_have_variables_and_limits(platform, gateway, api, root):
    mock(gateway, {"restApiId": api, "resourceId": root, "httpMethod": "GET"})
    deployment = gateway.create_deployment(restApiId=api)["id"]
    made = gateway.create_stage(restApiId=api, stageName="test", deploymentId=deployment, variables={"a": "1"}, tags={"t": "1"})
    assert (made["variables"], made["tags"]) == ({"a": "1"}, {"t": "1"})
    refused(gateway.create_stage, "ConflictException", restApiId=api, stageName="test", deploymentId=deployment)
    refused(gateway.create_stage, "BadRequestException", restApiId=api, stageName="a b", deploymentId=deployment)
    refused(gateway.create_stage, "BadRequestException", restApiId=api, stageName="other", deploymentId="nowhere")
    gateway.update_stage(restApiId=api, stageName="test", **patch("/variables/a", "2"))
    gateway.update_stage(restApiId=api, stageName="test", **patch("/*/*/throttling/rateLimit", "7"))
    shown = gateway.get_stage(restApiId=api, stageName="test")
    assert shown["variables"] == {"a": "2"} and shown["methodSettings"]["*/*"]["throttlingRateLimit"] == 7
    assert [each["stageName"] for each in gateway.get_stages(restApiId=api, deploymentId=deployment)["item"]] == ["test"]
    gateway.delete_stage(restApiId=api, stageName="test")
    assert refused(gateway.get_stage, "NotFoundException", restApiId=api, stageName="test") == "Invalid stage identifier specified"
    assert platform.raw("GET", f"/_aws/execute-api/{api}/test/").status_code == 403


def test_tags_of_apis_and_stages(gateway, api):
    gateway.tag_resource(resourceArn=ARN + api, tags={"a": "1", "b": "2"})
    gateway.untag_resource(resourceArn=ARN + api, tagKeys=["b", "first"])
    assert gateway.get_tags(resourceArn=ARN + api)["tags"] == gateway.get_rest_api(restApiId=api)["tags"] == {"a": "1"}
    refused(gateway.get_tags, "NotFoundException", resourceArn=ARN + "nowhere")
    refused(gateway.tag_resource, "BadRequestException", resourceArn="arn:aws:s3:::bucket", tags={"a": "1"})


def document(title, *paths):
    integration = {**MOCK, "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": '"imported"'}}}}
    method = {"responses": {"200": {"description": "fine"}}, "x-amazon-apigateway-integration": integration}
    return json.dumps({"openapi": "3.0.1", "info": {"title": title, "version": "1"}, "paths": {path: {"get": method} for path in paths}})


def test_an_openapi_document_makes_and_replaces_an_api(platform, gateway, name):
    made = gateway.import_rest_api(body=document(name, "/a", "/b/{c}"), failOnWarnings=True)["id"]
    paths = lambda: sorted(each["path"] for each in gateway.get_resources(restApiId=made)["items"])
    assert paths() == ["/", "/a", "/b", "/b/{c}"]
    undeclared = document(name, "/e").replace('"responses": {"200": {"description": "fine"}}, ', "")
    assert "No method response exists for method." in refused(gateway.import_rest_api, "BadRequestException", body=undeclared)
    gateway.put_rest_api(restApiId=made, mode="merge", body=document(name, "/d"))
    assert paths() == ["/", "/a", "/b", "/b/{c}", "/d"]
    assert gateway.put_rest_api(restApiId=made, mode="overwrite", body=document(name + "-new", "/e"))["name"] == name + "-new"
    assert paths() == ["/", "/e"]
    gateway.create_deployment(restApiId=made, stageName="prod")
    assert platform.raw("GET", f"/_aws/execute-api/{made}/prod/e").json() == "imported"
    for bad in ("", "{", "[]", '{"openapi": "9", "info": {"title": "x", "version": "1"}, "paths": {}}'):
        refused(gateway.put_rest_api, "BadRequestException", restApiId=made, body=bad)
    gateway.delete_rest_api(restApiId=made)


def test_a_user_reads_but_does_not_change(platform, gateway, api, name):
    mine = platform.client("apigateway", *platform.user(name, {"Effect": "Allow", "Action": "apigateway:GET", "Resource": f"arn:aws:apigateway:us-east-1::/restapis/{api}*"}))
    assert mine.get_rest_api(restApiId=api)["name"] and mine.get_resources(restApiId=api)["items"]
    message = refused(mine.update_rest_api, "AccessDeniedException", restApiId=api, **patch("/description", "mine"))
    assert f"is not authorized to perform: apigateway:PATCH on resource: {ARN}{api}" in message
    refused(mine.delete_rest_api, "AccessDeniedException", restApiId=api)
    refused(mine.get_rest_apis, "AccessDeniedException")


def test_the_cli_makes_an_api(platform, name):
    made = platform.aws("apigateway", "create-rest-api", "--name", name, "--output", "json")
    assert made.returncode == 0, made.stderr
    api = json.loads(made.stdout)["id"]
    listed = platform.aws("apigateway", "get-resources", "--rest-api-id", api, "--output", "json")
    assert [each["path"] for each in json.loads(listed.stdout)["items"]] == ["/"], listed.stderr
    assert platform.aws("apigateway", "delete-rest-api", "--rest-api-id", api).returncode == 0
    gone = platform.aws("apigateway", "get-rest-api", "--rest-api-id", api)
    assert gone.returncode != 0 and "(NotFoundException)" in gone.stderr
