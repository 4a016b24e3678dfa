//! What an account may have, and where the API is.

use std::sync::Arc;

use service::Permit;

use crate::State;
use crate::api;
use crate::error::Error;
use crate::model::{ACCOUNT_UNITS_MAX, UNITS_MAX};

pub(crate) async fn describe_limits(
    _: Arc<State>,
    _: Permit<api::DescribeLimits>,
) -> Result<api::DescribeLimitsOutput, Error> {
    Ok(api::DescribeLimitsOutput {
        account_max_read_capacity_units: Some(ACCOUNT_UNITS_MAX),
        account_max_write_capacity_units: Some(ACCOUNT_UNITS_MAX),
        table_max_read_capacity_units: Some(UNITS_MAX),
        table_max_write_capacity_units: Some(UNITS_MAX),
    })
}

pub(crate) async fn describe_endpoints(
    state: Arc<State>,
    _: Permit<api::DescribeEndpoints>,
) -> Result<api::DescribeEndpointsResponse, Error> {
    // This platform's own, and no other: an SDK that looks for endpoints sends its next calls there.
    let endpoint = api::Endpoint { address: state.address.told().to_owned(), cache_period_in_minutes: 1_440 };
    Ok(api::DescribeEndpointsResponse { endpoints: vec![endpoint] })
}
