//! Whether a variable's name is a secret's, and whether a text looks like one.
//!
//! Names are read word by word. A name that only may be a secret's counts with a value that looks drawn at random.

use base64::Engine as _;

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
const SECRETS: [&str; 13] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PASS",
    "PWD",
    "PW",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "PRIVATEKEY",
    "SECRETKEY",
];
/// What secrets are called where their holder stands before them in one word: `PGPASSWORD`.
const ENDS: [&str; 11] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "PWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "PRIVATEKEY",
    "SECRETKEY",
];
/// Who has a `PASS`, which other words end with, too.
const HOLDERS: [&str; 14] = [
    "DB", "PG", "SQL", "MYSQL", "POSTGRES", "REDIS", "MONGO", "SMTP", "MAIL", "FTP", "SSH", "LDAP", "USER",
    "ADMIN",
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
const PREFIXES: [&str; 22] = [
    "sk-ant-api",
    "sk-proj-",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "ghr_",
    "xoxa-",
    "xoxs-",
    "dckr_pat_",
    "AGE-SECRET-KEY-",
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
/// What secrets begin with, and other things, too: what follows looks drawn at random.
const BEFORE_RANDOM: [&str; 12] = [
    "sk-",
    "hf_",
    "whsec_",
    "dop_v1_",
    "shpat_",
    "xapp-",
    "pypi-",
    "lin_api_",
    "Bearer ",
    "https://hooks.slack.com/services/",
    "https://discord.com/api/webhooks/",
    "https://discordapp.com/api/webhooks/",
];
/// What passwords and keys are called within a text: `Server=db;Password=…`, `?user=a&password=…`.
const PARTS: [&str; 10] = [
    "password",
    "passwd",
    "pwd",
    "accountkey",
    "sharedaccesskey",
    "secretkey",
    "secretaccesskey",
    "clientsecret",
    "apikey",
    "accesstoken",
];
/// How what holds another's place begins: `{0}`, `${PASSWORD}`, `<password>`, `****`.
const PLACEHOLDERS: [char; 6] = ['{', '$', '<', '%', '*', '['];
const PRIVATE_KEY: &str = "PRIVATE KEY";
/// So much of what stands in base64 says what is in its armor.
const ARMOR_BASE64_CHARS: usize = 56;
/// How public keys begin that have no armor.
const PUBLIC: [&str; 6] = [
    "ssh-rsa ",
    "ssh-ed25519 ",
    "ecdsa-sha2-",
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8A",
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
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
    if is_secret(last) || (last == "KEY" && is(&SECRET_KEYS, before)) {
        return Name::OfSecret;
    }
    let singular = |word: &String| is_secret(word.strip_suffix('S').unwrap_or(word)) || is_secret(word);
    if words.iter().any(singular) || words.iter().any(|word| word == "KEY" || word == "KEYS") {
        return Name::LikeSecret;
    }
    Name::Other
}

/// True for a word for a secret, alone or behind its holder.
fn is_secret(word: &str) -> bool {
    SECRETS.contains(&word)
        || ENDS.iter().any(|end| word.ends_with(end))
        || word.strip_suffix("PASS").is_some_and(|holder| HOLDERS.contains(&holder))
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
    text.trim().is_empty() || is_switch || is_small || is_place || is_dotted_name(text) || is_public_key(text)
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
    let mut behind = BEFORE_RANDOM.iter().filter_map(|start| text.strip_prefix(start));
    PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        || behind.any(|rest| rest.split('/').any(looks_random))
        || armored(text).is_some_and(|kind| kind.contains(PRIVATE_KEY))
        || holds_private_key(text)
        || is_access_key(text)
        || is_basic(text)
        || is_bot(text)
}

/// What stands in armor: `PUBLIC KEY`, `RSA PRIVATE KEY`, `CERTIFICATE`. Variables of one line have it in base64.
fn armored(text: &str) -> Option<String> {
    let text = text.trim_start();
    let opened = |text: &str| Some(text.strip_prefix("-----BEGIN ")?.split("-----").next()?.to_owned());
    let Some(inner) = text.get(..ARMOR_BASE64_CHARS).filter(|text| text.starts_with("LS0tLS1CRUdJTi")) else {
        return opened(text);
    };
    let inner = base64::engine::general_purpose::STANDARD.decode(inner).ok()?;
    opened(&String::from_utf8_lossy(&inner))
}

/// Keys and certificates that are for everybody.
fn is_public_key(text: &str) -> bool {
    PUBLIC.iter().any(|start| text.starts_with(start))
        || (armored(text).is_some_and(|kind| !kind.contains(PRIVATE_KEY)) && !holds_private_key(text))
}

/// A private key somewhere in the text: behind a certificate, or in a document that has it as a member.
fn holds_private_key(text: &str) -> bool {
    text.match_indices("-----BEGIN ")
        .any(|(at, _)| text.get(at..).and_then(armored).is_some_and(|kind| kind.contains(PRIVATE_KEY)))
}

/// A user and a password as HTTP has them.
fn is_basic(text: &str) -> bool {
    let is_of_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    text.strip_prefix("Basic ").is_some_and(|rest| {
        rest.len() >= 8
            && rest.len().is_multiple_of(4)
            && rest.bytes().all(is_of_base64)
            && rest.bytes().any(|byte| byte.is_ascii_digit())
            && rest.bytes().any(|byte| byte.is_ascii_uppercase())
    })
}

/// A bot of Telegram's: its number and its key.
fn is_bot(text: &str) -> bool {
    text.split_once(':').is_some_and(|(number, key)| {
        (8..=10).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && key.len() >= 30
            && looks_random(key)
    })
}

/// A part of a text that says what the password is. `referred` stands where something is referred to.
pub(super) fn has_part_of_secret(text: &str, referred: char) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    text.split([';', '&', '?', ' ', ',']).any(|part| {
        let Some((called, value)) = part.split_once('=') else { return false };
        let called: String = called.chars().filter(char::is_ascii_alphanumeric).collect();
        let value = value.trim_matches(['"', '\'']);
        PARTS.contains(&called.to_ascii_lowercase().as_str())
            && !value.contains(referred)
            && !value.starts_with(PLACEHOLDERS)
            && !says_nothing(value)
            && (!is_web || looks_random(value))
    })
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
            ("PGPASSWORD", Name::OfSecret),
            ("DBPASSWORD", Name::OfSecret),
            ("DBPASS", Name::OfSecret),
            ("MYSQL_PW", Name::OfSecret),
            ("clientsecret", Name::OfSecret),
            ("GITHUBTOKEN", Name::OfSecret),
            ("DBPASSWORD_PROD", Name::LikeSecret),
            ("PGPASSFILE", Name::Other),
            ("BYPASS", Name::Other),
            ("COMPASS", Name::Other),
            ("", Name::Other),
        ] {
            assert_eq!(name(variable), expected, "{variable}");
        }
    }

    #[test]
    fn forms_that_only_secrets_have_are_told_from_public_ones() {
        let key = "T3Bq9xZkL2mN8vR4wY7uJ1hG5fD6sA0pQc";
        for secret in [
            "-----BEGIN PRIVATE KEY-----\nMIIE",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----",
            r#"{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nMIIE"}"#,
            "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFb3dJQkFBS0NBUUVB",
            "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
            "Basic YWRtaW46U3VwM3JTM2NyZXQ=",
            "123456789:AAF9aB8cD7eF6gH5iJ4kL3mN2oPqRsTuVwX",
            "https://hooks.slack.com/services/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",
            &format!("https://discord.com/api/webhooks/123456789012345678/{key}"),
            &format!("sk-proj-{key}"),
            "sk-ant-api03-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP",
            &format!("hf_{key}"),
            &format!("whsec_{key}"),
            &format!("Bearer {key}"),
        ] {
            assert!(has_form_of_secret(secret), "{secret}");
        }
        for public in [
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEn1LlwLN",
            "-----BEGIN CERTIFICATE-----\nMIIBhTCCASugAwIBAgIQ",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7",
            "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUZrd0V3WUhLb1pJemowQ0FRWUlL",
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEn1LlwLNKBYQRVH6HfIMTzfEqJOVz",
        ] {
            assert!(!has_form_of_secret(public) && says_nothing(public), "{public}");
        }
        for other in [
            "Basic features",
            "Basic YWRt",
            "sk-learn",
            "hf_transformer",
            "https://hooks.slack.com/services/",
            "10:30",
        ] {
            assert!(!has_form_of_secret(other), "{other}");
        }
    }

    #[test]
    fn passwords_are_found_within_texts() {
        for (text, expected) in [
            ("Server=db;User Id=sa;Password=9aB8cD7eF6;", true),
            ("jdbc:mysql://db/x?user=a&password=9aB8cD7eF6", true),
            ("host=db user=a password='hunter2'", true),
            ("DefaultEndpointsProtocol=https;AccountName=x;AccountKey=T3Bq9xZkL2mN8vR4wY7uJ1==;E=c", true),
            ("https://x.example/login?api_key=T3Bq9xZkL2mN8vR4", true),
            ("https://x.example/login?password=reset", false),
            ("Server=db;Password=\u{0};", false),
            ("Server=db;Password={0}", false),
            ("Server=db;Password=${DB_PASSWORD}", false),
            ("Server=db;Password=;Trusted_Connection=True", false),
            ("password-policy=strong", false),
        ] {
            assert_eq!(has_part_of_secret(text, '\u{0}'), expected, "{text}");
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
