//! Who exists, with which secret, and which policies apply: answers from memory, renewed the instant anything changes.
//!
//! It decides nothing. Where it cannot answer (a store that failed, a record or policy that does not parse) it says so
//! and its callers refuse. Long-term keys and session tokens are told apart by the presence of a token, never by how a
//! key's id looks.

mod bootstrap;
mod cache;
mod credentials;
mod edit;
mod factors;
pub mod governance;
pub mod managed;
mod named;
mod observed;
pub mod organization;
mod own_part;
mod policies;
mod roles;
mod session_policies;
mod stored_policies;
mod used;

use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};

use crypto::Sealer;
use policy::{Policy, PolicyError};
use store::{Store, StoreError};

pub use bootstrap::{BootstrapError, RootKey};
pub use edit::{Edit, Reads};
pub use factors::mfa_device;
pub use governance::Governance;
pub use named::{
    BindError, PrincipalName, PrincipalRecordKind, bind_principals, bind_statements, show_principals,
};
pub use policies::{PrincipalPolicies, customer_policy_name};
pub use roles::RoleName;
pub use stored_policies::{BindRecord, Binder, StoredPolicies, StoredPolicyError};

use crate::attempts::Attempts;
use crate::records::RecordError;
use crate::session::Tokens;
use cache::{Cache, Generations};
use credentials::Known;

/// The directory. Clones share it.
#[derive(Clone)]
pub struct Directory(Arc<Shared>);

struct Shared {
    store: Store,
    tokens: Tokens,
    generations: Generations,
    credentials: Cache<Known>,
    policies: Cache<Arc<PrincipalPolicies>>,
    /// Customers' managed policies, by what they are compiled as and by ARN.
    managed: Cache<Policy>,
    governance: Cache<Arc<Governance>>,
    roles_used: Cache<Arc<AtomicI64>>,
    attempts: Attempts,
    observed: observed::Observed,
    own_parts: Cache<Arc<own_part::OwnPart>>,
    issuers_base: OnceLock<String>,
}

/// Why the directory cannot answer. Never a reason to let anyone in.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The store failed.
    #[error("the directory's store failed")]
    Store(#[from] StoreError),
    /// A record does not parse.
    #[error("a record of the directory does not parse")]
    Record(#[from] RecordError),
    /// A stored policy does not compile.
    #[error("the stored policy `{name}` does not compile")]
    Policy {
        /// The policy's name or ARN.
        name: String,
        /// Why.
        source: PolicyError,
    },
    /// An attached policy is not there.
    #[error("the attached policy `{0}` is not there")]
    PolicyMissing(String),
    /// A session could not be sealed.
    #[error("a session token could not be made")]
    Token(#[from] serde_json::Error),
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory(…)")
    }
}

impl Directory {
    /// The directory over a store. `sessions` seals session tokens: every token ends with it.
    pub fn new(store: Store, sessions: Sealer) -> Self {
        Self(Arc::new(Shared {
            store,
            tokens: Tokens::new(sessions),
            generations: Generations::default(),
            credentials: Cache::default(),
            policies: Cache::default(),
            managed: Cache::default(),
            governance: Cache::default(),
            roles_used: Cache::default(),
            attempts: Attempts::default(),
            observed: observed::Observed::default(),
            own_parts: Cache::default(),
            issuers_base: OnceLock::new(),
        }))
    }

    /// The store that the directory reads.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Where the addresses of issuers begin; the first word counts.
    pub(crate) fn set_issuers_base(&self, base: String) {
        let _ = self.0.issuers_base.set(base);
    }

    pub(crate) fn issuers_base(&self) -> &str {
        self.0.issuers_base.get().map_or("http://localhost:4566", String::as_str)
    }

    /// Makes and opens session tokens.
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }
}
