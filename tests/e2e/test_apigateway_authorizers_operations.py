"""Functions that tell an API's callers apart: from SAM templates as people write them, and by API Gateway's own operations."""

import json

import pytest
import requests

from support import eventually, logged, package, refused, trust

SAM = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 30}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token:
            FunctionArn: !GetAtt Asked.Arn
            Identity: {Header: X-Token, ValidationExpression: "[a-z-]+", ReauthorizeEvery: 300}
          Request:
            FunctionPayloadType: REQUEST
            FunctionArn: !GetAtt Asked.Arn
            Identity: {QueryStrings: [who], ReauthorizeEvery: 0}
  Asked:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            who = event.get("authorizationToken") or event["queryStringParameters"]["who"]
            print("ASKED", json.dumps(event))
            if who == "nobody":
                raise Exception("Unauthorized")
            if who == "broken":
                return {"principalId": who}
            api = event["methodArn"].split("/")[0]
            effect = "Deny" if who == "denied" else "Allow"
            resource = f"{api}/*/GET/a" if who == "narrow" else f"{api}/*"
            return {"principalId": who, "context": {"number": 7, "kind": event["type"]}, "policyDocument": {"Version": "2012-10-17",
                    "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}]}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            return {"statusCode": 200, "body": json.dumps(event["requestContext"].get("authorizer"))}
      Events:
        A: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /a, Method: get}}
        B: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /b, Method: get}}
        R: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /r, Method: get, Auth: {Authorizer: Request}}}
        Open: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /open, Method: get, Auth: {Authorizer: NONE}}}
Outputs:
  Api: {Value: !Ref Api}
  Asked: {Value: !Ref Asked}
"""


@pytest.fixture(scope="module")
def deployed(platform):
    client = platform.client("cloudformation")
    made = client.create_stack(StackName="authorizers", TemplateBody=SAM, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])["StackId"]

    def status():
        found = client.describe_stacks(StackName=made)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    found = eventually(status, timeout_s=120)
    assert found["StackStatus"] == "CREATE_COMPLETE", [(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in client.describe_stack_events(StackName=made)["StackEvents"]]
    yield {o["OutputKey"]: o["OutputValue"] for o in found["Outputs"]}
    client.delete_stack(StackName=made)
    assert eventually(status, timeout_s=120)["StackStatus"] == "DELETE_COMPLETE"


@pytest.fixture
def get(platform, deployed):
    def call(path, **headers):
        return requests.get(f"{platform.endpoint}/_aws/execute-api/{deployed['Api']}/prod{path}", headers={k.replace("_", "-"): v for k, v in headers.items()}, timeout=60)
    return call


def asked(platform, deployed):
    messages = logged(platform.client("logs"), f"/aws/lambda/{deployed['Asked']}", filterPattern="ASKED")
    return [json.loads(message.partition("ASKED ")[2]) for message in messages]


NOT_ALLOWED = "User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action"


def test_a_token_is_asked_about_and_its_policy_decides(get):
    answer = get("/a", X_Token="friend")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"principalId": "friend", "number": "7", "kind": "TOKEN"}
    for token, status, told in [
        ("denied", 403, {"Message": "User is not authorized to access this resource with an explicit deny in an identity-based policy"}),
        ("nobody", 401, {"message": "Unauthorized"}),
        ("broken", 500, {"message": None}),
        ("NOT-OF-THE-FORM", 401, {"message": "Unauthorized"}),
    ]:
        answer = get("/a", X_Token=token)
        assert (answer.status_code, answer.json()) == (status, told), token
    missing = get("/a")
    assert (missing.status_code, missing.json()) == (401, {"message": "Unauthorized"})
    assert missing.headers["x-amzn-errortype"] == "UnauthorizedException"


def test_a_policy_is_held_against_each_call_and_remembered(platform, deployed, get):
    assert get("/a", X_Token="narrow").status_code == 200
    answer = get("/b", X_Token="narrow")
    assert (answer.status_code, answer.json()) == (403, {"Message": NOT_ALLOWED})
    assert get("/a", X_Token="narrow").status_code == 200

    def tokens():
        return [event["authorizationToken"] for event in asked(platform, deployed) if event["type"] == "TOKEN"]

    # Logs come after answers; what is remembered is asked about once.
    eventually(lambda: "narrow" in tokens())
    assert tokens().count("narrow") == 1
    assert "NOT-OF-THE-FORM" not in tokens()
    # Forgotten, it is asked about again.
    platform.client("apigateway").flush_stage_authorizers_cache(restApiId=deployed["Api"], stageName="prod")
    assert get("/a", X_Token="narrow").status_code == 200
    eventually(lambda: tokens().count("narrow") == 2)


def test_a_request_is_shown_without_its_body_and_asked_about_each_time(platform, deployed, get):
    for _ in range(2):
        assert get("/r?who=friend&x=1").json()["kind"] == "REQUEST"
    assert get("/r?x=1").status_code == 401

    def shown():
        return [event for event in asked(platform, deployed) if event["type"] == "REQUEST"]

    events = eventually(lambda: shown() if len(shown()) == 2 else None)
    assert events[0]["queryStringParameters"] == {"who": "friend", "x": "1"} and "body" not in events[0]
    assert events[0]["methodArn"].endswith(f":{deployed['Api']}/prod/GET/r")


TABLE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 30}}
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      Auth:
        DefaultAuthorizer: Token
        Authorizers: {Token: {FunctionArn: !GetAtt Asked.Arn, Identity: {ReauthorizeEvery: 0}}}
        ResourcePolicy:
          CustomStatements:
            - {Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/prod/GET/allow"}
            - {Effect: Deny, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/prod/GET/deny"}
  Asked:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            effect = event["authorizationToken"]
            statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": "*"}
            if effect == "Neither":
                statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "arn:aws:execute-api:us-east-1:000000000000:another/*"}
            return {"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return {"statusCode": 200, "body": "in"}
      Events:
        Allow: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /allow, Method: get}}
        Deny: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /deny, Method: get}}
        Neither: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /neither, Method: get}}
Outputs:
  Api: {Value: !Ref Api}
"""


def test_what_a_function_says_and_the_apis_own_policy_are_weighed_by_awss_table(platform):
    client = platform.client("cloudformation")
    made = client.create_stack(StackName="table", TemplateBody=TABLE, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])["StackId"]

    def status():
        found = client.describe_stacks(StackName=made)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    found = eventually(status, timeout_s=120)
    assert found["StackStatus"] == "CREATE_COMPLETE", [(e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in client.describe_stack_events(StackName=made)["StackEvents"]]
    api = found["Outputs"][0]["OutputValue"]
    explicit = "User is not authorized to access this resource with an explicit deny in an identity-based policy"
    for said, own, expected in [
        ("Allow", "allow", None),
        ("Allow", "neither", None),
        ("Allow", "deny", explicit),
        ("Neither", "allow", None),
        ("Neither", "neither", NOT_ALLOWED),
        ("Neither", "deny", explicit),
        ("Deny", "allow", explicit),
        ("Deny", "neither", explicit),
        ("Deny", "deny", explicit),
    ]:
        answer = requests.get(f"{platform.endpoint}/_aws/execute-api/{api}/prod/{own}", headers={"Authorization": said}, timeout=60)
        assert answer.status_code == (403 if expected else 200), (said, own, answer.text)
        if expected and own != "deny":
            assert answer.json() == {"Message": expected}, (said, own)
    # What the API's own policy denies is denied before anybody is asked.
    answer = requests.get(f"{platform.endpoint}/_aws/execute-api/{api}/prod/deny", timeout=60)
    assert answer.status_code == 403 and answer.json()["Message"].endswith("with an explicit deny in a resource-based policy")
    client.delete_stack(StackName=made)
    assert eventually(status, timeout_s=120)["StackStatus"] == "DELETE_COMPLETE"


def test_a_method_can_stay_open(get):
    assert get("/open").status_code == 200 and get("/open").json() is None


def test_authorizers_are_made_listed_changed_and_deleted(platform, name):
    gateway, functions = platform.client("apigateway"), platform.client("lambda")
    role = platform.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    code = "def handler(event, context): return {'principalId': 'p', 'policyDocument': {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}}"
    arn = functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="index.handler", Timeout=30, Code={"ZipFile": package(index__py=code)})["FunctionArn"]
    api = gateway.create_rest_api(name=name)
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    at = {"restApiId": api["id"]}
    made = gateway.create_authorizer(**at, name="who", type="TOKEN", authorizerUri=uri, identitySource="method.request.header.X-Who")
    one = {**at, "authorizerId": made["id"]}
    assert gateway.get_authorizer(**one)["identitySource"] == "method.request.header.X-Who"
    assert [a["id"] for a in gateway.get_authorizers(**at)["items"]] == [made["id"]]
    changed = gateway.update_authorizer(**one, patchOperations=[{"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "0"}])
    assert changed["authorizerResultTtlInSeconds"] == 0
    refused(gateway.update_authorizer, "BadRequestException", **one, patchOperations=[{"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": "3601"}])
    assert "must be unique" in refused(gateway.create_authorizer, "BadRequestException", **at, name="who", type="TOKEN", authorizerUri=uri)
    refused(gateway.create_authorizer, "BadRequestException", **at, name="pool", type="COGNITO_USER_POOLS", providerARNs=["arn:aws:cognito-idp:us-east-1:000000000000:userpool/x"])
    method = {**at, "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    assert "requires a valid authorizer" in refused(gateway.put_method, "BadRequestException", **method, authorizationType="CUSTOM", authorizerId="nope")
    gateway.put_method(**method, authorizationType="CUSTOM", authorizerId=made["id"])
    gateway.put_method_response(**method, statusCode="200")
    gateway.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_integration_response(**method, statusCode="200", responseTemplates={"application/json": '"in"'})
    gateway.create_deployment(**at, stageName="s")
    address = f"{platform.endpoint}/_aws/execute-api/{api['id']}/s/"
    # Without leave to call it, nobody can be asked, and nobody is let in.
    assert requests.get(address, headers={"X-Who": "me"}, timeout=60).status_code == 500
    account = arn.split(":")[4]
    functions.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
                             SourceArn=f"arn:aws:execute-api:us-east-1:{account}:{api['id']}/authorizers/{made['id']}")
    let_in = requests.get(address, headers={"X-Who": "me"}, timeout=60)
    assert (let_in.status_code, let_in.text) == (200, '"in"')
    assert requests.get(address, timeout=60).status_code == 401
    refused(gateway.delete_authorizer, "ConflictException", **one)
    gateway.delete_method(**method)
    gateway.delete_authorizer(**one)
    refused(gateway.get_authorizer, "NotFoundException", **one)
    gateway.delete_rest_api(**at)
    functions.delete_function(FunctionName=name)
