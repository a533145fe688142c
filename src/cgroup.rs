//! How many CPUs' worth of time the process's cgroup has: files as the kernel shows them in, a
//! number out.
//!
//! Whoever calls opens the files, and nothing else is touched. Whatever is missing, in disorder, or
//! longer than the buffers here means that there is no limit.
//!
//! A quota of any group above the process's own holds, too. Where both versions of cgroups are in
//! use, version 1 counts if it has the CPU controller: a controller is in one hierarchy only.
//!
//! Sources: cgroups(7), proc_pid_cgroup(5), proc_pid_mountinfo(5), the kernel's
//! `Documentation/admin-guide/cgroup-v2.rst` and `Documentation/scheduler/sched-bwc.rst`.

use core::ffi::CStr;
use core::iter;
use core::num::NonZeroUsize;

use embedded_io::Read;

/// The longest line that is looked at: a group's name, and what is around it.
const LINE_BYTES_MAX: usize = 1024;
/// The longest path, with its NUL.
const PATH_BYTES_MAX: usize = 1024;

/// Opens a file, if there is one.
type Open<'a, R> = &'a dyn Fn(&CStr) -> Option<R>;

/// Finds the lowest quota that the calling process is under, as the number of CPUs that it pays
/// for, rounded down, and at least one; `None` where there is no limit.
pub fn cpu_limit<R: Read>(open: Open<'_, R>) -> Option<NonZeroUsize> {
    // Two paths and one line are all that is on the stack at a time: it may be a small one.
    let (mut group, mut place) = (Path::new(), Place::new());
    let version = find_group(open, &mut group)?;
    let is_found = find_usual_place(open, version, group.as_bytes(), &mut place)
        || find_mounted_place(open, version, group.as_bytes(), &mut place);
    if !is_found {
        return None;
    }
    let mut lowest = None;
    loop {
        if let Some(quota) = version.quota(open, &mut place.directory) {
            lowest = Some(lowest.map_or(quota, |lowest: u64| lowest.min(quota)));
        }
        if !place.go_up() {
            break;
        }
    }
    let cpus = usize::try_from(lowest?).unwrap_or(usize::MAX);
    Some(NonZeroUsize::new(cpus).unwrap_or(NonZeroUsize::MIN))
}

/// The two interfaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// A hierarchy for each controller, or a few.
    One,
    /// One hierarchy for all.
    Two,
}

impl Version {
    /// Where a hierarchy that may have the CPU controller is mounted by custom.
    const fn usual_mounts(self) -> &'static [&'static [u8]] {
        match self {
            Version::One => &[b"/sys/fs/cgroup/cpu", b"/sys/fs/cgroup/cpu,cpuacct"],
            Version::Two => &[b"/sys/fs/cgroup"],
        }
    }

    /// A file that every directory of such a hierarchy has.
    const fn mark(self) -> &'static [u8] {
        match self {
            Version::One => b"/cpu.cfs_quota_us",
            Version::Two => b"/cgroup.controllers",
        }
    }

    /// Reads the quota in a directory.
    fn quota<R: Read>(self, open: Open<'_, R>, directory: &mut Path) -> Option<u64> {
        let mut read = |name: &[u8], parse: fn(&[u8]) -> Option<u64>| {
            directory.with(name, |path| first_line(open, path, parse))?
        };
        match self {
            Version::One => {
                // Without a limit it is −1, which is no number here.
                let quota_us = read(b"/cpu.cfs_quota_us", number)?;
                quota_us.checked_div(read(b"/cpu.cfs_period_us", number)?)
            }
            // `QUOTA PERIOD`, in microseconds. Without a limit the first is `max`.
            Version::Two => read(b"/cpu.max", |line| {
                let mut words = line.split(|&byte| byte == b' ');
                let quota_us = number(words.next()?)?;
                quota_us.checked_div(number(words.next()?)?)
            }),
        }
    }
}

/// Finds the process's group: the version, and the path from the hierarchy's root, which is empty.
fn find_group<R: Read>(open: Open<'_, R>, path: &mut Path) -> Option<Version> {
    let mut found = None;
    each_line(open, c"/proc/self/cgroup", &mut |line| {
        if let Some((version, group)) = group_of(line)
            && (found.is_none() || version == Version::One)
        {
            path.truncate(0);
            found = path.push(group.iter().copied()).map(|()| version);
            return version == Version::Two;
        }
        true
    });
    found
}

/// Reads a line `NUMBER:CONTROLLER,…:/GROUP`.
fn group_of(line: &[u8]) -> Option<(Version, &[u8])> {
    let mut fields = line.splitn(3, |&byte| byte == b':').skip(1);
    let version = match fields.next()? {
        b"" => Version::Two,
        controllers if has_word(controllers, b"cpu") => Version::One,
        _ => return None,
    };
    let group = fields.next()?;
    // What is outside of the process's namespace has such a path, and cannot be reached by it.
    let is_outside = group.split(|&byte| byte == b'/').any(|name| name == b"..");
    (group.starts_with(b"/") && !is_outside).then_some((version, without_end_slash(group)))
}

/// A group's directory.
struct Place {
    directory: Path,
    /// How much of the path leads to the topmost directory.
    mount_bytes: usize,
}

impl Place {
    fn new() -> Place {
        Place {
            directory: Path::new(),
            mount_bytes: 0,
        }
    }

    /// Makes it the directory of `group`, below a mount point; `None` if there is not enough room.
    fn set(&mut self, mount: impl Iterator<Item = u8>, group: &[u8]) -> Option<()> {
        self.directory.truncate(0);
        self.directory.push(mount)?;
        self.mount_bytes = self.directory.len;
        self.directory.push(group.iter().copied())
    }

    /// Leaves the group for the one above it, if there is one to be seen.
    fn go_up(&mut self) -> bool {
        let group = &self.directory.bytes[self.mount_bytes..self.directory.len];
        match group.iter().rposition(|&byte| byte == b'/') {
            Some(at) => {
                self.directory.truncate(self.mount_bytes + at);
                true
            }
            None => false,
        }
    }
}

/// Looks for the group where hierarchies are mounted by custom: where there are many mounts,
/// reading their list takes long.
fn find_usual_place<R: Read>(
    open: Open<'_, R>,
    version: Version,
    group: &[u8],
    place: &mut Place,
) -> bool {
    version.usual_mounts().iter().any(|mount| {
        let is_set = place.set(mount.iter().copied(), group).is_some();
        let is_marked = |path: &CStr| open(path).is_some();
        is_set && place.directory.with(version.mark(), is_marked) == Some(true)
    })
}

/// Looks for the group in the list of mounts.
fn find_mounted_place<R: Read>(
    open: Open<'_, R>,
    version: Version,
    group: &[u8],
    place: &mut Place,
) -> bool {
    let mut is_found = false;
    each_line(open, c"/proc/self/mountinfo", &mut |line| {
        if let Some((root, mount)) = mount_of(line, version)
            // Part of the hierarchy may be mounted, as in a container: then the group's path begins
            // with that part's own.
            && let Some(rest) = below(group, root)
        {
            is_found = place.set(unescaped(mount), rest).is_some();
        }
        !is_found
    });
    is_found
}

/// Reads a line `ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS`: root and
/// mount point, if a hierarchy that may have the CPU controller is mounted there.
fn mount_of(line: &[u8], version: Version) -> Option<(&[u8], &[u8])> {
    let mut fields = line.split(|&byte| byte == b' ').skip(3);
    let (root, mount) = (fields.next()?, fields.next()?);
    let mut fields = fields.skip_while(|&field| field != b"-").skip(1);
    let (kind, _source, options) = (fields.next()?, fields.next()?, fields.next()?);
    let is_it = match version {
        Version::One => kind == b"cgroup" && has_word(options, b"cpu"),
        Version::Two => kind == b"cgroup2",
    };
    is_it.then_some((root, mount))
}

/// What of a group's path is below `root`, which is escaped.
fn below<'g>(group: &'g [u8], root: &[u8]) -> Option<&'g [u8]> {
    let mut rest = group;
    for byte in unescaped(without_end_slash(root)) {
        rest = rest.strip_prefix(&[byte])?;
    }
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

/// The path of a root is empty here.
fn without_end_slash(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Takes back what the list of mounts does to blanks and backslashes: `\` and three octal digits.
fn unescaped(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
    iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        rest = after;
        if first == b'\\'
            && let [
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                after @ ..,
            ] = after
        {
            rest = after;
            return Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
        }
        Some(first)
    })
}

/// Whether `word` is one of a list with commas.
fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|&byte| byte == b',').any(|found| found == word)
}

/// Reads a number that is alone in `text`.
fn number(text: &[u8]) -> Option<u64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// A path that is put together.
struct Path {
    /// A NUL is behind the path, and no zero in it.
    bytes: [u8; PATH_BYTES_MAX],
    len: usize,
}

impl Path {
    fn new() -> Path {
        Path {
            bytes: [0; PATH_BYTES_MAX],
            len: 0,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Appends bytes, as far as there is room; `None` if there is not enough.
    fn push(&mut self, bytes: impl Iterator<Item = u8>) -> Option<()> {
        for byte in bytes {
            if byte == 0 || self.len == PATH_BYTES_MAX - 1 {
                return None;
            }
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        Some(())
    }

    fn truncate(&mut self, len: usize) {
        self.bytes[len..self.len].fill(0);
        self.len = len;
    }

    /// Calls `with` with the path of a file in this directory.
    fn with<T>(&mut self, name: &[u8], with: impl FnOnce(&CStr) -> T) -> Option<T> {
        let len = self.len;
        let pushed = self.push(name.iter().copied());
        let result = pushed.and_then(|()| {
            let path = CStr::from_bytes_until_nul(&self.bytes).ok()?;
            Some(with(path))
        });
        self.truncate(len);
        result
    }
}

/// Reads the first line of a file.
fn first_line<R: Read, T>(
    open: Open<'_, R>,
    path: &CStr,
    parse: impl Fn(&[u8]) -> Option<T>,
) -> Option<T> {
    let mut found = None;
    each_line(open, path, &mut |line| {
        found = parse(line);
        false
    });
    found
}

/// Calls `each` with the lines of a file, without their ends, for as long as it returns true. Lines
/// that are too long are left out.
fn each_line<R: Read>(open: Open<'_, R>, path: &CStr, each: &mut dyn FnMut(&[u8]) -> bool) {
    let Some(mut file) = open(path) else { return };
    let mut buffer = [0; LINE_BYTES_MAX];
    // What was read and not looked at is `buffer[..end]`.
    let (mut end, mut is_too_long) = (0, false);
    while let Ok(count @ 1..) = file.read(&mut buffer[end..]) {
        end += count;
        let mut start = 0;
        while let Some(bytes) = buffer[start..end].iter().position(|&byte| byte == b'\n') {
            let line = &buffer[start..start + bytes];
            start += bytes + 1;
            if !core::mem::take(&mut is_too_long) && !each(line) {
                return;
            }
        }
        buffer.copy_within(start..end, 0);
        end -= start;
        if end == buffer.len() {
            (end, is_too_long) = (0, true);
        }
    }
    if end > 0 && !is_too_long {
        each(&buffer[..end]);
    }
}
