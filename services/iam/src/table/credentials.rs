//! The operation table's part for what users prove themselves with, for instance profiles and the simulator.

use super::Builder;
use crate::access;
use crate::access::credentials as own;
use crate::api;
use crate::operations::{instance_profiles, logins, mfa, none_held, password_policy, simulate, tagged};

pub(super) fn operations(builder: Builder) -> Builder {
    simulator(profiles(passwords(devices(none(builder)))))
}

fn none(builder: Builder) -> Builder {
    builder
        .operation(
            access::user_or_caller::<api::ListSSHPublicKeys>("iam:ListSSHPublicKeys", |i| {
                i.user_name.as_deref()
            }),
            none_held::ssh_keys,
        )
        .operation(own::service_credentials, none_held::service_credentials)
        .operation(
            access::user_or_caller::<api::ListSigningCertificates>("iam:ListSigningCertificates", |i| {
                i.user_name.as_deref()
            }),
            none_held::signing_certificates,
        )
}

fn devices(builder: Builder) -> Builder {
    builder
        .operation(own::create_device, mfa::create)
        .operation(access::user::<api::EnableMFADevice>("iam:EnableMFADevice", |i| &i.user_name), mfa::enable)
        .operation(access::user::<api::ResyncMFADevice>("iam:ResyncMFADevice", |i| &i.user_name), mfa::resync)
        .operation(
            access::user_or_caller::<api::DeactivateMFADevice>("iam:DeactivateMFADevice", |i| {
                i.user_name.as_deref()
            }),
            mfa::deactivate,
        )
        .operation(
            own::device::<api::DeleteVirtualMFADevice>("iam:DeleteVirtualMFADevice", |i| &i.serial_number),
            mfa::delete,
        )
        .operation(
            access::user_or_caller::<api::ListMFADevices>("iam:ListMFADevices", |i| i.user_name.as_deref()),
            mfa::list,
        )
        .operation(
            access::account::<api::ListVirtualMFADevices>("iam:ListVirtualMFADevices"),
            mfa::list_virtual,
        )
        .operation(
            access::user_or_caller::<api::GetMFADevice>("iam:GetMFADevice", |i| i.user_name.as_deref()),
            mfa::get,
        )
        .operation(
            access::with_tags::<api::TagMFADevice>(
                own::device::<api::TagMFADevice>("iam:TagMFADevice", |i| &i.serial_number),
                |i| &i.tags,
            ),
            tagged::tag_device,
        )
        .operation(
            access::with_tag_keys::<api::UntagMFADevice>(
                own::device::<api::UntagMFADevice>("iam:UntagMFADevice", |i| &i.serial_number),
                |i| &i.tag_keys,
            ),
            tagged::untag_device,
        )
        .operation(
            own::device::<api::ListMFADeviceTags>("iam:ListMFADeviceTags", |i| &i.serial_number),
            tagged::list_device_tags,
        )
}

fn passwords(builder: Builder) -> Builder {
    builder
        .operation(
            access::user_or_caller::<api::CreateLoginProfile>("iam:CreateLoginProfile", |i| {
                i.user_name.as_deref()
            }),
            logins::create,
        )
        .operation(
            access::user_or_caller::<api::GetLoginProfile>("iam:GetLoginProfile", |i| i.user_name.as_deref()),
            logins::get,
        )
        .operation(
            access::user::<api::UpdateLoginProfile>("iam:UpdateLoginProfile", |i| &i.user_name),
            logins::update,
        )
        .operation(
            access::user_or_caller::<api::DeleteLoginProfile>("iam:DeleteLoginProfile", |i| {
                i.user_name.as_deref()
            }),
            logins::delete,
        )
        .operation(
            access::user_or_caller::<api::ChangePassword>("iam:ChangePassword", |_| None),
            logins::change,
        )
        .operation(
            access::account::<api::UpdateAccountPasswordPolicy>("iam:UpdateAccountPasswordPolicy"),
            password_policy::update,
        )
        .operation(
            access::account::<api::GetAccountPasswordPolicy>("iam:GetAccountPasswordPolicy"),
            password_policy::get,
        )
        .operation(
            access::account::<api::DeleteAccountPasswordPolicy>("iam:DeleteAccountPasswordPolicy"),
            password_policy::delete,
        )
}

fn profiles(builder: Builder) -> Builder {
    builder
        .operation(own::create_profile, instance_profiles::create)
        .operation(
            own::profile::<api::GetInstanceProfile>("iam:GetInstanceProfile", |i| &i.instance_profile_name),
            instance_profiles::get,
        )
        .operation(
            own::profile::<api::DeleteInstanceProfile>("iam:DeleteInstanceProfile", |i| {
                &i.instance_profile_name
            }),
            instance_profiles::delete,
        )
        .operation(
            access::listing::<api::ListInstanceProfiles>(
                "iam:ListInstanceProfiles",
                "instance-profile",
                |i| i.path_prefix.as_deref(),
            ),
            instance_profiles::list,
        )
        .operation(
            access::role::<api::ListInstanceProfilesForRole>("iam:ListInstanceProfilesForRole", |i| {
                &i.role_name
            }),
            instance_profiles::list_for_role,
        )
        .operation(own::add_role_to_profile, instance_profiles::add_role)
        .operation(
            own::profile::<api::RemoveRoleFromInstanceProfile>("iam:RemoveRoleFromInstanceProfile", |i| {
                &i.instance_profile_name
            }),
            instance_profiles::remove_role,
        )
        .operation(
            access::with_tags::<api::TagInstanceProfile>(
                own::profile::<api::TagInstanceProfile>("iam:TagInstanceProfile", |i| {
                    &i.instance_profile_name
                }),
                |i| &i.tags,
            ),
            tagged::tag_profile,
        )
        .operation(
            access::with_tag_keys::<api::UntagInstanceProfile>(
                own::profile::<api::UntagInstanceProfile>("iam:UntagInstanceProfile", |i| {
                    &i.instance_profile_name
                }),
                |i| &i.tag_keys,
            ),
            tagged::untag_profile,
        )
        .operation(
            own::profile::<api::ListInstanceProfileTags>("iam:ListInstanceProfileTags", |i| {
                &i.instance_profile_name
            }),
            tagged::list_profile_tags,
        )
}

fn simulator(builder: Builder) -> Builder {
    builder
        .operation(access::account::<api::SimulateCustomPolicy>("iam:SimulateCustomPolicy"), simulate::custom)
        .operation(
            own::simulated::<api::SimulatePrincipalPolicy>("iam:SimulatePrincipalPolicy", |i| {
                &i.policy_source_arn
            }),
            simulate::principal,
        )
        .operation(
            access::account::<api::GetContextKeysForCustomPolicy>("iam:GetContextKeysForCustomPolicy"),
            simulate::custom_keys,
        )
        .operation(
            own::simulated::<api::GetContextKeysForPrincipalPolicy>(
                "iam:GetContextKeysForPrincipalPolicy",
                |i| &i.policy_source_arn,
            ),
            simulate::principal_keys,
        )
}
