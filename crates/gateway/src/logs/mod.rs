//! What stages write of their requests: lines of their owner's own form, and how each was executed.
//!
//! No request waits for a line. Lines stand in a bounded queue until they are delivered in the name of the role that the
//! account gave API Gateway; what there is no room for is dropped and counted, as is what that role may not write.

mod delivery;

use std::sync::Arc;

use base::{AccountId, Timestamp};
use parking_lot::Mutex;

pub use delivery::{Deliverer, trusts_gateway};

/// Lines that wait, and their bytes.
const LINES_MAX: usize = 20_000;
const BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The longest line, in bytes: what does not fit is cut.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1_024;

/// A line on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) account: AccountId,
    pub(crate) group: String,
    pub(crate) stream: String,
    /// True where the group is API Gateway's own, which it makes.
    pub(crate) makes_group: bool,
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<Line>,
    bytes: usize,
    dropped: u64,
}

/// The lines that wait. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Waiting>>);

impl Logs {
    pub(crate) fn push(&self, line: Line) {
        let mut waiting = self.0.lock();
        let bytes = waiting.bytes.saturating_add(line.text.len());
        if waiting.lines.len() >= LINES_MAX || bytes > BYTES_MAX {
            waiting.dropped = waiting.dropped.saturating_add(1);
            return;
        }
        waiting.bytes = bytes;
        waiting.lines.push(line);
    }

    /// All that wait, and how many found no room since the last time.
    fn take(&self) -> (Vec<Line>, u64) {
        let Waiting { lines, dropped, .. } = std::mem::take(&mut *self.0.lock());
        (lines, dropped)
    }
}

/// The group of an ARN of CloudWatch Logs: `arn:aws:logs:us-east-1:111111111111:log-group:name`.
pub fn group_of(arn: &str) -> Option<(&str, &str, &str)> {
    let rest = arn.strip_prefix("arn:aws:logs:")?;
    let (region, rest) = rest.split_once(':')?;
    let (account, rest) = rest.split_once(":log-group:")?;
    let group = rest.strip_suffix(":*").unwrap_or(rest);
    (!group.is_empty() && !group.contains(':')).then_some((region, account, group))
}

/// The group into which API Gateway writes how a stage's requests were executed.
pub(crate) fn execution_group(rest_api_id: &str, stage_name: &str) -> String {
    format!("API-Gateway-Execution-Logs_{rest_api_id}/{stage_name}")
}

/// The stream of a stage's lines on one day: API Gateway spreads over many, whose names say nothing.
pub(crate) fn stream(rest_api_id: &str, stage_name: &str, at: Timestamp) -> String {
    let day = at.iso8601_secs().get(..10).unwrap_or_default().to_owned();
    let digest = crypto::sha256(format!("{rest_api_id}/{stage_name}/{day}").as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let logs = Logs::default();
        let line = Line {
            account: "111111111111".parse().unwrap(),
            group: "g".into(),
            stream: "s".into(),
            makes_group: false,
            at: Timestamp::from_secs(1),
            text: "x".into(),
        };
        (0..LINES_MAX + 3).for_each(|_| logs.push(line.clone()));
        let (lines, dropped) = logs.take();
        assert_eq!((lines.len(), dropped), (LINES_MAX, 3));
        logs.push(Line { text: "x".repeat(BYTES_MAX), ..line.clone() });
        logs.push(line);
        let (lines, dropped) = logs.take();
        assert_eq!((lines.len(), dropped), (1, 1));
        assert_eq!(logs.take().0, []);
    }

    #[test]
    fn groups_are_found_in_arns() {
        let group = "arn:aws:logs:us-east-1:111111111111:log-group:/aws/api";
        assert_eq!(group_of(group), Some(("us-east-1", "111111111111", "/aws/api")));
        assert_eq!(group_of(&format!("{group}:*")), group_of(group));
        for other in
            ["arn:aws:firehose:us-east-1:1:deliverystream/x", "arn:aws:logs:us-east-1:1:log-group:", ""]
        {
            assert_eq!(group_of(other), None, "{other}");
        }
    }
}
