//! How a service's errors become the API's error shapes.
//!
//! A service's error enum has one variant for each error shape that its operations answer, plus two more: `Passed`,
//! a fault of another service handed on, and `Internal`, which tells the caller nothing and the operator everything.

use std::error::Error;

pub use protocol::Fault;

/// An error of ours: a store that failed, a record that does not parse, a model that disagrees with its code.
#[derive(Debug)]
pub struct Internal(Box<dyn Error + Send + Sync>);

impl Internal {
    /// From any error or message.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl std::fmt::Display for Internal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("internal error")
    }
}

impl Error for Internal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

/// An error that a handler or an access function returns.
pub trait ServiceError: Error + Send + Sync + From<Internal> + 'static {
    /// What the caller is told. The pipeline logs the cause of an internal error before it calls this.
    fn into_fault(self) -> Fault;

    /// The cause, where the error is ours and not the caller's.
    fn internal(&self) -> Option<&Internal>;
}

/// Declares a service's error enum.
///
/// Each variant carries the caller's message; its string is the error shape's name in the model (the codec turns it
/// into the wire's code and status). `?` works on store errors, on faults of other services and on [`Internal`].
///
/// ```
/// service::service_error! {
///     /// What this API answers when it refuses.
///     pub enum Error {
///         /// The named thing is not there.
///         ResourceNotFound = "ResourceNotFoundException",
///     }
/// }
/// let error = Error::ResourceNotFound("Function not found".into());
/// assert_eq!(service::ServiceError::into_fault(error).code, "ResourceNotFoundException");
/// ```
#[macro_export]
macro_rules! service_error {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $code:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant(String), )*
            /// A fault of another service or of the platform, handed on as it is.
            Passed(Box<$crate::error::PassedFault>),
            /// An error of ours; the caller is told nothing of it.
            Internal($crate::Internal),
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $( Self::$variant(message) => write!(f, "{}: {}", $code, message), )*
                    Self::Passed(fault) => write!(f, "{}: {}", fault.0.code, fault.0.message),
                    Self::Internal(internal) => ::std::fmt::Display::fmt(internal, f),
                }
            }
        }

        impl ::std::error::Error for $name {
            fn source(&self) -> ::std::option::Option<&(dyn ::std::error::Error + 'static)> {
                match self {
                    Self::Internal(internal) => ::std::error::Error::source(internal),
                    _ => ::std::option::Option::None,
                }
            }
        }

        impl $crate::ServiceError for $name {
            fn into_fault(self) -> $crate::error::Fault {
                match self {
                    $( Self::$variant(message) => $crate::error::Fault::sender($code, message), )*
                    Self::Passed(fault) => fault.0,
                    Self::Internal(_) => $crate::error::Fault::internal(),
                }
            }

            fn internal(&self) -> ::std::option::Option<&$crate::Internal> {
                match self {
                    Self::Internal(internal) => ::std::option::Option::Some(internal),
                    _ => ::std::option::Option::None,
                }
            }
        }

        impl ::std::convert::From<$crate::Internal> for $name {
            fn from(internal: $crate::Internal) -> Self {
                Self::Internal(internal)
            }
        }

        impl ::std::convert::From<$crate::error::StoreError> for $name {
            fn from(error: $crate::error::StoreError) -> Self {
                Self::Internal($crate::Internal::new(error))
            }
        }

        impl ::std::convert::From<$crate::error::Fault> for $name {
            fn from(fault: $crate::error::Fault) -> Self {
                Self::Passed(::std::boxed::Box::new($crate::error::PassedFault(fault)))
            }
        }
    };
}

/// A fault that passes through a service's own error type, boxed to keep that type small.
#[derive(Debug)]
pub struct PassedFault(pub Fault);

// Named by `service_error!` in crates that need not depend on the store themselves.
#[doc(hidden)]
pub use ::store::StoreError;
