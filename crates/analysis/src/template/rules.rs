//! What is looked for: one line a rule, with its severity, the risk it is an instance of, and the way out.
//!
//! Ids are part of the outside contract: people name them in templates and in CI.

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth changing.
    Medium,
    /// Worth stopping a deployment for.
    High,
}

impl Severity {
    /// `low`, `medium` or `high`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable, for people and machines.
    pub id: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The risk of OWASP's Serverless Top 10 that it is an instance of.
    pub owasp: &'static str,
    /// What to do.
    pub fix: &'static str,
}

const ACCESS: &str = "OWASP Serverless S5:2017 Broken Access Control";
const AUTHENTICATION: &str = "OWASP Serverless S2:2017 Broken Authentication";
const EXPOSURE: &str = "OWASP Serverless S3:2017 Sensitive Data Exposure";

macro_rules! rules {
    ($($name:ident = $id:literal, $title:literal, $severity:ident, $owasp:ident, $fix:literal;)*) => {
        $(pub(super) static $name: Rule =
            Rule { id: $id, title: $title, severity: Severity::$severity, owasp: $owasp, fix: $fix };)*

        /// All rules.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    ADMINISTRATOR = "administrator", "grants everything", High, ACCESS,
        "Name the actions that are called; `fastness least-privilege` writes them down after a test run.";
    ACTION_WILDCARD = "action-wildcard", "grants every action of a service", High, ACCESS,
        "Name the actions that are called; `fastness least-privilege` writes them down after a test run.";
    ACTION_PREFIX = "action-prefix", "grants actions by a prefix", Low, ACCESS,
        "Name the actions: a prefix takes in what the service adds later.";
    RESOURCE_WILDCARD = "resource-wildcard", "grants an action on every resource", Medium, ACCESS,
        "Name the resource, for example with !GetAtt or !Sub.";
    UNKNOWN_ACTION = "unknown-action", "grants an unknown action on every resource", Low, ACCESS,
        "See whether the action is spelt right, and name the resource where the action works on one.";
    NOT_ACTION = "not-action", "grants everything but a list", High, ACCESS,
        "List what is allowed, and deny the rest by saying nothing.";
    PASS_ROLE = "pass-role", "may pass any role", High, ACCESS,
        "Name the role, and add a condition on iam:PassedToService.";
    ESCALATION = "privilege-escalation", "can make itself more powerful", High, ACCESS,
        "Drop one of the actions, bound them to named resources, or set a permissions boundary.";
    BORROWED_ROLE = "borrowed-role", "can act under a role that it passes", Medium, ACCESS,
        "Give what makes and what runs to different principals, or let iam:PassedToService name a service whose work it does not write.";
    ANYONE = "anyone", "lets anyone in", High, AUTHENTICATION,
        "Name the principals, or add a condition such as aws:PrincipalOrgID.";
    PUBLIC_FUNCTION = "public-function", "a function that anyone may call", High, AUTHENTICATION,
        "Use AuthType AWS_IAM, an authorizer, or name the caller and its SourceArn.";
    CONFUSED_DEPUTY = "confused-deputy", "a service is let in on anybody's behalf", Medium, ACCESS,
        "Add aws:SourceArn or aws:SourceAccount: SourceArn on a permission, a condition in a policy. Of Alexa name the skill: SkillId, EventSourceToken.";
    SHARED_ROLE = "shared-role", "functions share a role", Medium, ACCESS,
        "Give each function a role of its own: without Role, SAM makes one from the function's Policies.";
    IGNORED_POLICIES = "ignored-policies", "says of a role what SAM ignores", Low, ACCESS,
        "Say it of the role that is named, or leave out Role: SAM makes one only for a function that names none.";
    PLAIN_SECRET = "plain-secret", "a secret in plain text", High, EXPOSURE,
        "Keep it in Secrets Manager or Parameter Store: a function reads it at run time with its role, a property takes a dynamic reference.";
    SECRET_PARAMETER = "secret-parameter", "a hidden parameter in a plain environment variable", Medium, EXPOSURE,
        "NoEcho hides the parameter and not the variable: pass the secret's ARN instead.";
    RESOLVED_SECRET = "resolved-secret", "a secret that is resolved into an environment variable", Medium, EXPOSURE,
        "Deployment writes the resolved secret into the function's configuration: pass its ARN, and read it at run time.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_every_rule_says_what_to_do() {
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.fix.len() > 20 && rule.owasp.starts_with("OWASP Serverless")));
    }
}
