//! The account's settings for API Gateway: the role in whose name stages write their logs.

use std::sync::Arc;

use base::AccountId;
use gateway::records::{ACCOUNTS, AccountRecord, account_prefix, decode, encode};
use gateway::trusts_gateway;
use service::Permit;
use store::Read;

use crate::api::{self, GetAccount, UpdateAccount};
use crate::patch::Patch;
use crate::{ApiGateway, Error};

pub(crate) async fn get_account(
    _: Arc<ApiGateway>,
    permit: Permit<GetAccount>,
) -> Result<api::Account, Error> {
    Ok(shown(settings(&permit.call.view()?, permit.call.account())?))
}

pub(crate) async fn update_account(
    _: Arc<ApiGateway>,
    permit: Permit<UpdateAccount>,
) -> Result<api::Account, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let mut role = None;
    for patch in &patches {
        match patch.parts().as_slice() {
            ["cloudwatchRoleArn"] => role = Some(patch.new_value().filter(|role| !role.is_empty())),
            _ => return Err(patch.invalid_path()),
        }
    }
    if let Some(Some(role)) = &role
        && !trusts_gateway(call.pipeline(), role, call.account()).await
    {
        return Err(Error::bad(
            "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway \
             and add the required role policy.",
        ));
    }
    let place = account_prefix(call.account());
    let record = call
        .transact(|transaction| {
            let known = transaction.get(ACCOUNTS, place.clone())?;
            let mut record: AccountRecord =
                known.map(|bytes| decode(&bytes)).transpose()?.unwrap_or_default();
            if let Some(role) = role {
                record.cloudwatch_role_arn = role;
            }
            transaction.put(ACCOUNTS, place, encode(&record)?)?;
            Ok::<_, Error>(record)
        })
        .await?;
    Ok(shown(record))
}

/// What the account said.
pub(crate) fn settings(store: &impl Read, account: AccountId) -> Result<AccountRecord, Error> {
    let known = store.read(ACCOUNTS, &account_prefix(account))?;
    Ok(known.map(|bytes| decode(&bytes)).transpose()?.unwrap_or_default())
}

fn shown(record: AccountRecord) -> api::Account {
    api::Account {
        cloudwatch_role_arn: record.cloudwatch_role_arn,
        throttle_settings: Some(api::ThrottleSettings {
            burst_limit: Some(gateway::BURST_DEFAULT.into()),
            rate_limit: Some(gateway::RATE_DEFAULT),
        }),
        features: Some(vec!["UsagePlans".to_owned()]),
        api_key_version: Some("4".to_owned()),
    }
}
