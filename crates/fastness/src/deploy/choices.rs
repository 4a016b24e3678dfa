//! What a deployment is told besides its template: by the command line, and behind it by `samconfig.toml`.
//!
//! Decides only which of the two counts: the command line, key by key.

use template::Document;

use super::calls::{Call, Stack};
use super::samconfig::SamConfig;
use crate::args::{DeployOptions, OnFailure};

/// Where nothing is said: what `sam deploy` is usually told.
const CAPABILITIES: [&str; 2] = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"];

/// What a deployment is told.
#[derive(Debug, Default)]
pub(super) struct Choices {
    pub(super) stack_name: Option<String>,
    pub(super) s3_bucket: Option<String>,
    parameters: Vec<(String, String)>,
    tags: Vec<(String, String)>,
    capabilities: Vec<String>,
    role_arn: Option<String>,
    on_failure: Option<OnFailure>,
}

impl Choices {
    /// The command line's, and behind it the file's.
    pub(super) fn of(options: &DeployOptions, config: SamConfig) -> Self {
        let capabilities = match (options.capabilities.as_slice(), config.capabilities) {
            ([], none) if none.is_empty() => CAPABILITIES.map(str::to_owned).to_vec(),
            ([], told) => told,
            (told, _) => told.to_vec(),
        };
        Self {
            stack_name: options.stack_name.clone().or(config.stack_name),
            s3_bucket: options.s3_bucket.clone().or(config.s3_bucket),
            parameters: over(&options.parameters, config.parameters),
            tags: over(&options.tags, config.tags),
            capabilities,
            role_arn: options.role_arn.clone().or(config.role_arn),
            on_failure: options.on_failure,
        }
    }

    /// Adds them to the input of a call: parameters as given and else as the stack has them, capabilities, tags, role.
    pub(super) fn add_to(
        &self,
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
        for (key, value) in &self.parameters {
            parameter(key, "ParameterValue", value);
        }
        let declared = document.root.get("Parameters").and_then(|declared| declared.as_object());
        let known = existing.map(|stack| stack.parameters.as_slice()).unwrap_or_default();
        for key in known.iter().filter(|key| declared.is_some_and(|all| all.contains_key(*key))) {
            if !self.parameters.iter().any(|(given, _)| given == key) {
                parameter(key, "UsePreviousValue", "true");
            }
        }
        for (at, capability) in self.capabilities.iter().enumerate() {
            input.push((format!("Capabilities.member.{}", at + 1), capability.clone()));
        }
        for (at, (key, value)) in self.tags.iter().enumerate() {
            input.push((format!("Tags.member.{}.Key", at + 1), key.clone()));
            input.push((format!("Tags.member.{}.Value", at + 1), value.clone()));
        }
        input.extend(self.role_arn.iter().map(|arn| ("RoleARN".to_owned(), arn.clone())));
        if let (Call::Create, Some(what)) = (call, self.on_failure) {
            let word = match what {
                OnFailure::Rollback => "ROLLBACK",
                OnFailure::Delete => "DELETE",
                OnFailure::DoNothing => "DO_NOTHING",
            };
            input.push(("OnFailure".to_owned(), word.to_owned()));
        }
    }
}

/// `first`, and what `behind` says of other keys.
fn over(first: &[(String, String)], behind: Vec<(String, String)>) -> Vec<(String, String)> {
    let known = |key: &String| first.iter().any(|(given, _)| given == key);
    let rest = behind.into_iter().filter(|(key, _)| !known(key));
    first.iter().cloned().chain(rest).collect()
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
    fn the_command_line_counts_before_the_file() {
        let config = SamConfig {
            stack_name: Some("of-file".to_owned()),
            parameters: pairs(&[("A", "file"), ("B", "file")]),
            capabilities: vec!["CAPABILITY_NAMED_IAM".to_owned()],
            role_arn: Some("arn:file".to_owned()),
            ..SamConfig::default()
        };
        let options = options(&["--parameter", "A=line", "--on-failure", "delete"]);
        let choices = Choices::of(&options, config);
        assert_eq!(choices.stack_name.as_deref(), Some("of-file"));
        let stack = Stack { parameters: vec!["C".to_owned(), "Gone".to_owned()], ..Stack::default() };
        let document = Document::parse("Parameters: {A: {}, B: {}, C: {}}").unwrap();
        let mut input = Vec::new();
        choices.add_to(&mut input, Call::Create, &document, Some(&stack));
        let expected = [
            ("Parameters.member.1.ParameterKey", "A"),
            ("Parameters.member.1.ParameterValue", "line"),
            ("Parameters.member.2.ParameterKey", "B"),
            ("Parameters.member.2.ParameterValue", "file"),
            ("Parameters.member.3.ParameterKey", "C"),
            ("Parameters.member.3.UsePreviousValue", "true"),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
            ("RoleARN", "arn:file"),
            ("OnFailure", "DELETE"),
        ];
        assert_eq!(input, pairs(&expected));
        let mut input = Vec::new();
        Choices::of(&self::options(&[]), SamConfig::default()).add_to(
            &mut input,
            Call::Update,
            &document,
            None,
        );
        let expected = [
            ("Capabilities.member.1", "CAPABILITY_IAM"),
            ("Capabilities.member.2", "CAPABILITY_AUTO_EXPAND"),
        ];
        assert_eq!(input, pairs(&expected));
    }
}
