//! Rules against templates: what is wrong is found on its line, and what is right is left alone.

mod environment;
mod grants;
mod principals;

use super::*;

/// Checks with the policies that AWS keeps.
fn check(text: &str) -> Result<Vec<Finding>, TemplateError> {
    let facts = include_str!("../../../../../models/aws-managed-policies.json");
    super::check(text, &|name| {
        let start = format!("\"{name}\":");
        let line = facts.lines().find_map(|line| line.strip_prefix(&start))?;
        let facts: Value = serde_json::from_str(line.trim_end_matches(',')).ok()?;
        Some(facts.get("document")?.to_string())
    })
}

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
          PASSWORD: !Ref PasswordArn
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

/// One function with these lines under `Properties`, indented by six.
fn function(properties: &str) -> String {
    format!("Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n{properties}")
}

/// Names and values that only sound like secrets, and what a boundary withholds.
#[test]
fn what_only_looks_careless_is_left_alone() {
    let variables = [
        "PASSWORD_MIN_LENGTH: '8'",
        "TOKEN_ISSUER: https://issuer.example.com",
        "TOKEN_ENDPOINT: https://issuer.example.com/token",
        "SECRET_ROTATION: 'true'",
        "MAX_TOKENS_PER_DAY: '5000'",
        "JWT_TOKEN_TYPE: Bearer",
        "SECRET_FROM: !Ref Secret",
        "CREDENTIAL_PARAMETER: /app/db",
        "DATABASE_URL: postgres://db.example.com/orders",
        "MAIL: ana@example.com",
    ];
    for variable in variables {
        let text = function(&format!("      Environment:\n        Variables:\n          {variable}\n"));
        assert_eq!(found(&text), [], "{variable}");
    }
    let bounded = "Globals:\n  Function:\n    PermissionsBoundary: arn:aws:iam::111111111111:policy/b\n"
        .to_owned()
        + &function(
            "      Policies:\n        - Statement:\n            - {Effect: Allow, Action: 'iam:PutRolePolicy', Resource: 'arn:aws:iam::111111111111:role/*'}\n",
        );
    assert_eq!(
        found(&bounded),
        [("resource-wildcard", 10)],
        "wide, but the role that is made for the function has the boundary"
    );
    let named = function(
        "      Policies:\n        - Statement:\n            - {Effect: Allow, Action: 'sts:AssumeRole', Resource: 'arn:aws:iam::111111111111:role/one'}\n",
    );
    assert_eq!(found(&named), []);
    let organization = "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersionPermission\n    Properties: {Action: 'lambda:GetLayerVersion', LayerVersionArn: l, Principal: '*', OrganizationId: o-1}\n";
    assert_eq!(found(organization), []);
}

#[test]
fn secrets_are_told_by_their_form_and_wide_grants_by_their_names() {
    for (text, expected) in [
        (
            function("      Environment:\n        Variables:\n          DATABASE_URL: postgres://app:hunter2@db.example.com/orders\n"),
            vec![("plain-secret", 7)],
        ),
        (
            function("      Environment:\n        Variables:\n          PLAIN: npm_0123456789abcdef\n"),
            vec![("plain-secret", 7)],
        ),
        (
            function("      Environment:\n        Variables:\n          DB_PASSWORD: !If [Prod, hunter2hunter2, !Ref Other]\n"),
            vec![("plain-secret", 7)],
        ),
        (
            function("      Policies:\n        - AmazonDynamoDBFullAccess\n"),
            vec![("action-wildcard", 6)],
        ),
        (
            function("      Policies:\n        - Statement:\n            - Effect: Allow\n              Action: sts:AssumeRole\n              Resource: '*'\n"),
            vec![("privilege-escalation", 8), ("resource-wildcard", 9)],
        ),
        (
            "Globals:\n  Function:\n    FunctionUrlConfig:\n      AuthType: NONE\n".to_owned() + &function("      Handler: a.h\n"),
            vec![("public-function", 4)],
        ),
        (
            "Resources:\n  L:\n    Type: AWS::Lambda::LayerVersionPermission\n    Properties:\n      Action: lambda:GetLayerVersion\n      LayerVersionArn: l\n      Principal: '*'\n".to_owned(),
            vec![("anyone", 7)],
        ),
        (
            "Resources:\n  R:\n    Type: AWS::ECR::Repository\n    Properties:\n      RepositoryPolicyText:\n        Statement:\n          - Effect: Allow\n            Principal: '*'\n            Action: 'ecr:*'\n".to_owned(),
            vec![("anyone", 8)],
        ),
    ] {
        assert_eq!(found(&text), expected, "{text}");
    }
}

/// A template in JSON, with intrinsics where policies would stand.
#[test]
fn json_and_intrinsics_are_read_like_yaml() {
    let text = r#"{
  "Resources": {
    "Role": {
      "Type": "AWS::IAM::Role",
      "Properties": {
        "AssumeRolePolicyDocument": {"Statement": [
          {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]},
        "Policies": [{"Fn::If": ["Wide",
          {"PolicyName": "wide", "PolicyDocument": {"Statement": {
            "Effect": "Allow",
            "Action": {"Fn::If": ["All", "s3:*", ["s3:GetObject"]]},
            "Resource": "arn:aws:s3:::b/*"
          }}},
          {"Ref": "AWS::NoValue"}
        ]}]
      }
    },
    "F": {
      "Type": "AWS::Lambda::Function",
      "Properties": {
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Environment": {"Variables": {
          "API_KEY": {"Fn::Sub": "literal-key"},
          "TOKEN": {"Fn::Join": ["", ["abc", "defgh"]]}
        }}
      }
    }
  }
}"#;
    assert_eq!(found(text), [("action-wildcard", 12), ("plain-secret", 24), ("plain-secret", 25)]);
}

/// A loop's resources are checked as they are written.
#[test]
fn loops_hide_nothing() {
    let text = "Transform: AWS::LanguageExtensions\nResources:\n  'Fn::ForEach::Urls':\n    - Name\n    - [A, B]\n    - 'Url${Name}':\n        Type: AWS::Lambda::Url\n        Properties:\n          AuthType: NONE\n          TargetFunctionArn: !Ref Name\n";
    assert_eq!(found(text), [("public-function", 9)]);
}

/// What the language's extensions allow around resources is no reason not to read them.
#[test]
fn extensions_of_the_language_hide_nothing() {
    let resources = "Resources:\n  Url:\n    Type: AWS::Lambda::Url\n    DeletionPolicy: !If [X, Retain, Delete]\n    UpdateReplacePolicy: !Ref P\n    Properties:\n      AuthType: NONE\n      TargetFunctionArn: f\nOutputs:\n  'Fn::ForEach::Os':\n    - N\n    - [A, B]\n    - 'O${N}': {Value: !Ref N}\n";
    for transform in ["AWS::LanguageExtensions", "[AWS::LanguageExtensions, AWS::Serverless-2016-10-31]"] {
        assert_eq!(found(&format!("Transform: {transform}\n{resources}")), [("public-function", 8)]);
    }
    let error = check(resources).unwrap_err().to_string();
    assert!(error.contains("Every DeletionPolicy member must be a string."), "{error}");
}

/// What stands in the template itself is read, whatever would be put beside it.
#[test]
fn includes_hide_nothing() {
    let url =
        "    Type: AWS::Lambda::Url\n    Properties:\n      AuthType: NONE\n      TargetFunctionArn: f\n";
    let include = "{Name: AWS::Include, Parameters: {Location: 's3://b/k'}}";
    for text in [
        format!("Transform: {include}\nResources:\n  Url:\n{url}"),
        format!("Transform: [AWS::Serverless-2016-10-31, {include}]\nResources:\n  Url:\n{url}"),
        format!("Fn::Transform: {include}\nResources:\n  Url:\n{url}"),
        format!("Mappings: {{Fn::Transform: {include}}}\nResources:\n  Url:\n{url}"),
    ] {
        assert_eq!(found(&text), [("public-function", 6)], "{text}");
    }
    let beside =
        format!("Resources:\n  Fn::Transform: {include}\n  Url:\n    Fn::Transform: {include}\n{url}");
    assert_eq!(found(&beside), [("public-function", 7)]);
}
