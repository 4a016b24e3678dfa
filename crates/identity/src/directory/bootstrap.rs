//! The first start: an account and its root user's access key.
//!
//! The key is stored and checked like any other. There is no default key: whoever starts the platform brings one or is
//! given a random one.

use base::{AccountId, SecretString, Timestamp};
use store::{KeyReader, Range, Read as _, StoreError};

use super::{Directory, DirectoryError, Reads};
use crate::ids;
use crate::records::{AccessKeyRecord, AccountRecord, KeyOwner, Record as _, RecordError, keys};

/// The root user's access key.
#[derive(Clone, Debug)]
pub struct RootKey {
    /// The access key's id: 16 to 128 letters, digits and underscores.
    pub access_key_id: String,
    /// The secret access key: 16 to 128 printable characters.
    pub secret: SecretString,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The access key's id is not one.
    #[error("an access key id has 16 to 128 letters, digits and underscores")]
    InvalidKeyId,
    /// The secret is too short, too long, or not printable.
    #[error("a secret access key has 16 to 128 printable characters without spaces")]
    InvalidSecret,
    /// The account exists, and this key is not its root user's.
    #[error("the account exists already, and the given root access key is not one of its keys")]
    OtherKey,
    /// The directory failed.
    #[error("the account could not be stored")]
    Directory(#[from] DirectoryError),
}

impl From<StoreError> for BootstrapError {
    fn from(error: StoreError) -> Self {
        Self::Directory(error.into())
    }
}

impl From<RecordError> for BootstrapError {
    fn from(error: RecordError) -> Self {
        Self::Directory(error.into())
    }
}

impl RootKey {
    /// A new random key.
    pub fn random(account: AccountId) -> Self {
        Self { access_key_id: ids::access_key(ids::LONG_TERM, account), secret: ids::secret() }
    }

    fn check(&self) -> Result<(), BootstrapError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !(16..=128).contains(&self.access_key_id.len()) || !self.access_key_id.bytes().all(is_word) {
            return Err(BootstrapError::InvalidKeyId);
        }
        let secret = self.secret.expose();
        if !(16..=128).contains(&secret.len()) || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BootstrapError::InvalidSecret);
        }
        Ok(())
    }
}

impl Directory {
    /// Makes the account with its root key: `key`, or a random one. Returns the key where the account was made just
    /// now; `None` where it is there already, in which case a given key must be one of the root user's.
    pub async fn bootstrap_account(
        &self,
        account: AccountId,
        key: Option<RootKey>,
        now: Timestamp,
    ) -> Result<Option<RootKey>, BootstrapError> {
        if let Some(key) = &key {
            key.check()?;
        }
        self.index_principals().await?;
        self.store()
            .transact(|transaction| {
                let mut edit = self.edit(transaction, account);
                if edit.record::<AccountRecord>(keys::ACCOUNTS, &keys::account(account))?.is_some() {
                    return already(&edit, account, key.as_ref()).map(|()| None);
                }
                let key = key.unwrap_or_else(|| RootKey::random(account));
                let taken = edit.read(keys::ACCESS_KEYS, &keys::access_key(&key.access_key_id))?;
                if taken.is_some() {
                    return Err(BootstrapError::OtherKey);
                }
                let record = AccessKeyRecord {
                    account,
                    owner: KeyOwner::Root,
                    secret: key.secret.expose().to_owned(),
                    active: true,
                    created_at: now,
                };
                let created = AccountRecord::new(now);
                edit.put(keys::ACCOUNTS, &keys::account(account), &created)?;
                edit.put(keys::ACCESS_KEYS, &keys::access_key(&key.access_key_id), &record)?;
                edit.mark(keys::KEYS_OF_USERS, &keys::key_of(account, "", &key.access_key_id))?;
                Ok(Some(key))
            })
            .await
    }

    /// True where the account's organization closed it.
    ///
    /// # Errors
    /// Where the record cannot be read.
    pub fn account_closed(&self, account: AccountId) -> Result<bool, DirectoryError> {
        is_closed(self.store(), account)
    }

    /// The account that this store was made for, where `account` is none of its accounts: those that organizations made are
    /// nobody's to start with.
    ///
    /// # Errors
    /// Where the records cannot be read.
    pub fn made_for_another(&self, account: AccountId) -> Result<Option<AccountId>, DirectoryError> {
        if self.account_exists(account)? { Ok(None) } else { self.first_account() }
    }

    /// The account that the first start made; `None` where there was none yet. Every other one was made from inside it, later,
    /// and may have left its organization since.
    ///
    /// # Errors
    /// Where the records cannot be read.
    pub fn first_account(&self) -> Result<Option<AccountId>, DirectoryError> {
        // Those of a platform's starts have its region; which was made first says it alone where a store is older than that.
        let mut first: Option<((bool, Timestamp), AccountId)> = None;
        for (key, bytes) in self.store().snapshot()?.scan(keys::ACCOUNTS, &Range::all())? {
            let known = KeyReader::new(&key).str();
            let Ok(Ok(known)) = known.map(|text| text.parse::<AccountId>()) else { continue };
            let record = AccountRecord::decode(&bytes)?;
            let rank = (record.region.is_none(), record.created_at);
            if first.is_none_or(|(before, _)| rank < before) {
                first = Some((rank, known));
            }
        }
        Ok(first.map(|(_, account)| account))
    }

    /// Keeps the region that an account's platform stands for, where none is kept yet; and answers the one that is.
    ///
    /// # Errors
    /// Where the record cannot be read or written.
    pub async fn keep_region(&self, account: AccountId, region: &str) -> Result<String, DirectoryError> {
        let known: Option<AccountRecord> = self.store().record(keys::ACCOUNTS, &keys::account(account))?;
        if let Some(kept) = known.and_then(|known| known.region) {
            return Ok(kept);
        }
        self.store()
            .transact(|transaction| {
                let mut edit = self.edit(transaction, account);
                let key = keys::account(account);
                if let Some(mut record) = edit.record::<AccountRecord>(keys::ACCOUNTS, &key)? {
                    record.region = Some(region.to_owned());
                    edit.put(keys::ACCOUNTS, &key, &record)?;
                }
                Ok::<_, DirectoryError>(region.to_owned())
            })
            .await
    }

    /// True where the account was made.
    pub fn account_exists(&self, account: AccountId) -> Result<bool, DirectoryError> {
        Ok(self.store().record::<AccountRecord>(keys::ACCOUNTS, &keys::account(account))?.is_some())
    }
}

/// The same, from where everything else is read.
pub(super) fn is_closed(from: &(impl Reads + ?Sized), account: AccountId) -> Result<bool, DirectoryError> {
    let known: Option<AccountRecord> = from.record(keys::ACCOUNTS, &keys::account(account))?;
    Ok(known.is_some_and(|record| record.closed_at.is_some()))
}

// SECURITY: a key that is given at a later start is compared, never adopted: whoever may set the environment must not
// thereby become root of an account that exists.
fn already(
    edit: &(impl Reads + ?Sized),
    account: AccountId,
    key: Option<&RootKey>,
) -> Result<(), BootstrapError> {
    let Some(key) = key else { return Ok(()) };
    let record: Option<AccessKeyRecord> =
        edit.record(keys::ACCESS_KEYS, &keys::access_key(&key.access_key_id))?;
    let same = record.is_some_and(|record| {
        record.account == account
            && record.owner == KeyOwner::Root
            && crypto::constant_time_eq(record.secret.as_bytes(), key.secret.expose().as_bytes())
    });
    if same { Ok(()) } else { Err(BootstrapError::OtherKey) }
}
