//! `cargo xtask bench`: ours beside the kernel's floor and the peers, in one run.
//!
//! All programs take turns in each round, so that what disturbs the machine disturbs all of them;
//! ratios are those of the same round. Bars are data: `bench/rows.rs`.

mod httpd;
mod measure;
mod peers;
mod plot;
mod record;
mod report;
mod rows;
mod statistics;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use measure::Effort;
use peers::Shop;
use report::{Judged, Verdict};
use std::env::consts;
use std::path::PathBuf;

/// What belongs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Starting and ending threads
    Spawn,
    /// Locks
    Sync,
    /// Memory functions and the clock
    Mem,
    /// Sizes, and the time from a program's start to its end
    Start,
    /// Up to 30,000 threads at once
    Scale,
    /// A web server beside the same one by the standard library
    Httpd,
    /// Everything
    All,
}

/// All but `All`.
const GROUPS: &[Group] = &[
    Group::Spawn,
    Group::Scale,
    Group::Start,
    Group::Mem,
    Group::Sync,
    Group::Httpd,
];

/// What to measure.
#[derive(Args, Debug)]
pub struct Options {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    pub group: Group,
    /// Measure all peers that are installed, not only the floor and Rust's standard library
    #[arg(long)]
    pub peers: bool,
    /// How often each program is run
    #[arg(long, default_value_t = 15)]
    pub rounds: usize,
    /// Write the values and the table to benches/record, and draw the plots
    #[arg(long)]
    pub record: bool,
    /// Build everything and run each test once, with little work, for its result alone
    #[arg(long, conflicts_with = "record")]
    pub quick: bool,
    /// Draw the plots of a record again, and do nothing else
    #[arg(long, value_name = "CSV")]
    pub plot: Option<PathBuf>,
}

impl Options {
    /// Every program built and run once, to see that what it computes is right.
    pub fn quick() -> Self {
        Self {
            group: Group::All,
            peers: false,
            rounds: 1,
            record: false,
            quick: true,
            plot: None,
        }
    }
}

/// Measures and prints; tells whether every bar holds, or, if quick, whether all results are right.
pub fn run(options: &Options) -> Result<bool> {
    if let Some(csv) = &options.plot {
        return draw(csv).map(|()| true);
    }
    if consts::ARCH != "x86_64" {
        println!("bench: the floor is written for x86-64: nothing is measured here");
        return Ok(options.quick);
    }
    ensure!(
        options.rounds > 0,
        "without rounds there is nothing to measure"
    );
    let groups = match options.group {
        Group::All => GROUPS,
        ref one => std::slice::from_ref(one),
    };
    let shop = Shop::new()?;
    let built = shop.build(options.peers)?;
    let effort = if options.quick {
        Effort {
            rounds: 1,
            percent: 1,
            starts: 2,
        }
    } else {
        Effort {
            rounds: options.rounds,
            percent: 100,
            starts: 60,
        }
    };
    let mut values = measure::run(&shop, &built.names, groups, &effort)?;
    rows::derive(&mut values);
    let rows = rows::ROWS.iter().filter(|row| groups.contains(&row.group));
    let judged: Vec<_> = rows.map(|row| report::judge(row, &values)).collect();
    let count = |verdict| {
        judged
            .iter()
            .filter(|judged| judged.verdict == verdict)
            .count()
    };
    let not_there = count(Verdict::NotThere);
    if options.quick {
        println!(
            "{} results are right, {not_there} not there yet",
            judged.len() - not_there
        );
        return Ok(true);
    }
    let text = text(options, &built.absent, &judged, &values);
    println!("{text}");
    if options.record {
        let name = options.group.to_possible_value();
        let name = name.map_or_else(String::new, |name| name.get_name().to_owned());
        let [csv, table] = record::write(&name, &values, &text)?;
        println!("recorded: {}, {}", csv.display(), table.display());
        if groups.contains(&Group::Scale) {
            draw(&csv)?;
        }
    }
    Ok(count(Verdict::Misses) == 0)
}

/// The whole report.
fn text(
    options: &Options,
    absent: &[(&str, String)],
    judged: &[Judged],
    values: &measure::Values,
) -> String {
    let mut command = String::from("cargo xtask bench");
    let name = options.group.to_possible_value();
    name.iter()
        .for_each(|name| command.extend([" ", name.get_name()]));
    if options.peers {
        command.push_str(" --peers");
    }
    let count = |verdict| {
        judged
            .iter()
            .filter(|judged| judged.verdict == verdict)
            .count()
    };
    let mut text = format!(
        "`{command} --rounds {}`, medians of interleaved runs.\n{}\n{}\n{} hold, {} miss, \
         {} not there yet, {} without a peer to compare with\n",
        options.rounds,
        record::machine(),
        report::table(judged, values),
        count(Verdict::Holds),
        count(Verdict::Misses),
        count(Verdict::NotThere),
        count(Verdict::NoPeer),
    );
    for (name, reason) in absent {
        text.push_str(&format!("absent: {name}: {reason}\n"));
    }
    if !options.peers {
        text.push_str("other peers were not asked for: --peers\n");
    }
    text
}

fn draw(csv: &std::path::Path) -> Result<()> {
    for path in plot::draw(csv)? {
        println!("drawn: {}", path.display());
    }
    Ok(())
}
