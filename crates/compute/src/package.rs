//! Deployment packages: checked, unpacked once for each account, kept by content, verified before they are used again.
//!
//! Knows nothing of functions: a package is bytes in, a read-only directory out. Nothing of a package is ever executed
//! or interpreted here.

mod count;
mod entry;
mod extract;
mod hash;
mod layers;
mod manifest;
mod room;
mod shelf;
mod signature;
mod store;
mod sweep;
#[cfg(test)]
mod testing;

pub use entry::Refusal;
pub use extract::unpack;
pub use hash::{CodeHash, InvalidCodeHash};
pub use shelf::{AccountCode, PackageError, StoredPackage};
pub use signature::{PackageKey, SignatureError, hex, sign, signers};
pub use store::CodeStore;
pub use sweep::CodeLease;

pub(crate) use extract::check_archive;
pub(crate) use shelf::write_durably;
