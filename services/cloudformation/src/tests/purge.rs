//! Deleted stacks are shown for 90 days, and then forgotten with all that was written of them.

use serde_json::json;
use store::Range;

use super::{SMALL, Stage};
use crate::purge;
use crate::records::{EVENTS, RESOURCES, STACKS};

#[tokio::test]
async fn a_deleted_stack_is_forgotten_after_ninety_days() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for name in ["gone", "stays"] {
        stage
            .create(name, &SMALL.replace("orders", name).replace("Name: arn", "Name: !Ref AWS::StackName"))
            .await
            .unwrap();
        assert_eq!(stage.settled(name).await, "CREATE_COMPLETE");
        ids.push(stage.describe(name).await["StackId"].as_str().unwrap().to_owned());
    }
    stage.call("DeleteStack", json!({ "StackName": "gone" })).await.unwrap();
    assert_eq!(stage.settled(&ids[0]).await, "DELETE_COMPLETE");
    stage.rested().await;
    let store = stage.kit.pipeline.store().clone();
    for (days, left) in [(89, 2), (2, 1)] {
        stage.kit.clock.advance_millis(days * 86_400_000);
        purge::forget(&stage.state, stage.kit.clock.now()).await.unwrap();
        assert_eq!(store.scan(STACKS, &Range::all()).unwrap().len(), left, "after {days} more days");
    }
    for table in [EVENTS, RESOURCES] {
        let of = |id: &str| store.scan(table, &Range::prefix(store::Key::new().str(id))).unwrap().len();
        assert_eq!(of(&ids[0]), 0);
        assert!(of(&ids[1]) > 0);
    }
    assert!(stage.call("DescribeStacks", json!({ "StackName": ids[0] })).await.is_err());
    let listed = stage.call("ListExports", json!({})).await.unwrap();
    assert_eq!(listed["Exports"].as_array().unwrap().len(), 1);
    assert_eq!(listed["Exports"][0]["ExportingStackId"], ids[1].as_str());
}
