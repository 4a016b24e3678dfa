//! The egress door: an HTTP proxy through which functions reach what the operator's rules name, and nothing else.
//!
//! It denies by default, resolves names itself, checks the addresses and connects to exactly those it checked. It
//! terminates no TLS, stores nothing, and knows no policy but its rules; every attempt is handed to whoever records.

mod address;
mod body;
mod decide;
mod head;
mod own;
mod pace;
mod places;
mod proxy;
mod relay;
mod rule;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub use address::{is_metadata_service, special_address};
pub use proxy::{EgressProxy, EgressProxyOptions};
pub use rule::{EgressRule, InvalidRule};

use crate::BoxFuture;
use crate::contract::EnvironmentIdentity;

/// Turns names into addresses.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Records attempts to reach the outside.
pub trait EgressLog: Send + Sync + 'static {
    /// Records one. False where it could not be: then nothing gets out.
    fn record(&self, attempt: EgressAttempt) -> BoxFuture<'_, bool>;
}

/// One attempt of a function to reach the outside.
#[derive(Debug, Clone)]
pub struct EgressAttempt {
    /// The environment that tried.
    pub identity: Arc<EnvironmentIdentity>,
    /// `CONNECT`, or the method of a plain HTTP request.
    pub method: String,
    /// The name or address that was asked for.
    pub host: String,
    /// The port that was asked for.
    pub port: u16,
    /// The rule that let it through, as the operator wrote it.
    pub rule: Option<String>,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// What became of it.
    pub outcome: EgressOutcome,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EgressOutcome {
    /// It was connected.
    Connected,
    /// A rule is missing, or an address is out of bounds.
    Refused(String),
    /// It was allowed and could not be done.
    Failed(String),
}

/// Whatever the bytes, a request's head is read or refused, and its body is followed or refused.
pub(crate) fn fuzz_egress(data: &[u8]) {
    if let Ok(Some((wish, length))) = head::parse(data) {
        let rest = data.get(length..).unwrap_or_default();
        if let head::Wish::Forward(mut forward) = wish {
            // What is sent on is a head that says the same again.
            assert!(forward.head.ends_with(b"\r\n\r\n"));
            let taken = forward.body.take(rest);
            assert!(taken.is_ok_and(|taken| taken <= rest.len()) || taken.is_err());
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(rule) = text.parse::<EgressRule>()
    {
        assert_eq!(rule.to_string(), text.trim());
    }
}
