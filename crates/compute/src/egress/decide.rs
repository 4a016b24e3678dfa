//! Whether a host may be reached, and at which addresses.
//!
//! Names are asked of the resolver only after a rule named them: a refused name leaves no trace in anyone's DNS. Nothing is
//! connected here.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Resolve;
use super::address::{canonical, special};
use super::head::Host;
use super::rule::EgressRule;
use crate::BoxFuture;
use crate::limits::{EGRESS_ADDRESSES_MAX, EGRESS_LOOKUP_TIME_MAX, EGRESS_LOOKUPS_MAX};

/// The rules and what they are applied with.
pub(super) struct Decider {
    pub(super) rules: Vec<EgressRule>,
    pub(super) resolver: Arc<dyn Resolve>,
    /// Where the platform itself listens; nothing gets out before it is known.
    pub(super) platform: Arc<OnceLock<SocketAddr>>,
}

/// A way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) rule: String,
    /// The addresses that were checked, in the resolver's order. At least one.
    pub(super) addresses: Vec<SocketAddr>,
}

/// There is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    Refused(String),
    Failed(String),
}

impl Decider {
    /// The way to a host.
    pub(super) async fn way(&self, host: &Host, port: u16) -> Result<Way, NoWay> {
        match host {
            Host::Address(address) => self.way_to_address(*address, port),
            Host::Name(name) => self.way_to_name(name, port).await,
        }
    }

    fn way_to_address(&self, address: IpAddr, port: u16) -> Result<Way, NoWay> {
        let rule = self.rule_for_address(address, port).ok_or_else(no_rule)?;
        self.check_not_the_platform(address, port)?;
        Ok(Way { rule: rule.to_string(), addresses: vec![SocketAddr::new(address, port)] })
    }

    // SECURITY: what is connected to is what was checked. The name is resolved once, here, and never again: an answer that
    // changes its mind meets nobody who asks.
    async fn way_to_name(&self, name: &str, port: u16) -> Result<Way, NoWay> {
        let rule = self.rules.iter().find(|rule| rule.admits_name(name, port)).ok_or_else(no_rule)?;
        let resolved = tokio::time::timeout(EGRESS_LOOKUP_TIME_MAX, self.resolver.resolve(name)).await;
        let Ok(Ok(resolved)) = resolved else {
            return Err(NoWay::Failed("the name could not be resolved".to_owned()));
        };
        let mut addresses = Vec::new();
        let mut refusal = None;
        for address in resolved.into_iter().take(EGRESS_ADDRESSES_MAX).map(canonical) {
            match self.check_resolved(address, port) {
                Ok(()) => addresses.push(SocketAddr::new(address, port)),
                Err(reason) => refusal = Some(reason),
            }
        }
        match refusal {
            _ if !addresses.is_empty() => Ok(Way { rule: rule.to_string(), addresses }),
            Some(refusal) => Err(refusal),
            None => Err(NoWay::Failed("the name has no address".to_owned())),
        }
    }

    fn check_resolved(&self, address: IpAddr, port: u16) -> Result<(), NoWay> {
        if let Some(range) = special(address)
            && self.rule_for_address(address, port).is_none()
        {
            return Err(NoWay::Refused(format!(
                "the name stands for {}, and no rule names that address",
                range.kind
            )));
        }
        self.check_not_the_platform(address, port)
    }

    fn rule_for_address(&self, address: IpAddr, port: u16) -> Option<&EgressRule> {
        self.rules.iter().find(|rule| rule.admits_address(address, port))
    }

    // SECURITY: whatever the rules: a function that came in through the platform's front would be a stranger from
    // the loopback, and not the environment that it is.
    fn check_not_the_platform(&self, address: IpAddr, port: u16) -> Result<(), NoWay> {
        let platform = self.platform.get();
        if platform.is_some_and(|own| own.port() != port || !is_of_this_machine(address)) {
            return Ok(());
        }
        Err(NoWay::Refused("the platform itself is reached through AWS_ENDPOINT_URL only".to_owned()))
    }
}

fn no_rule() -> NoWay {
    NoWay::Refused("no egress rule of this platform allows it".to_owned())
}

/// Whether the address is one of this machine's own: only such can be bound.
fn is_of_this_machine(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

/// Asks the host's resolver. Lookups that are in progress are bounded, because each of them holds a thread.
pub(super) struct HostResolver(Arc<tokio::sync::Semaphore>);

impl Default for HostResolver {
    fn default() -> Self {
        Self(Arc::new(tokio::sync::Semaphore::new(EGRESS_LOOKUPS_MAX)))
    }
}

impl Resolve for HostResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            let lookup = tokio::task::spawn_blocking(move || {
                let _place = place; // until the lookup has ended, even if nobody waits for it any more
                std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 0))
                    .map(|found| found.map(|address| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

/// The longest that connecting to one address may take.
pub(super) const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
