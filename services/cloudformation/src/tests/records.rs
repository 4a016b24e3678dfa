//! What is stored must stay readable: these bytes were written by version 1.

use serde_json::Value;

use template::parameter::Lookup;

use crate::records::{ChangeSetRecord, Content, EventRecord, ParameterRecord, ResourceRecord, StackRecord};

const STACK: &str = r#"{"version":1,"id":"arn:aws:cloudformation:us-east-1:123456789012:stack/s/u","name":"s","account":"123456789012","region":"us-east-1","status":"UPDATE_IN_PROGRESS","reason":"User Initiated","created_at":1767225600000,"updated_at":null,"deleted_at":null,"content":{"template":"t","processed":"{}","description":null,"parameters":[{"key":"P","value":"v","no_echo":true}],"tags":[["a","b"]],"capabilities":["CAPABILITY_IAM"]},"outputs":[{"key":"O","value":"v","description":null,"export_name":"e"}],"disable_rollback":false,"on_failure":"Rollback","termination_protection":true,"policy":null,"events":3,"operations":2,"operation":{"kind":"Update","phase":"Cleanup","principal":{"kind":"Anonymous"},"source_ip":"127.0.0.1","is_secure":true,"token":null,"before":null,"retain":["R"]}}"#;

const RESOURCE: &str = r#"{"version":1,"logical_id":"L","kind":"AWS::Logs::LogGroup","status":"CREATE_COMPLETE","reason":null,"updated_at":1767225600000,"depends_on":["A"],"deletion_policy":"Retain","update_replace_policy":null,"physical":{"id":"g","properties":{"LogGroupName":"g"},"attributes":{"Arn":"arn"}},"pending":null,"before":null,"change":"Replaced","settled":2}"#;

const EVENT: &str = r#"{"version":1,"id":"e","logical_id":"L","physical_id":"g","kind":"AWS::Logs::LogGroup","at":1767225600000,"status":"CREATE_COMPLETE","reason":null,"token":"t"}"#;

const CHANGE_SET: &str = r#"{"version":1,"id":"arn","name":"c","description":null,"created_at":1767225600000,"status":"CREATE_COMPLETE","reason":null,"execution_status":"AVAILABLE","creates":false,"content":{"template":"t","processed":"{}","description":null,"parameters":[],"tags":[],"capabilities":[]},"changes":[{"action":"Modify","logical_id":"L","physical_id":"g","kind":"AWS::Logs::LogGroup","replacement":"False","properties":["RetentionInDays"]}],"stack_operations":2}"#;

/// Reads the bytes, writes them again, and compares.
fn survives<T: serde::Serialize + serde::de::DeserializeOwned>(text: &str) {
    let record: T = serde_json::from_str(text).unwrap();
    let again = serde_json::to_value(&record).unwrap();
    assert_eq!(again, serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn stored_records_keep_their_form() {
    survives::<StackRecord>(STACK);
    survives::<ResourceRecord>(RESOURCE);
    survives::<EventRecord>(EVENT);
    survives::<ChangeSetRecord>(CHANGE_SET);
}

#[test]
fn a_secret_parameter_does_not_print() {
    let stack: StackRecord =
        serde_json::from_str(&STACK.replace("\"v\",\"no_echo\"", "\"hunter2\",\"no_echo\"")).unwrap();
    assert!(!format!("{stack:?}").contains("hunter2"));
}

#[test]
fn a_parameter_is_not_read_by_the_value_of_another() {
    let record = |key: &str, resolved: Option<&str>| ParameterRecord {
        key: key.to_owned(),
        value: "dev".to_owned(),
        resolved: resolved.map(str::to_owned),
        no_echo: false,
    };
    let parameters = vec![record("Plain", None), record("Stored", Some("what dev holds"))];
    let mut content = Content { parameters, ..Content::default() };
    assert_eq!(content.stored("dev").unwrap(), "what dev holds");
    content.parameters.pop();
    assert!(content.stored("dev").is_err());
}
