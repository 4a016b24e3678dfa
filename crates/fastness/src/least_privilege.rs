//! `fastness least-privilege ROLE|FUNCTION`: from the audit trail, the smallest policy that covers what was called, held
//! against what is granted.
//!
//! Asks the running platform as its administrator, through its APIs, and changes nothing: what it writes is for people to
//! read and paste.

mod granted;
mod report;
mod stacks;

use analysis::least::Needed;
use analysis::usage::{self, Call};
use base::Clock;
use serde_json::{Value, json};

use crate::Error;
use crate::args::LeastPrivilegeOptions;
use crate::client::Client;

/// At most so many records are read, newest first.
const RECORDS_MAX: usize = 200_000;
/// The most that one page holds.
const PAGE: usize = 50;
const DAY_SECS: i64 = 86_400;
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// Whose calls are looked at.
pub(crate) struct Subject {
    /// The role's name, without its path.
    pub(crate) role: String,
    pub(crate) role_arn: String,
    /// The function, where one was named: only calls of its own sessions count.
    pub(crate) function: Option<String>,
}

/// What was found in the trail.
pub(crate) struct Found {
    pub(crate) calls: Vec<Call>,
    /// The trail holds more records than were read.
    pub(crate) cut: bool,
}

/// Reads the trail and writes the report.
pub(crate) fn run(options: &LeastPrivilegeOptions) -> Result<(), Error> {
    let client = Client::of(&options.data_dir, options.ca_bundle.as_deref())?;
    let subject = subject(&client, &options.subject)?;
    let found = calls(&client, &subject, options.days)?;
    let needed = Needed::of(&found.calls);
    let granted = granted::of_role(&client, &subject.role)?;
    let report = report::Report::new(&subject, &found, &needed, &granted, options.days);
    if options.json {
        println!("{}", analysis::least::pasteable(&format!("{:#}", report.as_json())));
    } else {
        print!("{}", report.as_text());
    }
    Ok(())
}

/// A role by name or ARN, or the role of a function by name or ARN; a role stands before a function of the same name. What
/// is neither may be the logical id of one of them in a stack.
fn subject(client: &Client, named: &str) -> Result<Subject, Error> {
    let is_pair = named.contains('/') && !named.starts_with("arn:");
    let found = if is_pair { None } else { physical(client, named)? };
    if let Some(subject) = found {
        return Ok(subject);
    }
    let id = stacks::physical_id(client, named)?.ok_or_else(|| unknown(named))?;
    physical(client, &id)?.ok_or_else(|| unknown(named))
}

fn unknown(named: &str) -> Error {
    format!("`{named}` is neither a role nor a function, nor the logical id of one").into()
}

fn physical(client: &Client, named: &str) -> Result<Option<Subject>, Error> {
    let is_function = named.starts_with("arn:") && named.contains(":function:");
    let name = named.rsplit(['/', ':']).next().unwrap_or(named);
    if !is_function && let Some(arn) = granted::role_arn(client, name)? {
        if named.starts_with("arn:") && arn != named {
            return Err(format!("there is no role {named}").into());
        }
        return Ok(Some(Subject { role: name.to_owned(), role_arn: arn, function: None }));
    }
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !plain || name.is_empty() {
        return Ok(None);
    }
    let answer = match client.get("lambda", &format!("/2015-03-31/functions/{name}")) {
        Err(error) if error.to_string().contains("answered 404") => return Ok(None),
        answer => answer?,
    };
    let arn = answer.pointer("/Configuration/Role").and_then(Value::as_str).unwrap_or_default();
    let role = arn.rsplit('/').next().unwrap_or_default();
    Ok(Some(Subject { role: role.to_owned(), role_arn: arn.to_owned(), function: Some(name.to_owned()) }))
}

fn calls(client: &Client, subject: &Subject, days: i64) -> Result<Found, Error> {
    let start = Clock::system().now().secs() - days * DAY_SECS;
    let mut found = Found { calls: Vec::new(), cut: false };
    let mut next: Option<String> = None;
    let mut read = 0;
    loop {
        let mut input = json!({"StartTime": start, "MaxResults": PAGE});
        if let (Some(token), Some(members)) = (&next, input.as_object_mut()) {
            members.insert("NextToken".to_owned(), json!(token));
        }
        let page = client.json("cloudtrail", LOOKUP, &input)?;
        for event in page.get("Events").and_then(Value::as_array).into_iter().flatten() {
            read += 1;
            let record = event.get("CloudTrailEvent").and_then(Value::as_str);
            let Some(call) = record.and_then(usage::of_record) else { continue };
            let own = subject.function.as_ref().is_none_or(|function| call.session == *function);
            if call.who == subject.role_arn && own {
                found.calls.push(call);
            }
        }
        next = page.get("NextToken").and_then(Value::as_str).map(str::to_owned);
        if next.is_none() {
            return Ok(found);
        }
        if read >= RECORDS_MAX {
            found.cut = true;
            return Ok(found);
        }
    }
}
