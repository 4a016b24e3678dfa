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
//! - nobody is in a root user's place but for one task, of a member whose organization lets its administrators do it;
//! - a root user assumes no role, and a session gets no session token and lends nothing;
//! - a federated user has nothing that its user has not, and nothing at all without a session policy but what the policies
//!   of resources give it by name;
//! - a token for others says what was proven of the caller, is of an account that was switched on as an issuer, and never
//!   outlives the caller's session;
//! - a web identity is whom a token proves that an issuer signed whom the operator named, whose provider the role's
//!   account registered, for an audience that it registered: all of it, before the role's trust policy is asked.
//!
//! Differences from AWS: `AssumeRole` with `ProvidedContexts` is refused; web identities come with OpenID Connect tokens
//! alone, from issuers that the operator named and a provider that was registered, Google's included; SAML is declined, and says so
//! to whoever calls without a signature, as clients do.

mod access;
pub mod api;
mod error;
mod model;
mod operations;

use std::sync::Arc;

use identity::Directory;
use identity::web_identity::Issuers;
use service::{Service, ServiceBuilder};

pub use error::Error;
use operations::{
    assume_role, federation_token, identity as who, identity_token, messages, root_session, session_token,
    web_identity,
};

/// What the handlers share.
pub(crate) struct Sts {
    pub(crate) directory: Directory,
    /// Whose web identity tokens are taken.
    pub(crate) issuers: Issuers,
}

/// The service over this directory; `issuers` are those that the operator named.
pub fn service(directory: Directory, issuers: Issuers) -> Service {
    ServiceBuilder::new("sts", Arc::new(Sts { directory, issuers }))
        .operation::<api::AssumeRole, _, _, _, _>(access::assume_role, assume_role::assume_role)
        .operation::<api::AssumeRoleWithWebIdentity, _, _, _, _>(
            access::web_identity,
            web_identity::assume_role,
        )
        .proven_by::<api::AssumeRoleWithWebIdentity, _, _, _>(web_identity::prove)
        .operation::<api::AssumeRoot, _, _, _, _>(access::assume_root, root_session::assume_root)
        .operation::<api::DecodeAuthorizationMessage, _, _, _, _>(access::decode, messages::decode)
        .operation::<api::GetAccessKeyInfo, _, _, _, _>(access::key_info, who::key_info)
        .operation::<api::GetCallerIdentity, _, _, _, _>(access::caller_identity, who::caller_identity)
        .operation::<api::GetFederationToken, _, _, _, _>(
            access::federation_token,
            federation_token::federation_token,
        )
        .operation::<api::GetSessionToken, _, _, _, _>(access::session_token, session_token::session_token)
        .operation::<api::GetWebIdentityToken, _, _, _, _>(
            access::identity_token,
            identity_token::web_identity_token,
        )
        .declined_unsigned(
            "identity providers speak OpenID Connect here: SAML is signed XML, and none is parsed",
            &["AssumeRoleWithSAML"],
        )
        .declined(
            "whose delegated access it is, AWS's partners are told through SNS, which is not offered here",
            &["GetDelegatedAccessToken"],
        )
        .build()
}

#[cfg(test)]
mod tests;
