//! OpenID Connect providers: whose tokens may prove someone to this account, and for which audiences.
//!
//! A provider is registered and trusted by nothing yet: its issuer's keys are fetched only where the operator named the
//! issuer, and a role lets its people in only by its trust policy.

use std::sync::Arc;

use base::AccountId;
use identity::records::{OidcProviderRecord, Tag, keys};
use identity::{Edit, Reads};
use service::Permit;
use store::{Key, Table};

use super::moment;
use crate::records::Tagged;
use crate::{Error, Iam, api, quota, tags};

impl Tagged for OidcProviderRecord {
    const TABLE: Table = keys::OIDC_PROVIDERS;

    fn load(from: &(impl Reads + ?Sized), account: AccountId, arn: &str) -> Result<Self, Error> {
        let gone = || Error::NoSuchEntity(format!("OpenIDConnect Provider not found for arn {arn}"));
        let url = Self::url_of(account, arn).ok_or_else(gone)?;
        from.record(keys::OIDC_PROVIDERS, &keys::provider(account, url))?.ok_or_else(gone)
    }

    fn key(&self, account: AccountId) -> Key {
        keys::provider(account, &self.url)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

fn save(edit: &mut Edit<'_, '_>, record: &OidcProviderRecord) -> Result<(), Error> {
    let key = record.key(edit.account());
    Ok(edit.put(keys::OIDC_PROVIDERS, &key, record)?)
}

/// How many there are.
pub(crate) fn all(
    from: &(impl Reads + ?Sized),
    account: AccountId,
) -> Result<Vec<OidcProviderRecord>, Error> {
    Ok(from.records(keys::OIDC_PROVIDERS, &keys::all_of(account))?)
}

/// The URL as it is kept: without its scheme, its host in lower case.
fn url(given: &str) -> Result<String, Error> {
    let refused = || Error::ValidationError("Invalid Open ID Connect Provider URL".to_owned());
    let rest = given.strip_prefix("https://").ok_or_else(refused)?;
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && authority.strip_prefix(host).is_some_and(|port| {
            port.is_empty() || port.len() > 1 && port.bytes().skip(1).all(|b| b.is_ascii_digit())
        });
    let is_path = path.bytes().all(|byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~' | b'%' | b'+' | b':' | b'@')
    });
    if !is_host || !is_path {
        return Err(refused());
    }
    Ok(format!("{}{path}", authority.to_ascii_lowercase()))
}

fn client_ids(given: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    let mut ids: Vec<String> = Vec::new();
    for id in given.unwrap_or_default() {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.len() > quota::CLIENT_IDS_MAX {
        return Err(Error::quota("ClientIdsPerOpenIdConnectProvider", quota::CLIENT_IDS_MAX));
    }
    Ok(ids)
}

fn thumbprints(given: Vec<String>) -> Result<Vec<String>, Error> {
    if given.len() > quota::THUMBPRINTS_MAX {
        return Err(Error::InvalidInput("Thumbprint list must contain fewer than 5 entries.".to_owned()));
    }
    if given.iter().any(|print| !print.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Error::InvalidInput("Thumbprint must be 40 hexadecimal characters.".to_owned()));
    }
    Ok(given)
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateOpenIDConnectProvider>,
) -> Result<api::CreateOpenIDConnectProviderResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = OidcProviderRecord {
        url: url(&input.url)?,
        client_ids: client_ids(input.client_id_list)?,
        thumbprints: thumbprints(input.thumbprint_list.unwrap_or_default())?,
        created_at: moment(&call),
        tags: tags::of_new(input.tags, &call)?,
    };
    iam.change(&call, |edit| {
        let account = edit.account();
        let present = all(edit, account)?;
        if present.iter().any(|other| other.url == record.url) {
            return Err(Error::EntityAlreadyExists(format!(
                "Provider with url https://{} already exists.",
                record.url
            )));
        }
        if present.len() >= quota::OIDC_PROVIDERS_MAX {
            return Err(Error::quota("OpenIdConnectProvidersPerAccount", quota::OIDC_PROVIDERS_MAX));
        }
        save(edit, &record)
    })
    .await?;
    Ok(api::CreateOpenIDConnectProviderResponse {
        open_id_connect_provider_arn: Some(OidcProviderRecord::arn(call.account(), &record.url)),
        tags: tags::to_api(&record.tags),
    })
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetOpenIDConnectProvider>,
) -> Result<api::GetOpenIDConnectProviderResponse, Error> {
    let Permit { input, call, .. } = permit;
    let arn = &input.open_id_connect_provider_arn;
    let record = OidcProviderRecord::load(&call.view()?, call.account(), arn)?;
    Ok(api::GetOpenIDConnectProviderResponse {
        url: Some(record.url),
        client_id_list: Some(record.client_ids),
        thumbprint_list: Some(record.thumbprints),
        create_date: Some(record.created_at),
        tags: tags::to_api(&record.tags),
    })
}

/// As in AWS, it is no error where there is none.
pub(crate) async fn delete(
    iam: Arc<Iam>,
    permit: Permit<api::DeleteOpenIDConnectProvider>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let url = OidcProviderRecord::url_of(edit.account(), &input.open_id_connect_provider_arn);
        let Some(url) = url else { return Ok(()) };
        let key = keys::provider(edit.account(), url);
        Ok(edit.delete(keys::OIDC_PROVIDERS, &key)?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListOpenIDConnectProviders>,
) -> Result<api::ListOpenIDConnectProvidersResponse, Error> {
    let account = permit.call.account();
    let entry = |record: OidcProviderRecord| api::OpenIDConnectProviderListEntry {
        arn: Some(OidcProviderRecord::arn(account, &record.url)),
    };
    let list = all(&permit.call.view()?, account)?.into_iter().map(entry).collect();
    Ok(api::ListOpenIDConnectProvidersResponse { open_id_connect_provider_list: Some(list) })
}

async fn change(
    iam: &Iam,
    call: &service::Call,
    arn: &str,
    body: impl FnOnce(&mut OidcProviderRecord) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    iam.change(call, |edit| {
        let mut record = OidcProviderRecord::load(edit, edit.account(), arn)?;
        body(&mut record)?;
        save(edit, &record)
    })
    .await
}

pub(crate) async fn add_client_id(
    iam: Arc<Iam>,
    permit: Permit<api::AddClientIDToOpenIDConnectProvider>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&iam, &call, &input.open_id_connect_provider_arn, |record| {
        let mut ids = std::mem::take(&mut record.client_ids);
        ids.push(input.client_id);
        record.client_ids = client_ids(Some(ids))?;
        Ok(())
    })
    .await
}

pub(crate) async fn remove_client_id(
    iam: Arc<Iam>,
    permit: Permit<api::RemoveClientIDFromOpenIDConnectProvider>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&iam, &call, &input.open_id_connect_provider_arn, |record| {
        record.client_ids.retain(|id| *id != input.client_id);
        Ok(())
    })
    .await
}

pub(crate) async fn update_thumbprint(
    iam: Arc<Iam>,
    permit: Permit<api::UpdateOpenIDConnectProviderThumbprint>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let given = thumbprints(input.thumbprint_list)?;
    change(&iam, &call, &input.open_id_connect_provider_arn, |record| {
        record.thumbprints = given;
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn urls_are_https_with_a_host_and_perhaps_a_path() {
        for (given, kept) in [
            ("https://token.actions.githubusercontent.com", Some("token.actions.githubusercontent.com")),
            ("https://Idp.Example/Realms/A/", Some("idp.example/Realms/A/")),
            ("https://localhost:8443", Some("localhost:8443")),
            ("http://idp.example", None),
            ("idp.example", None),
            ("https://", None),
            ("https:///x", None),
            ("https://a@b", None),
            ("https://a:b", None),
            ("https://a:", None),
            ("https://a?x=1", None),
            ("https://a/b#c", None),
            ("https://a b", None),
        ] {
            assert_eq!(url(given).ok().as_deref(), kept, "{given}");
        }
    }
}
