//! Tags of second factors, instance profiles, identity providers and server certificates.
//!
//! One set of rules for all of them; each operation names the kind it is for.

use std::sync::Arc;

use identity::Edit;
use identity::records::{MfaDeviceRecord, OidcProviderRecord, Tag};
use service::Permit;

use crate::page::{Page, Paging};
use crate::records::{InstanceProfileRecord, ServerCertificateRecord, Tagged};
use crate::{Error, Iam, api, tags};

fn change<R: Tagged>(
    edit: &mut Edit<'_, '_>,
    id: &str,
    body: impl FnOnce(&mut Vec<Tag>) -> Result<(), Error>,
) -> Result<(), Error> {
    let account = edit.account();
    let mut record = R::load(edit, account, id)?;
    body(record.tags())?;
    Ok(edit.put(R::TABLE, &record.key(account), &record)?)
}

fn page(stored: &[Tag], paging: Paging) -> Result<Page<api::Tag>, Error> {
    paging.of(tags::list(stored).into_iter().map(|tag| (tag.key.clone(), tag)).collect())
}

/// The three operations of one kind.
macro_rules! operations {
    ($record:ty, $id:ident: $tag:ident $Tag:ident, $untag:ident $Untag:ident, $list:ident $List:ident $Listed:ident) => {
        pub(crate) async fn $tag(iam: Arc<Iam>, permit: Permit<api::$Tag>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            iam.change(&call, |edit| {
                change::<$record>(edit, &input.$id, |stored| tags::add(stored, input.tags))
            })
            .await
        }

        pub(crate) async fn $untag(iam: Arc<Iam>, permit: Permit<api::$Untag>) -> Result<(), Error> {
            let Permit { input, call, .. } = permit;
            iam.change(&call, |edit| {
                change::<$record>(edit, &input.$id, |stored| tags::remove(stored, &input.tag_keys))
            })
            .await
        }

        pub(crate) async fn $list(_: Arc<Iam>, permit: Permit<api::$List>) -> Result<api::$Listed, Error> {
            let Permit { input, call, .. } = permit;
            let mut record = <$record>::load(&call.view()?, call.account(), &input.$id)?;
            let page = page(record.tags(), Paging::new(input.marker, input.max_items))?;
            Ok(api::$Listed { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
        }
    };
}

operations!(MfaDeviceRecord, serial_number: tag_device TagMFADevice, untag_device UntagMFADevice,
    list_device_tags ListMFADeviceTags ListMFADeviceTagsResponse);
operations!(InstanceProfileRecord, instance_profile_name: tag_profile TagInstanceProfile,
    untag_profile UntagInstanceProfile, list_profile_tags ListInstanceProfileTags ListInstanceProfileTagsResponse);
operations!(OidcProviderRecord, open_id_connect_provider_arn: tag_provider TagOpenIDConnectProvider,
    untag_provider UntagOpenIDConnectProvider,
    list_provider_tags ListOpenIDConnectProviderTags ListOpenIDConnectProviderTagsResponse);
operations!(ServerCertificateRecord, server_certificate_name: tag_certificate TagServerCertificate,
    untag_certificate UntagServerCertificate,
    list_certificate_tags ListServerCertificateTags ListServerCertificateTagsResponse);
