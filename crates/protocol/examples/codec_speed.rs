//! Prints what the codecs cost: `cargo run --release -p protocol --example codec_speed`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a library")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use protocol::{IntoValue as _, Structure, Value, WireRequest};

const ROUNDS: u32 = 100_000;

fn measure(what: &str, mut body: impl FnMut()) {
    for _ in 0..ROUNDS / 10 {
        body();
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        body();
    }
    println!("{what:<50} {:>8.2} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
}

fn main() {
    let headers = HeaderMap::new();
    let form = Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15");
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &form };
    let identity = Structure::new()
        .with("UserId", "AKIAIOSFODNN7EXAMPLE")
        .with("Account", "000000000000")
        .with("Arn", "arn:aws:iam::000000000000:root")
        .into_value();
    measure("sts GetCallerIdentity route+decode+validate+encode", || {
        let operation = protocol::route(Some("sts"), black_box(&request)).unwrap();
        let input = protocol::decode_input(operation, &request).unwrap();
        protocol::validate_input(operation, &input).unwrap();
        black_box(protocol::encode_output(operation, &identity, "4a1b2c3d-0000-4000-8000-000000000000"));
    });

    let mut headers = HeaderMap::new();
    headers.insert("x-amz-target", "DynamoDB_20120810.PutItem".parse().unwrap());
    let item = Bytes::from_static(
        br#"{"TableName":"orders","Item":{"pk":{"S":"order#123456"},"sk":{"N":"17"},"customer":{"S":"Jane Roe"},"lines":{"L":[{"M":{"sku":{"S":"A-1"},"count":{"N":"3"}}},{"M":{"sku":{"S":"B-2"},"count":{"N":"1"}}}]},"paid":{"BOOL":true}},"ConditionExpression":"attribute_not_exists(pk)"}"#,
    );
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &item };
    let operation = protocol::route(Some("dynamodb"), &request).unwrap();
    measure("dynamodb PutItem route", || drop(black_box(protocol::route(Some("dynamodb"), &request))));
    measure("dynamodb PutItem decode", || drop(black_box(protocol::decode_input(operation, &request))));
    let input = protocol::decode_input(operation, &request).unwrap();
    measure("dynamodb PutItem validate", || drop(black_box(protocol::validate_input(operation, &input))));
    measure("dynamodb PutItem encode", || {
        drop(black_box(protocol::encode_output(operation, &Value::Structure(Structure::new()), "id")));
    });
    let shape = operation.input().unwrap();
    let mut trail = Vec::with_capacity(1024);
    measure("dynamodb PutItem audit", || {
        trail.clear();
        protocol::write_audit_json(shape, &input, &mut trail);
    });
    let start = Instant::now();
    for service in ["iam", "lambda", "apigateway", "logs", "cloudtrail", "cloudformation"] {
        black_box(protocol::model(service));
    }
    println!(
        "reading the six other models                       {:>8.2} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
}
