"""What stages write of their requests: the account's role, lines of the owner's form, and how requests were executed."""

import json

import pytest

from support import eventually, logged, refused, trust

LOGS = {"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
FORMAT = '{"id":"$context.requestId","ip":"$context.identity.sourceIp","to":"$context.httpMethod $context.resourcePath","status":"$context.status","bytes":"$context.responseLength","why":"$context.error.message","key":"$context.identity.apiKey","header":"$method.request.header.x-secret"}'


def patch(*operations):
    return {"patchOperations": [dict(zip(("op", "path", "value"), operation)) for operation in operations]}


def test_stages_write_logs_in_the_name_of_the_accounts_role(platform, name):
    gateway, iam, logs = platform.client("apigateway"), platform.client("iam"), platform.client("logs")
    api = gateway.create_rest_api(name=name)
    at = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**at, authorizationType="NONE")
    gateway.put_integration(**at, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_method_response(**at, statusCode="200")
    gateway.put_integration_response(**at, statusCode="200", responseTemplates={"application/json": '"in"'})
    gateway.create_deployment(restApiId=api["id"], stageName="prod")
    stage = {"restApiId": api["id"], "stageName": "prod"}
    group = f"/api/{name}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    wanted = patch(("replace", "/accessLogSettings/destinationArn", arn), ("replace", "/accessLogSettings/format", FORMAT))
    assert refused(gateway.update_stage, "BadRequestException", **stage, **wanted) == "CloudWatch Logs role ARN must be set in account settings to enable logging"
    deaf = iam.create_role(RoleName=name + "-deaf", AssumeRolePolicyDocument=trust({"Service": "lambda.amazonaws.com"}))["Role"]["Arn"]
    assert refused(gateway.update_account, "BadRequestException", **patch(("replace", "/cloudwatchRoleArn", deaf))).startswith("The role ARN does not have required permissions")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"Service": "apigateway.amazonaws.com"}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [LOGS]}))
    mine = platform.client("apigateway", *platform.user(name + "-editor", {"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}))
    assert "iam:PassRole" in refused(mine.update_account, "AccessDeniedException", **patch(("replace", "/cloudwatchRoleArn", role)))
    assert gateway.update_account(**patch(("replace", "/cloudwatchRoleArn", role)))["cloudwatchRoleArn"] == role
    assert gateway.get_account()["cloudwatchRoleArn"] == role
    for bad in ("no id here", "$context.requestId\n"):
        refused(gateway.update_stage, "BadRequestException", **stage, **patch(("replace", "/accessLogSettings/destinationArn", arn), ("replace", "/accessLogSettings/format", bad)))
    refused(gateway.update_stage, "BadRequestException", **stage, **patch(("replace", "/accessLogSettings/destinationArn", arn.replace("000000000000", "111111111111")), ("replace", "/accessLogSettings/format", FORMAT)))
    refused(gateway.update_stage, "BadRequestException", **stage, **patch(("replace", "/*/*/logging/dataTrace", "true")))
    shown = gateway.update_stage(**stage, **wanted)
    assert shown["accessLogSettings"] == {"destinationArn": arn, "format": FORMAT}
    gateway.update_stage(**stage, **patch(("replace", "/*/*/logging/loglevel", "INFO")))
    path = f"/_aws/execute-api/{api['id']}/prod/"
    good, bad = platform.raw("GET", path, {"x-secret": "s3cret"}), platform.raw("POST", path)
    assert (good.status_code, bad.status_code) == (200, 403)

    written = eventually(lambda: found if len(found := logged(logs, group)) >= 2 else None)
    found = {each["id"]: each for each in map(json.loads, written)}
    one, other = found[good.headers["x-amzn-requestid"]], found[bad.headers["x-amzn-requestid"]]
    assert (one["to"], one["status"], one["bytes"], one["why"], one["key"], one["header"], one["ip"]) == ("GET /", "200", "4", "-", "-", "-", "127.0.0.1")
    assert (other["status"], other["why"]) == ("403", "Missing Authentication Token")
    request = good.headers["x-amzn-requestid"]
    wanted = {f"({request}) HTTP Method: GET, Resource Path: /", f"({request}) Method completed with status: 200"}
    eventually(lambda: wanted <= set(logged(logs, f"API-Gateway-Execution-Logs_{api['id']}/prod")))
    shown = gateway.update_stage(**stage, **patch(("remove", "/accessLogSettings")))
    assert "accessLogSettings" not in shown
    gateway.update_account(**patch(("replace", "/cloudwatchRoleArn", "")))
    assert "cloudwatchRoleArn" not in gateway.get_account()
    gateway.delete_rest_api(restApiId=api["id"])
