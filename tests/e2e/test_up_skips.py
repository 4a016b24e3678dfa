"""`fastness up --allow-unsupported`: named types are left out, told and written down; without it they are refused, all at once."""

import json
import subprocess

from harness import Platform
from harness.platform import binary
from support import eventually

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: "def handler(event, context): return 'here'"
      Events: {Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}}
Outputs:
  Function: {Value: !Ref Hello}
  Queue: {Value: !Ref Queue}
"""


def test_named_types_are_skipped_and_that_is_told(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "template.yaml").write_text(TEMPLATE)
    refused = subprocess.run([binary(), "up", str(tmp_path / "app"), "--once", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "refused")], capture_output=True, text=True, timeout=120)
    assert refused.returncode != 0
    # All of them at once.
    assert "Unrecognized resource types: [AWS::Events::Rule, AWS::SNS::Topic, AWS::SQS::Queue]" in refused.stderr, refused.stderr
    slip = subprocess.run([binary(), "up", str(tmp_path / "app"), "--once", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "refused"), "--allow-unsupported", "AWS::IAM::Role"], capture_output=True, text=True, timeout=120)
    assert slip.returncode != 0 and "AWS::IAM::Role is supported: --allow-unsupported is for types that are not" in slip.stderr, slip.stderr
    skip = [part for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Events::Rule") for part in ("--allow-unsupported", kind)]
    running = Platform(tmp_path / "up", command=("up", str(tmp_path / "app")), arguments=("--json", "--no-watch", *skip)).start(timeout_s=120)
    try:
        report = json.loads(running.ready_line.splitlines()[0])
        assert list(report["outputs"]) == ["Function"]
        client = running.client("lambda")
        assert json.loads(client.invoke(FunctionName=report["outputs"]["Function"])["Payload"].read()) == "here"
        template = running.client("cloudformation").get_template(StackName="app")["TemplateBody"]
        skipped = json.loads(template)["Metadata"]["Fastness"]["Skipped"] if isinstance(template, str) else template["Metadata"]["Fastness"]["Skipped"]
        assert sorted(each["Type"] for each in skipped) == ["AWS::Events::Rule", "AWS::Lambda::Permission", "AWS::SNS::Topic", "AWS::SQS::Queue"]
        for words in ("skipping Queue (AWS::SQS::Queue)", "skipping the output Queue"):
            eventually(lambda words=words: words in running.log_path.read_text())
    finally:
        running.stop()
