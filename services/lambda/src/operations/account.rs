//! `GetAccountSettings`: what an account has and uses; and that it uses no more code than it has.

use std::collections::HashMap;
use std::sync::Arc;

use base::AccountId;
use compute::CodeHash;
use compute::limits::{PACKAGE_UNZIPPED_BYTES_MAX, PACKAGE_ZIPPED_BYTES_MAX};
use service::{Call, Permit};

use super::concurrency::concurrency_max;
use crate::Lambda;
use crate::api;
use crate::catalog::Loaded;
use crate::error::Error;
use crate::model::name::FunctionId;

/// The packages of an account, each once, with what they take zipped.
fn packages(
    lambda: &Lambda,
    functions: &[(FunctionId, Arc<Loaded>)],
    account: AccountId,
) -> HashMap<CodeHash, u64> {
    let mut packages = HashMap::new();
    for (_, loaded) in functions {
        packages.extend(loaded.function.all_versions().map(|version| (version.code, version.code_bytes)));
    }
    packages.extend(lambda.layers.packages(account));
    packages
}

/// Refuses a package with which the account would have more code than it may. What others upload meanwhile counts once it is
/// deployed.
pub(crate) fn check_code_size(
    lambda: &Lambda,
    call: &Call,
    package: CodeHash,
    bytes: usize,
) -> Result<(), Error> {
    let functions = lambda.catalog.list(call.account(), call.region(), None);
    let mut packages = packages(lambda, &functions, call.account());
    packages.insert(package, u64::try_from(bytes).unwrap_or(u64::MAX));
    let all = packages.values().fold(0, |all: u64, bytes| all.saturating_add(*bytes));
    if all > lambda.code_bytes_max { Err(Error::CodeStorageExceeded) } else { Ok(()) }
}

pub(crate) async fn account_settings(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetAccountSettings>,
) -> Result<api::GetAccountSettingsResponse, Error> {
    let call = permit.call;
    let functions = lambda.catalog.list(call.account(), call.region(), None);
    let used: u64 = packages(&lambda, &functions, call.account()).values().sum();
    let concurrency = concurrency_max(&lambda);
    let unreserved = concurrency.saturating_sub(lambda.catalog.reserved(call.account()));
    Ok(api::GetAccountSettingsResponse {
        account_limit: Some(api::AccountLimit {
            total_code_size: i64::try_from(lambda.code_bytes_max).ok(),
            code_size_unzipped: i64::try_from(PACKAGE_UNZIPPED_BYTES_MAX).ok(),
            code_size_zipped: i64::try_from(PACKAGE_ZIPPED_BYTES_MAX).ok(),
            concurrent_executions: Some(i64::from(concurrency)),
            unreserved_concurrent_executions: Some(i64::from(unreserved)),
        }),
        account_usage: Some(api::AccountUsage {
            total_code_size: i64::try_from(used).ok(),
            function_count: i64::try_from(functions.len()).ok(),
        }),
    })
}
