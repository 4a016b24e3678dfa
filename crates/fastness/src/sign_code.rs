//! `fastness sign-code`: signs a deployment package, so that functions with a code signing configuration take it.
//!
//! Talks to no platform. The key stays in its file; what it is trusted for is said by configurations that name its public
//! half.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base::SecretString;
use crypto::ed25519::SigningKey;

use crate::Error;
use crate::args::SignCodeOptions;

/// Signs, and prints what a configuration calls the publisher.
pub(crate) fn run(options: &SignCodeOptions) -> Result<(), Error> {
    let key = if options.new_key { new_key(&options.key)? } else { read_key(&options.key)? };
    for package in &options.packages {
        let told = |error: &dyn std::fmt::Display| format!("`{}`: {error}", package.display());
        let zip = std::fs::read(package).map_err(|error| told(&error))?;
        let signed = compute::sign(&zip, &key).map_err(|error| told(&error))?;
        replace(package, &signed).map_err(|error| told(&error))?;
    }
    crate::terminal::println(&compute::hex(&key.public_key()));
    Ok(())
}

/// Makes a key; a file that is there is nobody's to replace.
fn new_key(path: &Path) -> Result<SigningKey, Error> {
    let seed: [u8; 32] = crypto::random::bytes();
    let text = SecretString::new(compute::hex(&seed));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| format!("cannot write the key to `{}`: {error}", path.display()))?;
    writeln!(file, "{}", text.expose())?;
    file.sync_all()?;
    Ok(SigningKey::from_seed(&seed)?)
}

fn read_key(path: &Path) -> Result<SigningKey, Error> {
    let told =
        |error: &dyn std::fmt::Display| format!("cannot read the key in `{}`: {error}", path.display());
    let text = SecretString::new(std::fs::read_to_string(path).map_err(|error| told(&error))?);
    let digits = text.expose().trim();
    let mut seed = [0; 32];
    for (at, byte) in seed.iter_mut().enumerate() {
        let pair = digits.get(2 * at..2 * at + 2).ok_or_else(|| told(&"it is no key"))?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| told(&"it is no key"))?;
    }
    if digits.len() != 64 {
        return Err(told(&"it is no key").into());
    }
    Ok(SigningKey::from_seed(&seed)?)
}

/// All of it or nothing: a package that was half written is none.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".signed");
    let beside = path.with_file_name(name);
    std::fs::write(&beside, bytes)?;
    std::fs::rename(beside, path)
}
