//! What a sealed message says of a denial, in the form that AWS decodes to: who asked for what, under which condition keys,
//! and what decided.
//!
//! It is as long as its caller can tell beforehand, whatever was found: what does not fit is left to the record of the call.

use policy::{Denial, DenialKind, Request};
use serde_json::{Value, json};

/// So many bytes are kept for what the caller does not know: why it was denied, by which statement, what the resource is like.
// SECURITY: who may not see a resource may measure the answer. A length that followed what was looked up would tell whether
// the resource exists, and padding to steps would tell it to whoever moves the step by what he sends.
const ROOM_BYTES: usize = 1_280;
/// A longer resource or statement id is cut, in bytes.
const NAMED_BYTES_MAX: usize = 2_048;
const SID_BYTES_MAX: usize = 256;

/// A denial, and the request as its caller knows it.
#[derive(Clone, Copy)]
pub(crate) struct Account<'a> {
    /// What was asked, with all that was looked up.
    pub(crate) request: &'a Request<'a>,
    /// The same by the words of the caller: nothing in it was looked up.
    pub(crate) known: &'a Request<'a>,
    pub(crate) denial: &'a Denial,
    /// Leads to the call's record, which holds the whole evaluation.
    pub(crate) request_id: &'a str,
}

impl Account<'_> {
    /// As text of at most so many bytes, filled up to its length with blanks.
    pub(super) fn text(self, bytes_max: usize) -> String {
        let length = self.length().min(bytes_max);
        let why = (&*self.denial.reason_text(self.request.action), self.denial.kind == DenialKind::Explicit);
        let mut told = frame(self.request, why, self.request_id);
        let mut room = length.saturating_sub(told.to_string().len());
        for (list, items) in [
            ("/matchedStatements/items", self.matched()),
            ("/failures/items", self.failures()),
            ("/context/conditions/items", conditions(self.request).collect()),
        ] {
            let list = told.pointer_mut(list).and_then(Value::as_array_mut);
            list.into_iter().for_each(|list| fill(list, items.clone(), &mut room));
        }
        let mut text = told.to_string();
        text.extend(std::iter::repeat_n(' ', length.saturating_sub(text.len())));
        text
    }

    /// How long it is, by what the caller knows.
    fn length(self) -> usize {
        let conditions: usize = conditions(self.known).map(|item| size(&item)).sum();
        frame(self.known, ("", false), self.request_id).to_string().len() + conditions + ROOM_BYTES
    }

    fn matched(self) -> Vec<Value> {
        let each = self.denial.statement.iter().map(|found| {
            json!({"statementId": cut(found.sid.as_deref().unwrap_or_default(), SID_BYTES_MAX), "effect": "DENY",
                "policyType": found.policy_type, "policy": found.policy.as_deref(), "index": found.index})
        });
        each.collect()
    }

    fn failures(self) -> Vec<Value> {
        self.denial.undecided.iter().map(|one| one.reason.into()).collect()
    }
}

/// What is in every account.
fn frame(request: &Request<'_>, (reason, is_explicit): (&str, bool), request_id: &str) -> Value {
    json!({
        "allowed": false,
        "explicitDeny": is_explicit,
        "reason": reason,
        "requestId": request_id,
        "matchedStatements": {"items": []},
        "failures": {"items": []},
        "context": {
            "principal": {"id": request.principal.user_id, "arn": request.principal.arn},
            "action": request.action,
            "resource": cut(request.resource, NAMED_BYTES_MAX),
            "conditions": {"items": []},
        },
    })
}

fn conditions(request: &Request<'_>) -> impl Iterator<Item = Value> {
    request.context.iter().map(|(key, values)| {
        let values: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
        json!({"key": key, "values": {"items": values}})
    })
}

/// Takes in what there is room for.
fn fill(list: &mut Vec<Value>, items: Vec<Value>, room: &mut usize) {
    for item in items {
        if let Some(left) = room.checked_sub(size(&item)) {
            *room = left;
            list.push(item);
        }
    }
}

/// In a list, with its comma.
fn size(item: &Value) -> usize {
    item.to_string().len() + 1
}

/// The beginning of what a caller or a policy's author may make as long as he likes. The record of the call has the whole.
fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use policy::{Context, PolicyType, PrincipalKind, PrincipalView, StatementRef};

    use super::*;

    const MANY: usize = 7_000;

    fn request<'a>(resource: &'a str, context: &'a Context) -> Request<'a> {
        Request {
            principal: PrincipalView {
                lender: None,
                kind: PrincipalKind::User,
                arn: "arn:aws:iam::111111111111:user/ana",
                account: "111111111111",
                role_arn: None,
                service: None,
                user_id: "AIDA",
            },
            action: "dynamodb:Scan",
            resource,
            resource_account: "111111111111",
            context,
        }
    }

    fn implicit() -> Denial {
        Denial {
            kind: DenialKind::Implicit,
            policy_type: PolicyType::IdentityBased,
            statement: None,
            undecided: None,
        }
    }

    fn told(request: &Request<'_>, known: &Request<'_>, denial: &Denial) -> (usize, Value) {
        let text = Account { request, known, denial, request_id: "r" }.text(MANY);
        (text.len(), serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn what_was_looked_up_stands_in_it_and_not_in_its_length() {
        let common = Context::new().with("aws:SourceIp", "192.0.2.1");
        let known = request("*", &common);
        let (length, bare) = told(&known, &known, &implicit());
        assert_eq!(bare["context"]["conditions"]["items"].as_array().unwrap().len(), 1);
        let sid = "S".repeat(300);
        let by = StatementRef {
            policy_type: PolicyType::ResourceBased,
            policy: Some("arn:aws:iam::111111111111:policy/p".into()),
            index: 0,
            sid: Some(sid.clone().into()),
        };
        let explicit = Denial {
            kind: DenialKind::Explicit,
            policy_type: PolicyType::ResourceBased,
            statement: Some(by),
            undecided: None,
        };
        for tags in [1, 3, 50] {
            let mut context = common.clone();
            for at in 0..tags {
                context.add(format!("aws:ResourceTag/{at}"), "ü".repeat(60));
            }
            let found = request("arn:aws:dynamodb:us-east-1:111111111111:table/t", &context);
            let (as_long, whole) = told(&found, &known, &explicit);
            assert_eq!(as_long, length, "{tags} tags");
            assert_eq!(whole["context"]["resource"], found.resource);
            assert_eq!(whole["matchedStatements"]["items"][0]["statementId"], "S".repeat(SID_BYTES_MAX));
            let keys = whole["context"]["conditions"]["items"].as_array().unwrap();
            assert_eq!(keys[0]["key"], "aws:SourceIp");
            assert_eq!(keys.len(), 1 + tags.min(4), "{tags} tags: {keys:?}");
        }
    }

    #[test]
    fn what_the_caller_sent_makes_it_longer_up_to_its_bound() {
        let length = |bytes: usize| {
            let context = Context::new().with("aws:UserAgent", "x".repeat(bytes)).with("aws:SourceIp", "::1");
            let known = request("*", &context);
            let (length, whole) = told(&known, &known, &implicit());
            let keys: Vec<Value> = whole["context"]["conditions"]["items"].as_array().unwrap().clone();
            (length, keys.into_iter().map(|item| item["key"].clone()).collect::<Vec<_>>())
        };
        assert_eq!(length(110).0, length(10).0 + 100);
        assert_eq!(length(MANY), (MANY, vec!["aws:SourceIp".into()]));
    }

    #[test]
    fn long_names_are_cut() {
        let long = "é".repeat(3_000);
        let context = Context::new();
        let known = request(&long, &context);
        let resource = told(&known, &known, &implicit()).1["context"]["resource"].clone();
        assert_eq!(resource.as_str().unwrap().len(), NAMED_BYTES_MAX);
    }
}
