//! Secrets in environment variables: told by the variable's name or by the value's form, and never repeated. And passwords that
//! stand written in the properties for them.
//!
//! Only what is written in the template is looked at, defaults of parameters and parts of longer texts included.

use serde_json::Value;
use template::Resource;

use super::reading::Reading;
use super::resolve::Piece;
use super::words::{Name, has_form_of_secret, has_part_of_secret, looks_random, name, says_nothing};
use super::{Finding, Rule, rules};

/// Stands where something is referred to: a letter that no template has.
const REFERRED: char = '\u{0}';
/// What a stored secret has besides: `{{resolve:secretsmanager:db:SecretString:username}}`.
const NO_SECRET_KEYS: [&str; 8] =
    ["username", "user", "host", "port", "dbname", "engine", "dbinstanceidentifier", "endpoint"];

/// Properties for passwords, by kind.
const PASSWORDS: [(&str, &str); 6] = [
    ("AWS::DirectoryService::MicrosoftAD", "Password"),
    ("AWS::DocDB::DBCluster", "MasterUserPassword"),
    ("AWS::IAM::User", "LoginProfile/Password"),
    ("AWS::RDS::DBCluster", "MasterUserPassword"),
    ("AWS::RDS::DBInstance", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUserPassword"),
];

pub(super) fn check(reading: &Reading<'_>, id: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    for (_, property) in PASSWORDS.iter().filter(|(kind, _)| *kind == resource.kind) {
        // A hidden parameter or a dynamic reference is how such a property is meant to be given.
        if let Some((value, path)) = reading.raw(id, resource, property)
            && judge(reading, "PASSWORD", value).is_some_and(|(rule, _)| *rule == rules::PLAIN_SECRET)
        {
            let message = format!("`{id}`: {property} is a password in plain text");
            findings.push(reading.finding(&rules::PLAIN_SECRET, id, &path, message));
        }
    }
    if !matches!(resource.kind.as_str(), "AWS::Lambda::Function" | "AWS::Serverless::Function") {
        return;
    }
    if let Some((variables, path)) = reading.raw(id, resource, "Environment/Variables") {
        look(reading, variables, &path, &mut |rule, path, message| {
            findings.push(reading.finding(rule, id, path, format!("`{id}`: {message}")));
        });
    }
}

/// The environment of `Globals`, which every function of the template gets.
pub(super) fn check_globals(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    if let Some((variables, path)) = reading.global("Function/Environment/Variables") {
        look(reading, variables, &path, &mut |rule, path, message| {
            findings.push(reading.finding(rule, "", path, format!("every function: {message}")));
        });
    }
}

fn look(
    reading: &Reading<'_>,
    variables: &Value,
    path: &str,
    add: &mut dyn FnMut(&'static Rule, &str, String),
) {
    for (variables, path) in reading.items(variables, path.to_owned()) {
        for (variable, value) in variables.as_object().into_iter().flatten() {
            let path = format!("{path}/{variable}");
            for (value, path) in reading.items(value, path) {
                if let Some((rule, what)) = judge(reading, variable, value) {
                    add(rule, &path, format!("{variable} {what}"));
                }
            }
        }
    }
}

fn judge(reading: &Reading<'_>, variable: &str, value: &Value) -> Option<(&'static Rule, &'static str)> {
    let pieces = reading.pieces(value);
    let is_hidden = |piece: &Piece| match piece {
        Piece::Referred(name) => {
            reading.template.parameters.get(name).is_some_and(|parameter| parameter.no_echo)
        }
        Piece::Written(_) => false,
    };
    if pieces.iter().any(is_hidden) {
        return Some((&rules::SECRET_PARAMETER, "is a parameter with NoEcho"));
    }
    let mut text = String::new();
    for piece in &pieces {
        match piece {
            Piece::Written(written) => text.push_str(written),
            Piece::Referred(_) => text.push(REFERRED),
        }
    }
    let (text, resolves) = without_references(&text);
    if is_secret(variable, &text) {
        return Some((&rules::PLAIN_SECRET, "holds a secret in plain text"));
    }
    resolves.then_some((&rules::RESOLVED_SECRET, "holds a secret that deployment writes in plain text"))
}

/// The text with dynamic references as what is referred to, and whether one of them is to a secret.
fn without_references(text: &str) -> (String, bool) {
    let (mut out, mut resolves, mut rest) = (String::new(), false, text);
    while let Some((before, after)) = rest.split_once("{{resolve:") {
        let Some((reference, behind)) = after.split_once("}}") else { break };
        out.push_str(before);
        out.push(REFERRED);
        resolves |= is_to_secret(reference);
        rest = behind;
    }
    out.push_str(rest);
    (out, resolves)
}

/// `secretsmanager:id:SecretString:key:…` and `ssm-secure:name`; a key may name what is no secret.
fn is_to_secret(reference: &str) -> bool {
    let key = reference.split(":SecretString:").nth(1).and_then(|rest| rest.split(':').next());
    let is_plain = key.is_some_and(|key| NO_SECRET_KEYS.contains(&key.to_ascii_lowercase().as_str()));
    (reference.starts_with("secretsmanager:") && !is_plain) || reference.starts_with("ssm-secure:")
}

fn is_secret(variable: &str, text: &str) -> bool {
    let mut written = text.split(REFERRED).filter(|part| !part.is_empty());
    if has_password(text) || has_part_of_secret(text, REFERRED) || written.clone().any(has_form_of_secret) {
        return true;
    }
    let is_whole = !text.contains(REFERRED);
    match name(variable) {
        Name::OfSecret if is_whole => !says_nothing(text),
        Name::OfSecret | Name::LikeSecret => written.any(|part| !says_nothing(part) && looks_random(part)),
        Name::Other => false,
    }
}

/// An address with a user and a written password: `postgres://user:password@host/…`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
    password.is_some_and(|password| !password.is_empty() && !password.contains(REFERRED))
}
