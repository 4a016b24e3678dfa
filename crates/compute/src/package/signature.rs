//! Who signed a package: signatures that stand in it, over everything else in it.
//!
//! A package has one file of signatures, a line each: the public key and the signature, in hexadecimal. What is signed is a
//! list of all other entries by name, each with its mode and the digest of its content. Whose key is trusted is decided
//! elsewhere; a package that could not be unpacked never comes here.

use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};

use crypto::Sha256;
use crypto::ed25519::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES, SigningKey, is_signed};
use zip::ZipArchive;
use zip::write::SimpleFileOptions;

use crate::limits::PACKAGE_UNZIPPED_BYTES_MAX;

/// Where the signatures stand.
const SIGNATURES_FILE: &str = "META-INF/fastness-signatures";
/// Signatures of one package.
const SIGNATURES_MAX: usize = 16;
const LINE_BYTES: usize = 2 * (PUBLIC_KEY_BYTES + SIGNATURE_BYTES) + 1;
const READ_BYTES: usize = 64 * 1024;
/// What a signed list begins with, so that it is nothing else that somebody signed.
const TITLE: &str = "fastness package 1\n";

/// A public key that signs packages.
pub type PackageKey = [u8; PUBLIC_KEY_BYTES];

/// Why nobody can be said to have signed a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It cannot be read.
    #[error("the package cannot be read")]
    Unreadable,
    /// It has signatures that are not of their form, or not of what is in it.
    #[error("a signature is not one of what the package holds")]
    Wrong,
}

/// The keys that signed a package; none where it has no signatures.
///
/// # Errors
/// Where it cannot be read, or one of its signatures is wrong.
pub fn signers(zip: &[u8]) -> Result<Vec<PackageKey>, SignatureError> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|_| SignatureError::Unreadable)?;
    let Some(text) = signatures(&mut archive)? else { return Ok(Vec::new()) };
    let list = list(&mut archive)?;
    let mut keys = Vec::new();
    for line in text.lines() {
        if keys.len() == SIGNATURES_MAX {
            return Err(SignatureError::Wrong);
        }
        let (key, signature) = line.split_once(' ').ok_or(SignatureError::Wrong)?;
        let key: PackageKey =
            from_hex(key).and_then(|key| key.try_into().ok()).ok_or(SignatureError::Wrong)?;
        let signature = from_hex(signature).ok_or(SignatureError::Wrong)?;
        if !is_signed(&key, list.as_bytes(), &signature) {
            return Err(SignatureError::Wrong);
        }
        keys.push(key);
    }
    Ok(keys)
}

/// The package with one more signature; those that it has stay.
///
/// # Errors
/// Where the package cannot be read.
pub fn sign(zip: &[u8], key: &SigningKey) -> Result<Vec<u8>, SignatureError> {
    let unreadable = |_| SignatureError::Unreadable;
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(unreadable)?;
    let mut lines = signatures(&mut archive)?.unwrap_or_default();
    let signature = key.sign(list(&mut archive)?.as_bytes());
    let _ = writeln!(lines, "{} {}", hex(&key.public_key()), hex(&signature));
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::with_capacity(zip.len() + 1_024)));
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(unreadable)?;
        if entry.name_raw() != SIGNATURES_FILE.as_bytes() {
            writer.raw_copy_file(entry).map_err(unreadable)?;
        }
    }
    let options = SimpleFileOptions::default().unix_permissions(0o644);
    writer.start_file(SIGNATURES_FILE, options).map_err(unreadable)?;
    writer.write_all(lines.as_bytes()).map_err(|_| SignatureError::Unreadable)?;
    Ok(writer.finish().map_err(unreadable)?.into_inner())
}

/// A key as the last part but one of a signing profile's ARN names it.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_plain = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| text.as_bytes().chunks(2).map(digits).collect()).flatten()
}

fn signatures(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<Option<String>, SignatureError> {
    let file = match archive.by_name(SIGNATURES_FILE) {
        Ok(file) => file,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(_) => return Err(SignatureError::Unreadable),
    };
    let limit = (SIGNATURES_MAX * (LINE_BYTES + 1)) as u64;
    let mut text = String::new();
    file.take(limit + 1).read_to_string(&mut text).map_err(|_| SignatureError::Wrong)?;
    if text.len() as u64 > limit { Err(SignatureError::Wrong) } else { Ok(Some(text)) }
}

/// What is signed: every entry but the signatures, in the order of their names.
// SECURITY: name, mode and content are all that unpacking looks at. Lines cannot be confused: a name is written with its length.
fn list(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<String, SignatureError> {
    let mut lines = Vec::with_capacity(archive.len());
    let mut room = PACKAGE_UNZIPPED_BYTES_MAX;
    let mut buffer = vec![0; READ_BYTES];
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(|_| SignatureError::Unreadable)?;
        let name = std::str::from_utf8(file.name_raw()).map_err(|_| SignatureError::Unreadable)?.to_owned();
        if name == SIGNATURES_FILE {
            continue;
        }
        let mode = file.unix_mode().map_or_else(|| "-".to_owned(), |mode| format!("{mode:o}"));
        let mut digest = Sha256::new();
        loop {
            let length = file.read(&mut buffer).map_err(|_| SignatureError::Unreadable)?;
            let piece = buffer.get(..length).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            room = room.checked_sub(length as u64).ok_or(SignatureError::Unreadable)?;
            digest.update(piece);
        }
        lines.push((name, format!("{mode} {}", hex(&digest.finish()))));
    }
    lines.sort();
    Ok(lines.iter().fold(TITLE.to_owned(), |mut list, (name, facts)| {
        let _ = writeln!(list, "{facts} {} {name}", name.len());
        list
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(files: &[(&str, &str, u32)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content, mode) in files {
            writer.start_file(*name, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn signatures_of(zip: &[u8]) -> String {
        let mut text = String::new();
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        archive.by_name(SIGNATURES_FILE).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn signatures_are_of_all_that_a_package_holds() {
        let key = SigningKey::from_seed(&[7; 32]).unwrap();
        let other = SigningKey::from_seed(&[8; 32]).unwrap();
        let files = [("app.py", "pass", 0o644), ("bin/run", "x", 0o755)];
        let plain = package(&files);
        assert_eq!(signers(&plain), Ok(Vec::new()));
        let signed = sign(&plain, &key).unwrap();
        assert_eq!(signers(&signed), Ok(vec![key.public_key()]));
        let twice = sign(&signed, &other).unwrap();
        assert_eq!(signers(&twice), Ok(vec![key.public_key(), other.public_key()]));
        let lines = signatures_of(&signed);
        for changed in [
            vec![("app.py", "evil", 0o644), files[1]],
            vec![("app2.py", "pass", 0o644), files[1]],
            vec![("app.py", "pass", 0o755), files[1]],
            vec![files[0]],
            vec![files[0], files[1], ("more.py", "", 0o644)],
        ] {
            let mut with = changed.clone();
            with.push((SIGNATURES_FILE, &lines, 0o644));
            assert_eq!(signers(&package(&with)), Err(SignatureError::Wrong), "{changed:?}");
        }
        let same = [files[1], files[0], (SIGNATURES_FILE, lines.as_str(), 0o600)];
        assert_eq!(signers(&package(&same)), Ok(vec![key.public_key()]), "order is nothing");
    }

    #[test]
    fn what_is_no_signature_is_wrong() {
        for text in ["x", "00 00", &"0".repeat(10_000), &format!("{} {}", "0".repeat(64), "0".repeat(128))] {
            let zip = package(&[("a", "b", 0o644), (SIGNATURES_FILE, text, 0o644)]);
            assert_eq!(signers(&zip), Err(SignatureError::Wrong), "{text:.20}");
        }
        assert_eq!(signers(b"no zip"), Err(SignatureError::Unreadable));
    }
}
