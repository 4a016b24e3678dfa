//! Lists of what users and accounts cannot have here: keys for SSH, credentials of other services, certificates for SOAP, SAML
//! providers.
//!
//! Making one is declined, so there is none; who cleans up before a deletion, or takes stock, is told so.

use std::sync::Arc;

use identity::Principal;
use service::{Call, Permit};

use super::mfa::named_or_caller;
use crate::api;
use crate::{Error, Iam};

/// Ok where the user is there; the root user is.
fn owner(_: &Iam, call: &Call, name: Option<&str>) -> Result<(), Error> {
    match (name, &**call.principal()) {
        (None, Principal::Root(_)) => Ok(()),
        (name, _) => named_or_caller(&call.view()?, call, name).map(|_| ()),
    }
}

pub(crate) async fn ssh_keys(
    iam: Arc<Iam>,
    permit: Permit<api::ListSSHPublicKeys>,
) -> Result<api::ListSSHPublicKeysResponse, Error> {
    owner(&iam, &permit.call, permit.input.user_name.as_deref())?;
    let (ssh_public_keys, is_truncated) = (Some(Vec::new()), Some(false));
    Ok(api::ListSSHPublicKeysResponse { ssh_public_keys, is_truncated, marker: None })
}

pub(crate) async fn service_credentials(
    iam: Arc<Iam>,
    permit: Permit<api::ListServiceSpecificCredentials>,
) -> Result<api::ListServiceSpecificCredentialsResponse, Error> {
    match (permit.input.all_users.unwrap_or_default(), permit.input.user_name.as_deref()) {
        (true, Some(_)) => {
            let message = "AllUsers cannot be specified together with UserName.";
            return Err(Error::ValidationError(message.to_owned()));
        }
        (true, None) => {}
        (false, name) => owner(&iam, &permit.call, name)?,
    }
    Ok(api::ListServiceSpecificCredentialsResponse {
        service_specific_credentials: Some(Vec::new()),
        is_truncated: Some(false),
        marker: None,
    })
}

pub(crate) async fn signing_certificates(
    iam: Arc<Iam>,
    permit: Permit<api::ListSigningCertificates>,
) -> Result<api::ListSigningCertificatesResponse, Error> {
    owner(&iam, &permit.call, permit.input.user_name.as_deref())?;
    let (certificates, is_truncated) = (Vec::new(), Some(false));
    Ok(api::ListSigningCertificatesResponse { certificates, is_truncated, marker: None })
}

pub(crate) async fn saml_providers(
    _: Arc<Iam>,
    _: Permit<api::ListSAMLProviders>,
) -> Result<api::ListSAMLProvidersResponse, Error> {
    Ok(api::ListSAMLProvidersResponse { saml_provider_list: Some(Vec::new()) })
}
