//! Where `up` puts what it packed: into the account's own bucket for packages, as the administrator.
//!
//! It waits for each thing to be there, so it is used where waiting is allowed.

use tokio::runtime::Handle;

use super::deploy::Deployer;
use crate::Error;
use crate::artifacts::{Place, Shelf};

/// Puts things through the pipeline.
pub(super) struct OwnShelf {
    deployer: Deployer,
    handle: Handle,
}

impl OwnShelf {
    pub(super) const fn new(deployer: Deployer, handle: Handle) -> Self {
        Self { deployer, handle }
    }
}

impl Shelf for OwnShelf {
    fn put(&self, bytes: Vec<u8>, extension: &str) -> Result<Place, Error> {
        self.handle.block_on(self.deployer.put(bytes, extension))
    }
}
