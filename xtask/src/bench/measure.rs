//! Runs the programs in turns and collects what they print.

use super::peers::{self, Shop};
use super::statistics::Estimate;
use super::{Group, httpd};
use crate::process;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

/// A program that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// The CPU of tests that have one.
const CPU: &str = "1";
/// The exit status of a program that lacks the test.
const NO_SUCH_TEST: i32 = 2;
/// What a test needs more rounds for than these tells them apart by far.
const FEW: usize = 5;

/// A test, by the name that the programs know it by.
pub struct Test {
    pub group: Group,
    pub name: &'static str,
    /// Whether it has one CPU alone.
    pub is_pinned: bool,
    /// How many threads, where that is to choose.
    pub count: Option<usize>,
    /// Whether few rounds do.
    pub is_sure: bool,
}

const fn test(group: Group, name: &'static str, is_pinned: bool) -> Test {
    Test {
        group,
        name,
        is_pinned,
        count: None,
        is_sure: false,
    }
}

const fn scale(name: &'static str, count: usize) -> Test {
    Test {
        group: Group::Scale,
        name,
        is_pinned: false,
        count: Some(count),
        is_sure: true,
    }
}

/// All tests; rows name what they print. The kernel's own programs pin themselves where it matters.
pub const TESTS: &[Test] = &[
    test(Group::Spawn, "spawn_join", true),
    test(Group::Spawn, "spawn_join_touch", true),
    test(Group::Spawn, "spawn_detach", false),
    test(Group::Spawn, "pool_1cpu", true),
    test(Group::Spawn, "pool_2cpu", false),
    test(Group::Spawn, "futex_1cpu", false),
    test(Group::Spawn, "batch", false),
    scale("scale", 1000),
    scale("scale", 3000),
    scale("scale", 10_000),
    scale("scale", 30_000),
    scale("scale_light", 1000),
    scale("scale_light", 3000),
    scale("scale_light", 10_000),
    scale("scale_light", 30_000),
    test(Group::Sync, "mutex_alone", true),
    test(Group::Sync, "mutex_2_short", false),
    test(Group::Sync, "mutex_4_short", false),
    test(Group::Sync, "mutex_8_short", false),
    test(Group::Sync, "mutex_2_long", false),
    test(Group::Sync, "mutex_4_long", false),
    test(Group::Sync, "mutex_8_long", false),
    test(Group::Sync, "rwlock_read", true),
    test(Group::Sync, "rwlock_mostly", false),
    test(Group::Sync, "once_fast", true),
    test(Group::Sync, "semaphore_alone", true),
    test(Group::Sync, "condvar_1cpu", false),
    test(Group::Sync, "condvar_2cpu", false),
    test(Group::Sync, "futex_1cpu", false),
    test(Group::Sync, "channel_unbounded", false),
    test(Group::Sync, "channel_bounded", false),
    test(Group::Mem, "memory", true),
    test(Group::Mem, "instant_now", true),
];

/// How much is measured.
pub struct Effort {
    pub rounds: usize,
    /// How much work a test does, in percent.
    pub percent: u32,
    /// How often each program is started in a round.
    pub starts: u32,
}

/// The values by metric and peer, one a round.
#[derive(Default)]
pub struct Values {
    values: BTreeMap<(String, String), Vec<f64>>,
    units: BTreeMap<String, String>,
    /// Tests that died, by name and peer, with how.
    pub deaths: BTreeMap<(String, String), String>,
}

impl Values {
    pub fn add(&mut self, metric: &str, peer: &str, value: f64, unit: &str) {
        let key = (metric.to_owned(), peer.to_owned());
        self.values.entry(key).or_default().push(value);
        self.units.insert(metric.to_owned(), unit.to_owned());
    }

    /// What was measured, a value a round.
    pub fn of(&self, metric: &str, peer: &str) -> &[f64] {
        let key = (metric.to_owned(), peer.to_owned());
        self.values.get(&key).map_or(&[], Vec::as_slice)
    }

    pub fn estimate(&self, metric: &str, peer: &str) -> Option<Estimate> {
        Estimate::of(self.of(metric, peer))
    }

    pub fn unit(&self, metric: &str) -> &str {
        self.units.get(metric).map_or("", String::as_str)
    }

    /// Every metric and peer with its values.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &[f64])> {
        let each = self.values.iter();
        each.map(|((metric, peer), values)| (metric.as_str(), peer.as_str(), values.as_slice()))
    }
}

/// Runs every test of the groups in each round; the peers take turns, and each round another one
/// begins.
pub fn run(shop: &Shop, names: &[&str], groups: &[Group], effort: &Effort) -> Result<Values> {
    let mut values = Values::default();
    for round in 0..effort.rounds {
        let begun = std::time::Instant::now();
        let mut done: Vec<(&str, Option<usize>)> = Vec::new();
        for test in TESTS.iter().filter(|test| groups.contains(&test.group)) {
            // A test that serves two groups runs once.
            let is_done = done.contains(&(test.name, test.count));
            if is_done || test.is_sure && round >= FEW {
                continue;
            }
            done.push((test.name, test.count));
            for turn in 0..names.len() {
                let name = names[(turn + round) % names.len()];
                one(shop, name, test, effort, &mut values)?;
            }
        }
        if groups.contains(&Group::Start) {
            start(shop, names, round, effort, &mut values)?;
        }
        if groups.contains(&Group::Httpd) {
            httpd::round(shop, round, effort, &mut values)?;
        }
        let seconds = begun.elapsed().as_secs_f32();
        eprintln!(
            "bench: round {} of {}: {seconds:.1} s",
            round + 1,
            effort.rounds
        );
    }
    Ok(values)
}

/// Runs one test of one peer once.
fn one(shop: &Shop, name: &str, test: &Test, effort: &Effort, values: &mut Values) -> Result<()> {
    let program = shop.program(name, "");
    let mut command = if test.is_pinned {
        let mut command = Command::new("taskset");
        command.args(["-c", CPU]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.arg(test.name).arg(effort.percent.to_string());
    command.arg(test.count.unwrap_or(0).to_string());
    let shown = process::show(&command);
    let finished = process::capture(command, b"", LIMIT)?;
    match finished.ended.code() {
        Some(0) => {}
        Some(NO_SUCH_TEST) => return Ok(()),
        // How many threads a runtime bears is what that test finds out.
        _ if test.count.is_some() && name != peers::OURS && name != peers::FLOOR => {
            let told = String::from_utf8_lossy(&finished.stderr).into_owned();
            let last = told.lines().rfind(|line| line.starts_with("threads "));
            let count = last
                .and_then(|line| line[8..].parse::<u32>().ok())
                .unwrap_or(0);
            let death = format!("dies above {count}");
            values
                .deaths
                .insert((metric_of(test, test.name), name.to_owned()), death);
            return Ok(());
        }
        _ => {
            let told = String::from_utf8_lossy(&finished.output);
            bail!("`{shown}`: {}\n{told}", finished.ended.describe());
        }
    }
    let text = String::from_utf8_lossy(&finished.stdout);
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let &[metric, value, unit] = &words[..] else {
            bail!("`{shown}` printed `{line}`, not a name, a value and a unit");
        };
        let value = value
            .parse()
            .with_context(|| format!("`{shown}` printed `{line}`"))?;
        values.add(&metric_of(test, metric), name, value, unit);
    }
    Ok(())
}

/// A metric's name; of tests that run with several numbers of threads, the number is part of it.
fn metric_of(test: &Test, metric: &str) -> String {
    match test.count {
        Some(count) => format!("{metric}@{count}"),
        None => metric.to_owned(),
    }
}

/// What is started, by the kinds of programs that a peer may have.
const KINDS: &[&str] = &["hello", "spawn1", "hello_everything", "spawn1_everything"];

/// Measures sizes, and the time from a program's start to its end.
fn start(
    shop: &Shop,
    names: &[&str],
    round: usize,
    effort: &Effort,
    values: &mut Values,
) -> Result<()> {
    for kind in KINDS {
        let mut command = Command::new("taskset");
        command.args(["-c", CPU]).arg(shop.program("start", ""));
        command.arg(effort.starts.to_string());
        let mut is_any = false;
        for turn in 0..names.len() {
            let name = names[(turn + round) % names.len()];
            let program = shop.program(name, kind);
            if let Ok(metadata) = program.metadata() {
                let bytes = metadata.len() as f64;
                values.add(&format!("size_{kind}"), name, bytes, "B");
                command.arg(format!("{name}={}", program.display()));
                is_any = true;
            }
        }
        if !is_any {
            continue;
        }
        let shown = process::show(&command);
        let finished = process::capture(command, b"", LIMIT)?;
        if finished.ended.code() != Some(0) {
            let told = String::from_utf8_lossy(&finished.output);
            bail!("`{shown}`: {}\n{told}", finished.ended.describe());
        }
        let text = String::from_utf8_lossy(&finished.stdout);
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if let &[label, value, unit] = &words[..] {
                let name = label.strip_prefix("start_").unwrap_or(label);
                values.add(&format!("start_{kind}"), name, value.parse()?, unit);
            }
        }
    }
    Ok(())
}
