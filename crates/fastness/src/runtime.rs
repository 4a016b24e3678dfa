//! `fastness runtime`: root file systems that functions run on, brought from an OCI image layout or a folder.
//!
//! Talks to no platform: what is imported is offered from the platform's next start on, and nothing is removed while one runs. Nothing
//! of it is executed here.

use std::path::Path;

use base::Clock;
use compute::{ImportedRuntime, RuntimeRoots};
use store::{FolderLock, OpenError};

use crate::Error;
use crate::args::RuntimeCommand;
use crate::functions::roots_folder;
use crate::platform::store_folder;
use crate::terminal;

/// Imports, lists or removes.
pub(crate) fn run(command: &RuntimeCommand) -> Result<(), Error> {
    match command {
        RuntimeCommand::Import { name, path, data } => {
            let now = Clock::system().now();
            let made = roots(&data.data_dir).import(name, path, now);
            let made = made.map_err(|error| format!("`{}`: {}", path.display(), base::Chain(&error)))?;
            terminal::println(&line(&made));
            terminal::warn(&format!(
                "functions can have the runtime {name} once the platform is started again"
            ));
        }
        RuntimeCommand::List { data } => {
            for known in roots(&data.data_dir).list() {
                terminal::println(&line(&known));
            }
        }
        RuntimeCommand::Remove { name, data } => {
            let _stays_stopped = stopped(&data.data_dir, name)?;
            roots(&data.data_dir).remove(name)?;
        }
    }
    Ok(())
}

/// As long as this lives, no platform runs with this folder: its functions would lose the files that they run on.
fn stopped(data_dir: &Path, name: &str) -> Result<Option<FolderLock>, Error> {
    let store = store_folder(data_dir);
    if !store.exists() {
        return Ok(None);
    }
    match FolderLock::take(&store) {
        Ok(lock) => Ok(Some(lock)),
        Err(OpenError::Locked { .. }) => Err(format!(
            "a platform runs with `{}`, and its functions may run on {name}: stop it first",
            data_dir.display()
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}

fn roots(data_dir: &Path) -> RuntimeRoots {
    RuntimeRoots::new(roots_folder(data_dir))
}

fn line(runtime: &ImportedRuntime) -> String {
    let ImportedRuntime { name, digest, entries, bytes, imported_at, .. } = runtime;
    let from = digest.as_deref().unwrap_or("a folder");
    format!("{name}\t{entries} entries\t{bytes} bytes\t{from}\t{}", imported_at.iso8601_secs())
}
