//! What a deployed API answers.

use super::*;

#[tokio::test]
async fn both_address_forms_reach_the_function() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    for uri in [
        format!("http://{id}.execute-api.localhost:4566/prod/open"),
        format!("http://127.0.0.1:4566/_aws/execute-api/{id}/prod/open"),
    ] {
        let answer = platform.get(&uri).await;
        assert_eq!((answer.status, answer.body), (200, json!("hello")), "{uri}");
        assert!(
            answer.headers.contains_key("x-amzn-requestid") && answer.headers.contains_key("x-amz-apigw-id")
        );
    }
    assert_eq!(platform.last_caller(), "apigateway.amazonaws.com");
}

#[tokio::test]
async fn the_event_is_that_of_a_rest_api() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let request = Request::put(format!("http://{id}.execute-api.localhost/prod/any/a%20b/c?x=1&x=2%203&y="))
        .header("x-one", "1")
        .header("x-two", "a")
        .header("x-two", "b")
        .header("content-type", "text/plain")
        .body("text");
    platform.send(request.unwrap()).await;
    let mut event = platform.last_event();
    let context = event["requestContext"].take();
    let trace = event["headers"]["X-Amzn-Trace-Id"].take();
    event["multiValueHeaders"]["X-Amzn-Trace-Id"].take();
    assert!(trace.as_str().unwrap().starts_with("Root=1-"));
    assert_eq!(
        event,
        json!({
            "resource": "/any/{proxy+}", "path": "/any/a%20b/c", "httpMethod": "PUT",
            "headers": {"X-One": "1", "X-Two": "b", "Content-Type": "text/plain",
                "Host": format!("{id}.execute-api.localhost"), "X-Amzn-Trace-Id": null,
                "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"},
            "multiValueHeaders": {"X-One": ["1"], "X-Two": ["a", "b"], "Content-Type": ["text/plain"],
                "Host": [format!("{id}.execute-api.localhost")], "X-Amzn-Trace-Id": null,
                "X-Forwarded-For": ["192.0.2.7"], "X-Forwarded-Port": ["443"], "X-Forwarded-Proto": ["https"]},
            "queryStringParameters": {"x": "2 3", "y": ""},
            "multiValueQueryStringParameters": {"x": ["1", "2 3"], "y": [""]},
            "pathParameters": {"proxy": "a b/c"}, "stageVariables": null,
            "requestContext": null, "body": "text", "isBase64Encoded": false,
        })
    );
    for (name, expected) in [
        ("resourcePath", json!("/any/{proxy+}")),
        ("httpMethod", json!("PUT")),
        ("path", json!("/prod/any/a%20b/c")),
        ("accountId", json!("123456789012")),
        ("apiId", json!(id)),
        ("stage", json!("prod")),
        ("protocol", json!("HTTP/1.1")),
        ("domainName", json!(format!("{id}.execute-api.localhost"))),
        ("domainPrefix", json!(id)),
        ("requestTime", json!("01/Jan/2026:00:00:00 +0000")),
        ("requestTimeEpoch", json!(1_767_225_600_000_u64)),
    ] {
        assert_eq!(context[name], expected, "{name}");
    }
    assert_eq!(context["identity"]["sourceIp"], "192.0.2.7");
    assert_eq!(context["identity"]["userAgent"], "test/1");
    assert_eq!(context["identity"]["userArn"], Value::Null);
}

#[tokio::test]
async fn a_preflight_request_is_answered_by_the_mock() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let uri = format!("http://{id}.execute-api.localhost/prod/open");
    let answer = platform.send(Request::options(uri).header("origin", "http://x").body("").unwrap()).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({})));
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(platform.function.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_api_gateways_words() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let (forbidden, unknown) =
        (json!({"message": "Forbidden"}), json!({"message": "Missing Authentication Token"}));
    for (uri, error, body) in [
        ("http://nothing.execute-api.localhost/prod/open".to_owned(), "ForbiddenException", &forbidden),
        (format!("http://{id}.execute-api.localhost/other/open"), "ForbiddenException", &forbidden),
        (format!("http://{id}.execute-api.localhost/"), "ForbiddenException", &forbidden),
        (format!("http://{id}.execute-api.localhost/prod"), "MissingAuthenticationTokenException", &unknown),
        (
            format!("http://{id}.execute-api.localhost/prod/none"),
            "MissingAuthenticationTokenException",
            &unknown,
        ),
        (
            format!("http://{id}.execute-api.localhost/prod/orders/1"),
            "MissingAuthenticationTokenException",
            &unknown,
        ),
    ] {
        let answer = platform.get(&uri).await;
        assert_eq!((answer.status, answer.error.as_str(), &answer.body), (403, error, body), "{uri}");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_bad_gateways() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let uri = format!("http://{id}.execute-api.localhost/prod/open");
    for bad in [json!("fail"), json!("text"), json!({"other": 1}), json!({"statusCode": "x"}), json!(null)] {
        *platform.function.answer.lock().unwrap() = bad.clone();
        let answer = platform.get(&uri).await;
        let expected = (502, "InternalServerErrorException", json!({"message": "Internal server error"}));
        assert_eq!((answer.status, answer.error.as_str(), answer.body), expected, "{bad}");
    }
}

#[tokio::test]
async fn a_function_that_is_too_slow_is_a_gateway_timeout() {
    let platform = platform().await;
    let mut definition = definition();
    definition["paths"]["/open"]["get"]["x-amazon-apigateway-integration"]["timeoutInMillis"] = json!(50);
    let id = platform.deploy(definition).await;
    *platform.function.answer.lock().unwrap() = json!("sleep");
    let answer = platform.get(&format!("http://{id}.execute-api.localhost/prod/open")).await;
    assert_eq!((answer.status, answer.body), (504, json!({"message": "Endpoint request timed out"})));
}

#[tokio::test]
async fn a_body_over_ten_megabytes_is_too_long() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let body = "x".repeat(gateway::BODY_BYTES_MAX + 1);
    let uri = format!("http://{id}.execute-api.localhost/prod/any/x");
    let answer = platform.send(Request::post(uri).body(body.as_str()).unwrap()).await;
    assert_eq!((answer.status, answer.body), (413, json!({"message": "Request Too Long"})));
}

#[tokio::test]
async fn a_stages_limits_hold_from_the_moment_they_are_set() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let patch = |path: &str, value: &str| json!({"op": "replace", "path": path, "value": value});
    let patches = json!([
        patch("/*/*/throttling/rateLimit", "1"),
        patch("/*/*/throttling/burstLimit", "2"),
        patch("/~1any~1{proxy+}/ANY/throttling/burstLimit", "0")
    ]);
    platform
        .call("UpdateStage", json!({"restApiId": id, "stageName": "prod", "patchOperations": patches}))
        .await
        .unwrap();
    let open = format!("http://{id}.execute-api.localhost/prod/open");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(platform.get(&open).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    platform.kit.clock.advance_millis(1_000);
    assert_eq!(platform.get(&open).await.status, 200);
    let answer = platform.get(&format!("http://{id}.execute-api.localhost/prod/any/x")).await;
    let expected = (429, "TooManyRequestsException", json!({"message": "Too Many Requests"}));
    assert_eq!((answer.status, answer.error.as_str(), answer.body), expected);
}

#[tokio::test]
async fn binary_types_travel_as_bytes() {
    let platform = platform().await;
    let mut definition = definition();
    definition["x-amazon-apigateway-binary-media-types"] = json!(["image/png"]);
    let id = platform.deploy(definition).await;
    *platform.function.answer.lock().unwrap() = json!({"body": "aGk=", "isBase64Encoded": true});
    let uri = format!("http://{id}.execute-api.localhost/prod/any/x");
    let request = Request::post(&uri).header("content-type", "image/png").header("accept", "image/png");
    let answer = platform.send(request.body("raw").unwrap()).await;
    assert_eq!(answer.body, json!("hi"));
    assert_eq!(
        (&platform.last_event()["body"], &platform.last_event()["isBase64Encoded"]),
        (&json!("cmF3"), &json!(true))
    );
    let answer =
        platform.send(Request::post(&uri).header("content-type", "text/plain").body("raw").unwrap()).await;
    assert_eq!(answer.body, json!("aGk="));
    assert_eq!(platform.last_event()["body"], json!("raw"));
}

#[tokio::test]
async fn stage_variables_fill_the_integration() {
    let platform = platform().await;
    let mut definition = definition();
    let named = uri("arn:aws:lambda:us-east-1:123456789012:function:${stageVariables.function}");
    definition["paths"]["/open"]["get"]["x-amazon-apigateway-integration"]["uri"] = json!(named);
    let id = platform.deploy(definition).await;
    let open = format!("http://{id}.execute-api.localhost/prod/open");
    assert_eq!(platform.get(&open).await.status, 500);
    let patches = json!([{"op": "replace", "path": "/variables/function", "value": "orders"}]);
    platform
        .call("UpdateStage", json!({"restApiId": id, "stageName": "prod", "patchOperations": patches}))
        .await
        .unwrap();
    assert_eq!(platform.get(&open).await.status, 200);
    assert_eq!(platform.last_event()["stageVariables"], json!({"function": "orders"}));
}

#[tokio::test]
async fn a_deployment_is_frozen_until_the_next() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let new = format!("http://{id}.execute-api.localhost/prod/new");
    let root = platform.call("GetRestApi", json!({"restApiId": id})).await.unwrap()["rootResourceId"].clone();
    let resource = json!({"restApiId": id, "parentId": root, "pathPart": "new"});
    let resource = platform.call("CreateResource", resource).await.unwrap()["id"].clone();
    let method =
        json!({"restApiId": id, "resourceId": resource, "httpMethod": "GET", "authorizationType": "NONE"});
    platform.call("PutMethod", method).await.unwrap();
    let integration = json!({"restApiId": id, "resourceId": resource, "httpMethod": "GET", "type": "AWS_PROXY",
        "integrationHttpMethod": "POST", "uri": uri(FUNCTION)});
    platform.call("PutIntegration", integration).await.unwrap();
    assert_eq!(platform.get(&new).await.status, 403);
    platform.call("CreateDeployment", json!({"restApiId": id, "stageName": "prod"})).await.unwrap();
    assert_eq!(platform.get(&new).await.status, 200);
    platform.call("DeleteStage", json!({"restApiId": id, "stageName": "prod"})).await.unwrap();
    assert_eq!(platform.get(&new).await.body, json!({"message": "Forbidden"}));
}

#[tokio::test]
async fn a_restart_serves_what_was_deployed() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let stages = Stages::load(platform.kit.pipeline.store()).unwrap();
    let again = Platform { gateway: Gateway::new(platform.kit.pipeline.clone(), stages), ..platform };
    assert_eq!(again.get(&format!("http://{id}.execute-api.localhost/prod/open")).await.status, 200);
}
