//! Replaces the process image.

use std::ffi::{CStr, CString, NulError};
use std::io;
use std::ptr;

use zeroize::Zeroize;

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
        let variable = |(name, value): &(String, String)| {
            // The exact size at once: growing would leave copies of the value behind.
            let mut text = Vec::with_capacity(name.len() + value.len() + 2);
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
            CString::new(text)
        };
        Ok(Self {
            program: arguments.first().cloned().unwrap_or_default(),
            arguments,
            environment: environment.iter().map(variable).collect::<Result<Vec<_>, _>>()?,
        })
    }

    /// What is executed.
    pub(crate) fn program(&self) -> &CStr {
        &self.program
    }

    /// A variable of its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let mut all = self.environment.iter().filter_map(|variable| variable.to_str().ok());
        all.find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Drop for CommandLine {
    /// SECURITY: variables carry credentials, and the next environment's init begins as a copy of this memory.
    fn drop(&mut self) {
        for variable in self.environment.drain(..) {
            variable.into_bytes().zeroize();
        }
    }
}

/// Becomes `program`, which has its own name for its first argument, as `command` says otherwise. Returns only on failure.
pub(crate) fn execute(program: &CStr, command: &CommandLine) -> io::Error {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
    };
    let (mut argv, envp) = (pointers(&command.arguments), pointers(&command.environment));
    if let Some(first) = argv.first_mut().filter(|first| !first.is_null()) {
        *first = program.as_ptr();
    }
    // SAFETY: both arrays are null-terminated and point at NUL-terminated strings that live until the call returns.
    unsafe { libc::execve(program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    io::Error::last_os_error()
}
