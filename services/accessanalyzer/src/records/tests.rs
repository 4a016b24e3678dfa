//! The stored bytes, as they always were.

use super::*;

fn golden<R: Record + PartialEq + std::fmt::Debug>(record: &R, text: &str) {
    let bytes = record.encode().unwrap();
    assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), text, "{} as written", R::NAME);
    assert_eq!(&R::decode(&bytes).unwrap(), record, "{} as read", R::NAME);
}

#[test]
fn the_stored_bytes_are_as_they_always_were() {
    let at = Timestamp::from_secs(1);
    let equals = |value: &str| Criterion { eq: Some(vec![value.to_owned()]), ..Criterion::default() };
    golden(
        &AnalyzerRecord {
            id: "i".into(),
            account: "123456789012".parse().unwrap(),
            name: "a".into(),
            kind: Kind::AccountUnused,
            created_at: at,
            token: None,
            tags: [("k".to_owned(), "v".to_owned())].into(),
            rules: [(
                "r".to_owned(),
                RuleRecord {
                    filter: [("isPublic".to_owned(), equals("true"))].into(),
                    created_at: at,
                    updated_at: at,
                },
            )]
            .into(),
            unused: Some(UnusedSettings { age: 90, exclusions: vec![] }),
            last_analyzed: Some(("arn:x".into(), at)),
        },
        r#"{"id":"i","account":"123456789012","name":"a","kind":"ACCOUNT_UNUSED_ACCESS","created":1000,"tags":{"k":"v"},"rules":{"r":{"filter":{"isPublic":{"eq":["true"]}},"created":1000,"updated":1000}},"unused":{"age":90},"last":["arn:x",1000]}"#,
    );
    let external = External {
        kind: "AWS".into(),
        principal: "*".into(),
        actions: vec!["s3:GetObject".into()],
        public: true,
        rcp: "NOT_APPLICABLE".into(),
        ..External::default()
    };
    golden(
        &FindingRecord {
            id: "f".into(),
            resource: "arn:aws:s3:::b".into(),
            resource_type: "AWS::S3::Bucket".into(),
            owner: "123456789012".into(),
            created_at: at,
            analyzed_at: at,
            updated_at: at,
            status: Status::Active,
            error: None,
            details: Details::External(external),
        },
        r#"{"id":"f","resource":"arn:aws:s3:::b","type":"AWS::S3::Bucket","owner":"123456789012","created":1000,"analyzed":1000,"updated":1000,"status":"ACTIVE","details":{"External":{"kind":"AWS","principal":"*","actions":["s3:GetObject"],"conditions":{},"public":true,"rcp":"NOT_APPLICABLE"}}}"#,
    );
    golden(
        &ResourceRecord {
            arn: "arn:aws:s3:::b".into(),
            resource_type: "AWS::S3::Bucket".into(),
            owner: "123456789012".into(),
            created_at: at,
            analyzed_at: at,
            updated_at: at,
            public: false,
            actions: vec![],
            error: None,
        },
        r#"{"arn":"arn:aws:s3:::b","type":"AWS::S3::Bucket","owner":"123456789012","created":1000,"analyzed":1000,"updated":1000,"public":false}"#,
    );
}
