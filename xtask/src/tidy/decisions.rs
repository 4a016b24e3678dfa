//! What access functions read is known: they read records through their request, and reach for the store nowhere else; and
//! what they read of memory is read only where the caller's side was taken alone before.

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

/// How an access function asks whether it is to look at what an account has in memory.
const ASKS: &str = ".sees(";

/// The functions of a module that read memory before they, or the function that they give the reading to, ask whether to look.
// SECURITY: keys of records begin with their account, and the request knows by them what to leave out; nobody knows it of memory.
fn look_unasked<'t>(place: &str, text: &'t str) -> Vec<&'t str> {
    let functions = functions(text);
    let asking: Vec<String> = functions
        .iter()
        .filter(|(_, body)| body.contains(ASKS))
        .map(|(name, _)| format!(" {name}("))
        .collect();
    let asks = |body: &str, way: &str| {
        let before = body.split(way).next().unwrap_or_default();
        before.contains(ASKS) || asking.iter().any(|call| before.contains(call.as_str()))
    };
    let mut unasked = Vec::new();
    for (_, way) in FROM_MEMORY.iter().filter(|(of, _)| *of == place) {
        let reading = functions.iter().filter(|(_, body)| goes(body, way) && !asks(body, way));
        unasked.extend(reading.map(|(name, _)| *name));
    }
    unasked
}

/// The functions of a module that stand by themselves: the name of each, and its text behind the name.
fn functions(text: &str) -> Vec<(&str, &str)> {
    let starts = ["\nfn ", "\npub(crate) fn ", "\npub(super) fn "];
    let mut found = Vec::new();
    for start in starts {
        for (at, _) in text.match_indices(start) {
            let rest = text.get(at.saturating_add(start.len())..).unwrap_or_default();
            let body = rest.split("\n}\n").next().unwrap_or(rest);
            let name = body.split(|next: char| !next.is_alphanumeric() && next != '_').next();
            found.push((name.unwrap_or_default(), body));
        }
    }
    found
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
        let text = read(&path)?;
        for name in look_unasked(&place, &text) {
            problems.push(format!("{place}: `{name}` reads memory before it asks `request.sees`"));
        }
        for (number, line) in text.lines().enumerate() {
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

    #[test]
    fn memory_is_read_behind_the_question_whether_to_look() {
        let place = "services/dynamodb/src/access/streams.rs";
        let asking = "\nfn asked(policy: impl FnOnce()) {\n    if request.sees(account) { policy() }\n}\n";
        for (reads, expected) in [
            ("\nfn it() {\n    request.sees(a).then(|| state.streams.find(s))\n}\n", vec![]),
            ("\npub(crate) fn it<I>() {\n    asked(|| state.streams.find(s))\n}\n", vec![]),
            ("\nfn it() {\n    state.streams.find(s)\n}\n", vec!["it"]),
            (
                "\nfn it() {\n    let found = state.streams.find(s);\n    request.sees(a).then_some(found)\n}\n",
                vec!["it"],
            ),
            ("\nfn it() {\n    unasked(|| state.streams.find(s))\n}\n", vec!["it"]),
        ] {
            assert_eq!(look_unasked(place, &format!("//! It.\n{asking}{reads}")), expected, "{reads}");
        }
    }
}
