//! What a recorded call needed leave for: actions on resources, from the audit trail's own records.
//!
//! Reads one record (CloudTrail's form). What was asked and granted stands in it where it is not what the operation's name
//! says; for records from before that was written, it is guessed from the API's model and AWS's authorization facts. A
//! record that it does not understand is no use; a refused call is told as such.

use serde_json::Value;

use crate::glob;

/// One recorded call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The ARN of the user, or of the role behind the session.
    pub who: String,
    /// The session's name; empty for users.
    pub session: String,
    /// When, as the record has it.
    pub at: String,
    /// The region that was called.
    pub region: String,
    /// True where policy refused it.
    pub denied: bool,
    /// What it needed: actions and the ARNs they are on, `*` for actions that have none. Of a denied call, what it lacked.
    pub needs: Vec<(String, String)>,
    /// What of it was refused where the rest went on.
    pub refused: Vec<(String, String)>,
    /// How many further leaves it was granted that its record had no room for.
    pub beyond: u64,
}

/// A record's call; `None` where it is not of a user or role, or of no API that is known.
#[must_use]
pub fn of_record(record: &str) -> Option<Call> {
    let record: Value = serde_json::from_str(record).ok()?;
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (who, session) = match text("/userIdentity/type") {
        "AssumedRole" => {
            let session = text("/userIdentity/arn").rsplit('/').next().unwrap_or_default();
            (text("/userIdentity/sessionContext/sessionIssuer/arn"), session)
        }
        "IAMUser" => (text("/userIdentity/arn"), ""),
        _ => return None,
    };
    if who.is_empty() {
        return None;
    }
    let error = text("/errorCode");
    let denied = ["AccessDenied", "Unauthorized", "NotAuthorized"].iter().any(|part| error.contains(part));
    Some(Call {
        who: who.to_owned(),
        session: session.to_owned(),
        at: text("/eventTime").to_owned(),
        region: text("/awsRegion").to_owned(),
        denied,
        needs: if denied { lacked(&record)? } else { granted(&record)? },
        refused: listed(&record, "/additionalEventData/duringWork/refused").unwrap_or_default(),
        beyond: ["/additionalEventData/authorizedBeyond", "/additionalEventData/duringWork/authorizedBeyond"]
            .iter()
            .filter_map(|pointer| record.pointer(pointer)?.as_u64())
            .sum(),
    })
}

/// What a call was granted, before its work and during it.
fn granted(record: &Value) -> Option<Vec<(String, String)>> {
    let mut needs = match listed(record, "/additionalEventData/authorized") {
        Some(asked) => asked,
        None => guessed(record)?,
    };
    needs.extend(listed(record, "/additionalEventData/duringWork/authorized").into_iter().flatten());
    Some(needs)
}

/// What a refused call was refused for.
fn lacked(record: &Value) -> Option<Vec<(String, String)>> {
    record
        .pointer("/additionalEventData/policyEvaluation")
        .and_then(pair)
        .map_or_else(|| guessed(record), |lacked| Some(vec![lacked]))
}

fn listed(record: &Value, pointer: &str) -> Option<Vec<(String, String)>> {
    Some(record.pointer(pointer)?.as_array()?.iter().filter_map(pair).collect())
}

fn pair(of: &Value) -> Option<(String, String)> {
    let text = |member: &str| Some(of.get(member)?.as_str()?.to_owned());
    Some((text("action")?, text("resource")?))
}

fn guessed(record: &Value) -> Option<Vec<(String, String)>> {
    let text = |member: &str| record.get(member).and_then(Value::as_str).unwrap_or_default();
    guess(record, text("eventSource"), text("eventName"))
}

fn guess(record: &Value, source: &str, name: &str) -> Option<Vec<(String, String)>> {
    let operation = protocol::operation_of_event(source, name)?;
    let resources = record.get("resources").and_then(Value::as_array);
    let arns: Vec<&str> =
        resources.into_iter().flatten().filter_map(|resource| resource.get("ARN")?.as_str()).collect();
    let parameters = record.get("requestParameters").unwrap_or(&Value::Null);
    if let Some(parts) = transaction(name, parameters, &arns) {
        return Some(parts);
    }
    let (service, called) = operation.implied_action();
    let action = format!("{service}:{called}");
    if arns.is_empty() {
        return Some(vec![(action, "*".to_owned())]);
    }
    let mut needs = Vec::with_capacity(arns.len());
    for arn in arns {
        let needed = dependent(&action, arn).unwrap_or_else(|| action.clone());
        needs.push((needed, arn.to_owned()));
    }
    if name == "AssumeRole" {
        let set = |member: &str| parameters.get(member).is_some_and(|value| !value.is_null());
        let target = needs.first().map(|(_, arn)| arn.clone()).unwrap_or_default();
        for (member, action) in [("tags", "sts:TagSession"), ("sourceIdentity", "sts:SetSourceIdentity")] {
            if set(member) {
                needs.push((action.to_owned(), target.clone()));
            }
        }
    }
    Some(needs)
}

/// The action that an ARN was checked for beside the operation's own: a role that is passed on.
fn dependent(action: &str, arn: &str) -> Option<String> {
    let (service, called) = action.split_once(':')?;
    let authorization = protocol::authorization(service)?;
    let facts = authorization.action(called)?;
    let own = facts.resources().keys().filter_map(|kind| authorization.resource(kind));
    if own.into_iter().any(|kind| glob::matches(&pattern_of(&kind.arn), arn)) {
        return None;
    }
    let mut all = facts.resources().values().flat_map(|resource| &resource.dependents);
    let passes = arn.contains(":role/") && all.any(|dependent| dependent == "iam:PassRole");
    passes.then(|| "iam:PassRole".to_owned())
}

/// `arn:${Partition}:lambda:${Region}:…:function:${FunctionName}` as a pattern.
fn pattern_of(arn: &str) -> String {
    let mut pattern = String::new();
    for (at, piece) in arn.split("${").enumerate() {
        match (at, piece.split_once('}')) {
            (0, _) => pattern.push_str(piece),
            (_, Some((_, rest))) => {
                pattern.push('*');
                pattern.push_str(rest);
            }
            (_, None) => pattern.push_str(piece),
        }
    }
    pattern
}

/// A transaction asks for the action of each of its parts.
fn transaction(name: &str, parameters: &Value, arns: &[&str]) -> Option<Vec<(String, String)>> {
    if !matches!(name, "TransactWriteItems" | "TransactGetItems") {
        return None;
    }
    let arn_of = |table: &str| {
        let named = arns.iter().find(|arn| **arn == table || arn.rsplit('/').next() == Some(table));
        named.map_or_else(|| table.to_owned(), |arn| (*arn).to_owned())
    };
    let mut needs = Vec::new();
    for item in parameters.get("transactItems").and_then(Value::as_array).into_iter().flatten() {
        for (part, of) in item.as_object().into_iter().flatten() {
            let action = match part.to_ascii_lowercase().as_str() {
                "put" => "dynamodb:PutItem",
                "update" => "dynamodb:UpdateItem",
                "delete" => "dynamodb:DeleteItem",
                "conditioncheck" => "dynamodb:ConditionCheckItem",
                "get" => "dynamodb:GetItem",
                _ => continue,
            };
            let table = of.get("tableName").and_then(Value::as_str).unwrap_or_default();
            needs.push((action.to_owned(), arn_of(table)));
        }
    }
    // What the record does not show is asked for in full: better a policy that is a little too wide than one that fails.
    if needs.is_empty() {
        let all: &[&str] = if name == "TransactGetItems" {
            &["dynamodb:GetItem"]
        } else {
            &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
        };
        let pairs = all.iter().flat_map(|action| arns.iter().map(move |arn| (*action, *arn)));
        needs.extend(pairs.map(|(action, arn)| (action.to_owned(), arn.to_owned())));
    }
    Some(needs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(source: &str, name: &str, arns: &[&str], more: &Value) -> String {
        let resources: Vec<Value> = arns.iter().map(|arn| json!({"ARN": arn})).collect();
        let mut record = json!({
            "userIdentity": {
                "type": "AssumedRole",
                "arn": "arn:aws:sts::111111111111:assumed-role/r/f",
                "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111111111111:role/r"}},
            },
            "eventTime": "2026-01-02T03:04:05Z", "eventSource": source, "eventName": name,
            "awsRegion": "us-east-1", "resources": resources,
        });
        for (name, value) in more.as_object().unwrap() {
            record[name] = value.clone();
        }
        record.to_string()
    }

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:111111111111:table/t";
    const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:f";
    const ROLE: &str = "arn:aws:iam::111111111111:role/other";

    #[test]
    fn a_record_tells_who_needed_what() {
        let call = of_record(&record("dynamodb.amazonaws.com", "GetItem", &[TABLE], &json!({}))).unwrap();
        assert_eq!((call.who.as_str(), call.session.as_str()), ("arn:aws:iam::111111111111:role/r", "f"));
        assert_eq!(call.needs, [("dynamodb:GetItem".to_owned(), TABLE.to_owned())]);
        assert!(!call.denied);
        let refused = json!({"errorCode": "AccessDeniedException"});
        assert!(of_record(&record("dynamodb.amazonaws.com", "GetItem", &[TABLE], &refused)).unwrap().denied);
        for event in ["UpdateFunctionCode20150331v2", "UpdateFunctionCode"] {
            let call = of_record(&record("lambda.amazonaws.com", event, &[FUNCTION], &json!({}))).unwrap();
            assert_eq!(
                call.needs,
                [("lambda:UpdateFunctionCode".to_owned(), FUNCTION.to_owned())],
                "{event}"
            );
        }
        let invoked = of_record(&record("lambda.amazonaws.com", "Invoke", &[FUNCTION], &json!({}))).unwrap();
        assert_eq!(invoked.needs[0].0, "lambda:InvokeFunction");
        let listed = of_record(&record("dynamodb.amazonaws.com", "ListTables", &[], &json!({}))).unwrap();
        assert_eq!(listed.needs, [("dynamodb:ListTables".to_owned(), "*".to_owned())]);
        for (source, name, expected) in [
            ("access-analyzer.amazonaws.com", "ListFindingsV2", "access-analyzer:ListFindings"),
            ("apigateway.amazonaws.com", "GetRestApis", "apigateway:GET"),
            ("dynamodb.amazonaws.com", "ListStreams", "dynamodb:ListStreams"),
        ] {
            let call = of_record(&record(source, name, &[], &json!({})));
            assert_eq!(
                call.map(|call| call.needs[0].0.clone()).as_deref(),
                Some(expected),
                "{source} {name}"
            );
        }
    }

    #[test]
    fn a_role_that_is_passed_on_needs_leave_of_its_own() {
        let made = of_record(&record(
            "lambda.amazonaws.com",
            "CreateFunction20150331",
            &[FUNCTION, ROLE],
            &json!({}),
        ));
        let needs = made.unwrap().needs;
        assert_eq!(needs[0], ("lambda:CreateFunction".to_owned(), FUNCTION.to_owned()));
        assert_eq!(needs[1], ("iam:PassRole".to_owned(), ROLE.to_owned()));
    }

    #[test]
    fn a_transaction_needs_leave_for_its_parts() {
        let items = json!({"requestParameters": {"transactItems": [
            {"put": {"tableName": "t"}}, {"conditionCheck": {"tableName": TABLE}}]}});
        let call =
            of_record(&record("dynamodb.amazonaws.com", "TransactWriteItems", &[TABLE], &items)).unwrap();
        assert_eq!(
            call.needs,
            [
                ("dynamodb:PutItem".to_owned(), TABLE.to_owned()),
                ("dynamodb:ConditionCheckItem".to_owned(), TABLE.to_owned())
            ]
        );
        let hidden = of_record(&record("dynamodb.amazonaws.com", "TransactGetItems", &[TABLE], &json!({})));
        assert_eq!(hidden.unwrap().needs, [("dynamodb:GetItem".to_owned(), TABLE.to_owned())]);
    }

    #[test]
    fn what_a_record_says_was_asked_counts_and_not_what_its_name_says() {
        let pair = |action: &str, on: &str| (action.to_owned(), on.to_owned());
        let asked = |action: &str, on: &str| json!({"action": action, "resource": on});
        for (source, name, details, needs, refused) in [
            ("sts", "GetCallerIdentity", json!({"authorized": []}), vec![], vec![]),
            (
                "dynamodb",
                "ExecuteStatement",
                json!({"authorized": [asked("dynamodb:PartiQLSelect", TABLE)]}),
                vec![pair("dynamodb:PartiQLSelect", TABLE)],
                vec![],
            ),
            (
                "execute-api",
                "Invoke",
                json!({"authorized": [asked("execute-api:Invoke", "arn:aws:execute-api:r:a:i/s/GET/")]}),
                vec![pair("execute-api:Invoke", "arn:aws:execute-api:r:a:i/s/GET/")],
                vec![],
            ),
            (
                "s3",
                "DeleteObjects",
                json!({"authorized": [], "duringWork": {"authorized": [asked("s3:DeleteObject", "arn:aws:s3:::b/a")],
                    "refused": [asked("s3:DeleteObject", "arn:aws:s3:::b/k")]}}),
                vec![pair("s3:DeleteObject", "arn:aws:s3:::b/a")],
                vec![pair("s3:DeleteObject", "arn:aws:s3:::b/k")],
            ),
            (
                "s3",
                "GetObject",
                json!({"duringWork": {"authorized": [asked("s3:ListBucket", "arn:aws:s3:::b")]}}),
                vec![pair("s3:GetObject", "arn:aws:s3:::b/k"), pair("s3:ListBucket", "arn:aws:s3:::b")],
                vec![],
            ),
        ] {
            let source = format!("{source}.amazonaws.com");
            let details = json!({"additionalEventData": details});
            let call = of_record(&record(&source, name, &["arn:aws:s3:::b/k"], &details)).unwrap();
            assert_eq!((call.needs, call.refused), (needs, refused), "{name}");
        }
        let refused = json!({"errorCode": "AccessDenied", "additionalEventData":
            {"policyEvaluation": asked("s3:ListBucket", "arn:aws:s3:::b")}});
        let call =
            of_record(&record("s3.amazonaws.com", "GetObject", &["arn:aws:s3:::b/k"], &refused)).unwrap();
        assert_eq!(call.needs, [pair("s3:ListBucket", "arn:aws:s3:::b")]);
        let beyond = json!({"additionalEventData": {"authorized": [], "authorizedBeyond": 3}});
        assert_eq!(of_record(&record("s3.amazonaws.com", "X", &[], &beyond)).unwrap().beyond, 3);
    }

    #[test]
    fn what_is_no_users_or_roles_call_is_left_out() {
        for text in ["", "{}", r#"{"userIdentity":{"type":"Root","arn":"x"}}"#] {
            assert_eq!(of_record(text), None);
        }
        assert_eq!(of_record(&record("unknown.amazonaws.com", "X", &[], &json!({}))), None);
    }
}
