//! The service through the whole pipeline, in memory.

mod compliance;
mod decisions;
mod effects;
mod observe;
mod tree;

use std::sync::Arc;

use identity::{AssumedRole, Principal};
use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::TestKit;

async fn kit() -> TestKit {
    TestKit::start(|on| vec![crate::service(on.directory.clone())]).await
}

async fn ask(kit: &TestKit, operation: &str, input: Value) -> Result<Value, Fault> {
    kit.json(&kit.administrator(), "organizations", operation, &input).await
}

/// Calls as the administrator; the call succeeds.
async fn done(kit: &TestKit, operation: &str, input: Value) -> Value {
    let shown = input.to_string();
    ask(kit, operation, input).await.unwrap_or_else(|fault| panic!("{operation} {shown}: {fault:?}"))
}

/// Calls as the administrator; the call is refused with this code.
async fn refused(kit: &TestKit, operation: &str, input: Value, code: &str) -> Fault {
    let shown = input.to_string();
    let fault = ask(kit, operation, input).await.expect_err(&format!("{operation} {shown}"));
    assert_eq!(fault.code, code, "{operation} {shown}: {}", fault.message);
    fault
}

fn text(value: &Value, place: &str) -> String {
    value.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("no {place} in {value}")).to_owned()
}

/// An organization; answers its root's id.
async fn organization(kit: &TestKit) -> String {
    done(kit, "CreateOrganization", json!({})).await;
    text(&done(kit, "ListRoots", json!({})).await, "/Roots/0/Id")
}

/// A new member; answers its id.
async fn account(kit: &TestKit, name: &str) -> String {
    let input = json!({"AccountName": name, "Email": format!("{name}@example.com")});
    text(&done(kit, "CreateAccount", input).await, "/CreateAccountStatus/AccountId")
}

async fn unit(kit: &TestKit, parent: &str, name: &str) -> String {
    let made = done(kit, "CreateOrganizationalUnit", json!({"ParentId": parent, "Name": name})).await;
    text(&made, "/OrganizationalUnit/Id")
}

/// A session of the role that a new account was made with.
fn administrator_of(kit: &TestKit, account: &str) -> Arc<Principal> {
    let account = account.parse().unwrap();
    let directory = kit.pipeline.directory();
    let role = directory.role(account, "OrganizationAccountAccessRole").unwrap().expect("the role");
    Arc::new(Principal::AssumedRole(AssumedRole::new(account, "/", role.name, role.role_id, "s")))
}
