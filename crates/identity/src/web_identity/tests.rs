//! Tokens against keys: what passes, what does not, and how often an issuer is asked.
//!
//! The tokens were signed by OpenSSL (`tests/data/web-identity.json`), at the moment that test kits begin.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base::Timestamp;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://idp.example/x";
const NOW: Timestamp = Timestamp::from_secs(1_767_225_600);

#[derive(Deserialize)]
struct Vectors {
    keys: Value,
    good: HashMap<String, String>,
    bad: HashMap<String, String>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/data/web-identity.json")).unwrap()
}

fn keys() -> Keys {
    Keys::parse(vectors().keys.to_string().as_bytes()).unwrap()
}

#[test]
fn a_token_is_good_by_its_issuers_key_alone() {
    let (vectors, keys) = (vectors(), keys());
    assert_eq!(vectors.good.len(), 6);
    for (name, text) in &vectors.good {
        let token = Token::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(token.is_signed_by(&keys), "{name}");
        assert_eq!(token.claims().subject(), "repo:acme/site:ref:refs/heads/main");
    }
    for (name, text) in &vectors.bad {
        let passed = Token::parse(text).is_ok_and(|token| token.is_signed_by(&keys));
        assert!(!passed, "{name}");
    }
}

#[test]
fn a_token_stands_from_its_beginning_to_its_end() {
    let vectors = vectors();
    let token = Token::parse(&vectors.good["RS256"]).unwrap();
    let claims = token.claims();
    for (secs, expected) in [
        (1_767_225_299, Err(ClaimError::Early)),
        (1_767_225_300, Ok(())),
        (1_767_229_199, Ok(())),
        (1_767_229_200, Err(ClaimError::Expired { at_secs: 1_767_229_200 })),
    ] {
        assert_eq!(claims.check(Timestamp::from_secs(secs)), expected, "{secs}");
    }
}

fn claims(more: &Value) -> Option<Claims> {
    let mut all = json!({"iss": ISSUER, "sub": "s", "aud": "a", "iat": 1, "exp": 2});
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    Claims::parse(all.to_string().as_bytes())
}

#[test]
fn the_audience_is_the_authorized_party_or_the_only_one() {
    for (more, expected) in [
        (json!({"aud": "a"}), Some("a")),
        (json!({"aud": ["a"]}), Some("a")),
        (json!({"aud": ["a", "b"]}), None),
        (json!({"aud": ["a", "b"], "azp": "b"}), Some("b")),
        (json!({"aud": "a", "azp": "c"}), Some("c")),
    ] {
        assert_eq!(claims(&more).unwrap().audience(), expected, "{more}");
    }
    for more in [json!({"aud": []}), json!({"aud": [1]}), json!({"aud": ""}), json!({"azp": 1})] {
        assert_eq!(claims(&more), None, "{more}");
    }
    for moment in [json!("1"), json!(-1), json!(1e300), json!(null)] {
        assert_eq!(claims(&json!({"exp": moment})), None, "{moment}");
    }
    assert!(claims(&json!({"exp": 2.5, "nbf": 1.5})).is_some());
}

#[test]
fn session_tags_are_read_in_both_of_their_forms() {
    let nested = json!({"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["blue"], "Cost": "7"},
        "transitive_tag_keys": ["Team"]}, "https://aws.amazon.com/source_identity": "ana"});
    let flat = json!({"https://aws.amazon.com/tags/principal_tags/Team": "blue",
        "https://aws.amazon.com/tags/principal_tags/Cost": "7",
        "https://aws.amazon.com/tags/transitive_tag_keys": ["Team"], "https://aws.amazon.com/source_identity": "ana"});
    for form in [nested, flat] {
        let mut session = claims(&form).unwrap().session().unwrap();
        session.tags.sort();
        let tags = [("Cost".to_owned(), "7".to_owned()), ("Team".to_owned(), "blue".to_owned())];
        assert_eq!(
            (session.tags.as_slice(), session.transitive.as_slice()),
            (&tags[..], &["Team".to_owned()][..])
        );
        assert_eq!(session.source_identity.as_deref(), Some("ana"));
    }
    assert_eq!(claims(&json!({})).unwrap().session(), Some(SessionClaims::default()));
    for malformed in [
        json!({"https://aws.amazon.com/tags": "x"}),
        json!({"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["a", "b"]}}}),
        json!({"https://aws.amazon.com/tags": {"principal_tags": {"Team": [1]}}}),
        json!({"https://aws.amazon.com/tags": {"transitive_tag_keys": "Team"}}),
        json!({"https://aws.amazon.com/source_identity": ["ana"]}),
    ] {
        assert_eq!(claims(&malformed).unwrap().session(), None, "{malformed}");
    }
}

#[test]
fn keys_that_do_not_sign_are_passed_over() {
    let mut document = vectors().keys;
    for key in document["keys"].as_array_mut().unwrap() {
        key["use"] = json!("enc");
    }
    assert_eq!(Keys::parse(document.to_string().as_bytes()), Some(Keys::default()));
    let odd = br#"{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{},1]}"#;
    assert_eq!(Keys::parse(odd), Some(Keys::default()));
    let many = json!({"keys": vec![json!({}); 201]});
    assert_eq!(Keys::parse(many.to_string().as_bytes()), None);
    for none in [&b""[..], b"[]", b"{}", b"{\"keys\":1}", b"\xff"] {
        assert_eq!(Keys::parse(none), None);
    }
}

/// An issuer in memory that counts how often it is asked.
#[derive(Default)]
struct Idp {
    asked: AtomicUsize,
    silent: AtomicBool,
    /// It takes its time, until this is false again.
    slow: AtomicBool,
    names_another: AtomicBool,
}

impl FetchDocument for Idp {
    fn fetch<'a>(&'a self, issuer: &'a str, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            assert_eq!(issuer, ISSUER);
            while self.slow.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            if self.silent.load(Ordering::SeqCst) {
                return Err(FetchError("silence".to_owned()));
            }
            let issuer =
                if self.names_another.load(Ordering::SeqCst) { "https://evil.example" } else { issuer };
            Ok(match url {
                "https://idp.example/x/.well-known/openid-configuration" => {
                    json!({"issuer": issuer, "jwks_uri": "https://idp.example/keys"}).to_string().into_bytes()
                }
                "https://idp.example/keys" => vectors().keys.to_string().into_bytes(),
                other => panic!("{other}"),
            })
        })
    }
}

fn issuers() -> (Issuers, Arc<Idp>) {
    let idp = Arc::new(Idp::default());
    let way: Arc<dyn FetchDocument> = Arc::clone(&idp) as _;
    (Issuers::new([ISSUER.to_owned()], &way), idp)
}

#[tokio::test]
async fn keys_are_fetched_once_and_renewed_at_a_bounded_rate() {
    let ((issuers, idp), vectors) = (issuers(), vectors());
    let token = Token::parse(&vectors.good["RS256"]).unwrap();
    let unknown = Token::parse(&vectors.bad["another key's id"]).unwrap();
    for at_secs in 0..20 {
        assert_eq!(issuers.vouch(&token, NOW.plus_secs(at_secs)).await, Ok(()));
        assert_eq!(issuers.vouch(&unknown, NOW.plus_secs(at_secs)).await, Err(IssuerError::NoKey));
    }
    assert_eq!(idp.asked.load(Ordering::SeqCst), 2, "discovery and keys, once");
    assert_eq!(issuers.vouch(&unknown, NOW.plus_secs(31)).await, Err(IssuerError::NoKey));
    assert_eq!(idp.asked.load(Ordering::SeqCst), 4, "a new key may have been published");
    assert_eq!(issuers.vouch(&token, NOW.plus_secs(31 + 600)).await, Ok(()));
    assert_eq!(idp.asked.load(Ordering::SeqCst), 6, "keys are not kept for ever");
}

/// A token that is checked elsewhere, once the issuer was asked for it.
async fn begun(
    issuers: &Issuers,
    idp: &Idp,
    token: &str,
    now: Timestamp,
) -> tokio::task::JoinHandle<Result<(), IssuerError>> {
    let asked = idp.asked.load(Ordering::SeqCst);
    let (issuers, token) = (issuers.clone(), token.to_owned());
    let begun = tokio::spawn(async move { issuers.vouch(&Token::parse(&token).unwrap(), now).await });
    while idp.asked.load(Ordering::SeqCst) == asked {
        tokio::task::yield_now().await;
    }
    begun
}

/// What is answered at once, whatever the issuer does.
async fn at_once(issuers: &Issuers, token: &str, now: Timestamp) -> Option<Result<(), IssuerError>> {
    let token = Token::parse(token).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(1), issuers.vouch(&token, now)).await.ok()
}

#[tokio::test]
async fn nobody_waits_for_keys_that_are_known() {
    let ((issuers, idp), vectors) = (issuers(), vectors());
    let (good, unknown) = (&vectors.good["RS256"], &vectors.bad["another key's id"]);
    assert_eq!(at_once(&issuers, good, NOW).await, Some(Ok(())));
    idp.slow.store(true, Ordering::SeqCst);
    let later = NOW.plus_secs(31);
    let first = begun(&issuers, &idp, unknown, later).await;
    assert_eq!(at_once(&issuers, good, later).await, Some(Ok(())));
    assert_eq!(at_once(&issuers, unknown, later).await, None, "its key may be among those that come");
    let others: Vec<_> = (0..5)
        .map(|at| {
            let (issuers, unknown) = (issuers.clone(), unknown.clone());
            let now = later.plus_secs(at * 60);
            tokio::spawn(async move { issuers.vouch(&Token::parse(&unknown).unwrap(), now).await })
        })
        .collect();
    tokio::task::yield_now().await;
    idp.slow.store(false, Ordering::SeqCst);
    for token in others.into_iter().chain([first]) {
        assert_eq!(token.await.unwrap(), Err(IssuerError::NoKey));
    }
    assert_eq!(idp.asked.load(Ordering::SeqCst), 4, "one asked for all of them");
}

#[tokio::test]
async fn who_goes_away_is_noted_as_having_asked() {
    let ((issuers, idp), vectors) = (issuers(), vectors());
    let (good, unknown) = (&vectors.good["RS256"], &vectors.bad["another key's id"]);
    idp.slow.store(true, Ordering::SeqCst);
    let gone = begun(&issuers, &idp, unknown, NOW).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    idp.slow.store(false, Ordering::SeqCst);
    assert_eq!(at_once(&issuers, good, NOW).await, Some(Ok(())));
    assert_eq!(at_once(&issuers, unknown, NOW).await, Some(Err(IssuerError::NoKey)));
    assert_eq!(idp.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn while_a_silent_issuer_is_asked_again_its_keys_go_on() {
    let ((issuers, idp), vectors) = (issuers(), vectors());
    let (good, unknown) = (&vectors.good["RS256"], &vectors.bad["another key's id"]);
    assert_eq!(at_once(&issuers, good, NOW).await, Some(Ok(())));
    idp.silent.store(true, Ordering::SeqCst);
    assert_eq!(at_once(&issuers, good, NOW.plus_secs(601)).await, Some(Ok(())));
    idp.slow.store(true, Ordering::SeqCst);
    let asking = begun(&issuers, &idp, unknown, NOW.plus_secs(610)).await;
    assert_eq!(at_once(&issuers, good, NOW.plus_secs(610)).await, Some(Ok(())));
    assert_eq!(at_once(&issuers, good, NOW.plus_secs(3_600)).await, None, "they are too old");
    idp.slow.store(false, Ordering::SeqCst);
    assert_eq!(asking.await.unwrap(), Err(IssuerError::Unreachable));
}

#[tokio::test]
async fn keys_outlive_a_short_silence_and_no_long_one() {
    let ((issuers, idp), vectors) = (issuers(), vectors());
    let token = Token::parse(&vectors.good["ES256"]).unwrap();
    assert_eq!(issuers.vouch(&token, NOW).await, Ok(()));
    idp.silent.store(true, Ordering::SeqCst);
    assert_eq!(issuers.vouch(&token, NOW.plus_secs(3_599)).await, Ok(()));
    assert_eq!(issuers.vouch(&token, NOW.plus_secs(3_605)).await, Err(IssuerError::Unreachable));
    let asked = idp.asked.load(Ordering::SeqCst);
    for _ in 0..10 {
        assert_eq!(issuers.vouch(&token, NOW.plus_secs(3_606)).await, Err(IssuerError::Unreachable));
    }
    assert_eq!(idp.asked.load(Ordering::SeqCst), asked, "who is silent is left alone for a while");
    idp.silent.store(false, Ordering::SeqCst);
    assert_eq!(issuers.vouch(&token, NOW.plus_secs(3_611)).await, Ok(()));
}

#[tokio::test]
async fn an_issuer_that_was_not_named_or_names_another_vouches_for_nobody() {
    let ((issuers, idp), vectors) = (issuers(), vectors());
    let token = Token::parse(&vectors.good["RS256"]).unwrap();
    assert_eq!(Issuers::default().vouch(&token, NOW).await, Err(IssuerError::NoKey));
    idp.names_another.store(true, Ordering::SeqCst);
    assert_eq!(issuers.vouch(&token, NOW).await, Err(IssuerError::NoKey));
    idp.names_another.store(false, Ordering::SeqCst);
    let forged = Token::parse(&vectors.bad["a stranger's key"]).unwrap();
    assert_eq!(issuers.vouch(&forged, NOW.plus_secs(10)).await, Err(IssuerError::Forged));
}

#[test]
fn the_seed_corpus_is_refused() {
    let vectors = vectors();
    for seed in vectors.good.values().chain(vectors.bad.values()) {
        fuzz_web_identity(seed.as_bytes());
    }
    for seed in ["", ".", "..", "...", "e30.e30.", "e30.e30.e30", &"a.".repeat(20_000)] {
        fuzz_web_identity(seed.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn hostile_bytes_are_refused(data: Vec<u8>) {
        fuzz_web_identity(&data);
    }

    #[test]
    fn no_change_of_a_good_token_passes(at in 0_usize..900, to in "[A-Za-z0-9._-]") {
        let vectors = vectors();
        let good = &vectors.good["ES256"];
        let mut changed = good.clone();
        let at = at.min(good.len() - 1);
        changed.replace_range(at..=at, &to);
        let passed = Token::parse(&changed).is_ok_and(|token| token.is_signed_by(&keys()));
        prop_assert!(!passed || changed == *good);
    }
}
