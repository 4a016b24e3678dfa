//! The condition keys that policies ask for: in conditions, and in policy variables.
//!
//! Names are given out in the spelling in which the policy has them.

use analysis::json::{self, Json, Node};

/// The keys of a whole policy, sorted, each once.
pub(crate) fn of_policy(text: &str) -> Vec<String> {
    let document = json::parse(text).ok();
    let statements = document.as_ref().and_then(|document| document.get("Statement"));
    let mut found = Vec::new();
    for statement in statements.map(Node::one_or_many).unwrap_or_default() {
        found.extend(of_statement(statement));
    }
    found.sort();
    found.dedup();
    found
}

/// The keys of one statement.
pub(super) fn of_statement(statement: &Node) -> Vec<String> {
    let mut found = Vec::new();
    let conditions = statement.get("Condition").map(Node::members).unwrap_or_default();
    for operator in conditions {
        for condition in operator.node.members() {
            found.push(condition.name.clone());
            add_variables(&condition.node, &mut found);
        }
    }
    for element in ["Resource", "NotResource"] {
        if let Some(node) = statement.get(element) {
            add_variables(node, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

fn add_variables(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Json::Array(items) => items.iter().for_each(|item| add_variables(item, found)),
        Json::String(text) => {
            for piece in text.split("${").skip(1) {
                let inside = piece.split('}').next().unwrap_or_default();
                let key = inside.split(',').next().unwrap_or_default().trim();
                if key.contains(':') {
                    found.push(key.to_owned());
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_conditions_and_in_variables() {
        let text = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::${aws:username}/${*}/${aws:PrincipalTag/a, 'x'}"],
            "Condition":{"Bool":{"aws:SecureTransport":"true"},"StringLike":{"s3:prefix":"${aws:userid}*"}}}]}"#;
        let expected =
            ["aws:PrincipalTag/a", "aws:SecureTransport", "aws:userid", "aws:username", "s3:prefix"];
        assert_eq!(of_policy(text), expected);
        assert!(of_policy("{").is_empty());
    }
}
