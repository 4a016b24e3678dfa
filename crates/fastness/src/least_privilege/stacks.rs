//! Functions and roles by the names that their templates give them.
//!
//! A logical id that several stacks have is refused with their names: whose calls are meant must not be guessed.

use crate::Error;
use crate::client::Client;
use crate::xml::elements;

const VERSION: &str = "2010-05-15";
/// What has calls of its own.
const KINDS: [&str; 2] = ["AWS::Lambda::Function", "AWS::IAM::Role"];

/// The physical id behind `LogicalId`, or `Stack/LogicalId` where several stacks have one; `None` where none has.
pub(super) fn physical_id(client: &Client, named: &str) -> Result<Option<String>, Error> {
    let (stacks, logical) = match named.split_once('/') {
        Some((stack, logical)) => (vec![stack.to_owned()], logical),
        None => (names(client)?, named),
    };
    let is_id = !logical.is_empty() && logical.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let mut found: Vec<(String, String)> = Vec::new();
    for stack in stacks.into_iter().filter(|_| is_id) {
        let parameters = [
            ("Action", "DescribeStackResource"),
            ("StackName", stack.as_str()),
            ("LogicalResourceId", logical),
        ];
        let xml = match client.query("cloudformation", VERSION, &parameters) {
            // A stack without such a resource says so with an error.
            Err(error) if error.to_string().contains("ValidationError") => continue,
            answer => answer?,
        };
        let is_one = elements(&xml, "ResourceType").iter().any(|kind| KINDS.contains(&kind.as_str()));
        if let Some(id) = elements(&xml, "PhysicalResourceId").into_iter().next().filter(|_| is_one) {
            found.push((stack, id));
        }
    }
    match found.as_slice() {
        [] => Ok(None),
        [(_, id)] => Ok(Some(id.clone())),
        several => {
            let names: Vec<String> = several.iter().map(|(stack, _)| format!("{stack}/{logical}")).collect();
            Err(format!("several stacks have `{logical}`: name one of {}", names.join(", ")).into())
        }
    }
}

/// The stacks that there are.
fn names(client: &Client) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut parameters = vec![("Action", "DescribeStacks")];
        if let Some(token) = &token {
            parameters.push(("NextToken", token));
        }
        let xml = client.query("cloudformation", VERSION, &parameters)?;
        names.extend(elements(&xml, "StackName"));
        token = elements(&xml, "NextToken").into_iter().next();
        if token.is_none() {
            return Ok(names);
        }
    }
}
