//! Buckets that their access control lists open: to everybody, or to whoever has an account with AWS.
//!
//! Lists of single objects stand in no template.

use template::Resource;

use super::reading::Reading;
use super::{Finding, rules};

/// Lists that let in strangers, and whom.
const OPEN: [(&str, &str); 3] = [
    ("PublicRead", "lets anyone read"),
    ("PublicReadWrite", "lets anyone read and write"),
    ("AuthenticatedRead", "lets every account read"),
];
/// With either of these no such list takes effect: none can be put, or it is passed over.
const BLOCKS: [&str; 2] = ["BlockPublicAcls", "IgnorePublicAcls"];

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    if resource.kind != "AWS::S3::Bucket" {
        return;
    }
    let Some((value, path)) = reading.raw(name, resource, "AccessControl") else { return };
    let list = reading.text(value);
    let Some((_, what)) = OPEN.iter().find(|(open, _)| *open == list) else { return };
    let is_blocked = BLOCKS.iter().any(|block| {
        let found = reading.raw(name, resource, &format!("PublicAccessBlockConfiguration/{block}"));
        found.is_some_and(|(value, _)| reading.text(value).eq_ignore_ascii_case("true"))
    });
    if !is_blocked {
        let message = format!("`{name}` {what} by its access control list");
        findings.push(reading.finding(&rules::ANYONE, name, &path, message));
    }
}
