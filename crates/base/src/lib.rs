//! The nouns every other crate shares: ARNs, accounts, regions, time, secrets, limits.
//!
//! Nothing here does I/O, knows an AWS service, or depends on another crate of the workspace.

mod account;
mod arn;
mod chain;
mod clock;
mod secret;

pub use account::{AccountId, InvalidAccountId, InvalidRegion, Region};
pub use arn::{Arn, InvalidArn};
pub use chain::Chain;
pub use clock::{Clock, Timestamp};
pub use secret::{SecretBytes, SecretString};

/// The one partition this platform answers for (`arn:aws:…`).
pub const PARTITION: &str = "aws";
