//! Statements that name principals: who is let in, and on whose behalf services come.
//!
//! Whether a condition keeps others out, `access` says: the same judgement as for policies that are in force.

use serde_json::Value;
use template::Resource;

use super::reading::{Reading, line};
use super::{Finding, Rule, conditions, rules, sources};
use crate::access::{is_public, narrows};
use crate::json::{Json, Member, Node, Span};

/// Services whose machines are the account's own: a condition on whose behalf they come says nothing more.
const OWN_MACHINES: [&str; 4] =
    ["lambda.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com", "edgelambda.amazonaws.com"];

/// Services whose roles AWS documents without a condition: nobody but the account's own principals can give them one.
const FOR_THE_ACCOUNT: [&str; 2] = ["apigateway.amazonaws.com", "codedeploy.amazonaws.com"];

/// How the services of Alexa are called. They have no ARN: a skill's id says for whom they come.
const ALEXA: &str = ".amazon.com";
const SKILL: &str = "lambda:eventsourcetoken";

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    match resource.kind.as_str() {
        "AWS::Lambda::Permission" => permission(reading, name, resource, findings),
        "AWS::Serverless::Function" => skills(reading, name, resource, findings),
        "AWS::Lambda::LayerVersionPermission" => layer(reading, name, resource, findings),
        "AWS::Events::EventBusPolicy" if resource.properties.get("Principal").is_some() => {
            event_bus(reading, name, resource, findings);
        }
        _ => {}
    }
    for mut statement in sources::with_principals(reading, name, resource) {
        name_providers(reading, &mut statement);
        judge(name, resource, &statement, findings);
    }
}

/// Puts a provider of the template in the place of the reference to it: whose people come by it, its address says.
fn name_providers(reading: &Reading<'_>, statement: &mut Node) {
    let federated = member(statement, "Principal").and_then(|principal| member(principal, "Federated"));
    let Some(federated) = federated else { return };
    let name = |node: &mut Node| {
        if let Some(arn) = node.text().and_then(|text| provider(reading, text)) {
            node.value = Json::String(arn);
        }
    };
    match &mut federated.value {
        Json::Array(items) => items.iter_mut().for_each(name),
        _ => name(federated),
    }
}

fn member<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    let Json::Object(members) = &mut node.value else { return None };
    members.iter_mut().find(|member| member.name == name).map(|member| &mut member.node)
}

fn provider(reading: &Reading<'_>, reference: &str) -> Option<String> {
    let id = reference.strip_prefix('<')?.strip_suffix('>')?;
    let id = id.strip_suffix(".Arn").unwrap_or(id);
    let (_, resource) = reading.resources().find(|(name, _)| *name == id)?;
    let (url, _) = reading.raw(id, resource, "Url").filter(|_| resource.kind == "AWS::IAM::OIDCProvider")?;
    let url = reading.text(url);
    let name = url.strip_prefix("https://").unwrap_or(&url);
    Some(format!("arn:aws:iam::123456789012:oidc-provider/{name}"))
}

fn judge(name: &str, resource: &Resource, statement: &Node, findings: &mut Vec<Finding>) {
    let mut add = |rule: &'static Rule, line: usize, message: String| {
        findings.push(Finding { rule, resource: name.to_owned(), line: Some(line), message });
    };
    if statement.get("Effect").and_then(Node::text) != Some("Allow") {
        return;
    }
    if is_public(statement) {
        match statement.get("Principal") {
            None => {
                let element = statement.members().iter().find(|member| member.name == "NotPrincipal");
                let at = element.map_or(line(statement), |element| element.name_span.start.line);
                add(&rules::ANYONE, at, format!("`{name}` allows with NotPrincipal"));
            }
            Some(principal) => {
                let (who, at) = anyone(principal);
                let message = format!("`{name}` lets {who} in, and no condition says who comes");
                add(&rules::ANYONE, at, message);
            }
        }
    }
    let services = statement.get("Principal").and_then(|principal| principal.get("Service"));
    for service in services.map(Node::one_or_many).unwrap_or_default() {
        let text = service.text().unwrap_or_default();
        let is_fixed = resource.kind == "AWS::IAM::Role" && FOR_THE_ACCOUNT.contains(&text);
        if !is_fixed
            && !OWN_MACHINES.contains(&text)
            && !conditions::name_the_origin(statement)
            && text != "*"
        {
            let message = format!("`{name}` lets {text} in on anybody's behalf");
            add(&rules::CONFUSED_DEPUTY, line(service), message);
        }
    }
}

/// Whom a principal lets in that lets in anyone, and where it stands.
fn anyone(principal: &Node) -> (String, usize) {
    for member in principal.members() {
        let star = member.node.one_or_many().iter().find(|item| item.text() == Some("*"));
        if let Some(star) = star {
            return ("anyone".to_owned(), line(star));
        }
        if member.name == "Federated" {
            let provider = member.node.texts().first().copied().unwrap_or_default();
            return (format!("everyone whom {provider} knows"), line(&member.node));
        }
    }
    ("anyone".to_owned(), line(principal))
}

fn permission(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    let get = |property: &str| reading.property(name, resource, property);
    if let Some(action) = get("Action") {
        let plain = super::statement::plain(action.text().unwrap_or_default()).to_ascii_lowercase();
        if matches!(plain.as_str(), "*" | "lambda:*") {
            let message = format!("`{name}` allows everything with the function");
            let line = Some(line(&action));
            findings.push(Finding {
                rule: &rules::ACTION_WILDCARD,
                resource: name.to_owned(),
                line,
                message,
            });
        }
    }
    let Some(principal) = get("Principal") else { return };
    let who = principal.text().unwrap_or_default();
    let is_alexa = who.ends_with(ALEXA);
    let origin = conditioned(vec![
        ("StringEquals", SKILL, get("EventSourceToken").filter(|_| is_alexa)),
        ("ArnLike", "aws:SourceArn", get("SourceArn")),
        ("StringEquals", "aws:SourceAccount", get("SourceAccount")),
        ("StringEquals", "aws:PrincipalOrgID", get("PrincipalOrgID")),
    ]);
    if conditions::name_the_origin(&origin) || is_alexa && narrows(&origin, |key| key == SKILL) {
        return;
    }
    let (rule, message) = if is_alexa {
        (&rules::CONFUSED_DEPUTY, format!("`{name}` lets every skill of Alexa's call the function"))
    } else if who == "*" {
        (&rules::PUBLIC_FUNCTION, format!("`{name}` lets anyone call the function"))
    } else if who.ends_with(".amazonaws.com") {
        (&rules::CONFUSED_DEPUTY, format!("`{name}` lets {who} call the function on anybody's behalf"))
    } else {
        return;
    };
    findings.push(Finding { rule, resource: name.to_owned(), line: Some(line(&principal)), message });
}

/// Events of Alexa's skills, for which SAM makes a permission.
fn skills(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    let Some((Value::Object(events), _)) = reading.raw(name, resource, "Events") else { return };
    for event in events.keys() {
        let of_event = |member: &str| reading.raw(name, resource, &format!("Events/{event}/{member}"));
        if let Some((kind, path)) = of_event("Type")
            && reading.text(kind) == "AlexaSkill"
            && of_event("Properties/SkillId").is_none()
        {
            let message = format!("`{name}` lets every skill of Alexa's call the function");
            findings.push(reading.finding(&rules::CONFUSED_DEPUTY, name, &path, message));
        }
    }
}

fn layer(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    let get = |property: &str| reading.property(name, resource, property);
    let Some(principal) = get("Principal") else { return };
    let organization = conditioned(vec![("StringEquals", "aws:PrincipalOrgID", get("OrganizationId"))]);
    if principal.text() == Some("*") && !conditions::name_the_origin(&organization) {
        let message = format!("`{name}` lets every account use the layer");
        let line = Some(line(&principal));
        findings.push(Finding { rule: &rules::ANYONE, resource: name.to_owned(), line, message });
    }
}

/// The short form of an event bus's policy: an account or `*`, and one condition on its organization.
fn event_bus(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    let get = |property: &str| reading.property(name, resource, property);
    let Some(principal) = get("Principal") else { return };
    let condition = get("Condition");
    let part = |name: &str| condition.as_ref().and_then(|condition| condition.get(name)).cloned();
    let (operator, key) = (part("Type"), part("Key"));
    let text = |node: &Option<Node>| node.as_ref().and_then(Node::text).unwrap_or_default().to_owned();
    let (operator, key) = (text(&operator), text(&key));
    let statement = conditioned(vec![(operator.as_str(), key.as_str(), part("Value"))]);
    if principal.text() == Some("*") && !narrows(&statement, |key| key == "aws:principalorgid") {
        let message = format!("`{name}` lets every account send events");
        let line = Some(line(&principal));
        findings.push(Finding { rule: &rules::ANYONE, resource: name.to_owned(), line, message });
    }
}

/// A statement with these conditions: what a property says in short, as a policy would.
fn conditioned(conditions: Vec<(&str, &str, Option<Node>)>) -> Node {
    let object = |members: Vec<Member>| Node { value: Json::Object(members), span: Span::default() };
    let member = |name: &str, node: Node| Member { name: name.to_owned(), name_span: Span::default(), node };
    let operators = conditions
        .into_iter()
        .filter_map(|(operator, key, value)| Some(member(operator, object(vec![member(key, value?)]))));
    object(vec![member("Condition", object(operators.collect()))])
}
