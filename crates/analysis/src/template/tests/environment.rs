//! Secrets in environments, and roles that functions share.

use super::{check, found, function};

/// A function with this variable.
fn variable(variable: &str) -> String {
    "Mappings: {M: {prod: {key: hunter2hunter2}}}\nParameters: {Plain: {Type: String, Default: hunter2hunter2}, Hidden: {Type: String, NoEcho: true, Default: hunter2hunter2}, Given: {Type: String}, Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: hunter2hunter2}}\n".to_owned()
        + &function(&format!("      Environment:\n        Variables:\n          {variable}\n"))
}

#[test]
fn secrets_are_found_a_step_away() {
    for (text, expected) in [
        ("DB_PASSWORD: !Ref Plain", "plain-secret"),
        ("DATABASE_URL: !Sub 'postgres://admin:hunter2hunter2@${Host}/orders'", "plain-secret"),
        ("DATABASE_URL: !Join ['', ['postgres://admin:hunter2@', !Ref Host]]", "plain-secret"),
        ("DB_PASS: hunter2hunter2", "plain-secret"),
        ("DB_PWD: hunter2hunter2", "plain-secret"),
        ("SIGNING_KEY: c2VjcmV0c2VjcmV0c2VjcmV0", "plain-secret"),
        ("JWT_KEY: c2VjcmV0c2VjcmV0c2VjcmV0", "plain-secret"),
        ("STRIPE_KEY: c2VjcmV0c2VjcmV0c2VjcmV0", "plain-secret"),
        ("API_SECRET_ANDROID: hunter2hunter2", "plain-secret"),
        ("dbPassword: abc", "plain-secret"),
        ("DB_PASSWORD: !FindInMap [M, prod, key]", "plain-secret"),
        ("DB_PASSWORD: !Sub '${Plain}'", "plain-secret"),
        ("DB_PASSWORD: !Ref Hidden", "secret-parameter"),
        ("DATABASE_URL: !Sub 'postgres://app:${Hidden}@${Host}/orders'", "secret-parameter"),
        ("DB_PASSWORD: '{{resolve:secretsmanager:prod/db:SecretString:password}}'", "resolved-secret"),
        (
            "DATABASE_URL: 'postgres://app:{{resolve:secretsmanager:db:SecretString:password}}@h/d'",
            "resolved-secret",
        ),
        ("ANYTHING: !Sub '{{resolve:ssm-secure:${Given}}}'", "resolved-secret"),
    ] {
        assert_eq!(found(&variable(text)), [(expected, 9)], "{text}");
        let told = check(&variable(text)).unwrap();
        assert!(told.iter().all(|finding| !finding.message.contains("hunter2")), "{text}");
    }
}

#[test]
fn what_only_sounds_like_a_secret_is_none() {
    for text in [
        "MAX_TOKENS: '128000'",
        "SECRET_ROTATION: daily",
        "TOKEN_SOURCE: header",
        "CSRF_TOKEN_COOKIE: csrf",
        "PASSWORD_POLICY: strict",
        "SECRETS_PROVIDER: aws",
        "DB_SECRET: prod/orders/db",
        "DB_PASSWORD: !Ref Given",
        "DB_PASSWORD: !Ref Stored",
        "DB_USER: '{{resolve:secretsmanager:prod/db:SecretString:username}}'",
        "STAGE: '{{resolve:ssm:/app/stage}}'",
        "DATABASE_URL: !Sub 'postgres://app:${Password}@${Host}/orders'",
        "PARTITION_KEY: customerAndOrder2024",
        "CACHE_KEY: user-profile-v2",
        "KMS_KEY: d3b07384-d9a0-4c9b-8f7e-2d1a9f3c5b6e",
        "MONKEY: hunter2hunter2",
        "TOKEN_TTL: '3600'",
        "SECRET_NAME: !Sub '${AWS::StackName}-orders'",
        "API_SECRET: !Sub '${AWS::StackName}/orders'",
    ] {
        assert_eq!(found(&variable(text)), [], "{text}");
    }
}

#[test]
fn passwords_are_no_property_in_plain_text() {
    let user = |password: &str| {
        format!(
            "Parameters: {{Hidden: {{Type: String, NoEcho: true}}, Plain: {{Type: String, Default: hunter2}}}}\nResources:\n  U:\n    Type: AWS::IAM::User\n    Properties:\n      LoginProfile:\n        Password: {password}\n"
        )
    };
    for (password, expected) in [
        ("hunter2", 1),
        ("!Ref Plain", 1),
        ("!Ref Hidden", 0),
        ("'{{resolve:secretsmanager:u:SecretString:password}}'", 0),
        ("!GetAtt Secret.Value", 0),
    ] {
        assert_eq!(found(&user(password)), vec![("plain-secret", 7); expected], "{password}");
        let told = check(&user(password)).unwrap();
        assert!(told.iter().all(|finding| !finding.message.contains("hunter2")), "{password}");
    }
}

#[test]
fn roles_are_shared_where_they_are_the_same() {
    let functions = |one: &str, two: &str| {
        format!(
            "Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.h\n{one}  B:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.h\n{two}"
        )
    };
    let role = |role: &str| format!("      Role: {role}\n");
    for (one, two, expected) in [
        ("!ImportValue One", "!ImportValue Two", vec![]),
        ("!ImportValue One", "!ImportValue One", vec![("shared-role", 6), ("shared-role", 11)]),
        ("!GetAtt R.Arn", "!Sub '${R.Arn}'", vec![("shared-role", 6), ("shared-role", 11)]),
        ("!FindInMap [M, a, b]", "!FindInMap [M, a, c]", vec![]),
        ("!GetAtt R.Arn", "!GetAtt S.Arn", vec![]),
        ("!If [X, !GetAtt R.Arn, !GetAtt S.Arn]", "!If [X, !GetAtt S.Arn, !GetAtt R.Arn]", vec![]),
        (
            "!If [X, !GetAtt R.Arn, !GetAtt S.Arn]",
            "!GetAtt S.Arn",
            vec![("shared-role", 6), ("shared-role", 11)],
        ),
    ] {
        assert_eq!(found(&functions(&role(one), &role(two))), expected, "{one} {two}");
    }
    let global = "Globals:\n  Function:\n    Role: arn:aws:iam::123456789012:role/everything\n".to_owned();
    assert_eq!(found(&(global.clone() + &functions("", ""))), [("shared-role", 3), ("shared-role", 3)]);
    assert_eq!(found(&(global.clone() + &functions("", &role("!GetAtt R.Arn")))), []);
    let ignoring = (global + &functions("", "")).replacen(
        "    Properties:",
        "    IgnoreGlobals: [Role]\n    Connectors: {C: {Properties: {}}}\n    Properties:",
        1,
    );
    assert_eq!(found(&ignoring), []);
}
