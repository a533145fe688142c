//! The kernel's nolibc headers: taken out of Debian's package of the kernel's source, once.
//!
//! No other package has them (linux-libc-dev, linux-headers and linux-kbuild have none of `tools`).
//! Nothing is installed: the package is downloaded, and only the headers are kept.

use crate::process;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10 * 60);
/// The package that depends on the newest source.
const PACKAGE: &str = "linux-source";

/// What a compiler is told; an error is the reason why there are no headers.
pub fn arguments() -> Result<[String; 3]> {
    let folder = folder()?;
    let (folder, header) = (folder.display(), folder.join("nolibc.h"));
    Ok([
        format!("-I{folder}"),
        format!("-include{}", header.display()),
        // Up to Linux 6.5 they name the integers' types without a file `stdint.h`, and otherwise
        // than gcc's does, which is kept away so.
        "-D_GCC_WRAP_STDINT_H".into(),
    ])
}

/// Finds or fetches the headers.
fn folder() -> Result<PathBuf> {
    let folder = toolchain::root().join("target/xtask/nolibc");
    if folder.join("nolibc.h").is_file() {
        return Ok(folder);
    }
    ensure!(
        toolchain::on_path("apt-get").is_some(),
        "the kernel's nolibc headers come from a Debian package, and this is no Debian: put them \
         into {}",
        folder.display()
    );
    let work = folder.with_extension("work");
    fs::remove_dir_all(&work).ok();
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let fetched = fetch(&work).and_then(|()| {
        fs::remove_dir_all(&folder).ok();
        fs::rename(work.join("nolibc"), &folder).context("the package has no nolibc")
    });
    fs::remove_dir_all(&work).ok();
    fetched.context("no nolibc headers")?;
    Ok(folder)
}

fn fetch(work: &Path) -> Result<()> {
    let mut depends = Command::new("apt-cache");
    depends.args(["depends", PACKAGE]);
    let told = process::ask(depends)?;
    let package = newest(&told).with_context(|| format!("{PACKAGE} depends on nothing: {told}"))?;
    for script in [
        &format!("apt-get download {package}"),
        "dpkg-deb --fsys-tarfile *.deb | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' \
         | tar -xJ --wildcards --strip-components=3 '*/tools/include/nolibc/*'",
    ] {
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(work);
        let finished = process::capture(command, b"", LIMIT)?;
        ensure!(
            finished.ended.code() == Some(0),
            "`{script}`: {}\n{}",
            finished.ended.describe(),
            String::from_utf8_lossy(&finished.output)
        );
    }
    Ok(())
}

/// Finds the package with the source in what apt-cache says of the one that depends on it.
fn newest(depends: &str) -> Option<&str> {
    let names = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    let mut sources = names.filter(|name| name.starts_with("linux-source-"));
    sources.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_found_among_the_dependencies() {
        let said = "linux-source\n  Depends: xz-utils\n  Depends: linux-source-6.1\n";
        assert_eq!(newest(said), Some("linux-source-6.1"));
        assert_eq!(newest("linux-source\n"), None);
    }
}
