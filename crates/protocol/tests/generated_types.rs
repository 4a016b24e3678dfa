//! Every generated `api.rs` compiles against this crate and agrees with its model.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "tests, and generated modules seen from outside"
)]

use protocol::{FromValue, IntoValue, Operation, Sensitive, Structure, Value};

#[path = "../../../services/apigateway/src/api.rs"]
mod apigateway;
#[path = "../../../services/cloudformation/src/api.rs"]
mod cloudformation;
#[path = "../../../services/cloudtrail/src/api.rs"]
mod cloudtrail;
#[path = "../../../services/dynamodb/src/api.rs"]
mod dynamodb;
#[path = "../../../services/iam/src/api.rs"]
mod iam;
#[path = "../../../services/lambda/src/api.rs"]
mod lambda;
#[path = "../../../services/logs/src/api.rs"]
mod logs;
#[path = "../../../services/sts/src/api.rs"]
mod sts;

fn known<O: Operation>() {
    let model = protocol::model(O::SERVICE).unwrap();
    assert_eq!(model.operation(O::NAME).unwrap().name(), O::NAME);
}

#[test]
fn operations_stand_in_their_models() {
    known::<apigateway::CreateRestApi>();
    known::<cloudformation::CreateStack>();
    known::<cloudtrail::LookupEvents>();
    known::<dynamodb::PutItem>();
    known::<iam::CreateUser>();
    known::<lambda::Invoke>();
    known::<logs::PutLogEvents>();
    known::<sts::AssumeRole>();
}

#[test]
fn sensitive_members_are_not_printed() {
    let key = iam::AccessKey {
        secret_access_key: Sensitive::new("wJalrXUtnFEMI".to_owned()),
        ..iam::AccessKey::default()
    };
    assert!(!format!("{key:?}").contains("wJalr"));
}

#[test]
fn what_is_not_required_may_be_absent() {
    let mut members = Structure::new();
    members.push("UserName", Value::String("bob".to_owned()));
    let input = iam::CreateUserRequest::from_value(Value::Structure(members)).unwrap();
    assert_eq!((input.user_name.as_str(), input.tags.clone()), ("bob", None));
    assert_eq!(iam::CreateUserRequest::from_value(input.clone().into_value()).unwrap(), input);
}
