//! An evaluation as text: who wanted what, why not, and what every statement said.

use std::fmt::Write as _;

use serde_json::Value;

use super::record;
use crate::terminal;

/// The whole page.
pub(super) fn text(told: &Value) -> String {
    let mut out = String::new();
    let (record, message) = (&told["record"], &told["message"]);
    let evaluation = &told["evaluation"];
    let about = if evaluation.is_object() { evaluation } else { &message["context"] };
    let recorded = record::Told::of(record);
    let principal = evaluation["principal"]
        .as_str()
        .or_else(|| message.pointer("/context/principal/arn")?.as_str())
        .or(recorded.principal);
    let why = record["errorMessage"].as_str().or(message["reason"].as_str());
    match outcome(record, evaluation) {
        "allowed" => out.push_str("allowed\n"),
        word => {
            let _ = writeln!(out, "{word:<10} {}", plain(why));
        }
    }
    let _ = writeln!(out, "principal  {}", plain(principal));
    let _ = writeln!(out, "action     {}", plain(about["action"].as_str().or(recorded.action.as_deref())));
    let _ = writeln!(out, "resource   {}", plain(about["resource"].as_str().or(recorded.resource)));
    if record.is_object() {
        let _ = writeln!(out, "when       {}", plain(record["eventTime"].as_str()));
        let _ = writeln!(out, "event      {}", plain(record["eventID"].as_str()));
    }
    match evaluation["policies"].as_array() {
        Some(policies) => {
            policies.iter().for_each(|one| policy(&mut out, one));
            match told.pointer("/otherSide/evaluation/policies").and_then(Value::as_array) {
                Some(theirs) => other_side(&mut out, &told["otherSide"], theirs),
                None => {
                    elsewhere(&mut out, evaluation, policies);
                    callers_side(&mut out, evaluation, told);
                }
            }
        }
        None if record.is_object() => recorded_without(&mut out, record),
        None => without_evaluation(&mut out, message, told["unread"].as_str()),
    }
    out
}

/// How the call ended. What failed without an evaluation was refused by no policy.
fn outcome(record: &Value, evaluation: &Value) -> &'static str {
    match (evaluation.is_object() || !record.is_object(), record["errorCode"].is_null()) {
        (true, _) => "denied",
        (false, true) => "allowed",
        (false, false) => "failed",
    }
}

/// What a record says, on one line.
fn plain(text: Option<&str>) -> String {
    terminal::line(text.unwrap_or("-"))
}

/// The same behind other words, where there is something.
fn after(words: &str, text: &Value) -> String {
    text.as_str().map(|text| format!("{words}{}", terminal::line(text))).unwrap_or_default()
}

/// What a record lists, as JSON.
fn list(value: &Value) -> String {
    terminal::line(&value.to_string())
}

fn policy(out: &mut String, policy: &Value) {
    let _ = write!(out, "\n{}", kind(&plain(policy["policyType"].as_str())));
    let _ = write!(out, "{}", after(" ", &policy["name"]));
    let _ = writeln!(out, "{}", after(" of group ", &policy["group"]));
    for statement in policy["statements"].as_array().into_iter().flatten() {
        let sid = statement["sid"].as_str().filter(|sid| !sid.is_empty()).map(terminal::line);
        let outcome = plain(statement["outcome"].as_str());
        let because = after(": ", &statement["because"]);
        let _ = writeln!(
            out,
            "  [{}] {}{} {outcome}{because}",
            statement["index"],
            plain(statement["effect"].as_str()),
            sid.map(|sid| format!(" {sid}")).unwrap_or_default(),
        );
        missed(out, &statement["missed"]);
        for condition in statement["conditions"].as_array().into_iter().flatten() {
            let _ = writeln!(
                out,
                "      {} {} {}: the request has {}: {}",
                plain(condition["operator"].as_str()),
                plain(condition["key"].as_str()),
                list(&condition["expected"]),
                list(&condition["actual"]),
                plain(condition["outcome"].as_str()),
            );
            variables(out, &condition["variables"]);
        }
    }
}

/// What the element names that the request did not fit.
fn missed(out: &mut String, missed: &Value) {
    let Some(element) = missed["element"].as_str() else { return };
    let more = missed["more"].as_u64().map(|more| format!(" and {more} more")).unwrap_or_default();
    let _ = writeln!(out, "      {element} {}{more}", list(&missed["patterns"]));
    variables(out, &missed["variables"]);
}

/// What policy variables stood for.
fn variables(out: &mut String, variables: &Value) {
    for variable in variables.as_array().into_iter().flatten() {
        let key = plain(variable["key"].as_str());
        let _ = match &variable["value"] {
            Value::Null => writeln!(out, "        ${{{key}}} has no value"),
            value => writeln!(out, "        ${{{key}}} is {}", list(value)),
        };
    }
}

/// What another account's policy decided: that it did, and not by what. Its content is for its owner.
fn elsewhere(out: &mut String, evaluation: &Value, policies: &[Value]) {
    let theirs = ["ResourceBased", "Trust", "ResourceControl"];
    let decided = evaluation["deniedBy"].as_str().filter(|kind| theirs.contains(kind));
    let Some(decided) = decided.filter(|kind| policies.iter().all(|one| one["policyType"] != **kind)) else {
        return;
    };
    let said = match evaluation["denial"].as_str() {
        Some("Explicit") => "an explicit deny",
        _ => "nothing that allows it",
    };
    let _ = writeln!(
        out,
        "\n{} of the resource's account\n  {said}; which statement is for that account to see",
        kind(decided)
    );
}

/// What the other account's own trail says.
fn other_side(out: &mut String, side: &Value, policies: &[Value]) {
    let record = |member: &str| plain(side.pointer(member).and_then(Value::as_str));
    let _ = writeln!(out, "\nin the trail of account {}", plain(side["account"].as_str()));
    let _ = writeln!(out, "told       {}", record("/record/errorMessage"));
    let _ = writeln!(out, "event      {}", record("/record/eventID"));
    policies.iter().for_each(|one| policy(out, one));
}

/// Of a caller of another account, its own account's policies are not for the owner to see.
fn callers_side(out: &mut String, evaluation: &Value, told: &Value) {
    let caller = told.pointer("/record/userIdentity/accountId").and_then(Value::as_str);
    let own = told.pointer("/record/recipientAccountId").and_then(Value::as_str);
    if evaluation.is_object() && caller.is_some() && caller != own {
        let _ = writeln!(
            out,
            "\nthe policies of the caller's account {} are for that account to see",
            plain(caller)
        );
    }
}

/// Of a call whose end no policy's refusal was: what was refused on its way, and that there is no more.
fn recorded_without(out: &mut String, record: &Value) {
    let refused = record.pointer("/additionalEventData/duringWork/refused").and_then(Value::as_array);
    let Some(refused) = refused else {
        let _ = match record["errorCode"].as_str() {
            Some(code) => {
                let code = terminal::line(code);
                writeln!(out, "\n{code} was answered without a policy's refusal: there is no evaluation")
            }
            None => writeln!(out, "\nThe call was not refused."),
        };
        return;
    };
    let beyond = record.pointer("/additionalEventData/duringWork/refusedBeyond").and_then(Value::as_u64);
    let count = u64::try_from(refused.len()).unwrap_or(u64::MAX).saturating_add(beyond.unwrap_or(0));
    let _ = writeln!(out, "\nThe call went on; {count} of its parts were refused:");
    for one in refused {
        let (action, resource) = (plain(one["action"].as_str()), plain(one["resource"].as_str()));
        let _ = writeln!(out, "\n! {action} on {resource}");
        if let Some(message) = one["errorMessage"].as_str() {
            let _ = writeln!(out, "  {}", terminal::line(message));
        }
        one.pointer("/policyEvaluation/policies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .for_each(|one| policy(out, one));
    }
}

fn without_evaluation(out: &mut String, message: &Value, unread: Option<&str>) {
    let _ = match unread {
        Some(why) => writeln!(out, "\nThe call's record was not looked for: {}.", terminal::line(why)),
        None => writeln!(out, "\nThe call's record is not in this trail any more."),
    };
    let _ = writeln!(out, "What the message itself holds:");
    for item in message.pointer("/context/conditions/items").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(
            out,
            "  {} {}",
            plain(item["key"].as_str()),
            list(item.pointer("/values/items").unwrap_or(&Value::Null))
        );
    }
}

/// `IdentityBased` as people say it.
fn kind(name: &str) -> &str {
    match name {
        "IdentityBased" => "identity-based policy",
        "ResourceBased" => "resource-based policy",
        "PermissionsBoundary" => "permissions boundary",
        "Session" => "session policy",
        "ServiceControl" => "service control policy",
        "ResourceControl" => "resource control policy",
        "VpcEndpoint" => "VPC endpoint policy",
        "Trust" => "role trust policy",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_accounts_decision_is_told_without_its_content() {
        let told = |denied_by: &str, denial: &str, seen: &str| {
            text(
                &json!({"record": {}, "message": null, "evaluation": {"principal": "x", "action": "a:B", "resource": "r",
                "denial": denial, "deniedBy": denied_by, "policies": [{"policyType": seen, "name": null, "statements": []}]}}),
            )
        };
        let implicit = told("ResourceBased", "Implicit", "IdentityBased");
        assert!(
            implicit.contains("resource-based policy of the resource's account\n  nothing that allows it; "),
            "{implicit}"
        );
        assert!(
            told("Trust", "Explicit", "IdentityBased")
                .contains("role trust policy of the resource's account")
        );
        // What this account's own policies decided is shown with them, and nothing is said of the other side.
        for own in [
            told("IdentityBased", "Implicit", "IdentityBased"),
            told("ResourceBased", "Explicit", "ResourceBased"),
        ] {
            assert!(!own.contains("resource's account"), "{own}");
        }
    }

    #[test]
    fn a_record_without_an_evaluation_tells_what_it_has() {
        let record = json!({"eventSource": "s3.amazonaws.com", "eventName": "DeleteObjects", "eventID": "e",
            "userIdentity": {"arn": "arn:aws:iam::111111111111:user/ana"}, "resources": [{"ARN": "arn:aws:s3:::b/k"}]});
        let mut told = json!({"message": null, "evaluation": null, "record": record});
        let page = text(&told);
        for line in [
            "principal  arn:aws:iam::111111111111:user/ana",
            "action     s3:DeleteObjects",
            "The call was not refused.",
        ] {
            assert!(page.contains(line), "{page}");
        }
        assert!(page.starts_with("allowed\nprincipal"), "{page}");
        let mut failed = told.clone();
        failed["record"]["errorCode"] = json!("NoSuchBucket");
        failed["record"]["errorMessage"] = json!("The bucket is not there");
        assert!(text(&failed).starts_with("failed     The bucket is not there\n"), "{}", text(&failed));
        told["record"]["additionalEventData"] = json!({"duringWork": {"refusedBeyond": 4, "refused": [
            {"action": "s3:DeleteObject", "resource": "arn:aws:s3:::b/k", "errorMessage": "User: x is not authorized",
             "policyEvaluation": {"policies": [{"policyType": "IdentityBased", "name": "inline", "statements": []}]}}]}});
        let page = text(&told);
        for line in [
            "5 of its parts were refused",
            "! s3:DeleteObject on arn:aws:s3:::b/k\n  User: x",
            "identity-based policy inline",
        ] {
            assert!(page.contains(line), "{page}");
        }
    }

    #[test]
    fn no_name_forges_a_line_or_reaches_the_terminal() {
        let odd = "x\u{1b}[2J\nallowed\u{9b}\u{202e}";
        let statement = json!({"index": 0, "sid": odd, "effect": "Allow", "outcome": odd, "because": odd,
            "missed": {"element": "Resource", "patterns": [odd], "variables": [{"key": odd, "value": odd}]},
            "conditions": [{"operator": odd, "key": odd, "expected": [odd], "actual": [odd], "outcome": odd}]});
        let policies = json!([{"policyType": odd, "name": odd, "group": odd, "statements": [statement]}]);
        let record = json!({"errorMessage": odd, "errorCode": odd, "eventID": odd, "eventTime": odd, "userIdentity": {"arn": odd, "accountId": odd},
            "resources": [{"ARN": odd}], "eventSource": odd, "eventName": odd, "recipientAccountId": "1"});
        let refused = json!({"duringWork": {"refused": [{"action": odd, "resource": odd, "errorMessage": odd,
            "policyEvaluation": {"policies": policies}}]}});
        let mut partly = record.clone();
        partly["additionalEventData"] = refused;
        let evaluation = json!({"principal": odd, "action": odd, "resource": odd, "policies": policies, "deniedBy": "Trust"});
        let other = json!({"account": odd, "record": record, "evaluation": {"policies": policies}});
        let conditions = json!([{"key": odd, "values": {"items": [{"value": odd}]}}]);
        let message = json!({"reason": odd, "context": {"principal": {"arn": odd}, "action": odd, "conditions": {"items": conditions}}});
        for told in [
            json!({"record": record, "message": null, "evaluation": evaluation}),
            json!({"record": record, "message": null, "evaluation": evaluation, "otherSide": other}),
            json!({"record": record, "message": null, "evaluation": null}),
            json!({"record": partly, "message": null, "evaluation": null}),
            json!({"record": null, "message": message, "evaluation": null, "unread": odd}),
        ] {
            let page = text(&told);
            assert!(page.contains("\\u001b[2J") && !page.contains("\nallowed"), "{page}");
            assert!(
                page.chars().all(|one| one == '\n' || !one.is_control() && one != '\u{202e}'),
                "{page:?}"
            );
        }
    }

    #[test]
    fn every_statement_and_condition_has_a_line() {
        let told = json!({"message": null, "record": {"errorMessage": "User: x is not authorized", "eventID": "e"},
            "evaluation": {"principal": "x", "action": "a:B", "resource": "r", "policies": [
                {"policyType": "IdentityBased", "name": "inline", "statements": [
                    {"index": 0, "sid": "S", "effect": "Allow", "outcome": "does not apply", "because": "condition",
                     "conditions": [{"operator": "StringEquals", "key": "aws:PrincipalTag/team", "expected": ["red"],
                                     "actual": ["blue"], "outcome": "fails"}]}]},
                {"policyType": "IdentityBased", "name": "homes", "group": "devs", "statements": [
                    {"index": 0, "sid": null, "effect": "Allow", "outcome": "does not apply", "because": "resource", "conditions": [],
                     "missed": {"element": "Resource", "patterns": ["a/${aws:username}"], "more": 2,
                                "variables": [{"key": "aws:username", "value": "mk"}, {"key": "k:none", "value": null}]}}]}]}});
        let text = text(&told);
        assert!(
            text.contains("identity-based policy inline\n  [0] Allow S does not apply: condition\n"),
            "{text}"
        );
        let line = r#"StringEquals aws:PrincipalTag/team ["red"]: the request has ["blue"]: fails"#;
        assert!(text.contains(line), "{text}");
        let home = r#"identity-based policy homes of group devs
  [0] Allow does not apply: resource
      Resource ["a/${aws:username}"] and 2 more
        ${aws:username} is "mk"
        ${k:none} has no value
"#;
        assert!(text.contains(home), "{text}");
    }
}
