//! What access functions read is known: they read records through their request, and reach for the store nowhere else.

use crate::failure::Outcome;
use crate::tidy::modules::sources;
use crate::workspace::{read, shown};

/// Ways to the store that nobody watches.
const UNWATCHED: [&str; 3] = [".store", ".snapshot()", "Store::"];

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
            if UNWATCHED.iter().any(|way| line.contains(way)) {
                let number = number.saturating_add(1);
                problems.push(format!("{place}:{number}: access functions read through `request.records`"));
            }
        }
    }
    Ok(problems)
}
