//! The read-only root of environments: a skeleton in memory with the host's programs bound into it, or an imported root's.
//!
//! One image is made for each root and set of mount points and then cloned for every environment. Holds nothing of any
//! function: packages are bound over it later. Shows no `/sys`, no device but five, no file of the host's `/etc`
//! that says who the host is.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_change, move_mount,
    open_tree,
};
use rustix::thread::UnshareFlags;

use crate::imported;
use crate::spec::Bind;
use crate::sys;

/// Different sets of mount points that one spawner serves: one a runtime, plus room.
const IMAGES_MAX: usize = 64;

/// The character devices a function sees.
const DEVICES: [(&str, u32, u32); 5] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9)];

/// Folders of the host that are bound as they are. Where the host has a link, as after the merge of `/usr`, so do we.
const PROGRAMS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Files of the host's `/etc` that programs need and that name nobody.
const COPIED: [&str; 5] =
    ["ld.so.cache", "ssl/certs/ca-certificates.crt", "ssl/openssl.cnf", "services", "protocols"];

/// Files of `/etc` that are the same in every environment.
const GENERATED: [(&str, &str); 6] = [
    (
        "passwd",
        "root:x:0:0:root:/:/usr/sbin/nologin\nsbx_user1051:x:993:990::/tmp:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    ),
    ("group", "root:x:0:\nsbx_user1051:x:990:\nnogroup:x:65534:\n"),
    ("hosts", "127.0.0.1 localhost sandbox sandbox.localdomain platform.fastness.internal\n::1 localhost\n"),
    ("hostname", "sandbox\n"),
    ("resolv.conf", "# no resolver: the egress proxy resolves\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"),
];

/// What an image is made for: where something will be bound, and whether that is a folder.
type MountPoints = Vec<(PathBuf, bool)>;
/// Whose programs it shows, where they are not the host's own, and its mount points.
type Kind = (Option<PathBuf>, MountPoints);

/// The images of one spawner, mounted in its own mount namespace only.
pub(crate) struct RootImages {
    folder: PathBuf,
    images: HashMap<Kind, PathBuf>,
}

impl RootImages {
    /// Leaves the host's mount namespace and makes room for images at `folder`.
    pub(crate) fn prepare(folder: &Path) -> io::Result<Self> {
        sys::unshare(UnshareFlags::NEWNS)?;
        // Nothing mounted here is seen by the host; what the host unmounts is unmounted here.
        mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
        fs::create_dir_all(folder)?;
        mount("tmpfs", folder, "tmpfs", MountFlags::NOSUID | MountFlags::NOEXEC, c"mode=0700,size=1m")?;
        Ok(Self { folder: folder.to_path_buf(), images: HashMap::new() })
    }

    /// A detached copy of the image that shows the programs of `root`, or else the host's, and has the mount points of `binds`.
    pub(crate) fn clone_for(&mut self, root: Option<&Path>, binds: &[Bind]) -> io::Result<OwnedFd> {
        let mut points: MountPoints = binds
            .iter()
            .map(|bind| Ok((bind.inside.clone(), fs::metadata(&bind.host)?.is_dir())))
            .collect::<io::Result<_>>()?;
        points.sort_unstable();
        points.dedup();
        let kind = (root.map(Path::to_path_buf), points);
        let path = match self.images.get(&kind) {
            Some(path) => path.clone(),
            None => self.build(kind)?,
        };
        clone_tree(&path)
    }

    fn build(&mut self, kind: Kind) -> io::Result<PathBuf> {
        if self.images.len() >= IMAGES_MAX {
            return Err(io::Error::other("64 different sets of mount points are in use already"));
        }
        let path = self.folder.join(self.images.len().to_string());
        fs::create_dir_all(&path)?;
        // Device nodes work here because this is mounted by the host's root; everything bound into it has none.
        mount("tmpfs", &path, "tmpfs", MountFlags::NOSUID, c"mode=0755,size=16m")?;
        furnish(&path, kind.0.as_deref())?;
        for (inside, is_dir) in &kind.1 {
            make_mount_point(&path, inside, *is_dir)?;
        }
        sys::seal_mount(open_tree(CWD, &path, OpenTreeFlags::OPEN_TREE_CLOEXEC)?.as_fd(), true)?;
        self.images.insert(kind, path.clone());
        Ok(path)
    }
}

/// A detached, read-only copy of a host path, ready to be attached.
pub(crate) fn open_bind(host: &Path) -> io::Result<OwnedFd> {
    let tree = clone_tree(host)?;
    sys::seal_mount(tree.as_fd(), false)?;
    Ok(tree)
}

fn clone_tree(path: &Path) -> io::Result<OwnedFd> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn furnish(root: &Path, imported: Option<&Path>) -> io::Result<()> {
    for dir in [
        "dev",
        "etc",
        "etc/ssl/certs",
        "etc/alternatives",
        "opt",
        "proc",
        "run",
        "tmp",
        "var/runtime",
        "var/task",
    ] {
        fs::create_dir_all(root.join(dir))?;
    }
    symlink("../tmp", root.join("var/tmp"))?;
    for (name, content) in GENERATED {
        fs::write(root.join("etc").join(name), content)?;
    }
    if let Some(imported) = imported {
        // There before the root's own, which may be a link: a bind stands for it.
        fs::write(root.join("etc/ssl/certs/ca-certificates.crt"), "")?;
        imported::furnish(root, imported)?;
        return furnish_devices(root);
    }
    for name in PROGRAMS {
        furnish_programs(root, name)?;
    }
    for name in COPIED {
        let host = Path::new("/etc").join(name);
        if host.is_file() {
            fs::copy(host, root.join("etc").join(name))?;
        }
    }
    furnish_alternatives(root)?;
    furnish_devices(root)
}

fn furnish_programs(root: &Path, name: &str) -> io::Result<()> {
    let host = Path::new("/").join(name);
    let Ok(metadata) = fs::symlink_metadata(&host) else { return Ok(()) };
    if metadata.is_symlink() {
        return symlink(fs::read_link(&host)?, root.join(name));
    }
    fs::create_dir(root.join(name))?;
    let tree = open_bind(&host)?;
    attach(&tree, &root.join(name))
}

/// Debian's indirection: `/usr/bin/awk` is a link into here.
fn furnish_alternatives(root: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir("/etc/alternatives") else { return Ok(()) };
    for entry in entries.flatten() {
        if let Ok(target) = fs::read_link(entry.path()) {
            symlink(target, root.join("etc/alternatives").join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn furnish_devices(root: &Path) -> io::Result<()> {
    let dev = root.join("dev");
    for (name, major, minor) in DEVICES {
        furnish_device(&dev.join(name), name, major, minor)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, dev.join(name))?;
    }
    Ok(())
}

fn furnish_device(path: &Path, name: &str, major: u32, minor: u32) -> io::Result<()> {
    let mode = Mode::from_raw_mode(0o666);
    if mknodat(CWD, path, FileType::CharacterDevice, mode, makedev(major, minor)).is_ok() {
        return rustix::fs::chmod(path, mode).map_err(io::Error::from);
    }
    // A host that is itself a container may not make nodes; it has its own.
    let host = Path::new("/dev").join(name);
    if !fs::metadata(&host)?.file_type().is_char_device() {
        return Err(io::Error::other(format!("{} is no device", host.display())));
    }
    fs::write(path, "")?;
    attach(&clone_tree(&host)?, path)
}

pub(crate) fn attach(tree: &OwnedFd, at: &Path) -> io::Result<()> {
    move_mount(tree, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(())
}

/// Makes the place for a bind, unless it lies in what is bound already.
fn make_mount_point(root: &Path, inside: &Path, is_dir: bool) -> io::Result<()> {
    let Ok(relative) = inside.strip_prefix("/") else { return Err(io::ErrorKind::InvalidInput.into()) };
    let path = root.join(relative);
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(());
    }
    if is_dir {
        return fs::create_dir_all(path);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, "")
}
