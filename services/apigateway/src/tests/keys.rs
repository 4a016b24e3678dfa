//! API keys and usage plans: whom they let in, how fast, how often, and what is told of them.

use super::*;

/// An open method that asks for a key, and one that a function guards and that asks for a key.
fn keyed() -> Value {
    json!({
        "swagger": "2.0", "info": {"title": "keyed", "version": "1"},
        "paths": {
            "/a": {"get": {"x-amazon-apigateway-integration": proxy(), "security": [{"api_key": []}]}},
            "/open": {"get": {"x-amazon-apigateway-integration": proxy(), "security": [{"api_key_false": []}]}}
        },
        "securityDefinitions": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
        "security": [{"api_key": []}]
    })
}

struct Keyed {
    platform: Platform,
    api: String,
    key: String,
    value: String,
    plan: String,
}

async fn keyed_with(more: Value) -> Keyed {
    let platform = platform().await;
    let api = platform.deploy(keyed()).await;
    let key = platform.call("CreateApiKey", json!({"name": "k", "enabled": true})).await.unwrap();
    let mut plan = json!({"name": "p", "apiStages": [{"apiId": api, "stage": "prod"}]});
    plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let plan = platform.call("CreateUsagePlan", plan).await.unwrap()["id"].as_str().unwrap().to_owned();
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let (key, value) = (text("id"), text("value"));
    platform
        .call("CreateUsagePlanKey", json!({"usagePlanId": plan, "keyId": key, "keyType": "API_KEY"}))
        .await
        .unwrap();
    Keyed { platform, api, key, value, plan }
}

impl Keyed {
    async fn ask(&self, value: Option<&str>) -> Answer {
        let uri = format!("http://{}.execute-api.localhost/prod/a", self.api);
        let request = Request::get(uri);
        let request = match value {
            Some(value) => request.header("x-api-key", value),
            None => request,
        };
        self.platform.send(request.body("").unwrap()).await
    }

    async fn statuses(&self, count: usize) -> Vec<u16> {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(self.ask(Some(&self.value)).await.status);
        }
        statuses
    }

    async fn patch(&self, operation: &str, named: Value, patches: Value) -> Result<Value, Fault> {
        let mut input = named;
        input["patchOperations"] = patches;
        self.platform.call(operation, input).await
    }
}

#[tokio::test]
async fn only_an_enabled_key_of_a_plan_of_the_stage_lets_in() {
    let keyed = keyed_with(json!({})).await;
    let refused = (403, "ForbiddenException".to_owned(), json!({"message": "Forbidden"}));
    let nearly = keyed.value.get(..39).unwrap();
    for value in [None, Some(""), Some("x"), Some(nearly)] {
        let answer = keyed.ask(value).await;
        assert_eq!((answer.status, answer.error, answer.body), refused, "{value:?}");
    }
    assert!(keyed.platform.function.calls.lock().unwrap().is_empty());
    assert_eq!(keyed.ask(Some(&keyed.value)).await.status, 200);
    let identity = &keyed.platform.last_event()["requestContext"]["identity"];
    assert_eq!(identity["apiKeyId"].as_str(), Some(keyed.key.as_str()));
    let open = format!("http://{}.execute-api.localhost/prod/open", keyed.api);
    assert_eq!(keyed.platform.get(&open).await.status, 200);
    let named = json!({"apiKey": keyed.key});
    for (enabled, expected) in [("false", 403), ("true", 200)] {
        let patch = json!([{"op": "replace", "path": "/enabled", "value": enabled}]);
        keyed.patch("UpdateApiKey", named.clone(), patch).await.unwrap();
        assert_eq!(keyed.ask(Some(&keyed.value)).await.status, expected);
    }
    let stage = json!(format!("{}:prod", keyed.api));
    let named = json!({"usagePlanId": keyed.plan});
    for (op, expected) in [("remove", 403), ("add", 200)] {
        let patch = json!([{"op": op, "path": "/apiStages", "value": stage}]);
        keyed.patch("UpdateUsagePlan", named.clone(), patch).await.unwrap();
        assert_eq!(keyed.ask(Some(&keyed.value)).await.status, expected, "{op}");
    }
    let tie = json!({"usagePlanId": keyed.plan, "keyId": keyed.key});
    keyed.platform.call("DeleteUsagePlanKey", tie.clone()).await.unwrap();
    assert_eq!(keyed.ask(Some(&keyed.value)).await.status, 403);
    let mut again = tie.clone();
    again["keyType"] = json!("API_KEY");
    keyed.platform.call("CreateUsagePlanKey", again.clone()).await.unwrap();
    assert_eq!(keyed.platform.call("CreateUsagePlanKey", again).await.unwrap_err().code, "ConflictException");
    keyed.platform.call("DeleteApiKey", json!({"apiKey": keyed.key})).await.unwrap();
    assert_eq!(keyed.ask(Some(&keyed.value)).await.status, 403);
    let left = keyed.platform.call("GetUsagePlanKeys", named).await.unwrap();
    assert_eq!(left["items"], json!([]));
}

#[tokio::test]
async fn a_plan_says_how_fast_its_keys_are_used() {
    let keyed = keyed_with(json!({"throttle": {"rateLimit": 1.0, "burstLimit": 2}})).await;
    assert_eq!(keyed.statuses(4).await, [200, 200, 429, 429]);
    let answer = keyed.ask(Some(&keyed.value)).await;
    let expected = ("TooManyRequestsException", json!({"message": "Too Many Requests"}));
    assert_eq!((answer.error.as_str(), answer.body), expected);
    // What changes elsewhere fills no bucket.
    let other = keyed.platform.call("CreateApiKey", json!({"name": "other"})).await.unwrap();
    keyed.platform.call("DeleteApiKey", json!({"apiKey": other["id"]})).await.unwrap();
    assert_eq!(keyed.statuses(1).await, [429]);
    keyed.platform.kit.clock.advance_millis(1_000);
    assert_eq!(keyed.statuses(2).await, [200, 429]);
    let method = format!("/apiStages/{}:prod/throttle/~1a/GET", keyed.api);
    let patches = json!([{"op": "replace", "path": format!("{method}/rateLimit"), "value": "5"},
        {"op": "replace", "path": format!("{method}/burstLimit"), "value": "3"}]);
    let named = json!({"usagePlanId": keyed.plan});
    let shown = keyed.patch("UpdateUsagePlan", named, patches).await.unwrap();
    let limits = &shown["apiStages"][0]["throttle"]["/a/GET"];
    assert_eq!((limits["burstLimit"].as_i64(), limits["rateLimit"].as_f64()), (Some(3), Some(5.0)));
    assert_eq!(keyed.statuses(4).await, [200, 200, 200, 429]);
}

#[tokio::test]
async fn a_quota_ends_and_begins_again_and_is_written() {
    let keyed = keyed_with(json!({"quota": {"limit": 2, "period": "DAY"}})).await;
    assert_eq!(keyed.statuses(3).await, [200, 200, 429]);
    let answer = keyed.ask(Some(&keyed.value)).await;
    let expected = ("LimitExceededException", json!({"message": "Limit Exceeded"}));
    assert_eq!((answer.error.as_str(), answer.body), expected);
    let today = keyed.platform.kit.clock.now().iso8601_secs().get(..10).unwrap().to_owned();
    let named = json!({"usagePlanId": keyed.plan, "keyId": keyed.key});
    let dates = json!({"usagePlanId": keyed.plan, "startDate": today, "endDate": today});
    let used = keyed.platform.call("GetUsage", dates.clone()).await.unwrap();
    assert_eq!(used["items"][&keyed.key], json!([[2, 0]]));
    let patch = json!([{"op": "replace", "path": "/remaining", "value": "1"}]);
    keyed.patch("UpdateUsage", named, patch).await.unwrap();
    assert_eq!(keyed.statuses(2).await, [200, 429]);
    // What a platform would read after a restart.
    let store = keyed.platform.kit.pipeline.directory().store().clone();
    let stages = Stages::load(&store).unwrap();
    assert_eq!(stages.plans().used(&keyed.plan, &keyed.key).unwrap().used, 1);
    keyed.platform.kit.clock.advance_millis(86_400_000);
    assert_eq!(keyed.statuses(3).await, [200, 200, 429]);
}

#[tokio::test]
async fn values_stay_out_of_records_and_answers_that_do_not_ask_for_them() {
    let keyed = keyed_with(json!({})).await;
    let platform = &keyed.platform;
    let shown = platform.call("GetApiKey", json!({"apiKey": keyed.key})).await.unwrap();
    assert_eq!(shown["value"], Value::Null);
    let shown = platform.call("GetApiKey", json!({"apiKey": keyed.key, "includeValue": true})).await.unwrap();
    assert_eq!(shown["value"].as_str(), Some(keyed.value.as_str()));
    let own = "0123456789-own-value-0123456789";
    platform.call("CreateApiKey", json!({"name": "own", "value": own})).await.unwrap();
    let again = platform.call("CreateApiKey", json!({"name": "again", "value": own})).await.unwrap_err();
    assert_eq!(
        (again.code.as_ref(), again.message.as_str()),
        ("ConflictException", "API Key already exists")
    );
    let short = platform.call("CreateApiKey", json!({"name": "short", "value": "short"})).await.unwrap_err();
    assert_eq!(short.message, "API Key value should be at least 20 characters");
    let records = serde_json::to_string(&platform.kit.records().await).unwrap();
    assert!(records.contains("CreateApiKey") && !records.contains(own) && !records.contains(&keyed.value));
}

#[tokio::test]
async fn an_authorizer_may_say_which_key_a_caller_has() {
    let platform = platform().await;
    let mut definition = keyed();
    definition["x-amazon-apigateway-api-key-source"] = json!("AUTHORIZER");
    definition["securityDefinitions"]["who"] = json!({"type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer":
            {"type": "token", "authorizerUri": uri(FUNCTION), "authorizerResultTtlInSeconds": 0}});
    definition["paths"]["/a"]["get"]["security"] = json!([{"who": [], "api_key": []}]);
    let api = platform.deploy(definition).await;
    let key = platform.call("CreateApiKey", json!({"enabled": true})).await.unwrap();
    let plan = json!({"name": "p", "apiStages": [{"apiId": api, "stage": "prod"}]});
    let plan = platform.call("CreateUsagePlan", plan).await.unwrap();
    let tie = json!({"usagePlanId": plan["id"], "keyId": key["id"], "keyType": "API_KEY"});
    platform.call("CreateUsagePlanKey", tie).await.unwrap();
    let verdict = |usage_key: Value| {
        json!({"principalId": "p", "usageIdentifierKey": usage_key, "statusCode": 200, "policyDocument": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}})
    };
    let uri = format!("http://{api}.execute-api.localhost/prod/a");
    let ask = async |usage_key: Value| {
        *platform.function.answer.lock().unwrap() = verdict(usage_key);
        let request = Request::get(&uri)
            .header("authorization", "t")
            .header("x-api-key", key["value"].as_str().unwrap());
        platform.send(request.body("").unwrap()).await.status
    };
    // The header says nothing here; the function's answer is no answer for the integration, which is 502.
    assert_eq!(ask(Value::Null).await, 403);
    assert_eq!(ask(json!("someone else's key, which is long")).await, 403);
    assert_eq!(ask(key["value"].clone()).await, 502);
}

#[tokio::test]
async fn a_value_is_one_accounts_and_a_stage_key_names_a_stage_of_its_own() {
    let keyed = keyed_with(json!({})).await;
    let kit = &keyed.platform.kit;
    let other = Arc::new(identity::Principal::root("222222222222".parse().unwrap()));
    // The same value is another key there: its account learns nothing, and takes nothing away.
    let same = json!({"name": "same", "value": keyed.value, "enabled": true});
    let made = kit.json(&other, "apigateway", "CreateApiKey", &same).await.unwrap();
    assert_eq!(keyed.ask(Some(&keyed.value)).await.status, 200);
    let refused = |code: &str, message: &str, fault: Fault| {
        assert_eq!((fault.code.as_ref(), fault.message.as_str()), (code, message));
    };
    let again = kit.json(&other, "apigateway", "CreateApiKey", &same).await.unwrap_err();
    refused("ConflictException", "API Key already exists", again);
    kit.json(&other, "apigateway", "DeleteApiKey", &json!({"apiKey": made["id"]})).await.unwrap();
    assert_eq!(keyed.ask(Some(&keyed.value)).await.status, 200);
    kit.json(&other, "apigateway", "CreateApiKey", &same).await.unwrap();
    // What names nothing, and what is another account's, is answered alike.
    for (api, stage) in [(keyed.api.as_str(), "prod"), ("zzzzzzzzzz", "nope")] {
        let input = json!({"name": "s", "stageKeys": [{"restApiId": api, "stageName": stage}]});
        let fault = kit.json(&other, "apigateway", "CreateApiKey", &input).await.unwrap_err();
        refused("NotFoundException", &format!("API Stage not found: {api}:{stage}"), fault);
    }
    let own = json!({"name": "s", "stageKeys": [{"restApiId": keyed.api, "stageName": "prod"}]});
    let key = keyed.platform.call("CreateApiKey", own).await.unwrap();
    assert_eq!(key["stageKeys"], json!([format!("{}/prod", keyed.api)]));
    let half = json!({"name": "s", "stageKeys": [{"restApiId": keyed.api}]});
    assert_eq!(keyed.platform.call("CreateApiKey", half).await.unwrap_err().code, "BadRequestException");
    let named = json!({"apiKey": key["id"]});
    let add = json!([{"op": "add", "path": "/stages", "value": format!("{}/nope", keyed.api)}]);
    let fault = keyed.patch("UpdateApiKey", named, add).await.unwrap_err();
    refused("NotFoundException", &format!("API Stage not found: {}:nope", keyed.api), fault);
}

#[tokio::test]
async fn a_value_from_before_values_were_of_one_account_is_still_its_accounts() {
    use gateway::records::{KEY_DIGESTS, KeyValue};
    let keyed = keyed_with(json!({})).await;
    let store = keyed.platform.kit.pipeline.directory().store().clone();
    let (digest, id) = (KeyValue::new(keyed.value.clone()).digest(), keyed.key.clone());
    let account = "123456789012".parse().unwrap();
    let before: Result<(), ::store::StoreError> = store
        .transact(|tx| {
            tx.delete(KEY_DIGESTS, gateway::records::digest_key(account, &digest))?;
            tx.put(KEY_DIGESTS, digest, id.as_bytes().to_vec())
        })
        .await;
    before.unwrap();
    let same = json!({"name": "same", "value": keyed.value});
    let again = keyed.platform.call("CreateApiKey", same.clone()).await.unwrap_err();
    assert_eq!(again.code, "ConflictException");
    let other = Arc::new(identity::Principal::root("222222222222".parse().unwrap()));
    keyed.platform.kit.json(&other, "apigateway", "CreateApiKey", &same).await.unwrap();
    keyed.platform.call("DeleteApiKey", json!({"apiKey": keyed.key})).await.unwrap();
    keyed.platform.call("CreateApiKey", same).await.unwrap();
}

#[tokio::test]
async fn what_a_stack_makes_among_others_leaves_receipts() {
    let platform = platform().await;
    let made = async |operation: &str, input: Value| {
        platform.call(operation, input).await.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (key, plan) = (
        made("CreateApiKey", json!({"name": "k"})).await,
        made("CreateUsagePlan", json!({"name": "p"})).await,
    );
    let api = made("CreateRestApi", json!({"name": "a"})).await;
    let receipts = async |operation: &str, input: Value| {
        platform.kit.receipts("apigateway", operation, &input).await.unwrap()
    };
    let tie = json!({"usagePlanId": plan, "keyId": key, "keyType": "API_KEY"});
    assert_eq!(receipts("CreateUsagePlanKey", tie).await, [format!("{key}:{plan}")]);
    let response = json!({"restApiId": api, "responseType": "UNAUTHORIZED"});
    assert_eq!(receipts("PutGatewayResponse", response).await, ["UNAUTHORIZED"]);
}
