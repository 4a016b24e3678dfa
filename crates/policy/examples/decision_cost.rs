//! Prints what a decision costs: ten policies of ten statements, compiled beforehand, asked about over and over.
//!
//! `cargo run --release -p policy --example decision_cost`. Figures are for people to judge; no test depends on them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement ends by panicking")]

use std::hint::black_box;
use std::time::Instant;

use policy::{
    Context, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request, evaluate,
};

const POLICIES: usize = 10;
const STATEMENTS: usize = 10;
const DECISIONS: usize = 200_000;

/// Wildcards in actions and resources, a condition with a variable in every third statement.
fn document(policy: usize) -> String {
    let statement = |at: usize| {
        let condition = if at.is_multiple_of(3) {
            r#","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#
        } else {
            ""
        };
        format!(
            r#"{{"Effect":"Allow","Action":["dynamodb:Get*","s3:*Object","lambda:Invoke?unction"],"Resource":["arn:aws:dynamodb:*:111111111111:table/t{policy}-{at}-*","arn:aws:s3:::b{policy}-{at}/${{aws:username}}/*"]{condition}}}"#
        )
    };
    let statements: Vec<String> = (0..STATEMENTS).map(statement).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn main() {
    let identity: Vec<NamedPolicy> = (0..POLICIES)
        .map(|at| {
            let policy = Policy::parse(&document(at), PolicyKind::Identity).expect("a policy");
            NamedPolicy::new(format!("p{at}"), policy)
        })
        .collect();
    let context = Context::new()
        .with("aws:SourceIp", "10.1.2.3")
        .with("aws:PrincipalTag/team", "red")
        .with("aws:CurrentTime", "2026-11-22T00:00:00Z")
        .with("aws:SecureTransport", "true")
        .with("aws:RequestedRegion", "us-east-1");
    let set = PolicySet { identity: &identity, ..PolicySet::default() };
    for (name, resource) in [
        ("allowed by the last statement", "arn:aws:s3:::b9-9/ana/x"),
        ("allowed by the first", "arn:aws:dynamodb:us-east-1:111111111111:table/t0-0-x"),
        ("allowed by none", "arn:aws:s3:::other/ana/x"),
    ] {
        let action = if resource.contains("dynamodb") { "dynamodb:GetItem" } else { "s3:GetObject" };
        let request = Request {
            principal: PrincipalView {
                lender: None,
                kind: PrincipalKind::User,
                arn: "arn:aws:iam::111111111111:user/ana",
                account: "111111111111",
                role_arn: None,
                service: None,
                user_id: "AIDAEXAMPLE",
            },
            action,
            resource,
            resource_account: "111111111111",
            context: &context,
        };
        let mut nanos: Vec<u128> = (0..DECISIONS)
            .map(|_| {
                let begin = Instant::now();
                black_box(evaluate(black_box(&request), black_box(&set)));
                begin.elapsed().as_nanos()
            })
            .collect();
        nanos.sort_unstable();
        let at = |part: usize| nanos.get(DECISIONS * part / 100).copied().unwrap_or_default();
        println!("{name:<32} p50 {:>6} ns   p99 {:>6} ns", at(50), at(99));
    }
}
