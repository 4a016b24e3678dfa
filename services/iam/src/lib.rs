//! Users, groups, roles, policies, access keys: AWS Identity and Access Management.
//!
//! This service writes the records that `identity` reads at every call: a change is in force for the next request that
//! begins after it was answered. It decides nothing about access, and keeps no copy of anything.
//!
//! Invariants:
//! - names are unique in their account without regard to case, and found with regard to it;
//! - every policy that is stored compiles, as what it is attached as;
//! - the index of attachments and the entities' records change together;
//! - a trust policy means the user or role it named when it was written: it is kept by unique ids, and shown by ARNs;
//! - a secret access key is told once, in the answer that makes it;
//! - what something hangs on is not deleted: users with keys, policies or groups, roles and groups with policies,
//!   policies that are attached.
//!
//! Differences from AWS: changes are in force at once; SAML, credentials of other services and certificates for SOAP are declined, and lists of them are empty; service-linked roles of services that are not offered hold no policy, and all end as soon as they are deleted; the URL of an identity provider may have a port, and its thumbprints decide nothing; a claim that tells the customers of a shared provider apart must not be asked for by wildcards alone, whichever provider it is; reports of last use look back as far as the trail is kept; a simulated statement stands from brace to brace, a page of a simulation ends where it gets long, and an account has four simulations at a time; of AWS's own policies those are known that serverless applications and the administrators of accounts name.

mod access;
pub mod api;
mod attachments;
mod documents;
mod entity;
mod error;
mod granting;
mod operations;
mod page;
mod passwords;
mod qr;
mod quota;
mod records;
mod reports;
mod shapes;
mod shared_providers;
mod simulate;
mod table;
mod tags;

use identity::{Attempts, Directory, Edit};
use service::Call;

pub use error::Error;
pub use table::service;

/// What the handlers share.
pub(crate) struct Iam {
    pub(crate) directory: Directory,
    /// Wrong passwords, by user.
    pub(crate) attempts: Attempts,
    /// Turns of simulations.
    pub(crate) simulations: simulate::Turns,
}

impl Iam {
    /// Changes the caller's account: recorded, and in force everywhere before the caller is answered.
    pub(crate) async fn change<T: Send>(
        &self,
        call: &Call,
        body: impl FnOnce(&mut Edit<'_, '_>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        call.transact(|transaction| body(&mut self.directory.edit(transaction, call.account()))).await
    }
}

mod observe;

#[cfg(test)]
mod tests;
