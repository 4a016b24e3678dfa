//! What a compiled policy takes in memory, to the byte: a platform keeps one for each caller who is in use.

use policy::{Policy, PolicyKind};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Ten statements of two actions and a resource: 1.5 KB of text.
fn document(number: usize) -> String {
    let statement = |at: usize| {
        serde_json::json!({"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": format!("arn:aws:dynamodb:us-east-1:123456789012:table/app-{number}-{at}*")})
    };
    let statements: Vec<_> = (0..10).map(statement).collect();
    serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

#[test]
fn a_policy_of_ten_statements_takes_at_most_nine_kib() {
    const POLICIES: usize = 100;
    const BYTES_MAX: usize = 9 << 10;
    let documents: Vec<_> = (0..POLICIES).map(document).collect();
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut kept = Vec::with_capacity(POLICIES);
    let before = dhat::HeapStats::get();
    for text in &documents {
        kept.push(Policy::parse(text, PolicyKind::Identity).unwrap());
    }
    let after = dhat::HeapStats::get();
    let (bytes, blocks) = (after.curr_bytes - before.curr_bytes, after.curr_blocks - before.curr_blocks);
    println!("{} bytes in {} blocks a policy", bytes / POLICIES, blocks / POLICIES);
    assert_eq!(kept.len(), POLICIES);
    assert!(bytes / POLICIES <= BYTES_MAX, "{} bytes a policy", bytes / POLICIES);
}
