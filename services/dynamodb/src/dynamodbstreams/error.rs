//! What the streams' API answers when it refuses.

use crate::item::DamagedItem;

service::service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// The request breaks a rule that the model does not hold.
        Validation = "ValidationException",
        /// The stream or the shard is not there.
        ResourceNotFound = "ResourceNotFoundException",
        /// The iterator is older than 15 minutes.
        ExpiredIterator = "ExpiredIteratorException",
        /// What is asked for is older than a day.
        TrimmedDataAccess = "TrimmedDataAccessException",
    }
}

impl From<DamagedItem> for Error {
    fn from(damaged: DamagedItem) -> Self {
        Self::Internal(service::Internal::new(damaged))
    }
}
