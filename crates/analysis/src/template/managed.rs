//! Policies that AWS keeps, judged by what they grant: each once, however often a template names it.
//!
//! How AWS writes down its actions is no finding, and neither is a policy for a purpose that no template can write more narrowly.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::identity::{ADMINISTRATORS, judged};
use super::statement::statements;
use super::{Managed, Rule, Severity, rules};
use crate::json;

/// Those that SAM gives a function by its own properties, those of agents that run beside others, and those without which a
/// service does not work at all.
const GIVEN: [&str; 13] = [
    "AWSAppSyncPushToCloudWatchLogs",
    "AWSCodeDeployRoleForLambda",
    "AWSCodeDeployRoleForLambdaLimited",
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaBasicDurableExecutionRolePolicy",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AmazonECSTaskExecutionRolePolicy",
    "AmazonEKSClusterPolicy",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
    "CloudWatchLambdaInsightsExecutionRolePolicy",
];
/// So many actions of a policy are told.
const TOLD: usize = 3;

/// What a policy grants too widely: each kind once, with the policy's name.
pub(super) type TooWide = Rc<[(&'static Rule, String)]>;

/// The policies that AWS keeps, and what was found in them and in others.
pub(super) struct Kept<'a> {
    find: Managed<'a>,
    judged: RefCell<BTreeMap<String, TooWide>>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(find: Managed<'a>) -> Self {
        Self { find, judged: RefCell::default() }
    }

    /// What the policy of this ARN or name grants too widely.
    pub(super) fn too_wide(&self, named: &str) -> TooWide {
        let named = name(named).unwrap_or(named);
        if let Some(known) = self.judged.borrow().get(named) {
            return Rc::clone(known);
        }
        let found: TooWide = self.judge(named).into();
        self.judged.borrow_mut().insert(named.to_owned(), Rc::clone(&found));
        found
    }

    /// A policy of AWS's by its name, or another by its ARN.
    fn judge(&self, named: &str) -> Vec<(&'static Rule, String)> {
        let short = named.rsplit('/').next().unwrap_or_default();
        match short {
            short if ADMINISTRATORS.contains(&short) => {
                return vec![(&rules::ADMINISTRATOR, short.to_owned())];
            }
            short if short.ends_with("FullAccess") => {
                return vec![(&rules::ACTION_WILDCARD, short.to_owned())];
            }
            short if GIVEN.contains(&short) => return Vec::new(),
            _ => {}
        }
        let document = (self.find)(named).and_then(|text| json::parse(&text).ok());
        let mut found: Vec<(&Rule, String)> = Vec::new();
        let statements = document.iter().flat_map(|document| statements(short, document));
        for wide in statements.flat_map(|statement| judged(&statement, TOLD)) {
            if wide.rule.severity > Severity::Low && !found.iter().any(|(rule, _)| *rule == wide.rule) {
                found.push((wide.rule, format!("{short}, which {}", wide.what)));
            }
        }
        found
    }
}

/// The name in the ARN of a policy that AWS keeps, in any partition.
fn name(arn: &str) -> Option<&str> {
    let (_, rest) = arn.split_once(":iam::aws:policy/")?;
    rest.rsplit('/').next()
}
