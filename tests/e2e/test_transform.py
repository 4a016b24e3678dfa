"""`fastness transform`: what it prints is what CloudFormation would see; what is wrong is told with its line, all at once."""

import json
import subprocess

import pytest

from harness.platform import binary

SERVERLESS = """
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters: {Names: {Type: CommaDelimitedList, Default: a}, Stage: {Type: String, Default: dev}}
Globals: {Function: {Runtime: python3.12, Handler: app.handler, CodeUri: 's3://bucket/key'}}
Resources:
  Fn::ForEach::Queues:
    - Name
    - !Ref Names
    - 'Queue${Name}': {Type: AWS::SQS::Queue}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      AutoPublishAlias: !Ref Stage
      FunctionUrlConfig: {AuthType: AWS_IAM}
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Queuea.Arn}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
"""

GRAPHQL = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Posts:
    Type: AWS::Serverless::SimpleTable
  Blog:
    Type: AWS::Serverless::GraphQLApi
    Properties:
      SchemaInline: 'type Query { post(id: ID!): String }'
      Auth: {Type: API_KEY}
      ApiKeys: {Readers: {}}
      DataSources: {DynamoDb: {Posts: {TableName: !Ref Posts, TableArn: !GetAtt Posts.Arn, Permissions: [Read]}}}
      Functions:
        read: {DataSource: Posts, InlineCode: x, Runtime: {Name: APPSYNC_JS, Version: 1.0.0}}
      Resolvers: {Query: {post: {Pipeline: [read]}}}
"""

WRONG = """
Transform: AWS::Serverless-2016-10-31
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.12, Handler: a.b}
  Two:
    Type: AWS::Serverless::SimpleTable
    Properties: {Nope: 1}
"""


def transform(tmp_path, text, *arguments):
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return subprocess.run([binary(), "transform", str(path), *arguments], capture_output=True, text=True, timeout=60)


def test_the_result_is_plain_cloudformation(tmp_path):
    done = transform(tmp_path, SERVERLESS, "--output", "json", "--parameter-overrides", "Names=a,b", "Stage=live", "--region", "eu-west-1")
    assert done.returncode == 0, done.stderr
    resources = json.loads(done.stdout)["Resources"]
    assert {"Queuea", "Queueb", "Worker", "WorkerRole", "WorkerAliaslive", "WorkerUrl", "WorkerJobs", "WorkerNightly"} <= set(resources)
    assert not [kind for kind in (entry["Type"] for entry in resources.values()) if kind.startswith("AWS::Serverless")]


def test_a_graphql_api_gets_its_parts_and_no_more_rights_than_it_asks_for(tmp_path):
    done = transform(tmp_path, GRAPHQL, "--output", "json")
    assert done.returncode == 0, done.stderr
    resources = json.loads(done.stdout)["Resources"]
    kinds = {name: entry["Type"] for name, entry in resources.items()}
    assert {
        "Blog": "AWS::AppSync::GraphQLApi",
        "BlogSchema": "AWS::AppSync::GraphQLSchema",
        "BlogReaders": "AWS::AppSync::ApiKey",
        "BlogPostsDynamoDBDataSource": "AWS::AppSync::DataSource",
        "Blogread": "AWS::AppSync::FunctionConfiguration",
        "BlogQuerypost": "AWS::AppSync::Resolver",
    }.items() <= kinds.items()
    policy = resources["BlogPostsDynamoDBDataSourceToTableConnectorPolicy"]["Properties"]["PolicyDocument"]
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert "dynamodb:GetItem" in actions and "dynamodb:PutItem" not in actions
    wrong = transform(tmp_path, GRAPHQL.replace("Pipeline: [read]", "Pipeline: [gone]"))
    assert wrong.returncode == 1
    assert "Resource with id [post] is invalid. Function 'gone' does not exist." in wrong.stderr


def test_yaml_and_json_say_the_same(tmp_path):
    as_yaml = transform(tmp_path, SERVERLESS)
    again = transform(tmp_path, as_yaml.stdout, "--output", "json")
    as_json = transform(tmp_path, SERVERLESS, "--output", "json")
    assert json.loads(again.stdout) == json.loads(as_json.stdout)


def test_every_error_is_told_with_its_line(tmp_path):
    done = transform(tmp_path, WRONG)
    assert done.returncode == 1 and done.stdout == ""
    assert "2 errors" in done.stderr
    assert "template.yaml:4:3: Resource with id [One] is invalid. Only one of 'InlineCode' or 'CodeUri' can be set." in done.stderr
    assert "template.yaml:7:3: Resource with id [Two] is invalid. property Nope not defined" in done.stderr


@pytest.mark.parametrize("text", ["a: [", "Transform: Mine\nResources: {A: {Type: T}}", "{}" * 3, "a: &a [*a]"])
def test_what_is_no_template_is_refused(tmp_path, text):
    done = transform(tmp_path, text)
    assert done.returncode == 1
    assert "panicked" not in done.stderr


def test_text_beside_the_template_is_included(tmp_path):
    (tmp_path / "more.yaml").write_text("Description: included")
    text = "Resources: {A: {Type: T, Properties: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}}}}"
    done = transform(tmp_path, text, "--output", "json")
    assert json.loads(done.stdout)["Resources"]["A"]["Properties"] == {"Description": "included"}
