//! The service through the whole pipeline, in memory.

mod certificates;
mod compliance;
mod consistency;
mod decisions;
mod effects;
mod factors;
mod groups;
mod keys;
mod markers;
mod outbound;
mod passwords;
mod policies;
mod roles;
mod tagging;
mod users;

use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::TestKit;

/// Allows one action on everything.
const READ: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"}]}"#;
const LAMBDA_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

async fn kit() -> TestKit {
    TestKit::start(|on| vec![crate::service(on.directory.clone())]).await
}

/// Calls as the administrator.
async fn ask(kit: &TestKit, operation: &str, input: Value) -> Result<Value, Fault> {
    kit.json(&kit.administrator(), "iam", operation, &input).await
}

/// Calls as the administrator; the call succeeds.
async fn done(kit: &TestKit, operation: &str, input: Value) -> Value {
    let shown = input.to_string();
    ask(kit, operation, input).await.unwrap_or_else(|fault| panic!("{operation} {shown}: {fault:?}"))
}

/// Calls as the administrator; the call is refused in these words.
async fn refused(kit: &TestKit, operation: &str, input: Value, code: &str, words: &str) {
    let shown = input.to_string();
    let fault = ask(kit, operation, input).await.expect_err(&format!("{operation} {shown}"));
    let short = fault.code.strip_suffix("Exception").unwrap_or(&fault.code);
    assert_eq!(short, code, "{operation} {shown}: {}", fault.message);
    assert!(fault.message.contains(words), "{operation} {shown}: {}", fault.message);
}

/// The names in a listing.
fn names(answer: &Value, list: &str, member: &str) -> Vec<String> {
    let items = answer[list].as_array().unwrap_or_else(|| panic!("no {list} in {answer}"));
    items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

async fn user(kit: &TestKit, name: &str) {
    done(kit, "CreateUser", json!({"UserName": name})).await;
}

/// A customer's policy; answers its ARN.
async fn policy(kit: &TestKit, name: &str) -> String {
    let made = done(kit, "CreatePolicy", json!({"PolicyName": name, "PolicyDocument": READ})).await;
    made["Policy"]["Arn"].as_str().unwrap().to_owned()
}
