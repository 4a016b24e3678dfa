//! Leave for identity providers, server certificates and service-linked roles.
//!
//! Like its parent, it names and never decides.

use identity::principal::entity_arn;
use identity::records::OidcProviderRecord;
use protocol::Operation;
use service::AccessRequest;

use super::{Outcome, creation, leave, tagged};
use crate::operations::linked_roles;
use crate::records::{ServerCertificateRecord, Tagged};
use crate::{Iam, api};

pub(crate) fn create_provider(
    _: &Iam,
    request: &AccessRequest<'_, api::CreateOpenIDConnectProviderRequest>,
) -> Outcome {
    let input = request.input;
    let url = input.url.strip_prefix("https://").unwrap_or(&input.url);
    let arn = OidcProviderRecord::arn(request.account, url);
    creation(
        request,
        "iam:CreateOpenIDConnectProvider",
        "iam:TagOpenIDConnectProvider",
        &arn,
        input.tags.as_ref(),
    )
}

/// Leave on the identity provider that a request names.
pub(crate) fn provider<O: Operation>(
    action: &'static str,
    arn: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| {
        let arn = arn(request.input);
        let found = OidcProviderRecord::load(request.records, request.account, arn).ok();
        let tags = found.map(|mut provider| std::mem::take(provider.tags())).unwrap_or_default();
        Ok(tagged(leave(request, action, arn)?, &tags))
    }
}

fn on_certificate<I>(request: &AccessRequest<'_, I>, action: &'static str, name: &str) -> Outcome {
    let found = ServerCertificateRecord::load(request.records, request.account, name).ok();
    let path = found.as_ref().map_or("/", |certificate| certificate.path.as_str());
    let arn = entity_arn(request.account, "server-certificate", path, name);
    let access = leave(request, action, arn)?.told_as(format!("server certificate {name}"));
    Ok(tagged(access, found.as_ref().map(|certificate| certificate.tags.as_slice()).unwrap_or_default()))
}

/// Leave on the server certificate that a request names.
pub(crate) fn certificate<O: Operation>(
    action: &'static str,
    name: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |_, request| on_certificate(request, action, name(request.input))
}

pub(crate) fn upload_certificate(
    _: &Iam,
    request: &AccessRequest<'_, api::UploadServerCertificateRequest>,
) -> Outcome {
    let input = request.input;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = entity_arn(request.account, "server-certificate", path, &input.server_certificate_name);
    creation(request, "iam:UploadServerCertificate", "iam:TagServerCertificate", &arn, input.tags.as_ref())
}

/// Whoever moves a certificate needs leave where it is and where it goes.
pub(crate) fn update_certificate(
    _: &Iam,
    request: &AccessRequest<'_, api::UpdateServerCertificateRequest>,
) -> Outcome {
    let (input, action) = (request.input, "iam:UpdateServerCertificate");
    let own = on_certificate(request, action, &input.server_certificate_name)?;
    if input.new_path.is_none() && input.new_server_certificate_name.is_none() {
        return Ok(own);
    }
    let name = input.new_server_certificate_name.as_deref().unwrap_or(&input.server_certificate_name);
    let found =
        ServerCertificateRecord::load(request.records, request.account, &input.server_certificate_name);
    // What gets another name alone stays at its path.
    let stays = found.map_or_else(|_| "/".to_owned(), |certificate| certificate.path.clone());
    let path = input.new_path.as_deref().unwrap_or(&stays);
    Ok(own.and(leave(request, action, entity_arn(request.account, "server-certificate", path, name))?))
}

pub(crate) fn create_linked_role(
    _: &Iam,
    request: &AccessRequest<'_, api::CreateServiceLinkedRoleRequest>,
) -> Outcome {
    let input = request.input;
    let arn = linked_roles::arn_for(request.account, &input.aws_service_name, input.custom_suffix.as_deref());
    let access = leave(request, "iam:CreateServiceLinkedRole", arn)?;
    Ok(access.when("iam:AWSServiceName", [input.aws_service_name.as_str()]))
}

pub(crate) fn linked_role_deletion(
    _: &Iam,
    request: &AccessRequest<'_, api::GetServiceLinkedRoleDeletionStatusRequest>,
) -> Outcome {
    // `task/aws-service-role/<service>/<role>/<id>`
    let role = request.input.deletion_task_id.strip_prefix("task/").and_then(|rest| rest.rsplit_once('/'));
    let arn = entity_arn(request.account, "role", "/", role.map_or("*", |(role, _)| role));
    leave(request, "iam:GetServiceLinkedRoleDeletionStatus", arn)
}
