//! What access functions read is known: they read records through their request, and reach for the store nowhere else.

use crate::failure::Outcome;
use crate::tidy::modules::sources;
use crate::workspace::{read, shown};

/// Ways to what is stored that nobody watches: the store itself, and what services keep of it in memory.
const UNWATCHED: [&str; 11] = [
    ".store",
    ".snapshot()",
    "Store::",
    "lambda.catalog",
    "lambda.layers",
    "lambda.mappings",
    "lambda.signing",
    "lambda.urls.of",
    "lambda.urls.find",
    "state.tables",
    "state.streams",
];

/// Where what serves from memory is decided by what memory holds: the place, and the way.
const FROM_MEMORY: [(&str, &str); 3] = [
    // Invocations of functions.
    ("services/lambda/src/access/invocations.rs", "lambda.catalog"),
    // Calls on items.
    ("services/dynamodb/src/access.rs", "state.tables"),
    // What streams hold; and under which id one is stored.
    ("services/dynamodb/src/access/streams.rs", "state.streams"),
];

/// Whether this line of an access module reads past its request.
fn is_unwatched(place: &str, line: &str) -> bool {
    let is_let = |way: &str| FROM_MEMORY.contains(&(place, way));
    UNWATCHED.iter().any(|way| goes(line, way) && !is_let(way))
}

/// Whether a line goes this way; `.stored` is not `.store`.
fn goes(line: &str, way: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    line.match_indices(way).any(|(at, found)| {
        let rest = line.get(at.saturating_add(found.len())..).unwrap_or_default();
        !(way.ends_with(char::is_alphanumeric) && goes_on(rest))
    })
}

/// Every line of an access module that reads past its request.
// SECURITY: what is read unwatched can be another thing once the work begins, and nobody asks again.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut problems = Vec::new();
    for path in sources()? {
        let place = shown(&path);
        let is_access = place.starts_with("services/")
            && (place.ends_with("/src/access.rs") || place.contains("/src/access/"));
        if !is_access {
            continue;
        }
        for (number, line) in read(&path)?.lines().enumerate() {
            if is_unwatched(&place, line) {
                let number = number.saturating_add(1);
                problems.push(format!("{place}:{number}: access functions read through `request.records`"));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_where_what_serves_from_memory_is_decided_and_nowhere_else() {
        let loaded = "    let policy = lambda.catalog.policy(&target.id, qualifier);";
        assert!(!is_unwatched("services/lambda/src/access/invocations.rs", loaded));
        assert!(is_unwatched("services/lambda/src/access.rs", loaded));
        for line in [
            "lambda.layers.policy(id, version)",
            "lambda.mappings.get(account, &uuid)",
            "state.store.get(T, key)",
            "find(&state.store)",
        ] {
            assert!(is_unwatched("services/lambda/src/access/invocations.rs", line), "{line}");
        }
        assert!(!is_unwatched("services/lambda/src/access.rs", "lambda.urls.stored(request.records, &arn)?"));
    }
}
