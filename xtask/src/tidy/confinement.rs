//! Which third-party crate may be used where, and where `unsafe` may stand.
//!
//! Confinement keeps a library's ways, and its flaws, in one place. A crate that is not listed may be used anywhere.

use super::manifest::packages;
use super::modules::sources;
use crate::failure::Outcome;
use crate::workspace::{read, shown};

/// Third-party crates, and the packages that may use them.
const CONFINED: &[(&[&str], &[&str])] = &[
    (&["hyper", "hyper-util"], &["edge"]),
    (&["rustls", "rustls-pki-types", "tokio-rustls"], &["edge"]),
    (&["aws-lc-rs"], &["crypto"]),
    (&["fjall"], &["store"]),
    (&["rustix"], &["sandbox", "store"]),
    (&["libc", "landlock"], &["sandbox"]),
    (&["tracing-subscriber"], &["observe"]),
    (&["lz4_flex"], &["observe", "logs"]),
    (&["saphyr", "saphyr-parser"], &["template"]),
    (&["quick-xml"], &["protocol"]),
    (&["crc-fast"], &["crypto"]),
    (&["md-5"], &["crypto"]),
    (&["jiff"], &["base"]),
    (&["clap", "indicatif", "comfy-table"], &["fastness"]),
    // Hashes of the platform come from the crypto crate.
    (&["sha2", "ring", "openssl"], &[]),
    (&["zip"], &["compute", "cloudformation", "fastness"]),
];

/// The one folder with `unsafe` in it.
const UNSAFE: &str = "crates/sandbox/src/sys";

/// Every use outside its place.
pub(super) fn check() -> Outcome<Vec<String>> {
    let mut problems = Vec::new();
    for package in packages()?.into_iter().filter(|package| !package.is_tool()) {
        for name in &package.dependencies {
            let confined = CONFINED.iter().find(|(crates, _)| crates.contains(&name.as_str()));
            if let Some((_, allowed)) = confined
                && !allowed.contains(&package.name.as_str())
            {
                problems.push(format!(
                    "{} may not use {name}: it belongs to {}",
                    package.folder,
                    allowed.join(", ")
                ));
            }
        }
    }
    for path in sources()? {
        let place = shown(&path);
        if place.starts_with(UNSAFE) || place.starts_with("xtask/") {
            continue;
        }
        for (number, line) in read(&path)?.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let opens = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code)"];
            if opens.iter().any(|open| code.contains(open)) {
                problems.push(format!("{place}:{}: unsafe stands only under {UNSAFE}", number + 1));
            }
        }
    }
    Ok(problems)
}
