"""`fastness check`: findings with their lines, in three forms, and exit codes for CI."""

import json
import subprocess

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
