//! What an account says once for all its APIs.

use serde::{Deserialize, Serialize};
use store::Table;

/// Settings of accounts: account.
pub const ACCOUNTS: Table = Table::new(0x0609, "apigateway-accounts");

/// An account's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The role in whose name stages write their logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudwatch_role_arn: Option<String>,
}

/// What a stage writes of each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLog {
    /// The group of CloudWatch Logs, as an ARN.
    pub destination_arn: String,
    /// A line, with variables.
    pub format: String,
}
