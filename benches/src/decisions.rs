//! Decisions of policy: ten attached policies of ten statements, beside the same policies in another engine.
//!
//! Policies are compiled and contexts made beforehand, as the platform keeps them. Both engines must agree on every request
//! before either is measured.

use std::time::{Duration, Instant};

use policy::{
    Context, NamedPolicy, Policy, PolicyKind, PolicySet, PrincipalKind, PrincipalView, Request, evaluate,
};

use crate::Error;

const ACCOUNT: &str = "123456789012";
const PASSES_MAX: usize = 2_000;
const SPAN: Duration = Duration::from_secs(3);

/// A service, and actions of it.
type Vocabulary = (&'static str, [&'static str; 12]);

const SERVICES: [Vocabulary; 10] = [
    (
        "s3",
        [
            "GetObject",
            "PutObject",
            "DeleteObject",
            "ListBucket",
            "GetObjectTagging",
            "PutObjectTagging",
            "GetBucketPolicy",
            "PutBucketPolicy",
            "ListBucketVersions",
            "AbortMultipartUpload",
            "GetObjectVersion",
            "DeleteBucket",
        ],
    ),
    (
        "dynamodb",
        [
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "BatchWriteItem",
            "DescribeTable",
            "CreateTable",
            "DeleteTable",
            "UpdateTable",
        ],
    ),
    (
        "lambda",
        [
            "InvokeFunction",
            "GetFunction",
            "CreateFunction",
            "UpdateFunctionCode",
            "DeleteFunction",
            "ListVersionsByFunction",
            "PublishVersion",
            "CreateAlias",
            "GetAlias",
            "AddPermission",
            "RemovePermission",
            "TagResource",
        ],
    ),
    (
        "sqs",
        [
            "SendMessage",
            "ReceiveMessage",
            "DeleteMessage",
            "GetQueueUrl",
            "GetQueueAttributes",
            "SetQueueAttributes",
            "PurgeQueue",
            "CreateQueue",
            "DeleteQueue",
            "ListQueues",
            "TagQueue",
            "UntagQueue",
        ],
    ),
    (
        "sns",
        [
            "Publish",
            "Subscribe",
            "Unsubscribe",
            "CreateTopic",
            "DeleteTopic",
            "ListTopics",
            "GetTopicAttributes",
            "SetTopicAttributes",
            "ConfirmSubscription",
            "ListSubscriptions",
            "TagResource",
            "UntagResource",
        ],
    ),
    (
        "logs",
        [
            "PutLogEvents",
            "CreateLogStream",
            "CreateLogGroup",
            "DeleteLogGroup",
            "DescribeLogGroups",
            "DescribeLogStreams",
            "FilterLogEvents",
            "GetLogEvents",
            "PutRetentionPolicy",
            "TagLogGroup",
            "StartQuery",
            "GetQueryResults",
        ],
    ),
    (
        "kms",
        [
            "Encrypt",
            "Decrypt",
            "GenerateDataKey",
            "DescribeKey",
            "CreateKey",
            "ScheduleKeyDeletion",
            "EnableKeyRotation",
            "ListKeys",
            "CreateGrant",
            "RevokeGrant",
            "PutKeyPolicy",
            "GetKeyPolicy",
        ],
    ),
    (
        "iam",
        [
            "GetRole",
            "CreateRole",
            "DeleteRole",
            "PassRole",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "PutRolePolicy",
            "GetRolePolicy",
            "CreateUser",
            "DeleteUser",
            "GetUser",
            "ListUsers",
        ],
    ),
    (
        "states",
        [
            "StartExecution",
            "StopExecution",
            "DescribeExecution",
            "CreateStateMachine",
            "DeleteStateMachine",
            "ListExecutions",
            "SendTaskSuccess",
            "SendTaskFailure",
            "GetActivityTask",
            "UpdateStateMachine",
            "ListStateMachines",
            "TagResource",
        ],
    ),
    (
        "events",
        [
            "PutEvents",
            "PutRule",
            "DeleteRule",
            "PutTargets",
            "RemoveTargets",
            "ListRules",
            "DescribeRule",
            "EnableRule",
            "DisableRule",
            "TestEventPattern",
            "TagResource",
            "ListTargetsByRule",
        ],
    ),
];

/// One statement, in no engine's language.
pub(crate) struct Rule {
    pub(crate) allows: bool,
    pub(crate) actions: Vec<String>,
    /// Resources that begin like one of these.
    pub(crate) resources: Vec<String>,
    /// The team that the caller's tag must name.
    pub(crate) team: Option<&'static str>,
}

/// One request, likewise.
pub(crate) struct Ask {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) team: &'static str,
}

/// What decides requests.
pub(crate) trait Engine {
    /// Whether the request at this place is allowed.
    fn decide(&self, at: usize) -> bool;
}

/// Prints one row for policies over ten services, and one for policies that are all about the same.
pub(crate) fn run() -> Result<(), Error> {
    println!(
        "\n{:<44} {:>10} {:>10} {:>10}",
        "decisions, 10 policies of 10 statements", "p50 ns", "p99 ns", "allowed"
    );
    for (name, services) in
        [("ten services", SERVICES.as_slice()), ("one service", SERVICES.get(1..2).unwrap_or_default())]
    {
        let (rules, asks) = (rules(services), asks(services));
        let own = Own::new(&rules, &asks)?;
        let ours = row(&format!("fastness, {name}"), &own, asks.len());
        beside(name, &own, &rules, &asks, ours)?;
    }
    Ok(())
}

#[cfg(feature = "cedar")]
fn beside(name: &str, own: &Own<'_>, rules: &[Vec<Rule>], asks: &[Ask], ours: f64) -> Result<(), Error> {
    let cedar = crate::cedar::Cedar::new(rules, asks)?;
    if let Some(at) = (0..asks.len()).find(|at| cedar.decide(*at) != own.decide(*at)) {
        return Err(format!("the engines disagree on request {at}").into());
    }
    let theirs = row(&format!("cedar-policy, {name}"), &cedar, asks.len());
    println!("{:<44} {:>10.1}", "  cedar-policy / fastness, p50", theirs / ours);
    Ok(())
}

#[cfg(not(feature = "cedar"))]
fn beside(_: &str, _: &Own<'_>, _: &[Vec<Rule>], _: &[Ask], _: f64) -> Result<(), Error> {
    println!("  (build with `--features cedar` for the reference)");
    Ok(())
}

/// The median in nanoseconds.
fn row(name: &str, engine: &impl Engine, asks: usize) -> f64 {
    let allowed = (0..asks).filter(|at| engine.decide(*at)).count();
    let mut times = Vec::new();
    let end = Instant::now() + SPAN;
    for _ in 0..PASSES_MAX {
        if Instant::now() > end {
            break;
        }
        for at in 0..asks {
            let begin = Instant::now();
            std::hint::black_box(engine.decide(at));
            times.push(begin.elapsed().as_nanos() as f64);
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    let part = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    println!("{name:<44} {:>10.0} {:>10.0} {:>10}", part(0.5), part(0.99), format!("{allowed}/{asks}"));
    part(0.5)
}

fn arn(service: &str, name: &str) -> String {
    match service {
        "s3" => format!("arn:aws:s3:::{name}"),
        "iam" => format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        _ => format!("arn:aws:{service}:us-east-1:{ACCOUNT}:thing/{name}"),
    }
}

/// Ten policies of ten statements: some name one action, some three, some a family; a tenth deny; a third ask for a tag.
fn rules(services: &[Vocabulary]) -> Vec<Vec<Rule>> {
    let statement = |at: usize, number: usize| {
        let (service, actions) = services.get(at % services.len()).copied().unwrap_or(("s3", [""; 12]));
        let action =
            |offset: usize| actions.get((number + offset) % actions.len()).copied().unwrap_or_default();
        let named = |offset: usize| format!("{service}:{}", action(offset));
        let family = action(0).get(..3).unwrap_or_default();
        Rule {
            allows: number != 9,
            actions: match number % 5 {
                0 => vec![named(0)],
                4 => vec![format!("{service}:{family}*")],
                _ => vec![named(0), named(4), named(7)],
            },
            resources: vec![
                arn(service, &format!("app-{at}-{number}-")),
                arn(service, &format!("shared-{number}/")),
            ],
            team: number.is_multiple_of(3).then_some("blue"),
        }
    };
    (0..10).map(|at| (0..10).map(|number| statement(at, number)).collect()).collect()
}

/// Some that a statement allows, some that one denies, some that none is about.
fn asks(services: &[Vocabulary]) -> Vec<Ask> {
    let one = |number: usize| {
        let (service, actions) = services.get(number % services.len()).copied().unwrap_or(("s3", [""; 12]));
        let action = actions.get(number % actions.len()).copied().unwrap_or_default();
        let name = match number % 4 {
            0 => format!("shared-{}/x", number % 10),
            3 => "elsewhere".to_owned(),
            _ => format!("app-{}-{}-orders", number % services.len().max(10), number % 12),
        };
        Ask {
            action: format!("{service}:{action}"),
            resource: arn(service, &name),
            team: if number.is_multiple_of(7) { "red" } else { "blue" },
        }
    };
    (0..240).map(one).collect()
}

/// The platform's own engine.
struct Own<'a> {
    policies: Vec<NamedPolicy>,
    asks: &'a [Ask],
    contexts: Vec<Context>,
}

impl<'a> Own<'a> {
    fn new(rules: &[Vec<Rule>], asks: &'a [Ask]) -> Result<Self, Error> {
        let mut policies = Vec::new();
        for (at, rules) in rules.iter().enumerate() {
            let statements: Vec<_> = rules.iter().map(statement).collect();
            let text = serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string();
            policies.push(NamedPolicy::new(format!("p{at}"), Policy::parse(&text, PolicyKind::Identity)?));
        }
        let contexts = asks.iter().map(|ask| context(ask.team)).collect();
        Ok(Self { policies, asks, contexts })
    }
}

/// As many keys as the pipeline gives a call.
fn context(team: &str) -> Context {
    Context::new()
        .with("aws:PrincipalTag/team", team)
        .with("aws:PrincipalTag/stage", "prod")
        .with("aws:CurrentTime", "2026-11-22T03:17:00Z")
        .with("aws:EpochTime", "1795317420")
        .with("aws:SecureTransport", "true")
        .with("aws:RequestedRegion", "us-east-1")
        .with("aws:ViaAWSService", "false")
        .with("aws:SourceIp", "203.0.113.9")
        .with("aws:UserAgent", "aws-cli/2")
}

fn statement(rule: &Rule) -> serde_json::Value {
    let resources: Vec<String> = rule.resources.iter().map(|start| format!("{start}*")).collect();
    let mut statement = serde_json::json!({
        "Effect": if rule.allows { "Allow" } else { "Deny" }, "Action": rule.actions, "Resource": resources,
    });
    if let (Some(team), Some(members)) = (rule.team, statement.as_object_mut()) {
        let condition = serde_json::json!({"StringEquals": {"aws:PrincipalTag/team": team}});
        members.insert("Condition".to_owned(), condition);
    }
    statement
}

impl Engine for Own<'_> {
    fn decide(&self, at: usize) -> bool {
        let (Some(ask), Some(context)) = (self.asks.get(at), self.contexts.get(at)) else { return false };
        let request = Request {
            principal: PrincipalView {
                lender: None,
                kind: PrincipalKind::User,
                arn: "arn:aws:iam::123456789012:user/ana",
                account: ACCOUNT,
                role_arn: None,
                service: None,
                user_id: "AIDAEXAMPLE",
            },
            action: &ask.action,
            resource: &ask.resource,
            resource_account: ACCOUNT,
            context,
        };
        evaluate(&request, &PolicySet { identity: &self.policies, ..PolicySet::default() }).is_allowed()
    }
}
