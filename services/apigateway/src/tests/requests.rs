//! What methods ask of their requests, and what the gateway answers to those that it does not serve.

use super::*;

/// A definition with a model, a validator for everything, and answers of its own.
fn checked() -> Value {
    let line = json!({"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}});
    let order = json!({"type": "object", "required": ["lines"], "additionalProperties": false,
        "properties": {"lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/Line"}}}});
    let parameter =
        |place: &str, name: &str| json!({"in": place, "name": name, "required": true, "type": "string"});
    json!({
        "swagger": "2.0", "info": {"title": "checked", "version": "1"},
        "definitions": {"Order": order, "Line": line},
        "parameters": {"page": parameter("query", "page")},
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": true, "validateRequestParameters": true},
            "body": {"validateRequestBody": true, "validateRequestParameters": false}},
        "x-amazon-apigateway-request-validator": "all",
        "x-amazon-apigateway-gateway-responses": {
            "DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}},
            "BAD_REQUEST_BODY": {"statusCode": 422, "responseTemplates": {
                "application/json": "{\"why\": \"$context.error.validationErrorString\"}"}}},
        "paths": {
            "/orders": {
                "parameters": [parameter("header", "X-Tenant")],
                "post": {"x-amazon-apigateway-integration": proxy(),
                    "parameters": [{"$ref": "#/parameters/page"},
                        {"in": "body", "name": "order", "schema": {"$ref": "#/definitions/Order"}}]}},
            "/lines": {"put": {"x-amazon-apigateway-integration": proxy(),
                "x-amazon-apigateway-request-validator": "body",
                "parameters": [parameter("query", "ignored"),
                    {"in": "body", "name": "line", "schema": {"type": "object", "required": ["sku"]}}]}}
        }
    })
}

#[tokio::test]
async fn requests_that_are_not_what_is_asked_for_never_reach_the_function() {
    let platform = platform().await;
    let id = platform.deploy(checked()).await;
    let at = |path: &str| format!("http://{id}.execute-api.localhost/prod/{path}");
    let post = |query: &str, tenant: &str, body: &'static str| {
        Request::post(at(&format!("orders{query}"))).header("x-tenant", tenant).body(body).unwrap()
    };
    for (query, tenant, body, status, told) in [
        ("", "a", "{}", 400, json!({"message": "Missing required request parameters: [page]"})),
        ("", "", "{}", 400, json!({"message": "Missing required request parameters: [X-Tenant, page]"})),
        ("?page=1", "a", "{}", 422, json!({"why": "[object has missing required properties ([\"lines\"])]"})),
        ("?page=1", "a", "", 422, json!({"why": "[the body is not JSON]"})),
    ] {
        let answer = platform.send(post(query, tenant, body)).await;
        let allowed = answer.headers.get("access-control-allow-origin").is_some();
        // A body's own answer says nothing of origins: only what is of no other type has the header.
        assert_eq!((answer.status, allowed), (status, status == 400), "{:?}", answer.body);
        // Quotes inside of quotes are not escaped, as in AWS.
        if told["why"].as_str().is_none_or(|why| !why.contains('"')) {
            assert_eq!(answer.body, told);
        } else {
            let text = answer.body.as_str().unwrap();
            assert!(text.contains("missing required properties ([\"lines\"])"), "{text}");
        }
    }
    assert!(platform.function.calls.lock().unwrap().is_empty());
    let good = platform.send(post("?page=1", "a", r#"{"lines":[{"sku":"s"}]}"#)).await;
    assert_eq!(good.status, 200);
    let nested = platform.send(post("?page=1", "a", r#"{"lines":[{"sku":1}]}"#)).await;
    assert_eq!(nested.status, 422);
    let put = |body: &'static str| Request::put(at("lines")).body(body).unwrap();
    assert_eq!(platform.send(put("{}")).await.status, 422);
    assert_eq!(platform.send(put(r#"{"sku":1}"#)).await.status, 200);
    let unknown = platform.get(&at("nowhere")).await;
    assert_eq!(
        (unknown.status, unknown.headers["access-control-allow-origin"].to_str().unwrap()),
        (403, "*")
    );
}

#[tokio::test]
async fn models_are_kept_as_api_gateway_keeps_them_and_guarded_while_used() {
    let platform = platform().await;
    let id = platform.deploy(checked()).await;
    let api = |more: Value| {
        let mut input = json!({"restApiId": id});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let models = platform.call("GetModels", api(json!({}))).await.unwrap();
    let names: Vec<_> =
        models["items"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.len() == 3 && names.contains(&"Order") && names.contains(&"Line"), "{names:?}");
    let order = platform.call("GetModel", api(json!({"modelName": "Order"}))).await.unwrap();
    let canonical = format!("https://apigateway.amazonaws.com/restapis/{id}/models/Line");
    assert!(order["schema"].as_str().unwrap().contains(&canonical), "{order}");
    for (name, expected) in [
        ("Order", "Cannot delete model 'Order', is referenced in method request: /orders/POST"),
        ("Line", "Cannot delete model 'Line', is referenced in model: Order"),
    ] {
        let fault = platform.call("DeleteModel", api(json!({"modelName": name}))).await.unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.message.as_str()), ("ConflictException", expected));
    }
    let validators = platform.call("GetRequestValidators", api(json!({}))).await.unwrap();
    let all = validators["items"].as_array().unwrap().iter().find(|it| it["name"] == "all").unwrap().clone();
    let used = platform.call("DeleteRequestValidator", api(json!({"requestValidatorId": all["id"]}))).await;
    assert_eq!(used.unwrap_err().code, "ConflictException");
    let patch = json!([{"op": "replace", "path": "/schema", "value": "{\"pattern\": \"(?=a)\"}"}]);
    let fault =
        platform.call("UpdateModel", api(json!({"modelName": "Line", "patchOperations": patch}))).await;
    assert!(fault.unwrap_err().message.contains("the pattern `(?=a)` is not supported"));
}
