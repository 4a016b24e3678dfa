//! SigV4, presigned URLs, sessions to a Principal; the policies of a principal.
//!
//! Reading order: [`principal`] (who may call), [`sigv4`] (how a request proves it), [`session`] (temporary
//! credentials), [`web_identity`] (tokens of identity providers), [`outbound`] (tokens of accounts), [`records`] (what is stored), [`directory`] (who exists and which policies apply). This crate knows no
//! service's operations, takes no access decision (that is `policy`'s), and never accepts a request on the strength of
//! a key's name, prefix or shape.

mod attempts;
mod audit_element;
pub mod context;
pub mod directory;
#[doc(hidden)]
pub mod fuzz;
pub mod ids;
pub mod outbound;
pub mod principal;
pub mod records;
pub mod session;
pub mod sigv4;
pub mod totp;
pub mod web_identity;

pub use attempts::Attempts;
pub use directory::governance;
pub use directory::organization;
pub use directory::{
    BindError, BindRecord, Binder, BootstrapError, Directory, DirectoryError, Edit, Governance,
    PrincipalPolicies, Reads, RoleName, RootKey, StoredPolicies, StoredPolicyError, bind_principals,
    bind_statements, show_principals,
};
pub use principal::{
    AssumedRole, AssumedRoot, FederatedBy, FederatedUser, OBSERVE_TAG, Principal, PrincipalTags, Root,
    ServicePrincipal, SessionOfKey, User, WebIdentity,
};
pub use session::{
    FederatedSession, RoleSession, RootSession, Session, SessionPolicy, Subject, TemporaryCredentials, Tokens,
};
pub use sigv4::{Credential, CredentialError, CredentialSource, Family, SignatureError, Verified};
