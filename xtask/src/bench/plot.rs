//! Two plots from a record: what a thread costs, and what it occupies, by the number of threads.

use super::peers::{FLOOR, OURS, PEERS};
use super::record::{self, Entry};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A plot: the file's name, the title, the metric, and how to show a value.
struct Plot {
    file: &'static str,
    title: &'static str,
    metric: &'static str,
    divisor: f64,
}

const PLOTS: &[Plot] = &[
    Plot {
        file: "spawn.svg",
        title: "µs to start a thread, of so many that stay alive",
        metric: "spawn",
        divisor: 1000.0,
    },
    Plot {
        file: "memory.svg",
        title: "KiB of memory a thread, page tables included",
        metric: "memory",
        divisor: 1024.0,
    },
];

const WIDTH: f64 = 790.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 310.0;

/// Colours that differ in lightness, too; ours first.
const COLOURS: &[&str] = &[
    "#d4380d", "#000000", "#1d6fb8", "#7a7a7a", "#2a8c4a", "#a06cc8", "#b8860b", "#12b5b0",
];

/// A curve: its name and its points, by the number of threads.
type Curve = (String, Vec<(f64, f64)>);

/// Draws the plots of the record at `csv` and returns the files.
pub fn draw(csv: &Path) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(csv).with_context(|| format!("cannot read {}", csv.display()))?;
    let entries = record::parse(&text)?;
    let mut paths = Vec::new();
    for plot in PLOTS {
        let path = record::directory().join(plot.file);
        fs::write(&path, svg(plot.title, &curves(plot, &entries)))
            .with_context(|| format!("cannot write {}", path.display()))?;
        paths.push(path);
    }
    Ok(paths)
}

/// What a record holds about a plot: a curve a peer, and one more for ours with lightweight guards.
fn curves(plot: &Plot, entries: &[Entry]) -> Vec<Curve> {
    let kinds = PEERS.iter().flat_map(|peer| {
        let is_light = peer.name == OURS || peer.name == FLOOR;
        let light = is_light.then_some((peer.name, "scale_light"));
        [Some((peer.name, "scale")), light].into_iter().flatten()
    });
    let curve = |(peer, test): (&str, &str)| {
        let value = |metric: &str, count: &str| {
            let wanted = format!("{test}_{metric}@{count}");
            let entry = entries
                .iter()
                .find(|entry| entry.peer == peer && entry.metric == wanted);
            entry.map(|entry| entry.median)
        };
        let prefix = format!("{test}_threads@");
        let counts = entries.iter().filter(|entry| entry.peer == peer);
        let counts = counts.filter_map(|entry| entry.metric.strip_prefix(&prefix));
        let mut points: Vec<_> = counts
            .filter_map(|count| {
                let y = match plot.metric {
                    "memory" => value("resident", count)? + value("page_tables", count)?,
                    metric => value(metric, count)?,
                };
                Some((count.parse().ok()?, y / plot.divisor))
            })
            .collect();
        points.sort_by(|one: &(f64, f64), other| one.0.total_cmp(&other.0));
        let name = if test == "scale" {
            peer.into()
        } else {
            format!("{peer}, lightweight guard")
        };
        (name, points)
    };
    kinds
        .map(curve)
        .filter(|(_, points)| points.len() > 1)
        .collect()
}

/// Draws curves over a logarithmic axis of thread counts.
fn svg(title: &str, curves: &[Curve]) -> String {
    let all = || curves.iter().flat_map(|(_, points)| points);
    let x_range = all().fold((f64::MAX, 1.0_f64), |(low, high), (x, _)| {
        (low.min(*x), high.max(*x))
    });
    let y_max = nice(all().fold(0.0_f64, |high, (_, y)| high.max(*y)));
    let x_of = |x: f64| {
        let part = (x / x_range.0).ln() / (x_range.1 / x_range.0).ln().max(1e-9);
        LEFT + part * (RIGHT - LEFT)
    };
    let y_of = |y: f64| BOTTOM - y / y_max * (BOTTOM - TOP);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{title}</text>"
    );
    for step in 0..=4 {
        let value = y_max * f64::from(step) / 4.0;
        let y = y_of(value);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#ddd\"/>\n\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
    let mut counts: Vec<f64> = all().map(|(x, _)| *x).collect();
    counts.sort_by(f64::total_cmp);
    counts.dedup();
    for count in counts {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{count}</text>",
            x_of(count),
            BOTTOM + 18.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">threads</text>",
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 38.0
    );
    for (index, (name, points)) in curves.iter().enumerate() {
        let is_light = name.contains(',');
        let base = name.split(',').next().unwrap_or(name);
        let place = PEERS
            .iter()
            .position(|peer| peer.name == base)
            .unwrap_or(index);
        let colour = COLOURS[place % COLOURS.len()];
        let dash = if is_light {
            " stroke-dasharray=\"6 3\""
        } else {
            ""
        };
        let path: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{:.1} {:.1}", x_of(*x), y_of(*y)))
            .collect();
        let y = TOP + 18.0 * index as f64;
        let _ = writeln!(
            out,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>\n\
             <path d=\"M{:.0} {y:.0}h18\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>\n\
             <text x=\"{:.0}\" y=\"{:.0}\">{name}</text>",
            path.join("L"),
            RIGHT + 12.0,
            RIGHT + 34.0,
            y + 4.0
        );
    }
    out.push_str("</svg>\n");
    out
}

/// The next number above that divides well by four.
fn nice(value: f64) -> f64 {
    let unit = 10_f64.powf(value.max(1e-9).log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0];
    let fits = steps.into_iter().find(|step| step * unit >= value);
    fits.unwrap_or(10.0) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_its_points_in_order() {
        let entry = |metric: &str, median| Entry {
            metric: metric.into(),
            peer: "musl".into(),
            median,
        };
        let entries = [
            entry("scale_threads@3000", 3000.0),
            entry("scale_spawn@3000", 20_000.0),
            entry("scale_threads@1000", 1000.0),
            entry("scale_spawn@1000", 10_000.0),
        ];
        let curves = curves(&PLOTS[0], &entries);
        assert_eq!(
            curves,
            [("musl".to_owned(), vec![(1000.0, 10.0), (3000.0, 20.0)])]
        );
        let svg = svg("title", &curves);
        assert!(svg.contains("M48.0") && svg.contains(">musl</text>"));
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!(nice(61.0), 80.0);
        assert_eq!(nice(1.0), 1.0);
    }
}
