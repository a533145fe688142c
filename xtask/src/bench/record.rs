//! Records: every median with its interval as CSV, and the table as Markdown.

use super::measure::Values;
use super::statistics::Estimate;
use crate::process;
use crate::toolchain;
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Where records are.
pub fn directory() -> PathBuf {
    toolchain::root().join("benches/record")
}

/// A line of a record.
pub struct Entry {
    pub metric: String,
    pub peer: String,
    pub median: f64,
}

/// Writes both files of a run and returns their names.
pub fn write(name: &str, values: &Values, table: &str) -> Result<[PathBuf; 2]> {
    let date = process::ask({
        let mut command = Command::new("date");
        command.args(["--utc", "+%F"]);
        command
    })?;
    let directory = directory().join("x86_64");
    fs::create_dir_all(&directory).context("cannot make the records' folder")?;
    let mut csv = String::from("metric,peer,unit,rounds,median,low,high\n");
    for (metric, peer, measured) in values.all() {
        if let Some(Estimate { median, low, high }) = Estimate::of(measured) {
            let (unit, rounds) = (values.unit(metric), measured.len());
            let _ = writeln!(csv, "{metric},{peer},{unit},{rounds},{median},{low},{high}");
        }
    }
    let paths = ["csv", "md"].map(|kind| directory.join(format!("{date}-{name}.{kind}")));
    for (path, text) in paths.iter().zip([csv.as_str(), table]) {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(paths)
}

/// Reads a record's CSV.
pub fn parse(csv: &str) -> Result<Vec<Entry>> {
    let lines = csv.lines().skip(1);
    let entry = |line: &str| -> Result<Entry> {
        let fields: Vec<_> = line.split(',').collect();
        let &[metric, peer, _, _, median, _, _] = &fields[..] else {
            bail!("it has {} fields", fields.len());
        };
        Ok(Entry {
            metric: metric.to_owned(),
            peer: peer.to_owned(),
            median: median.parse()?,
        })
    };
    lines
        .map(|line| entry(line).with_context(|| format!("a record's line is `{line}`")))
        .collect()
}

/// Names the machine and the tools: what every table begins with.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(": ").nth(1))
            .unwrap_or("?")
            .to_owned()
    };
    let first_line = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments);
        let answer = process::ask(command).unwrap_or_else(|_| "none".into());
        answer.lines().next().unwrap_or("").to_owned()
    };
    let count = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let virtual_machine = if field("flags").contains("hypervisor") {
        ", virtual machine"
    } else {
        ""
    };
    format!(
        "{count} × {}{virtual_machine}; Linux {}; {}; {}; {}; musl {}\n",
        field("model name"),
        read("/proc/sys/kernel/osrelease").trim(),
        first_line("rustc", &["--version"]),
        first_line("gcc", &["--version"]),
        first_line("ldd", &["--version"]).replace("ldd ", "glibc "),
        first_line("dpkg-query", &["-W", "-f", "${Version}", "musl"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back() {
        let csv = "metric,peer,unit,rounds,median,low,high\nscale_spawn@1000,musl,ns,5,20.5,1,2\n";
        let entries = parse(csv).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(
            (entries[0].metric.as_str(), entries[0].median),
            ("scale_spawn@1000", 20.5)
        );
        assert!(parse("head\nshort,line\n").is_err());
    }
}
