//! The whole evaluation of a refused call, for its record: each policy, each statement, each condition with its values.
//!
//! It stands in the trail of the caller's account and nowhere else. Of another account's resource, and of control policies
//! that belong to the organization, it tells no more than the caller's account may know.

use policy::{Context, Denial, Explanation, PolicyTrace, PolicyType, Request};

/// Longer evaluations lose the patterns of what did not apply, then the statements that were about something else, then all of it.
const EVALUATION_BYTES_MAX: usize = 32 * 1_024;

/// Writes an evaluation down.
pub(crate) fn written(mut explanation: Explanation) -> Vec<u8> {
    let whole = serde_json::to_vec(&explanation).unwrap_or_default();
    if whole.len() <= EVALUATION_BYTES_MAX {
        return whole;
    }
    // First what their texts tell as well.
    for statement in explanation.policies.iter_mut().flat_map(|policy| &mut policy.statements) {
        statement.missed = None;
    }
    let shorter = serde_json::to_vec(&explanation).unwrap_or_default();
    if shorter.len() <= EVALUATION_BYTES_MAX {
        return shorter;
    }
    for policy in &mut explanation.policies {
        policy
            .statements
            .retain(|statement| !matches!(statement.because, Some("action" | "resource" | "principal")));
    }
    let shorter = serde_json::to_vec(&explanation).unwrap_or_default();
    if shorter.len() <= EVALUATION_BYTES_MAX {
        return shorter;
    }
    explanation.policies.clear();
    serde_json::to_vec(&explanation).unwrap_or_default()
}

/// Says of the decision what the caller was told.
// SECURITY: a role that is not there is refused like one that trusts others, and its evaluation must not tell them apart.
pub(crate) fn as_decided(explanation: &mut Explanation, denial: &Denial) {
    explanation.allowed = false;
    explanation.denial = Some(denial.kind);
    explanation.denied_by = Some(denial.policy_type);
    explanation.statement.clone_from(&denial.statement);
}

/// Takes out what the caller's account may not know. `common` holds the keys that are the caller's own.
// SECURITY: nothing that was looked up on the other account's side stays: not its policy, not its tags, not who it trusts.
pub(crate) fn redact(
    explanation: &mut Explanation,
    request: &Request<'_>,
    own_account: &str,
    common: &Context,
) {
    let foreign = own_account != request.resource_account;
    let theirs = |policy_type: PolicyType| {
        foreign
            && matches!(
                policy_type,
                PolicyType::ResourceBased | PolicyType::Trust | PolicyType::ResourceControl
            )
    };
    explanation.policies.retain(|policy| !theirs(policy.policy_type));
    if explanation.statement.as_ref().is_some_and(|statement| theirs(statement.policy_type)) {
        explanation.statement = None;
    }
    for policy in &mut explanation.policies {
        if matches!(policy.policy_type, PolicyType::ServiceControl | PolicyType::ResourceControl) {
            outcomes_only(policy);
        } else if foreign {
            keep_values(policy, |key| is_callers_own(key, common));
        }
    }
}

/// Keys whose values an account may know of a caller that is another's: what its own trail tells of such calls.
const TOLD_ABROAD: [&str; 14] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:currenttime",
    "aws:epochtime",
    "aws:principalaccount",
    "aws:principalisawsservice",
    "aws:referer",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:securetransport",
    "aws:sourceip",
    "aws:useragent",
    "aws:viaawsservice",
];
/// Families of keys that are about the resource or stand in the request, both of which its owner sees.
const TOLD_FAMILIES: [&str; 6] = [
    "aws:requesttag",
    "aws:resourcetag",
    "aws:tagkeys",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "sts:externalid",
];

/// Leaves what the resource's owner may know: its own policies, with what its trail tells of callers that are others'.
// SECURITY: the caller's tags, names and sessions are its account's to know.
pub(crate) fn for_owner(explanation: &mut Explanation, caller_account: &str) {
    caller_account.clone_into(&mut explanation.principal);
    let theirs = [PolicyType::ResourceBased, PolicyType::Trust, PolicyType::ResourceControl];
    explanation.policies.retain(|policy| theirs.contains(&policy.policy_type));
    for policy in &mut explanation.policies {
        if policy.policy_type == PolicyType::ResourceControl {
            outcomes_only(policy);
            continue;
        }
        keep_values(policy, is_told_abroad);
    }
}

/// Forgets what conditions and policy variables saw of any other key.
fn keep_values(policy: &mut PolicyTrace, is_told: impl Fn(&str) -> bool) {
    for statement in &mut policy.statements {
        if let Some(missed) = &mut statement.missed {
            missed.variables.retain(|variable| is_told(&variable.key));
        }
        for condition in &mut statement.conditions {
            condition.variables.retain(|variable| is_told(&variable.key));
            if !is_told(&condition.key) {
                condition.actual.clear();
            }
        }
    }
}

/// Keys that follow from who calls, and from nothing that was looked up.
const OF_CALLER: [&str; 5] =
    ["aws:principalaccount", "aws:principalarn", "aws:principaltype", "aws:userid", "aws:username"];

fn is_callers_own(key: &str, common: &Context) -> bool {
    OF_CALLER.contains(&key.to_ascii_lowercase().as_str()) || !common.values(key).is_empty()
}

/// A service's own keys, `s3:prefix` for one, are of the request; who federates callers is not this platform's service.
fn is_told_abroad(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let family = key.split('/').next().unwrap_or_default();
    let service = key.split(':').next().unwrap_or_default();
    TOLD_ABROAD.contains(&family)
        || TOLD_FAMILIES.contains(&family)
        || !matches!(service, "aws" | "sts" | "iam") && !service.contains('.')
}

/// An organization's policy is the management account's to read.
fn outcomes_only(policy: &mut PolicyTrace) {
    for statement in &mut policy.statements {
        statement.sid = None;
        statement.missed = None;
        statement.conditions.clear();
    }
}

#[cfg(test)]
mod tests {
    use policy::{NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView};

    use super::*;

    fn policy(kind: PolicyKind, statement: &str) -> NamedPolicy {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        NamedPolicy::new("p", Policy::parse(&document, kind).unwrap())
    }

    fn explained(owner: &str) -> Explanation {
        let condition = r#""Condition":{"StringEquals":{"aws:ResourceTag/t":"x","aws:SourceIp":"y"}}"#;
        let identity = policy(
            PolicyKind::Identity,
            &format!(
                r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*",{condition}}},
                {{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::c/${{aws:ResourceTag/t}}/${{aws:username}}"}}"#
            ),
        );
        let control = policy(
            PolicyKind::ServiceControl,
            &format!(
                r#"{{"Sid":"Secret","Effect":"Deny","Action":"s3:*","Resource":"*",{condition}}},
                {{"Effect":"Allow","Action":"secret:*","Resource":"*"}}"#
            ),
        );
        let resource = policy(
            PolicyKind::Resource,
            r#"{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#,
        );
        let common = Context::new().with("aws:SourceIp", "192.0.2.1");
        let context = common.clone().with("aws:ResourceTag/t", "their secret");
        let request = Request {
            principal: PrincipalView {
                lender: None,
                kind: PrincipalKind::User,
                arn: "arn:aws:iam::111111111111:user/ana",
                account: "111111111111",
                role_arn: None,
                service: None,
                user_id: "AIDA",
            },
            action: "s3:GetObject",
            resource: "arn:aws:s3:::b/o",
            resource_account: owner,
            context: &context,
        };
        let (identity, control) = ([identity], [control]);
        let set = PolicySet {
            identity: &identity,
            service_control: &[&control],
            resource: Some(&resource.policy),
            ..PolicySet::default()
        };
        let mut explanation = policy::explain(&request, &set);
        redact(&mut explanation, &request, "111111111111", &common);
        explanation
    }

    #[test]
    fn an_owner_is_told_its_own_side_without_what_is_the_callers() {
        let resource = policy(
            PolicyKind::Resource,
            r#"{"Sid":"Mine","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringEquals":
                {"aws:PrincipalTag/team":"red","aws:SourceIp":"192.0.2.1","s3:prefix":["x","${aws:PrincipalTag/team}${s3:prefix}"],
                "aws:username":"ana","aws:ResourceTag/t":"y"}}},
                {"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::c/${aws:username}/${aws:PrincipalTag/team}/${aws:SourceIp}"}"#,
        );
        let control = policy(
            PolicyKind::ResourceControl,
            r#"{"Sid":"Secret","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}"#,
        );
        let context = Context::new()
            .with("aws:PrincipalTag/team", "their team")
            .with("aws:SourceIp", "203.0.113.7")
            .with("s3:prefix", "asked for")
            .with("aws:ResourceTag/t", "our tag");
        let request = Request {
            principal: PrincipalView {
                lender: None,
                kind: PrincipalKind::User,
                arn: "arn:aws:iam::111111111111:user/ana",
                account: "111111111111",
                role_arn: None,
                service: None,
                user_id: "AIDA",
            },
            action: "s3:ListBucket",
            resource: "arn:aws:s3:::b",
            resource_account: "222222222222",
            context: &context,
        };
        let control = [control];
        let set = PolicySet {
            resource: Some(&resource.policy),
            resource_control: &[&control],
            ..PolicySet::default()
        };
        let mut explanation = policy::explain(&request, &set);
        for_owner(&mut explanation, "111111111111");
        let text = String::from_utf8(written(explanation)).unwrap();
        for told in [
            "Mine",
            "203.0.113.7",
            "asked for",
            "our tag",
            r#""principal":"111111111111""#,
            r#""variables":[{"key":"s3:prefix","value":"asked for"}]"#,
            r#""variables":[{"key":"aws:sourceip","value":"203.0.113.7"}]"#,
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        for hidden in ["their team", "user/ana", r#"["ana"],"actual":["ana"]"#, "Secret"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
    }

    #[test]
    fn nothing_of_another_accounts_side_is_told() {
        let text = String::from_utf8(written(explained("222222222222"))).unwrap();
        assert!(!text.contains("their secret") && !text.contains("Theirs"), "{text}");
        assert!(text.contains("192.0.2.1"), "{text}");
        assert!(text.contains(r#""variables":[{"key":"aws:username","value":"ana"}]"#), "{text}");
        let own = String::from_utf8(written(explained("111111111111"))).unwrap();
        assert!(own.contains("their secret") && own.contains("Theirs"), "{own}");
    }

    #[test]
    fn a_control_policy_tells_its_outcome_alone() {
        for owner in ["111111111111", "222222222222"] {
            let text = String::from_utf8(written(explained(owner))).unwrap();
            assert!(text.contains("ServiceControl") && !text.contains("Secret"), "{text}");
        }
    }

    #[test]
    fn an_evaluation_says_what_was_decided() {
        let mut explanation = explained("111111111111");
        let untrusted = Denial {
            kind: policy::DenialKind::Implicit,
            policy_type: PolicyType::Trust,
            statement: None,
            undecided: None,
        };
        as_decided(&mut explanation, &untrusted);
        assert_eq!(explanation.denied_by, Some(PolicyType::Trust));
        assert_eq!((explanation.denial, explanation.statement), (Some(policy::DenialKind::Implicit), None));
    }

    #[test]
    fn long_evaluations_lose_what_was_about_something_else() {
        let mut explanation = explained("111111111111");
        let other =
            explanation.policies.iter().flat_map(|policy| &policy.statements).next().cloned().unwrap();
        let other = policy::StatementTrace { outcome: "does not apply", because: Some("action"), ..other };
        if let Some(policy) = explanation.policies.first_mut() {
            policy.statements.extend(std::iter::repeat_n(other, 2_000));
        }
        let bytes = written(explanation);
        assert!(bytes.len() <= EVALUATION_BYTES_MAX);
        assert!(String::from_utf8(bytes).unwrap().contains("IdentityBased"));
    }
}
