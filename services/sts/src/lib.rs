//! Sessions and who-am-I: the AWS Security Token Service.
//!
//! A session is a sealed token and nothing else: this service stores nothing, so nothing expires, is listed or is
//! cleaned up. Whether a role may be assumed is the role's trust policy's to say, through the pipeline, as any other
//! decision. Knows no HTTP and no other service.
//!
//! Invariants:
//! - no session lasts longer than its role, its kind of caller and AWS's own bounds allow;
//! - a session of a session cannot drop the tags and the source identity that it was told to hand on;
//! - a code of a second factor is good once;
//! - a root user assumes no role, and a session gets no session token.
//!
//! Differences from AWS: `AssumeRole` with
//! `ProvidedContexts` is refused; federation (SAML, web identity, `GetFederationToken`) is declined.

mod access;
pub mod api;
mod error;
mod model;
mod operations;

use std::sync::Arc;

use identity::Directory;
use service::{Service, ServiceBuilder};

pub use error::Error;
use operations::{assume_role, identity as who, messages, session_token};

/// What the handlers share.
pub(crate) struct Sts {
    pub(crate) directory: Directory,
}

/// The service over this directory.
pub fn service(directory: Directory) -> Service {
    ServiceBuilder::new("sts", Arc::new(Sts { directory }))
        .operation::<api::AssumeRole, _, _, _, _>(access::assume_role, assume_role::assume_role)
        .operation::<api::DecodeAuthorizationMessage, _, _, _, _>(access::decode, messages::decode)
        .operation::<api::GetAccessKeyInfo, _, _, _, _>(access::key_info, who::key_info)
        .operation::<api::GetCallerIdentity, _, _, _, _>(access::caller_identity, who::caller_identity)
        .operation::<api::GetSessionToken, _, _, _, _>(access::session_token, session_token::session_token)
        .declined(
            "identity providers are not part of this platform yet",
            &["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken", "GetWebIdentityToken"],
        )
        .declined("there is no organization above the account", &["AssumeRoot", "GetDelegatedAccessToken"])
        .build()
}

#[cfg(test)]
mod tests;
