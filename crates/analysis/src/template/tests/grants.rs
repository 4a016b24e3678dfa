//! What identities are granted: alone, together, and as far as conditions let it.

use super::{check, found};

/// A managed policy with these statements, from line 8 on, a line each.
fn policy(statements: &[&str]) -> String {
    let mut text = "Conditions: {X: !Equals [a, b], Y: !Equals [a, a]}\nResources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n        Statement:\n".to_owned();
    for statement in statements {
        text.push_str(&format!("          - {{Effect: Allow, {statement}}}\n"));
    }
    text
}

#[test]
fn wildcards_are_found_by_what_they_take_in() {
    for (statement, expected) in [
        (
            "Action: ['s3:GetObject', 's3:DeleteObject'], Resource: 'arn:aws:s3:::*'",
            vec!["resource-wildcard"],
        ),
        (
            "Action: 'dynamodb:DeleteItem', Resource: 'arn:aws:dynamodb:*:*:table/*'",
            vec!["resource-wildcard"],
        ),
        ("Action: 'dynamodb:DeleteTable', Resource: 'arn:aws:dynamodb:*'", vec!["resource-wildcard"]),
        ("Action: 'secretsmanager:GetSecretValue', Resource: '**'", vec!["resource-wildcard"]),
        ("Action: 'iam:PassRole', Resource: 'arn:aws:iam::*:*'", vec!["pass-role"]),
        ("Action: 'iam:PassRole', Resource: 'arn:aws:iam::123456789012:role*'", vec!["pass-role"]),
        ("Action: 'iam:PassRole', Resource: 'arn:aws:iam::111111111111:role/*'", vec!["pass-role"]),
        ("Action: 's3:Delete*', Resource: '*'", vec!["action-prefix", "resource-wildcard"]),
        ("Action: 's3:**', Resource: '*'", vec!["action-wildcard"]),
        ("Action: 'dynamodb:?*', Resource: '*'", vec!["action-wildcard"]),
        ("Action: '**', Resource: '*'", vec!["administrator"]),
        ("Action: '*:*', Resource: '*'", vec!["administrator"]),
        ("NotAction: 'iam:*', Resource: '*'", vec!["not-action"]),
        ("Action: 's3:GetObject', NotResource: 'arn:aws:s3:::b/*'", vec!["not-action"]),
        ("Action: 'acme:Explode', Resource: '*'", vec!["unknown-action"]),
        ("Action: 'acme:Explode', Resource: 'arn:aws:acme:*:*:thing/one'", vec![]),
        // Bound to something, or to nothing that could be named.
        (
            "Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::b/*', !Sub '${B.Arn}/*', !GetAtt B.Arn]",
            vec![],
        ),
        ("Action: 'dynamodb:Query', Resource: !Sub 'arn:aws:dynamodb:*:*:table/${T}/index/*'", vec![]),
        (
            "Action: ['xray:PutTraceSegments', 'cloudwatch:PutMetricData', 'ec2:DescribeInstances'], Resource: '*'",
            vec![],
        ),
        (
            "Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'], Resource: 'arn:aws:logs:*:*:*'",
            vec![],
        ),
        ("Action: 'sts:AssumeRole', Resource: 'arn:aws:iam::111111111111:role/one'", vec![]),
        ("Action: 'iam:PassRole', Resource: !GetAtt R.Arn", vec![]),
    ] {
        let text = policy(&[statement]);
        let rules: Vec<&str> = found(&text).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, expected, "{statement}");
    }
}

#[test]
fn only_conditions_that_bind_are_counted() {
    let wide = "Action: 'dynamodb:DeleteItem', Resource: '*'";
    for (condition, expected) in [
        ("Bool: {'aws:SecureTransport': 'true'}", 1),
        ("Bool: {'aws:MultiFactorAuthPresent': 'true'}", 1),
        ("StringEquals: {'aws:RequestedRegion': eu-west-1}", 1),
        ("StringNotEquals: {'aws:ResourceTag/team': other}", 1),
        ("StringLike: {'aws:ResourceTag/team': '*'}", 1),
        ("StringEqualsIfExists: {'aws:ResourceTag/team': orders}", 1),
        ("StringEquals: {'aws:ResourceTag/team': !If [X, orders, !Ref 'AWS::NoValue']}", 1),
        ("StringEquals: {'aws:ResourceTag/team': orders}", 0),
        ("StringEquals: {'aws:ResourceTag/team': '${aws:PrincipalTag/team}'}", 0),
        ("'ForAllValues:StringEquals': {'dynamodb:LeadingKeys': '${aws:userid}'}", 0),
        ("Bool: {'aws:ViaAWSService': 'true'}", 0),
    ] {
        let text = policy(&[&format!("{wide}, Condition: {{{condition}}}")]);
        assert_eq!(found(&text).len(), expected, "{condition}");
    }
}

#[test]
fn both_outcomes_of_conditions_are_read() {
    for (statement, expected) in [
        ("Action: '*', Resource: '*'", vec!["administrator"]),
        ("Action: !If [X, 's3:*', 's3:GetObject'], Resource: 'arn:aws:s3:::b/*'", vec!["action-wildcard"]),
        ("Action: 's3:GetObject', Resource: !If [X, 'arn:aws:s3:::b/*', '*']", vec!["resource-wildcard"]),
        (
            "Action: 's3:GetObject', Resource: '*', Condition: !If [X, {StringEquals: {'aws:ResourceTag/a': b}}, !Ref 'AWS::NoValue']",
            vec!["resource-wildcard"],
        ),
        // Never both at once.
        (
            "Action: !If [X, 's3:GetObject', 'xray:PutTraceSegments'], Resource: !If [X, 'arn:aws:s3:::b/*', '*']",
            vec![],
        ),
    ] {
        let text = policy(&[statement]);
        let told = |text: &str| found(text).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>();
        assert_eq!(told(&text), expected, "{statement}");
        let either = text.replace("Effect: Allow", "Effect: !If [Y, Allow, Deny]");
        assert_eq!(told(&either), expected, "{statement}");
        assert!(found(&text.replace("Effect: Allow", "Effect: Deny")).is_empty(), "{statement}");
    }
}

const PASS: &str = "Action: 'iam:PassRole', Resource: ";
const MAKE: &str = "Action: ['lambda:CreateFunction', 'lambda:InvokeFunction'], Resource: 'arn:aws:lambda:us-east-1:123456789012:function:app-*'";

#[test]
fn ways_to_more_power_are_found_across_statements() {
    let pass = |resource: &str| format!("{PASS}{resource}");
    for (statements, expected) in [
        (vec![pass("'*'"), MAKE.to_owned()], vec![("pass-role", 8), ("privilege-escalation", 8)]),
        (vec![pass("'arn:aws:iam::123456789012:role/lambda/*'"), MAKE.to_owned()], vec![("privilege-escalation", 8)]),
        (vec![pass("'arn:aws:iam::123456789012:role/admin'"), MAKE.to_owned()], vec![("borrowed-role", 8)]),
        (
            vec![pass("'*', Condition: {StringEquals: {'iam:PassedToService': lambda.amazonaws.com}}"), MAKE.to_owned()],
            vec![("pass-role", 8), ("privilege-escalation", 8)],
        ),
        (
            vec![pass("'*', Condition: {StringEquals: {'iam:PassedToService': states.amazonaws.com}}"), MAKE.to_owned()],
            vec![("pass-role", 8)],
        ),
        (vec![pass("!Ref RoleArn"), MAKE.to_owned()], vec![]),
        (vec![pass("!Sub 'arn:aws:iam::123456789012:role/${AWS::StackName}-*'"), MAKE.to_owned()], vec![]),
        (
            vec!["Action: ['iam:AttachUserPolicy', 'iam:PutUserPolicy'], Resource: 'arn:aws:iam::*:user/${aws:username}'".to_owned()],
            vec![("privilege-escalation", 8), ("privilege-escalation", 8)],
        ),
        // People may look after their own keys.
        (vec!["Action: ['iam:CreateAccessKey', 'iam:EnableMFADevice'], Resource: 'arn:aws:iam::*:user/${aws:username}'".to_owned()], vec![]),
        (
            vec!["Action: 'iam:*', Resource: '*', Condition: {Bool: {'aws:SecureTransport': 'true'}}".to_owned()],
            vec![("action-wildcard", 8), ("pass-role", 8), ("privilege-escalation", 8)],
        ),
        (
            vec!["Action: 'iam:AttachRolePolicy', Resource: 'arn:aws:iam::1:role/*', Condition: {ArnEquals: {'iam:PolicyARN': 'arn:aws:iam::1:policy/p'}}".to_owned()],
            vec![],
        ),
        (vec!["Action: 'lambda:UpdateFunctionCode', Resource: 'arn:aws:lambda:*:*:function:app-*'".to_owned()], vec![]),
    ] {
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        assert_eq!(found(&policy(&statements)), expected, "{statements:?}");
    }
}

const ROLE: &str = "Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]}
";
const PASSING: &str = "PolicyName: a, PolicyDocument: {Statement: [{Effect: Allow, Action: 'iam:PassRole', Resource: 'arn:aws:iam::123456789012:role/lambda/*'}]}";
const MAKING: &str = "PolicyName: b, PolicyDocument: {Statement: [{Effect: Allow, Action: ['lambda:CreateFunction', 'lambda:InvokeFunction'], Resource: '*', Condition: {StringEquals: {'aws:ResourceTag/a': b}}}, {Effect: Allow, Action: ['lambda:CreateFunction', 'lambda:InvokeFunction'], Resource: 'arn:aws:lambda:us-east-1:123456789012:function:x'}]}";

#[test]
fn a_principal_is_judged_by_all_that_it_holds() {
    let inline = format!("{ROLE}      Policies: [{{{PASSING}}}]\n");
    let named = |by: &str| format!("  P:\n    Type: AWS::IAM::Policy\n    Properties: {{{by}, {MAKING}}}\n");
    for (text, expected) in [
        (format!("{inline}{}", named("Roles: [!Ref R]")), vec![("privilege-escalation", 6)]),
        (format!("{inline}{}", named("Roles: [other]")), vec![]),
        (
            format!("{inline}      RoleName: mine\n{}", named("Roles: [mine]")),
            vec![("privilege-escalation", 6)],
        ),
        (
            format!(
                "{inline}      PermissionsBoundary: arn:aws:iam::123456789012:policy/b\n{}",
                named("Roles: [!Ref R]")
            ),
            vec![],
        ),
        // By the role, not by the policy.
        (
            format!(
                "{inline}      ManagedPolicyArns: [!Ref P]\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {{{}}}\n",
                MAKING.replace("PolicyName: b, ", "")
            ),
            vec![("privilege-escalation", 6)],
        ),
        // Two policies of a role outside the template.
        (
            format!(
                "Resources:\n  A:\n    Type: AWS::IAM::Policy\n    Properties: {{Roles: [out], {PASSING}}}\n{}",
                named("Roles: [out]")
            ),
            vec![("privilege-escalation", 4)],
        ),
        // A user has what its group has.
        (
            format!(
                "Resources:\n  G:\n    Type: AWS::IAM::Group\n    Properties: {{Policies: [{{{PASSING}}}]}}\n  U:\n    Type: AWS::IAM::User\n    Properties: {{Groups: [!Ref G]}}\n{}",
                named("Users: [!Ref U]")
            ),
            vec![("privilege-escalation", 4)],
        ),
        // What SAM makes for a function is the function's.
        (
            format!(
                "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Policies: [{{Statement: {{Effect: Allow, Action: 'iam:PassRole', Resource: 'arn:aws:iam::123456789012:role/lambda/*'}}}}]\n{}",
                named("Roles: [!Ref FRole]")
            ),
            vec![("privilege-escalation", 5)],
        ),
    ] {
        assert_eq!(found(&text), expected, "{text}");
    }
}

#[test]
fn power_over_itself_is_power() {
    let own = |resource: &str| {
        format!(
            "{ROLE}      RoleName: self\n      Policies: [{{PolicyName: p, PolicyDocument: {{Statement: [{{Effect: Allow, Action: 'iam:PutRolePolicy', Resource: {resource}}}]}}}}]\n"
        )
    };
    for (resource, expected) in [
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:role/self'", 1),
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:role/se*'", 1),
        ("'arn:aws:iam::999999999999:role/self'", 1),
        ("!GetAtt R.Arn", 1),
        ("!Sub '${R.Arn}'", 1),
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:role/other'", 0),
        ("!GetAtt Other.Arn", 0),
    ] {
        assert_eq!(found(&own(resource)).len(), expected, "{resource}");
    }
}

#[test]
fn a_named_role_of_the_template_is_judged_by_what_it_holds() {
    let target = |policies: &str| {
        policy(&[&format!("{PASS}!GetAtt T.Arn"), MAKE])
            + &format!(
                "  T:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {{Statement: []}}\n      ManagedPolicyArns: [{policies}]\n"
            )
    };
    assert_eq!(found(&target("'arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess'")), []);
    let strong = check(&target("'arn:aws:iam::aws:policy/AdministratorAccess'")).unwrap();
    let told: Vec<(&str, &str)> = strong.iter().map(|it| (it.rule.id, it.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "privilege-escalation",
                "`P` can run code under the role `T`, which can do more (iam:PassRole, lambda:CreateFunction, lambda:InvokeFunction)"
            ),
            ("administrator", "`T` has the managed policy AdministratorAccess"),
        ]
    );
}

#[test]
fn policy_templates_are_read_with_their_values() {
    let function = |policy: &str| {
        format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Policies:\n        - {policy}\n"
        )
    };
    for (policy, expected) in [
        ("S3CrudPolicy: {BucketName: '*'}", 1),
        ("DynamoDBCrudPolicy: {TableName: '*'}", 1),
        ("AWSSecretsManagerGetSecretValuePolicy: {SecretArn: '*'}", 1),
        ("LambdaInvokePolicy: {FunctionName: '*'}", 1),
        ("S3CrudPolicy: {BucketName: !Ref B}", 0),
        ("DynamoDBCrudPolicy: {TableName: orders}", 0),
        ("LambdaInvokePolicy: {FunctionName: !Ref G}", 0),
        // What these grant on everything nobody can bind.
        ("VPCAccessPolicy: {}", 0),
        ("AWSSecretsManagerRotationPolicy: {FunctionName: !Ref G}", 0),
        ("RekognitionDetectOnlyPolicy: {}", 0),
    ] {
        assert_eq!(found(&function(policy)), vec![("resource-wildcard", 6); expected], "{policy}");
    }
}

#[test]
fn findings_stand_on_the_lines_that_they_are_about() {
    let text = "Resources:
  R:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Deny
            Action: s3:DeleteBucket
            Resource: '*'
          # iam:PassRole is needed below
          - Effect: Allow
            Action: iam:PassRole
            Resource: '*'
          - Effect: Allow
            Action: s3:DeleteBucket
            Resource: '*'
          - Effect: Allow
            Action: [
              s3:GetObject,
              '*']
            Resource: '*'
";
    assert_eq!(
        found(text),
        [("pass-role", 12), ("resource-wildcard", 16), ("administrator", 20), ("resource-wildcard", 21)]
    );
}

/// SAM makes no role for a function that names one, so that what would shape it grants nothing and bounds nothing.
#[test]
fn what_stands_beside_a_named_role_grants_nothing() {
    let wide = "{Statement: [{Effect: Allow, Action: '*', Resource: '*'}]}";
    let anyone = "{Statement: [{Effect: Allow, Principal: '*', Action: 'sts:AssumeRole'}]}";
    let function = |role: &str| {
        format!(
            "Conditions: {{X: !Equals [a, b]}}\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Role: {role}\n      Policies:\n        - {wide}\n      AssumeRolePolicyDocument: {anyone}\n      PermissionsBoundary: arn:aws:iam::123456789012:policy/b\n"
        )
    };
    let judged = vec![("administrator", 8), ("anyone", 9)];
    let ignored = vec![("ignored-policies", 7), ("ignored-policies", 9), ("ignored-policies", 10)];
    for (role, expected) in [
        ("!GetAtt R.Arn", &ignored),
        ("arn:aws:iam::123456789012:role/own", &ignored),
        ("!If [X, !GetAtt R.Arn, !GetAtt S.Arn]", &ignored),
        // In one of the two deployments there is a role that SAM makes.
        ("!If [X, !GetAtt R.Arn, !Ref 'AWS::NoValue']", &judged),
        ("!If [X, !Ref 'AWS::NoValue', !GetAtt R.Arn]", &judged),
    ] {
        assert_eq!(found(&function(role)), *expected, "{role}");
    }
    assert_eq!(found(&function("x").replace("      Role: x\n", "\n")), judged);
    let message = &check(&function("!GetAtt R.Arn")).unwrap()[0].message;
    assert_eq!(message, "`F` names its Role, so SAM ignores its Policies");
}

/// A role is strong by what it holds, not by what stands at a function that uses it.
#[test]
fn ignored_policies_open_no_way() {
    let function = |role: &str| {
        format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n{role}      Policies: [{{Statement: {{Effect: Allow, Action: 'iam:PutRolePolicy', Resource: 'arn:aws:iam::123456789012:role/*'}}}}]\n"
        )
    };
    assert_eq!(found(&function("")), [("privilege-escalation", 5), ("resource-wildcard", 5)]);
    assert_eq!(found(&function("      Role: !GetAtt R.Arn\n")), [("ignored-policies", 6)]);
}

/// A policy that AWS keeps is judged as if it stood in the template.
#[test]
fn managed_policies_are_judged_by_what_they_grant() {
    let told = |policy: &str| {
        let text = format!(
            "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {{Statement: []}}\n      ManagedPolicyArns:\n        - !Sub 'arn:${{AWS::Partition}}:iam::aws:policy/{policy}'\n"
        );
        let found = check(&text).unwrap().into_iter();
        found.map(|it| (it.rule.id, it.line.unwrap(), it.message)).collect::<Vec<_>>()
    };
    for (policy, expected) in [
        ("AWSLambdaExecute", vec!["action-wildcard", "resource-wildcard"]),
        ("AmazonAPIGatewayAdministrator", vec!["action-wildcard"]),
        ("AmazonDynamoDBFullAccess", vec!["action-wildcard"]),
        ("AmazonDynamoDBFullAccess_v2", vec!["action-wildcard", "resource-wildcard"]),
        ("PowerUserAccess", vec!["administrator"]),
        ("ReadOnlyAccess", vec!["resource-wildcard"]),
        ("service-role/AWSLambdaBasicExecutionRole", vec![]),
        ("service-role/AWSLambdaRole", vec!["resource-wildcard"]),
        ("service-role/AWSLambdaVPCAccessExecutionRole", vec![]),
        ("service-role/AWSCodeDeployRoleForLambdaLimited", vec![]),
        ("AmazonSSMManagedInstanceCore", vec![]),
        ("NoSuchPolicy", vec![]),
    ] {
        let found = told(policy);
        assert_eq!(found.iter().map(|it| it.0).collect::<Vec<_>>(), expected, "{policy}: {found:?}");
        assert!(found.iter().all(|it| it.1 == 7));
    }
    let short = "`R` has the managed policy AmazonS3ReadOnlyAccess, which allows s3:Get*, s3-object-lambda:Get* on every resource";
    assert_eq!(told("AmazonS3ReadOnlyAccess")[0].2, short);
    let long = &told("ReadOnlyAccess")[0].2;
    assert!(long.len() < 200 && long.ends_with(" more on every resource"), "{long}");
    // A partition of its own has the same policies; an account's own policy of the same name is another.
    let of = |arn: &str| {
        format!(
            "Resources:\n  G:\n    Type: AWS::IAM::Group\n    Properties:\n      ManagedPolicyArns: ['{arn}']\n"
        )
    };
    assert_eq!(
        found(&of("arn:aws-cn:iam::aws:policy/service-role/AWSLambdaRole")),
        [("resource-wildcard", 5)]
    );
    assert_eq!(found(&of("arn:aws:iam::111111111111:policy/service-role/AWSLambdaRole")), []);
    // SAM takes the name alone.
    let sam = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Policies: SecretsManagerReadWrite\n";
    assert_eq!(found(sam)[0], ("action-wildcard", 5));
}
