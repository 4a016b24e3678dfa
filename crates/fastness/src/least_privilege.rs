//! `fastness least-privilege ROLE|FUNCTION`: from the audit trail, the smallest policy that covers what was called, held
//! against what is granted.
//!
//! Asks the running platform through its APIs, as its administrator or as whoever the environment's keys belong to, and changes
//! nothing: what it writes is for people to read and paste.

mod granted;
mod report;
mod stacks;
mod subject;

use analysis::least::Needed;
use analysis::usage::{self, Call};
use base::{AccountId, Clock};
use serde_json::{Value, json};

use self::subject::Subject;
use crate::Error;
use crate::args::LeastPrivilegeOptions;
use crate::askers::{Askers, account_of, missing};
use crate::client::Client;
use crate::terminal;

/// At most so many records are read, newest first.
const RECORDS_MAX: usize = 200_000;
/// The most that one page holds.
const PAGE: usize = 50;
/// What whoever asks must be allowed, all in all.
const LEAVE: &str = "cloudtrail:LookupEvents, iam:GetRole, iam:ListRolePolicies, iam:GetRolePolicy, \
    iam:ListAttachedRolePolicies, iam:GetPolicy, iam:GetPolicyVersion and lambda:GetFunction";
const DAY_SECS: i64 = 86_400;
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// What was found in the trail.
pub(crate) struct Found {
    pub(crate) calls: Vec<Call>,
    /// The trail holds more records than were read.
    pub(crate) cut: bool,
}

/// Reads the trail and writes the report.
pub(crate) fn run(options: &LeastPrivilegeOptions) -> Result<(), Error> {
    let askers = Askers::of(&options.asker)?;
    let named = options.subject.as_str();
    let account = subject::account(named, options.asker.account)?;
    let client = match account {
        None => askers.administrator(),
        Some(account) => askers.of_account(account)?.ok_or_else(|| missing(account, LEAVE))?,
    };
    let Some(subject) = subject::find(client, named)? else {
        return Err(unknown(named, account_of(client)?, account.is_some()).into());
    };
    let found = calls(client, &subject, options.days)?;
    let needed = Needed::of(&found.calls);
    let granted = granted::of_role(client, &subject.role)?;
    let report = report::Report::new(&subject, &found, &needed, &granted, options.days);
    if options.json {
        terminal::println(&analysis::least::pasteable(&format!("{:#}", report.as_json())));
    } else {
        terminal::print(&report.as_text());
    }
    Ok(())
}

fn unknown(named: &str, account: AccountId, was_named: bool) -> String {
    let other = if was_named { "" } else { "; --account names another account" };
    format!(
        "`{named}` is neither a role nor a function of account {account}, nor the logical id of one there{other}"
    )
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
