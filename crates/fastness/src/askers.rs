//! Who asks a running platform for what an account keeps to itself, such as its trail: the administrator of its data folder for
//! its own account, and whoever the keys in the environment belong to for theirs.
//!
//! Takes no role by itself: the administrator's key is a root user's, and no root user may assume one. Whose trail is read is
//! what the platform says of the keys, never what the caller says of them.

use base::AccountId;

use crate::Error;
use crate::args::AskerOptions;
use crate::client::Client;
use crate::xml::element;

/// The version of STS's API.
const STS: &str = "2011-06-15";

/// A running platform, as its administrator sees it and as whoever the environment names does.
pub(crate) struct Askers {
    administrator: Client,
    other: Option<Client>,
}

impl Askers {
    pub(crate) fn of(given: &AskerOptions) -> Result<Self, Error> {
        let administrator = Client::of(&given.data_dir, given.ca_bundle.as_deref())?;
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let other = match (said(&given.access_key_id), &given.secret_access_key) {
            (Some(key), Some(secret)) => {
                Some(administrator.as_whoever(&key, secret.clone(), said(&given.session_token)))
            }
            _ => None,
        };
        Ok(Self { administrator, other })
    }

    pub(crate) fn administrator(&self) -> &Client {
        &self.administrator
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Client> {
        std::iter::once(&self.administrator).chain(&self.other)
    }

    /// Who of them is of this account; `None` where nobody is.
    pub(crate) fn of_account(&self, account: AccountId) -> Result<Option<&Client>, Error> {
        if account_of(&self.administrator)? == account {
            return Ok(Some(&self.administrator));
        }
        let Some(other) = &self.other else { return Ok(None) };
        let owner = account_of(other).map_err(|error| self.told_by(other, &error))?;
        Ok((owner == account).then_some(other))
    }

    /// An error as its reader can tell whose keys it is about.
    pub(crate) fn told_by(&self, client: &Client, error: &Error) -> String {
        match std::ptr::eq(client, &self.administrator) {
            true => error.to_string(),
            false => format!("asked with the keys in AWS_ACCESS_KEY_ID, {error}"),
        }
    }
}

/// Whose the keys are.
pub(crate) fn account_of(client: &Client) -> Result<AccountId, Error> {
    let xml = client.query("sts", STS, &[("Action", "GetCallerIdentity")])?;
    Ok(element(&xml, "Account").ok_or("GetCallerIdentity names no account")?.parse()?)
}

/// What is missing where nobody of this account asks, and what whoever does must be allowed.
pub(crate) fn missing(account: AccountId, leave: &str) -> String {
    format!(
        "the platform runs, and shows the trail of account {account} to that account alone: give keys of it that may \
         {leave} in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
    )
}
