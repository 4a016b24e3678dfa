//! What policies would say: one action on one resource, decided by the code that decides real calls.
//!
//! It changes nothing, asks no one, and gives no right. What it adds to the decision is where it came from: which
//! statements, where they stand, and which condition keys nobody gave.

mod keys;
mod page;
mod source;
mod turn;

use std::collections::BTreeSet;

use policy::{
    Context, Decision, DenialKind, NamedPolicy, Policy, PolicySet, PolicyType, PrincipalView, Request,
};

pub(crate) use keys::of_policy as context_keys;
pub(crate) use page::Spent;
pub(crate) use source::Source;
pub(crate) use turn::Turns;

use crate::api;

/// Condition keys that follow from who calls; nobody has to give them. What is given goes before.
const DERIVED: [&str; 9] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principaltype",
    "aws:resourceaccount",
    "aws:userid",
    "aws:username",
    "aws:principaltag",
];

/// Those of them that follow from nothing where no caller is named.
const OF_A_CALLER: [&str; 4] = ["aws:principalarn", "aws:userid", "aws:username", "aws:principaltag"];

/// Everything that a simulation takes into account.
pub(crate) struct Simulation<'a> {
    pub(crate) caller: PrincipalView<'a>,
    /// The account that owns the resources.
    pub(crate) owner: &'a str,
    pub(crate) context: &'a Context,
    pub(crate) identity: &'a [Source],
    pub(crate) boundary: Option<&'a Source>,
    pub(crate) resource: Option<&'a Source>,
    /// The service control policies that bind the caller, a slice for each level; empty where none do.
    pub(crate) service_control: &'a [&'a [NamedPolicy]],
}

/// What was decided, and by what.
struct Outcome {
    decision: &'static str,
    matched: Vec<api::Statement>,
    missing: Vec<String>,
}

/// The policies as the evaluator takes them, each under its place in the list.
pub(crate) fn named(sources: &[Source]) -> Vec<NamedPolicy> {
    let each = sources.iter().enumerate();
    each.map(|(at, source)| NamedPolicy::new(at.to_string(), source.policy.clone())).collect()
}

const fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allowed",
        Decision::Deny(denial) => match denial.kind {
            DenialKind::Explicit => "explicitDeny",
            DenialKind::Implicit => "implicitDeny",
        },
    }
}

impl Simulation<'_> {
    /// The result for one action on one resource, as the API writes it.
    pub(crate) fn result(
        &self,
        named: &[NamedPolicy],
        action: &str,
        resource: &str,
    ) -> api::EvaluationResult {
        let request = self.request(action, resource);
        let bound = self.bound();
        let set = PolicySet {
            identity: named,
            boundary: bound.as_ref(),
            resource: self.resource.map(|source| &source.policy),
            service_control: self.service_control,
            ..PolicySet::default()
        };
        let Outcome { decision, matched, missing } = self.outcome(&request, &set);
        let boundary = self.boundary.map(|source| api::PermissionsBoundaryDecisionDetail {
            allowed_by_permissions_boundary: Some(self.allows_alone(&request, &source.policy)),
        });
        let details = self.details(&request, named);
        let specific = (resource != "*").then(|| {
            vec![api::ResourceSpecificResult {
                eval_resource_name: resource.to_owned(),
                eval_resource_decision: decision.to_owned(),
                matched_statements: Some(matched.clone()),
                missing_context_values: Some(missing.clone()),
                eval_decision_details: details.clone(),
                permissions_boundary_decision_detail: boundary.clone(),
            }]
        });
        api::EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: Some(resource.to_owned()),
            eval_decision: decision.to_owned(),
            matched_statements: Some(matched),
            missing_context_values: Some(missing),
            organizations_decision_detail: self.organizations_detail(&request),
            permissions_boundary_decision_detail: boundary,
            eval_decision_details: details,
            resource_specific_results: specific,
        }
    }

    /// The boundary as the evaluator takes it.
    fn bound(&self) -> Option<NamedPolicy> {
        self.boundary.map(|source| NamedPolicy::new(source.id.as_str(), source.policy.clone()))
    }

    fn request<'r>(&'r self, action: &'r str, resource: &'r str) -> Request<'r> {
        Request {
            principal: self.caller,
            action,
            resource,
            resource_account: self.owner,
            context: self.context,
        }
    }

    fn outcome(&self, request: &Request<'_>, set: &PolicySet<'_>) -> Outcome {
        let decision = word(&policy::evaluate(request, set));
        let wanted = match decision {
            "allowed" => Some("Allow"),
            "explicitDeny" => Some("Deny"),
            _ => None,
        };
        let (mut matched, mut missing) = (Vec::new(), BTreeSet::new());
        for trace in policy::explain(request, set).policies {
            let Some(source) = self.source(trace.policy_type, trace.name.as_deref()) else { continue };
            for statement in &trace.statements {
                if statement.because == Some("action") {
                    continue;
                }
                missing.extend(source.keys_of(statement.index).into_iter().filter(|key| self.lacks(key)));
                // What limits allows nothing by itself, so it is not what allowed.
                let grants = trace.policy_type != PolicyType::PermissionsBoundary || wanted == Some("Deny");
                let applies = statement.outcome == "applies"
                    || (statement.outcome == "undecidable" && statement.effect == "Deny");
                if applies && grants && Some(statement.effect) == wanted {
                    matched.push(source.statement(statement.index));
                }
            }
        }
        Outcome { decision, matched, missing: missing.into_iter().collect() }
    }

    fn source(&self, policy_type: PolicyType, name: Option<&str>) -> Option<&Source> {
        match policy_type {
            PolicyType::IdentityBased => self.identity.get(name?.parse::<usize>().ok()?),
            PolicyType::PermissionsBoundary => self.boundary,
            PolicyType::ResourceBased | PolicyType::Trust => self.resource,
            _ => None,
        }
    }

    fn lacks(&self, key: &str) -> bool {
        let folded = key.to_ascii_lowercase();
        let family = folded.split('/').next().unwrap_or_default();
        let follows =
            DERIVED.contains(&family) && !(self.caller.arn.is_empty() && OF_A_CALLER.contains(&family));
        !follows && self.context.values(key).is_empty()
    }

    fn allows_alone(&self, request: &Request<'_>, policy: &Policy) -> bool {
        let alone = [NamedPolicy::new("", policy.clone())];
        let set = PolicySet { identity: &alone, ..PolicySet::default() };
        let own = Request { resource_account: self.caller.account, ..*request };
        policy::evaluate(&own, &set).is_allowed()
    }

    /// What the organization alone says, where it binds the caller.
    fn organizations_detail(&self, request: &Request<'_>) -> Option<api::OrganizationsDecisionDetail> {
        if self.service_control.is_empty() {
            return None;
        }
        let all = [NamedPolicy::new("", Source::everything()?)];
        let set = PolicySet { identity: &all, service_control: self.service_control, ..PolicySet::default() };
        let own = Request { resource_account: self.caller.account, ..*request };
        let allowed = policy::evaluate(&own, &set).is_allowed();
        Some(api::OrganizationsDecisionDetail { allowed_by_organizations: Some(allowed) })
    }

    /// What each side says, where the resource is another account's and both must allow.
    fn details(&self, request: &Request<'_>, named: &[NamedPolicy]) -> Option<protocol::Entries<String>> {
        let resource = self.resource.filter(|_| self.owner != self.caller.account)?;
        let own = Request { resource_account: self.caller.account, ..*request };
        let bound = self.bound();
        let identity = PolicySet {
            identity: named,
            boundary: bound.as_ref(),
            service_control: self.service_control,
            ..PolicySet::default()
        };
        let everything = Source::everything()?;
        let all = [NamedPolicy::new("", everything)];
        let theirs = PolicySet { identity: &all, resource: Some(&resource.policy), ..PolicySet::default() };
        let sides = [
            ("IAM Policy", word(&policy::evaluate(&own, &identity))),
            ("Resource Policy", word(&policy::evaluate(request, &theirs))),
        ];
        Some(sides.into_iter().map(|(name, word)| (name.to_owned(), word.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use policy::{PolicyKind, PrincipalKind};

    use super::*;

    const ANA: &str = "arn:aws:iam::111111111111:user/ana";

    fn ana() -> PrincipalView<'static> {
        PrincipalView {
            lender: None,
            kind: PrincipalKind::User,
            arn: ANA,
            account: "111111111111",
            role_arn: None,
            service: None,
            user_id: "AIDAX",
        }
    }

    fn source(id: &str, text: &str, kind: PolicyKind) -> Source {
        Source::new(id, Policy::parse(text, kind).unwrap())
    }

    const TEXT: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}},
  {"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/${aws:username}/${s3:prefix}"}]}"#;

    #[test]
    fn a_result_names_what_decided_where_it_stands_and_what_was_not_given() {
        let identity = [source("PolicyInputList.1", TEXT, PolicyKind::Identity)];
        let named = named(&identity);
        let context = Context::new();
        let simulation = Simulation {
            caller: ana(),
            owner: "111111111111",
            context: &context,
            identity: &identity,
            boundary: None,
            resource: None,
            service_control: &[],
        };
        let result = simulation.result(&named, "s3:GetObject", "*");
        assert_eq!(
            (result.eval_decision.as_str(), result.matched_statements),
            ("implicitDeny", Some(Vec::new()))
        );
        assert_eq!(result.missing_context_values.unwrap(), ["aws:RequestedRegion"]);
        let context = Context::new().with("aws:RequestedRegion", "us-east-1").with("s3:prefix", "x");
        let simulation = Simulation { context: &context, ..simulation };
        let allowed = simulation.result(&named, "s3:GetObject", "*");
        let statement = &allowed.matched_statements.unwrap()[0];
        let place = |position: &Option<api::Position>| {
            let position = position.clone().unwrap();
            (position.line.unwrap(), position.column.unwrap())
        };
        assert_eq!(statement.source_policy_id.as_deref(), Some("PolicyInputList.1"));
        assert_eq!((place(&statement.start_position), place(&statement.end_position)), ((2, 3), (2, 117)));
        let denied = simulation.result(&named, "s3:PutObject", "arn:aws:s3:::b/ana/x");
        assert_eq!(denied.eval_decision, "explicitDeny");
        assert_eq!(denied.matched_statements.unwrap().len(), 1, "the deny alone");
        assert!(denied.missing_context_values.unwrap().is_empty());
        assert_eq!(denied.resource_specific_results.unwrap()[0].eval_resource_decision, "explicitDeny");
    }

    #[test]
    fn what_is_given_of_the_caller_counts_and_what_nobody_is_is_missing() {
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*",
            "Condition":{"StringEquals":{"aws:ResourceAccount":"333333333333"}}}]}"#;
        let identity = [source("PolicyInputList.1", text, PolicyKind::Identity)];
        let named = named(&identity);
        let owner = ("aws:ResourceAccount", "333333333333");
        let nobody = PrincipalView { arn: "", user_id: "", ..ana() };
        for (caller, given, resource, decision, missing) in [
            (nobody, vec![owner, ("aws:UserName", "bob")], "bob/x", "allowed", vec![]),
            (ana(), vec![owner, ("aws:username", "bob")], "bob/x", "allowed", vec![]),
            (ana(), vec![owner, ("aws:username", "bob")], "ana/x", "implicitDeny", vec![]),
            (ana(), vec![owner], "ana/x", "allowed", vec![]),
            (ana(), vec![], "ana/x", "implicitDeny", vec![]),
            (nobody, vec![owner], "bob/x", "implicitDeny", vec!["aws:username"]),
        ] {
            let mut context = Context::supposed();
            given.iter().for_each(|(key, value)| context.add(*key, *value));
            let simulation = Simulation {
                caller,
                owner: "111111111111",
                context: &context,
                identity: &identity,
                boundary: None,
                resource: None,
                service_control: &[],
            };
            let result = simulation.result(&named, "s3:GetObject", &format!("arn:aws:s3:::b/{resource}"));
            assert_eq!(result.eval_decision, decision, "{given:?} {resource}");
            assert_eq!(result.missing_context_values.unwrap(), missing, "{given:?} {resource}");
        }
    }

    #[test]
    fn boundaries_and_other_accounts_are_told_apart() {
        let all = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let read = r#"{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
        let theirs = format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ANA}"}},"Action":"s3:GetObject","Resource":"*"}}}}"#
        );
        let identity = [source("a", all, PolicyKind::Identity)];
        let named = named(&identity);
        let boundary = source("b", read, PolicyKind::Boundary);
        let resource = source("c", &theirs, PolicyKind::Resource);
        let context = Context::new();
        let simulation = Simulation {
            caller: ana(),
            owner: "222222222222",
            context: &context,
            identity: &identity,
            boundary: Some(&boundary),
            resource: Some(&resource),
            service_control: &[],
        };
        for (action, decision, bounded, ours, their) in [
            ("s3:GetObject", "allowed", true, "allowed", "allowed"),
            ("s3:GetBucketAcl", "implicitDeny", true, "allowed", "implicitDeny"),
            ("s3:PutObject", "implicitDeny", false, "implicitDeny", "implicitDeny"),
        ] {
            let result = simulation.result(&named, action, "arn:aws:s3:::b/k");
            assert_eq!(result.eval_decision, decision, "{action}");
            let detail = result.permissions_boundary_decision_detail.unwrap();
            assert_eq!(detail.allowed_by_permissions_boundary, Some(bounded), "{action}");
            let details: Vec<(String, String)> = result.eval_decision_details.unwrap().into_iter().collect();
            assert_eq!(details[0], ("IAM Policy".into(), ours.into()), "{action}");
            assert_eq!(details[1], ("Resource Policy".into(), their.into()), "{action}");
        }
    }
}
