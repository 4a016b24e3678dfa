//! Whether a variable's name is a secret's, and whether a text looks like one.
//!
//! Names are read word by word. A name that only may be a secret's counts with a value that looks drawn at random.

/// How sure a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// What it holds is a secret.
    OfSecret,
    /// What it holds may be one.
    LikeSecret,
    /// It is called after something else.
    Other,
}

/// Words for secrets.
const SECRETS: [&str; 12] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "PRIVATEKEY",
    "SECRETKEY",
];
/// Words that make a key a secret one.
const SECRET_KEYS: [&str; 7] = ["API", "PRIVATE", "ACCESS", "SECRET", "AUTH", "MASTER", "ENCRYPTION"];
/// Words that make a key, or whatever else, none.
const OPEN: [&str; 18] = [
    "PUBLIC",
    "PUBLISHABLE",
    "PARTITION",
    "SORT",
    "PRIMARY",
    "FOREIGN",
    "OBJECT",
    "CACHE",
    "S3",
    "KMS",
    "HASH",
    "RANGE",
    "IDEMPOTENCY",
    "INDEX",
    "MAX",
    "MIN",
    "NUM",
    "TOTAL",
];
/// Words behind which the value says where a secret is, how long it lives or how it is used, and not what it is.
const ABOUT: [&str; 60] = [
    "ARN",
    "NAME",
    "NAMES",
    "ID",
    "IDS",
    "PATH",
    "URL",
    "URI",
    "TTL",
    "TABLE",
    "EXPIRY",
    "EXPIRES",
    "EXPIRATION",
    "ISSUER",
    "AUDIENCE",
    "ENDPOINT",
    "HOST",
    "HEADER",
    "LENGTH",
    "ENABLED",
    "DISABLED",
    "REQUIRED",
    "VERSION",
    "REGION",
    "PREFIX",
    "SUFFIX",
    "TYPE",
    "FILE",
    "PARAMETER",
    "BUCKET",
    "ALGORITHM",
    "LIMIT",
    "SIZE",
    "COUNT",
    "DAYS",
    "HOURS",
    "MINUTES",
    "SECONDS",
    "POLICY",
    "SOURCE",
    "COOKIE",
    "ROTATION",
    "PROVIDER",
    "STORE",
    "MODE",
    "FIELD",
    "SCOPE",
    "SCOPES",
    "FORMAT",
    "MANAGER",
    "BACKEND",
    "SERVICE",
    "LOCATION",
    "INTERVAL",
    "TIMEOUT",
    "AGE",
    "LIFETIME",
    "DOMAIN",
    "ATTRIBUTE",
    "CLAIM",
];
/// What secrets begin with.
const PREFIXES: [&str; 14] = [
    "-----BEGIN ",
    "ghp_",
    "gho_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "rk_live_",
    "glpat-",
    "AIza",
    "npm_",
    "SG.",
    "eyJhbGciOi",
    "ya29.",
];
/// So many letters in a row, of a kind that nobody writes by hand.
const RANDOM_MIN: usize = 12;

/// The words of a name, in upper case: at underscores and the like, and where small letters turn to large ones.
fn words(variable: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in variable.chars() {
        let is_large = letter.is_ascii_uppercase();
        if !letter.is_ascii_alphanumeric() || (was_small && is_large) {
            words.push(String::new());
        }
        was_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if letter.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_uppercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// How sure a variable's name is.
pub(super) fn name(variable: &str) -> Name {
    let words = words(variable);
    let is = |list: &[&str], word: &str| list.contains(&word);
    let Some(last) = words.last() else { return Name::Other };
    if words.iter().any(|word| is(&OPEN, word)) || is(&ABOUT, last) {
        return Name::Other;
    }
    let before = words.iter().rev().nth(1).map(String::as_str).unwrap_or_default();
    if is(&SECRETS, last) || (last == "KEY" && is(&SECRET_KEYS, before)) {
        return Name::OfSecret;
    }
    let singular = |word: &String| is(&SECRETS, word.strip_suffix('S').unwrap_or(word)) || is(&SECRETS, word);
    if words.iter().any(singular) || words.iter().any(|word| word == "KEY" || word == "KEYS") {
        return Name::LikeSecret;
    }
    Name::Other
}

/// Switches, small numbers, names of places and paths are no secrets, whatever their variable is called.
pub(super) fn says_nothing(text: &str) -> bool {
    const SWITCHES: [&str; 12] = [
        "true", "false", "yes", "no", "on", "off", "none", "null", "enabled", "disabled", "required",
        "optional",
    ];
    let is_switch = SWITCHES.iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_small = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_place =
        ["arn:", "https://", "http://", "/", "s3://", "./"].iter().any(|start| text.starts_with(start));
    text.trim().is_empty() || is_switch || is_small || is_place || is_dotted_name(text)
}

/// The name of a stored secret: `prod/orders/db`.
fn is_dotted_name(text: &str) -> bool {
    let mut parts = text.split('/');
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_')
    };
    text.contains('/') && parts.all(is_word)
}

/// Letters and digits in one run, as nobody writes a word.
pub(super) fn looks_random(text: &str) -> bool {
    let is_of_run =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '=' | '!' | '$' | '%' | '#');
    let mut runs = text.split(|letter| !is_of_run(letter));
    !is_uuid(text)
        && runs.any(|run| {
            run.len() >= RANDOM_MIN
                && run.bytes().any(|byte| byte.is_ascii_digit())
                && run.bytes().any(|byte| byte.is_ascii_alphabetic())
        })
}

/// The id of something.
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A form that only secrets have.
pub(super) fn has_form_of_secret(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| text.starts_with(prefix)) || is_access_key(text)
}

fn is_access_key(text: &str) -> bool {
    let rest = text.strip_prefix("AKIA").or_else(|| text.strip_prefix("ASIA"));
    rest.is_some_and(|rest| {
        rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_word_by_word() {
        for (variable, expected) in [
            ("DB_PASSWORD", Name::OfSecret),
            ("dbPassword", Name::OfSecret),
            ("DB_PASS", Name::OfSecret),
            ("DB_PWD", Name::OfSecret),
            ("API_KEY", Name::OfSecret),
            ("apiKey", Name::OfSecret),
            ("TOKEN", Name::OfSecret),
            ("SIGNING_KEY", Name::LikeSecret),
            ("API_SECRET_ANDROID", Name::LikeSecret),
            ("REFRESH_TOKENS", Name::LikeSecret),
            ("MAX_TOKENS", Name::Other),
            ("MAX_TOKENS_PER_DAY", Name::Other),
            ("TOKEN_SOURCE", Name::Other),
            ("CSRF_TOKEN_COOKIE", Name::Other),
            ("PASSWORD_POLICY", Name::Other),
            ("SECRETS_PROVIDER", Name::Other),
            ("SECRET_ROTATION", Name::Other),
            ("SECRET_ARN", Name::Other),
            ("PARTITION_KEY", Name::Other),
            ("STRIPE_PUBLISHABLE_KEY", Name::Other),
            ("MONKEY", Name::Other),
            ("COMPASS", Name::Other),
            ("", Name::Other),
        ] {
            assert_eq!(name(variable), expected, "{variable}");
        }
    }

    #[test]
    fn values_are_looked_at_too() {
        for (text, nothing, random) in [
            ("hunter2hunter2", false, true),
            ("c2VjcmV0c2VjcmV0c2VjcmV0", false, true),
            ("prod/orders/db", true, false),
            ("/var/task", true, false),
            ("128000", false, false),
            ("user-profile-v2", false, false),
            ("uploads/2024/file.json", false, false),
            ("d3b07384-d9a0-4c9b-8f7e-2d1a9f3c5b6e", false, false),
            ("True", true, false),
            ("", true, false),
        ] {
            assert_eq!((says_nothing(text), looks_random(text)), (nothing, random), "{text}");
        }
    }
}
