//! `PutFunctionConcurrency`, `GetFunctionConcurrency`, `DeleteFunctionConcurrency`.

use std::sync::Arc;

use compute::limits::{ACCOUNT_CONCURRENCY_MAX, UNRESERVED_CONCURRENCY_MIN};
use service::Permit;

use super::create::whole;
use super::{shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::error::Error;

/// Executions that an account can have at one time: AWS's quota, or all environments of this machine where those are fewer.
pub(crate) fn concurrency_max(lambda: &Lambda) -> u32 {
    let environments = lambda.compute.limits().environments_max;
    u32::try_from(environments).unwrap_or(u32::MAX).min(ACCOUNT_CONCURRENCY_MAX)
}

/// What reservations must leave of that, as AWS has it for smaller quotas: never more than a half.
pub(crate) fn unreserved_min(lambda: &Lambda) -> u32 {
    UNRESERVED_CONCURRENCY_MIN.min(concurrency_max(lambda) / 2)
}

pub(crate) async fn put_concurrency(
    lambda: Arc<Lambda>,
    permit: Permit<api::PutFunctionConcurrency>,
) -> Result<api::Concurrency, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    if target.qualifier.is_some() {
        return Err(Error::InvalidParameterValue(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. \
             Please specify either a function name or an unqualified function ARN."
                .to_owned(),
        ));
    }
    let id = target.id;
    let asked = whole(input.reserved_concurrent_executions)?;
    lambda
        .catalog
        .change(&call, &id, |function| {
            let function = stored(function, &id)?;
            let own = function.record.reserved_concurrency.unwrap_or(0);
            let others = lambda.catalog.reserved(id.account).saturating_sub(own);
            let all = others.saturating_add(lambda.catalog.set_aside_for_others(&id)).saturating_add(asked);
            let least = unreserved_min(&lambda);
            if asked > own && all > concurrency_max(&lambda) - least {
                return Err(Error::InvalidParameterValue(format!(
                    "Specified ReservedConcurrentExecutions for function decreases account's \
                     UnreservedConcurrentExecution below its minimum value of [{least}]."
                )));
            }
            let provisioned = function.record.provisioned_in_all();
            if asked < provisioned {
                // The spaces are AWS's.
                return Err(Error::InvalidParameterValue(format!(
                    " ReservedConcurrentExecutions  {asked} should not be lower than function's total provisioned \
                     concurrency [{provisioned}]."
                )));
            }
            function.record.reserved_concurrency = Some(asked);
            Ok(())
        })
        .await?;
    Ok(api::Concurrency { reserved_concurrent_executions: Some(i64::from(asked)) })
}

pub(crate) async fn get_concurrency(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetFunctionConcurrency>,
) -> Result<api::GetFunctionConcurrencyResponse, Error> {
    let (input, call) = super::parts(permit);
    let loaded = shown(&lambda, &call, &target(&call, &input.function_name, None)?)?;
    let reserved = loaded.function.record.reserved_concurrency;
    Ok(api::GetFunctionConcurrencyResponse { reserved_concurrent_executions: reserved.map(i64::from) })
}

pub(crate) async fn delete_concurrency(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteFunctionConcurrency>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let id = target(&call, &input.function_name, None)?.unqualified()?;
    lambda
        .catalog
        .change(&call, &id, |function| {
            stored(function, &id)?.record.reserved_concurrency = None;
            Ok(())
        })
        .await
}
