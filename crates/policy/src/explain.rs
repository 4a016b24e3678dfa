//! The whole evaluation, written out: every policy, every statement, every condition with the values it saw.
//!
//! It decides nothing itself: the decision is `evaluate`'s, and each line comes from the code that `evaluate` runs.

use serde::Serialize;

use crate::condition::Verdict;
use crate::decision::{Decision, DenialKind, PolicyType, StatementRef};
use crate::evaluate::evaluate;
use crate::policy::{NamedPolicy, Policy, PolicyKind, PolicySet};
use crate::request::Request;
use crate::statement::{Applies, Effect, Element, Question, Statement};
use crate::trace::{self, ElementTrace, VariableTrace};

/// A decision with everything that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// `true` where the request is allowed.
    pub allowed: bool,
    /// The caller's ARN or service name.
    pub principal: String,
    /// The action asked for.
    pub action: String,
    /// The resource asked for.
    pub resource: String,
    /// Whether a denial is explicit.
    pub denial: Option<DenialKind>,
    /// The type of policy that denied or lacked the permission.
    pub denied_by: Option<PolicyType>,
    /// The statement that decided, where one did.
    pub statement: Option<StatementRef>,
    /// Every policy that had a say.
    pub policies: Vec<PolicyTrace>,
}

/// One policy's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyTrace {
    /// Its type.
    pub policy_type: PolicyType,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The group through which the caller has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Its statements in order.
    pub statements: Vec<StatementTrace>,
}

/// One statement's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementTrace {
    /// Its place in the policy, from 0.
    pub index: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// `Allow` or `Deny`.
    pub effect: &'static str,
    /// `applies`, `does not apply` or `undecidable`.
    pub outcome: &'static str,
    /// The element that kept it from applying, or what could not be decided.
    pub because: Option<&'static str>,
    /// That element's patterns, where it was not a condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<ElementTrace>,
    /// Its conditions, where action, resource and principal fit.
    pub conditions: Vec<ConditionTrace>,
}

/// One condition's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionTrace {
    /// The operator, with prefix and suffix.
    pub operator: String,
    /// The key as the policy spells it.
    pub key: String,
    /// The policy's values.
    pub expected: Vec<String>,
    /// The policy variables in them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<VariableTrace>,
    /// The request's values; empty where the key is absent.
    pub actual: Vec<String>,
    /// `holds`, `fails` or `undecidable`.
    pub outcome: &'static str,
}

/// Decides a request and writes out why.
pub fn explain(request: &Request<'_>, set: &PolicySet<'_>) -> Explanation {
    let (denial, denied_by, statement) = match evaluate(request, set) {
        Decision::Allow(allowed) => (None, None, allowed.by),
        Decision::Deny(denial) => (Some(denial.kind), Some(denial.policy_type), denial.statement),
    };
    let principal = request.principal;
    Explanation {
        allowed: denial.is_none(),
        principal: principal.service.unwrap_or(principal.arn).to_owned(),
        action: request.action.to_owned(),
        resource: request.resource.to_owned(),
        denial,
        denied_by,
        statement,
        policies: policies(set, &Question::new(request, set.boundary.is_some())),
    }
}

fn policies(set: &PolicySet<'_>, question: &Question<'_>) -> Vec<PolicyTrace> {
    let mut traces = Vec::new();
    let mut add = |policy_type, named: Option<&NamedPolicy>, policy: &Policy| {
        let statements = policy.statements().iter().enumerate();
        traces.push(PolicyTrace {
            policy_type,
            name: named.map(|named| named.name.to_string()),
            group: named.and_then(|named| named.group.as_deref()).map(str::to_owned),
            statements: statements.map(|(index, it)| statement_trace(index, it, question)).collect(),
        });
    };
    let levels = [
        (set.resource_control, PolicyType::ResourceControl),
        (set.service_control, PolicyType::ServiceControl),
        (&[set.identity], PolicyType::IdentityBased),
    ];
    for (levels, policy_type) in levels {
        for named in levels.iter().copied().flatten() {
            add(policy_type, Some(named), &named.policy);
        }
    }
    if let Some(policy) = set.resource {
        let is_trust = policy.kind() == PolicyKind::Trust;
        add(if is_trust { PolicyType::Trust } else { PolicyType::ResourceBased }, None, policy);
    }
    set.endpoint.into_iter().for_each(|policy| add(PolicyType::VpcEndpoint, None, policy));
    let limits = [
        (set.boundary.map(std::slice::from_ref).unwrap_or_default(), PolicyType::PermissionsBoundary),
        (set.session, PolicyType::Session),
    ];
    for (policies, policy_type) in limits {
        policies.iter().for_each(|named| add(policy_type, Some(named), &named.policy));
    }
    traces
}

fn statement_trace(index: usize, statement: &Statement, question: &Question<'_>) -> StatementTrace {
    let applies = statement.applies(question);
    let (outcome, because) = match applies {
        Applies::Yes(_) => ("applies", None),
        Applies::No(element) => ("does not apply", Some(element_name(element))),
        Applies::Undecidable(reason, _) => ("undecidable", Some(reason)),
    };
    let missed = match applies {
        Applies::No(element) => trace::missed(statement, element, question.request),
        _ => None,
    };
    let reached = because.is_none_or(|element| !["action", "resource", "principal"].contains(&element));
    let conditions = statement.conditions.iter().filter(|_| reached).map(|condition| ConditionTrace {
        operator: condition.operator_name().to_owned(),
        key: condition.key().to_owned(),
        expected: condition.expected_text().to_vec(),
        variables: trace::variables(condition.variables(), question.request),
        actual: condition.actual(question.request).iter().map(str::to_owned).collect(),
        outcome: match condition.check(question.request) {
            Verdict::Holds => "holds",
            Verdict::Fails => "fails",
            Verdict::Undecidable(_) => "undecidable",
        },
    });
    StatementTrace {
        index,
        sid: statement.sid.as_deref().map(str::to_owned),
        effect: match statement.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        },
        outcome,
        because,
        missed,
        conditions: conditions.collect(),
    }
}

const fn element_name(element: Element) -> &'static str {
    match element {
        Element::Action => "action",
        Element::Resource => "resource",
        Element::Principal => "principal",
        Element::Condition => "condition",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, PrincipalKind, PrincipalView};

    /// The statements' traces for `ana`, who asks for `s3:GetObject` on `b/bob/x`.
    fn traced(statements: &str) -> Vec<StatementTrace> {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let policy = Policy::parse(&document, PolicyKind::Resource).unwrap();
        let context = Context::new().with("k:one", "1");
        let principal = PrincipalView {
            kind: PrincipalKind::User,
            arn: "arn:aws:iam::111111111111:user/ana",
            account: "111111111111",
            role_arn: None,
            lender: None,
            service: None,
            user_id: "AIDA",
        };
        let request = Request {
            principal,
            action: "s3:GetObject",
            resource: "arn:aws:s3:::b/bob/x",
            resource_account: "111111111111",
            context: &context,
        };
        let set = PolicySet { resource: Some(&policy), ..PolicySet::default() };
        explain(&request, &set).policies.remove(0).statements
    }

    #[test]
    fn what_did_not_fit_is_written_out() {
        for (rest, element, patterns, variables) in [
            (
                r#""Principal":"*","Action":["s3:Put*","S3:List*"],"Resource":"*""#,
                "Action",
                vec!["s3:Put*", "S3:List*"],
                vec![],
            ),
            (r#""Principal":"*","NotAction":"s3:*","Resource":"*""#, "NotAction", vec!["s3:*"], vec![]),
            (
                r#""Principal":"*","Action":"*","Resource":["arn:aws:s3:::b/${aws:username}/${k:none}","arn:aws:s3:::c/${aws:username}"]"#,
                "Resource",
                vec!["arn:aws:s3:::b/${aws:username}/${k:none}", "arn:aws:s3:::c/${aws:username}"],
                vec![("aws:username", Some("ana")), ("k:none", None)],
            ),
            (
                r#""Principal":"*","Action":"*","NotResource":"arn:aws:s3:::b/*""#,
                "NotResource",
                vec!["arn:aws:s3:::b/*"],
                vec![],
            ),
            (
                r#""Principal":{"AWS":"arn:aws:iam::111111111111:user/bob","Service":"x.amazonaws.com"},"Action":"*","Resource":"*""#,
                "Principal",
                vec!["AWS:arn:aws:iam::111111111111:user/bob", "Service:x.amazonaws.com"],
                vec![],
            ),
            (
                r#""NotPrincipal":{"AWS":"111111111111"},"Action":"*","Resource":"*""#,
                "NotPrincipal",
                vec!["AWS:111111111111"],
                vec![],
            ),
        ] {
            let trace = traced(&format!(r#"{{"Effect":"Allow",{rest}}}"#)).remove(0);
            assert_eq!(trace.outcome, "does not apply", "{rest}");
            let missed = trace.missed.unwrap();
            assert_eq!((missed.element, missed.more), (element, 0), "{rest}");
            assert_eq!(missed.patterns, patterns, "{rest}");
            let told: Vec<_> =
                missed.variables.iter().map(|it| (it.key.as_str(), it.value.as_deref())).collect();
            assert_eq!(told, variables, "{rest}");
        }
    }

    #[test]
    fn long_lists_are_counted_and_what_applies_misses_nothing() {
        let many: Vec<String> = (0..25).map(|at| format!("\"arn:aws:s3:::c/{at}\"")).collect();
        let many = many.join(",");
        let trace =
            traced(&format!(r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":[{many}]}}"#))
                .remove(0);
        let missed = trace.missed.unwrap();
        assert_eq!((missed.patterns.len(), missed.more), (20, 5));
        let condition = r#""Condition":{"StringEquals":{"k:one":["${aws:username}","${k:none, 'x'}"]},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${k:one}"},
            "Bool":{"k:flag":"${k:flag}"},"NumericEquals":{"k:one":"2"}}"#;
        let trace = traced(&format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*",{condition}}}"#
        ))
        .remove(0);
        assert_eq!((trace.because, &trace.missed), (Some("condition"), &None));
        let told = trace.conditions.iter().map(|condition| {
            let variables = condition.variables.iter().map(|it| format!("{}={:?}", it.key, it.value));
            variables.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [r#"aws:username=Some("ana") k:none=None"#, r#"k:one=Some("1")"#, "k:flag=None", ""]
        );
        assert_eq!(
            traced(r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#)[0].missed,
            None
        );
    }
}
