//! Function URLs: their settings, and who may come in through one.

use std::sync::Arc;

use http::Request;
use identity::Principal;
use protocol::Bytes;
use serde_json::{Value, json};
use service::Source;

use super::{ARN, Fixture};

async fn url(fixture: &Fixture, auth: &str) -> String {
    let made =
        fixture.ok("CreateFunctionUrlConfig", json!({"FunctionName": "orders", "AuthType": auth})).await;
    made["FunctionUrl"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .split('.')
        .next()
        .unwrap()
        .to_owned()
}

async fn visit(fixture: &Fixture, url_id: &str, request: http::request::Builder, body: &str) -> (u16, Value) {
    let gateway = gateway::Gateway::new(fixture.kit.pipeline.clone(), gateway::Stages::default())
        .with_function_urls(fixture.urls.clone());
    let host = format!("{url_id}.lambda-url.us-east-1.localhost:4566");
    let (head, ()) = request.header("host", host).body(()).unwrap().into_parts();
    assert!(gateway.serves(&head));
    let response =
        gateway.handle(head, Bytes::copy_from_slice(body.as_bytes()), Source::platform("test")).await;
    let status = response.status().as_u16();
    let body = serde_json::from_slice(response.body().bytes())
        .unwrap_or_else(|_| json!(String::from_utf8_lossy(response.body().bytes()).into_owned()));
    (status, body)
}

fn get(path: &str) -> http::request::Builder {
    Request::builder().method("GET").uri(path)
}

fn permission(action: &str, more: &Value) -> Value {
    let mut input = json!({"FunctionName": "orders", "StatementId": action.replace(':', "-"), "Action": action, "Principal": "*"});
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    input
}

#[tokio::test]
async fn a_url_without_auth_still_needs_the_functions_policy() {
    let fixture = Fixture::start().await;
    let url = url(&fixture, "NONE").await;
    let forbidden = (403, json!({"Message": "Forbidden"}));
    assert_eq!(visit(&fixture, &url, get("/"), "").await, forbidden);
    assert_eq!(visit(&fixture, "nothing", get("/"), "").await, forbidden);
    let invoke_url = permission("lambda:InvokeFunctionUrl", &json!({"FunctionUrlAuthType": "NONE"}));
    fixture.ok("AddPermission", invoke_url).await;
    // Both actions are needed: the function's and its URL's.
    assert_eq!(visit(&fixture, &url, get("/"), "").await, forbidden);
    let invoke = permission("lambda:InvokeFunction", &json!({"InvokedViaFunctionUrl": true}));
    fixture.ok("AddPermission", invoke).await;
    let (status, body) =
        visit(&fixture, &url, get("/a/b?x=1&x=2").header("cookie", "c=1; d=2").header("x-own", "y"), "")
            .await;
    assert_eq!(status, 200, "{body}");
    let event = &body["event"];
    assert_eq!(
        (&event["version"], &event["rawPath"], &event["rawQueryString"]),
        (&json!("2.0"), &json!("/a/b"), &json!("x=1&x=2"))
    );
    assert_eq!(
        (&event["cookies"], &event["queryStringParameters"]),
        (&json!(["c=1", "d=2"]), &json!({"x": "1,2"}))
    );
    assert_eq!((&event["headers"]["x-own"], &event["headers"]["cookie"]), (&json!("y"), &Value::Null));
    assert_eq!(event["requestContext"]["accountId"], "anonymous");
    assert_eq!(event["requestContext"]["http"]["method"], "GET");
    // The permission is for the URL: nobody invokes the function itself with it.
    let nobody = Arc::new(Principal::Anonymous);
    let direct = fixture.as_who(&nobody, "Invoke", json!({"FunctionName": ARN})).await.unwrap_err();
    assert_eq!(direct.code, "AccessDeniedException");
}

#[tokio::test]
async fn the_kind_of_auth_is_a_condition_of_the_policy() {
    let fixture = Fixture::start().await;
    let url = url(&fixture, "NONE").await;
    fixture
        .ok(
            "AddPermission",
            permission("lambda:InvokeFunctionUrl", &json!({"FunctionUrlAuthType": "AWS_IAM"})),
        )
        .await;
    fixture
        .ok("AddPermission", permission("lambda:InvokeFunction", &json!({"InvokedViaFunctionUrl": true})))
        .await;
    assert_eq!(visit(&fixture, &url, get("/"), "").await.0, 403);
    let wrong =
        permission("lambda:InvokeFunction", &json!({"FunctionUrlAuthType": "NONE", "StatementId": "x"}));
    assert_eq!(fixture.refused("AddPermission", wrong).await.0, "InvalidParameterValueException");
}

#[tokio::test]
async fn a_url_with_auth_refuses_the_unsigned() {
    let fixture = Fixture::start().await;
    let url = url(&fixture, "AWS_IAM").await;
    for action in ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"] {
        fixture.ok("AddPermission", permission(action, &json!({}))).await;
    }
    assert_eq!(visit(&fixture, &url, get("/"), "").await.0, 403);
    let forged = get("/").header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKIAAAAAAAAAAAAAAAAA/20260101/us-east-1/lambda/aws4_request, \
         SignedHeaders=host, Signature=0000000000000000000000000000000000000000000000000000000000000000",
    );
    assert_eq!(visit(&fixture, &url, forged, "").await.0, 403);
    assert!(fixture.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn failures_are_bad_gateways_and_bodies_are_told_apart() {
    let fixture = Fixture::start().await;
    let url = url(&fixture, "NONE").await;
    fixture
        .ok("AddPermission", permission("lambda:InvokeFunctionUrl", &json!({"FunctionUrlAuthType": "NONE"})))
        .await;
    fixture
        .ok("AddPermission", permission("lambda:InvokeFunction", &json!({"InvokedViaFunctionUrl": true})))
        .await;
    let post = |kind: &str| Request::builder().method("POST").uri("/").header("content-type", kind);
    let (_, text) = visit(&fixture, &url, post("application/json"), "{\"a\":1}").await;
    assert_eq!(
        (&text["event"]["body"], &text["event"]["isBase64Encoded"]),
        (&json!("{\"a\":1}"), &json!(false))
    );
    let (_, bytes) = visit(&fixture, &url, post("application/octet-stream"), "abc").await;
    assert_eq!((&bytes["event"]["body"], &bytes["event"]["isBase64Encoded"]), (&json!("YWJj"), &json!(true)));
    fixture
        .ok("PutFunctionConcurrency", json!({"FunctionName": "orders", "ReservedConcurrentExecutions": 0}))
        .await;
    assert_eq!(visit(&fixture, &url, get("/"), "").await.0, 429);
}

#[tokio::test]
async fn settings_are_read_changed_listed_and_go_with_the_function() {
    let fixture = Fixture::start().await;
    let id = url(&fixture, "AWS_IAM").await;
    let named = json!({"FunctionName": "orders"});
    let again = fixture
        .refused("CreateFunctionUrlConfig", json!({"FunctionName": "orders", "AuthType": "NONE"}))
        .await;
    assert_eq!(again.0, "ResourceConflictException");
    let cors = json!({"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 5});
    let update = json!({"FunctionName": "orders", "Cors": cors});
    let made = fixture.ok("UpdateFunctionUrlConfig", update).await;
    assert_eq!((&made["Cors"], &made["AuthType"]), (&cors, &json!("AWS_IAM")));
    let fixture = fixture.restarted().await;
    let shown = fixture.ok("GetFunctionUrlConfig", named.clone()).await;
    assert_eq!(
        (&shown["Cors"], &shown["InvokeMode"], &shown["FunctionArn"]),
        (&cors, &json!("BUFFERED"), &json!(ARN))
    );
    assert!(shown["FunctionUrl"].as_str().unwrap().contains(&id));
    let alias = json!({"FunctionName": "orders", "Qualifier": "live", "AuthType": "NONE"});
    assert_eq!(
        fixture.refused("CreateFunctionUrlConfig", alias.clone()).await.0,
        "ResourceNotFoundException"
    );
    fixture.ok("PublishVersion", named.clone()).await;
    fixture
        .ok("CreateAlias", json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"}))
        .await;
    assert_eq!(fixture.ok("CreateFunctionUrlConfig", alias).await["FunctionArn"], format!("{ARN}:live"));
    let listed = fixture.ok("ListFunctionUrlConfigs", named.clone()).await;
    assert_eq!(listed["FunctionUrlConfigs"].as_array().unwrap().len(), 2);
    fixture.ok("DeleteAlias", json!({"FunctionName": "orders", "Name": "live"})).await;
    assert_eq!(fixture.urls.of(ARN).len(), 1);
    let stream = json!({"FunctionName": "orders", "InvokeMode": "RESPONSE_STREAM"});
    assert_eq!(fixture.ok("UpdateFunctionUrlConfig", stream).await["InvokeMode"], "RESPONSE_STREAM");
    let fixture = fixture.restarted().await;
    assert_eq!(fixture.ok("GetFunctionUrlConfig", named.clone()).await["InvokeMode"], "RESPONSE_STREAM");
    fixture.ok("DeleteFunction", named.clone()).await;
    assert!(fixture.urls.of(ARN).is_empty());
    assert_eq!(fixture.refused("GetFunctionUrlConfig", named).await.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn changes_of_urls_and_functions_at_once_follow_each_other() {
    let fixture = Fixture::empty().await;
    let administrator = fixture.kit.administrator();
    let named = json!({"FunctionName": "orders"});
    let create = json!({"FunctionName": "orders", "AuthType": "NONE"});
    let ask =
        |operation: &'static str, input: &Value| fixture.as_who(&administrator, operation, input.clone());
    for _ in 0..20 {
        fixture.ok("CreateFunction", super::create_input()).await;
        let made = tokio::join!(
            ask("CreateFunctionUrlConfig", &create),
            ask("CreateFunctionUrlConfig", &create),
            ask("CreateFunctionUrlConfig", &create),
            ask("CreateFunctionUrlConfig", &create),
        );
        let made = [made.0, made.1, made.2, made.3];
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
        assert_eq!(fixture.urls.of(ARN).len(), 1);
        let (deleted, _) =
            tokio::join!(ask("DeleteFunctionUrlConfig", &named), ask("UpdateFunctionUrlConfig", &create));
        assert!(deleted.is_ok());
        assert!(fixture.urls.of(ARN).is_empty(), "what is deleted is not written again");
        let (_, deleted) =
            tokio::join!(ask("CreateFunctionUrlConfig", &create), ask("DeleteFunction", &named));
        assert!(deleted.is_ok());
        assert!(fixture.urls.of(ARN).is_empty(), "no URL outlives its function");
    }
}
