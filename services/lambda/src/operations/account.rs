//! `GetAccountSettings`, what an account has and uses.

use std::collections::HashMap;
use std::sync::Arc;

use compute::limits::{PACKAGE_UNZIPPED_BYTES_MAX, PACKAGE_ZIPPED_BYTES_MAX};
use service::Permit;

use super::concurrency::concurrency_max;
use crate::Lambda;
use crate::api;
use crate::error::Error;

/// All code of one account.
const TOTAL_CODE_BYTES_MAX: i64 = 80_530_636_800;

pub(crate) async fn account_settings(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetAccountSettings>,
) -> Result<api::GetAccountSettingsResponse, Error> {
    let call = permit.call;
    let functions = lambda.catalog.list(call.account(), call.region(), None);
    let mut packages = HashMap::new();
    for (_, loaded) in &functions {
        packages.extend(loaded.function.all_versions().map(|version| (version.code, version.code_bytes)));
    }
    packages.extend(lambda.layers.packages(call.account()));
    let used: u64 = packages.values().sum();
    let concurrency = concurrency_max(&lambda);
    let unreserved = concurrency.saturating_sub(lambda.catalog.reserved(call.account()));
    Ok(api::GetAccountSettingsResponse {
        account_limit: Some(api::AccountLimit {
            total_code_size: Some(TOTAL_CODE_BYTES_MAX),
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
