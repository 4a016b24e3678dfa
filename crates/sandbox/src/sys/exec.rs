//! Replaces the process image.

use std::ffi::{CString, NulError};
use std::io;
use std::ptr;

/// A program, its arguments and its environment in the form that `execve` takes, made before cloning.
pub(crate) struct CommandLine {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl CommandLine {
    /// Converts; fails on a NUL byte.
    pub(crate) fn new(argv: &[String], environment: &[(String, String)]) -> Result<Self, NulError> {
        let arguments = argv.iter().map(|text| CString::new(text.as_str())).collect::<Result<Vec<_>, _>>()?;
        let variable = |(name, value): &(String, String)| CString::new(format!("{name}={value}"));
        Ok(Self {
            program: arguments.first().cloned().unwrap_or_default(),
            arguments,
            environment: environment.iter().map(variable).collect::<Result<Vec<_>, _>>()?,
        })
    }
}

/// Becomes the program. Returns only on failure.
pub(crate) fn execute(command: &CommandLine) -> io::Error {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let (argv, envp) = (pointers(&command.arguments), pointers(&command.environment));
    // SAFETY: both arrays are null-terminated and point at NUL-terminated strings that live until the call returns.
    unsafe { libc::execve(command.program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    io::Error::last_os_error()
}
