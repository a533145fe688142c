//! What this machine lets a program do: each question is whether something cannot be had.
//!
//! Where it is not sure, as below a filter or in a user namespace, the answer is that it cannot.
//!
//! # Kernel
//! proc(5), capabilities(7), cgroups(7), `include/uapi/linux/capability.h`.

use std::fs;
use std::path::Path;

const CAP_SETUID: u32 = 7;
const CAP_SYS_ADMIN: u32 = 21;

/// Whether a program may not become another user.
pub fn may_not_change_user() -> bool {
    !is_capable(&status(), CAP_SETUID) || !owns_all_users()
}

/// Whether a program may not make a control group that has `controller`, and enter it.
pub fn has_no_group_of(controller: &str) -> bool {
    let groups = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    // The root of the second version has no such file; below it, a group with processes hands no
    // controller on.
    let is_below = Path::new("/sys/fs/cgroup/cgroup.type").exists();
    !is_capable(&status(), CAP_SYS_ADMIN)
        || !owns_all_users()
        || is_below
        || !is_enabled(&groups, controller)
}

/// Whether a process may have more mappings than a test can make.
pub fn has_mappings_without_end() -> bool {
    const MAPPINGS_MAX: u32 = 200_000;
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim()
        .parse()
        .is_ok_and(|count: u32| count > MAPPINGS_MAX)
}

/// Whether the kernel has no seccomp filters.
pub fn has_no_filters() -> bool {
    !Path::new("/proc/sys/kernel/seccomp/actions_avail").exists()
}

/// Whether a program may not trace its own child.
pub fn may_not_trace() -> bool {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let status = status();
    let is_free = |name| value(&status, name).is_none_or(|value| value == "0");
    // 2 leaves it to who is privileged, 3 to nobody.
    !is_free("TracerPid") || !is_free("Seccomp") || ["2", "3"].contains(&scope.trim())
}

fn status() -> String {
    fs::read_to_string("/proc/self/status").unwrap_or_default()
}

/// Whether this user namespace is the first one, or as large.
fn owns_all_users() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Returns a line of `/proc/self/status` without its name.
fn value<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = status.lines();
    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

/// Whether the process has a capability, and no filter that might refuse what it is for.
fn is_capable(status: &str, capability: u32) -> bool {
    let set = value(status, "CapEff").and_then(|set| u64::from_str_radix(set, 16).ok());
    let is_unfiltered = value(status, "Seccomp").is_none_or(|mode| mode == "0");
    set.is_some_and(|set| set >> capability & 1 == 1) && is_unfiltered
}

/// Whether `/proc/cgroups` says that the kernel has a controller and uses it.
fn is_enabled(groups: &str, controller: &str) -> bool {
    groups.lines().any(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        matches!(words[..], [name, _, _, "1"] if name == controller)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_a_bit_and_a_filter_takes_it_away() {
        let status =
            |set: &str, mode: &str| format!("Name:\ta\nCapEff:\t{set}\nSeccomp:\t{mode}\n");
        assert!(is_capable(&status("0000000000000080", "0"), CAP_SETUID));
        assert!(!is_capable(&status("0000000000000080", "0"), CAP_SYS_ADMIN));
        assert!(!is_capable(&status("000001ffffffffff", "2"), CAP_SYS_ADMIN));
        assert!(!is_capable("", CAP_SETUID));
    }

    #[test]
    fn a_controller_is_there_if_it_is_enabled() {
        let groups = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
                      memory\t4\t43\t0\npids\t8\t1\t1\n";
        assert!(is_enabled(groups, "pids"));
        assert!(!is_enabled(groups, "memory"));
        assert!(!is_enabled(groups, "pid"));
    }
}
