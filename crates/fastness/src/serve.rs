//! `fastness serve`: runs the platform until it is told to stop.

use crate::Error;
use crate::args::PlatformOptions;
use crate::platform::Platform;

/// Runs the platform; prints one line with `ready` once it answers, and one that says what isolates functions.
pub(crate) fn run(options: PlatformOptions) -> Result<(), Error> {
    Platform::open(options)?.run(|running| async move {
        let credentials = crate::credentials::path(&running.data_dir);
        println!("fastness is ready on {}; credentials in {}", running.endpoint, credentials.display());
        println!("isolation of functions: {}", running.isolation);
        std::future::pending::<()>().await;
        Ok(())
    })
}
