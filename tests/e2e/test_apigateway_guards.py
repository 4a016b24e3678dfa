"""Policies by API Gateway's own condition keys: AWS's published guards have an effect.

https://docs.aws.amazon.com/apigateway/latest/developerguide/security_iam_id-based-policy-examples.html
"""

import json

import botocore.exceptions
import pytest

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
DEFINITION = json.dumps({"openapi": "3.0.1", "info": {"title": "open", "version": "1"},
                         "paths": {"/a": {"get": {"responses": {}, "x-amazon-apigateway-integration": {"type": "mock"}}}}})


@pytest.fixture
def guarded(platform, name):
    """A client that may everything but what a condition denies."""
    made = iter(range(100))
    return lambda condition: platform.client("apigateway", *platform.user(
        f"{name}-{next(made)}", ALL, {"Effect": "Deny", "Action": "apigateway:*", "Resource": "arn:aws:apigateway:*::/*", "Condition": condition}))


def is_denied(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        assert "with an explicit deny in an identity-based policy" in error.response["Error"]["Message"]
        return True
    return False


def any_of(key, *values):
    return {"ForAnyValue:StringEquals": {f"apigateway:{key}": list(values)}}


def test_apis_are_guarded_by_their_endpoint_name_and_default_address(guarded, name):
    regional = {"name": name, "endpointConfiguration": {"types": ["REGIONAL"]}}
    assert is_denied(guarded(any_of("Request/EndpointType", "REGIONAL")).create_rest_api, **regional)
    assert is_denied(guarded(any_of("Request/EndpointType", "EDGE")).create_rest_api, name=name), "what is made where nothing is said"
    assert is_denied(guarded(any_of("Request/ApiName", name)).create_rest_api, name=name)
    closed = guarded({"Bool": {"apigateway:Request/DisableExecuteApiEndpoint": "false"}})
    assert is_denied(closed.create_rest_api, name=name)
    made = closed.create_rest_api(name=name, disableExecuteApiEndpoint=True)["id"]
    opening = [{"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "false"}]
    assert is_denied(closed.update_rest_api, restApiId=made, patchOperations=opening)
    assert is_denied(guarded(any_of("Resource/ApiName", name)).delete_rest_api, restApiId=made)
    assert not is_denied(guarded(any_of("Resource/ApiName", "x")).delete_rest_api, restApiId=made)


def test_routes_need_authorization(platform, guarded, name):
    client = guarded(any_of("Request/RouteAuthorizationType", "NONE"))
    made = client.create_rest_api(name=name)
    at = {"restApiId": made["id"], "resourceId": made["rootResourceId"], "httpMethod": "GET"}
    assert is_denied(client.put_method, **at, authorizationType="NONE")
    assert not is_denied(client.put_method, **at, authorizationType="AWS_IAM")
    assert is_denied(client.update_method, **at, patchOperations=[{"op": "replace", "path": "/authorizationType", "value": "NONE"}])
    assert is_denied(client.import_rest_api, body=DEFINITION) and is_denied(client.put_rest_api, restApiId=made["id"], body=DEFINITION)
    assert platform.client("apigateway").get_method(**at)["authorizationType"] == "AWS_IAM"
    keyless = guarded({"Bool": {"apigateway:Request/ApiKeyRequired": "false"}})
    assert is_denied(keyless.put_method, **{**at, "httpMethod": "POST"}, authorizationType="AWS_IAM")
    assert not is_denied(keyless.put_method, **{**at, "httpMethod": "POST"}, authorizationType="AWS_IAM", apiKeyRequired=True)
    assert is_denied(guarded(any_of("Resource/RouteAuthorizationType", "AWS_IAM")).delete_method, **at)


def test_stages_and_authorizers_are_guarded(platform, guarded, name):
    gateway = platform.client("apigateway")
    made = gateway.create_rest_api(name=name)
    at = {"restApiId": made["id"], "resourceId": made["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="NONE")
    gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    assert is_denied(guarded(any_of("Request/StageName", "prod")).create_deployment, restApiId=made["id"], stageName="prod")
    assert not is_denied(guarded(any_of("Request/StageName", "prod")).create_deployment, restApiId=made["id"], stageName="dev")
    log = [{"op": "replace", "path": "/accessLogSettings/format", "value": "$context.requestId"}]
    assert is_denied(guarded(any_of("Request/AccessLoggingFormat", "$context.requestId")).update_stage, restApiId=made["id"], stageName="dev", patchOperations=log)
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations"
    authorizer = {"restApiId": made["id"], "name": "a", "type": "TOKEN", "authorizerUri": uri, "identitySource": "method.request.header.auth"}
    assert is_denied(guarded(any_of("Request/AuthorizerType", "TOKEN")).create_authorizer, **authorizer)
    one = guarded(any_of("Request/AuthorizerType", "REQUEST")).create_authorizer(**authorizer)["id"]
    assert is_denied(guarded(any_of("Resource/AuthorizerUri", uri)).delete_authorizer, restApiId=made["id"], authorizerId=one)
