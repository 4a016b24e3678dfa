//! The account's settings for API Gateway, which are AWS's defaults and cannot be changed yet.

use std::sync::Arc;

use service::Permit;

use crate::api::{self, GetAccount};
use crate::{ApiGateway, Error};

pub(crate) async fn get_account(_: Arc<ApiGateway>, _: Permit<GetAccount>) -> Result<api::Account, Error> {
    Ok(api::Account {
        cloudwatch_role_arn: None,
        throttle_settings: Some(api::ThrottleSettings {
            burst_limit: Some(gateway::BURST_DEFAULT.into()),
            rate_limit: Some(gateway::RATE_DEFAULT),
        }),
        features: Some(Vec::new()),
        api_key_version: Some("4".to_owned()),
    })
}
