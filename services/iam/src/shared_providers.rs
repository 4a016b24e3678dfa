//! Trust in identity providers that many organizations share: the claim that tells them apart must be asked for.
//!
//! Looked at when a trust policy comes, never afterwards: what is kept already goes on, as in AWS.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html>

use analysis::glob;
use analysis::json::{self, Node};
use analysis::shared_providers::control;

use crate::Error;

const ASSUME: &str = "sts:assumerolewithwebidentity";

/// Ok where every statement that lets in a shared provider's people asks for the claim that tells whose they are.
pub(crate) fn check(trust: &str) -> Result<(), Error> {
    let Ok(document) = json::parse(trust) else { return Ok(()) };
    let statements = document.get("Statement").map(Node::one_or_many).unwrap_or_default();
    for statement in statements.iter().filter(|it| lets_in(it)) {
        let federated = statement.get("Principal").and_then(|it| it.get("Federated"));
        for provider in federated.map(Node::texts).unwrap_or_default() {
            if let Some(key) = control(provider).filter(|key| !asks(statement, key)) {
                return Err(Error::MalformedPolicyDocument(format!(
                    "The identity provider {provider} is shared: the trust policy must evaluate the condition key {key} with a \
                     value that is not solely a wildcard."
                )));
            }
        }
    }
    Ok(())
}

fn lets_in(statement: &Node) -> bool {
    let fits = |pattern: &&str| glob::matches(&pattern.to_ascii_lowercase(), ASSUME);
    let named = |element| statement.get(element).map(Node::texts).unwrap_or_default();
    let covers = match statement.get("NotAction") {
        Some(_) => !named("NotAction").iter().any(fits),
        None => named("Action").iter().any(fits),
    };
    covers && statement.get("Effect").and_then(Node::text) == Some("Allow")
}

/// True where a condition on this key, other than whether it is there, has values that are more than wildcards.
fn asks(statement: &Node, key: &str) -> bool {
    let conditions = statement.get("Condition").map(Node::members).unwrap_or_default();
    let mut operators = conditions.iter().filter(|operator| operator.name != "Null");
    operators.any(|operator| {
        let mut keys = operator.node.members().iter().filter(|it| it.name.eq_ignore_ascii_case(key));
        keys.any(|it| {
            let values = it.node.texts();
            let says_nothing = |value: &&str| value.chars().all(|letter| matches!(letter, '*' | '?'));
            !values.is_empty() && !values.iter().any(says_nothing)
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const GITHUB: &str = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";

    fn taken(federated: &Value, action: &str, condition: &Value) -> bool {
        let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action,
            "Principal": {"Federated": federated}, "Condition": condition}});
        check(&trust.to_string()).is_ok()
    }

    #[test]
    fn a_shared_provider_is_trusted_by_the_claim_that_tells_its_customers_apart() {
        let github = |claim: &str| format!("token.actions.githubusercontent.com:{claim}");
        let assume = "sts:AssumeRoleWithWebIdentity";
        for (condition, expected) in [
            (json!({}), false),
            (json!({"StringEquals": {github("aud"): "sts.amazonaws.com"}}), false),
            (
                json!({"StringEquals": {github("aud"): "a", github("sub"): "repo:o/r:ref:refs/heads/main"}}),
                true,
            ),
            (json!({"StringLike": {github("SUB"): ["repo:o/*"]}}), true),
            (json!({"StringLike": {github("sub"): "*"}}), false),
            (json!({"StringLike": {github("sub"): ["repo:o/*", "?*"]}}), false),
            (json!({"StringEquals": {github("sub"): ""}}), false),
            (json!({"StringEquals": {github("sub"): []}}), false),
            (json!({"Null": {github("sub"): "false"}}), false),
        ] {
            assert_eq!(taken(&json!(GITHUB), assume, &condition), expected, "{condition}");
        }
        for action in ["sts:assumerolewith*", "*", "sts:TagSession"] {
            assert_eq!(taken(&json!(GITHUB), action, &json!({})), action == "sts:TagSession", "{action}");
        }
        assert!(taken(&json!("arn:aws:iam::1:oidc-provider/idp.example"), assume, &json!({})));
        assert!(!taken(&json!(["arn:aws:iam::1:oidc-provider/idp.example", GITHUB]), assume, &json!({})));
        for (provider, key) in [
            ("arn:aws:iam::1:oidc-provider/app.terraform.io", "app.terraform.io:sub"),
            ("arn:aws:iam::1:oidc-provider/api.pulumi.com/oidc", "api.pulumi.com/oidc:aud"),
            ("cognito-identity.amazonaws.com", "cognito-identity.amazonaws.com:aud"),
            (
                "arn:aws:iam::1:oidc-provider/sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d",
                "sts:RoleSessionName",
            ),
        ] {
            assert!(!taken(&json!(provider), assume, &json!({})), "{provider}");
            assert!(taken(&json!(provider), assume, &json!({"StringEquals": {key: "x"}})), "{provider}");
        }
    }

    #[test]
    fn what_denies_or_excludes_is_left_alone() {
        for statement in [
            json!({"Effect": "Deny", "Action": "*", "Principal": {"Federated": GITHUB}}),
            json!({"Effect": "Allow", "NotAction": "sts:AssumeRoleWith*", "Principal": {"Federated": GITHUB}}),
        ] {
            assert!(check(&json!({"Statement": [statement]}).to_string()).is_ok());
        }
        let open = json!({"Statement": [{"Effect": "Allow", "NotAction": "sts:TagSession", "Principal": {"Federated": GITHUB}}]});
        assert!(check(&open.to_string()).is_err());
    }
}
