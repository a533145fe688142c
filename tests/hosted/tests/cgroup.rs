//! The CPU quota, found among files that are written down here as the kernel shows them.

use std::cell::RefCell;
use std::collections::HashMap;

use threadbare::seam::cgroup::cpu_limit;

/// Files by their paths, and which of them were opened.
#[derive(Default)]
struct Files {
    texts: HashMap<String, String>,
    opened: RefCell<Vec<String>>,
}

const GROUP: &str = "/proc/self/cgroup";
const MOUNTS: &str = "/proc/self/mountinfo";

impl Files {
    fn new(files: &[(&str, &str)]) -> Files {
        let own = |(path, text): &(&str, &str)| (path.to_string(), text.to_string());
        Files {
            texts: files.iter().map(own).collect(),
            ..Files::default()
        }
    }

    fn limit(&self) -> Option<usize> {
        let open = |path: &core::ffi::CStr| {
            let path = path.to_str().unwrap().to_owned();
            let text = self.texts.get(&path).map(|text| text.as_bytes());
            self.opened.borrow_mut().push(path);
            text
        };
        cpu_limit(&open).map(usize::from)
    }
}

fn limit(files: &[(&str, &str)]) -> Option<usize> {
    Files::new(files).limit()
}

/// A file of `cgroup.controllers` marks a directory of version 2.
fn controllers(directory: &str) -> (String, String) {
    (format!("{directory}/cgroup.controllers"), "cpu io\n".into())
}

/// Version 2 at its usual place: a process in `/a/b`, with these contents of `cpu.max` from the
/// group up to the root.
fn second(quotas: [Option<&str>; 3]) -> Option<usize> {
    let mut files = Files::new(&[(GROUP, "0::/a/b\n")]);
    for (directory, quota) in ["/a/b", "/a", ""].into_iter().zip(quotas) {
        let directory = format!("/sys/fs/cgroup{directory}");
        files.texts.extend([controllers(&directory)]);
        if let Some(quota) = quota {
            let path = format!("{directory}/cpu.max");
            files.texts.insert(path, format!("{quota}\n"));
        }
    }
    files.limit()
}

#[test]
fn no_files_are_no_limit() {
    assert_eq!(limit(&[]), None);
    assert_eq!(limit(&[(GROUP, "")]), None);
    assert_eq!(limit(&[(GROUP, "0::/a\n")]), None);
}

#[test]
fn quota_is_rounded_down_to_at_least_one() {
    let cpus = |quota| second([Some(quota), None, None]);
    assert_eq!(cpus("200000 100000"), Some(2));
    assert_eq!(cpus("299999 100000"), Some(2));
    assert_eq!(cpus("1000 100000"), Some(1));
    assert_eq!(cpus("0 100000"), Some(1));
    assert_eq!(cpus("max 100000"), None);
    assert_eq!(cpus("18446744073709551615 1"), Some(usize::MAX));
}

#[test]
fn what_is_no_quota_is_no_limit() {
    for text in [
        "",
        "200000",
        "200000 0",
        "a b",
        "-1 100000",
        "\u{e9}",
        " ",
        "200000  100000",
    ] {
        assert_eq!(second([Some(text), None, None]), None, "{text}");
    }
}

#[test]
fn lowest_quota_on_the_way_up_holds() {
    let (two, four, none) = (Some("20 10"), Some("40 10"), Some("max 10"));
    assert_eq!(second([four, two, None]), Some(2));
    assert_eq!(second([two, four, None]), Some(2));
    assert_eq!(second([None, none, two]), Some(2));
    assert_eq!(second([none, None, four]), Some(4));
    assert_eq!(second([Some("nonsense"), four, None]), Some(4));
}

#[test]
fn root_group_is_looked_at_once() {
    let files = Files::new(&[
        (GROUP, "0::/\n"),
        ("/sys/fs/cgroup/cgroup.controllers", ""),
        ("/sys/fs/cgroup/cpu.max", "30 10\n"),
    ]);
    assert_eq!(files.limit(), Some(3));
    assert_eq!(
        *files.opened.borrow(),
        [
            GROUP,
            "/sys/fs/cgroup/cgroup.controllers",
            "/sys/fs/cgroup/cpu.max"
        ]
    );
}

const FIRST_GROUPS: &str = "12:pids:/p\n4:cpu,cpuacct:/a/b\n1:name=systemd:/s\n0::/other\n";

/// Version 1, whose hierarchy is at `mount`.
fn first(mount: &str, quotas: &[(&str, &str, &str)]) -> Files {
    let mut files = Files::new(&[(GROUP, FIRST_GROUPS)]);
    for (directory, quota, period) in quotas {
        for (name, value) in [("quota", quota), ("period", period)] {
            let path = format!("{mount}{directory}/cpu.cfs_{name}_us");
            files.texts.insert(path, format!("{value}\n"));
        }
    }
    files
}

#[test]
fn version_1_is_found_at_both_usual_places() {
    for mount in ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"] {
        let limit = |quotas: &[_]| first(mount, quotas).limit();
        let top = ("", "-1", "100000");
        assert_eq!(limit(&[("/a/b", "-1", "100000"), top]), None);
        let own = ("/a/b", "250000", "100000");
        assert_eq!(limit(&[own, ("/a", "-1", "100000"), top]), Some(2));
        assert_eq!(limit(&[own, ("/a", "100000", "100000"), top]), Some(1));
        assert_eq!(limit(&[own, ("/a", "100000", "0"), top]), Some(2));
    }
}

/// Wherever its line is.
#[test]
fn version_1_counts_before_version_2() {
    let one = [("/a/b", "30", "10")];
    let two = ["/sys/fs/cgroup/other", "/sys/fs/cgroup"];
    for groups in [FIRST_GROUPS, "0::/other\n4:cpuacct,cpu:/a/b\n"] {
        let mut files = first("/sys/fs/cgroup/cpu", &one);
        files.texts.insert(GROUP.into(), groups.into());
        files.texts.extend(two.map(controllers));
        let quota = ("/sys/fs/cgroup/other/cpu.max".into(), "10 10\n".into());
        files.texts.extend([quota]);
        assert_eq!(files.limit(), Some(3));
    }
}

/// As where `systemd` has both: the controller `cpuset` is not `cpu`.
#[test]
fn version_2_counts_where_version_1_has_not_the_controller() {
    let groups = "5:cpuset:/x\n4:cpuacct:/y\n0::/a\n";
    let marked = controllers("/sys/fs/cgroup/a");
    let files = [
        (GROUP, groups),
        (&marked.0, ""),
        ("/sys/fs/cgroup/a/cpu.max", "50 10\n"),
    ];
    assert_eq!(limit(&files), Some(5));
}

const OTHER_MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw\n\
31 23 0:28 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs rw,mode=755\n\
33 31 0:30 / /cg/set rw - cgroup cgroup rw,cpuset\n";

#[test]
fn other_mount_points_are_found_in_the_list() {
    let one = "32 31 0:29 / /cg/one rw,relatime shared:10 master:3 - cgroup none rw,cpuacct,cpu\n";
    let mut files = first("/cg/one", &[("/a/b", "70", "10"), ("", "-1", "10")]);
    let mounts = format!("{OTHER_MOUNTS}{one}");
    files.texts.insert(MOUNTS.into(), mounts);
    assert_eq!(files.limit(), Some(7));

    let two = "41 31 0:38 / /cg/two rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    let mounts = format!("{OTHER_MOUNTS}{two}");
    let files = [
        (GROUP, "0::/a\n"),
        (MOUNTS, &mounts),
        ("/cg/two/a/cpu.max", "80 10\n"),
    ];
    assert_eq!(limit(&files), Some(8));
}

/// As in a container that has no namespace for cgroups: part of the hierarchy is mounted at the
/// usual place, and the path of the group is from the true root.
#[test]
fn group_below_a_mounted_part_is_found() {
    let with = |group: &str, root: &str, file: &str| {
        let mounts = format!("41 31 0:38 {root} /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
        let group = format!("0::{group}\n");
        limit(&[
            (GROUP, &group),
            (MOUNTS, &mounts),
            (&format!("/sys/fs/cgroup{file}"), "60 10\n"),
        ])
    };
    assert_eq!(with("/docker/abc", "/docker/abc", "/cpu.max"), Some(6));
    assert_eq!(with("/docker/abc/x", "/docker/abc", "/x/cpu.max"), Some(6));
    assert_eq!(with("/docker/abc/x", "/docker/abc", "/cpu.max"), Some(6));
    // Another group with the same beginning.
    assert_eq!(with("/docker/abcd", "/docker/abc", "/cpu.max"), None);
    assert_eq!(with("/docker", "/docker/abc", "/cpu.max"), None);
}

#[test]
fn escapes_in_the_list_of_mounts_are_taken_back() {
    let mounts = "41 31 0:38 /x\\134x2d\\040y /my\\040groups rw - cgroup2 none rw\n";
    let files = [
        (GROUP, "0::/x\\x2d y/z\n"),
        (MOUNTS, mounts),
        ("/my groups/z/cpu.max", "90 10\n"),
    ];
    assert_eq!(limit(&files), Some(9));
}

/// Such a path would lead out of the mount.
#[test]
fn group_outside_of_the_namespace_has_no_limit() {
    let files = [
        (GROUP, "0::/../a\n"),
        ("/sys/fs/cgroup/../a/cgroup.controllers", ""),
        ("/sys/fs/cgroup/../a/cpu.max", "10 10\n"),
    ];
    assert_eq!(limit(&files), None);
    // It is no reason not to look at names with two dots in them.
    let files = [
        (GROUP, "0::/..a\n"),
        ("/sys/fs/cgroup/..a/cgroup.controllers", ""),
        ("/sys/fs/cgroup/..a/cpu.max", "10 10\n"),
    ];
    assert_eq!(limit(&files), Some(1));
}

/// Lists of mounts have lines of any length; the end of one must not pass for another.
#[test]
fn long_lines_are_left_out() {
    let right = "41 31 0:38 / /cg rw - cgroup2 none rw\n";
    for bytes in 900..3200 {
        let long = "x".repeat(bytes);
        let wrong = "41 31 0:38 / /wrong rw - cgroup2 none rw";
        let mounts = format!("27 1 0:1 / / rw - overlay o lowerdir={long} {wrong}\n{right}");
        let files = [
            (GROUP, "0::/\n"),
            (MOUNTS, &mounts),
            ("/cg/cpu.max", "20 10\n"),
        ];
        assert_eq!(limit(&files), Some(2), "{bytes}");
    }
}

#[test]
fn long_paths_have_no_limit() {
    for bytes in [100, 900, 989, 990, 1000, 1010, 1015, 1020, 1024, 1030, 5000] {
        let group = format!("/{}", "g".repeat(bytes));
        let directory = format!("/sys/fs/cgroup{group}");
        let files = [
            (GROUP, &*format!("0::{group}\n")),
            (&*format!("{directory}/cgroup.controllers"), ""),
            (&*format!("{directory}/cpu.max"), "20 10\n"),
        ];
        let found = limit(&files);
        // The mount point, the file's name and a NUL need room, too.
        let has_room = 14 + 1 + bytes + "/cgroup.controllers".len() < 1024;
        assert_eq!(found, has_room.then_some(2), "{bytes}");
    }
}

#[test]
fn last_line_needs_no_end() {
    let files = [
        (GROUP, "0::/a"),
        ("/sys/fs/cgroup/a/cgroup.controllers", ""),
        ("/sys/fs/cgroup/a/cpu.max", "40 10"),
    ];
    assert_eq!(limit(&files), Some(4));
}

/// Whatever bytes the files have, the answer is an answer.
#[test]
fn nonsense_is_survived() {
    let pieces = [
        "0::/", ":", "/", "\n", "cpu", "4:cpu:/a", "a", " ", "-", "cgroup2", "\\04", "\\134", "rw",
        "100", "\0", "..", ",",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut text = |pieces: &[&str], count: u64| {
        let mut text = String::new();
        for _ in 0..count {
            // Marsaglia, "Xorshift RNGs".
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text += pieces[(state >> 11) as usize % pieces.len()];
        }
        text
    };
    for round in 0..20_000 {
        let (groups, mounts) = (text(&pieces, round % 20), text(&pieces, round % 300));
        let quota = text(&pieces, round % 5);
        let files = [
            (GROUP, &*groups),
            (MOUNTS, &*mounts),
            ("/sys/fs/cgroup/cgroup.controllers", ""),
            ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &*quota),
            ("/sys/fs/cgroup/cpu.max", &*quota),
        ];
        let _ = limit(&files);
    }
}
