//! Who may call a stage, as whom a function is called, and what is recorded of refusals.

use super::*;

fn allow(resource: &str) -> Value {
    json!([{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}])
}

async fn role(platform: &Platform, name: &str, statements: Value) -> Arc<identity::Principal> {
    platform.kit.role(name, json!({"AWS": "arn:aws:iam::123456789012:root"}), statements).await
}

#[tokio::test]
async fn a_signed_call_needs_a_policy_for_its_method_and_path() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let arn = |rest: &str| format!("arn:aws:execute-api:us-east-1:123456789012:{id}/{rest}");
    let uri = format!("http://{id}.execute-api.localhost:4566/prod/orders/7");
    for (name, statements, expected) in [
        ("exact", allow(&arn("prod/POST/orders/7")), 200),
        ("all", allow("*"), 200),
        ("other-path", allow(&arn("prod/POST/orders/8")), 403),
        ("other-stage", allow(&arn("dev/POST/orders/7")), 403),
        ("other-method", allow(&arn("prod/GET/*")), 403),
        ("nothing", json!([]), 403),
    ] {
        let caller = role(&platform, name, statements).await;
        let answer = platform.signed(&caller, &uri, "{}", false).await;
        assert_eq!(answer.status, expected, "{name}: {:?}", answer.body);
        if expected == 403 {
            let message = format!(
                "User: arn:aws:sts::123456789012:assumed-role/{name}/session is not authorized to perform: \
                 execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********9012:{id}/prod/POST/orders/7 \
                 because no identity-based policy allows the execute-api:Invoke action"
            );
            assert_eq!(
                (answer.error.as_str(), answer.body),
                ("AccessDeniedException", json!({"Message": message}))
            );
        }
    }
    let path_form = format!("http://127.0.0.1:4566/_aws/execute-api/{id}/prod/orders/7?a=b%20c");
    let caller = role(&platform, "path-form", allow("*")).await;
    assert_eq!(platform.signed(&caller, &path_form, "{}", false).await.status, 200);
}

#[tokio::test]
async fn an_encoded_path_is_the_path_that_policies_name() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let deny = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "execute-api:Invoke",
         "Resource": format!("arn:aws:execute-api:us-east-1:123456789012:{id}/prod/POST/orders/secret*")}]);
    let caller = role(&platform, "denied", deny).await;
    for path in [
        "orders/secret",
        "orders/%73ecret",
        "orders/secret/",
        "%6Frders/secre%74",
        "orders/%73ecret%2Fx",
        "orders/%73ecret%ff",
    ] {
        let answer = platform
            .signed(&caller, &format!("http://{id}.execute-api.localhost/prod/{path}"), "", false)
            .await;
        assert_eq!(answer.status, 403, "{path}");
        let message = answer.body["Message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(" with an explicit deny in an identity-based policy"), "{message}");
    }
}

#[tokio::test]
async fn a_refusal_leaves_its_whole_evaluation_and_a_message_that_opens() {
    let platform = platform().await;
    let mut definition = definition();
    definition["x-amazon-apigateway-policy"] = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Owners", "Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/prod/GET/*"}]});
    let id = platform.deploy(definition).await;
    let caller = role(&platform, "weak", allow("arn:aws:execute-api:*:*:*/prod/GET/*")).await;
    let uri = format!("http://{id}.execute-api.localhost/prod/orders/7");
    let answer = platform.signed(&caller, &uri, "{}", false).await;
    assert_eq!(answer.status, 403);
    let message = answer.headers[service::denial::MESSAGE_HEADER].to_str().unwrap().to_owned();
    let opened: Value =
        serde_json::from_str(&platform.kit.pipeline.denials().open(&message).unwrap()).unwrap();
    assert_eq!(opened["context"]["action"], "execute-api:Invoke");
    let record = refusal_in(&platform, platform.kit.account).await;
    assert_eq!(opened["requestId"], record["requestID"]);
    let told = record["errorMessage"].as_str().unwrap();
    let end = format!(
        "on resource: arn:aws:execute-api:us-east-1:123456789012:{id}/prod/POST/orders/7 \
         because no identity-based policy allows the execute-api:Invoke action"
    );
    assert!(told.ends_with(&end), "{told}");
    let details = &record["additionalEventData"];
    assert_eq!(details["encodedAuthorizationMessage"], json!(message));
    let kinds = policies_of(&details["policyEvaluation"]);
    assert_eq!(kinds, ["IdentityBased", "ResourceBased"]);
    assert_eq!(details["policyEvaluation"]["deniedBy"], "IdentityBased");
}

/// The one refusal at a stage in the trail of an account.
async fn refusal_in(platform: &Platform, account: base::AccountId) -> Value {
    let records = platform.kit.records_of(account).await;
    let mut found = records.iter().filter(|it| it["eventSource"] == "execute-api.amazonaws.com");
    let record = found.next().unwrap_or_else(|| panic!("none in the trail of {account}: {records:#?}"));
    assert!(found.next().is_none(), "{records:#?}");
    record.clone()
}

fn policies_of(evaluation: &Value) -> Vec<String> {
    let policies = evaluation["policies"].as_array().unwrap_or_else(|| panic!("no policies: {evaluation}"));
    policies.iter().map(|policy| policy["policyType"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_caller_of_another_account_stands_in_both_trails_each_with_its_own_side() {
    let platform = platform().await;
    let mut definition = definition();
    definition["x-amazon-apigateway-policy"] = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Owners", "Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/prod/GET/*"}]});
    let id = platform.deploy(definition).await;
    let stranger: base::AccountId = "210987654321".parse().unwrap();
    let directory = platform.kit.pipeline.directory();
    let key = identity::RootKey {
        access_key_id: "AKIATESTTESTTESTTEST".to_owned(),
        secret: SecretString::new("a-secret-of-forty-characters-is-the-rule"),
    };
    directory.bootstrap_account(stranger, Some(key.clone()), platform.kit.clock.now()).await.unwrap();
    let uri = format!("http://{id}.execute-api.localhost:4566/prod/orders/7");
    let answer = platform.signed_with((&key.access_key_id, &key.secret, None), &uri, "{}").await;
    assert_eq!(answer.status, 403, "{:?}", answer.body);
    let owners = refusal_in(&platform, platform.kit.account).await;
    let callers = refusal_in(&platform, stranger).await;
    assert!(owners["sharedEventID"].is_string());
    assert_eq!(owners["sharedEventID"], callers["sharedEventID"]);
    // The owner reads its own policy's part and has no message to open; the caller reads none of the owner's.
    let (theirs, ours) = (&owners["additionalEventData"], &callers["additionalEventData"]);
    assert!(theirs.get("encodedAuthorizationMessage").is_none(), "{owners:#}");
    assert_eq!(policies_of(&theirs["policyEvaluation"]), ["ResourceBased"]);
    assert!(theirs.to_string().contains("Owners"));
    assert_eq!(theirs["policyEvaluation"]["principal"], "210987654321");
    assert_eq!(policies_of(&ours["policyEvaluation"]), Vec::<String>::new());
    let message = ours["encodedAuthorizationMessage"].as_str().unwrap();
    let opened = platform.kit.pipeline.denials().open(message).unwrap();
    assert!(!opened.contains("Owners") && opened.contains("execute-api:Invoke"), "{opened}");
}

#[tokio::test]
async fn unsigned_and_wrongly_signed_calls_never_reach_the_function() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let uri = format!("http://{id}.execute-api.localhost/prod/orders/7");
    let answer = platform.send(Request::post(&uri).body("{}").unwrap()).await;
    let missing = json!({"message": "Missing Authentication Token"});
    let expected = (403, "MissingAuthenticationTokenException", missing);
    assert_eq!((answer.status, answer.error.as_str(), answer.body), expected);
    let caller = role(&platform, "caller", allow("*")).await;
    let answer = platform.signed(&caller, &uri, "{}", true).await;
    assert_eq!((answer.status, answer.error.as_str()), (403, "InvalidSignatureException"));
    let message = answer.body["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("The request signature we calculated does not match"), "{message}");
    assert!(platform.function.calls.lock().unwrap().is_empty());
    let records = platform.kit.records().await;
    let refused = records.iter().filter(|record| record["eventSource"] == "execute-api.amazonaws.com");
    let codes: Vec<_> = refused.map(|record| record["errorCode"].as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 2, "{codes:?}");
}

#[tokio::test]
async fn the_event_tells_who_signed_and_hides_the_proof() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let caller = role(&platform, "caller", allow("*")).await;
    platform.signed(&caller, &format!("http://{id}.execute-api.localhost/prod/orders/7"), "{}", false).await;
    let event = platform.last_event();
    let identity = &event["requestContext"]["identity"];
    assert_eq!(identity["userArn"], "arn:aws:sts::123456789012:assumed-role/caller/session");
    assert_eq!(identity["accountId"], "123456789012");
    assert!(identity["accessKey"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(event["pathParameters"], json!({"id": "7"}));
    let text = event.to_string().to_ascii_lowercase();
    assert!(!text.contains("signature=") && !text.contains("x-amz-security-token"), "{text}");
}

#[tokio::test]
async fn without_leave_of_the_function_the_gateway_fails_and_the_trail_says_why() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    platform.permit_invocation("arn:aws:execute-api:us-east-1:123456789012:other/*");
    let answer = platform.get(&format!("http://{id}.execute-api.localhost/prod/open")).await;
    let expected = (500, "InternalServerErrorException", json!({"message": "Internal server error"}));
    assert_eq!((answer.status, answer.error.as_str(), answer.body), expected);
    assert!(platform.function.calls.lock().unwrap().is_empty());
    let records = platform.kit.records().await;
    let denied = records.iter().find(|record| record["eventName"] == "Invoke").unwrap();
    let message = denied["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("no resource-based policy allows the lambda:InvokeFunction action"),
        "{message}"
    );
    platform.permit_invocation(&format!("arn:aws:execute-api:us-east-1:123456789012:{id}/prod/GET/open"));
    assert_eq!(platform.get(&format!("http://{id}.execute-api.localhost/prod/open")).await.status, 200);
}

#[tokio::test]
async fn caller_credentials_call_the_function_as_the_caller() {
    let platform = platform().await;
    let mut definition = definition();
    let integration = &mut definition["paths"]["/orders/{id}"]["post"]["x-amazon-apigateway-integration"];
    integration["credentials"] = json!("arn:aws:iam::*:user/*");
    let id = platform.deploy(definition).await;
    *platform.function.policy.lock().unwrap() = None;
    let uri = format!("http://{id}.execute-api.localhost/prod/orders/7");
    let caller = role(&platform, "weak", allow("*")).await;
    assert_eq!(platform.signed(&caller, &uri, "{}", false).await.status, 500);
    let both = json!([{"Effect": "Allow", "Action": ["execute-api:Invoke", "lambda:InvokeFunction"], "Resource": "*"}]);
    let caller = role(&platform, "strong", both).await;
    assert_eq!(platform.signed(&caller, &uri, "{}", false).await.status, 200);
    assert_eq!(platform.last_caller(), "arn:aws:sts::123456789012:assumed-role/strong/session");
}

#[tokio::test]
async fn a_resource_policy_decides_for_strangers_and_callers() {
    let platform = platform().await;
    let mut definition = definition();
    let statement = |effect: &str, resource: &str, address: &str| {
        json!({"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource,
            "Condition": {"IpAddress": {"aws:SourceIp": address}}})
    };
    definition["x-amazon-apigateway-policy"] = json!({"Version": "2012-10-17", "Statement": [
        statement("Allow", "execute-api:/prod/GET/open", "192.0.2.0/24"),
        statement("Deny", "execute-api:/prod/POST/orders/9", "192.0.2.0/24"),
    ]});
    let id = platform.deploy(definition).await;
    let at = |path: &str| format!("http://{id}.execute-api.localhost/prod/{path}");
    assert_eq!(platform.get(&at("open")).await.status, 200);
    let answer = platform.get(&at("any/x")).await;
    let message = answer.body["Message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("User: anonymous is not authorized to perform: execute-api:Invoke"),
        "{message}"
    );
    let caller = role(&platform, "caller", allow("*")).await;
    assert_eq!(platform.signed(&caller, &at("orders/7"), "{}", false).await.status, 200);
    assert_eq!(platform.signed(&caller, &at("orders/9"), "{}", false).await.status, 403);
}

#[tokio::test]
async fn handing_over_a_role_needs_leave_to_pass_it() {
    let platform = platform().await;
    let mut definition = definition();
    definition["paths"]["/open"]["get"]["x-amazon-apigateway-integration"]["credentials"] =
        json!("arn:aws:iam::123456789012:role/powerful");
    let import = || crate::api::ImportRestApiRequest {
        body: Bytes::from(definition.to_string()),
        ..Default::default()
    };
    let editor = json!([{"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}]);
    let editor = platform.kit.user("editor", editor).await;
    let refused = platform.kit.call::<crate::api::ImportRestApi>(&editor, import()).await.unwrap_err();
    assert!(refused.message.contains("iam:PassRole"), "{}", refused.message);
    let passer = json!([{"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::123456789012:role/powerful",
         "Condition": {"StringEquals": {"iam:PassedToService": "apigateway.amazonaws.com"}}}]);
    let passer = platform.kit.user("passer", passer).await;
    platform.kit.call::<crate::api::ImportRestApi>(&passer, import()).await.unwrap();
}

#[tokio::test]
async fn a_role_is_assumed_only_where_it_trusts_the_gateway() {
    let platform = platform().await;
    let mut definition = definition();
    for (path, name) in [("/open", "trusting"), ("/closed", "closed")] {
        let mut method = definition["paths"]["/open"]["get"].clone();
        method["x-amazon-apigateway-integration"]["credentials"] =
            json!(format!("arn:aws:iam::123456789012:role/{name}"));
        definition["paths"][path]["get"] = method;
    }
    let id = platform.deploy(definition).await;
    *platform.function.policy.lock().unwrap() = None;
    let invoke = json!([{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}]);
    platform.kit.role("trusting", json!({"Service": "apigateway.amazonaws.com"}), invoke.clone()).await;
    platform.kit.role("closed", json!({"Service": "lambda.amazonaws.com"}), invoke).await;
    let at = |path: &str| format!("http://{id}.execute-api.localhost/prod/{path}");
    assert_eq!(platform.get(&at("open")).await.status, 200);
    let session = "arn:aws:sts::123456789012:assumed-role/trusting/BackplaneAssumeRoleSession";
    assert_eq!(platform.last_caller(), session);
    assert_eq!(platform.get(&at("closed")).await.status, 500);
}

#[tokio::test]
async fn a_role_of_another_account_cannot_be_handed_over() {
    let platform = platform().await;
    let role = "arn:aws:iam::210987654321:role/theirs";
    let mut definition = definition();
    definition["paths"]["/open"]["get"]["x-amazon-apigateway-integration"]["credentials"] = json!(role);
    let body = Bytes::from(definition.to_string());
    let import = crate::api::ImportRestApiRequest { body, ..Default::default() };
    let administrator = platform.kit.administrator();
    let refused = platform.kit.call::<crate::api::ImportRestApi>(&administrator, import).await.unwrap_err();
    assert_eq!(refused.message, "Cross-account pass role is not allowed.");
}

#[tokio::test]
async fn a_role_that_stage_variables_would_complete_is_refused() {
    let platform = platform().await;
    let mut definition = definition();
    definition["paths"]["/open"]["get"]["x-amazon-apigateway-integration"]["credentials"] =
        json!("arn:aws:iam::123456789012:role/${stageVariables.role}");
    let body = Bytes::from(definition.to_string());
    let import = crate::api::ImportRestApiRequest { body, ..Default::default() };
    let administrator = platform.kit.administrator();
    let refused = platform.kit.call::<crate::api::ImportRestApi>(&administrator, import).await.unwrap_err();
    assert!(refused.message.contains("stage variable"), "{}", refused.message);
}

#[tokio::test]
async fn an_encoded_slash_does_not_lead_around_a_policy() {
    let platform = platform().await;
    let mut definition = definition();
    let statement = |effect: &str, resource: &str| json!({"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource});
    definition["x-amazon-apigateway-policy"] = json!({"Version": "2012-10-17", "Statement": [
        statement("Allow", "execute-api:/prod/*"), statement("Deny", "execute-api:/prod/GET/any/admin/*")]});
    let id = platform.deploy(definition).await;
    for (path, expected) in [
        ("any/user/x", 200),
        ("any/user%2Fx", 200),
        ("any/admin/x", 403),
        ("any/admin%2Fx", 403),
        ("any/admin%2fx", 403),
        ("any/%61dmin%2Fx", 403),
        ("any/admin%252Fx", 403),
    ] {
        let answer = platform.get(&format!("http://{id}.execute-api.localhost/prod/{path}")).await;
        assert_eq!(answer.status, expected, "{path}");
    }
}

#[tokio::test]
async fn a_method_in_other_letters_does_not_lead_around_a_policy() {
    let platform = platform().await;
    let mut definition = definition();
    let statement = |effect: &str, resource: &str| json!({"Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resource});
    definition["x-amazon-apigateway-policy"] = json!({"Version": "2012-10-17", "Statement": [
        statement("Allow", "execute-api:/prod/*"), statement("Deny", "execute-api:/prod/DELETE/*")]});
    let id = platform.deploy(definition).await;
    let uri = format!("http://{id}.execute-api.localhost/prod/any/x");
    for (method, expected) in
        [("PUT", 200), ("DELETE", 403), ("delete", 403), ("Delete", 403), ("ANY", 403), ("*", 403)]
    {
        let request = Request::builder().method(method).uri(&uri).body("").unwrap();
        assert_eq!(platform.send(request).await.status, expected, "{method}");
    }
}

#[tokio::test]
async fn a_tag_protects_what_carries_it_from_losing_it() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let arn = format!("arn:aws:apigateway:us-east-1::/restapis/{id}");
    let stage = format!("{arn}/stages/prod");
    for arn in [&arn, &stage] {
        let tags = json!({"resourceArn": arn, "tags": {"keep": "yes"}});
        platform.call("TagResource", tags).await.unwrap();
    }
    let careful = json!([{"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["apigateway:DELETE", "apigateway:PUT"], "Resource": "*",
         "Condition": {"StringEquals": {"aws:ResourceTag/keep": "yes"}}}]);
    let careful = platform.kit.user("careful", careful).await;
    for (operation, input) in [
        ("UntagResource", json!({"resourceArn": arn, "tagKeys": ["keep"]})),
        ("UntagResource", json!({"resourceArn": stage, "tagKeys": ["keep"]})),
        ("TagResource", json!({"resourceArn": arn, "tags": {"keep": "no"}})),
        ("DeleteStage", json!({"restApiId": id, "stageName": "prod"})),
        ("DeleteRestApi", json!({"restApiId": id})),
    ] {
        let answer = platform.kit.json(&careful, "apigateway", operation, &input).await;
        assert!(answer.unwrap_err().message.contains("with an explicit deny"), "{operation}");
    }
}

#[tokio::test]
async fn leave_is_asked_for_the_method_that_is_meant() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let tree = platform.call("GetResources", json!({"restApiId": id})).await.unwrap();
    let open = tree["items"].as_array().unwrap().iter().find(|item| item["path"] == "/open").unwrap();
    let careful = json!([{"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "apigateway:*", "Resource": "arn:aws:apigateway:*::/restapis/*/methods/GET*"}]);
    let careful = platform.kit.user("careful", careful).await;
    for method in ["GET", "get", "Get"] {
        let input = json!({"restApiId": id, "resourceId": open["id"], "httpMethod": method});
        for operation in ["GetMethod", "DeleteMethod", "GetIntegration", "DeleteIntegration"] {
            let answer = platform.kit.json(&careful, "apigateway", operation, &input).await;
            assert!(answer.unwrap_err().message.contains("with an explicit deny"), "{operation} {method}");
        }
        let mut put = input.clone();
        put["authorizationType"] = json!("NONE");
        let answer = platform.kit.json(&careful, "apigateway", "PutMethod", &put).await;
        assert!(answer.unwrap_err().message.contains("with an explicit deny"), "PutMethod {method}");
    }
}

#[tokio::test]
async fn tags_of_what_is_made_take_leave_to_set_tags() {
    let platform = platform().await;
    let api = platform.call("CreateRestApi", json!({"name": "a"})).await.unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let arn = |path: &str| format!("arn:aws:apigateway:us-east-1::{path}");
    let of = |path: &str| {
        let encoded = arn(path).replace(':', "%3A").replace('/', "%2F");
        arn(&format!("/tags/{encoded}"))
    };
    let stage = json!({"restApiId": api, "stageName": "dev", "deploymentId": "none"});
    for (at, (operation, input, path)) in [
        ("CreateRestApi", json!({"name": "b"}), "/restapis/*".to_owned()),
        ("CreateApiKey", json!({"name": "b"}), "/apikeys/*".to_owned()),
        ("CreateUsagePlan", json!({"name": "b"}), "/usageplans/*".to_owned()),
        ("CreateStage", stage, format!("/restapis/{api}/stages/dev")),
    ]
    .into_iter()
    .enumerate()
    {
        let make = json!({"Effect": "Allow", "Action": "apigateway:POST", "Resource": "*"});
        let red = json!({"Effect": "Allow", "Action": "apigateway:PUT", "Resource": of(&path),
            "Condition": {"StringEquals": {"aws:RequestTag/team": "red"}}});
        let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let deny =
            json!({"Effect": "Deny", "Action": "apigateway:*", "Resource": "arn:aws:apigateway:*::/tags*"});
        for (name, statements, tags, allowed) in [
            ("untagged", json!([make]), json!({}), true),
            ("only-make", json!([make]), json!({"team": "red"}), false),
            ("denied", json!([all, deny]), json!({"team": "red"}), false),
            ("red", json!([make, red]), json!({"team": "red"}), true),
            ("blue", json!([make, red]), json!({"team": "blue"}), false),
        ] {
            let user = platform.kit.user(&format!("{name}{at}"), statements).await;
            let mut input = input.clone();
            input["tags"] = tags;
            let fault = platform.kit.json(&user, "apigateway", operation, &input).await.err();
            let refusal =
                fault.filter(|fault| fault.code == "AccessDeniedException").map(|fault| fault.message);
            assert_eq!(refusal.is_none(), allowed, "{operation} {name}: {refusal:?}");
            let named = format!("apigateway:PUT on resource: {} ", of(&path));
            assert!(
                refusal.as_ref().is_none_or(|refusal| refusal.contains(&named)),
                "{operation} {name}: {refusal:?}"
            );
        }
    }
}
