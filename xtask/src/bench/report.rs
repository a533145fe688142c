//! The table: ours beside the bar, the floor and the peers.

use super::measure::Values;
use super::peers::{FLOOR, OURS, PEERS};
use super::rows::{Bar, Row};
use super::statistics::{Estimate, quotients};
use std::fmt::{self, Write};

/// How a row came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    Misses,
    /// The library does not have it.
    NotThere,
    /// Who it is to be compared with was not measured.
    NoPeer,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::Misses => "MISSES",
            Self::NotThere => "not there yet",
            Self::NoPeer => "no peer",
        })
    }
}

/// A row with its outcome.
pub struct Judged {
    pub row: &'static Row,
    pub verdict: Verdict,
    /// What the bar limits: a quotient, or a value.
    reached: Option<Estimate>,
}

/// A metric's name, or the other one that a row has for it.
fn either(other: &'static str, metric: &'static str) -> &'static str {
    if other.is_empty() { metric } else { other }
}

/// Holds a row against its bar.
pub fn judge(row: &'static Row, values: &Values) -> Judged {
    let ours = values.of(row.metric, OURS);
    let verdict = |verdict, reached| Judged {
        row,
        verdict,
        reached,
    };
    let Some(own) = Estimate::of(ours) else {
        return verdict(Verdict::NotThere, None);
    };
    let within = |reached: Option<Estimate>, limit: f64| match reached {
        Some(estimate) if estimate.median <= limit => verdict(Verdict::Holds, reached),
        Some(_) => verdict(Verdict::Misses, reached),
        None => verdict(Verdict::NoPeer, None),
    };
    let peer_metric = either(row.peer_metric, row.metric);
    let best_of = |is_meant: &dyn Fn(&str) -> bool| {
        let names = PEERS.iter().map(|peer| peer.name);
        let meant = names.filter(|name| *name != OURS && *name != FLOOR && is_meant(name));
        let estimates = meant.filter_map(|name| Some((name, values.estimate(peer_metric, name)?)));
        estimates.min_by(|one, other| one.1.median.total_cmp(&other.1.median))
    };
    match row.bar {
        Bar::AtMost(limit) => within(Some(own), limit),
        Bar::Floor(times) => {
            let floor = values.of(either(row.floor_metric, row.metric), FLOOR);
            within(Estimate::of(&quotients(ours, floor)), times)
        }
        Bar::Best(times, names) => {
            let best = best_of(&|name| names.contains(&name));
            let by = best.map(|(name, _)| quotients(ours, values.of(peer_metric, name)));
            within(by.and_then(|by| Estimate::of(&by)), times)
        }
        Bar::First(times) => {
            let Some((name, best)) = best_of(&|_| true) else {
                return verdict(Verdict::NoPeer, None);
            };
            let reached = Estimate::of(&quotients(ours, values.of(peer_metric, name)));
            if own.overlaps(&best) {
                return verdict(Verdict::Holds, reached);
            }
            within(reached, times)
        }
    }
}

/// The bar in words.
fn bar(row: &Row, unit: &str) -> String {
    match row.bar {
        Bar::Floor(times) => format!("≤ {times:.2} × floor"),
        Bar::Best(times, [name]) => format!("≤ {times:.2} × {name}"),
        Bar::Best(times, names) => format!("≤ {times:.2} × best of {}", names.join(", ")),
        Bar::First(times) => format!("≤ {times:.2} × best"),
        Bar::AtMost(limit) => format!("≤ {}", amount(limit, unit)),
    }
}

/// A value in the unit in which people think of it.
pub fn amount(value: f64, unit: &str) -> String {
    let (value, unit) = match unit {
        "ns" if value >= 1000.0 => (value / 1000.0, "µs"),
        other => (value, other),
    };
    match unit {
        "B" | "mappings" | "threads" => format!("{value:.0} {unit}"),
        _ if value >= 100.0 => format!("{value:.0} {unit}"),
        _ if value >= 10.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.2} {unit}"),
    }
}

/// Writes the table of the judged rows in Markdown, with a column for each peer that has a value.
pub fn table(judged: &[Judged], values: &Values) -> String {
    let peers: Vec<_> = PEERS
        .iter()
        .map(|peer| peer.name)
        .filter(|name| *name != OURS)
        .collect();
    let value = |row: &Row, name: &str| {
        let metric = match name {
            OURS => row.metric,
            FLOOR => either(row.floor_metric, row.metric),
            _ => either(row.peer_metric, row.metric),
        };
        if let Some(estimate) = values.estimate(metric, name) {
            return Some(amount(estimate.median, values.unit(metric)));
        }
        let test = metric
            .replace("_resident@", "@")
            .replace("_maps@", "@")
            .replace("_spawn@", "@");
        values.deaths.get(&(test, name.to_owned())).cloned()
    };
    let has_any = |name: &&str| {
        judged
            .iter()
            .any(|judged| value(judged.row, name).is_some())
    };
    let peers: Vec<_> = peers.into_iter().filter(has_any).collect();
    let mut text = String::from("| what | ours | bar | reached (95 %) | | of std | ");
    let _ = writeln!(text, "{} |", peers.join(" | "));
    let columns = 6 + peers.len();
    let _ = writeln!(text, "|---|{}", "---:|".repeat(columns - 1));
    for Judged {
        row,
        verdict,
        reached,
    } in judged
    {
        let ours = value(row, OURS).unwrap_or_else(|| "–".into());
        let reached = reached
            .as_ref()
            .map_or("–".into(), |reached| match row.bar {
                Bar::AtMost(_) => "".into(),
                _ => format!(
                    "{:.2} ({:.2}–{:.2})",
                    reached.median, reached.low, reached.high
                ),
            });
        let metric = either(row.peer_metric, row.metric);
        let std = quotients(values.of(row.metric, OURS), values.of(metric, "rust-std"));
        let std = Estimate::of(&std).map_or("–".into(), |std| format!("{:.2}", std.median));
        let bar = bar(row, values.unit(row.metric));
        let _ = write!(
            text,
            "| {} | {ours} | {bar} | {reached} | {verdict} | {std} |",
            row.title
        );
        for name in &peers {
            let _ = write!(
                text,
                " {} |",
                value(row, name).unwrap_or_else(|| "–".into())
            );
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Group;

    fn of(bar: Bar, ours: &[f64], others: &[(&str, &[f64])]) -> Verdict {
        let row = Row {
            group: Group::Sync,
            title: "t",
            metric: "m",
            floor_metric: "",
            peer_metric: "",
            bar,
        };
        let mut values = Values::default();
        for (name, measured) in others.iter().copied().chain([(OURS, ours)]) {
            measured
                .iter()
                .for_each(|value| values.add("m", name, *value, "ns"));
        }
        judge(Box::leak(Box::new(row)), &values).verdict
    }

    #[test]
    fn bars_are_held_or_missed() {
        assert_eq!(
            of(Bar::Floor(1.1), &[11.0], &[(FLOOR, &[10.0])]),
            Verdict::Holds
        );
        assert_eq!(
            of(Bar::Floor(1.1), &[11.2], &[(FLOOR, &[10.0])]),
            Verdict::Misses
        );
        assert_eq!(
            of(Bar::Floor(1.1), &[11.2], &[("musl", &[10.0])]),
            Verdict::NoPeer
        );
        assert_eq!(
            of(Bar::Floor(1.1), &[], &[(FLOOR, &[10.0])]),
            Verdict::NotThere
        );
        assert_eq!(of(Bar::AtMost(480.0), &[480.0], &[]), Verdict::Holds);
        assert_eq!(of(Bar::AtMost(480.0), &[481.0], &[]), Verdict::Misses);
        let peers: &[(&str, &[f64])] = &[("musl", &[20.0]), ("glibc", &[10.0])];
        assert_eq!(
            of(Bar::Best(1.0, &["musl"]), &[15.0], peers),
            Verdict::Holds
        );
        assert_eq!(of(Bar::First(1.1), &[15.0], peers), Verdict::Misses);
    }

    #[test]
    fn what_cannot_be_told_apart_is_first() {
        let best: &[(&str, &[f64])] = &[("musl", &[10.0, 14.0])];
        assert_eq!(of(Bar::First(1.1), &[13.9, 15.0], best), Verdict::Holds);
        assert_eq!(of(Bar::First(1.1), &[14.1, 15.0], best), Verdict::Misses);
    }

    #[test]
    fn amounts_are_in_readable_units() {
        assert_eq!(amount(12_345.0, "ns"), "12.3 µs");
        assert_eq!(amount(9.876, "ns"), "9.88 ns");
        assert_eq!(amount(4100.4, "B"), "4100 B");
    }
}
