//! Our serverless transform beside the published one, on every template of `tests/corpus`.
//!
//! Needs python3 and the package aws-sam-translator; where either is missing the test fails and says what to install.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base::Timestamp;
use indexmap::IndexMap;
use serde_json::{Value, json};
use template::{Document, sam};

/// What either transform takes for the time.
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn corpus() -> Vec<(String, Document)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder().join("corpus")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name.clone(), Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect()
}

fn published(templates: &[(String, Document)]) -> Vec<Value> {
    let input: Vec<Value> = templates
        .iter()
        .map(|(_, document)| json!({ "template": document.root, "parameters": {}, "now": NOW.secs() }))
        .collect();
    let mut python = Command::new("python3")
        .arg(folder().join("oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs python3");
    let mut stdin = python.stdin.take().unwrap();
    let bytes = serde_json::to_vec(&input).unwrap();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the published transform did not run; `pip install aws-sam-translator` is needed:\n{complaint}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Templates that no one wrote: many functions, paths and methods, so that hash orders collide.
fn generated() -> Vec<(String, Document)> {
    const PATHS: [&str; 12] = [
        "/",
        "/a",
        "/b",
        "/users",
        "/users/{id}",
        "/orders",
        "/orders/{id}/x",
        "/{proxy+}",
        "/c/",
        "/d",
        "/e",
        "/files",
    ];
    const METHODS: [&str; 7] = ["get", "POST", "put", "delete", "any", "patch", "head"];
    let mut state = 7_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    (0..60)
        .map(|number| {
            let mut resources = serde_json::Map::new();
            let mut taken = std::collections::HashSet::new();
            for function in 0..=next(6) {
                let mut events = serde_json::Map::new();
                for event in 0..next(9) {
                    let (path, method) = (PATHS[next(PATHS.len())], METHODS[next(METHODS.len())]);
                    if !taken.insert((path, method)) {
                        continue;
                    }
                    let mut properties = json!({ "Path": path, "Method": method });
                    if next(4) == 0 {
                        properties["Auth"] = json!({ "Authorizer": "AWS_IAM" });
                    }
                    events.insert(
                        format!("E{}{event}", next(50)),
                        json!({ "Type": "Api", "Properties": properties }),
                    );
                }
                let mut properties =
                    json!({ "InlineCode": "x", "Handler": "a.b", "Runtime": "python3.12", "Events": events });
                if next(3) == 0 {
                    properties["FunctionName"] = json!(format!("name{}", next(9)));
                }
                let body = json!({ "Type": "AWS::Serverless::Function", "Properties": properties });
                resources.insert(format!("F{}{function}", next(40)), body);
            }
            resources.insert("T".to_owned(), json!({ "Type": "AWS::Serverless::SimpleTable" }));
            let mut root = json!({ "Transform": sam::TRANSFORM, "Resources": resources });
            if next(2) == 0 {
                root["Globals"] =
                    json!({ "Api": { "Cors": "'*'", "Auth": { "DefaultAuthorizer": "AWS_IAM" } } });
            }
            let mut document = Document::default();
            document.root = root;
            (format!("generated {number}"), document)
        })
        .collect()
}

#[test]
fn generated_templates_come_out_as_from_the_published_transform() {
    let differences = differences(&generated());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_template_of_the_corpus_comes_out_as_from_the_published_transform() {
    let templates = corpus();
    assert!(templates.len() >= 160, "the corpus is missing");
    for (name, document) in &templates {
        // One that both refuse would prove nothing of what it is there for.
        let refused = sam::transform(&document.root, &IndexMap::new(), "us-east-1", NOW).is_err();
        assert_eq!(refused, name.starts_with("error_"), "{name}");
    }
    let differences = differences(&templates);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn differences(templates: &[(String, Document)]) -> Vec<String> {
    let mut differences = Vec::new();
    for ((name, document), theirs) in templates.iter().zip(published(templates)) {
        match sam::transform(&document.root, &IndexMap::new(), "us-east-1", NOW) {
            Ok(ours) => {
                for section in ["Resources", "Conditions", "Outputs"] {
                    difference(
                        &format!("{name}/{section}"),
                        &ours[section],
                        &theirs["template"][section],
                        &mut differences,
                    );
                }
            }
            Err(problems) => {
                let mut ours = problems.causes().to_vec();
                let mut expected: Vec<String> =
                    serde_json::from_value(theirs["errors"].clone()).unwrap_or_default();
                ours.sort();
                expected.sort();
                if ours != expected {
                    differences.push(format!("{name}: ours {ours:#?}\ntheirs {expected:#?}"));
                }
            }
        }
    }
    differences
}

fn difference(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys().filter(|key| !left.contains_key(*key))) {
                difference(&format!("{path}/{key}"), &ours[key], &theirs[key], found);
            }
        }
        // The published transform keeps dependencies and alternatives in sets, whose order changes from run to run.
        (Value::Array(left), Value::Array(right))
            if path.ends_with("/DependsOn") || path.ends_with("/Fn::Or") =>
        {
            let sorted = |list: &[Value]| {
                let mut list: Vec<String> = list.iter().map(Value::to_string).collect();
                list.sort();
                list
            };
            if sorted(left) != sorted(right) {
                found.push(format!("{path}:\n  ours   {ours}\n  theirs {theirs}"));
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push(format!("{path}:\n  ours   {left}\n  theirs {right}")),
    }
}
