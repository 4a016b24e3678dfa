//! The account as an issuer of web identity tokens: switched on, switched off, told of.
//!
//! Switched on, its public keys are there for whoever asks. An account's issuer keeps its name for ever; switched off and on
//! again, it begins with new keys, so that no token of before is good.

use std::sync::Arc;

use base::{AccountId, Timestamp};
use identity::Reads;
use identity::outbound::{ALGORITHMS, TokenSigningError, new_key};
use identity::records::{IssuerRecord, OutboundRecord, TokenKeyRecord, keys};
use service::{Call, Permit};
use tokio::task::spawn_blocking;

use crate::{Error, Iam, api};

fn find(from: &(impl Reads + ?Sized), account: AccountId) -> Result<Option<OutboundRecord>, Error> {
    Ok(from.record(keys::OUTBOUND, &keys::account(account))?)
}

fn enabled(from: &(impl Reads + ?Sized), account: AccountId) -> Result<OutboundRecord, Error> {
    let record = find(from, account)?.filter(|record| record.enabled);
    record.ok_or_else(|| {
        Error::FeatureDisabled("Outbound web identity federation is not enabled for this account.".to_owned())
    })
}

fn already() -> Error {
    Error::FeatureEnabled("Outbound web identity federation is already enabled for this account.".to_owned())
}

fn new_keys(now: Timestamp) -> Result<Vec<TokenKeyRecord>, TokenSigningError> {
    ALGORITHMS.into_iter().map(|algorithm| new_key(algorithm, now)).collect()
}

pub(crate) async fn enable(
    iam: Arc<Iam>,
    permit: Permit<api::EnableOutboundWebIdentityFederation>,
) -> Result<api::EnableOutboundWebIdentityFederationResponse, Error> {
    let call = permit.call;
    if find(&call.view()?, call.account())?.is_some_and(|record| record.enabled) {
        return Err(already());
    }
    let now = call.now();
    let made = spawn_blocking(move || new_keys(now)).await;
    let made = made.map_err(Call::internal::<Error>)?.map_err(Call::internal::<Error>)?;
    let record = iam
        .change(&call, |edit| {
            let account = edit.account();
            let present = find(edit, account)?;
            if present.as_ref().is_some_and(|record| record.enabled) {
                return Err(already());
            }
            let issuer = present.map_or_else(crypto::random::uuid, |record| record.issuer);
            let record = OutboundRecord { issuer, enabled: true, keys: made };
            edit.put(keys::ISSUERS, &keys::unique(&record.issuer), &IssuerRecord { account })?;
            edit.put(keys::OUTBOUND, &keys::account(account), &record)?;
            Ok(record)
        })
        .await?;
    Ok(api::EnableOutboundWebIdentityFederationResponse {
        issuer_identifier: Some(iam.directory.issuer(&record)),
    })
}

pub(crate) async fn disable(
    iam: Arc<Iam>,
    permit: Permit<api::DisableOutboundWebIdentityFederation>,
) -> Result<(), Error> {
    iam.change(&permit.call, |edit| {
        let account = edit.account();
        let mut record = enabled(edit, account)?;
        // SECURITY: what can sign is gone, and so is what others check with.
        record.enabled = false;
        record.keys.clear();
        Ok(edit.put(keys::OUTBOUND, &keys::account(account), &record)?)
    })
    .await
}

pub(crate) async fn info(
    iam: Arc<Iam>,
    permit: Permit<api::GetOutboundWebIdentityFederationInfo>,
) -> Result<api::GetOutboundWebIdentityFederationInfoResponse, Error> {
    let record = enabled(&permit.call.view()?, permit.call.account())?;
    Ok(api::GetOutboundWebIdentityFederationInfoResponse {
        issuer_identifier: Some(iam.directory.issuer(&record)),
        jwt_vending_enabled: Some(true),
    })
}
