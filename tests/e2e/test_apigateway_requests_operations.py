"""What methods ask of their requests, and the gateway's own answers: by API Gateway's operations, and as SAM templates say it."""

import json

import pytest
import requests

from support import eventually, refused

MOCK = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
PET = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "required": ["name"],
       "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 0}}}


def patch(path, value=None, op="replace"):
    return {"patchOperations": [{"op": op, "path": path, **({} if value is None else {"value": value})}]}


@pytest.fixture
def gateway(platform):
    return platform.client("apigateway")


@pytest.fixture
def api(gateway, name):
    made = gateway.create_rest_api(name=name)
    yield made["id"]
    gateway.delete_rest_api(restApiId=made["id"])


def at_root(gateway, api, **more):
    at = {"restApiId": api, "resourceId": gateway.get_rest_api(restApiId=api)["rootResourceId"], "httpMethod": "POST"}
    gateway.put_method(**at, authorizationType="NONE", **more)
    gateway.put_integration(**at, **MOCK)
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": '"fine"'})
    return at


def test_models_and_validators_judge_requests(platform, gateway, api):
    assert sorted(each["name"] for each in gateway.get_models(restApiId=api)["items"]) == ["Empty", "Error"]
    made = gateway.create_model(restApiId=api, name="Pet", contentType="application/json", schema=json.dumps(PET), description="d")
    assert (made["name"], json.loads(made["schema"]), made["description"]) == ("Pet", PET, "d")
    assert gateway.get_model(restApiId=api, modelName="Pet")["id"] == made["id"]
    refused(gateway.create_model, "ConflictException", restApiId=api, name="Pet", contentType="application/json", schema="{}")
    message = refused(gateway.create_model, "BadRequestException", restApiId=api, name="Bad", contentType="application/json", schema='{"type": "pet"}')
    assert message.startswith("Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified")
    assert "canonical form" in refused(gateway.create_model, "BadRequestException", restApiId=api, name="Bad", contentType="application/json", schema='{"$ref": "http://127.0.0.1:1/x"}')
    refused(gateway.create_model, "BadRequestException", restApiId=api, name="not plain", contentType="application/json", schema="{}")
    refused(gateway.get_model, "NotFoundException", restApiId=api, modelName="Bad")
    validator = gateway.create_request_validator(restApiId=api, name="both", validateRequestBody=True, validateRequestParameters=False)
    assert gateway.get_request_validator(restApiId=api, requestValidatorId=validator["id"])["name"] == "both"
    changed = gateway.update_request_validator(restApiId=api, requestValidatorId=validator["id"], **patch("/validateRequestParameters", "true"))
    assert (changed["validateRequestBody"], changed["validateRequestParameters"]) == (True, True)
    assert [each["id"] for each in gateway.get_request_validators(restApiId=api)["items"]] == [validator["id"]]
    at = at_root(gateway, api, requestValidatorId=validator["id"], requestModels={"application/json": "Pet"},
                 requestParameters={"method.request.querystring.q": True, "method.request.header.X-A": False})
    assert gateway.get_method(**at)["requestValidatorId"] == validator["id"]
    tried = gateway.test_invoke_method(**at, pathWithQueryString="/?q=1", headers={"content-type": "application/json"}, body='{"name": "Rex"}')
    assert (tried["status"], tried["body"]) == (200, '"fine"') and "Method completed with status: 200" in tried["log"]
    assert gateway.test_invoke_method(**at, pathWithQueryString="/", body="{}")["status"] == 400
    refused(gateway.test_invoke_method, "NotFoundException", **{**at, "httpMethod": "GET"})
    refused(gateway.test_invoke_method, "BadRequestException", **at, pathWithQueryString="/elsewhere")
    gateway.create_deployment(restApiId=api, stageName="prod")
    path = f"/_aws/execute-api/{api}/prod/"
    kind = {"content-type": "application/json"}

    def answer(query, body, headers=kind):
        got = platform.raw("POST", path + query, headers, body)
        return got.status_code, got.json() if got.content else None, got.headers.get("x-amzn-errortype")

    assert answer("", b'{"name": "Rex"}') == (400, {"message": "Missing required request parameters: [q]"}, "BadRequestException")
    assert answer("?q=", b'{"name": "Rex"}')[0] == 400
    for bad in (b"", b"no json", b"[]", b"{}", b'{"name": "R"}', b'{"name": "Rex", "age": -1}', b'{"name": "Rex", "age": 1.5}'):
        assert answer("?q=1", bad) == (400, {"message": "Invalid request body"}, "BadRequestException"), bad
    assert answer("?q=1", b'{"name": "Rex", "age": 7}')[:2] == (200, "fine")
    assert "is referenced in method request: /POST" in refused(gateway.delete_model, "ConflictException", restApiId=api, modelName="Pet")
    refused(gateway.delete_request_validator, "ConflictException", restApiId=api, requestValidatorId=validator["id"])
    loose = gateway.update_model(restApiId=api, modelName="Pet", **patch("/schema", '{"type": "object"}'))
    assert json.loads(loose["schema"]) == {"type": "object"}
    assert answer("?q=1", b"{}")[0] == 400, "what is edited is not served before it is deployed"
    gateway.create_deployment(restApiId=api, stageName="prod")
    assert answer("?q=1", b"{}")[0] == 200
    gateway.update_method(**at, **patch("/requestValidatorId", ""))
    gateway.update_method(**at, **patch("/requestModels/application~1json", op="remove"))
    gateway.create_deployment(restApiId=api, stageName="prod")
    assert answer("", b"[]")[0] == 200
    gateway.delete_model(restApiId=api, modelName="Pet")
    gateway.delete_request_validator(restApiId=api, requestValidatorId=validator["id"])
    refused(gateway.update_method, "BadRequestException", **at, **patch("/requestValidatorId", validator["id"]))


def test_the_gateways_own_answers_are_the_owners(platform, gateway, api):
    at_root(gateway, api)
    usual = gateway.get_gateway_response(restApiId=api, responseType="THROTTLED")
    assert (usual["statusCode"], usual["defaultResponse"]) == ("429", True)
    assert usual["responseTemplates"] == {"application/json": '{"message":$context.error.messageString}'}
    put = gateway.put_gateway_response(restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN", statusCode="404",
                                       responseParameters={"gatewayresponse.header.X-Request": "context.requestId"},
                                       responseTemplates={"application/json": '{"m":$context.error.messageString,"at":"$context.path","s":"$stageVariables.v"}'})
    assert put["defaultResponse"] is False
    refused(gateway.put_gateway_response, "BadRequestException", restApiId=api, responseType="THROTTLED", responseParameters={"gatewayresponse.header.X": "'a\nb'"})
    refused(gateway.put_gateway_response, "BadRequestException", restApiId=api, responseType="TEAPOT")
    changed = gateway.update_gateway_response(restApiId=api, responseType="DEFAULT_4XX", **patch("/responseParameters/gatewayresponse.header.Access-Control-Allow-Origin", "'*'", "add"))
    assert changed["responseParameters"] == {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    listed = gateway.get_gateway_responses(restApiId=api, limit=100)["items"]
    assert len(listed) == 21 and sorted(each["responseType"] for each in listed if not each["defaultResponse"]) == ["DEFAULT_4XX", "MISSING_AUTHENTICATION_TOKEN"]
    gateway.create_deployment(restApiId=api, stageName="prod", variables={"v": "blue"})
    got = platform.raw("GET", f"/_aws/execute-api/{api}/prod/nowhere")
    assert got.status_code == 404 and got.headers["x-request"] == got.headers["x-amzn-requestid"]
    assert got.json() == {"m": "Missing Authentication Token", "at": "/prod/nowhere", "s": "blue"}
    gateway.delete_gateway_response(restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    refused(gateway.delete_gateway_response, "NotFoundException", restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    gateway.create_deployment(restApiId=api, stageName="prod")
    got = platform.raw("GET", f"/_aws/execute-api/{api}/prod/nowhere")
    assert (got.status_code, got.headers["access-control-allow-origin"], got.json()) == (403, "*", {"message": "Missing Authentication Token"})


SAM = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 30}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Models:
        User: {type: object, required: [username], properties: {username: {type: string}}}
      GatewayResponses:
        DEFAULT_4XX: {ResponseParameters: {Headers: {Access-Control-Allow-Origin: "'https://site.example'"}}}
        BAD_REQUEST_BODY: {StatusCode: 422, ResponseTemplates: {application/json: '{"message": "no user"}'}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return {"statusCode": 200, "body": "created"}
      Events:
        Post:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /users
            Method: post
            RequestModel: {Model: User, Required: true, ValidateBody: true, ValidateParameters: true}
            RequestParameters: [method.request.querystring.team: {Required: true}, method.request.header.X-Maybe]
  Plain:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: plain}
  Order:
    Type: AWS::ApiGateway::Model
    Properties: {RestApiId: !Ref Plain, Schema: {type: object, required: [sku]}}
  Both:
    Type: AWS::ApiGateway::RequestValidator
    Properties: {RestApiId: !Ref Plain, Name: both, ValidateRequestBody: true, ValidateRequestParameters: true}
  Forbidden:
    Type: AWS::ApiGateway::GatewayResponse
    Properties: {RestApiId: !Ref Plain, ResponseType: MISSING_AUTHENTICATION_TOKEN, StatusCode: "404"}
  Method:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Plain
      ResourceId: !GetAtt Plain.RootResourceId
      HttpMethod: POST
      AuthorizationType: NONE
      RequestValidatorId: !Ref Both
      RequestModels: {application/json: !Ref Order}
      Integration: {Type: MOCK, RequestTemplates: {application/json: '{"statusCode": 200}'}, IntegrationResponses: [{StatusCode: "200"}]}
      MethodResponses: [{StatusCode: "200"}]
  Deployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: [Method, Forbidden]
    Properties: {RestApiId: !Ref Plain, StageName: v1}
Outputs:
  Api: {Value: !Ref Api}
  Plain: {Value: !Ref Plain}
"""


def test_a_template_says_what_requests_must_look_like(platform):
    client = platform.client("cloudformation")
    made = client.create_stack(StackName="requests", TemplateBody=SAM, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])["StackId"]

    def status():
        found = client.describe_stacks(StackName=made)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    found = eventually(status, timeout_s=120)
    assert found["StackStatus"] == "CREATE_COMPLETE", [(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in client.describe_stack_events(StackName=made)["StackEvents"]]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in found["Outputs"]}
    users = f"{platform.endpoint}/_aws/execute-api/{outputs['Api']}/prod/users"
    missing = requests.post(users, json={"username": "ann"}, timeout=60)
    assert (missing.status_code, missing.json()) == (400, {"message": "Missing required request parameters: [team]"})
    assert missing.headers["access-control-allow-origin"] == "https://site.example"
    wrong = requests.post(users + "?team=a", json={"username": 7}, timeout=60)
    assert (wrong.status_code, wrong.json()) == (422, {"message": "no user"})
    assert requests.post(users + "?team=a", json={"username": "ann"}, timeout=60).text == "created"
    plain = f"{platform.endpoint}/_aws/execute-api/{outputs['Plain']}/v1/"
    assert requests.post(plain, json={}, timeout=60).json() == {"message": "Invalid request body"}
    assert requests.post(plain, json={"sku": 1}, timeout=60).status_code == 200
    assert requests.get(plain, timeout=60).status_code == 404
    client.delete_stack(StackName=made)
    assert eventually(status, timeout_s=120)["StackStatus"] == "DELETE_COMPLETE"


YAML = """
openapi: 3.0.1
info: {title: from S3, version: "1"}
x-amazon-apigateway-request-validator: params
x-amazon-apigateway-request-validators: {params: {validateRequestParameters: true}}
paths:
  /a:
    get:
      parameters: [{in: query, name: q, required: true, schema: {type: string}}]
      responses:
        200: {description: fine}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: "200", responseTemplates: {application/json: '"from S3"'}}}
"""

FROM_S3 = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: prod, DefinitionUri: "s3://BUCKET/KEY"}}
Outputs:
  Api: {Value: !Ref Api}
"""


def test_a_definition_in_s3_is_read_as_the_caller(platform, name):
    s3, client = platform.client("s3"), platform.client("cloudformation")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="api.yaml", Body=YAML.encode())

    def run(stack, key, wanted, client=client):
        body = FROM_S3.replace("BUCKET", name).replace("KEY", key)
        made = client.create_stack(StackName=stack, TemplateBody=body, Capabilities=["CAPABILITY_AUTO_EXPAND"], OnFailure="DELETE")["StackId"]
        found = eventually(lambda: next((each for each in client.describe_stacks(StackName=made)["Stacks"] if not each["StackStatus"].endswith("_IN_PROGRESS")), None), timeout_s=120)
        assert found["StackStatus"] == wanted, [(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in client.describe_stack_events(StackName=made)["StackEvents"]]
        return made, found

    made, found = run("from-s3", "api.yaml", "CREATE_COMPLETE")
    api = found["Outputs"][0]["OutputValue"]
    got = platform.raw("GET", f"/_aws/execute-api/{api}/prod/a?q=1")
    assert (got.status_code, got.json()) == (200, "from S3")
    assert platform.raw("GET", f"/_aws/execute-api/{api}/prod/a").status_code == 400
    client.delete_stack(StackName=made)
    run("no-such-key", "nowhere.yaml", "DELETE_COMPLETE")
    key, secret = platform.user(name, {"Effect": "Allow", "Action": ["cloudformation:*", "apigateway:*"], "Resource": "*"})
    run("not-mine-to-read", "api.yaml", "DELETE_COMPLETE", platform.client("cloudformation", key, secret))
    s3.delete_object(Bucket=name, Key="api.yaml")
    s3.delete_bucket(Bucket=name)
