//! The whole evaluation, written out: every policy, every statement, every condition with the values it saw.
//!
//! It decides nothing itself: the decision is `evaluate`'s, and each line comes from the code that `evaluate` runs.

use serde::Serialize;

use crate::condition::Verdict;
use crate::decision::{Decision, DenialKind, PolicyType, StatementRef};
use crate::evaluate::evaluate;
use crate::policy::{Policy, PolicyKind, PolicySet};
use crate::request::Request;
use crate::statement::{Applies, Effect, Element, Question, Statement};

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
    let mut add = |policy_type, name: Option<&str>, policy: &Policy| {
        let statements = policy.statements().iter().enumerate();
        traces.push(PolicyTrace {
            policy_type,
            name: name.map(str::to_owned),
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
            add(policy_type, Some(&named.name), &named.policy);
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
        policies.iter().for_each(|named| add(policy_type, Some(&named.name), &named.policy));
    }
    traces
}

fn statement_trace(index: usize, statement: &Statement, question: &Question<'_>) -> StatementTrace {
    let (outcome, because) = match statement.applies(question) {
        Applies::Yes(_) => ("applies", None),
        Applies::No(element) => ("does not apply", Some(element_name(element))),
        Applies::Undecidable(reason, _) => ("undecidable", Some(reason)),
    };
    let reached = because.is_none_or(|element| !["action", "resource", "principal"].contains(&element));
    let conditions = statement.conditions.iter().filter(|_| reached).map(|condition| ConditionTrace {
        operator: condition.operator_name().to_owned(),
        key: condition.key().to_owned(),
        expected: condition.expected_text().to_vec(),
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
