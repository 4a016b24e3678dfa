//! Definitions that are read, and those that are refused by name.

use super::*;

async fn import(platform: &Platform, definition: &Value) -> Result<crate::api::RestApi, Fault> {
    let body = Bytes::from(definition.to_string());
    let import = crate::api::ImportRestApiRequest { body, ..Default::default() };
    platform.kit.call::<crate::api::ImportRestApi>(&platform.kit.administrator(), import).await
}

#[tokio::test]
async fn a_definition_becomes_resources_methods_and_integrations() {
    let platform = platform().await;
    let api = import(&platform, &definition()).await.unwrap();
    assert_eq!((api.name.as_deref(), api.version.as_deref()), (Some("orders"), Some("1.0")));
    let id = api.id.unwrap();
    let resources =
        platform.call("GetResources", json!({"restApiId": id, "embed": ["methods"]})).await.unwrap();
    let mut shown = Vec::new();
    for resource in resources["items"].as_array().unwrap() {
        for (name, method) in resource["resourceMethods"].as_object().into_iter().flatten() {
            let (path, auth) =
                (resource["path"].as_str().unwrap(), method["authorizationType"].as_str().unwrap());
            shown.push(format!(
                "{name} {path} {auth} {}",
                method["methodIntegration"]["type"].as_str().unwrap()
            ));
        }
    }
    shown.sort();
    assert_eq!(
        shown,
        [
            "ANY /any/{proxy+} NONE AWS_PROXY",
            "GET /open NONE AWS_PROXY",
            "OPTIONS /open NONE MOCK",
            "POST /orders/{id} AWS_IAM AWS_PROXY",
        ]
    );
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_name() {
    let platform = platform().await;
    let integration = |more: Value| {
        let mut integration = proxy();
        integration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"/open": {"get": {"x-amazon-apigateway-integration": integration}}})
    };
    for (name, value, expected) in [
        ("x-amazon-apigateway-request-validators", json!([]), "x-amazon-apigateway-request-validators"),
        ("x-amazon-apigateway-request-validators", json!({"v": {"validate": true}}), "validators/validate"),
        ("x-amazon-apigateway-request-validator", json!("nobody-knows"), "nobody-knows"),
        ("x-amazon-apigateway-gateway-responses", json!({"TEAPOT": {}}), "TEAPOT"),
        ("x-amazon-apigateway-gateway-responses", json!({"THROTTLED": {"x": 1}}), "THROTTLED/x"),
        ("definitions", json!({"A": {"type": "nothing"}}), "Invalid model schema specified"),
        ("definitions", json!({"A": {"$ref": "https://example.com/a"}}), "canonical form"),
        ("definitions", json!({"a-b": {}}), "Model name must be alphanumeric: a-b"),
        ("unknown", json!(1), "unknown"),
        ("security", json!([{"nobody-knows": []}]), "nobody-knows"),
        (
            "securityDefinitions",
            json!({"AWS_IAM": {"type": "apiKey", "in": "query", "name": "key"}}),
            "AWS_IAM",
        ),
        ("x-amazon-apigateway-policy", json!({"Statement": 1}), "Invalid policy document"),
        ("paths", json!({"/open": {"trace": {}}}), "/open/trace"),
        ("paths", json!({"/open": {"get": {"unheard": 1}}}), "unheard"),
        ("paths", json!({"/a b": {"get": {"x-amazon-apigateway-integration": proxy()}}}), "path part"),
        ("paths", integration(json!({"type": "http_proxy"})), "HTTP_PROXY is not supported yet"),
        ("paths", integration(json!({"connectionType": "VPC_LINK"})), "connectionType"),
        ("paths", integration(json!({"uri": "arn:aws:apigateway:us-east-1:sqs:action/x"})), "path or action"),
        ("paths", integration(json!({"timeoutInMillis": 60_000})), "Timeout should be between"),
        ("swagger", json!("1.2"), "malformed definition"),
    ] {
        let mut bad = definition();
        bad["security"] = json!([]);
        bad["paths"]["/orders/{id}"]["post"].as_object_mut().unwrap().remove("security");
        if name == "securityDefinitions" {
            bad["security"] = json!([{"AWS_IAM": []}]);
        }
        if name == "security" {
            bad["paths"]["/orders/{id}"]["post"]["security"] = value.clone();
        }
        bad[name] = value;
        let fault = import(&platform, &bad).await.err().unwrap_or_else(|| panic!("{name} was accepted"));
        assert_eq!(fault.code, "BadRequestException", "{name}");
        assert!(fault.message.contains(expected), "{name}: {}", fault.message);
    }
    for text in
        ["", "- a", "swagger: '2.0'\nswagger: '2.0'", "a: &a [*a, *a]", "{\"swagger\": ", "!Ref x", "\u{0}"]
    {
        let body = Bytes::from(text.to_owned());
        let import = crate::api::ImportRestApiRequest { body, ..Default::default() };
        let refused =
            platform.kit.call::<crate::api::ImportRestApi>(&platform.kit.administrator(), import).await;
        assert_eq!(refused.unwrap_err().code, "BadRequestException", "{text}");
    }
}

#[tokio::test]
async fn a_mock_answers_what_its_method_declares() {
    let platform = platform().await;
    let undeclared = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [";
    let with = |responses: Value| {
        let mut definition = definition();
        definition["responses"] =
            json!({"Cors": {"description": "", "headers": {"Access-Control-Allow-Origin": {}}}});
        definition["paths"]["/open"]["options"]["responses"] = responses;
        definition
    };
    for (responses, error) in [
        (json!({}), "No method response exists for method.] (at /open options)"),
        (
            json!({"200": {"description": ""}}),
            "Invalid mapping expression parameter specified: method.response.header.Access-Control-Allow-Origin] (at /open options)",
        ),
    ] {
        let refused = import(&platform, &with(responses)).await.unwrap_err();
        assert_eq!(
            (refused.code.as_ref(), refused.message),
            ("BadRequestException", format!("{undeclared}{error}"))
        );
    }
    assert!(import(&platform, &with(json!({"200": {"$ref": "#/responses/Cors"}}))).await.is_ok());
}

#[tokio::test]
async fn a_definition_may_be_yaml() {
    let platform = platform().await;
    let text = "openapi: 3.0.1\ninfo: {title: yaml, version: '1'}\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: fine}\n      x-amazon-apigateway-integration:\n        type: mock\n        requestTemplates: {application/json: '{\"statusCode\": 200}'}\n        responses: {default: {statusCode: '200'}}\n";
    let import =
        crate::api::ImportRestApiRequest { body: Bytes::from_static(text.as_bytes()), ..Default::default() };
    let administrator = platform.kit.administrator();
    let api = platform.kit.call::<crate::api::ImportRestApi>(&administrator, import).await.unwrap();
    let id = api.id.unwrap();
    platform.call("CreateDeployment", json!({"restApiId": id, "stageName": "prod"})).await.unwrap();
    assert_eq!(platform.get(&format!("http://{id}.execute-api.localhost/prod/a")).await.status, 200);
}

#[tokio::test]
async fn putting_a_definition_merges_or_overwrites() {
    let platform = platform().await;
    let mut first = definition();
    first["x-amazon-apigateway-binary-media-types"] = json!(["image/png"]);
    first["x-amazon-apigateway-policy"] = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}]});
    let id = import(&platform, &first).await.unwrap().id.unwrap();
    let put = |mode: &str| {
        crate::api::PutRestApiRequest {
        rest_api_id: id.clone(),
        mode: Some(mode.to_owned()),
        body: Bytes::from(
            json!({"openapi": "3.0.1", "info": {"title": "second", "version": "2"}, "paths": {"/new": {"get": {
                "x-amazon-apigateway-integration": proxy(), "x-amazon-apigateway-auth": {"type": "AWS_IAM"}}}},
                "components": {"examples": {}}})
            .to_string(),
        ),
        ..Default::default()
    }
    };
    let paths = async || {
        let resources = platform.call("GetResources", json!({"restApiId": id})).await.unwrap();
        let items = resources["items"].as_array().unwrap().clone();
        let mut paths: Vec<_> = items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect();
        paths.sort();
        paths.join(" ")
    };
    let administrator = platform.kit.administrator();
    let merged = platform.kit.call::<crate::api::PutRestApi>(&administrator, put("merge")).await.unwrap();
    assert_eq!(merged.name.as_deref(), Some("orders"));
    assert!(merged.warnings.unwrap()[0].contains("components/examples"));
    assert_eq!(paths().await, "/ /any /any/{proxy+} /new /open /orders /orders/{id}");
    let replaced =
        platform.kit.call::<crate::api::PutRestApi>(&administrator, put("overwrite")).await.unwrap();
    assert_eq!(replaced.name.as_deref(), Some("second"));
    assert_eq!(replaced.binary_media_types, Some(vec!["image/png".to_owned()]));
    assert!(replaced.policy.is_some());
    assert_eq!(paths().await, "/ /new");
}

/// The body that AWS's own SAM translator (1.110) writes for a function with a signed, an open and a greedy event, CORS
/// and a binary type, its references filled in.
const TRANSLATED: &str = include_str!("sam.json");

#[tokio::test]
async fn what_the_sam_translator_writes_is_served() {
    let platform = platform().await;
    let id = platform.deploy(serde_json::from_str(TRANSLATED).unwrap()).await;
    let at = |path: &str| format!("http://{id}.execute-api.localhost/prod/{path}");
    assert_eq!(platform.get(&at("open")).await.status, 200);
    let unsigned = platform.send(Request::post(at("x/y/z")).body("{}").unwrap()).await;
    assert_eq!(unsigned.error, "MissingAuthenticationTokenException");
    let both = json!([{"Effect": "Allow", "Action": ["execute-api:Invoke", "lambda:InvokeFunction"], "Resource": "*"}]);
    let caller = platform.kit.role("caller", json!("*"), both).await;
    let signed = platform.signed(&caller, &at("x/y/z"), "{}", false).await;
    assert_eq!(signed.status, 200, "{:?}", signed.body);
    assert_eq!(platform.last_event()["pathParameters"], json!({"proxy": "y/z"}));
    let method = platform.call("GetRestApi", json!({"restApiId": id})).await.unwrap();
    assert_eq!(method["binaryMediaTypes"], json!(["image/png"]));
}

#[tokio::test]
async fn a_version_without_quotes_is_one() {
    let platform = platform().await;
    for (said, is_known) in [
        ("swagger: 2.0", true),
        ("openapi: 3.0", true),
        ("openapi: 3.0.1", true),
        ("swagger: 3.0", false),
        ("swagger: 2", false),
        ("openapi: 3.1", false),
        ("swagger: true", false),
        ("swagger: 2.0\nopenapi: 3.0", false),
    ] {
        let body = Bytes::from(format!("{said}\ninfo: {{title: t, version: 1.0}}\npaths: {{}}\n"));
        let import = crate::api::ImportRestApiRequest { body, ..Default::default() };
        let made =
            platform.kit.call::<crate::api::ImportRestApi>(&platform.kit.administrator(), import).await;
        assert_eq!(made.is_ok(), is_known, "{said}");
        if let Ok(api) = made {
            assert_eq!(api.version.as_deref(), Some("1.0"), "{said}");
        }
    }
}
