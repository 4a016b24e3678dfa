//! Runs functions: code packages, environments, invocations, the Runtime API, asynchronous events.
//!
//! Knows no IAM, no wire format of an AWS API and no service: credentials, log delivery and the AWS API behind an
//! environment's door are handed in by those who may know them. All isolation is `sandbox`'s.

pub mod limits;
mod package;
mod runtime_api;

pub use package::{
    Artifact, ArtifactError, CodeHash, CodeStore, InvalidCodeHash, PackageError, Refusal, StoredPackage,
};

#[doc(hidden)]
pub use runtime_api::fuzz;

/// A future that does not borrow its executor.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
