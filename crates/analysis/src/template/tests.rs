//! Rules against templates: what is wrong is found on its line, and what is right is left alone.

use super::*;

fn found(text: &str) -> Vec<(&'static str, usize)> {
    check(text).unwrap().iter().map(|finding| (finding.rule.id, finding.line.unwrap())).collect()
}

const CAREFUL: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Secret: {Type: String, NoEcho: true}
Resources:
  Table:
    Type: AWS::Serverless::SimpleTable
  Read:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      InlineCode: "x"
      Environment:
        Variables:
          TABLE: !Ref Table
          SECRET_ARN: arn:aws:secretsmanager:us-east-1:111111111111:secret:x
          PASSWORD: '{{resolve:secretsmanager:x}}'
          TOKEN_TTL: "60"
      Policies:
        - DynamoDBReadPolicy: {TableName: !Ref Table}
        - Statement:
            - {Effect: Allow, Action: 'logs:DescribeLogGroups', Resource: '*'}
            - {Effect: Deny, Action: '*', Resource: '*'}
  Permission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Read, Action: 'lambda:InvokeFunction', Principal: s3.amazonaws.com, SourceAccount: !Ref AWS::AccountId}
"#;

#[test]
fn a_careful_template_has_no_findings() {
    assert_eq!(found(CAREFUL), []);
}

const CARELESS: &str = r#"Transform: AWS::Serverless-2016-10-31
Parameters:
  Secret: {Type: String, NoEcho: true}
Globals:
  Function:
    Environment:
      Variables:
        API_KEY: abc
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: 'sts:AssumeRole'}
          - {Effect: Allow, Principal: "*", Action: 'sts:AssumeRole'}
      ManagedPolicyArns:
        - arn:aws:iam::aws:policy/AdministratorAccess
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action:
                  - dynamodb:*
                  - s3:Get*
                  - iam:PassRole
                  - dynamodb:PutItem
                  - lambda:CreateFunction
                  - lambda:InvokeFunction
                Resource: "*"
              - Effect: Allow
                NotAction: iam:*
                Resource: !If [A, "*", !Ref X]
  One:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      InlineCode: "x"
      Role: !GetAtt Role.Arn
      FunctionUrlConfig:
        AuthType: NONE
      Environment:
        Variables:
          KEY: AKIAIOSFODNN7EXAMPLE
          DATABASE: !Ref Secret
  Two:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      Code: {ZipFile: x}
      Role: !GetAtt Role.Arn
  Anyone:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref One
      Action: lambda:InvokeFunction
      Principal: "*"
  Deputy:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref One
      Action: lambda:InvokeFunction
      Principal: sns.amazonaws.com
"#;

#[test]
fn each_carelessness_is_found_on_its_line() {
    assert_eq!(
        found(CARELESS),
        [
            ("plain-secret", 8),
            ("confused-deputy", 15),
            ("anyone", 16),
            ("administrator", 18),
            ("action-wildcard", 25),
            ("action-prefix", 26),
            ("pass-role", 27),
            ("privilege-escalation", 27),
            ("resource-wildcard", 31),
            ("not-action", 33),
            ("shared-role", 41),
            ("public-function", 43),
            ("plain-secret", 46),
            ("secret-parameter", 47),
            ("shared-role", 54),
            ("public-function", 60),
            ("confused-deputy", 66),
        ]
    );
}

#[test]
fn any_text_is_checked_or_refused() {
    for seed in
        ["", "{", "Resources: {A: {Type: AWS::IAM::Role, Properties: {Policies: 1}}}", CARELESS, CAREFUL]
    {
        crate::fuzz::fuzz_template(seed.as_bytes());
        for cut in (0..seed.len()).step_by(37) {
            crate::fuzz::fuzz_template(seed.as_bytes().get(..cut).unwrap());
        }
    }
}

#[test]
fn findings_never_repeat_a_secret() {
    for finding in check(CARELESS).unwrap() {
        assert!(!finding.message.contains("abc") && !finding.message.contains("AKIA"), "{}", finding.message);
    }
}

#[test]
fn what_is_accepted_with_a_reason_is_left_out() {
    let template = |reason: &str| {
        format!(
            "Resources:\n  Url:\n    Type: AWS::Lambda::Url\n    Metadata:\n      FastnessIgnore:\n        public-function: '{reason}'\n    Properties:\n      AuthType: NONE\n      TargetFunctionArn: f\n"
        )
    };
    assert_eq!(found(&template("a public web hook, which checks its own signature")), []);
    assert_eq!(found(&template(" ")), [("public-function", 8)]);
}
