"""Unmodified deploying tools of other people: `aws cloudformation package` and `deploy`, the AWS CDK, Chalice."""

import json
import subprocess

import pytest

import tools
from stacks import settled
from support import eventually, listed, refused

TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Parameters: {Word: {Type: String, Default: one}}
Resources:
  Layer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      {Runtime: python3.12, Handler: app.handler, Timeout: 30, CodeUri: code, Layers: [!Ref Layer], Tracing: Active, Environment: {Variables: {WORD: !Ref Word}}}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner.yaml}
Outputs:
  Function: {Value: !Ref Hello}
  Group: {Value: !GetAtt Inner.Outputs.Group}
"""
CODE = "import os, layered\ndef handler(event, context):\n    return os.environ['WORD'] + ' ' + layered.WORD\n"
CDK_APP = """const cdk = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const apigateway = require('aws-cdk-lib/aws-apigateway');
const dynamodb = require('aws-cdk-lib/aws-dynamodb');
const app = new cdk.App();
const synthesizer = new cdk.CliCredentialsStackSynthesizer({ fileAssetsBucketName: process.env.BUCKET });
const stack = new cdk.Stack(app, process.env.STACK, { synthesizer, env: { account: '000000000000', region: 'us-east-1' } });
const partitionKey = { name: 'id', type: dynamodb.AttributeType.STRING };
const table = new dynamodb.Table(stack, 'Items', { partitionKey, removalPolicy: cdk.RemovalPolicy.DESTROY });
const code = lambda.Code.fromAsset('fn');
const handler = new lambda.Function(stack, 'Hello', { runtime: lambda.Runtime.PYTHON_3_12, handler: 'app.handler', code, environment: { TABLE: table.tableName } });
table.grantReadWriteData(handler);
const defaultCorsPreflightOptions = { allowOrigins: ['https://x.com'], allowMethods: ['GET'] };
const api = new apigateway.LambdaRestApi(stack, 'Api', { handler, defaultCorsPreflightOptions });
new cdk.CfnOutput(stack, 'ApiId', { value: api.restApiId });
"""
CDK_CODE = """import json, os, boto3
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
def handler(event, context):
    table.put_item(Item={"id": event["path"]})
    return {"statusCode": 200, "body": json.dumps(table.get_item(Key={"id": event["path"]})["Item"])}
"""
CHALICE_APP = """from chalice import Chalice
app = Chalice(app_name='app')

@app.route('/')
def index():
    return {'hello': 'world'}

@app.route('/users/{name}', methods=['POST'], cors=True)
def user(name):
    return {'name': name, 'got': app.current_request.json_body}

@app.lambda_function(name='plain')
def plain(event, context):
    return {'plain': event}
"""


def result(platform, function):
    return json.loads(platform.client("lambda").invoke(FunctionName=function)["Payload"].read())


def run(command, environment, cwd, fails=False):
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert (done.returncode != 0) is fails, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


def test_aws_cloudformation_packages_and_deploys(platform, tmp_path, name):
    bucket = name.lower()
    platform.client("s3").create_bucket(Bucket=bucket)
    for path, text in {"template.yaml": TEMPLATE, "inner.yaml": "Resources: {G: {Type: AWS::Logs::LogGroup}}\nOutputs: {Group: {Value: !Ref G}}\n",
                       "code/app.py": CODE, "layer/python/layered.py": "WORD = 'layer'\n"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    def aws(*arguments):
        done = platform.aws("cloudformation", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    packaged = tmp_path / "packaged.yaml"

    def deploy(*more):
        aws("package", "--template-file", str(tmp_path / "template.yaml"), "--s3-bucket", bucket, "--output-template-file", str(packaged))
        return aws("deploy", "--template-file", str(packaged), "--stack-name", name, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND",
                   "--no-fail-on-empty-changeset", *more)

    assert "Successfully created/updated stack" in deploy("--tags", "team=one")
    outputs = tools.outputs(platform, name)
    assert result(platform, outputs["Function"]) == "one layer"
    # Traces may be asked for; the role that the transform makes for them is one that IAM knows.
    assert platform.client("lambda").get_function_configuration(FunctionName=outputs["Function"])["TracingConfig"] == {"Mode": "Active"}
    # The CLI waits in steps of half a minute: one more time, with all that could go wrong. What is not said again stays.
    (tmp_path / "layer" / "python" / "layered.py").write_text("WORD = 'new layer'\n")
    deploy("--parameter-overrides", "Word=two")
    assert result(platform, outputs["Function"]) == "two new layer"
    aws("delete-stack", "--stack-name", name)


@pytest.mark.parametrize("method", ["direct", "change-set"])
def test_the_cdk_deploys_with_the_callers_own_rights(platform, tmp_path, name, method):
    tools.by_hand()
    folder = tools.node_packages(*tools.CDK)
    bucket = name.lower()
    platform.client("s3").create_bucket(Bucket=bucket)
    (tmp_path / "fn").mkdir()
    (tmp_path / "fn" / "app.py").write_text(CDK_CODE)
    (tmp_path / "app.js").write_text(CDK_APP)
    # As `cdk init` writes it, of what matters here.
    context = {"@aws-cdk/aws-apigateway:disableCloudWatchRole": True}
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "node app.js", "context": context}))
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    environment = {**tools.environment(platform, tmp_path), "BUCKET": bucket, "STACK": name}
    cdk = folder / "node_modules" / ".bin" / "cdk"
    told = run([cdk, "deploy", f"--method={method}", "--require-approval", "never"], environment, tmp_path)
    assert f"✅  {name}" in told, told
    api = tools.outputs(platform, name)["ApiId"]
    assert platform.raw("GET", f"/_aws/execute-api/{api}/prod/a/b").json() == {"id": "/a/b"}
    preflight = platform.raw("OPTIONS", f"/_aws/execute-api/{api}/prod/a/b", headers={"Origin": "https://x.com"})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"], preflight.headers["access-control-allow-methods"]) == (204, "https://x.com", "GET")
    assert "no changes" in run([cdk, "deploy", f"--method={method}", "--require-approval", "never"], environment, tmp_path)
    run([cdk, "destroy", "--force"], environment, tmp_path)
    assert name not in [s["StackName"] for s in listed(platform.client("cloudformation"), "describe_stacks", "Stacks")]


def test_cdk_bootstrap_says_what_is_missing(platform, tmp_path):
    tools.by_hand()
    cdk = tools.node_packages(*tools.CDK) / "node_modules" / ".bin" / "cdk"
    told = run([cdk, "bootstrap", "aws://000000000000/us-east-1"], tools.environment(platform, tmp_path), tmp_path, fails=True)
    assert "AWS::ECR::Repository" in told and "AWS::SSM::Parameter" not in told, told


def test_what_cdk_synth_writes_deploys_where_it_asks_for_no_bootstrap(platform, tmp_path, name):
    tools.by_hand()
    folder = tools.node_packages(*tools.CDK)
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    client, cdk = platform.client("cloudformation"), folder / "node_modules" / ".bin" / "cdk"

    def synthesized(synthesizer):
        """The application without its bucket: its code stands in the template."""
        app = CDK_APP.replace("new cdk.CliCredentialsStackSynthesizer({ fileAssetsBucketName: process.env.BUCKET })", synthesizer)
        app = app.replace("lambda.Code.fromAsset('fn')", f"lambda.Code.fromInline({json.dumps(CDK_CODE)})").replace("'app.handler'", "'index.handler'")
        (tmp_path / "app.js").write_text(app)
        run([cdk, "synth", "--quiet", "--app", "node app.js", "-c", "@aws-cdk/aws-apigateway:disableCloudWatchRole=true"], {**tools.environment(platform, tmp_path), "STACK": name}, tmp_path)
        return (tmp_path / "cdk.out" / f"{name}.template.json").read_text()

    asking = synthesized("new cdk.DefaultStackSynthesizer()")
    assert "/cdk-bootstrap/hnb659fds/version" in refused(client.create_stack, "ValidationError", StackName=name, TemplateBody=asking, Capabilities=["CAPABILITY_IAM"])
    plain = synthesized("new cdk.DefaultStackSynthesizer({ generateBootstrapVersionRule: false })")
    ssm, version = platform.client("ssm"), "/cdk-bootstrap/hnb659fds/version"
    ssm.put_parameter(Name=version, Value="5", Type="String")
    assert "CDK bootstrap stack version 6 required" in refused(client.create_stack, "ValidationError", StackName=name, TemplateBody=asking, Capabilities=["CAPABILITY_IAM"])
    ssm.put_parameter(Name=version, Value="21", Overwrite=True)
    for template in (plain, asking):
        made = client.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])["StackId"]
        assert settled(client, made) == "CREATE_COMPLETE"
        api = tools.outputs(platform, name)["ApiId"]
        assert platform.raw("GET", f"/_aws/execute-api/{api}/prod/a/b").json() == {"id": "/a/b"}
        client.delete_stack(StackName=made)
        assert settled(client, made) == "DELETE_COMPLETE"
    ssm.delete_parameter(Name=version)


@pytest.fixture
def chalice(tmp_path):
    tools.by_hand()
    program = tools.python_tool(tools.CHALICE, "chalice")
    folder = tmp_path / "app"
    (folder / ".chalice").mkdir(parents=True)
    (folder / "app.py").write_text(CHALICE_APP)
    (folder / "requirements.txt").write_text("")
    (folder / ".chalice" / "config.json").write_text(json.dumps({"version": "2.0", "app_name": "app", "stages": {"dev": {"api_gateway_stage": "api"}}}))
    return program, folder


def check_chalice(platform, api):
    path = f"/_aws/execute-api/{api}/api/"
    assert platform.raw("GET", path).json() == {"hello": "world"}
    posted = platform.raw("POST", path + "users/bo", {"content-type": "application/json"}, b'{"a": 1}')
    assert posted.json() == {"name": "bo", "got": {"a": 1}} and posted.headers["Access-Control-Allow-Origin"] == "*"


def test_chalice_packages_for_cloudformation(platform, chalice, tmp_path, name):
    program, folder = chalice
    run([program, "package", "out"], tools.environment(platform, tmp_path), folder)
    bucket = name.lower()
    platform.client("s3").create_bucket(Bucket=bucket)
    made = platform.aws("cloudformation", "package", "--template-file", str(folder / "out/sam.json"), "--s3-bucket", bucket,
                        "--output-template-file", str(folder / "packaged.yaml"))
    assert made.returncode == 0, made.stderr
    made = platform.aws("cloudformation", "deploy", "--template-file", str(folder / "packaged.yaml"), "--stack-name", name, "--capabilities", "CAPABILITY_IAM")
    assert made.returncode == 0, made.stdout + made.stderr
    check_chalice(platform, tools.outputs(platform, name)["RestAPIId"])


def test_chalice_deploys_by_itself(platform, chalice, tmp_path):
    program, folder = chalice
    environment = tools.environment(platform, tmp_path)
    run([program, "deploy"], environment, folder)
    api = next(api["id"] for api in platform.client("apigateway").get_rest_apis(limit=500)["items"] if api["name"] == "app")
    check_chalice(platform, api)
    assert json.loads(run([program, "invoke", "-n", "plain"], environment, folder)) == {"plain": {}}
    (folder / "app.py").write_text(CHALICE_APP.replace("'world'", "'again'"))
    run([program, "deploy"], environment, folder)
    eventually(lambda: platform.raw("GET", f"/_aws/execute-api/{api}/api/").json() == {"hello": "again"})
    run([program, "delete"], environment, folder)
    assert api not in [one["id"] for one in platform.client("apigateway").get_rest_apis(limit=500)["items"]]
