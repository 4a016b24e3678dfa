//! What a call asked leave for, as its record tells it: what was granted before and during the work, and what was refused.
//!
//! It asks nothing and decides nothing. Every list has its limit in bytes; what is beyond it is counted. Where the one leave
//! that was asked for is what the operation's name says, nothing is written: readers know it from the model.

use std::sync::{Mutex, MutexGuard, PoisonError};

use identity::Principal;
use protocol::{Fault, OperationModel};
use serde_json::json;

use crate::access::{Access, Check};
use crate::observation::Missing;
use crate::pipeline::Refused;
use crate::record;

/// What lists take of a record, in bytes. Together they stay below what an element of a record may take.
const GRANTED_BEFORE_BYTES_MAX: usize = 16 * 1_024;
const GRANTED_DURING_BYTES_MAX: usize = 24 * 1_024;
const MISSING_BYTES_MAX: usize = 12 * 1_024;
const REFUSED_BYTES_MAX: usize = 40 * 1_024;
/// Of the refusals, so much is for the whole evaluations of the first ones.
const EVALUATED_BYTES_MAX: usize = 24 * 1_024;

/// Operations whose names say nothing of what they ask: readers would look at their parts.
const BY_PARTS: [&str; 2] = ["TransactGetItems", "TransactWriteItems"];

/// The items of a JSON array, as many as have room.
#[derive(Debug, Default)]
struct List {
    items: Vec<u8>,
    /// So many had none.
    more: usize,
}

impl List {
    /// Adds an item where it has room; false where it has none.
    fn add(&mut self, item: &[u8], bytes_max: usize) -> bool {
        let fits = self.items.len() + item.len() < bytes_max;
        if fits {
            if !self.items.is_empty() {
                self.items.push(b',');
            }
            self.items.extend_from_slice(item);
        }
        fits
    }

    fn add_pair(&mut self, action: &str, resource: &str, bytes_max: usize) {
        let item = json!({"action": action, "resource": resource}).to_string();
        if !self.add(item.as_bytes(), bytes_max) {
            self.more += 1;
        }
    }

    const fn is_empty(&self) -> bool {
        self.items.is_empty() && self.more == 0
    }

    /// Appends `"name":[…]`, and how many are not in it.
    fn write(&self, out: &mut Vec<u8>, name: &str) {
        next(out);
        out.extend_from_slice(format!("\"{name}\":[").as_bytes());
        out.extend_from_slice(&self.items);
        out.push(b']');
        if self.more > 0 {
            out.extend_from_slice(format!(",\"{name}Beyond\":{}", self.more).as_bytes());
        }
    }
}

/// A comma where a member stands before.
fn next(out: &mut Vec<u8>) {
    if out.last().is_some_and(|last| *last != b'{') {
        out.push(b',');
    }
}

/// What one call asked. Shared by the pipeline and the work.
#[derive(Default)]
pub(crate) struct Asked(Mutex<State>);

#[derive(Default)]
struct State {
    is_observed: bool,
    /// What was granted before the work; `None` where it is what the operation's name says.
    before: Option<List>,
    /// What was granted and refused during the work.
    granted: List,
    refused: List,
    /// What observe mode let through.
    missing: Vec<Missing>,
    /// The last refusal during the work, until the answer is known.
    last: Option<Refused>,
    /// The refusal that the answer repeats: its details.
    answered: Option<Vec<u8>>,
    /// Something of another account was refused during the work.
    refused_abroad: bool,
    /// There is something that the record does not tell yet.
    is_newer: bool,
}

impl Asked {
    /// Once the operation's own leave is there.
    pub(crate) fn before(
        operation: OperationModel,
        principal: &Principal,
        access: &Access,
        missing: Vec<Missing>,
    ) -> Self {
        let before =
            if access.is_open() { Some(List::default()) } else { listed(operation, access.checks()) };
        let is_observed = principal.is_observed();
        Self(Mutex::new(State { is_observed, before, missing, ..State::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More was granted during the work.
    pub(crate) fn grant(&self, checks: &[Check], missing: Vec<Missing>) {
        let mut state = self.state();
        for check in checks {
            state.granted.add_pair(check.action, &check.resource, GRANTED_DURING_BYTES_MAX);
        }
        state.missing.extend(missing);
        state.is_newer = true;
    }

    /// Something was refused during the work.
    pub(crate) fn refuse(&self, refused: Refused) {
        let mut state = self.state();
        if let Some(why) = &refused.why {
            let whole = record::inner_refusal(why, &refused.fault.message);
            if !state.refused.add(&whole, EVALUATED_BYTES_MAX) {
                state.refused.add_pair(why.action, &why.resource, REFUSED_BYTES_MAX);
            }
        }
        state.refused_abroad |= refused.abroad;
        state.last = Some(refused);
        state.is_newer = true;
    }

    /// The refusal that ends the call, where the work passed it on: with all that is told of one before the work.
    pub(crate) fn ends_with(&self, fault: Fault) -> Refused {
        let mut state = self.state();
        let missing = state.missing.clone().into();
        let passed_on = |last: &Refused| last.fault.code == fault.code && last.fault.message == fault.message;
        let Some(last) = state.last.take().filter(passed_on) else {
            return Refused { missing, abroad: state.refused_abroad, ..fault.into() };
        };
        state.answered = last.why.as_deref().map(record::refusal);
        state.is_newer = true;
        Refused { fault, missing, abroad: state.refused_abroad, ..last }
    }

    /// What observe mode let through.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        self.state().missing.clone()
    }

    /// True where something of another account was refused during the work.
    pub(crate) fn refused_abroad(&self) -> bool {
        self.state().refused_abroad
    }

    /// What the record is to tell, where that has changed.
    pub(crate) fn news(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        std::mem::take(&mut state.is_newer).then(|| state.details()).flatten()
    }

    /// What the record tells; `None` where it tells nothing.
    pub(crate) fn details(&self) -> Option<Vec<u8>> {
        self.state().details()
    }
}

impl State {
    fn details(&self) -> Option<Vec<u8>> {
        let mut out = vec![b'{'];
        if let Some(before) = &self.before {
            before.write(&mut out, "authorized");
        }
        if self.is_observed {
            let mut missing = List::default();
            for one in &self.missing {
                missing.add_pair(&one.action, &one.resource, MISSING_BYTES_MAX);
            }
            next(&mut out);
            out.extend_from_slice(br#""observeMode":{"#);
            missing.write(&mut out, "missing");
            out.push(b'}');
        }
        if !self.granted.is_empty() || (!self.refused.is_empty() && self.answered.is_none()) {
            next(&mut out);
            out.extend_from_slice(br#""duringWork":{"#);
            self.granted.write(&mut out, "authorized");
            // The refusal that is the answer stands at the record's top, and says more.
            if self.answered.is_none() && !self.refused.is_empty() {
                self.refused.write(&mut out, "refused");
            }
            out.push(b'}');
        }
        if let Some([b'{', members @ ..]) = self.answered.as_deref() {
            next(&mut out);
            out.extend_from_slice(members);
            return Some(out);
        }
        out.push(b'}');
        (out.len() > 2).then_some(out)
    }
}

/// What was granted, each pair once; `None` where readers know it from the model.
fn listed(operation: OperationModel, checks: &[Check]) -> Option<List> {
    if let [check] = checks
        && is_implied(operation, check)
    {
        return None;
    }
    let mut pairs: Vec<(&str, &str)> = checks.iter().map(|it| (it.action, it.resource.as_str())).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut list = List::default();
    for (action, resource) in pairs {
        list.add_pair(action, resource, GRANTED_BEFORE_BYTES_MAX);
    }
    Some(list)
}

/// True where the check is the operation's own action on what the record names, or on nothing.
fn is_implied(operation: OperationModel, check: &Check) -> bool {
    let (service, action) = operation.implied_action();
    let own = check.action.strip_prefix(service).and_then(|rest| rest.strip_prefix(':')) == Some(action);
    own && !BY_PARTS.contains(&operation.name())
        && (check.resource == "*" || check.resource.starts_with("arn:"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:111111111111:table/t";

    fn operation(service: &str, name: &str) -> OperationModel {
        protocol::model(service).unwrap().operation(name).unwrap()
    }

    fn told(asked: &Asked) -> Value {
        asked.details().map_or(Value::Null, |json| serde_json::from_slice(&json).unwrap())
    }

    fn before(service: &str, name: &str, access: &Access) -> Asked {
        Asked::before(operation(service, name), &Principal::Anonymous, access, Vec::new())
    }

    #[test]
    fn what_the_name_says_is_not_written() {
        for (service, name, access, expected) in [
            ("dynamodb", "GetItem", Access::to("dynamodb:GetItem", TABLE), Value::Null),
            ("dynamodb", "ListTables", Access::to("dynamodb:ListTables", "*"), Value::Null),
            (
                "lambda",
                "Invoke",
                Access::to("lambda:InvokeFunction", "arn:aws:lambda:r:1:function:f"),
                Value::Null,
            ),
            (
                "apigateway",
                "GetRestApis",
                Access::to("apigateway:GET", "arn:aws:apigateway:r::/restapis"),
                Value::Null,
            ),
            ("sts", "GetCallerIdentity", Access::open("anyone"), json!({"authorized": []})),
            (
                "dynamodb",
                "ExecuteStatement",
                Access::to("dynamodb:PartiQLSelect", TABLE),
                json!({"authorized": [{"action": "dynamodb:PartiQLSelect", "resource": TABLE}]}),
            ),
            (
                "dynamodb",
                "CreateTable",
                Access::to("dynamodb:TagResource", TABLE)
                    .and(Access::to("dynamodb:CreateTable", TABLE))
                    .and(Access::to("dynamodb:CreateTable", TABLE)),
                json!({"authorized": [{"action": "dynamodb:CreateTable", "resource": TABLE},
                    {"action": "dynamodb:TagResource", "resource": TABLE}]}),
            ),
        ] {
            assert_eq!(told(&before(service, name, &access)), expected, "{service} {name}");
        }
    }

    /// Of every operation that there is, whatever it asks: readers find in the record what was asked, written or not.
    #[test]
    fn readers_find_what_was_asked_of_every_operation() {
        let mut unwritten = 0;
        for operation in protocol::models().flat_map(|model| model.operations()) {
            let (service, action) = operation.implied_action();
            let own: &'static str = format!("{service}:{action}").leak();
            let arn = format!("arn:aws:{service}:us-east-1:111111111111:thing/a");
            for access in [
                Access::to(own, arn.as_str()),
                Access::to(own, "*"),
                Access::to("iam:PassRole", "arn:aws:iam::111111111111:role/r"),
                Access::to(own, arn.as_str())
                    .and(Access::to("iam:PassRole", "arn:aws:iam::111111111111:role/r")),
                Access::to(own, "no arn"),
                Access::open("nothing").and(Access::to(own, arn.as_str())),
            ] {
                let asked = Asked::before(operation, &Principal::Anonymous, &access, Vec::new());
                let checks = access.checks().iter().filter(|_| !access.is_open());
                let expected: std::collections::BTreeSet<(String, String)> =
                    checks.map(|check| (check.action.to_owned(), check.resource.clone())).collect();
                let arns =
                    access.checks().iter().map(|check| &check.resource).filter(|it| it.starts_with("arn:"));
                let mut record = json!({
                    "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/ana"},
                    "eventSource": operation.model().event_source(), "eventName": operation.event_name(),
                    "resources": arns.map(|arn| json!({"ARN": arn})).collect::<Vec<_>>(),
                });
                match asked.details() {
                    Some(details) => {
                        record["additionalEventData"] = serde_json::from_slice(&details).unwrap()
                    }
                    None => unwritten += 1,
                }
                let found = analysis::usage::of_record(&record.to_string()).unwrap();
                assert_eq!(
                    found.needs.into_iter().collect::<std::collections::BTreeSet<_>>(),
                    expected,
                    "{own}"
                );
            }
        }
        assert!(unwritten > 500, "{unwritten}");
    }

    #[test]
    fn what_is_granted_during_the_work_is_news_once() {
        let asked = Arc::new(before("s3", "HeadObject", &Access::to("s3:GetObject", "arn:aws:s3:::b/k")));
        assert_eq!(asked.news(), None);
        asked.grant(Access::to("s3:ListBucket", "arn:aws:s3:::b").checks(), Vec::new());
        let news: Value = serde_json::from_slice(&asked.news().unwrap()).unwrap();
        let expected = json!([{"action": "s3:ListBucket", "resource": "arn:aws:s3:::b"}]);
        assert_eq!(news["duringWork"]["authorized"], expected);
        assert_eq!(asked.news(), None);
    }

    #[test]
    fn lists_have_their_limit() {
        let asked = before("sts", "GetCallerIdentity", &Access::open("anyone"));
        for at in 0..1_000 {
            let access = Access::to("s3:DeleteObject", format!("arn:aws:s3:::b/{at:0>100}"));
            asked.grant(access.checks(), Vec::new());
        }
        let told = told(&asked);
        let kept = told["duringWork"]["authorized"].as_array().unwrap().len();
        assert!(kept > 100 && told.to_string().len() < 32 * 1_024, "{kept}");
        assert_eq!(told["duringWork"]["authorizedBeyond"], 1_000 - kept);
    }
}
