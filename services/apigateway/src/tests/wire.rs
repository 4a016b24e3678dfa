//! The operations as clients send them: signed, with members in path, query and body.

use super::*;
use protocol::WireRequest;

/// Sends a signed request to the API itself, and reads its answer.
async fn send(platform: &Platform, method: &str, target: &str, body: &str) -> (u16, Value) {
    let role = role_credentials(platform).await;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = http::HeaderMap::new();
    headers.insert("host", "127.0.0.1:4566".parse().unwrap());
    headers.insert("content-type", "application/json".parse().unwrap());
    let signer = Signer {
        access_key_id: &role.access_key_id,
        secret: &role.secret,
        session_token: Some(role.session_token.expose()),
        region: "us-east-1",
        service: "apigateway",
        s3: false,
    };
    let now = platform.kit.clock.now();
    sign(method, path, query, &mut headers, body.as_bytes(), &signer, now).unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = WireRequest { method, path, query, headers: &headers, body: &body };
    let answer = platform.kit.pipeline.serve(&request, Source::platform("test")).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

async fn role_credentials(platform: &Platform) -> identity::TemporaryCredentials {
    let all = json!([{"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}]);
    let role = platform.kit.role("wire", json!("*"), all).await;
    let identity::Principal::AssumedRole(role) = &*role else { panic!("not a role") };
    let session = Session {
        account: role.account,
        subject: Whose::Role(Box::new(RoleSession {
            role_name: role.role_name.clone(),
            role_id: role.role_id.clone(),
            session_name: "wire".into(),
            ..RoleSession::default()
        })),
        issued_at: platform.kit.clock.now(),
        expires_at: platform.kit.clock.now().plus_secs(900),
        mfa: false,
    };
    platform.kit.pipeline.directory().tokens().issue(&session).unwrap()
}

#[tokio::test]
async fn an_api_is_made_and_deployed_over_the_wire() {
    let platform = platform().await;
    let import = definition().to_string();
    let (status, api) = send(&platform, "POST", "/restapis?mode=import&failonwarnings=false", &import).await;
    assert_eq!((status, &api["name"]), (201, &json!("orders")), "{api}");
    let (id, root) = (api["id"].as_str().unwrap(), api["rootResourceId"].as_str().unwrap());
    assert!(api["createdDate"].is_number(), "{api}");
    let at = |rest: &str| format!("/restapis/{id}{rest}");
    let (status, _) = send(
        &platform,
        "PUT",
        &at(&format!("/resources/{root}/methods/GET")),
        r#"{"authorizationType":"NONE"}"#,
    )
    .await;
    assert_eq!(status, 201);
    let integration = json!({"type": "AWS_PROXY", "httpMethod": "POST", "uri": uri(FUNCTION)}).to_string();
    let target = at(&format!("/resources/{root}/methods/GET/integration"));
    let (status, shown) = send(&platform, "PUT", &target, &integration).await;
    assert_eq!((status, &shown["httpMethod"]), (201, &json!("POST")), "{shown}");
    let (status, shown) = send(&platform, "POST", &at("/deployments"), r#"{"stageName":"prod"}"#).await;
    assert_eq!(status, 201, "{shown}");
    let patch = r#"{"patchOperations":[{"op":"replace","path":"/variables/a","value":"b"}]}"#;
    let (status, shown) = send(&platform, "PATCH", &at("/stages/prod"), patch).await;
    assert_eq!((status, &shown["variables"]["a"]), (200, &json!("b")), "{shown}");
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F{id}");
    let (status, shown) = send(&platform, "PUT", &format!("/tags/{arn}"), r#"{"tags":{"k":"v"}}"#).await;
    assert_eq!(status, 204, "{shown}");
    let (status, shown) = send(&platform, "GET", &format!("/tags/{arn}"), "").await;
    assert_eq!((status, shown), (200, json!({"tags": {"k": "v"}})));
    platform.permit_invocation("*");
    assert_eq!(platform.get(&format!("http://{id}.execute-api.localhost/prod/")).await.status, 200);
    let (status, _) = send(&platform, "DELETE", &at(""), "").await;
    assert_eq!(status, 202);
    let (status, shown) = send(&platform, "GET", &at(""), "").await;
    assert_eq!(status, 404, "{shown}");
}

#[tokio::test]
async fn bad_bodies_are_bad_requests() {
    let platform = platform().await;
    for (method, target, body) in [
        ("POST", "/restapis?mode=import", "not a definition"),
        ("POST", "/restapis", "{"),
        ("POST", "/restapis", "{}"),
        ("POST", "/restapis", r#"{"name":5}"#),
        ("GET", "/restapis?limit=many", ""),
    ] {
        let (status, answer) = send(&platform, method, target, body).await;
        assert_eq!(status, 400, "{method} {target} {body}: {answer}");
    }
}
