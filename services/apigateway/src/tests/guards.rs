//! Policies by API Gateway's own condition keys: what a request sets, and what is there already.

use super::*;

/// A user whom everything is allowed but what this condition denies.
async fn guarded(platform: &Platform, condition: &Value) -> Arc<identity::Principal> {
    let statements = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "apigateway:*", "Resource": "*", "Condition": condition}]);
    platform.kit.user(&crypto::random::alphanumeric(8), statements).await
}

/// Of the input, what the operation takes.
async fn is_denied(platform: &Platform, operation: &str, input: &Value, condition: &Value) -> bool {
    let user = guarded(platform, condition).await;
    let model = protocol::model("apigateway").unwrap().operation(operation).unwrap();
    let taken = model.input().unwrap().members();
    let mut input = input.as_object().unwrap().clone();
    input.retain(|name, _| taken.iter().any(|member| member.name() == name));
    let fault = platform.kit.json(&user, "apigateway", operation, &Value::Object(input)).await.err();
    assert!(
        fault.as_ref().is_none_or(|fault| fault.code != "SerializationException"),
        "{operation}: {fault:?}"
    );
    fault.is_some_and(|fault| fault.code == "AccessDeniedException")
}

fn any(side: &str, key: &str, value: &str) -> Value {
    json!({"ForAnyValue:StringEquals": {format!("apigateway:{side}/{key}"): value}})
}

#[tokio::test]
async fn what_a_request_sets_decides() {
    let platform = platform().await;
    let api = platform.call("CreateRestApi", json!({"name": "a"})).await.unwrap();
    let (id, root) = (api["id"].as_str().unwrap(), api["rootResourceId"].as_str().unwrap());
    let at = |more: Value| {
        let mut input = json!({"restApiId": id, "resourceId": root, "httpMethod": "get"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let patch = |path: &str, value: &str| {
        json!({"restApiId": id, "resourceId": root, "httpMethod": "get", "stageName": "none",
            "patchOperations": [{"op": "replace", "path": path, "value": value}]})
    };
    let regional = json!({"name": "b", "endpointConfiguration": {"types": ["REGIONAL"]}});
    let authorizer = json!({"restApiId": id, "name": "x", "type": "TOKEN", "authorizerUri": "arn:u"});
    for (operation, input, key, value, other) in [
        ("CreateRestApi", regional, "EndpointType", "REGIONAL", "PRIVATE"),
        ("CreateRestApi", json!({"name": "b"}), "EndpointType", "EDGE", "REGIONAL"),
        ("CreateRestApi", json!({"name": "b"}), "ApiName", "b", "c"),
        ("CreateRestApi", json!({"name": "b"}), "DisableExecuteApiEndpoint", "false", "true"),
        ("UpdateRestApi", patch("/name", "b"), "ApiName", "b", "a"),
        (
            "UpdateRestApi",
            patch("/endpointConfiguration/types/EDGE", "REGIONAL"),
            "EndpointType",
            "REGIONAL",
            "EDGE",
        ),
        (
            "UpdateRestApi",
            patch("/disableExecuteApiEndpoint", "false"),
            "DisableExecuteApiEndpoint",
            "false",
            "true",
        ),
        ("PutMethod", at(json!({"authorizationType": "NONE"})), "RouteAuthorizationType", "NONE", "AWS_IAM"),
        ("PutMethod", at(json!({"authorizationType": "NONE"})), "ApiKeyRequired", "false", "true"),
        ("UpdateMethod", patch("/authorizationType", "NONE"), "RouteAuthorizationType", "NONE", "CUSTOM"),
        ("UpdateMethod", patch("/apiKeyRequired", "false"), "ApiKeyRequired", "false", "true"),
        ("CreateAuthorizer", authorizer.clone(), "AuthorizerType", "TOKEN", "REQUEST"),
        ("CreateAuthorizer", authorizer, "AuthorizerUri", "arn:u", "arn:v"),
        ("CreateDeployment", json!({"restApiId": id, "stageName": "prod"}), "StageName", "prod", "dev"),
        (
            "UpdateStage",
            patch("/accessLogSettings/destinationArn", "arn:l"),
            "AccessLoggingDestination",
            "arn:l",
            "arn:m",
        ),
    ] {
        assert!(
            is_denied(&platform, operation, &input, &any("Request", key, value)).await,
            "{operation} {key} {value}"
        );
        assert!(
            !is_denied(&platform, operation, &input, &any("Request", key, other)).await,
            "{operation} {key} {other}"
        );
    }
    let condition = json!({"Bool": {"apigateway:Request/ApiKeyRequired": "false"}});
    assert!(is_denied(&platform, "PutMethod", &at(json!({"authorizationType": "NONE"})), &condition).await);
}

#[tokio::test]
async fn what_a_definition_sets_decides() {
    let platform = platform().await;
    let api = platform.call("CreateRestApi", json!({"name": "a"})).await.unwrap();
    let id = api["id"].as_str().unwrap();
    let definition = json!({"swagger": "2.0", "info": {"title": "t", "version": "1"},
        "paths": {"/a": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}}});
    let body = Bytes::from(definition.to_string());
    for (key, value, import_denied, put_denied) in [
        ("RouteAuthorizationType", "NONE", true, true),
        ("RouteAuthorizationType", "AWS_IAM", false, false),
        ("ApiKeyRequired", "false", true, true),
        ("ApiName", "t", true, true),
        ("ApiName", "a", false, false),
        // A definition that is put over an API leaves its endpoint as it is.
        ("EndpointType", "EDGE", true, false),
        ("DisableExecuteApiEndpoint", "false", true, false),
    ] {
        let user = guarded(&platform, &any("Request", key, value)).await;
        let import = crate::api::ImportRestApiRequest { body: body.clone(), ..Default::default() };
        let put = crate::api::PutRestApiRequest {
            rest_api_id: id.to_owned(),
            body: body.clone(),
            mode: Some("overwrite".to_owned()),
            ..Default::default()
        };
        let import = platform.kit.call::<crate::api::ImportRestApi>(&user, import).await.err();
        let put = platform.kit.call::<crate::api::PutRestApi>(&user, put).await.err();
        let denied = |fault: Option<Fault>| fault.is_some_and(|fault| fault.code == "AccessDeniedException");
        assert_eq!((denied(import), denied(put)), (import_denied, put_denied), "{key} {value}");
    }
    let condition = any("Resource", "ApiName", "t");
    assert!(
        is_denied(&platform, "DeleteRestApi", &json!({"restApiId": id}), &condition).await,
        "as the last one named it"
    );
}

#[tokio::test]
async fn what_is_there_decides() {
    let platform = platform().await;
    let api = platform.call("CreateRestApi", json!({"name": "a"})).await.unwrap();
    let (id, root) = (api["id"].as_str().unwrap(), api["rootResourceId"].as_str().unwrap());
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:f/invocations";
    let authorizer = json!({"restApiId": id, "name": "x", "type": "TOKEN", "authorizerUri": uri,
        "identitySource": "method.request.header.auth"});
    let authorizer = platform.call("CreateAuthorizer", authorizer).await.unwrap()["id"].clone();
    let method =
        json!({"restApiId": id, "resourceId": root, "httpMethod": "GET", "authorizationType": "AWS_IAM"});
    platform.call("PutMethod", method).await.unwrap();
    let at = json!({"restApiId": id, "resourceId": root, "httpMethod": "GET", "authorizerId": authorizer});
    for (operation, key, value, other) in [
        ("UpdateMethod", "RouteAuthorizationType", "AWS_IAM", true),
        ("UpdateMethod", "ApiKeyRequired", "false", true),
        ("DeleteMethod", "RouteAuthorizationType", "AWS_IAM", true),
        ("UpdateAuthorizer", "AuthorizerType", "TOKEN", true),
        ("DeleteAuthorizer", "AuthorizerUri", uri, true),
        ("UpdateRestApi", "ApiName", "a", true),
        ("UpdateRestApi", "ApiName", "b", false),
        ("DeleteRestApi", "EndpointType", "EDGE", true),
    ] {
        let denied = is_denied(&platform, operation, &at, &any("Resource", key, value)).await;
        assert_eq!(denied, other, "{operation} {key} {value}");
    }
    assert!(
        !is_denied(&platform, "DeleteMethod", &at, &any("Resource", "RouteAuthorizationType", "NONE")).await
    );
    assert!(!is_denied(&platform, "DeleteRestApi", &at, &any("Resource", "EndpointType", "REGIONAL")).await);
}
