//! Leave for identity providers.
//!
//! Like its parent, it names and never decides.

use identity::records::OidcProviderRecord;
use protocol::Operation;
use service::AccessRequest;

use super::{Outcome, leave, requested, tagged};
use crate::records::Tagged;
use crate::{Iam, api};

pub(crate) fn create_provider(
    _: &Iam,
    request: &AccessRequest<'_, api::CreateOpenIDConnectProviderRequest>,
) -> Outcome {
    let input = request.input;
    let url = input.url.strip_prefix("https://").unwrap_or(&input.url);
    let arn = OidcProviderRecord::arn(request.account, url);
    Ok(requested(leave(request, "iam:CreateOpenIDConnectProvider", arn)?, input.tags.as_ref()))
}

/// Leave on the identity provider that a request names.
pub(crate) fn provider<O: Operation>(
    action: &'static str,
    arn: fn(&O::Input) -> &str,
) -> impl Fn(&Iam, &AccessRequest<'_, O::Input>) -> Outcome + Send + Sync + 'static {
    move |iam, request| {
        let arn = arn(request.input);
        let found = OidcProviderRecord::load(iam.directory.store(), request.account, arn).ok();
        let tags = found.map(|mut provider| std::mem::take(provider.tags())).unwrap_or_default();
        Ok(tagged(leave(request, action, arn)?, &tags))
    }
}
