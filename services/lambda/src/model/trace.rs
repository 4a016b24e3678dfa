//! The trace header of an invocation: its root, and through how many invocations of each function the chain has come.
//!
//! Whoever sends a header is a stranger: what does not read as one is left out, and what is kept is bounded. Nothing is
//! traced here; the lineage is there to find functions that call themselves without end.

use base::Timestamp;

/// How often a function may run in one chain of invocations: Lambda's number.
pub(crate) const HOPS_MAX: u32 = 16;
/// Random bytes of a parent's id, and of a root's.
const PARENT_BYTES: usize = 8;
const ROOT_BYTES: usize = 12;
/// The longest header that is read.
const HEADER_BYTES_MAX: usize = 1_024;
/// Functions of one chain that are counted; the oldest are forgotten.
const FUNCTIONS_MAX: usize = 32;

/// Where an invocation stands in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    root: String,
    parent: String,
    /// Functions by the short hash of their ARN, and how often each ran.
    lineage: Vec<(String, u32)>,
    own: String,
}

impl Trace {
    /// The chain of a new invocation of this function, which the header of the call continues.
    pub(crate) fn next(header: Option<&str>, function_arn: &str, now: Timestamp) -> Self {
        let header = header.filter(|header| header.len() <= HEADER_BYTES_MAX).unwrap_or_default();
        let own = short_hash(function_arn);
        let mut lineage = lineage(header);
        match lineage.iter_mut().find(|(function, _)| *function == own) {
            Some((_, hops)) => *hops = hops.saturating_add(1),
            None => lineage.push((own.clone(), 1)),
        }
        let forgotten = lineage.len().saturating_sub(FUNCTIONS_MAX);
        lineage.drain(..forgotten);
        // One draw for both ids: each costs about as much.
        let drawn = crypto::random::hex(PARENT_BYTES + ROOT_BYTES);
        let (parent, id) = drawn.split_at_checked(2 * PARENT_BYTES).unwrap_or_default();
        let fresh = || format!("1-{:08x}-{id}", u32::try_from(now.secs()).unwrap_or(0));
        let root = part(header, "Root").filter(|root| is_root(root)).map_or_else(fresh, str::to_owned);
        Self { root, parent: parent.to_owned(), lineage, own }
    }

    /// How often the function has run in this chain, this time included.
    pub(crate) fn hops(&self) -> u32 {
        self.lineage.iter().find(|(function, _)| *function == self.own).map_or(0, |(_, hops)| *hops)
    }

    /// The header, as the function gets it and its SDK sends it on.
    pub(crate) fn header(&self) -> String {
        let lineage: Vec<String> =
            self.lineage.iter().map(|(function, hops)| format!("1:{function}:{hops}")).collect();
        let Self { root, parent, .. } = self;
        format!("Root={root};Parent={parent};Sampled=0;Lineage={}", lineage.join("|"))
    }
}

/// How often a function has run in the chain of an invocation that has this header.
pub(crate) fn hops(header: &str, function_arn: &str) -> u32 {
    let own = short_hash(function_arn);
    lineage(header).iter().find(|(function, _)| *function == own).map_or(0, |(_, hops)| *hops)
}

fn part<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `1-` and eight, then twenty-four hexadecimal digits.
fn is_root(text: &str) -> bool {
    let Some((time, id)) = text.strip_prefix("1-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    is_hex(time, 8) && is_hex(id, 24)
}

fn lineage(header: &str) -> Vec<(String, u32)> {
    let entries = part(header, "Lineage").into_iter().flat_map(|lineage| lineage.split('|'));
    let read = |entry: &str| {
        let (function, hops) = entry.strip_prefix("1:")?.split_once(':')?;
        is_hex(function, 8).then_some((function.to_owned(), hops.parse().ok()?))
    };
    entries.filter_map(read).take(FUNCTIONS_MAX).collect()
}

fn short_hash(function_arn: &str) -> String {
    let [first, second, third, fourth, ..] = crypto::sha256(function_arn.as_bytes());
    format!("{:08x}", u32::from_be_bytes([first, second, third, fourth]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(header: Option<&str>, function: &str) -> Trace {
        Trace::next(header, function, Timestamp::from_secs(1))
    }

    #[test]
    fn a_chain_counts_each_function_and_keeps_its_root() {
        let first = next(None, "a");
        let second = next(Some(&first.header()), "b");
        let third = next(Some(&second.header()), "a");
        assert_eq!([first.hops(), second.hops(), third.hops()], [1, 1, 2]);
        assert_eq!(third.root, first.root);
        assert_eq!([hops(&third.header(), "a"), hops(&third.header(), "b"), hops("", "a")], [2, 1, 0]);
    }

    #[test]
    fn headers_that_are_none_begin_a_new_chain() {
        let long = format!("Root=1-00000001-{};{}", "a".repeat(24), "x".repeat(HEADER_BYTES_MAX));
        for header in ["", "Root=1-2-3", "Lineage=1:zz:1", "Lineage=1:00000000:x", "Root=\r\n", &long] {
            let trace = next(Some(header), "a");
            assert!(trace.hops() == 1 && is_root(&trace.root) && trace.lineage.len() == 1, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_and_answered_within_bounds(header in ".{0,200}", entries in proptest::collection::vec("1:[0-9a-f]{8}:[0-9]{1,10}", 0..80)) {
            for header in [header.clone(), format!("{header};Lineage={}", entries.join("|"))] {
                let made = next(Some(&header), "a").header();
                prop_assert!(made.len() <= HEADER_BYTES_MAX && made.is_ascii());
                prop_assert!(hops(&made, "a") >= 1);
            }
        }
    }
}
