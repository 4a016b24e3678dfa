//! Second factors: virtual devices, made, enabled for a user, resynchronised, taken away.
//!
//! A device's seed is told once, in the answer that makes it. No code that was accepted is ever accepted again.

use std::sync::Arc;

use base::AccountId;
use identity::principal::entity_arn;
use identity::records::{MfaAssignment, MfaDeviceRecord, UserRecord, keys};
use identity::totp::{self, Progress};
use identity::{Edit, Principal, Reads, directory};
use service::{Call, Permit};
use store::{Key, Table};

use super::{moment, path, users};
use crate::page::Paging;
use crate::records::Tagged;
use crate::{Error, Iam, api, entity, qr, quota, shapes, tags};

/// The longest serial number that operations take.
const SERIAL_CHARACTERS_MAX: usize = 256;
/// In base32: forty bytes.
const SEED_CHARACTERS: usize = 64;

impl Tagged for MfaDeviceRecord {
    const TABLE: Table = keys::MFA_DEVICES;

    fn load(from: &(impl Reads + ?Sized), account: AccountId, id: &str) -> Result<Self, Error> {
        directory::mfa_device(from, account, id)?.ok_or_else(|| Error::no_such_device(id))
    }

    fn key(&self, account: AccountId) -> Key {
        keys::named(account, &self.name)
    }

    fn tags(&mut self) -> &mut Vec<identity::records::Tag> {
        &mut self.tags
    }
}

pub(crate) fn serial(account: AccountId, record: &MfaDeviceRecord) -> String {
    entity_arn(account, "mfa", &record.path, &record.name)
}

fn save(edit: &mut Edit<'_, '_>, record: &MfaDeviceRecord) -> Result<(), Error> {
    let key = keys::named(edit.account(), &record.name);
    Ok(edit.put(keys::MFA_DEVICES, &key, record)?)
}

/// The devices of an account, sorted by name.
pub(crate) fn all(from: &(impl Reads + ?Sized), account: AccountId) -> Result<Vec<MfaDeviceRecord>, Error> {
    Ok(from.records(keys::MFA_DEVICES, &keys::all_of(account))?)
}

fn is_of(record: &MfaDeviceRecord, user: &UserRecord) -> bool {
    record.assignment.as_ref().is_some_and(|assignment| assignment.user_id == user.user_id)
}

/// How many devices are enabled for a user.
pub(crate) fn count_of(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    user: &UserRecord,
) -> Result<usize, Error> {
    Ok(all(from, account)?.iter().filter(|record| is_of(record, user)).count())
}

pub(crate) async fn create(
    iam: Arc<Iam>,
    permit: Permit<api::CreateVirtualMFADevice>,
) -> Result<api::CreateVirtualMFADeviceResponse, Error> {
    let Permit { input, call, .. } = permit;
    let seed = crypto::random::base32(SEED_CHARACTERS);
    let record = MfaDeviceRecord {
        name: input.virtual_mfa_device_name,
        path: path(input.path),
        seed: seed.clone(),
        created_at: moment(&call),
        tags: tags::of_new(input.tags, &call)?,
        assignment: None,
    };
    let account = call.account();
    let serial_number = serial(account, &record);
    // AWS bounds serial numbers, and not what they are made of: a longer one could be neither enabled nor deleted.
    if serial_number.len() > SERIAL_CHARACTERS_MAX {
        return Err(Error::ValidationError(format!(
            "The device's path and name make the serial number {serial_number}, which must have at most \
             {SERIAL_CHARACTERS_MAX} characters."
        )));
    }
    let uri = format!("otpauth://totp/{}@{account}?secret={seed}", record.name);
    let code =
        qr::png(&uri).ok_or_else(|| Error::InvalidInput("The device's name is too long.".to_owned()))?;
    let answer = api::VirtualMFADevice {
        serial_number,
        base32_string_seed: Some(protocol::Bytes::from(seed.into_bytes()).into()),
        qr_code_png: Some(protocol::Bytes::from(code).into()),
        user: None,
        enable_date: None,
        tags: tags::to_api(&record.tags),
    };
    iam.change(&call, |edit| {
        let present = all(edit, account)?;
        if present.iter().any(|other| other.name.eq_ignore_ascii_case(&record.name)) {
            return Err(Error::EntityAlreadyExists(
                "MFADevice entity at the same path and name already exists.".to_owned(),
            ));
        }
        if present.len() >= quota::MFA_DEVICES_MAX {
            return Err(Error::quota("MFADevices", quota::MFA_DEVICES_MAX));
        }
        save(edit, &record)
    })
    .await?;
    Ok(api::CreateVirtualMFADeviceResponse { virtual_mfa_device: answer })
}

pub(crate) async fn enable(iam: Arc<Iam>, permit: Permit<api::EnableMFADevice>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let account = edit.account();
        let user: UserRecord = entity::load(edit, account, &input.user_name)?;
        let mut record = MfaDeviceRecord::load(edit, account, &input.serial_number)?;
        if record.assignment.is_some() {
            return Err(Error::EntityAlreadyExists("MFA Device is already in use.".to_owned()));
        }
        if count_of(edit, account, &user)? >= quota::MFA_DEVICES_PER_USER_MAX {
            return Err(Error::quota("MFADevicesPerUser", quota::MFA_DEVICES_PER_USER_MAX));
        }
        let (first, second) = (input.authentication_code1.expose(), input.authentication_code2.expose());
        let progress =
            totp::pair(&record.seed, first, second, 0, call.now()).ok_or_else(Error::invalid_codes)?;
        record.assignment =
            Some(MfaAssignment { user_id: user.user_id, enabled_at: moment(&call), progress });
        save(edit, &record)
    })
    .await
}

/// A device that is this user's.
fn own(edit: &Edit<'_, '_>, user: &UserRecord, serial: &str) -> Result<MfaDeviceRecord, Error> {
    let record = MfaDeviceRecord::load(edit, edit.account(), serial)?;
    if is_of(&record, user) {
        return Ok(record);
    }
    Err(Error::NoSuchEntity("MFA Device invalid for user.".to_owned()))
}

pub(crate) async fn resync(iam: Arc<Iam>, permit: Permit<api::ResyncMFADevice>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let user: UserRecord = entity::load(edit, edit.account(), &input.user_name)?;
        let mut record = own(edit, &user, &input.serial_number)?;
        let last = record.assignment.as_ref().map_or(0, |assignment| assignment.progress.last);
        let (first, second) = (input.authentication_code1.expose(), input.authentication_code2.expose());
        let progress: Progress =
            totp::pair(&record.seed, first, second, last, call.now()).ok_or_else(Error::invalid_codes)?;
        if let Some(assignment) = &mut record.assignment {
            assignment.progress = progress;
        }
        save(edit, &record)
    })
    .await
}

/// The named user, or the caller.
pub(super) fn named_or_caller(
    from: &(impl Reads + ?Sized),
    call: &Call,
    name: Option<&str>,
) -> Result<UserRecord, Error> {
    match (name, &**call.principal()) {
        (Some(name), _) => entity::load(from, call.account(), name),
        (None, Principal::User(user)) => entity::load(from, call.account(), &user.name),
        (None, _) => Err(users::needs_name()),
    }
}

pub(crate) async fn deactivate(iam: Arc<Iam>, permit: Permit<api::DeactivateMFADevice>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        if input.user_name.is_none() && matches!(**call.principal(), Principal::Root(_)) {
            // The root user has none, as `list` says.
            return Err(Error::NoSuchEntity("MFA Device invalid for user.".to_owned()));
        }
        let user = named_or_caller(edit, &call, input.user_name.as_deref())?;
        let mut record = own(edit, &user, &input.serial_number)?;
        record.assignment = None;
        save(edit, &record)
    })
    .await
}

pub(crate) async fn delete(iam: Arc<Iam>, permit: Permit<api::DeleteVirtualMFADevice>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    iam.change(&call, |edit| {
        let record = MfaDeviceRecord::load(edit, edit.account(), &input.serial_number)?;
        if record.assignment.is_some() {
            return Err(Error::DeleteConflict("MFA VirtualDevice in use. Must deactivate first.".to_owned()));
        }
        let key = keys::named(edit.account(), &record.name);
        Ok(edit.delete(keys::MFA_DEVICES, &key)?)
    })
    .await
}

pub(crate) async fn list(
    _: Arc<Iam>,
    permit: Permit<api::ListMFADevices>,
) -> Result<api::ListMFADevicesResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let account = call.account();
    let devices = match (input.user_name.as_deref(), &**call.principal()) {
        // The root user's devices are hardware of the console; here it has none.
        (None, Principal::Root(_)) => Vec::new(),
        (name, _) => {
            let user = named_or_caller(&view, &call, name)?;
            let own = all(&view, account)?.into_iter().filter(|record| is_of(record, &user));
            let shown = own.map(|record| {
                let at = record.assignment.as_ref().map(|it| it.enabled_at).unwrap_or_default();
                let serial_number = serial(account, &record);
                let user_name = user.name.clone();
                (serial_number.clone(), api::MFADevice { user_name, serial_number, enable_date: at })
            });
            shown.collect()
        }
    };
    let page = Paging::new(input.marker, input.max_items).of(devices)?;
    Ok(api::ListMFADevicesResponse {
        mfa_devices: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn list_virtual(
    _: Arc<Iam>,
    permit: Permit<api::ListVirtualMFADevices>,
) -> Result<api::ListVirtualMFADevicesResponse, Error> {
    let Permit { input, call, .. } = permit;
    let account = call.account();
    let view = call.view()?;
    let users = entity::all::<UserRecord>(&view, account, None)?;
    let wanted = |record: &MfaDeviceRecord| match input.assignment_status.as_deref() {
        Some("Assigned") => record.assignment.is_some(),
        Some("Unassigned") => record.assignment.is_none(),
        _ => true,
    };
    let shown = all(&view, account)?.into_iter().filter(wanted).map(|record| {
        let serial_number = serial(account, &record);
        let user = users.iter().find(|(_, user)| is_of(&record, user));
        let device = api::VirtualMFADevice {
            serial_number: serial_number.clone(),
            base32_string_seed: None,
            qr_code_png: None,
            user: user.map(|(_, user)| shapes::user(account, user)),
            enable_date: record.assignment.as_ref().map(|assignment| assignment.enabled_at),
            tags: None,
        };
        (serial_number, device)
    });
    let page = Paging::new(input.marker, input.max_items).of(shown.collect())?;
    Ok(api::ListVirtualMFADevicesResponse {
        virtual_mfa_devices: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetMFADevice>,
) -> Result<api::GetMFADeviceResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let record = MfaDeviceRecord::load(&view, call.account(), &input.serial_number)?;
    let user = match &record.assignment {
        None => None,
        Some(_) => Some(named_or_caller(&view, &call, input.user_name.as_deref())?),
    };
    if user.as_ref().is_some_and(|user| !is_of(&record, user)) {
        return Err(Error::NoSuchEntity("MFA Device invalid for user.".to_owned()));
    }
    Ok(api::GetMFADeviceResponse {
        user_name: user.map(|user| user.name),
        serial_number: input.serial_number,
        enable_date: record.assignment.as_ref().map(|assignment| assignment.enabled_at),
        certifications: None,
    })
}
