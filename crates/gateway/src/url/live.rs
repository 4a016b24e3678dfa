//! The function URLs that are live, in memory, renewed the instant a change to them is durable.
//!
//! Requests read this and never wait for the store. Every write of a URL goes through here, so that no change can miss
//! it; the control plane is `services/lambda`'s.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use base::{AccountId, Region, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use store::{Key, Range, Read, Store, StoreError, Table, Transaction};

use super::cors::UrlCors;
use crate::records::{self, RecordError};

/// Function URLs, by id.
pub const FUNCTION_URLS: Table = Table::new(0x0603, "function-urls");

/// The ids of a function's URLs, by the function's ARN. URLs that were made before this was noted are not among them.
const URLS_OF_FUNCTIONS: Table = Table::new(0x060B, "urls-of-functions");

#[derive(Serialize, Deserialize)]
struct NotedUrls {
    ids: BTreeSet<String>,
}

/// How callers of a URL are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlAuth {
    /// Not at all: whoever the function's policy lets in.
    #[serde(rename = "NONE")]
    None,
    /// By their signature; policies decide.
    #[serde(rename = "AWS_IAM")]
    AwsIam,
}

impl UrlAuth {
    /// The name that the API and policies have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::AwsIam => "AWS_IAM",
        }
    }
}

/// How an answer is handed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UrlMode {
    /// Once it is whole.
    #[default]
    #[serde(rename = "BUFFERED")]
    Buffered,
    /// As it comes.
    #[serde(rename = "RESPONSE_STREAM")]
    ResponseStream,
}

impl UrlMode {
    /// The name that the API has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buffered => "BUFFERED",
            Self::ResponseStream => "RESPONSE_STREAM",
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    const fn is_buffered(&self) -> bool {
        matches!(self, Self::Buffered)
    }
}

/// A function's own HTTP address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionUrl {
    /// The first label of its host.
    pub url_id: String,
    /// The account that owns the function.
    pub account: AccountId,
    /// The function's ARN, without a qualifier.
    pub function_arn: String,
    /// The alias that it calls, if it calls one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Who may call it.
    pub auth: UrlAuth,
    /// Which sites' scripts may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<UrlCors>,
    /// How its answers are handed on.
    #[serde(default, skip_serializing_if = "UrlMode::is_buffered")]
    pub mode: UrlMode,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl FunctionUrl {
    /// The ARN of what it calls.
    pub fn arn(&self) -> String {
        match &self.alias {
            Some(alias) => format!("{}:{alias}", self.function_arn),
            None => self.function_arn.clone(),
        }
    }
}

/// Why a URL is not stored.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The record has no stored form.
    #[error("a function URL cannot be written")]
    Record(#[from] RecordError),
}

/// All function URLs. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct FunctionUrls(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    by_id: RwLock<HashMap<String, Arc<FunctionUrl>>>,
    served_at: OnceLock<(&'static str, u16)>,
}

impl FunctionUrls {
    /// Reads every URL. One that cannot be read is left out and reported: the others serve on.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let urls = Self::default();
        for (_, bytes) in store.snapshot()?.scan(FUNCTION_URLS, &Range::all())? {
            match records::decode::<FunctionUrl>(&bytes) {
                Ok(url) => drop(urls.0.by_id.write().insert(url.url_id.clone(), Arc::new(url))),
                Err(error) => tracing::error!(error = %base::Chain(&error), "a function URL cannot go live"),
            }
        }
        Ok(urls)
    }

    /// From here on addresses are told with this scheme and port.
    pub fn served_at(&self, scheme: &'static str, port: u16) {
        let _ = self.0.served_at.set((scheme, port));
    }

    /// The address of a URL: `http://<url-id>.lambda-url.<region>.localhost:4566/`.
    pub fn address(&self, url: &FunctionUrl, region: &Region) -> String {
        let (scheme, port) = self.0.served_at.get().copied().unwrap_or(("http", 4566));
        format!("{scheme}://{}.lambda-url.{region}.localhost:{port}/", url.url_id)
    }

    /// The URL of this id.
    pub fn find(&self, url_id: &str) -> Option<Arc<FunctionUrl>> {
        self.0.by_id.read().get(&url_id.to_ascii_lowercase()).cloned()
    }

    /// The URLs of a function, by alias, its own first.
    pub fn of(&self, function_arn: &str) -> Vec<Arc<FunctionUrl>> {
        let urls = self.0.by_id.read();
        let mut found: Vec<_> =
            urls.values().filter(|url| url.function_arn == function_arn).cloned().collect();
        found.sort_by(|one, other| one.alias.cmp(&other.alias));
        found
    }

    /// The URLs of a function as they stand in `records`, by alias, its own first. In a transaction, those of changes before it
    /// count, of which the memory learns only once they are durable.
    ///
    /// # Errors
    /// Where the store fails, or a URL cannot be read.
    pub fn stored(&self, records: &dyn Read, function_arn: &str) -> Result<Vec<FunctionUrl>, UrlError> {
        let mut ids = ids_of(records, function_arn)?;
        // Those that were made when nobody noted whose they are.
        ids.extend(self.of(function_arn).into_iter().map(|url| url.url_id.clone()));
        let mut found = Vec::new();
        for id in ids {
            if let Some(bytes) = records.read(FUNCTION_URLS, &Key::new().str(&id))? {
                found.push(records::decode::<FunctionUrl>(&bytes)?);
            }
        }
        found.sort_by(|one: &FunctionUrl, other| one.alias.cmp(&other.alias));
        Ok(found)
    }

    /// Writes a URL; it serves from the moment the transaction is durable.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn put(&self, transaction: &mut Transaction<'_>, url: FunctionUrl) -> Result<(), UrlError> {
        transaction.put(FUNCTION_URLS, Key::new().str(&url.url_id), records::encode(&url)?)?;
        let mut ids = ids_of(transaction, &url.function_arn)?;
        if ids.insert(url.url_id.clone()) {
            note(transaction, &url.function_arn, &ids)?;
        }
        let urls = self.clone();
        transaction.after_commit(move || {
            urls.0.by_id.write().insert(url.url_id.clone(), Arc::new(url));
        });
        Ok(())
    }

    /// Deletes a URL; it is gone from the moment the transaction is durable.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn delete(&self, transaction: &mut Transaction<'_>, url: &FunctionUrl) -> Result<(), UrlError> {
        transaction.delete(FUNCTION_URLS, Key::new().str(&url.url_id))?;
        let mut ids = ids_of(transaction, &url.function_arn)?;
        if ids.remove(&url.url_id) {
            note(transaction, &url.function_arn, &ids)?;
        }
        let (urls, url_id) = (self.clone(), url.url_id.clone());
        transaction.after_commit(move || {
            urls.0.by_id.write().remove(&url_id);
        });
        Ok(())
    }
}

/// The ids that are noted of a function.
fn ids_of(records: &dyn Read, function_arn: &str) -> Result<BTreeSet<String>, UrlError> {
    let noted = records.read(URLS_OF_FUNCTIONS, &Key::new().str(function_arn))?;
    let noted = noted.map(|bytes| records::decode::<NotedUrls>(&bytes)).transpose()?;
    Ok(noted.map(|noted| noted.ids).unwrap_or_default())
}

fn note(
    transaction: &mut Transaction<'_>,
    function_arn: &str,
    ids: &BTreeSet<String>,
) -> Result<(), UrlError> {
    let key = Key::new().str(function_arn);
    if ids.is_empty() {
        transaction.delete(URLS_OF_FUNCTIONS, key)?;
    } else {
        transaction.put(URLS_OF_FUNCTIONS, key, records::encode(&NotedUrls { ids: ids.clone() })?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> FunctionUrl {
        FunctionUrl {
            url_id: "u1".into(),
            account: "111111111111".parse().unwrap(),
            function_arn: "arn:aws:lambda:us-east-1:111111111111:function:f".into(),
            alias: Some("live".into()),
            auth: UrlAuth::AwsIam,
            cors: Some(UrlCors { allow_origins: vec!["*".into()], ..UrlCors::default() }),
            mode: UrlMode::Buffered,
            created: Timestamp::from_secs(1),
            updated: Timestamp::from_secs(2),
        }
    }

    #[tokio::test]
    async fn a_transaction_finds_what_is_not_live_yet() {
        let store = Store::ephemeral().unwrap();
        let urls = FunctionUrls::default();
        let arn = url().function_arn;
        let came_to_nothing: Result<(), UrlError> = store
            .transact(|tx| {
                urls.put(tx, FunctionUrl { url_id: "lost".into(), ..url() })?;
                Err(UrlError::Store(StoreError::TransactionTooLarge))
            })
            .await;
        assert!(came_to_nothing.is_err());
        let written: Result<(), UrlError> = store
            .transact(|tx| {
                assert!(urls.stored(tx, &arn)?.is_empty());
                urls.put(tx, url())?;
                assert!(urls.of(&arn).is_empty());
                assert_eq!(urls.stored(tx, &arn)?, [url()]);
                Ok(())
            })
            .await;
        written.unwrap();
        assert_eq!(ids_of(&store, &arn).unwrap(), ["u1".to_owned()].into());
        let deleted: Result<(), UrlError> = store
            .transact(|tx| {
                assert_eq!(urls.stored(tx, &arn)?, [url()]);
                urls.delete(tx, &url())?;
                assert_eq!(urls.of(&arn).len(), 1);
                assert!(urls.stored(tx, &arn)?.is_empty());
                Ok(())
            })
            .await;
        deleted.unwrap();
        assert!(urls.of(&arn).is_empty());
        assert_eq!(
            store.get(URLS_OF_FUNCTIONS, Key::new().str(&arn)).unwrap(),
            None,
            "nothing is left of it"
        );
    }

    #[tokio::test]
    async fn urls_that_nobody_noted_are_found_changed_and_deleted() {
        let store = Store::ephemeral().unwrap();
        let before: Result<(), UrlError> = store
            .transact(|tx| Ok(tx.put(FUNCTION_URLS, Key::new().str("u1"), records::encode(&url())?)?))
            .await;
        before.unwrap();
        let urls = FunctionUrls::load(&store).unwrap();
        let arn = url().function_arn;
        let own = FunctionUrl { url_id: "u2".into(), alias: None, ..url() };
        let work: Result<(), UrlError> = store
            .transact(|tx| {
                assert_eq!(urls.stored(tx, &arn)?, [url()]);
                urls.put(tx, own.clone())?;
                assert_eq!(urls.stored(tx, &arn)?, [own.clone(), url()]);
                urls.delete(tx, &url())?;
                assert_eq!(urls.stored(tx, &arn)?, std::slice::from_ref(&own));
                Ok(())
            })
            .await;
        work.unwrap();
    }

    #[test]
    fn a_url_keeps_its_bytes() {
        let url = url();
        let golden = concat!(
            r#"{"v":"1","url_id":"u1","account":"111111111111","#,
            r#""function_arn":"arn:aws:lambda:us-east-1:111111111111:function:f","alias":"live","auth":"AWS_IAM","#,
            r#""cors":{"allow_origins":["*"],"allow_credentials":false},"created":1000,"updated":2000}"#
        );
        assert_eq!(String::from_utf8(records::encode(&url).unwrap()).unwrap(), golden);
        assert_eq!(records::decode::<FunctionUrl>(golden.as_bytes()).unwrap(), url);
        let noted = NotedUrls { ids: ["u1".to_owned()].into() };
        assert_eq!(records::encode(&noted).unwrap(), br#"{"v":"1","ids":["u1"]}"#);
    }
}
