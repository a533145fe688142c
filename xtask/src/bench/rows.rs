//! The table's rows, and the bar of each.

use super::Group;
use super::measure::Values;
use super::peers::OURS;
use super::statistics;

/// What a row must reach.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// So many times the floor at most.
    Floor(f64),
    /// So many times the best of these peers at most.
    Best(f64, &'static [&'static str]),
    /// So many times the best of all peers at most, or not to be told from it: the intervals of
    /// 95 % overlap.
    First(f64),
    /// So many in the row's unit at most.
    AtMost(f64),
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub group: Group,
    pub title: &'static str,
    /// What our program calls it.
    pub metric: &'static str,
    /// What the floor calls it, and the peers: empty for the same.
    pub floor_metric: &'static str,
    pub peer_metric: &'static str,
    pub bar: Bar,
}

const fn row(group: Group, title: &'static str, metric: &'static str, bar: Bar) -> Row {
    Row {
        group,
        title,
        metric,
        floor_metric: "",
        peer_metric: "",
        bar,
    }
}

const fn sync(title: &'static str, metric: &'static str) -> Row {
    row(Group::Sync, title, metric, Bar::First(1.1))
}

/// The same with other metrics of the floor and of the peers.
const fn like(row: Row, [floor_metric, peer_metric]: [&'static str; 2]) -> Row {
    Row {
        floor_metric,
        peer_metric,
        ..row
    }
}

/// The memory functions that do not depend on features that only newer CPUs have.
const PLAIN: &[&str] = &["zig", "musl", "origin"];

const fn mem(title: &'static str, metric: &'static str) -> Row {
    row(Group::Mem, title, metric, Bar::Best(1.0 / 0.9, PLAIN))
}

const fn avx(title: &'static str, metric: &'static str) -> Row {
    row(Group::Mem, title, metric, Bar::Best(1.0 / 0.75, &["glibc"]))
}

const fn httpd(title: &'static str, metric: &'static str) -> Row {
    row(Group::Httpd, title, metric, Bar::First(1.1))
}

const STD: &[&str] = &["rust-std"];
const HTTPD_IDLE: &str = "httpd_resident";
const RESIDENT: &str = "scale_resident@30000";
const LIGHT_MAPS: &str = "scale_light_maps@30000";
const LIGHT_SPAWN: &str = "scale_light_spawn@30000";
const SPAWN1_ALL: &str = "size_spawn1_everything";

/// All rows.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row(Group::Spawn, "spawn + join, one CPU", "spawn_join", Bar::Floor(1.10)),
    row(Group::Spawn, "the same, each touching 32 KiB", "spawn_join_touch", Bar::Floor(1.12)),
    row(Group::Spawn, "spawn + detach", "spawn_detach", Bar::Floor(1.25)),
    like(
        row(Group::Spawn, "a job through a warm pool, one CPU", "pool_1cpu", Bar::Floor(1.3)),
        ["futex_1cpu", ""],
    ),
    row(Group::Spawn, "a job through a warm pool, two CPUs", "pool_2cpu", Bar::AtMost(1500.0)),
    row(Group::Spawn, "1,000 threads at a barrier", "batch", Bar::Floor(1.3)),
    row(Group::Scale, "resident per thread of 30,000", RESIDENT, Bar::AtMost(4.2 * 1024.0)),
    like(
        row(Group::Scale, "mappings of 30,000, lightweight guard", LIGHT_MAPS, Bar::AtMost(19.0)),
        ["", "scale_maps@30000"],
    ),
    like(
        row(Group::Scale, "spawn of 30,000, lightweight guard", LIGHT_SPAWN, Bar::Floor(1.2)),
        ["", "scale_spawn@30000"],
    ),
    row(Group::Start, "hello, smallest features", "size_hello", Bar::AtMost(480.0)),
    row(Group::Start, "spawn one and write, smallest", "size_spawn1", Bar::AtMost(2000.0)),
    like(
        row(Group::Start, "spawn one and write, everything on", SPAWN1_ALL, Bar::AtMost(6000.0)),
        ["size_spawn1", "size_spawn1"],
    ),
    row(Group::Start, "start and exit of hello", "start_hello", Bar::Floor(1.03)),
    mem("memcpy, 0–16 bytes", "memcpy:0-16"),
    mem("memcpy, 17–256 bytes", "memcpy:17-256"),
    mem("memcpy, to 4 KiB", "memcpy:4K"),
    mem("memcpy, to 1 MiB", "memcpy:1M"),
    mem("memset, 0–16 bytes", "memset:0-16"),
    mem("memset, 17–256 bytes", "memset:17-256"),
    mem("memset, to 4 KiB", "memset:4K"),
    mem("memset, to 1 MiB", "memset:1M"),
    mem("memcmp, 0–16 bytes", "memcmp:0-16"),
    mem("memcmp, 17–256 bytes", "memcmp:17-256"),
    mem("memcmp, to 4 KiB", "memcmp:4K"),
    mem("memcmp, to 1 MiB", "memcmp:1M"),
    avx("memcpy, 0–16 bytes, beside AVX", "memcpy:0-16"),
    avx("memcpy, 17–256 bytes, beside AVX", "memcpy:17-256"),
    avx("memcpy, to 4 KiB, beside AVX", "memcpy:4K"),
    avx("memcpy, to 1 MiB, beside AVX", "memcpy:1M"),
    avx("memset, 0–16 bytes, beside AVX", "memset:0-16"),
    avx("memset, 17–256 bytes, beside AVX", "memset:17-256"),
    avx("memset, to 4 KiB, beside AVX", "memset:4K"),
    avx("memset, to 1 MiB, beside AVX", "memset:1M"),
    avx("memcmp, 0–16 bytes, beside AVX", "memcmp:0-16"),
    avx("memcmp, 17–256 bytes, beside AVX", "memcmp:17-256"),
    avx("memcmp, to 4 KiB, beside AVX", "memcmp:4K"),
    avx("memcmp, to 1 MiB, beside AVX", "memcmp:1M"),
    row(Group::Mem, "memcpy, worst size, times the best", "memcpy:worst", Bar::AtMost(1.0 / 0.6)),
    row(Group::Mem, "memset, worst size, times the best", "memset:worst", Bar::AtMost(1.0 / 0.6)),
    row(Group::Mem, "memcmp, worst size, times the best", "memcmp:worst", Bar::AtMost(1.0 / 0.6)),
    row(Group::Mem, "Instant::now", "instant_now", Bar::Best(1.1, &["glibc"])),
    sync("mutex, nobody else", "mutex_alone"),
    sync("mutex, 2 threads, short", "mutex_2_short"),
    sync("mutex, 4 threads, short", "mutex_4_short"),
    sync("mutex, 8 threads, short", "mutex_8_short"),
    sync("mutex, 2 threads, long", "mutex_2_long"),
    sync("mutex, 4 threads, long", "mutex_4_long"),
    sync("mutex, 8 threads, long", "mutex_8_long"),
    sync("rwlock, read, nobody else", "rwlock_read"),
    sync("rwlock, 4 threads, a write in 64", "rwlock_mostly"),
    sync("once, made", "once_fast"),
    sync("semaphore, nobody else", "semaphore_alone"),
    sync("condvar round trip, one CPU", "condvar_1cpu"),
    // 5.5 µs where two hand-overs by a bare futex take 4.
    like(
        row(Group::Sync, "the same, beside bare futexes", "condvar_1cpu", Bar::Floor(5.5 / 4.0)),
        ["futex_1cpu", ""],
    ),
    sync("condvar round trip, two CPUs", "condvar_2cpu"),
    sync("channel, unbounded, a message", "channel_unbounded"),
    sync("channel, bounded, a message", "channel_bounded"),
    httpd("web server, a request", "httpd_hello"),
    httpd("web server, a small file", "httpd_file"),
    httpd("web server, a connection and a request", "httpd_connect"),
    row(Group::Httpd, "web server, resident per idle one", HTTPD_IDLE, Bar::Best(0.5, STD)),
];

/// Classes of sizes: a name, and the largest size.
const CLASSES: &[(&str, u64)] = &[("0-16", 16), ("17-256", 256), ("4K", 4096), ("1M", 1 << 20)];

/// Adds what rows about memory functions name: for each class of sizes the geometric mean of what a
/// call takes, and the size at which we are worst beside the best of the plain peers.
pub fn derive(values: &mut Values) {
    let mut all: Vec<(&str, &str, u64, String, Vec<f64>)> = Vec::new();
    for (metric, peer, measured) in values.all() {
        for function in ["memcpy", "memset", "memcmp"] {
            let size = metric
                .strip_prefix(function)
                .and_then(|rest| rest.strip_prefix('_'));
            let size = size.and_then(|size| size.trim_end_matches('u').parse().ok());
            let class = CLASSES
                .iter()
                .find(|class| size.is_some_and(|size| size <= class.1));
            if let (Some(size), Some((class, _))) = (size, class) {
                all.push((function, class, size, peer.to_owned(), measured.to_vec()));
            }
        }
    }
    let mut means = Vec::new();
    let mut worst = Vec::new();
    for function in ["memcpy", "memset", "memcmp"] {
        for (class, _) in CLASSES {
            let here = |entry: &&(&str, &str, u64, String, Vec<f64>)| {
                entry.0 == function && entry.1 == *class
            };
            let mut peers: Vec<_> = all.iter().filter(here).map(|entry| &entry.3).collect();
            peers.dedup();
            peers.sort();
            peers.dedup();
            for peer in peers {
                let own = || all.iter().filter(here).filter(|entry| entry.3 == *peer);
                let rounds = own().map(|entry| entry.4.len()).min().unwrap_or(0);
                for round in 0..rounds {
                    let mean = statistics::geometric_mean(own().map(|entry| entry.4[round]));
                    means.push((format!("{function}:{class}"), peer.clone(), mean));
                }
            }
        }
        worst.extend(worst_of(values, function).map(|times| (function, times)));
    }
    for (metric, peer, mean) in means {
        values.add(&metric, &peer, mean, "ns");
    }
    for (function, times) in worst {
        values.add(&format!("{function}:worst"), OURS, times, "times");
    }
}

/// The most that we take, in times of the best of the plain peers, of all sizes.
fn worst_of(values: &Values, function: &str) -> Option<f64> {
    let metrics = values.all().map(|(metric, _, _)| metric);
    let metrics = metrics.filter(|metric| metric.starts_with(&format!("{function}_")));
    let times = metrics.filter_map(|metric| {
        let ours = values.estimate(metric, OURS)?.median;
        let peers = PLAIN
            .iter()
            .filter_map(|peer| values.estimate(metric, peer));
        Some(ours / peers.map(|peer| peer.median).min_by(f64::total_cmp)?)
    });
    times.max_by(f64::total_cmp)
}
