//! What a root file system is made of, worked out from its layers before a byte of it is written.
//!
//! Links are followed here, in names alone, with the root as their end: none is ever followed on the host, and what is written
//! is written before any link is made.

use std::collections::BTreeMap;

use super::ImportError;
use super::tarball::{Entry, Kind, printable};

/// The deepest entry.
const DEPTH_MAX: usize = 64;
/// The longest path of an entry.
const PATH_BYTES_MAX: usize = 4_096;
/// Links that one path may lead over.
const LINKS_MAX: usize = 40;
/// The most entries of a root.
pub(super) const ENTRIES_MAX: usize = 400_000;
/// The most bytes of a root: 4 GiB.
pub(super) const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// The entry of a layer that a file's content comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Source {
    pub(super) layer: usize,
    pub(super) entry: usize,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File { source: Source, is_executable: bool, bytes: u64 },
    Link(String),
}

/// A root file system, by paths without a leading slash.
#[derive(Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
    bytes: u64,
}

impl Tree {
    /// Puts a layer over what is there.
    pub(super) fn add_layer(&mut self, layer: usize, entries: &[Entry]) -> Result<(), ImportError> {
        // What a layer takes away is what lower layers brought, wherever it says so.
        for entry in entries {
            let (folder, name) = split(&entry.path)?;
            if name == OPAQUE {
                let folder = self.resolve_folder(&folder)?;
                self.remove_below(&folder);
            } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                if matches!(hidden, "" | "." | "..") {
                    return Err(ImportError::Path(printable(&entry.path)));
                }
                let path = join(&self.resolve_folder(&folder)?, hidden);
                self.remove(&path);
            }
        }
        for (at, entry) in entries.iter().enumerate() {
            let (folder, name) = split(&entry.path)?;
            if !name.starts_with(WHITEOUT) {
                self.add(&folder, &name, entry, Source { layer, entry: at })?;
            }
        }
        Ok(())
    }

    fn add(&mut self, folder: &str, name: &str, entry: &Entry, source: Source) -> Result<(), ImportError> {
        if name.is_empty() {
            return Ok(());
        }
        let folder = self.resolve_folder(folder)?;
        self.make_folders(&folder)?;
        let path = join(&folder, name);
        let node = match &entry.kind {
            Kind::Folder => {
                // A folder over a link to one is that one; over anything else it takes its place.
                let leads_to_folder = matches!(self.nodes.get(&path), Some(Node::Link(_)))
                    && self.find(&path).is_some_and(|(_, node)| *node == Node::Folder);
                if leads_to_folder || self.nodes.get(&path) == Some(&Node::Folder) {
                    return Ok(());
                }
                Node::Folder
            }
            Kind::File => Node::File { source, is_executable: entry.is_executable, bytes: entry.bytes },
            Kind::Link(target) if !target.is_empty() && target.len() <= PATH_BYTES_MAX => {
                Node::Link(target.clone())
            }
            Kind::Link(_) => return Err(ImportError::Path(printable(&entry.path))),
            Kind::Special => return Err(ImportError::Special(printable(&entry.path))),
            Kind::HardLink(target) => {
                let (target_folder, target_name) = split(target)?;
                let target = join(&self.resolve_folder(&target_folder)?, &target_name);
                match self.nodes.get(&target) {
                    Some(node @ (Node::File { .. } | Node::Link(_))) => node.clone(),
                    _ => return Err(ImportError::Path(printable(&entry.path))),
                }
            }
        };
        self.remove(&path);
        self.put(path, node)
    }

    fn put(&mut self, path: String, node: Node) -> Result<(), ImportError> {
        if let Node::File { bytes, .. } = node {
            self.bytes = self.bytes.saturating_add(bytes);
        }
        self.nodes.insert(path, node);
        if self.nodes.len() > ENTRIES_MAX || self.bytes > BYTES_MAX {
            return Err(ImportError::TooLarge);
        }
        Ok(())
    }

    fn make_folders(&mut self, folder: &str) -> Result<(), ImportError> {
        let mut path = String::new();
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            path = join(&path, part);
            match self.nodes.get(&path) {
                Some(Node::Folder) => {}
                Some(_) => return Err(ImportError::Path(printable(folder))),
                None => self.put(path.clone(), Node::Folder)?,
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.remove_below(path);
        if let Some(Node::File { bytes, .. }) = self.nodes.remove(path) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    fn remove_below(&mut self, folder: &str) {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below: Vec<String> = self
            .nodes
            .range(prefix.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        for path in below {
            if let Some(Node::File { bytes, .. }) = self.nodes.remove(&path) {
                self.bytes = self.bytes.saturating_sub(bytes);
            }
        }
    }

    /// A folder's path with all links on the way followed, whether or not it is there.
    fn resolve_folder(&self, folder: &str) -> Result<String, ImportError> {
        self.resolve(folder).ok_or_else(|| ImportError::Path(printable(folder)))
    }

    /// A path with all links followed, itself included; nothing where they lead in circles. `..` stops at the root.
    fn resolve(&self, path: &str) -> Option<String> {
        let mut left: Vec<String> = parts(path);
        let mut done: Vec<String> = Vec::new();
        let mut followed = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                done.pop();
                continue;
            }
            done.push(part);
            if let Some(Node::Link(target)) = self.nodes.get(&done.join("/")) {
                followed += 1;
                if followed > LINKS_MAX {
                    return None;
                }
                done.pop();
                if target.starts_with('/') {
                    done.clear();
                }
                left.extend(parts(target));
            }
            if done.len() + left.len() > DEPTH_MAX * 2 {
                return None;
            }
        }
        Some(done.join("/"))
    }

    /// What a path leads to, and where that stands.
    pub(super) fn find(&self, path: &str) -> Option<(String, &Node)> {
        let path = self.resolve(path)?;
        let node = self.nodes.get(&path)?;
        Some((path, node))
    }

    /// True where a path leads to a program.
    pub(super) fn is_program(&self, path: &str) -> bool {
        matches!(self.find(path), Some((_, Node::File { is_executable: true, .. })))
    }

    /// Everything, folders before what is in them.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }
}

/// The parts of a path, the last one first.
fn parts(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// An entry's folder and name. `..` is refused: no honest layer has it.
fn split(path: &str) -> Result<(String, String), ImportError> {
    let mut parts = parts(path);
    let allowed = path.len() <= PATH_BYTES_MAX
        && parts.len() <= DEPTH_MAX
        && parts.iter().all(|part| part != ".." && part.len() <= 255 && !part.chars().any(char::is_control));
    if !allowed {
        return Err(ImportError::Path(printable(path)));
    }
    parts.reverse();
    let name = parts.pop().unwrap_or_default();
    Ok((parts.join("/"), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Entry {
        Entry { path: path.into(), kind: Kind::File, is_executable: true, bytes: 10 }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry { path: path.into(), kind: Kind::Link(target.into()), is_executable: false, bytes: 0 }
    }

    fn folder(path: &str) -> Entry {
        Entry { path: path.into(), kind: Kind::Folder, is_executable: false, bytes: 0 }
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.nodes().map(|(path, _)| path).collect()
    }

    #[test]
    fn upper_layers_hide_and_replace() {
        let mut tree = Tree::default();
        tree.add_layer(0, &[file("./a/one"), file("a/two"), file("b/three"), folder("c/")]).unwrap();
        tree.add_layer(1, &[file("a/.wh.one"), file("b/.wh..wh..opq"), file("b/four"), file("c")]).unwrap();
        assert_eq!(paths(&tree), ["a", "a/two", "b", "b/four", "c"]);
        assert_eq!(tree.bytes(), 30);
        assert!(tree.is_program("/c") && !tree.is_program("/a"));
    }

    #[test]
    fn links_are_followed_within_the_root() {
        let mut tree = Tree::default();
        tree.add_layer(0, &[link("lib", "/usr/lib"), file("usr/lib/x"), link("out", "../../../etc")])
            .unwrap();
        tree.add_layer(1, &[file("lib/y"), file("out/passwd"), folder("lib/"), link("usr/bin", "nowhere")])
            .unwrap();
        assert_eq!(
            paths(&tree),
            ["etc", "etc/passwd", "lib", "out", "usr", "usr/bin", "usr/lib", "usr/lib/x", "usr/lib/y"]
        );
        assert!(tree.is_program("lib/y") && !tree.is_program("usr/bin/y"));
        let circle = [link("a", "b"), link("b", "a"), file("a/x")];
        assert!(matches!(Tree::default().add_layer(0, &circle), Err(ImportError::Path(_))));
    }

    #[test]
    fn a_hard_link_is_its_file_wherever_that_stood() {
        let mut tree = Tree::default();
        let hard = |path: &str, target: &str| Entry { kind: Kind::HardLink(target.into()), ..file(path) };
        tree.add_layer(0, &[file("usr/bin/python3.9"), hard("usr/bin/python3", "usr/bin/python3.9")])
            .unwrap();
        let first = tree.find("usr/bin/python3").unwrap().1.clone();
        assert_eq!(first, *tree.find("usr/bin/python3.9").unwrap().1);
        assert!(tree.add_layer(1, &[hard("x", "etc/shadow")]).is_err());
        assert!(tree.add_layer(1, &[hard("x", "../../etc/shadow")]).is_err());
    }

    #[test]
    fn names_that_no_honest_layer_has_are_refused() {
        for path in
            ["../x", "a/../../x", "a/.wh.", ".wh...", ".wh..", "a\nb", &"a/".repeat(65), &"a".repeat(256)]
        {
            assert!(Tree::default().add_layer(0, &[file(path)]).is_err(), "{path}");
        }
        let device = Entry { kind: Kind::Special, ..file("x/null") };
        assert!(matches!(Tree::default().add_layer(0, &[device]), Err(ImportError::Special(_))));
        let many = Entry { bytes: BYTES_MAX, ..file("large") };
        assert!(matches!(
            Tree::default().add_layer(0, &[many, file("one-more")]),
            Err(ImportError::TooLarge)
        ));
    }
}
