//! What a change set names is at least what its execution changes: whatever a value follows from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::Callbacks;
use serde_json::{Value, json};

use super::Stage;
use crate::stacks;

/// A stage with a function that gives what it makes a name of its own for every value, as such functions do.
struct Watched {
    stage: Stage,
    answered: usize,
}

/// What there is of each resource: its id, and what it was last given.
type There = BTreeMap<String, (String, Value)>;

impl Watched {
    async fn new() -> Self {
        let stage = Stage::new().await;
        stage.world.things().existing.insert("stored/p".to_owned(), json!("one"));
        Self { stage, answered: 0 }
    }

    async fn answer(&mut self) {
        let asked: Vec<Value> = {
            let things = self.stage.world.things();
            let inputs = things.inputs.iter().filter(|(name, _)| name == "Invoke");
            inputs.skip(self.answered).map(|(_, input)| input["Payload"].clone()).collect()
        };
        for payload in asked {
            let event: Value =
                serde_json::from_slice(&STANDARD.decode(payload.as_str().unwrap()).unwrap()).unwrap();
            let id = Callbacks::id_of(event["ResponseURL"].as_str().unwrap()).unwrap();
            let given = event["ResourceProperties"]["N"].as_str().unwrap();
            let answer = json!({ "Status": "SUCCESS", "PhysicalResourceId": format!("c-{given}"), "Data": { "Arn": format!("::::::{given}") } });
            let answer = match event["RequestType"].as_str() {
                Some("Delete") => json!({ "Status": "SUCCESS" }),
                _ => answer,
            };
            let callbacks = self.stage.callbacks.clone();
            let store = self.stage.kit.pipeline.store();
            assert!(store.transact(|tx| callbacks.add(tx, &id, answer.to_string())).await.unwrap());
            self.answered += 1;
        }
    }

    async fn settled(&mut self, name: &str) -> String {
        for _ in 0..2_000 {
            self.answer().await;
            let status = self.stage.describe(name).await["StackStatus"].as_str().unwrap().to_owned();
            if !status.ends_with("_IN_PROGRESS") {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{name} does not settle");
    }

    async fn there(&self, name: &str) -> There {
        let id = self.stage.describe(name).await["StackId"].as_str().unwrap().to_owned();
        let records = stacks::resources(self.stage.kit.pipeline.store(), &id).unwrap();
        let of = |physical: crate::records::Physical| (physical.id, physical.properties);
        records.into_iter().map(|record| (record.logical_id, of(record.physical.unwrap()))).collect()
    }

    /// Makes a stack of the one template, and changes it into the other by a change set. What that names, with what becomes of
    /// each, and what it did change.
    async fn changed(&mut self, name: &str, old: &Value, new: &Value) -> (Named, BTreeSet<String>) {
        self.stage.create(name, &old.to_string()).await.unwrap();
        let status = self.settled(name).await;
        let events = self.stage.call("DescribeStackEvents", json!({ "StackName": name })).await.unwrap();
        assert_eq!(status, "CREATE_COMPLETE", "{old} {events}");
        let before = self.there(name).await;
        self.stage.world.things().existing.insert("stored/p".to_owned(), json!(format!("of-{name}")));
        let set = json!({ "StackName": name, "ChangeSetName": "c", "TemplateBody": new.to_string(),
            "Capabilities": ["CAPABILITY_AUTO_EXPAND"] });
        self.stage.call("CreateChangeSet", set).await.unwrap();
        let this = json!({ "StackName": name, "ChangeSetName": "c" });
        let set = self.stage.call("DescribeChangeSet", this.clone()).await.unwrap();
        let changes =
            set["Changes"].as_array().unwrap().iter().map(|change| change["ResourceChange"].clone());
        let named: Named = changes
            .map(|change| (change["LogicalResourceId"].as_str().unwrap().to_owned(), change))
            .collect();
        if set["Status"] == "FAILED" {
            assert!(named.is_empty());
            return (named, BTreeSet::new());
        }
        self.stage.call("ExecuteChangeSet", this).await.unwrap();
        assert_eq!(self.settled(name).await, "UPDATE_COMPLETE", "{old}\n{new}");
        let after = self.there(name).await;
        for (id, (physical, _)) in &after {
            let was_replaced = before.get(id).is_some_and(|(before, _)| before != physical);
            let told = named.get(id).map(|change| change["Replacement"] != "False");
            assert!(!was_replaced || id == "C" || told == Some(true), "{id}: {named:?}\n{old}\n{new}");
        }
        let differs = |id: &&String| before.get(*id) != after.get(*id);
        (named, before.keys().chain(after.keys()).filter(differs).cloned().collect())
    }
}

type Named = BTreeMap<String, Value>;

fn group(name: &Value, days: u64) -> Value {
    json!({ "Type": "AWS::Logs::LogGroup", "Properties": { "LogGroupName": name, "RetentionInDays": days } })
}

fn custom(given: &Value) -> Value {
    let token = "arn:aws:lambda:us-east-1:123456789012:function:maker";
    json!({ "Type": "Custom::Thing", "Properties": { "ServiceToken": token, "N": given } })
}

#[tokio::test]
async fn what_follows_from_a_custom_resources_name_is_told() {
    let mut watched = Watched::new().await;
    let template = |given: &str| json!({ "Resources": { "C": custom(&json!(given)), "G": group(&json!({ "Fn::Sub": "g-${C}" }), 7) } });
    let (named, changed) = watched.changed("s", &template("one"), &template("two")).await;
    assert_eq!(changed, ["C", "G"].map(str::to_owned).into());
    let change = &named["G"];
    let cause = &change["Details"][0];
    assert_eq!(
        (&change["Replacement"], &cause["Evaluation"], &cause["ChangeSource"], &cause["CausingEntity"]),
        (&json!("Conditional"), &json!("Dynamic"), &json!("ResourceReference"), &json!("C"))
    );
    assert_eq!(named["C"]["Replacement"], "False");
}

#[tokio::test]
async fn what_follows_from_an_attribute_that_a_function_names_is_told() {
    let mut watched = Watched::new().await;
    let template = |days: u64| {
        let name =
            json!({ "Fn::Select": [6, { "Fn::Split": [":", { "Fn::GetAtt": ["A", { "Ref": "Which" }] }] }] });
        json!({ "Parameters": { "Which": { "Type": "String", "Default": "Arn" } },
            "Resources": { "A": group(&json!("a"), days), "G": group(&json!({ "Fn::Join": ["-", ["g", name]] }), 7) } })
    };
    let (named, changed) = watched.changed("s", &template(7), &template(14)).await;
    assert_eq!(changed, ["A".to_owned()].into());
    let cause = &named["G"]["Details"][0];
    assert_eq!(
        (&cause["Evaluation"], &cause["ChangeSource"], &cause["CausingEntity"]),
        (&json!("Dynamic"), &json!("ResourceAttribute"), &json!("A.Arn"))
    );
}

#[tokio::test]
async fn a_dynamic_reference_is_read_anew_where_what_it_stands_in_changes_and_nowhere_else() {
    let mut watched = Watched::new().await;
    let template = |name: &str, days: u64, other: u64| json!({ "Resources": { "G": group(&json!(format!("{name}{{{{resolve:ssm:p}}}}")), days), "O": group(&json!("o"), other) } });
    let (named, changed) = watched.changed("s", &template("x-", 7, 7), &template("x-", 7, 14)).await;
    assert_eq!((named.keys().collect::<Vec<_>>(), changed), (vec![&"O".to_owned()], ["O".to_owned()].into()));
    assert_eq!(watched.there("s").await["G"].0, "x-one", "what nobody named stays, with all that is in it");
    let update = async |watched: &mut Watched, template: Value| {
        let before =
            watched.stage.world.things().calls.iter().filter(|call| call.starts_with("ssm:")).count();
        watched.stage.update("s", &template.to_string()).await.unwrap();
        let status = watched.settled("s").await;
        let calls = watched.stage.world.things().calls.iter().filter(|call| call.starts_with("ssm:")).count();
        (status, watched.there("s").await["G"].0.clone(), calls - before)
    };
    let told = |status: &str, id: &str, reads: usize| (status.to_owned(), id.to_owned(), reads);
    // Another property of it changes.
    assert_eq!(update(&mut watched, template("x-", 14, 14)).await, told("UPDATE_COMPLETE", "x-one", 0));
    assert_eq!(update(&mut watched, template("y-", 14, 14)).await, told("UPDATE_COMPLETE", "y-of-s", 1));
    // The way back leaves what was read before.
    watched.stage.world.things().existing.insert("stored/p".to_owned(), json!("three"));
    watched.stage.world.things().broken.insert("CreateLogGroup".to_owned());
    assert_eq!(
        update(&mut watched, template("z-", 14, 30)).await,
        told("UPDATE_ROLLBACK_COMPLETE", "y-of-s", 1)
    );
    watched.stage.world.things().broken.clear();
    assert_eq!(update(&mut watched, template("y-", 14, 60)).await, told("UPDATE_COMPLETE", "y-of-s", 0));
    let same = watched.stage.update("s", &template("y-", 14, 60).to_string()).await.unwrap_err();
    assert_eq!(&*same.message, "No updates are to be performed.");
}

/// Numbers that look like chance, the same ones every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// A text that follows from a resource, in one of the ways there are.
    fn text(&mut self, of: &str) -> Value {
        let cut = |arn: Value| json!({ "Fn::Select": [6, { "Fn::Split": [":", arn] }] });
        match self.below(15) {
            0 => json!({ "Ref": of }),
            1 => json!({ "Fn::Sub": format!("${{{of}}}") }),
            2 => json!({ "Fn::Sub": ["${V}", { "V": { "Ref": of } }] }),
            3 => json!({ "Fn::Sub": ["${V}", { "V": { "Fn::Join": ["", ["v", self.text(of)]] } }] }),
            4 => json!({ "Fn::Select": [1, ["x", self.text(of)]] }),
            5 => json!({ "Fn::If": ["Yes", self.text(of), "no"] }),
            6 => json!({ "Fn::If": ["No", self.text(of), "no"] }),
            7 => cut(json!({ "Fn::GetAtt": [of, "Arn"] })),
            8 => cut(json!({ "Fn::GetAtt": [of, { "Ref": "Which" }] })),
            9 => cut(json!({ "Fn::GetAtt": format!("{of}.Arn") })),
            10 => cut(json!({ "Fn::GetAtt": [of, { "Fn::FindInMap": ["M", "A", "B"] }] })),
            11 => cut(json!({ "Fn::Sub": format!("${{{of}.Arn}}") })),
            12 => json!({ "Fn::Join": ["", ["{{resolve:ssm:p}}", self.text(of)]] }),
            13 => json!({ "Fn::Select": [0, { "Fn::Split": ["|", self.text(of)] }] }),
            _ => json!("{{resolve:ssm:p}}"),
        }
    }

    /// A template, and another one that differs here or there.
    fn pair(&mut self, prefix: &str) -> (Value, Value) {
        let (mut old, mut new) = (serde_json::Map::new(), serde_json::Map::new());
        let ids = ["A", "C", "D", "E"];
        for (at, id) in ids.into_iter().enumerate() {
            let behind = match at {
                0 => json!("first"),
                _ => {
                    let of = ids[usize::try_from(self.below(at as u64)).unwrap()];
                    self.text(of)
                }
            };
            let of = |said: u64, days: u64| {
                let name = json!({ "Fn::Join": ["-", [format!("{prefix}{id}{said}"), behind]] });
                if id == "C" { custom(&name) } else { group(&name, days) }
            };
            let (said, days) = (1, 7);
            old.insert(id.to_owned(), of(said, days));
            // The first of all differs mostly: the others are to follow it.
            let (said, days) = match self.below(if at == 0 { 3 } else { 8 }) {
                0 => (2, 7),
                1 => (1, 14),
                _ => (said, days),
            };
            new.insert(id.to_owned(), of(said, days));
        }
        let template = |resources: serde_json::Map<String, Value>| {
            json!({ "Parameters": { "Which": { "Type": "String", "Default": "Arn" } },
                "Mappings": { "M": { "A": { "B": "Arn" } } },
                "Conditions": { "Yes": { "Fn::Equals": ["a", "a"] }, "No": { "Fn::Equals": ["a", "b"] } },
                "Resources": resources })
        };
        (template(old), template(new))
    }
}

#[tokio::test]
async fn whatever_an_execution_changes_was_named_before() {
    let mut dice = Dice(42);
    let mut watched = Watched::new().await;
    let (mut followed, mut spared) = (0, 0);
    for turn in 0..80 {
        let name = format!("s{turn}");
        let (old, new) = dice.pair(&name);
        let (named, changed) = watched.changed(&name, &old, &new).await;
        let unnamed: Vec<&String> = changed.iter().filter(|id| !named.contains_key(*id)).collect();
        assert!(unnamed.is_empty(), "{unnamed:?} of {changed:?}\n{old}\n{new}");
        let differ = old["Resources"].as_object().unwrap().iter();
        let differ = differ.filter(|(id, resource)| new["Resources"][id.as_str()] != **resource).count();
        followed += changed.len().saturating_sub(differ);
        spared += 4 - named.len();
    }
    assert!(followed > 20 && spared > 20, "{followed} followed, {spared} were spared");
}
