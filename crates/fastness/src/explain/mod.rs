//! `fastness explain`: the whole evaluation behind a refusal, from its sealed message or from its record's id.
//!
//! It decides nothing anew: it shows what was written when the call was refused. It changes nothing in the data folder.

mod find;
mod record;
mod running;
mod show;
mod sides;

use base::AccountId;
use crypto::RootKey;
use serde_json::{Value, json};
use service::denial::Denials;

use crate::Error;
use crate::args::ExplainOptions;
use crate::client::Refused;
use crate::terminal;

/// What is looked for.
pub(crate) enum Wanted {
    /// The record with this `eventID`; where there is none, of the request with this id.
    Either(String),
    /// The record of this request, and when it was made where that is known.
    Request { id: String, time: Option<String> },
    /// This account's record of a call that several accounts have one of.
    Shared { id: String, account: AccountId, time: Option<String> },
}

/// Prints the evaluation.
pub(crate) fn run(options: &ExplainOptions) -> Result<(), Error> {
    let key = options.asker.data_dir.join("root.key");
    if !key.is_file() {
        return Err(format!("{} is no data folder of a platform", options.asker.data_dir.display()).into());
    }
    let keys = RootKey::load_or_create(&key)?;
    let what = options.what.trim();
    let message = opened(&Denials::new(keys.derive("authorization messages")), what);
    let (wanted, account) = match &message {
        Some(message) => (of_message(message)?, owner(message)),
        None => (of_id(what)?, None),
    };
    let trails = find::Trails::open(&options.asker, &keys)?;
    let is_named = options.asker.account.is_some();
    let account = options.asker.account.or(account).map_or_else(|| trails.home(), Ok)?;
    let (record, unread) = match trails.record(&wanted, account, is_named) {
        // A trail that was not read is not one in which there is nothing.
        Ok(None) => (None, trails.unread(account)),
        Ok(found) => (found, None),
        // What the message itself holds is shown all the same.
        Err(error) if message.is_some() && error.is::<Refused>() => (None, Some(error.to_string())),
        Err(error) => return Err(error),
    };
    let other = record.as_ref().and_then(|record| other_side(&trails, record));
    let told = match (&record, &message) {
        (None, None) => return Err(unread.unwrap_or_else(|| absent(account, is_named)).into()),
        (record, message) => json!({
            "message": message,
            "unread": unread,
            "record": record.as_ref().map(without_details),
            "evaluation": record.as_ref().and_then(evaluation),
            "otherSide": other,
        }),
    };
    if options.json {
        terminal::println(&serde_json::to_string_pretty(&told)?);
    } else {
        terminal::print(&show::text(&told));
    }
    Ok(())
}

fn evaluation(record: &Value) -> Option<&Value> {
    record.pointer("/additionalEventData/policyEvaluation")
}

/// What the other account's trail says of a call across accounts, where whoever asks may read it.
fn other_side(trails: &find::Trails, record: &Value) -> Option<Value> {
    let (wanted, account) = sides::other(record)?;
    // A trail that refuses is one that the asker may not read.
    let found = trails.record(&wanted, account, false).ok().flatten();
    let told = found.as_ref().map(without_details);
    Some(
        json!({"account": account.as_str(), "record": told, "evaluation": found.as_ref().and_then(evaluation)}),
    )
}

fn opened(denials: &Denials, what: &str) -> Option<Value> {
    serde_json::from_str(&denials.open(what).ok()?).ok()
}

fn of_message(message: &Value) -> Result<Wanted, Error> {
    let id = message.get("requestId").and_then(Value::as_str);
    let id = id.ok_or("this message was sealed by a version that did not yet name the request")?.to_owned();
    Ok(Wanted::Request { id, time: condition(message, "aws:CurrentTime") })
}

fn condition(message: &Value, key: &str) -> Option<String> {
    let items = message.pointer("/context/conditions/items")?.as_array()?;
    let item = items.iter().find(|item| item.get("key").and_then(Value::as_str) == Some(key))?;
    item.pointer("/values/items/0/value")?.as_str().map(str::to_owned)
}

/// The account in whose trail the record stands: the caller's, or the one for which a service called.
fn owner(message: &Value) -> Option<AccountId> {
    let arn = message.pointer("/context/principal/arn")?.as_str()?;
    match arn.split(':').nth(4) {
        Some(account) => account.parse().ok(),
        None => condition(message, "aws:SourceAccount")?.parse().ok(),
    }
}

fn of_id(what: &str) -> Result<Wanted, Error> {
    let is_uuid = what.len() == 36 && what.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_uuid {
        return Err(
            "give an encoded authorization message of this platform, or the id of an event or request".into(),
        );
    }
    // Clients may show ids in capitals; they are made in small letters.
    Ok(Wanted::Either(what.to_ascii_lowercase()))
}

fn absent(account: AccountId, is_named: bool) -> String {
    let other = if is_named { "" } else { "; --account names another account" };
    format!(
        "there is no such event in the trail of account {account}, and no such request among its newest records{other}"
    )
}

/// The record without what is shown beside it.
fn without_details(record: &Value) -> Value {
    let mut record = record.clone();
    if let Some(details) = record.get_mut("additionalEventData").and_then(Value::as_object_mut) {
        details.remove("policyEvaluation");
        details.remove("encodedAuthorizationMessage");
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_leads_to_its_request_and_account() {
        let message = json!({"requestId": "r", "context": {"principal": {"arn": "arn:aws:iam::123456789012:user/ana"},
            "conditions": {"items": [{"key": "aws:CurrentTime", "values": {"items": [{"value": "2026-01-01T00:00:00Z"}]}}]}}});
        let Wanted::Request { id, time } = of_message(&message).unwrap() else { panic!() };
        assert_eq!((id.as_str(), time.as_deref()), ("r", Some("2026-01-01T00:00:00Z")));
        assert_eq!(owner(&message).unwrap().as_str(), "123456789012");
        let service = json!({"context": {"principal": {"arn": "lambda.amazonaws.com"},
            "conditions": {"items": [{"key": "aws:SourceAccount", "values": {"items": [{"value": "210987654321"}]}}]}}});
        assert_eq!(owner(&service).unwrap().as_str(), "210987654321", "for whom a service called");
        assert_eq!(owner(&json!({"context": {"principal": {"arn": "*"}}})), None);
        assert!(of_message(&json!({})).is_err());
        assert!(of_id("nonsense").is_err());
        let id = "0190a2f4-0000-7000-8000-000000000001";
        for written in [id.to_owned(), id.to_uppercase()] {
            assert!(matches!(of_id(&written).unwrap(), Wanted::Either(found) if found == id));
        }
    }
}
