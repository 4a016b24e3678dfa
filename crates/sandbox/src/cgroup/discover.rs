//! Finds where the cgroup hierarchies are mounted and which of their folders may be used.
//!
//! Reads `/proc/self/mountinfo` and `/proc/self/cgroup`; makes nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Version;

/// A folder of a hierarchy under which groups can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hierarchy {
    pub(super) version: Version,
    pub(super) base: PathBuf,
}

/// Who does what on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hierarchies {
    pub(super) memory: Option<Hierarchy>,
    pub(super) cpu: Option<Hierarchy>,
    pub(super) pids: Option<Hierarchy>,
    pub(super) freezer: Option<Hierarchy>,
}

/// Looks at the running system.
pub(super) fn discover() -> io::Result<Hierarchies> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let own = fs::read_to_string("/proc/self/cgroup")?;
    let controllers = |base: &Path| fs::read_to_string(base.join("cgroup.controllers")).unwrap_or_default();
    Ok(assign(&mounts, &own, &controllers))
}

struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

/// `36 31 0:30 /root /mount/point rw,relatime shared:1 - cgroup cgroup rw,memory`
fn parse_mount(line: &str) -> Option<Mount<'_>> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, point) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let kind = right.next()?;
    Some(Mount { root, point, kind, options: right.nth(1)? })
}

/// The folder of this process in the hierarchy of `mount`, as `/proc/self/cgroup` tells it.
fn own_folder(mount: &Mount<'_>, own: &str, controller: &str) -> PathBuf {
    let point = PathBuf::from(mount.point);
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let names = parts.next()?;
        if names.split(',').any(|name| name == controller) { parts.next() } else { None }
    });
    let below = path.and_then(|path| Path::new(path).strip_prefix(mount.root).ok().map(Path::to_path_buf));
    below.map_or_else(|| point.clone(), |below| point.join(below))
}

fn assign(mounts: &str, own: &str, controllers: &dyn Fn(&Path) -> String) -> Hierarchies {
    let mut found = Hierarchies::default();
    for mount in mounts.lines().filter_map(parse_mount) {
        match mount.kind {
            "cgroup2" => assign_v2(&mut found, &mount, controllers),
            "cgroup" => assign_v1(&mut found, &mount, own),
            _ => {}
        }
    }
    found
}

fn assign_v2(found: &mut Hierarchies, mount: &Mount<'_>, controllers: &dyn Fn(&Path) -> String) {
    // The top of what is visible: processes may not live in a cgroup that hands controllers down, so the folder
    // this process is in cannot be used.
    let base = PathBuf::from(mount.point);
    let offered = controllers(&base);
    let offers = |name: &str| offered.split_whitespace().any(|offer| offer == name);
    let hierarchy = || Some(Hierarchy { version: Version::V2, base: base.clone() });
    for (name, place) in [("memory", &mut found.memory), ("cpu", &mut found.cpu), ("pids", &mut found.pids)] {
        if offers(name) {
            *place = hierarchy();
        }
    }
    if found.freezer.is_none() {
        found.freezer = hierarchy();
    }
}

fn assign_v1(found: &mut Hierarchies, mount: &Mount<'_>, own: &str) {
    let places = [("memory", &mut found.memory), ("cpu", &mut found.cpu), ("pids", &mut found.pids)];
    for (name, place) in places {
        if place.is_none() && mount.options.split(',').any(|option| option == name) {
            *place = Some(Hierarchy { version: Version::V1, base: own_folder(mount, own, name) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:4 - cgroup cgroup rw,memory\n\
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
        22 27 0:21 / /proc rw,relatime - proc proc rw\n";
    const V2: &str = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    fn at(version: Version, base: &str) -> Option<Hierarchy> {
        Some(Hierarchy { version, base: base.into() })
    }

    #[test]
    fn version_1_is_used_below_the_own_cgroup_and_the_freezer_of_version_2() {
        let own = "4:memory:/jobs/a\n8:pids:/\n1:cpu,cpuacct:/\n0::/\n";
        let found = assign(V1, own, &|_| "hugetlb".to_owned());
        assert_eq!(found.memory, at(Version::V1, "/sys/fs/cgroup/memory/jobs/a"));
        assert_eq!(found.cpu, at(Version::V1, "/sys/fs/cgroup/cpu"));
        assert_eq!(found.pids, at(Version::V1, "/sys/fs/cgroup/pids"));
        assert_eq!(found.freezer, at(Version::V2, "/sys/fs/cgroup/unified"));
    }

    #[test]
    fn version_2_wins_where_it_has_the_controllers() {
        let found = assign(V2, "0::/user.slice\n", &|_| "cpuset cpu io memory pids".to_owned());
        for place in [found.memory, found.cpu, found.pids, found.freezer] {
            assert_eq!(place, at(Version::V2, "/sys/fs/cgroup"));
        }
    }

    #[test]
    fn a_container_sees_its_own_folder_at_the_mount_point() {
        let mounts = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let found = assign(mounts, "4:memory:/docker/abc\n", &|_| String::new());
        assert_eq!(found.memory, at(Version::V1, "/sys/fs/cgroup/memory"));
    }

    #[test]
    fn nothing_mounted_is_nothing_found() {
        assert_eq!(assign("nonsense\n", "", &|_| String::new()), Hierarchies::default());
    }
}
