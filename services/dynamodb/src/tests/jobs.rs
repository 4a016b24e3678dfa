use serde_json::json;

use super::{Fixture, n, s};
use crate::jobs::{count_table, expire_items, forget_tokens, sweep_doomed};
use crate::records::{DOOMED, ITEMS, TOKENS};

pub(super) async fn state(fixture: &Fixture) -> crate::State {
    crate::State::load(fixture.kit.pipeline.store(), crate::OwnAddress::default()).unwrap()
}

#[tokio::test]
async fn the_items_of_a_deleted_table_go() {
    let fixture = Fixture::with_table("p:S").await;
    let store = fixture.kit.pipeline.store().clone();
    for item in 0..30 {
        fixture.put(json!({"p": s(&item.to_string())})).await;
    }
    fixture.ok("DeleteTable", &json!({"TableName": "Tab"})).await;
    assert_eq!(store.scan(ITEMS, &store::Range::all()).unwrap().len(), 30);
    sweep_doomed(&store).await.unwrap();
    assert!(store.scan(ITEMS, &store::Range::all()).unwrap().is_empty());
    assert!(store.scan(DOOMED, &store::Range::all()).unwrap().is_empty());
}

#[tokio::test]
async fn expired_items_go_and_others_stay() {
    let fixture = Fixture::with_table("p:S").await;
    let now = fixture.kit.clock.now();
    let year = 365 * 24 * 3_600;
    for (name, ttl) in [
        ("past", n(now.secs() - 10)),
        ("now", n(now.secs())),
        ("future", n(now.secs() + 10)),
        ("ancient", n(now.secs() - 6 * year)),
        ("text", s("1")),
        ("fraction", n(format!("{}.5", now.secs()))),
    ] {
        fixture.put(json!({"p": s(name), "ttl": ttl})).await;
    }
    fixture.put(json!({"p": s("none")})).await;
    let specification = json!({"Enabled": true, "AttributeName": "ttl"});
    fixture
        .ok("UpdateTimeToLive", &json!({"TableName": "Tab", "TimeToLiveSpecification": specification}))
        .await;
    let again = json!({"TableName": "Tab", "TimeToLiveSpecification": specification});
    assert_eq!(fixture.invalid("UpdateTimeToLive", &again).await, "TimeToLive is already enabled");
    expire_items(&state(&fixture).await, fixture.kit.pipeline.store(), now).await.unwrap();
    let rest = fixture.ok("Scan", &json!({"TableName": "Tab"})).await;
    let mut names: Vec<_> =
        rest["Items"].as_array().unwrap().iter().map(|item| item["p"]["S"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ancient", "fraction", "future", "none", "text"]);
    let described = fixture.ok("DescribeTimeToLive", &json!({"TableName": "Tab"})).await;
    assert_eq!(
        described["TimeToLiveDescription"],
        json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"})
    );
}

#[tokio::test]
async fn items_are_counted_and_old_tokens_forgotten() {
    let fixture = Fixture::with_table("p:S").await;
    let put = json!({"Put": {"TableName": "Tab", "Item": {"p": s("1")}}});
    fixture.ok("TransactWriteItems", &json!({"TransactItems": [put], "ClientRequestToken": "t"})).await;
    let store = fixture.kit.pipeline.store();
    let state = state(&fixture).await;
    let table = state.tables.all().pop().unwrap();
    assert!(table.counts.take_stale());
    count_table(store, &table).await.unwrap();
    assert_eq!((table.counts.items(), table.counts.bytes()), (1, 2));
    forget_tokens(store, fixture.kit.clock.now()).await.unwrap();
    assert_eq!(store.scan(TOKENS, &store::Range::all()).unwrap().len(), 1);
    forget_tokens(store, fixture.kit.clock.now().plus_secs(600)).await.unwrap();
    assert!(store.scan(TOKENS, &store::Range::all()).unwrap().is_empty());
}
