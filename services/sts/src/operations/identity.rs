//! Who calls, and whose a key is.
//!
//! Both answer from what was proven or from the directory, and change nothing.

use std::sync::Arc;

use ::identity::records::{AccessKeyRecord, keys};
use ::identity::{Reads as _, ids};
use service::Permit;

use crate::api::{GetAccessKeyInfo, GetAccessKeyInfoResponse, GetCallerIdentity, GetCallerIdentityResponse};
use crate::{Error, Sts};

pub(crate) async fn caller_identity(
    _: Arc<Sts>,
    permit: Permit<GetCallerIdentity>,
) -> Result<GetCallerIdentityResponse, Error> {
    let principal = permit.call.principal();
    Ok(GetCallerIdentityResponse {
        user_id: Some(principal.user_id().to_owned()),
        account: Some(permit.call.account().to_string()),
        arn: Some(principal.arn().to_owned()),
    })
}

/// The account of any key: of a long-term one from its record, of a temporary one from its id.
pub(crate) async fn key_info(
    sts: Arc<Sts>,
    permit: Permit<GetAccessKeyInfo>,
) -> Result<GetAccessKeyInfoResponse, Error> {
    let id = &permit.input.access_key_id;
    let record: Option<AccessKeyRecord> =
        sts.directory.store().record(keys::ACCESS_KEYS, &keys::access_key(id))?;
    let account = record.map(|record| record.account).or_else(|| ids::account_of(id));
    let account = account.ok_or_else(|| Error::ValidationError(format!("Invalid access key id: {id}")))?;
    Ok(GetAccessKeyInfoResponse { account: Some(account.to_string()) })
}
