//! Who is let in by resources' policies, and on whose behalf services come.

use super::found;

/// A bucket's policy whose statement has these lines.
fn bucket(principal: &str, condition: &str) -> String {
    format!(
        "Conditions: {{X: !Equals [a, b]}}\nParameters: {{Wide: {{Type: String, Default: '*'}}, Org: {{Type: String}}}}\nResources:\n  Policy:\n    Type: AWS::S3::BucketPolicy\n    Properties:\n      PolicyDocument:\n        Statement:\n          - Effect: Allow\n            Principal: {principal}\n            Action: s3:GetObject\n            Resource: !Sub '${{Bucket.Arn}}/*'\n{condition}"
    )
}

#[test]
fn a_condition_counts_where_it_names_who_comes() {
    for (principal, condition, expected) in [
        ("'*'", "", Some("anyone")),
        ("'*'", "Bool: {'aws:SecureTransport': 'true'}", Some("anyone")),
        ("{AWS: '*'}", "StringLike: {'aws:PrincipalArn': '*'}", Some("anyone")),
        ("{AWS: '*'}", "StringEquals: {'sts:ExternalId': x}", Some("anyone")),
        ("{AWS: '*'}", "StringEquals: {'aws:PrincipalOrgID': !Ref Wide}", Some("anyone")),
        ("{AWS: '*'}", "StringLike: {'aws:PrincipalOrgID': !Ref Wide}", Some("anyone")),
        ("{AWS: '*'}", "IpAddress: {'aws:SourceIp': 0.0.0.0/0}", Some("anyone")),
        ("{AWS: ['*', 'arn:aws:iam::111111111111:root']}", "", Some("anyone")),
        ("'*'", "!If [X, {StringEquals: {'aws:PrincipalOrgID': o-1}}, !Ref 'AWS::NoValue']", Some("anyone")),
        ("{AWS: '*'}", "StringEquals: {'aws:PrincipalOrgID': !Ref Org}", None),
        ("{AWS: '*'}", "StringEquals: {'aws:PrincipalAccount': !Ref 'AWS::AccountId'}", None),
        ("{AWS: '*'}", "IpAddress: {'aws:SourceIp': 192.0.2.0/24}", None),
        ("{AWS: '*'}", "StringEquals: {'aws:SourceVpce': !Ref Endpoint}", None),
        ("{AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}", "", None),
        ("{Service: logging.s3.amazonaws.com}", "", Some("confused-deputy")),
        ("{Service: logging.s3.amazonaws.com}", "ArnLike: {'aws:SourceArn': '*'}", Some("confused-deputy")),
        (
            "{Service: logging.s3.amazonaws.com}",
            "StringLike: {'aws:SourceArn': 'arn:aws:*'}",
            Some("confused-deputy"),
        ),
        (
            "{Service: logging.s3.amazonaws.com}",
            "StringNotEquals: {'aws:SourceAccount': '111111111111'}",
            Some("confused-deputy"),
        ),
        (
            "{Service: logging.s3.amazonaws.com}",
            "StringEqualsIfExists: {'aws:SourceAccount': '111111111111'}",
            Some("confused-deputy"),
        ),
        (
            "{Service: logging.s3.amazonaws.com}",
            "StringEquals: {'aws:SourceAccount': !Ref 'AWS::AccountId'}",
            None,
        ),
        (
            "{Service: cloudfront.amazonaws.com}",
            "StringEquals: {'AWS:SourceArn': !Sub 'arn:aws:cloudfront::${AWS::AccountId}:distribution/${D}'}",
            None,
        ),
        (
            "{Service: logs.us-east-1.amazonaws.com}",
            "ArnLike: {'kms:EncryptionContext:aws:logs:arn': !Sub 'arn:aws:logs:${AWS::Region}:${AWS::AccountId}:*'}",
            None,
        ),
        (
            "{Service: logs.us-east-1.amazonaws.com}",
            "ArnLike: {'kms:EncryptionContext:aws:logs:arn': 'arn:aws:logs:*:*:*'}",
            Some("confused-deputy"),
        ),
        ("{Service: s3.amazonaws.com}", "ArnLike: {'aws:SourceArn': !GetAtt Other.Arn}", None),
        ("{Service: s3.amazonaws.com}", "ArnLike: {'aws:SourceArn': !Sub '${Other.Arn}*'}", None),
        (
            "{Service: sns.amazonaws.com}",
            "ArnLike: {'aws:SourceArn': !Sub 'arn:aws:sns:*:${AWS::AccountId}:*'}",
            None,
        ),
    ] {
        let condition = match condition {
            "" => String::new(),
            whole if whole.starts_with('!') => format!("            Condition: {whole}\n"),
            parts => format!("            Condition: {{{parts}}}\n"),
        };
        let text = bucket(principal, &condition);
        let expected: Vec<(&str, usize)> = expected.into_iter().map(|rule| (rule, 10)).collect();
        assert_eq!(found(&text), expected, "{principal} {condition}");
    }
}

#[test]
fn trust_policies_are_judged_alike() {
    for (principal, condition, expected) in [
        (
            "{Service: ['lambda.amazonaws.com', 's3.amazonaws.com']}",
            "StringLike: {'aws:SourceArn': 'arn:aws:*'}",
            vec!["confused-deputy"],
        ),
        ("{AWS: '*'}", "StringEquals: {'sts:ExternalId': x}", vec!["anyone"]),
        (
            "{Federated: 'arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com'}",
            "",
            vec!["anyone"],
        ),
        (
            "{Federated: 'arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com'}",
            "StringLike: {'token.actions.githubusercontent.com:sub': 'repo:o/r:*'}",
            vec![],
        ),
        ("{Service: lambda.amazonaws.com}", "", vec![]),
        ("{Service: apigateway.amazonaws.com}", "", vec![]),
        ("{Service: scheduler.amazonaws.com}", "", vec!["confused-deputy"]),
        (
            "{Service: scheduler.amazonaws.com}",
            "StringEquals: {'aws:SourceAccount': !Ref 'AWS::AccountId'}",
            vec![],
        ),
        ("{AWS: 'arn:aws:iam::111111111111:root'}", "StringEquals: {'sts:ExternalId': x}", vec![]),
    ] {
        let condition =
            if condition.is_empty() { String::new() } else { format!(", Condition: {{{condition}}}") };
        let text = format!(
            "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Statement:\n          - {{Effect: Allow, Principal: {principal}, Action: 'sts:AssumeRole'{condition}}}\n"
        );
        let told: Vec<&str> = found(&text).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn permissions_are_judged_by_what_binds_them() {
    for (properties, expected) in [
        ("Action: 'lambda:*', Principal: '123456789012'", vec!["action-wildcard"]),
        ("Action: lambda:InvokeFunction, Principal: '*', SourceArn: '*'", vec!["public-function"]),
        (
            "Action: lambda:InvokeFunctionUrl, Principal: '*', FunctionUrlAuthType: NONE",
            vec!["public-function"],
        ),
        (
            "Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com, SourceArn: 'arn:aws:execute-api:*:*:*'",
            vec!["confused-deputy"],
        ),
        (
            "Action: lambda:InvokeFunction, Principal: s3.amazonaws.com, SourceAccount: '*'",
            vec!["confused-deputy"],
        ),
        ("Action: lambda:InvokeFunction, Principal: !Sub 's3.${AWS::URLSuffix}'", vec!["confused-deputy"]),
        (
            "Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com, SourceArn: !Sub 'arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*'",
            vec![],
        ),
        (
            "Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com, SourceArn: !Sub 'arn:aws:execute-api:*:*:${Api}/*/GET/x'",
            vec![],
        ),
        ("Action: lambda:InvokeFunction, Principal: s3.amazonaws.com, SourceArn: !GetAtt B.Arn", vec![]),
        (
            "Action: lambda:InvokeFunction, Principal: s3.amazonaws.com, SourceArn: !Sub 'arn:aws:s3:::${B}'",
            vec![],
        ),
        ("Action: lambda:InvokeFunction, Principal: sns.amazonaws.com, SourceArn: !Ref Topic", vec![]),
        ("Action: lambda:InvokeFunction, Principal: '*', PrincipalOrgID: o-1", vec![]),
        ("Action: lambda:InvokeFunction, Principal: '123456789012'", vec![]),
    ] {
        let text = format!(
            "Resources:\n  P:\n    Type: AWS::Lambda::Permission\n    Properties: {{FunctionName: f, {properties}}}\n"
        );
        let told: Vec<&str> = found(&text).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(told, expected, "{properties}");
    }
}

#[test]
fn policies_are_found_wherever_they_stand() {
    let text = r#"Resources:
  L:
    Type: AWS::Logs::ResourcePolicy
    Properties:
      PolicyDocument: '{"Statement":[{"Effect":"Allow","Principal":{"Service":"es.amazonaws.com"},"Action":"logs:*","Resource":"*"}]}'
  E:
    Type: AWS::Events::EventBusPolicy
    Properties: {StatementId: a, Action: events:PutEvents, Principal: '*'}
  Org:
    Type: AWS::Events::EventBusPolicy
    Properties: {StatementId: a, Action: events:PutEvents, Principal: '*', Condition: {Type: StringEquals, Key: aws:PrincipalOrgID, Value: o-1}}
  S:
    Type: AWS::Events::EventBusPolicy
    Properties: {StatementId: a, Statement: {Effect: Allow, Action: events:PutEvents, Principal: '*', Resource: r}}
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      ResourcePolicy: {PolicyDocument: {Statement: [{Effect: Allow, Principal: {AWS: '*'}, Action: 'dynamodb:*', Resource: '*'}]}}
  Endpoint:
    Type: AWS::EC2::VPCEndpoint
    Properties: {PolicyDocument: {Statement: [{Effect: Allow, Principal: '*', Action: '*', Resource: '*'}]}}
"#;
    assert_eq!(found(text), [("confused-deputy", 5), ("anyone", 8), ("anyone", 14), ("anyone", 18)]);
}

/// Whoever has an account with a provider that many share is let in where only the audience is asked for.
#[test]
fn the_people_of_a_shared_provider_are_named_by_their_organization() {
    let github = "token.actions.githubusercontent.com";
    let arn = format!("!Sub 'arn:aws:iam::${{AWS::AccountId}}:oidc-provider/{github}'");
    let role = |provider: &str, condition: &str| {
        format!(
            "Resources:\n  Hub: {{Type: AWS::IAM::OIDCProvider, Properties: {{Url: 'https://{github}'}}}}\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Statement:\n          - Effect: Allow\n            Principal: {{Federated: {provider}}}\n            Action: sts:AssumeRoleWithWebIdentity\n            Condition: {condition}\n"
        )
    };
    let only = format!("{{StringEquals: {{'{github}:aud': sts.amazonaws.com}}}}");
    let by = |value: &str| format!("{{StringLike: {{'{github}:sub': {value}}}}}");
    for provider in
        [arn.as_str(), "!Ref Hub", "!GetAtt Hub.Arn", "['arn:aws:iam::1:saml-provider/s', !Ref Hub]"]
    {
        for (condition, expected) in [
            ("{}", 1),
            (&*only, 1),
            (&*by("'*'"), 1),
            (&*by("'repo:*'"), 1),
            (&*by("['repo:octo/*', 'repo:oct*']"), 1),
            (&*by("'repo:octo/*'"), 0),
            (&*by("!Sub 'repo:octo/${AWS::StackName}:*'"), 0),
            (&*by("!Ref Subject"), 0),
        ] {
            let text = role(provider, condition);
            assert_eq!(found(&text), vec![("anyone", 9); expected], "{text}");
        }
    }
    // Which provider it is, only deployment knows; whose claims are asked for, the condition says.
    let of = |key: &str| format!("{{StringEquals: {{'{key}': x}}}}");
    for other in ["!Ref Other", "!Sub 'arn:aws:iam::${AWS::AccountId}:oidc-provider/${Other}'"] {
        for (condition, expected) in [
            ("{}", 1),
            (&*only, 1),
            (&*by("'repo:octo/*'"), 0),
            (&*of("idp.example.com:aud"), 0),
            (&*of("saml:aud"), 0),
        ] {
            let text = role(other, condition);
            assert_eq!(found(&text), vec![("anyone", 9); expected], "{text}");
        }
    }
    let saml = role("!Ref Other", "{}").replace("WithWebIdentity", "WithSAML");
    assert_eq!(found(&saml), [], "whom a company's own provider knows, the company knows");
}

/// A skill has no ARN and no account: its id says for whom Alexa calls.
#[test]
fn of_alexa_the_skill_is_named() {
    let permission = |more: &str| {
        format!(
            "Resources:\n  P:\n    Type: AWS::Lambda::Permission\n    Properties:\n      FunctionName: f\n      Action: lambda:InvokeFunction\n{more}"
        )
    };
    let skill = "      EventSourceToken: amzn1.ask.skill.1\n";
    for (principal, more, expected) in [
        ("alexa-appkit.amazon.com", skill, 0),
        ("alexa-connectedhome.amazon.com", skill, 0),
        ("alexa-appkit.amazon.com", "", 1),
        ("alexa-appkit.amazon.com", "      EventSourceToken: !Ref AWS::NoValue\n", 1),
        // Only Alexa tells a token.
        ("s3.amazonaws.com", skill, 1),
    ] {
        let text = permission(&format!("      Principal: {principal}\n{more}"));
        assert_eq!(found(&text), vec![("confused-deputy", 7); expected], "{principal} {more}");
    }
    assert_eq!(found(&permission(&format!("      Principal: '*'\n{skill}"))), [("public-function", 7)]);
    let event = |properties: &str| {
        format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        A:\n          Type: AlexaSkill\n{properties}"
        )
    };
    assert_eq!(found(&event("")), [("confused-deputy", 7)]);
    assert_eq!(
        found(&event("          Properties: {SkillId: !Ref 'AWS::NoValue'}\n")),
        [("confused-deputy", 7)]
    );
    assert_eq!(found(&event("          Properties: {SkillId: !Ref Skill}\n")), []);
}

#[test]
fn lists_open_a_bucket_where_no_block_stops_them() {
    let bucket = |list: &str, block: &str| {
        format!(
            "Conditions: {{X: !Equals [a, b]}}\nResources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      AccessControl: {list}\n      PublicAccessBlockConfiguration: {{{block}}}\n"
        )
    };
    for (list, block, expected) in [
        ("PublicReadWrite", "", 1),
        ("PublicRead", "BlockPublicPolicy: true, IgnorePublicAcls: false", 1),
        ("!If [X, PublicRead, Private]", "", 1),
        ("AuthenticatedRead", "", 1),
        ("PublicRead", "BlockPublicAcls: true", 0),
        ("PublicRead", "IgnorePublicAcls: 'true'", 0),
        ("Private", "", 0),
        ("LogDeliveryWrite", "", 0),
    ] {
        assert_eq!(found(&bucket(list, block)), vec![("anyone", 6); expected], "{list} {block}");
    }
}
