//! Giving up: ids, capabilities, and every way to get them back.

use std::io;

use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::ids::{FUNCTION_GID, FUNCTION_UID};

/// From the ids of the host's root, which do not exist inside, to those of the inner one.
pub(super) fn become_inner_root() -> io::Result<()> {
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
    set_thread_groups(&[])?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
    Ok(())
}

/// To the function's own ids.
pub(super) fn become_function() -> io::Result<()> {
    let (gid, uid) = (Gid::from_raw(FUNCTION_GID), Uid::from_raw(FUNCTION_UID));
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// No privileged program can be gained by executing one. Before [`become_function`]: it takes a capability.
///
/// SECURITY: the bounding set goes before the ids, the remaining sets in [`drop_capabilities_but`] after them.
pub(super) fn seal_capabilities() -> io::Result<()> {
    for capability in CapabilitySet::all().iter() {
        // A kernel older than this list does not know the last ones.
        match remove_capability_from_bounding_set(capability) {
            Err(rustix::io::Errno::INVAL) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    clear_ambient_capability_set()?;
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    set_capabilities_secure_bits(bits)?;
    Ok(())
}

/// Nothing is left but `kept`, and nothing comes back.
pub(super) fn drop_capabilities_but(kept: CapabilitySet) -> io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })?;
    set_no_new_privs(true)?;
    Ok(())
}
