//! Prints what recording a read costs: CPU a record, request path and writing thread together.
//!
//! `cargo run --release -p observe --example audit_bench`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a bench")]

use std::time::Instant;

use base::{Clock, Timestamp};
use observe::{AccessedResource, AuditTrail, Category, Record};
use store::Store;

const RECORDS: u32 = 200_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::ephemeral().expect("a store");
        let trail = AuditTrail::new(store).expect("a trail");
        let (started, cpu) = (Instant::now(), cpu_micros());
        for _ in 0..RECORDS {
            trail.begin(record()).succeed(None).await.expect("the trail writes");
        }
        trail.flush().await.expect("the trail writes");
        let cpu = (cpu_micros() - cpu) as f64 / f64::from(RECORDS);
        let wall = started.elapsed().as_micros() as f64 / f64::from(RECORDS);
        println!("audit of a read: {cpu:.2} us of CPU, {wall:.2} us of wall time");
    });
}

fn record() -> Record {
    Record {
        account: "000000000000".parse().expect("an account"),
        event_time: Timestamp::from_millis(Clock::system().now().millis()),
        event_source: "sts.amazonaws.com".into(),
        event_name: "GetCallerIdentity".into(),
        region: "us-east-1".parse().expect("a region"),
        source_ip: "127.0.0.1".to_owned(),
        user_agent: "Boto3/1.40 md/Botocore#1.40 ua/2.1 os/linux lang/python#3.13".to_owned(),
        user_identity: r#"{"type":"IAMUser","principalId":"AIDAEXAMPLE","userName":"alice"}"#.into(),
        username: "alice".to_owned(),
        access_key_id: "AKIAALICE".to_owned(),
        request_parameters: Some(br#"{"tableName":"orders"}"#.to_vec()),
        request_id: "00000000-0000-4000-8000-000000000000".into(),
        read_only: true,
        resources: vec![AccessedResource {
            arn: "arn:aws:dynamodb:us-east-1:000000000001:table/orders".to_owned(),
            account: "000000000000".parse().expect("an account"),
            kind: "AWS::DynamoDB::Table".into(),
        }],
        category: Category::Management,
        shared_event_id: None,
        vpc_endpoint_id: None,
        additional_event_data: None,
    }
}

/// User and system time of this process so far.
fn cpu_micros() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) * 10_000
}
