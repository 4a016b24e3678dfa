//! The issuers that the operator named, and their keys: fetched when first asked for, kept for a while, renewed at a
//! bounded rate.
//!
//! An issuer that was not named is never asked, whoever registered it as a provider. What could not be fetched vouches for
//! nothing. Keys that are known are used without waiting, whoever has them fetched anew at the same time.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base::Timestamp;
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::keys::Keys;
use super::token::Token;

/// After this, keys are fetched anew before they vouch again.
const FRESH_SECS: i64 = 600;
/// While the issuer does not answer, its keys go on vouching this long.
const STALE_SECS_MAX: i64 = 3_600;
/// A key id that is not known makes the keys be fetched anew, but not more often than this.
const REFRESH_SECS_MIN: i64 = 30;
/// After a failure, the issuer is left alone this long.
const REST_SECS: i64 = 5;

/// What an asynchronous way out answers with.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The way to an issuer's documents, bounded in size and time by whoever gives it.
pub trait FetchDocument: Send + Sync {
    /// The document at `url`, an `https` address that `issuer` itself named.
    fn fetch<'a>(&'a self, issuer: &'a str, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>>;
}

/// The document could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// Why a token is not vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The operator did not name its issuer, or the issuer's documents are not what they should be.
    #[error("there is no key to check the token with")]
    NoKey,
    /// The issuer could not be asked.
    #[error("the identity provider could not be reached")]
    Unreachable,
    /// The signature is not of the issuer's key.
    #[error("the token's signature is not valid")]
    Forged,
}

/// The issuers that the operator named. Clones share what is known of them.
#[derive(Clone, Default)]
pub struct Issuers(Arc<HashMap<String, Arc<Issuer>>>);

struct Issuer {
    url: String,
    fetch: Arc<dyn FetchDocument>,
    /// Read without waiting, whoever fetches.
    known: ArcSwap<Known>,
    /// Held while the keys are fetched: of many tokens at once that need new ones, one asks and the others take its answer.
    asking: Arc<Mutex<()>>,
}

/// What is known of an issuer, exchanged as a whole.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<Keys>,
    fetched_at: Option<Timestamp>,
    failed: Option<(Timestamp, IssuerError)>,
}

/// The keys to check a token with.
type Answer = Result<Arc<Keys>, IssuerError>;

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl Issuers {
    /// These issuers, each by its `https` URL exactly as its tokens write it, reached by one way.
    pub fn new(urls: impl IntoIterator<Item = String>, fetch: &Arc<dyn FetchDocument>) -> Self {
        let issuer = |url: String| {
            let issuer = Issuer {
                url: url.clone(),
                fetch: Arc::clone(fetch),
                known: ArcSwap::default(),
                asking: Arc::default(),
            };
            (url, Arc::new(issuer))
        };
        Self(Arc::new(urls.into_iter().map(issuer).collect()))
    }

    /// Checks that the token's issuer signed it.
    ///
    /// # Errors
    /// Where no key can be had, or none fits.
    pub async fn vouch(&self, token: &Token<'_>, now: Timestamp) -> Result<(), IssuerError> {
        let named = self.0.get(token.claims().issuer());
        let Some(issuer) = named else {
            tracing::debug!("a token's issuer is not among those that the operator named");
            return Err(IssuerError::NoKey);
        };
        let keys = issuer.keys_for(token, now).await?;
        if !token.names_one_of(&keys) {
            return Err(IssuerError::NoKey);
        }
        if token.is_signed_by(&keys) { Ok(()) } else { Err(IssuerError::Forged) }
    }
}

impl Known {
    /// What can be told without asking the issuer; `None` where it is to be asked first.
    fn answer(&self, token: &Token<'_>, now: Timestamp) -> Option<Answer> {
        let holds = token.names_one_of(&self.keys);
        match self.age_secs(now) {
            Some(age) if holds && age < FRESH_SECS => return Some(Ok(Arc::clone(&self.keys))),
            Some(age) if !holds && age < REFRESH_SECS_MIN => return Some(Ok(Arc::clone(&self.keys))),
            _ => {}
        }
        let (at, _) = self.failed?;
        (now.millis_since(at).max(0) / 1_000 < REST_SECS).then(|| self.last_word(token, now))
    }

    /// What stands where the issuer was asked.
    fn last_word(&self, token: &Token<'_>, now: Timestamp) -> Answer {
        match self.failed {
            Some((_, failure)) if !self.outlives(token, now) => Err(failure),
            _ => Ok(Arc::clone(&self.keys)),
        }
    }

    /// True where its keys vouch for the token while the issuer does not answer.
    // SECURITY: keys that were good a while ago vouch for the tokens they are named by, and not for ever.
    fn outlives(&self, token: &Token<'_>, now: Timestamp) -> bool {
        token.names_one_of(&self.keys) && self.age_secs(now).is_some_and(|age| age < STALE_SECS_MAX)
    }

    fn age_secs(&self, now: Timestamp) -> Option<i64> {
        self.fetched_at.map(|at| now.millis_since(at).max(0) / 1_000)
    }
}

impl Issuer {
    /// Waits for the issuer only where the token needs what is not known: whoever has a token with an unknown key, or a slow
    /// issuer, makes nobody wait whose key is known.
    async fn keys_for(self: &Arc<Self>, token: &Token<'_>, now: Timestamp) -> Answer {
        let known = self.known.load_full();
        if let Some(answer) = known.answer(token, now) {
            return answer;
        }
        let turn = match Arc::clone(&self.asking).try_lock_owned() {
            Ok(turn) => turn,
            // It failed before and is being asked again: one waits for that, and what is known goes on for the others.
            Err(_) if known.failed.is_some() && known.outlives(token, now) => {
                return Ok(Arc::clone(&known.keys));
            }
            Err(_) => Arc::clone(&self.asking).lock_owned().await,
        };
        // Who waited takes that answer and does not ask again: or a queue of strangers would be as long as they like.
        let latest = self.known.load_full();
        if !Arc::ptr_eq(&known, &latest) {
            return latest.answer(token, now).unwrap_or_else(|| latest.last_word(token, now));
        }
        // On its own: whoever asks and goes away takes the answer from nobody, and is noted like who stays.
        let asked = tokio::spawn(Arc::clone(self).ask(now, turn)).await;
        let latest = asked.map_err(|_| IssuerError::Unreachable)?;
        latest.last_word(token, now)
    }

    /// Asks the issuer, and notes what it answers before the next one's turn.
    async fn ask(self: Arc<Self>, now: Timestamp, turn: OwnedMutexGuard<()>) -> Arc<Known> {
        let known = match self.fetched().await {
            Ok(keys) => Known { keys: Arc::new(keys), fetched_at: Some(now), failed: None },
            Err(failure) => Known { failed: Some((now, failure)), ..Known::clone(&self.known.load()) },
        };
        let known = Arc::new(known);
        self.known.store(Arc::clone(&known));
        drop(turn);
        known
    }

    async fn fetched(&self) -> Result<Keys, IssuerError> {
        let unreachable = |error: FetchError| {
            tracing::warn!(issuer = self.url, %error, "an identity provider's keys cannot be fetched");
            IssuerError::Unreachable
        };
        let unusable = |what: &'static str| {
            tracing::warn!(issuer = self.url, what, "an identity provider's document is not usable");
            IssuerError::NoKey
        };
        let address = format!("{}/.well-known/openid-configuration", self.url.trim_end_matches('/'));
        let document = self.fetch.fetch(&self.url, &address).await.map_err(unreachable)?;
        let discovery: Option<Discovery> = serde_json::from_slice(&document).ok();
        let discovery = discovery.ok_or_else(|| unusable("it is not a discovery document"))?;
        // SECURITY: a document speaks for the issuer that it names, and for no other (OpenID Connect Discovery, 4.3).
        if discovery.issuer != self.url {
            return Err(unusable("it is of another issuer"));
        }
        let keys = self.fetch.fetch(&self.url, &discovery.jwks_uri).await.map_err(unreachable)?;
        Keys::parse(&keys).ok_or_else(|| unusable("it is not a set of keys"))
    }
}
