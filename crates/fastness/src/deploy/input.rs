//! The input of the calls that create and update a stack, as the query API has it.
//!
//! Decides nothing but what is said where nobody said anything.

use template::Document;

use super::calls::{Call, Stack};
use crate::args::{DeployOptions, OnFailure};
use crate::choices::Choices;

/// Where nothing is said: what `sam deploy` is usually told.
const CAPABILITIES: [&str; 2] = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"];

/// What the command line chooses.
pub(super) fn chosen(options: &DeployOptions) -> Choices {
    Choices {
        stack_name: options.stack_name.clone(),
        s3_bucket: options.s3_bucket.clone(),
        parameters: options.parameters.clone(),
        tags: options.tags.clone(),
        capabilities: options.capabilities.clone(),
        role_arn: options.role_arn.clone(),
        on_failure: options.on_failure,
        no_execute_changeset: options.no_execute_changeset,
        ..Choices::default()
    }
}

/// Adds choices to the input of a call: parameters as given and else as the stack has them, capabilities, tags, role.
pub(super) fn add(
    choices: &Choices,
    input: &mut Vec<(String, String)>,
    call: Call,
    document: &Document,
    existing: Option<&Stack>,
) {
    let mut count = 0;
    let mut parameter = |key: &str, member: &str, value: &str| {
        count += 1;
        input.push((format!("Parameters.member.{count}.ParameterKey"), key.to_owned()));
        input.push((format!("Parameters.member.{count}.{member}"), value.to_owned()));
    };
    for (key, value) in &choices.parameters {
        parameter(key, "ParameterValue", value);
    }
    let declared = document.root.get("Parameters").and_then(|declared| declared.as_object());
    let known = existing.map(|stack| stack.parameters.as_slice()).unwrap_or_default();
    for key in known.iter().filter(|key| declared.is_some_and(|all| all.contains_key(*key))) {
        if !choices.parameters.iter().any(|(given, _)| given == key) {
            parameter(key, "UsePreviousValue", "true");
        }
    }
    let usual = CAPABILITIES.map(str::to_owned);
    let capabilities = if choices.capabilities.is_empty() { &usual[..] } else { &choices.capabilities };
    for (at, capability) in capabilities.iter().enumerate() {
        input.push((format!("Capabilities.member.{}", at + 1), capability.clone()));
    }
    for (at, (key, value)) in choices.tags.iter().enumerate() {
        input.push((format!("Tags.member.{}.Key", at + 1), key.clone()));
        input.push((format!("Tags.member.{}.Value", at + 1), value.clone()));
    }
    input.extend(choices.role_arn.iter().map(|arn| ("RoleARN".to_owned(), arn.clone())));
    let said = match (call, choices.on_failure) {
        (Call::Create, Some(what)) => Some(("OnFailure", what.word())),
        (Call::Update, Some(OnFailure::DoNothing)) => Some(("DisableRollback", "true")),
        // One that stopped half-way goes on from there, whatever is asked.
        (Call::Update, _) if existing.is_some_and(|stack| super::is_half_way(&stack.status)) => {
            Some(("DisableRollback", "true"))
        }
        // A change set that is executed by hand is told then what becomes of a failure.
        (Call::Update | Call::Plan, _) | (Call::Create, None) => None,
    };
    input.extend(said.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Args, Command};

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn options(arguments: &[&str]) -> DeployOptions {
        let all = ["fastness", "deploy"].iter().chain(arguments);
        let Command::Deploy(options) = Args::parse_from(all).command else { panic!() };
        options
    }

    #[test]
    fn choices_become_the_input_of_a_call() {
        let line = ["--parameter", "A=line", "--capability", "CAPABILITY_NAMED_IAM", "--role-arn", "arn:r"];
        let options = options(&[&line[..], &["--on-failure", "delete", "--tag", "t=u"]].concat());
        let stack = Stack { parameters: vec!["C".to_owned(), "Gone".to_owned()], ..Stack::default() };
        let document = Document::parse("Parameters: {A: {}, B: {}, C: {}}").unwrap();
        let mut input = Vec::new();
        add(&chosen(&options), &mut input, Call::Create, &document, Some(&stack));
        let expected = [
            ("Parameters.member.1.ParameterKey", "A"),
            ("Parameters.member.1.ParameterValue", "line"),
            ("Parameters.member.2.ParameterKey", "C"),
            ("Parameters.member.2.UsePreviousValue", "true"),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
            ("Tags.member.1.Key", "t"),
            ("Tags.member.1.Value", "u"),
            ("RoleARN", "arn:r"),
            ("OnFailure", "DELETE"),
        ];
        assert_eq!(input, pairs(&expected));
        let mut input = Vec::new();
        let deleted = Choices { on_failure: Some(OnFailure::Delete), ..Choices::default() };
        add(&deleted, &mut input, Call::Update, &document, None);
        let expected = [
            ("Capabilities.member.1", "CAPABILITY_IAM"),
            ("Capabilities.member.2", "CAPABILITY_AUTO_EXPAND"),
        ];
        assert_eq!(input, pairs(&expected));
    }

    #[test]
    fn a_change_that_fails_is_not_taken_back_where_that_is_asked() {
        let document = Document::parse("Resources: {}").unwrap();
        let kept = Choices { on_failure: Some(OnFailure::DoNothing), ..Choices::default() };
        let half_way = Stack { status: "UPDATE_FAILED".to_owned(), ..Stack::default() };
        let whole = Stack { status: "CREATE_COMPLETE".to_owned(), ..Stack::default() };
        let last = |choices: &Choices, call: Call, stack: &Stack| {
            let mut input = Vec::new();
            add(choices, &mut input, call, &document, Some(stack));
            input.pop().unwrap()
        };
        let kept_on = ("DisableRollback".to_owned(), "true".to_owned());
        assert_eq!(last(&kept, Call::Update, &whole), kept_on);
        assert_eq!(last(&Choices::default(), Call::Update, &half_way), kept_on);
        assert_ne!(last(&Choices::default(), Call::Update, &whole), kept_on);
        assert_ne!(last(&kept, Call::Plan, &whole), kept_on);
    }
}
