//! Many resources folded to few patterns.
//!
//! A pattern ends at a boundary between names and never takes in a whole type of resource: what would, stays a list.

use std::collections::{BTreeMap, BTreeSet};

/// So many of one kind are listed one by one; more are folded where they have a beginning in common.
const LISTED_MAX: usize = 4;

/// The patterns that take in these resources, sorted.
pub(super) fn folded(resources: &BTreeSet<String>) -> Vec<String> {
    let settled: BTreeSet<String> = resources.iter().map(|resource| without_moment(resource)).collect();
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in settled {
        kinds.entry(kind_of(&resource)).or_default().push(resource);
    }
    let mut out = Vec::new();
    for (kind, resources) in kinds {
        match common(&kind, &resources).filter(|_| resources.len() > LISTED_MAX) {
            Some(pattern) => out.push(pattern),
            None => out.extend(resources),
        }
    }
    out
}

/// Names that are made anew every time stand as a star: log streams, stacks' ids, versions' sessions.
fn without_moment(arn: &str) -> String {
    if let Some((group, _)) = arn.split_once(":log-stream:") {
        return format!("{group}:log-stream:*");
    }
    if arn.contains(":cloudformation:")
        && let Some((stack, _)) = arn.rsplit_once('/').filter(|(stack, _)| stack.contains('/'))
    {
        return format!("{stack}/*");
    }
    arn.to_owned()
}

/// Everything up to the name: `arn:aws:dynamodb:us-east-1:111111111111:table/`.
fn kind_of(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let head = arn.len() - resource.len();
    let kind = resource.find(['/', ':']).map_or(0, |at| at + 1);
    arn.get(..head + kind).unwrap_or(arn).to_owned()
}

/// The longest beginning in common that ends between two names and says more than the kind.
fn common(kind: &str, resources: &[String]) -> Option<String> {
    let (first, last) = (resources.first()?, resources.last()?);
    // Sorted: what the first and the last have in common, all have.
    let same = first.chars().zip(last.chars()).take_while(|(left, right)| left == right);
    let length: usize = same.map(|(character, _)| character.len_utf8()).sum();
    let shared = first.get(..length)?;
    let end = shared.rfind(['/', ':', '-', '_', '.'])? + 1;
    let pattern = shared.get(..end)?;
    (pattern.len() > kind.len()).then(|| format!("{pattern}*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn many_with_a_beginning_in_common_become_one() {
        let tables: Vec<String> =
            (0..6).map(|at| format!("arn:aws:dynamodb:us-east-1:1:table/orders-{at}")).collect();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        assert_eq!(folded(&set(&tables)), ["arn:aws:dynamodb:us-east-1:1:table/orders-*"]);
        assert_eq!(folded(&set(&tables[..4])), &tables[..4]);
    }

    #[test]
    fn a_whole_type_is_never_folded() {
        let tables: Vec<String> = ["a", "b", "c", "d", "e"]
            .iter()
            .map(|name| format!("arn:aws:dynamodb:r:1:table/{name}"))
            .collect();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        assert_eq!(folded(&set(&tables)), tables);
    }

    #[test]
    fn names_of_the_moment_are_stars() {
        for (arn, expected) in [
            (
                "arn:aws:logs:r:1:log-group:/aws/lambda/f:log-stream:2026/x",
                "arn:aws:logs:r:1:log-group:/aws/lambda/f:log-stream:*",
            ),
            ("arn:aws:cloudformation:r:1:stack/s/0a1b", "arn:aws:cloudformation:r:1:stack/s/*"),
            ("arn:aws:cloudformation:r:1:stack/s", "arn:aws:cloudformation:r:1:stack/s"),
            ("arn:aws:s3:::b/k", "arn:aws:s3:::b/k"),
            ("*", "*"),
        ] {
            assert_eq!(folded(&set(&[arn])), [expected]);
        }
    }
}
