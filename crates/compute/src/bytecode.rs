//! Byte code of the Python bootstrap: made once for each interpreter, in the background, and used as soon as it is there.
//!
//! Only of the platform's own bootstrap. It never fails a start: without it, the bootstrap's source is run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use sandbox::{HostRuntime, PYTHON_BOOTSTRAP, RuntimeKind};

/// The bootstraps of one folder, compiled or not.
pub(crate) struct ByteCode {
    folder: PathBuf,
    /// By program: whether it can be used. Where it cannot yet, or never, `false`.
    made: Arc<Mutex<HashMap<String, bool>>>,
}

impl ByteCode {
    /// For the bootstraps in this folder, which stands at `/var/runtime` inside.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, made: Arc::default() }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The command line with the compiled bootstrap in the source's place, where there is one; the first call for an
    /// interpreter begins to make it.
    pub(crate) fn command(&self, runtime: &HostRuntime) -> Vec<String> {
        let mut argv = runtime.argv.clone();
        // SECURITY: the program of an imported root is none of the host's, and runs nowhere but inside.
        let is_hosts = runtime.kind == RuntimeKind::Python && runtime.root.is_none();
        let Some(program) = runtime.argv.first().filter(|_| is_hosts) else {
            return argv;
        };
        let known = self.made.lock().get(program).copied();
        match known {
            Some(true) => {
                let compiled = format!("/var/runtime/{}", file_name(runtime));
                argv.iter_mut()
                    .filter(|text| *text == PYTHON_BOOTSTRAP)
                    .for_each(|text| text.clone_from(&compiled));
            }
            Some(false) => {}
            None => self.begin(program.clone(), runtime.clone()),
        }
        argv
    }

    fn begin(&self, program: String, runtime: HostRuntime) {
        self.made.lock().insert(program.clone(), false);
        let (folder, made) = (self.folder.clone(), Arc::clone(&self.made));
        let compile = move || {
            let target = folder.join(file_name(&runtime));
            if sandbox::compile_bootstrap(&runtime, &folder.join("bootstrap.py"), &target) {
                made.lock().insert(program, true);
            } else {
                tracing::debug!(program, "the bootstrap was not compiled");
            }
        };
        drop(tokio::task::spawn_blocking(compile));
    }
}

/// Versions share no byte code.
fn file_name(runtime: &HostRuntime) -> String {
    format!("bootstrap-{}.pyc", runtime.version)
}
