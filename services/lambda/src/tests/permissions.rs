//! Resource policies: who may invoke whose function, decided by the pipeline.

use std::sync::Arc;

use identity::Principal;
use serde_json::{Value, json};

use super::{ARN, Fixture};

const API: &str = "arn:aws:execute-api:us-east-1:123456789012:abc/prod/GET/orders";

fn gateway(source_arn: &str) -> Arc<Principal> {
    Arc::new(Principal::service("apigateway.amazonaws.com", source_arn, "123456789012".parse().unwrap()))
}

async fn may_invoke(fixture: &Fixture, who: &Arc<Principal>, name: &str) -> bool {
    match fixture.as_who(who, "Invoke", json!({"FunctionName": name, "InvocationType": "DryRun"})).await {
        Ok(_) => true,
        Err(fault) => {
            assert_eq!(fault.code, "AccessDeniedException", "{}", fault.message);
            false
        }
    }
}

#[tokio::test]
async fn a_service_invokes_only_with_permission_and_only_for_its_source() {
    let fixture = Fixture::start().await;
    assert!(!may_invoke(&fixture, &gateway(API), ARN).await);
    let permission = json!({"FunctionName": "orders", "StatementId": "api", "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": "arn:aws:execute-api:us-east-1:123456789012:abc/*/GET/orders",
        "SourceAccount": "123456789012"});
    let added = fixture.ok("AddPermission", permission.clone()).await;
    let statement: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
    assert_eq!(statement["Resource"], ARN);
    assert!(may_invoke(&fixture, &gateway(API), ARN).await);
    assert!(!may_invoke(&fixture, &gateway(&API.replace("abc", "xyz")), ARN).await);
    assert!(!may_invoke(&fixture, &gateway(API), &format!("{ARN}:$LATEST")).await);
    let events = Arc::new(Principal::service("events.amazonaws.com", API, fixture.kit.account));
    assert!(!may_invoke(&fixture, &events, ARN).await);
    assert_eq!(fixture.refused("AddPermission", permission).await.0, "ResourceConflictException");
    let policy = fixture.ok("GetPolicy", json!({"FunctionName": "orders"})).await;
    let document: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    assert_eq!((&document["Id"], &document["Statement"][0]), (&json!("default"), &statement));
    fixture.ok("RemovePermission", json!({"FunctionName": "orders", "StatementId": "api"})).await;
    assert!(!may_invoke(&fixture, &gateway(API), ARN).await);
    assert_eq!(
        fixture.refused("GetPolicy", json!({"FunctionName": "orders"})).await,
        ("ResourceNotFoundException".into(), "The resource you requested does not exist.".into())
    );
}

#[tokio::test]
async fn permissions_of_an_alias_are_its_own() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    fixture
        .ok("CreateAlias", json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"}))
        .await;
    let permission = |qualifier: &str| {
        json!({"FunctionName": "orders", "Qualifier": qualifier, "StatementId": "api",
            "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"})
    };
    fixture.ok("AddPermission", permission("live")).await;
    assert!(may_invoke(&fixture, &gateway(API), &format!("{ARN}:live")).await);
    assert!(!may_invoke(&fixture, &gateway(API), &format!("{ARN}:1")).await);
    assert!(!may_invoke(&fixture, &gateway(API), ARN).await);
    assert_eq!(
        fixture.refused("AddPermission", permission("$LATEST")).await.0,
        "InvalidParameterValueException"
    );
    assert_eq!(fixture.refused("AddPermission", permission("9")).await.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn users_need_the_action_on_the_function_they_name() {
    let fixture = Fixture::start().await;
    let statement = |resource: &str| json!([{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": resource}]);
    let caller = fixture.kit.user("caller", statement(ARN)).await;
    assert!(may_invoke(&fixture, &caller, "orders").await);
    assert!(!may_invoke(&fixture, &caller, "orders:$LATEST").await);
    assert!(!may_invoke(&fixture, &caller, "other").await);
    let nobody = fixture.kit.user("nobody", json!([])).await;
    assert!(!may_invoke(&fixture, &nobody, "orders").await);
    assert!(!may_invoke(&fixture, &nobody, "does-not-exist").await);
}

#[tokio::test]
async fn another_account_needs_the_functions_permission() {
    let fixture = Fixture::start().await;
    let other = Arc::new(Principal::root("999999999999".parse().unwrap()));
    assert!(!may_invoke(&fixture, &other, ARN).await);
    let permission = json!({"FunctionName": "orders", "StatementId": "other", "Action": "lambda:InvokeFunction",
        "Principal": "999999999999"});
    fixture.ok("AddPermission", permission).await;
    assert!(may_invoke(&fixture, &other, ARN).await);
    for operation in ["GetFunction", "DeleteFunction", "GetPolicy"] {
        let fault = fixture.as_who(&other, operation, json!({"FunctionName": ARN})).await.unwrap_err();
        assert_eq!(fault.code, "AccessDeniedException", "{operation}");
    }
    let mine = fixture.as_who(&other, "Invoke", json!({"FunctionName": "orders"})).await.unwrap_err();
    assert_eq!(mine.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn tags_of_what_is_made_take_leave_to_tag() {
    let fixture = Fixture::start().await;
    let mut function = super::create_input();
    function["FunctionName"] = json!("new");
    let mapping = json!({"EventSourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-01-01T00:00:00.000",
        "FunctionName": "orders", "StartingPosition": "LATEST"});
    let publisher = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/abcdefghij";
    let signing = json!({"AllowedPublishers": {"SigningProfileVersionArns": [publisher]}});
    for (operation, input, resource) in [
        ("CreateFunction", function, "function:new"),
        ("CreateEventSourceMapping", mapping, "event-source-mapping:*"),
        ("CreateCodeSigningConfig", signing, "code-signing-config:*"),
    ] {
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:{resource}");
        let make = json!({"Effect": "Allow", "Action": [format!("lambda:{operation}"), "iam:PassRole"], "Resource": "*"});
        let tag = json!({"Effect": "Allow", "Action": "lambda:TagResource", "Resource": arn,
            "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}});
        let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let deny = json!({"Effect": "Deny", "Action": "lambda:TagResource", "Resource": "*"});
        for (name, statements, tags, allowed) in [
            ("only", json!([make]), json!({"team": "red"}), false),
            ("denied", json!([all, deny]), json!({"team": "red"}), false),
            ("blue", json!([make, tag]), json!({"team": "blue"}), false),
            ("red", json!([make, tag]), json!({"team": "red"}), true),
            ("untagged", json!([make]), json!({}), true),
        ] {
            let user = fixture.kit.user(&format!("{name}-{operation}"), statements).await;
            let mut input = input.clone();
            input["Tags"] = tags;
            let fault = fixture.as_who(&user, operation, input).await.err();
            let refusal =
                fault.filter(|fault| fault.code == "AccessDeniedException").map(|fault| fault.message);
            assert_eq!(refusal.is_none(), allowed, "{operation} {name}: {refusal:?}");
            let named = format!("lambda:TagResource on resource: {arn} ");
            assert!(
                refusal.as_ref().is_none_or(|told| told.contains(&named)),
                "{operation} {name}: {refusal:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_policy_has_the_revision_of_what_it_belongs_to() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    fixture
        .ok("CreateAlias", json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"}))
        .await;
    for (qualifier, read) in [
        (None, "GetFunctionConfiguration"),
        (Some("1"), "GetFunctionConfiguration"),
        (Some("live"), "GetAlias"),
    ] {
        let named = |key: &str, mut input: Value| {
            input["FunctionName"] = json!("orders");
            if let Some(qualifier) = qualifier {
                input[key] = json!(qualifier);
            }
            input
        };
        let with = |mut input: Value, revision: &Value| {
            input["RevisionId"] = revision.clone();
            named("Qualifier", input)
        };
        let key = if read == "GetAlias" { "Name" } else { "Qualifier" };
        let revision = async || fixture.ok(read, named(key, json!({}))).await["RevisionId"].clone();
        let permission =
            json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
        let first = revision().await;
        fixture.ok("AddPermission", with(permission, &first)).await;
        let second = revision().await;
        assert_ne!(first, second, "{qualifier:?}");
        assert_eq!(fixture.ok("GetPolicy", named("Qualifier", json!({}))).await["RevisionId"], second);
        let stale = with(json!({"StatementId": "s"}), &first);
        assert_eq!(
            fixture.refused("RemovePermission", stale).await,
            ("PreconditionFailedException".into(), "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id".into())
        );
        fixture.ok("RemovePermission", with(json!({"StatementId": "s"}), &second)).await;
        let third = revision().await;
        assert!(third != second && third != first, "{qualifier:?}");
    }
    let on_all = json!({"FunctionName": "orders", "StatementId": "t", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"});
    fixture.ok("AddPermission", on_all).await;
    let latest = fixture.ok("GetPolicy", json!({"FunctionName": "orders", "Qualifier": "$LATEST"})).await;
    assert_eq!(latest, fixture.ok("GetPolicy", json!({"FunctionName": "orders"})).await);
}

/// Whether policies refuse the call; what else becomes of it does not matter.
async fn is_denied(fixture: &Fixture, statements: Value, operation: &str, input: Value) -> bool {
    let who = fixture.kit.user("who", statements).await;
    let answer = fixture.as_who(&who, operation, input).await;
    answer.is_err_and(|fault| fault.code == "AccessDeniedException")
}

fn unless(key: &str, value: &str) -> Value {
    json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {key: value}}}])
}

fn only(key: &str, value: &str) -> Value {
    json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {key: value}}}])
}

#[tokio::test]
async fn what_is_removed_has_the_keys_with_which_it_was_added() {
    let fixture = Fixture::start().await;
    let user = fixture.kit.user("named", json!([])).await.arn().to_owned();
    for (sid, principal, said) in [
        ("s3", "s3.amazonaws.com", "s3.amazonaws.com"),
        ("all", "*", "*"),
        ("number", "222222222222", "222222222222"),
        ("root", "arn:aws:iam::222222222222:root", "222222222222"),
        ("user", &user, &user),
    ] {
        let key = "lambda:Principal";
        let add = json!({"FunctionName": "orders", "StatementId": sid, "Action": "lambda:InvokeFunction",
            "Principal": principal});
        fixture.ok("AddPermission", add).await;
        let remove = || json!({"FunctionName": "orders", "StatementId": sid});
        assert!(is_denied(&fixture, unless(key, said), "RemovePermission", remove()).await, "{sid} {said}");
        let other = only(key, "events.amazonaws.com");
        assert!(is_denied(&fixture, other, "RemovePermission", remove()).await, "{sid} {said}");
        assert!(!is_denied(&fixture, only(key, said), "RemovePermission", remove()).await, "{sid} {said}");
    }
    let kind = "lambda:FunctionUrlAuthType";
    for auth in ["NONE", "AWS_IAM"] {
        let add = json!({"FunctionName": "orders", "StatementId": "url", "Principal": "*",
            "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": auth});
        fixture.ok("AddPermission", add).await;
        let remove = || json!({"FunctionName": "orders", "StatementId": "url"});
        assert!(is_denied(&fixture, unless(kind, auth), "RemovePermission", remove()).await, "{auth}");
        assert!(!is_denied(&fixture, only(kind, auth), "RemovePermission", remove()).await, "{auth}");
    }
    // What is not there has no keys.
    let missing = json!({"FunctionName": "orders", "StatementId": "none"});
    assert!(is_denied(&fixture, only(kind, "NONE"), "RemovePermission", missing.clone()).await);
    assert!(!is_denied(&fixture, unless(kind, "NONE"), "RemovePermission", missing).await);
}

#[tokio::test]
async fn a_list_of_urls_needs_leave_for_each_kind_that_stands_in_it() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    let alias = json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"});
    fixture.ok("CreateAlias", alias).await;
    let kind = "lambda:FunctionUrlAuthType";
    let list = || json!({"FunctionName": "orders"});
    let absent =
        json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Null": {kind: "true"}}}]);
    assert!(!is_denied(&fixture, absent, "ListFunctionUrlConfigs", list()).await);
    fixture.ok("CreateFunctionUrlConfig", json!({"FunctionName": "orders", "AuthType": "AWS_IAM"})).await;
    assert!(!is_denied(&fixture, only(kind, "AWS_IAM"), "ListFunctionUrlConfigs", list()).await);
    assert!(!is_denied(&fixture, unless(kind, "NONE"), "ListFunctionUrlConfigs", list()).await);
    let open = json!({"FunctionName": "orders", "Qualifier": "live", "AuthType": "NONE"});
    fixture.ok("CreateFunctionUrlConfig", open).await;
    for statements in
        [only(kind, "AWS_IAM"), only(kind, "NONE"), unless(kind, "NONE"), unless(kind, "AWS_IAM")]
    {
        assert!(is_denied(&fixture, statements, "ListFunctionUrlConfigs", list()).await);
    }
}
