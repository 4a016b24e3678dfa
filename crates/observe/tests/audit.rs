//! The audit trail, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use base::{AccountId, Clock, Timestamp};
use observe::{
    AccessedResource, Attribute, AuditTrail, AuditUnavailable, Category, Noticed, Outcome, Page, Position,
    Query, Record,
};
use proptest::prelude::*;
use store::{Range, Store, StoreError, Table};

const ITEMS: Table = Table::new(0x7f01, "items");
const NOON: i64 = 1_795_348_800_000;

fn account(digit: u8) -> AccountId {
    format!("{:012}", digit).parse().unwrap()
}

fn record(name: &'static str, time: i64) -> Record {
    Record {
        account: account(1),
        event_time: Timestamp::from_millis(time),
        event_source: "dynamodb.amazonaws.com".into(),
        event_name: name.into(),
        region: "us-east-1".parse().unwrap(),
        source_ip: "127.0.0.1".to_owned(),
        user_agent: "aws-cli/2 \"quoted\"\n".to_owned(),
        user_identity: r#"{"type":"IAMUser","userName":"alice"}"#.into(),
        username: "alice".to_owned(),
        access_key_id: "AKIAALICE".to_owned(),
        request_parameters: Some(br#"{"tableName":"orders"}"#.to_vec()),
        request_id: "request-1".into(),
        read_only: true,
        resources: vec![AccessedResource {
            arn: "arn:aws:dynamodb:us-east-1:000000000001:table/orders".to_owned(),
            account: account(1),
            kind: "AWS::DynamoDB::Table".into(),
        }],
        category: Category::Data,
        shared_event_id: None,
        vpc_endpoint_id: None,
        additional_event_data: None,
    }
}

fn query(limit: usize) -> Query {
    Query { account: account(1), attribute: None, start: None, end: None, limit, after: None }
}

fn open() -> (Store, AuditTrail, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(NOON));
    let store = Store::ephemeral_at(clock.clone()).unwrap();
    let trail = AuditTrail::new(store.clone()).unwrap();
    (store, trail, clock)
}

fn names(page: &Page) -> String {
    page.events.iter().map(|event| event.event_name.as_str()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_record_is_written_as_cloudtrail_writes_it() {
    let (_store, trail, _) = open();
    let ticket = trail.begin(record("GetItem", NOON));
    let id = ticket.event_id();
    ticket.fail("AccessDeniedException", "User: alice is not authorized").await.unwrap();
    let event = trail.query(&query(10)).await.unwrap().events.remove(0);
    assert_eq!(event.event_id(), id);
    let expected = format!(
        concat!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","userName":"alice"}},"#,
            r#""eventTime":"2026-11-22T12:00:00Z","eventSource":"dynamodb.amazonaws.com","#,
            r#""eventName":"GetItem","awsRegion":"us-east-1","sourceIPAddress":"127.0.0.1","#,
            r#""userAgent":"aws-cli/2 \"quoted\"\n","errorCode":"AccessDeniedException","#,
            r#""errorMessage":"User: alice is not authorized","#,
            r#""requestParameters":{{"tableName":"orders"}},"responseElements":null,"requestID":"request-1","#,
            r#""eventID":"{}","readOnly":true,"resources":[{{"ARN":"#,
            r#""arn:aws:dynamodb:us-east-1:000000000001:table/orders","accountId":"000000000001","#,
            r#""type":"AWS::DynamoDB::Table"}}],"eventType":"AwsApiCall","managementEvent":false,"#,
            r#""recipientAccountId":"000000000001","eventCategory":"Data"}}"#,
        ),
        id
    );
    assert_eq!(event.json, expected);
    serde_json::from_str::<serde_json::Value>(&event.json).unwrap();
}

#[tokio::test]
async fn a_change_and_its_record_are_durable_together() {
    let (store, trail, _) = open();
    let ticket = trail.begin(record("PutItem", NOON));
    store
        .transact(|t| {
            t.put(ITEMS, "a", "value")?;
            ticket.attach(t)
        })
        .await
        .unwrap();
    // No flush and no end yet: the record stands in the store beside the change.
    let audit = Table::new(0x0201, "audit");
    assert_eq!(store.scan(audit, &Range::all()).unwrap().len(), 1);
    store.transact(|t| ticket.attach(t)).await.unwrap();
    ticket.succeed(Some(br#"{"done":true}"#.to_vec())).await.unwrap();
    drop(ticket);
    let page = trail.query(&query(10)).await.unwrap();
    assert_eq!(names(&page), "PutItem", "one call is one record");
    assert!(page.events[0].json.contains(r#""responseElements":{"done":true}"#));
}

#[tokio::test]
async fn a_change_that_failed_is_still_recorded() {
    let (store, trail, _) = open();
    let ticket = trail.begin(record("PutItem", NOON));
    let outcome: Result<(), StoreError> = store
        .transact(|t| {
            ticket.attach(t)?;
            Err(StoreError::TransactionTooLarge)
        })
        .await;
    assert!(outcome.is_err());
    ticket.fail("ValidationException", "too large").await.unwrap();
    let page = trail.query(&query(10)).await.unwrap();
    assert_eq!(names(&page), "PutItem");
    assert!(page.events[0].json.contains("too large"));
}

#[tokio::test]
async fn whoever_hangs_up_does_not_escape() {
    let (_store, trail, _) = open();
    drop(trail.begin(record("Scan", NOON)));
    let page = trail.query(&query(10)).await.unwrap();
    assert_eq!(names(&page), "Scan");
    assert!(page.events[0].json.contains(r#""additionalEventData":{"interrupted":true}"#));
}

#[tokio::test]
async fn a_trail_that_cannot_write_says_so() {
    let (store, trail, _) = open();
    let broken: Result<(), StoreError> = store
        .transact(|t| {
            t.after_commit(|| panic!("on purpose"));
            Ok(())
        })
        .await;
    assert!(broken.is_err());
    let _ = trail.record(record("GetItem", NOON), Outcome::success(None)).await;
    assert_eq!(trail.flush().await, Err(AuditUnavailable));
    let late = trail.record(record("GetItem", NOON), Outcome::success(None)).await;
    assert_eq!(late, Err(AuditUnavailable));
    assert!(trail.query(&query(1)).await.is_err());
}

#[tokio::test]
async fn what_is_left_is_written_when_the_trail_goes() {
    let (store, trail, _) = open();
    trail.record(record("GetItem", NOON), Outcome::success(None)).await.unwrap();
    drop(trail);
    store.flush().await.unwrap();
    assert_eq!(names(&AuditTrail::new(store).unwrap().query(&query(10)).await.unwrap()), "GetItem");
}

#[tokio::test]
async fn large_elements_are_omitted_and_say_so() {
    let (_store, trail, _) = open();
    let mut large = record("PutItem", NOON);
    large.request_parameters = Some(format!("\"{}\"", "x".repeat(200_000)).into_bytes());
    large.user_agent = "é".repeat(10_000);
    trail.record(large, Outcome::failure("Oops", "m".repeat(9_000))).await.unwrap();
    let event = trail.query(&query(1)).await.unwrap().events.remove(0);
    assert!(
        event
            .json
            .contains(r#"{"omitted":true,"originalSize":200002,"reason":"requestParameters too large"}"#)
    );
    assert!(event.json.len() < 6_000);
}

#[tokio::test]
async fn attributes_and_times_select() {
    let (_store, trail, _) = open();
    for (offset, name) in ["A", "B", "C", "D"].into_iter().enumerate() {
        let mut one = record(name, NOON + offset as i64 * 1_000);
        if name == "C" {
            one.username = "bob".to_owned();
            one.access_key_id = "AKIABOB".to_owned();
            one.event_source = "iam.amazonaws.com".into();
            one.read_only = false;
            one.resources.clear();
        }
        trail.record(one, Outcome::success(None)).await.unwrap();
    }
    let all = trail.query(&query(10)).await.unwrap();
    assert_eq!(names(&all), "D C B A");
    let cases = [
        (Attribute::EventId(all.events[1].event_id()), "C"),
        (Attribute::EventName("B".into()), "B"),
        (Attribute::ReadOnly(false), "C"),
        (Attribute::ReadOnly(true), "D B A"),
        (Attribute::Username("bob".into()), "C"),
        (Attribute::ResourceType("AWS::DynamoDB::Table".into()), "D B A"),
        (Attribute::ResourceName("orders".into()), "D B A"),
        (Attribute::ResourceName("arn:aws:dynamodb:us-east-1:000000000001:table/orders".into()), "D B A"),
        (Attribute::ResourceName("order".into()), ""),
        (Attribute::EventSource("iam.amazonaws.com".into()), "C"),
        (Attribute::AccessKeyId("AKIABOB".into()), "C"),
        (Attribute::Username(String::new()), ""),
    ];
    for (attribute, expected) in cases {
        let found = trail.query(&Query { attribute: Some(attribute.clone()), ..query(10) }).await.unwrap();
        assert_eq!(names(&found), expected, "{attribute:?}");
    }
    let at = |offset: i64| Some(Timestamp::from_millis(NOON + offset));
    for (start, end, expected) in [
        (at(1_000), at(2_000), "C B"),
        (at(1_001), at(1_999), ""),
        (None, at(0), "A"),
        (at(3_000), None, "D"),
        (at(2_000), at(1_000), ""),
    ] {
        assert_eq!(names(&trail.query(&Query { start, end, ..query(10) }).await.unwrap()), expected);
    }
}

#[tokio::test]
async fn calls_of_one_millisecond_keep_their_order() {
    let (_store, trail, _) = open();
    for name in ["A", "B", "C", "D", "E"] {
        trail.record(record(name, NOON), Outcome::success(None)).await.unwrap();
    }
    let page = trail.query(&query(10)).await.unwrap();
    assert_eq!(names(&page), "E D C B A");
    let id = page.events[0].event_id();
    assert_eq!((id.as_bytes()[14], id.len()), (b'7', 36), "{id}");
}

#[tokio::test]
async fn old_records_are_not_served_and_are_deleted() {
    let (store, trail, clock) = open();
    for digit in [1, 2] {
        for day in 0..4 {
            let mut one = record("GetItem", NOON - day * 40 * 86_400_000);
            one.account = account(digit);
            trail.record(one, Outcome::success(None)).await.unwrap();
        }
    }
    assert_eq!(trail.query(&query(10)).await.unwrap().events.len(), 3, "0, 40 and 80 days old");
    assert_eq!(trail.prune().await.unwrap(), 2, "one of each account");
    clock.advance_millis(15 * 86_400_000);
    assert_eq!(trail.query(&query(10)).await.unwrap().events.len(), 2);
    assert_eq!(trail.prune().await.unwrap(), 2);
    assert_eq!(trail.prune().await.unwrap(), 0);
    assert_eq!(store.scan(Table::new(0x0201, "audit"), &Range::all()).unwrap().len(), 4);
}

#[test]
fn a_position_reads_back_and_nothing_else_does() {
    for bad in
        ["", ".", "1.", "x.00000000000000000000000000000001", "1.0000000000000000000000000000000G", "1.+1"]
    {
        assert_eq!(Position::parse(bad), None, "{bad}");
    }
    let text = "-5.000000000000000000000000000000ff";
    assert_eq!(Position::parse(text).unwrap().to_string(), text);
}

/// Accounts, times that cluster and stray, some durable by a change and some not, in several flushes.
fn calls() -> impl Strategy<Value = Vec<(u8, i64, bool, bool)>> {
    let time = prop_oneof![0_i64..50, 900_i64..1_100, 0_i64..20_000, -90_000_000_i64..0];
    prop::collection::vec((1_u8..3, time, prop::bool::weighted(0.3), prop::bool::weighted(0.1)), 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_are_the_sorted_records_of_one_account(calls in calls(), limit in 1_usize..60) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let (store, trail, _) = open();
            let mut expected = Vec::new();
            for (number, (digit, offset, changes, flush)) in calls.into_iter().enumerate() {
                let mut one = record("Call", NOON + offset);
                one.account = account(digit);
                one.request_id = format!("{number}").into();
                let ticket = trail.begin(one);
                if changes {
                    store.transact(|t| ticket.attach(t)).await.unwrap();
                }
                ticket.succeed(None).await.unwrap();
                if flush {
                    trail.flush().await.unwrap();
                }
                if digit == 1 {
                    expected.push((NOON + offset, ticket.event_id()));
                }
            }
            expected.sort();
            expected.reverse();
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let page = trail.query(&Query { after, ..query(limit) }).await.unwrap();
                assert!(page.events.len() <= limit);
                found.extend(page.events.iter().map(|event| (event.event_time.millis(), event.event_id())));
                after = page.next;
                if after.is_none() {
                    break;
                }
                assert_eq!(page.events.len(), limit, "only the last page is short");
            }
            assert_eq!(found, expected);
        });
    }
}

#[tokio::test]
async fn whoever_listens_learns_of_changes() {
    let (_store, trail, _) = open();
    let mut changes = trail.changes();
    let of = |name: &'static str, read_only: bool, category: Category| Record {
        read_only,
        category,
        ..record(name, NOON)
    };
    trail.begin(of("Read", true, Category::Management)).succeed(None).await.unwrap();
    trail.begin(of("Item", false, Category::Data)).succeed(None).await.unwrap();
    trail.begin(of("Refused", false, Category::Management)).fail("AccessDenied", "no").await.unwrap();
    drop(trail.begin(of("Dropped", false, Category::Management)));
    assert!(changes.ready().is_none());
    trail.begin(of("Changed", false, Category::Management)).succeed(None).await.unwrap();
    assert!(matches!(changes.next().await, Noticed::Change(record) if record.event_name == "Changed"));
    for _ in 0..2_000 {
        trail.begin(of("Many", false, Category::Management)).succeed(None).await.unwrap();
    }
    assert!(matches!(changes.next().await, Noticed::Missed), "who falls behind is told");
    drop(trail);
}
