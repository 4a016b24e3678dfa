"""`fastness check`: findings with their lines, in three forms, and exit codes for CI."""

import hashlib
import json
import subprocess
import tarfile

import jsonschema
import pytest

from harness.platform import ROOT, binary

CARELESS = """Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: .
      FunctionUrlConfig:
        AuthType: NONE
      Environment:
        Variables:
          DB_PASSWORD: hunter2hunter2
      Policies:
        - AdministratorAccess
        - Statement:
            - Effect: Allow
              Action:
                - dynamodb:*
                - iam:PassRole
                - lambda:UpdateFunctionCode
              Resource: '*'
"""

CAREFUL = """Transform: AWS::Serverless-2016-10-31
Resources:
  Table:
    Type: AWS::Serverless::SimpleTable
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: .
      Policies:
        - DynamoDBReadPolicy: {TableName: !Ref Table}
"""


def check(folder, text, *arguments):
    path = folder / "template.yaml"
    path.write_text(text)
    return subprocess.run([binary(), "check", str(path), *arguments], capture_output=True, text=True, timeout=60)


def test_findings_have_line_risk_and_fix(tmp_path):
    told = check(tmp_path, CARELESS)
    assert told.returncode == 1
    for line, rule in ((10, "public-function"), (13, "plain-secret"), (15, "administrator"), (19, "action-wildcard"), (20, "pass-role"), (21, "privilege-escalation")):
        assert f":{line}: high: " in told.stdout and f"[{rule}]" in told.stdout, (line, rule, told.stdout)
    assert "OWASP Serverless S5:2017" in told.stdout and "fastness least-privilege" in told.stdout
    assert "hunter2" not in told.stdout


def test_json_and_sarif_say_the_same(tmp_path):
    found = json.loads(check(tmp_path, CARELESS, "--format", "json").stdout)["findings"]
    sarif = json.loads(check(tmp_path, CARELESS, "--format", "sarif").stdout)
    assert sarif["version"] == "2.1.0"
    run = sarif["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    results = [(each["ruleId"], each["locations"][0]["physicalLocation"]["region"]["startLine"]) for each in run["results"]]
    assert results == [(each["rule"], each["line"]) for each in found] and len(results) >= 7
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
        assert each["level"] in ("error", "warning", "note") and each["message"]["text"]
    assert all(float(rule["properties"]["security-severity"]) for rule in rules)


def test_sarif_has_what_its_schema_requires(tmp_path):
    """The required members of SARIF 2.1.0, and the forms that its schema gives them."""
    report = json.loads(check(tmp_path, CARELESS, "--format", "sarif").stdout)
    assert report["$schema"].endswith("sarif-schema-2.1.0.json") and report["version"] == "2.1.0" and isinstance(report["runs"], list)
    assert set(report) <= {"$schema", "version", "runs"}
    for run in report["runs"]:
        driver = run["tool"]["driver"]
        assert driver["name"] and len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
        for rule in driver["rules"]:
            assert rule["id"] and rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["help"]["text"]
            assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
            assert len(set(rule["properties"]["tags"])) == len(rule["properties"]["tags"])
        for result in run["results"]:
            assert result["message"]["text"] and 0 <= result["ruleIndex"] < len(driver["rules"]) and result["locations"]
            for location in result["locations"]:
                physical = location["physicalLocation"]
                assert physical["region"]["startLine"] >= 1
                uri = physical["artifactLocation"]["uri"]
                assert uri and not set(uri) & set(' <>"{}|\\^`')
                assert all(logical["name"] for logical in location["logicalLocations"])


SCHEMA_PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SCHEMA_SHA256 = "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8"


@pytest.fixture(scope="module")
def sarif_schema(tmp_path_factory):
    """OASIS's schema of SARIF 2.1.0, as a package brings it: pinned by its digest."""
    folder = tmp_path_factory.mktemp("schema")
    try:
        packed = subprocess.run(["npm", "pack", "--silent", SCHEMA_PACKAGE], cwd=folder, capture_output=True, text=True, timeout=90)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm does not answer: {error}")
    if packed.returncode != 0:
        pytest.skip(f"the package with the schema cannot be had: {packed.stderr[-200:]}")
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        text = archive.extractfile("package/lib/schemas/sarif-2.1.0-rtm.5.json").read()
    assert hashlib.sha256(text).hexdigest() == SCHEMA_SHA256
    return json.loads(text)


def test_sarif_is_valid_by_its_official_schema(tmp_path, sarif_schema):
    validator = jsonschema.Draft7Validator(sarif_schema, format_checker=jsonschema.FormatChecker())
    for text in (CARELESS, MORE, CAREFUL):
        report = json.loads(check(tmp_path, text, "--format", "sarif").stdout)
        errors = [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(report)]
        assert not errors, errors
    report["runs"][0]["results"] = [{"message": {}}]
    assert list(validator.iter_errors(report)), "the schema refuses what is wrong"


def test_sarif_fits_what_code_hosts_take(tmp_path):
    """GitHub's: paths from the repository's root, fingerprints that outlive moved lines, a rule for every result, at most 10 tags a rule, and limits on sizes."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "my template.yaml").write_text(CARELESS)

    def report(*where, cwd=tmp_path):
        told = subprocess.run([binary(), "check", *where, "--format", "sarif"], cwd=cwd, capture_output=True, text=True, timeout=60)
        assert len(told.stdout) < 10_000_000
        return json.loads(told.stdout)["runs"][0]

    place = lambda run: {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]}
    inside = "infra/my%20template.yaml"
    for where in ("infra/my template.yaml", "./infra/my template.yaml", str(tmp_path / "infra" / "my template.yaml")):
        assert place(report(where)) == {inside}, where
    elsewhere = place(report(str(tmp_path / "infra" / "my template.yaml"), cwd="/"))
    assert elsewhere == {str(tmp_path / "infra").lstrip("/") + "/my%20template.yaml"}
    run = report("infra/my template.yaml")
    prints = [result["partialFingerprints"]["fastnessFinding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints) and run["automationDetails"]["id"] == "fastness-check/"
    (tmp_path / "infra" / "my template.yaml").write_text("# moved\n\n" + CARELESS)
    moved = report("infra/my template.yaml")
    assert [result["partialFingerprints"]["fastnessFinding/v1"] for result in moved["results"]] == prints
    lines = [result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in run["results"]]
    assert [result["locations"][0]["physicalLocation"]["region"]["startLine"] - 2 for result in moved["results"]] == lines
    for rule in run["tool"]["driver"]["rules"]:
        assert len(rule["properties"]["tags"]) <= 10 and len(rule["shortDescription"]["text"]) <= 1024 and len(rule["id"]) <= 255
    assert all(result["locations"] and len(result["message"]["text"]) < 10_000 for result in run["results"])


MORE = """Transform: AWS::Serverless-2016-10-31
Resources:
  Shared:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: iam:*
                Resource: '*'
              - Effect: Allow
                Action: [ssm:SendCommand, s3:GetObject]
                Resource: '*'
  One:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: a.h, CodeUri: ., Role: !GetAtt Shared.Arn}
  Two:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: a.h, CodeUri: ., Role: !GetAtt Shared.Arn}
  Open:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref One, Action: lambda:InvokeFunction, Principal: '*'}
  Deputy:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref One
      Action: lambda:InvokeFunction
      Principal: s3.amazonaws.com
"""


def test_every_kind_of_carelessness_is_found_on_its_line(tmp_path):
    found = json.loads(check(tmp_path, MORE, "--format", "json").stdout)["findings"]
    told = {(each["rule"], each["line"]) for each in found}
    expected = {("confused-deputy", 9), ("action-wildcard", 16), ("pass-role", 16), ("privilege-escalation", 16), ("privilege-escalation", 19),
                ("resource-wildcard", 20), ("shared-role", 23), ("shared-role", 26), ("public-function", 29), ("confused-deputy", 35)}
    assert expected <= told, (expected - told, found)
    ways = next(each["message"] for each in found if each["rule"] == "privilege-escalation" and each["line"] == 16)
    assert "ways more (iam:*)" in ways
    assert all(each["fix"] and each["risk"].startswith("OWASP Serverless") and each["severity"] in ("low", "medium", "high") for each in found)


def rules(folder, text):
    found = json.loads(check(folder, text, "--format", "json").stdout)["findings"]
    return [(each["rule"], each["line"]) for each in found]


TWO_STEPS = """Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: deploy
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]}
      Policies:
        - PolicyName: pass
          PolicyDocument: {Statement: [{Effect: Allow, Action: iam:PassRole, Resource: 'arn:aws:iam::123456789012:role/lambda/*'}]}
        - PolicyName: self
          PolicyDocument: {Statement: [{Effect: Allow, Action: iam:PutRolePolicy, Resource: !Sub 'arn:aws:iam::${AWS::AccountId}:role/deploy'}]}
  Make:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: make
      Roles: [!Ref Role]
      PolicyDocument: {Statement: [{Effect: Allow, Action: [lambda:CreateFunction, lambda:InvokeFunction], Resource: 'arn:aws:lambda:us-east-1:123456789012:function:app'}]}
"""

OPEN = """Conditions: {Prod: !Equals [a, b]}
Resources:
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: b
      PolicyDocument:
        Statement:
          - {Effect: Deny, Principal: '*', Action: 's3:*', Resource: '*'}
          - {Effect: !If [Prod, Deny, Allow], Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::b/*', Condition: {Bool: {'aws:SecureTransport': 'true'}}}
          - {Effect: Allow, Principal: {Service: logging.s3.amazonaws.com}, Action: 's3:PutObject', Resource: 'arn:aws:s3:::b/*', Condition: {ArnLike: {'aws:SourceArn': '*'}}}
"""

A_STEP_AWAY = """Transform: AWS::Serverless-2016-10-31
Parameters: {DbPassword: {Type: String, Default: hunter2hunter2}, Host: {Type: String}}
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.h
      CodeUri: .
      Role: !ImportValue RoleOne
      Environment:
        Variables:
          DB_PASSWORD: !Ref DbPassword
          DATABASE_URL: !Sub 'postgres://admin:hunter2hunter2@${Host}/orders'
          OTHER_PASSWORD: '{{resolve:secretsmanager:prod/db:SecretString:password}}'
          MAX_TOKENS: '128000'
          TOKEN_SOURCE: header
  Two:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.h
      CodeUri: .
      Role: !ImportValue RoleTwo
      Policies:
        - S3CrudPolicy: {BucketName: '*'}
  Three:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.h
      CodeUri: .
      Policies:
        - S3CrudPolicy: {BucketName: '*'}
"""

DOCUMENTED = """Transform: AWS::Serverless-2016-10-31
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Statement:
          - {Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}, Action: 'kms:*', Resource: '*'}
          - Effect: Allow
            Principal: {Service: !Sub 'logs.${AWS::Region}.amazonaws.com'}
            Action: [kms:Encrypt, kms:Decrypt]
            Resource: '*'
            Condition: {ArnLike: {'kms:EncryptionContext:aws:logs:arn': !Sub 'arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:/app/*'}}
  ApiLogs:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: apigateway.amazonaws.com}, Action: sts:AssumeRole}]}
      ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.h
      CodeUri: .
      Policies:
        - VPCAccessPolicy: {}
        - Statement:
            - {Effect: Allow, Action: [xray:PutTraceSegments, cloudwatch:PutMetricData, textract:DetectDocumentText, ec2:DescribeInstances], Resource: '*'}
            - {Effect: Allow, Action: [iam:CreateAccessKey, iam:EnableMFADevice], Resource: 'arn:aws:iam::*:user/${aws:username}'}
"""

BY_NAME = """Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'A,B'}
Conditions:
  IsProd: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Deploys:
    Type: AWS::IAM::Role
    DeletionPolicy: !If [IsProd, Retain, Delete]
    UpdateReplacePolicy: !If [IsProd, Retain, Delete]
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Federated: !Sub 'arn:aws:iam::${AWS::AccountId}:oidc-provider/token.actions.githubusercontent.com'}
            Action: sts:AssumeRoleWithWebIdentity
            Condition: {StringEquals: {'token.actions.githubusercontent.com:aud': sts.amazonaws.com}}
      ManagedPolicyArns:
        - arn:aws-us-gov:iam::aws:policy/service-role/AWSLambdaRole
        - !Sub 'arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'
  Speaks:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: a.h
      CodeUri: .
      Policies:
        - AmazonAPIGatewayAdministrator
      Environment:
        Variables:
          PGPASSWORD: hunter2
          JWT_KEY: "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
          STORE: 'Server=db;User Id=sa;Password=9aB8cD7eF6;'
      Events:
        Skill:
          Type: AlexaSkill
Outputs:
  'Fn::ForEach::All':
    - Name
    - !Ref Names
    - 'Of${Name}': {Value: !Ref Name}
"""


@pytest.mark.parametrize("text, expected", [
    (BY_NAME, [("anyone", 15), ("resource-wildcard", 19), ("action-wildcard", 28), ("plain-secret", 31), ("plain-secret", 33), ("confused-deputy", 36)]),
    (TWO_STEPS, [("privilege-escalation", 9), ("privilege-escalation", 11)]),
    (OPEN, [("anyone", 10), ("confused-deputy", 11)]),
    (A_STEP_AWAY, [("plain-secret", 13), ("plain-secret", 14), ("resolved-secret", 15), ("ignored-policies", 25), ("resource-wildcard", 34)]),
    (DOCUMENTED, [])], ids=["by name", "two steps", "open", "a step away", "documented"])
def test_what_is_found_is_what_is_careless(tmp_path, text, expected):
    assert rules(tmp_path, text) == expected


@pytest.mark.parametrize("text, arguments, code", [
    (CAREFUL, (), 0), (CARELESS, (), 1), (CARELESS, ("--fail-on", "never"), 0),
    (CAREFUL.replace("DynamoDBReadPolicy: {TableName: !Ref Table}", "Statement: {Effect: Allow, Action: 's3:Get*', Resource: 'arn:aws:s3:::b/*'}"), (), 0),
    (CAREFUL.replace("DynamoDBReadPolicy: {TableName: !Ref Table}", "Statement: {Effect: Allow, Action: 's3:Get*', Resource: 'arn:aws:s3:::b/*'}"), ("--fail-on", "low"), 1),
    ("Resources: [", (), 2), ("", (), 2)])
def test_exit_codes_are_for_ci(tmp_path, text, arguments, code):
    assert check(tmp_path, text, *arguments).returncode == code


def test_the_shipped_examples_are_checked_and_missing_files_told(tmp_path):
    for template in ROOT.glob("examples/*/template.yaml"):
        told = subprocess.run([binary(), "check", str(template), "--fail-on", "high"], capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, told.stdout + told.stderr
    told = subprocess.run([binary(), "check", str(tmp_path / "none.yaml")], capture_output=True, text=True, timeout=60)
    assert told.returncode == 2 and "none.yaml" in told.stderr
