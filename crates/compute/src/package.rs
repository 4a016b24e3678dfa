//! Deployment packages: checked, unpacked once, kept by content, verified before they are used again.
//!
//! Knows nothing of functions: a package is bytes in, a read-only directory out. Nothing of a package is ever executed
//! or interpreted here.

mod entry;
mod extract;
mod hash;
mod layers;
mod manifest;
mod shelf;
mod signature;
mod sweep;

pub use entry::Refusal;
pub use extract::extract as unpack;
pub use hash::{CodeHash, InvalidCodeHash};
pub use shelf::{CodeStore, PackageError, StoredPackage};
pub use signature::{PackageKey, SignatureError, hex, sign, signers};
pub use sweep::CodeLease;

pub(crate) use extract::check_archive;
pub(crate) use shelf::write_durably;
