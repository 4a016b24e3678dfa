//! The reference for decisions: the `cedar-policy` crate, given the same rules.
//!
//! Policies, requests and entities are made beforehand, so that only its decision is measured.

use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
};

use crate::Error;
use crate::decisions::{Ask, Engine, Rule};

/// The same policies and requests, as Cedar has them.
pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
}

impl Cedar {
    pub(crate) fn new(rules: &[Vec<Rule>], asks: &[Ask]) -> Result<Self, Error> {
        let text: String = rules.iter().flatten().map(policy).collect();
        let requests = asks.iter().map(request).collect::<Result<_, _>>()?;
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: PolicySet::from_str(&text)?,
            entities: Entities::empty(),
            requests,
        })
    }
}

/// Named actions stand in the policy's scope, where Cedar decides them first; families can only be a condition.
fn policy(rule: &Rule) -> String {
    let effect = if rule.allows { "permit" } else { "forbid" };
    let (families, named): (Vec<&String>, Vec<&String>) =
        rule.actions.iter().partition(|action| action.ends_with('*'));
    let scope = match named.as_slice() {
        [] => "action".to_owned(),
        [one] => format!("action == Action::\"{one}\""),
        several => {
            let several: Vec<_> = several.iter().map(|action| format!("Action::\"{action}\"")).collect();
            format!("action in [{}]", several.join(", "))
        }
    };
    let mut conditions: Vec<String> =
        families.iter().map(|family| format!("context.action like \"{family}\"")).collect();
    let resources: Vec<_> =
        rule.resources.iter().map(|start| format!("context.arn like \"{start}*\"")).collect();
    conditions.push(format!("({})", resources.join(" || ")));
    conditions.extend(rule.team.map(|team| format!("context.team == \"{team}\"")));
    format!("{effect}(principal, {scope}, resource) when {{ {} }};\n", conditions.join(" && "))
}

fn request(ask: &Ask) -> Result<Request, Error> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let context = Context::from_pairs([
        ("action".to_owned(), text(&ask.action)),
        ("arn".to_owned(), text(&ask.resource)),
        ("team".to_owned(), text(ask.team)),
    ])?;
    let uid = |kind: &str, id: &str| EntityUid::from_str(&format!("{kind}::\"{id}\""));
    Ok(Request::new(
        uid("User", "ana")?,
        uid("Action", &ask.action)?,
        uid("Thing", &ask.resource)?,
        context,
        None,
    )?)
}

impl Engine for Cedar {
    fn decide(&self, at: usize) -> bool {
        let Some(request) = self.requests.get(at) else { return false };
        let answer = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        answer.decision() == Decision::Allow
    }
}
