//! What this API answers when it refuses.

service::service_error! {
    /// What this API answers when it refuses.
    pub enum Error {
        /// A value that the model lets through and the rules do not.
        Validation = "ValidationException",
        /// A document is not a policy, or of a kind that is not compared.
        InvalidParameter = "InvalidParameterException",
    }
}
