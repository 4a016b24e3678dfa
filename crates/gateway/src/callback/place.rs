//! The form of an address: `/_fastness/answers/<id>?X-Signature=<secret>`.
//!
//! Knows no question.

/// With what each address begins.
const PREFIX: &str = "/_fastness/answers/";
const SECRET: &str = "X-Signature=";
const ID_CHARS_MAX: usize = 64;
const SECRET_CHARS_MAX: usize = 128;

/// What an address names, and its proof.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

impl<'a> Place<'a> {
    /// Of a request's path and query.
    pub(crate) fn of(path: &'a str, query: &'a str) -> Option<Self> {
        let id = path.strip_prefix(PREFIX)?;
        let secret = query.split('&').find_map(|pair| pair.strip_prefix(SECRET))?;
        let fits = is_token(id, ID_CHARS_MAX) && is_token(secret, SECRET_CHARS_MAX);
        fits.then_some(Self { id, secret })
    }
}

fn is_token(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

pub(super) fn is_for(path: &str) -> bool {
    path.starts_with(PREFIX)
}

pub(super) fn path(id: &str, secret: &str) -> String {
    format!("{PREFIX}{id}?{SECRET}{secret}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let written = path("1b-2", "s3cret");
        let (before, query) = written.split_once('?').unwrap();
        assert!(is_for(before));
        assert_eq!(Place::of(before, query), Some(Place { id: "1b-2", secret: "s3cret" }));
        assert_eq!(
            Place::of(before, &format!("a=b&{query}&c")),
            Some(Place { id: "1b-2", secret: "s3cret" })
        );
    }

    #[test]
    fn what_is_no_address_is_none() {
        let long = "a".repeat(129);
        for (path, query) in [
            ("/_fastness/answers/", "X-Signature=a"),
            ("/_fastness/answers/a/b", "X-Signature=a"),
            ("/_fastness/answers/a", ""),
            ("/_fastness/answers/a", "X-Signature="),
            ("/_fastness/answers/a", "x-signature=a"),
            ("/_fastness/answers/a", &format!("X-Signature={long}")),
            ("/_fastness/health", "X-Signature=a"),
        ] {
            assert_eq!(Place::of(path, query), None, "{path}?{query}");
        }
    }
}
