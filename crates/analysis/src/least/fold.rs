//! Many resources folded to few patterns.
//!
//! A pattern ends at a boundary between names. What would take in a whole type of resource stays a list, objects of one
//! bucket aside; only where a policy would not fit AWS's quota otherwise is it folded further.

use std::collections::{BTreeMap, BTreeSet};

/// How far resources are folded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folding {
    /// So many below one prefix are listed one by one.
    listed_max: usize,
    /// So many patterns are listed of one bucket, and of any type where `whole_types` is set.
    roots_max: usize,
    /// Any type may be taken in whole.
    whole_types: bool,
}

/// From the narrowest to the widest.
pub(super) const FOLDINGS: [Folding; 4] = [
    Folding { listed_max: 4, roots_max: 16, whole_types: false },
    Folding { listed_max: 2, roots_max: 4, whole_types: false },
    Folding { listed_max: 1, roots_max: 1, whole_types: false },
    Folding { listed_max: 1, roots_max: 1, whole_types: true },
];

/// Prefixes are told apart down to so many boundaries: names are strangers' to choose.
const DEPTH_MAX: usize = 64;
const BOUNDARIES: [char; 5] = ['/', ':', '-', '_', '.'];

/// The patterns that take in these resources, sorted, as policies write them.
pub(super) fn folded(resources: &BTreeSet<String>, folding: Folding) -> Vec<String> {
    let mut patterns = BTreeSet::new();
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for resource in resources {
        match of_moment(resource) {
            Some(prefix) => {
                patterns.insert(below(prefix));
            }
            None => {
                let kind = kind_of(resource);
                let name = resource.get(kind.len()..).unwrap_or_default();
                kinds.entry(kind).or_default().insert(name);
            }
        }
    }
    for (kind, names) in kinds {
        let found = under(kind, &names.into_iter().collect::<Vec<_>>(), folding, 0);
        let is_bucket = kind.starts_with("arn:aws:s3:::") && kind.ends_with('/');
        // Buckets and topics have no type before their name: all of them would be everything.
        let has_type = kind.splitn(6, ':').nth(5).is_some_and(|resource| !resource.is_empty());
        let may_be_whole = is_bucket || folding.whole_types && has_type && kind.ends_with(['/', ':']);
        if may_be_whole && found.len() > folding.roots_max {
            patterns.insert(below(kind));
        } else {
            patterns.extend(found);
        }
    }
    patterns.into_iter().collect()
}

/// A resource's name as policies write it, so that it matches itself alone.
// SECURITY: whoever chooses names must not write wildcards or variables into a policy.
pub(super) fn escaped(name: &str) -> String {
    // Not a name: an action that is on no resource.
    if name == "*" {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '*' | '?' | '$' => out.extend(['$', '{', letter, '}']),
            letter => out.push(letter),
        }
    }
    out
}

/// The pattern of everything below a prefix.
fn below(prefix: &str) -> String {
    format!("{}*", escaped(prefix))
}

/// The patterns of these names, all below one prefix. Sorted and each once.
fn under(prefix: &str, names: &[&str], folding: Folding, depth: usize) -> Vec<String> {
    let exact = |name: &&str| escaped(&format!("{prefix}{name}"));
    if names.len() <= folding.listed_max {
        return names.iter().map(exact).collect();
    }
    if depth >= DEPTH_MAX {
        return vec![below(prefix)];
    }
    let mut patterns = Vec::new();
    let mut rest = names;
    while let Some(first) = rest.first() {
        let Some(end) = first.find(BOUNDARIES) else {
            patterns.push(exact(first));
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let head = first.get(..=end).unwrap_or(first);
        let same = rest.iter().take_while(|name| name.starts_with(head)).count();
        let (group, after) = rest.split_at_checked(same).unwrap_or((rest, &[]));
        let tails: Vec<&str> = group.iter().filter_map(|name| name.get(head.len()..)).collect();
        patterns.extend(under(&format!("{prefix}{head}"), &tails, folding, depth + 1));
        rest = after;
    }
    if depth > 0 && patterns.len() > folding.listed_max { vec![below(prefix)] } else { patterns }
}

/// The prefix of names that are made anew every time: log streams, stacks' ids.
fn of_moment(arn: &str) -> Option<&str> {
    const STREAM: &str = ":log-stream:";
    if let Some(at) = arn.find(STREAM).filter(|_| arn.starts_with("arn:aws:logs:")) {
        return arn.get(..at + STREAM.len());
    }
    let is_stack = arn.starts_with("arn:aws:cloudformation:");
    let end = arn.rfind('/').filter(|end| is_stack && arn.get(..*end).is_some_and(|it| it.contains('/')))?;
    arn.get(..=end)
}

/// Everything up to the name: `arn:aws:dynamodb:us-east-1:111111111111:table/`.
fn kind_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let head = arn.len() - resource.len();
    let kind = resource.find(['/', ':']).map_or(0, |at| at + 1);
    arn.get(..head + kind).unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn narrow(resources: &BTreeSet<String>) -> Vec<String> {
        folded(resources, FOLDINGS[0])
    }

    #[test]
    fn many_with_a_beginning_in_common_become_one() {
        let tables: Vec<String> =
            (0..6).map(|at| format!("arn:aws:dynamodb:us-east-1:1:table/orders-{at}")).collect();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        assert_eq!(narrow(&set(&tables)), ["arn:aws:dynamodb:us-east-1:1:table/orders-*"]);
        assert_eq!(narrow(&set(&tables[..4])), &tables[..4]);
    }

    #[test]
    fn another_name_beside_does_not_end_the_folding() {
        let mut keys: BTreeSet<String> =
            (0..200).map(|at| format!("arn:aws:s3:::b/uploads/2026/{at}")).collect();
        keys.insert("arn:aws:s3:::b/index.html".to_owned());
        assert_eq!(narrow(&keys), ["arn:aws:s3:::b/index.html", "arn:aws:s3:::b/uploads/2026/*"]);
    }

    #[test]
    fn objects_without_a_beginning_in_common_are_their_buckets() {
        let keys = |count: u32| -> BTreeSet<String> {
            (0..count).map(|at| format!("arn:aws:s3:::b/{:x}", at.wrapping_mul(2_654_435_761))).collect()
        };
        assert_eq!(narrow(&keys(200)), ["arn:aws:s3:::b/*"]);
        assert_eq!(narrow(&keys(10)).len(), 10);
        // Buckets themselves are no objects.
        let buckets: BTreeSet<String> = (0..40).map(|at| format!("arn:aws:s3:::bucket{at}")).collect();
        assert_eq!(narrow(&buckets).len(), 40);
    }

    #[test]
    fn a_whole_type_is_folded_only_where_it_must_be() {
        let tables: Vec<String> = ["a", "b", "c", "d", "e"]
            .iter()
            .map(|name| format!("arn:aws:dynamodb:r:1:table/{name}"))
            .collect();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        assert_eq!(narrow(&set(&tables)), tables);
        assert_eq!(folded(&set(&tables), FOLDINGS[3]), ["arn:aws:dynamodb:r:1:table/*"]);
        assert_eq!(folded(&set(&["*"]), FOLDINGS[3]), ["*"]);
        let buckets = ["arn:aws:s3:::one", "arn:aws:s3:::two"];
        assert_eq!(folded(&set(&buckets), FOLDINGS[3]), buckets);
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
            assert_eq!(narrow(&set(&[arn])), [expected]);
        }
    }

    #[test]
    fn a_name_matches_itself_alone() {
        for (name, expected) in [
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/${*}"),
            ("arn:aws:s3:::b/${aws:username}?", "arn:aws:s3:::b/${$}{aws:username}${?}"),
            (
                "arn:aws:s3:::b/:log-stream:x/:cloudformation:/y/z",
                "arn:aws:s3:::b/:log-stream:x/:cloudformation:/y/z",
            ),
        ] {
            assert_eq!(narrow(&set(&[name])), [expected]);
        }
        // What strangers name does not widen what is folded either.
        let keys: BTreeSet<String> = (0..6).map(|at| format!("arn:aws:s3:::b/*/{at}")).collect();
        assert_eq!(narrow(&keys), ["arn:aws:s3:::b/${*}/*"]);
        let deep = format!("arn:aws:s3:::b/{}", "/".repeat(1_000));
        let deep: BTreeSet<String> = (0..6).map(|at| format!("{deep}{at}")).collect();
        let [pattern] = narrow(&deep).try_into().unwrap();
        assert!(pattern.ends_with("//*") && pattern.len() > DEPTH_MAX, "{pattern}");
    }
}
