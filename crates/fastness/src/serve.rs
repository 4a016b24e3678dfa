//! `fastness serve`: runs the platform until it is told to stop.

use std::io::Write as _;

use crate::Error;
use crate::args::PlatformOptions;
use crate::platform::Platform;

/// Runs the platform; prints one line with `ready` once it answers, and one that says what isolates functions.
pub(crate) fn run(options: PlatformOptions) -> Result<(), Error> {
    Platform::open(options)?.run(|running| async move {
        let credentials = crate::credentials::path(&running.data_dir);
        let mut out = std::io::stdout();
        // Whoever reads the first line may have gone before the second: that ends no platform.
        let there = if credentials.is_file() { "" } else { ", which is gone" };
        let _ = writeln!(
            out,
            "fastness is ready on {}; credentials in {}{there}",
            running.endpoint,
            credentials.display()
        );
        let _ = writeln!(out, "isolation of functions: {}", running.isolation);
        let _ = out.flush();
        std::future::pending::<()>().await;
        Ok(())
    })
}
