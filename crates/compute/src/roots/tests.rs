//! Imports of layouts and folders that the test makes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::tarball::tests::entry;
use super::*;

fn blob(folder: &Path, bytes: &[u8]) -> serde_json::Value {
    let digits = crate::hex(&crypto::sha256(bytes));
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    fs::write(folder.join("blobs/sha256").join(&digits), bytes).unwrap();
    json!({"digest": format!("sha256:{digits}"), "size": bytes.len()})
}

fn typed(mut descriptor: serde_json::Value, kind: &str) -> serde_json::Value {
    descriptor["mediaType"] = json!(format!("application/vnd.oci.image.{kind}"));
    descriptor
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A layout of these layers, the second of which is compressed.
fn layout(folder: &Path, layers: &[Vec<u8>]) {
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let config =
        json!({"architecture": ARCHITECTURE, "os": "linux", "config": {"Env": ["PATH=/var/lang/bin:/bin"]}});
    let config = typed(blob(folder, config.to_string().as_bytes()), "config.v1+json");
    let layers: Vec<_> = layers
        .iter()
        .enumerate()
        .map(|(at, layer)| match at {
            1 => typed(blob(folder, &gzip(layer)), "layer.v1.tar+gzip"),
            _ => typed(blob(folder, layer), "layer.v1.tar"),
        })
        .collect();
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
    let manifest = typed(blob(folder, manifest.to_string().as_bytes()), "manifest.v1+json");
    fs::write(folder.join("index.json"), json!({"schemaVersion": 2, "manifests": [manifest]}).to_string())
        .unwrap();
}

fn layers() -> Vec<Vec<u8>> {
    let lower = [
        entry("bin", b'2', 0o777, "usr/bin", b""),
        entry("usr/bin/python3.9", b'0', 0o4755, "", b"#!one"),
        entry("usr/bin/gone", b'0', 0o755, "", b"x"),
        entry("dev/null", b'3', 0o666, "", b""),
    ];
    let upper = [
        entry("usr/bin/.wh.gone", b'0', 0o644, "", b""),
        entry("bin/python3", b'1', 0o755, "usr/bin/python3.9", b""),
        entry("etc/out", b'2', 0o777, "../../../../outside", b""),
        entry("etc/out2/file", b'0', 0o600, "", b"inside"),
    ];
    vec![lower.concat(), upper.concat()]
}

#[test]
fn the_layers_of_a_layout_become_one_root() {
    let (source, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    layout(source.path(), &layers());
    let roots = RuntimeRoots::new(data.path().join("roots"));
    let made = roots.import("python3.9", source.path(), Timestamp::from_secs(1)).unwrap();
    assert_eq!(roots.list(), std::slice::from_ref(&made));
    assert_eq!(made.command.argv[0], "/usr/bin/python3.9");
    assert_eq!(made.command.variables, [("PATH".to_owned(), "/var/lang/bin:/bin".to_owned())]);
    let read = |path: &str| fs::read_to_string(made.root.join(path)).unwrap();
    assert_eq!((read("usr/bin/python3"), read("etc/out2/file")), ("#!one".to_owned(), "inside".to_owned()));
    assert!(!made.root.join("usr/bin/gone").exists() && !made.root.join("dev").exists());
    let mode = |path: &str| fs::metadata(made.root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("usr/bin/python3.9"), mode("etc/out2/file"), mode("usr")), (0o755, 0o644, 0o755));
    assert!(matches!(
        roots.import("python3.9", source.path(), Timestamp::from_secs(1)),
        Err(ImportError::Exists)
    ));
    roots.remove("python3.9").unwrap();
    assert!(roots.list().is_empty() && matches!(roots.remove("python3.9"), Err(ImportError::Unknown)));
    assert_eq!(fs::read_dir(data.path().join("roots")).unwrap().count(), 0);
}

#[test]
fn a_changed_blob_is_refused_and_nothing_stays() {
    for what in ["layer", "manifest"] {
        let (source, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        layout(source.path(), &layers());
        for blob in fs::read_dir(source.path().join("blobs/sha256")).unwrap().flatten() {
            let mut bytes = fs::read(blob.path()).unwrap();
            let is_manifest = bytes.windows(8).any(|part| part == b"\"layers\"");
            if is_manifest == (what == "manifest") {
                *bytes.last_mut().unwrap() ^= 1;
                fs::write(blob.path(), bytes).unwrap();
            }
        }
        let roots = RuntimeRoots::new(data.path());
        let refused = roots.import("python3.9", source.path(), Timestamp::from_secs(1));
        assert!(matches!(refused, Err(ImportError::Layout(_))), "{what} {refused:?}");
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_layout_of_another_machine_or_of_unknown_layers_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let roots = RuntimeRoots::new(data.path());
    for (from, to) in
        [("layer.v1.tar\"", "layer.v1.tar+zstd\""), ("sha256:", "sha512:"), (ARCHITECTURE, "riscv64")]
    {
        let source = tempfile::tempdir().unwrap();
        layout(source.path(), &layers()[..1]);
        // Each document is written again with the digest that it has then.
        let index = fs::read_to_string(source.path().join("index.json")).unwrap();
        let index: serde_json::Value = serde_json::from_str(&index).unwrap();
        let digest = index["manifests"][0]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let path = source.path().join("blobs/sha256").join(digest);
        let mut manifest = fs::read_to_string(path).unwrap();
        if from == ARCHITECTURE {
            let config = json!({"architecture": to});
            let config = blob(source.path(), config.to_string().as_bytes());
            let mut changed: serde_json::Value = serde_json::from_str(&manifest).unwrap();
            changed["config"] = config;
            manifest = changed.to_string();
        } else {
            manifest = manifest.replace(from, to);
        }
        let manifest = typed(blob(source.path(), manifest.as_bytes()), "manifest.v1+json");
        fs::write(source.path().join("index.json"), json!({"manifests": [manifest]}).to_string()).unwrap();
        let refused = roots.import("python3.9", source.path(), Timestamp::from_secs(1));
        assert!(matches!(refused, Err(ImportError::Layout(_))), "{to} {refused:?}");
    }
}

#[test]
fn a_folder_is_copied_with_its_links_as_they_are() {
    let (source, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(source.path().join("usr/local/bin")).unwrap();
    fs::write(source.path().join("usr/local/bin/node"), "#!").unwrap();
    let program = fs::Permissions::from_mode(0o700);
    fs::set_permissions(source.path().join("usr/local/bin/node"), program).unwrap();
    symlink("/etc/shadow", source.path().join("usr/shadow")).unwrap();
    let roots = RuntimeRoots::new(data.path());
    let made = roots.import("nodejs18.x", source.path(), Timestamp::from_secs(1)).unwrap();
    assert_eq!(fs::read_link(made.root.join("usr/shadow")).unwrap(), Path::new("/etc/shadow"));
    assert_eq!((made.entries, made.digest), (5, None));
    for name in ["", "../x", "Python3.9", "a/b", "9x", "a..b", &"a".repeat(33)] {
        assert!(
            matches!(roots.import(name, source.path(), Timestamp::from_secs(1)), Err(ImportError::Name)),
            "{name}"
        );
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        roots.import("ruby3.3", empty.path(), Timestamp::from_secs(1)),
        Err(ImportError::NoRuntime(_))
    ));
}

#[test]
fn no_bytes_and_no_damage_make_reading_panic() {
    use proptest::prelude::*;
    let seed = layers().concat();
    proptest!(|(bytes in proptest::collection::vec(any::<u8>(), 0..600), at in 0..seed.len(), byte in any::<u8>())| {
        fuzz_layer(&bytes);
        let mut damaged = seed.clone();
        damaged[at] = byte;
        fuzz_layer(&damaged);
    });
}
