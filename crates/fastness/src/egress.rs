//! The operator's egress rules, and the records of what functions tried to reach.
//!
//! Decides nothing: rules are compute's to apply, records the audit trail's to keep.

use std::borrow::Cow;
use std::sync::Arc;

use base::{AccountId, Clock, Region};
use compute::{BoxFuture, EgressAttempt, EgressLog, EgressOutcome, EgressRule, EnvironmentIdentity};
use identity::{AssumedRole, Directory, Principal, RoleName};
use observe::{AccessedResource, AuditTrail, Category, Outcome, Record};
use serde_json::json;

use crate::Error;

/// The most rules, and the largest file of them.
const RULES_MAX: usize = 1_024;
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The source of these events: no API of AWS's has them.
const EVENT_SOURCE: &str = "egress.fastness";

/// Reads the rules of the command line; `@FILE` stands for the rules in a file, one a line, `#` before remarks.
pub(crate) fn rules(texts: &[String]) -> Result<Vec<EgressRule>, Error> {
    let mut rules = Vec::new();
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        match text.strip_prefix('@') {
            None => rules.push(text.parse()?),
            Some(path) => {
                let read =
                    read(path).map_err(|error| format!("cannot read egress rules from `{path}`: {error}"))?;
                let lines = read.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
                for line in lines.filter(|line| !line.is_empty()) {
                    rules.push(line.parse()?);
                }
            }
        }
    }
    if rules.len() > RULES_MAX {
        return Err(format!("there are {} egress rules, and {RULES_MAX} are the most", rules.len()).into());
    }
    Ok(rules)
}

fn read(path: &str) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("more than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path)
}

/// Writes attempts to the audit trail of the function's account.
pub(crate) struct EgressRecords {
    pub(crate) trail: AuditTrail,
    pub(crate) directory: Directory,
    pub(crate) clock: Clock,
    pub(crate) region: Region,
}

impl EgressLog for EgressRecords {
    fn record(&self, attempt: EgressAttempt) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let EgressAttempt { identity, host, port, .. } = &attempt;
            let function = identity.function_arn.as_str();
            let outcome = match &attempt.outcome {
                EgressOutcome::Connected => {
                    tracing::info!(function, host, port, "a function reaches the outside");
                    Outcome::success(None)
                }
                EgressOutcome::Refused(reason) => {
                    tracing::warn!(function, host, port, reason, "a function was refused the outside");
                    Outcome::failure("AccessDenied", reason.clone())
                }
                EgressOutcome::Failed(reason) => {
                    tracing::info!(function, host, port, reason, "a function did not reach the outside");
                    Outcome::failure("ConnectionFailed", reason.clone())
                }
            };
            let written = self.trail.record(self.record_of(&attempt), outcome).await;
            if written.is_err() {
                tracing::error!("an attempt to reach the outside could not be recorded");
            }
            written.is_ok()
        })
    }
}

impl EgressRecords {
    fn record_of(&self, attempt: &EgressAttempt) -> Record {
        let EgressAttempt { identity, method, host, port, rule, address, .. } = attempt;
        let session = session_of(&identity.function_arn);
        let address = address.map(|address| address.ip().to_string());
        Record {
            account: identity.account,
            event_time: self.clock.now(),
            event_source: Cow::Borrowed(EVENT_SOURCE),
            event_name: Cow::Borrowed("Connect"),
            region: self.region.clone(),
            source_ip: "lambda.amazonaws.com".to_owned(),
            user_agent: String::new(),
            user_identity: self.user_identity(identity, session).into(),
            username: session.to_owned(),
            access_key_id: String::new(),
            request_parameters: Some(
                json!({"method": method, "host": host, "port": port, "rule": rule, "address": address})
                    .to_string()
                    .into_bytes(),
            ),
            request_id: Arc::from(crypto::random::uuid()),
            read_only: false,
            resources: vec![AccessedResource {
                arn: identity.function_arn.clone(),
                account: identity.account,
                kind: Cow::Borrowed("AWS::Lambda::Function"),
            }],
            category: Category::Network,
            shared_event_id: None,
            vpc_endpoint_id: None,
            additional_event_data: Some(
                json!({"environmentId": identity.environment_id, "functionVersion": identity.version})
                    .to_string()
                    .into_bytes(),
            ),
        }
    }

    /// The session of the function's role; its name alone where the role is gone.
    fn user_identity(&self, identity: &EnvironmentIdentity, session: &str) -> Vec<u8> {
        let role = self.directory.role_by_arn(&identity.role_arn).ok().flatten();
        match (role, RoleName::parse(&identity.role_arn)) {
            (Some((account, role)), Some(name)) => {
                let session = AssumedRole::new(account, &name.path, &role.name, &role.role_id, session);
                Principal::AssumedRole(session).cloudtrail_identity(None)
            }
            _ => unknown(identity.account, &identity.role_arn),
        }
    }
}

fn unknown(account: AccountId, role_arn: &str) -> Vec<u8> {
    json!({"type": "AssumedRole", "accountId": account.as_str(),
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role_arn}}})
    .to_string()
    .into_bytes()
}

/// The name of the role's session: the function's.
fn session_of(function_arn: &str) -> &str {
    function_arn.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn rules_come_from_the_command_line_and_from_files() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"# what the shop needs\n\n*.example.com:443 # its partners\n10.0.0.0/8:5432\n")
            .unwrap();
        let at = format!("@{}", file.path().display());
        let rules = rules(&texts(&["example.org", "", &at])).unwrap();
        let read: Vec<String> = rules.iter().map(ToString::to_string).collect();
        assert_eq!(read, ["example.org", "*.example.com:443", "10.0.0.0/8:5432"]);
    }

    #[test]
    fn what_is_not_a_rule_stops_the_start() {
        for text in ["http://example.com", "@/nothing/there", "a b"] {
            assert!(rules(&texts(&[text])).is_err(), "{text}");
        }
        assert!(rules(&vec!["a".to_owned(); RULES_MAX + 1]).is_err());
    }
}
