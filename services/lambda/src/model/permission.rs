//! A function's resource policy: statements as AWS writes them, and the document they make.
//!
//! Evaluates nothing. What it writes must compile as a policy before it is kept.

use base::AccountId;
use policy::{Policy, PolicyKind};
use serde_json::{Map, Value, json};

use crate::api::{AddLayerVersionPermissionRequest, AddPermissionRequest};
use crate::error::Error;
use crate::model::name::FunctionId;
use crate::records::{FunctionPolicy, Statement};

/// The longest policy document.
const POLICY_BYTES_MAX: usize = 20_480;

/// The statement that a request asks for.
pub(crate) fn statement(request: &AddPermissionRequest, resource: &str) -> Result<Value, Error> {
    check_action(request)?;
    let mut statement = json!({
        "Sid": request.statement_id,
        "Effect": "Allow",
        "Principal": principal(&request.principal)?,
        "Action": request.action,
        "Resource": resource,
    });
    let condition = condition(request);
    if let (false, Some(members)) = (condition.is_empty(), statement.as_object_mut()) {
        members.insert("Condition".to_owned(), Value::Object(condition));
    }
    Ok(statement)
}

/// The statement that a request about a layer's version asks for.
pub(crate) fn layer_statement(
    request: &AddLayerVersionPermissionRequest,
    resource: &str,
) -> Result<Value, Error> {
    let mut statement = json!({
        "Sid": request.statement_id,
        "Effect": "Allow",
        "Principal": principal(&request.principal)?,
        "Action": request.action,
        "Resource": resource,
    });
    match (&request.organization_id, statement.as_object_mut()) {
        (Some(_), _) if request.principal != "*" => Err(Error::InvalidParameterValue(
            "The principal must be * where an organization is given.".to_owned(),
        )),
        (Some(organization), Some(members)) => {
            let equals = json!({ "StringEquals": { "aws:PrincipalOrgID": organization } });
            members.insert("Condition".to_owned(), equals);
            Ok(statement)
        }
        _ => Ok(statement),
    }
}

/// Refuses conditions that the action does not know.
fn check_action(request: &AddPermissionRequest) -> Result<(), Error> {
    let refuse = |member: &str, action: &str| {
        Err(Error::InvalidParameterValue(format!("{member} is only supported for {action} action")))
    };
    if request.function_url_auth_type.is_some() && request.action != "lambda:InvokeFunctionUrl" {
        return refuse("FunctionUrlAuthType", "lambda:InvokeFunctionUrl");
    }
    if request.invoked_via_function_url.is_some() && request.action != "lambda:InvokeFunction" {
        return refuse("InvokedViaFunctionUrl", "lambda:InvokeFunction");
    }
    Ok(())
}

fn principal(text: &str) -> Result<Value, Error> {
    if text == "*" {
        return Ok(json!("*"));
    }
    if text.parse::<AccountId>().is_ok() {
        return Ok(json!({ "AWS": format!("arn:{}:iam::{text}:root", base::PARTITION) }));
    }
    if text.starts_with("arn:") {
        return Ok(json!({ "AWS": text }));
    }
    // Two services have names of an older kind.
    let is_service = text.ends_with(".amazonaws.com") && !text.contains(['*', '?', '/', ':'])
        || ["alexa-appkit.amazon.com", "alexa-connectedhome.amazon.com"].contains(&text);
    if is_service {
        return Ok(json!({ "Service": text }));
    }
    Err(invalid_principal())
}

/// The answer about a principal that is none, or is not there.
pub(crate) fn invalid_principal() -> Error {
    let message = "The provided principal was invalid. Please check the principal and try again.";
    Error::InvalidParameterValue(message.to_owned())
}

fn condition(request: &AddPermissionRequest) -> Map<String, Value> {
    let mut equals = Map::new();
    let mut set = |key: &str, value: Option<&String>| {
        if let Some(value) = value {
            equals.insert(key.to_owned(), json!(value));
        }
    };
    set("AWS:SourceAccount", request.source_account.as_ref());
    set("lambda:EventSourceToken", request.event_source_token.as_ref());
    set("aws:PrincipalOrgID", request.principal_org_id.as_ref());
    set("lambda:FunctionUrlAuthType", request.function_url_auth_type.as_ref());
    let mut condition = Map::new();
    if !equals.is_empty() {
        condition.insert("StringEquals".to_owned(), Value::Object(equals));
    }
    if let Some(via_url) = request.invoked_via_function_url {
        condition.insert("Bool".to_owned(), json!({ "lambda:InvokedViaFunctionUrl": via_url.to_string() }));
    }
    if let Some(arn) = &request.source_arn {
        condition.insert("ArnLike".to_owned(), json!({ "AWS:SourceArn": arn }));
    }
    condition
}

/// The document of these statements.
pub(crate) fn document(statements: &[Statement]) -> String {
    let statements: Vec<&Value> = statements.iter().map(|statement| &statement.body).collect();
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
}

/// The compiled policy of these statements.
pub(crate) fn compile(statements: &[Statement]) -> Result<Option<Policy>, policy::PolicyError> {
    if statements.is_empty() {
        return Ok(None);
    }
    Policy::parse(&document(statements), PolicyKind::Resource).map(Some)
}

/// The compiled form of what is stored, where it has statements.
pub(crate) fn loaded(function: &FunctionId, stored: &FunctionPolicy) -> Option<Policy> {
    compile(&stored.statements).unwrap_or_else(|error| {
        // SECURITY: its statements only allow; without it nobody is let in by it.
        tracing::error!(function = function.arn(), %error, "a stored resource policy does not compile");
        None
    })
}

/// Adds a statement to a policy.
pub(crate) fn add(policy: &mut FunctionPolicy, sid: &str, body: Value) -> Result<(), Error> {
    if policy.statements.iter().any(|statement| statement.sid == sid) {
        return Err(Error::ResourceConflict(format!(
            "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the \
             existing statement."
        )));
    }
    policy.statements.push(Statement { sid: sid.to_owned(), body });
    let length = document(&policy.statements).len();
    if length > POLICY_BYTES_MAX {
        return Err(Error::PolicyLengthExceeded(format!(
            "The final policy size ({length}) is bigger than the limit ({POLICY_BYTES_MAX})."
        )));
    }
    // SECURITY: a statement that does not compile could not be enforced.
    compile(&policy.statements)
        .map(drop)
        .map_err(|error| Error::InvalidParameterValue(format!("The permission is not valid: {error}")))
}

/// The statement of this id.
pub(crate) fn statement_of<'p>(policy: &'p FunctionPolicy, sid: &str) -> Option<&'p Value> {
    policy.statements.iter().find(|statement| statement.sid == sid).map(|statement| &statement.body)
}

/// Whom a statement names, for `lambda:Principal`. An account is told by its number, however a request said it: the statement
/// is the same.
pub(crate) fn principal_of(statement: &Value) -> Option<String> {
    let named = match statement.get("Principal")? {
        Value::Object(named) => named.values().find_map(Value::as_str)?,
        everyone => everyone.as_str()?,
    };
    let account = named.parse().ok().filter(|arn: &base::Arn| arn.resource == "root").map(|arn| arn.account);
    Some(account.unwrap_or_else(|| named.to_owned()))
}

/// The kind of function URL that a statement is about.
pub(crate) fn url_auth(statement: &Value) -> Option<&str> {
    statement.pointer("/Condition/StringEquals/lambda:FunctionUrlAuthType")?.as_str()
}

/// Takes a statement out of a policy.
pub(crate) fn remove(policy: &mut FunctionPolicy, sid: &str) -> Result<(), Error> {
    let before = policy.statements.len();
    policy.statements.retain(|statement| statement.sid != sid);
    if policy.statements.len() == before {
        return Err(Error::ResourceNotFound(format!("Statement {sid} is not found in resource policy.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:us-east-1:000000000001:function:orders";

    fn request(principal: &str) -> AddPermissionRequest {
        AddPermissionRequest {
            statement_id: "api".into(),
            action: "lambda:InvokeFunction".into(),
            principal: principal.into(),
            ..AddPermissionRequest::default()
        }
    }

    #[test]
    fn statements_are_written_as_aws_writes_them() {
        let mut full = request("apigateway.amazonaws.com");
        full.source_arn = Some("arn:aws:execute-api:us-east-1:000000000001:abc/*/GET/orders".into());
        full.source_account = Some("000000000001".into());
        assert_eq!(
            statement(&full, ARN).unwrap().to_string(),
            concat!(
                r#"{"Sid":"api","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"#,
                r#""Action":"lambda:InvokeFunction","#,
                r#""Resource":"arn:aws:lambda:us-east-1:000000000001:function:orders","#,
                r#""Condition":{"StringEquals":{"AWS:SourceAccount":"000000000001"},"#,
                r#""ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:us-east-1:000000000001:abc/*/GET/orders"}}}"#
            )
        );
    }

    #[test]
    fn principals_are_services_accounts_arns_or_everyone() {
        for (text, written) in [
            ("*", r#""*""#),
            ("000000000002", r#"{"AWS":"arn:aws:iam::000000000002:root"}"#),
            ("arn:aws:iam::000000000002:role/x", r#"{"AWS":"arn:aws:iam::000000000002:role/x"}"#),
            ("events.amazonaws.com", r#"{"Service":"events.amazonaws.com"}"#),
            ("alexa-appkit.amazon.com", r#"{"Service":"alexa-appkit.amazon.com"}"#),
        ] {
            assert_eq!(statement(&request(text), ARN).unwrap()["Principal"].to_string(), written);
        }
        for bad in ["bob", "1234", "*.amazonaws.com", "example.com"] {
            assert!(statement(&request(bad), ARN).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_statement_id_is_used_once_and_the_policy_is_bounded() {
        let mut policy = FunctionPolicy::default();
        let body = statement(&request("000000000002"), ARN).unwrap();
        add(&mut policy, "api", body.clone()).unwrap();
        assert!(matches!(add(&mut policy, "api", body.clone()), Err(Error::ResourceConflict(_))));
        assert!(matches!(remove(&mut policy, "other"), Err(Error::ResourceNotFound(_))));
        remove(&mut policy, "api").unwrap();
        assert!(compile(&policy.statements).unwrap().is_none());
        let numbered = |n: u32| {
            let mut body = body.clone();
            body["Sid"] = json!(n.to_string());
            body
        };
        let refused = (0..200).find_map(|n| add(&mut policy, &n.to_string(), numbered(n)).err());
        assert!(matches!(refused, Some(Error::PolicyLengthExceeded(_))));
    }
}
