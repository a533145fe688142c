//! Fetches Debian's kernels, each once: apt-get downloads the package, and nothing is installed.
//!
//! apt works in a state of its own here, with another CPU than this machine's, so that the system
//! learns nothing of foreign packages. Of a package only the kernel's image is kept.

use crate::machines::Machine;
use crate::process;
use crate::toolchain;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long one command may take: a package has tens of megabytes.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Returns the image of the machine's kernel: the one that was fetched before, or the newest.
pub fn image(machine: &Machine) -> Result<PathBuf> {
    let store = toolchain::root()
        .join("target/xtask/kernels")
        .join(machine.debian);
    if let Some(image) = image_in(&store) {
        return Ok(image);
    }
    fetch(machine, &store).with_context(|| {
        format!(
            "there is no kernel for {debian}.\n\
             apt-get fetches it where it has the sources of Debian 12 and a network. Elsewhere,\n\
             take Debian's package {package} (the one that it depends on), and put its file\n\
             boot/vmlinu* into {}\nWhat went wrong",
            store.display(),
            debian = machine.debian,
            package = machine.package,
        )
    })
}

fn fetch(machine: &Machine, store: &Path) -> Result<PathBuf> {
    ensure!(
        toolchain::on_path("apt-get").is_some() && toolchain::on_path("dpkg-deb").is_some(),
        "there is no apt-get or no dpkg-deb here"
    );
    let started = Instant::now();
    let work = store.with_extension(format!("{}.new", std::process::id()));
    // What an earlier run of this number left behind.
    fs::remove_dir_all(&work).ok();
    let unpacked = download(machine, &work).and_then(|()| unpack(&work));
    let kept = unpacked.and_then(|image| {
        fs::create_dir_all(store)?;
        let kept = store.join(image.file_name().context("the image's name")?);
        fs::rename(&image, &kept).with_context(|| format!("cannot make {}", kept.display()))?;
        Ok(kept)
    });
    // The lists alone are larger than all kernels.
    fs::remove_dir_all(&work).ok();
    let kept = kept?;
    let (debian, seconds) = (machine.debian, started.elapsed().as_secs_f32());
    println!(
        "fetched {debian:9} kernel {} {seconds:6.1} s",
        release(&kept)
    );
    Ok(kept)
}

/// Downloads the package that the machine's package depends on into `work`.
fn download(machine: &Machine, work: &Path) -> Result<()> {
    for directory in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.join(directory))
            .with_context(|| format!("cannot make {}", work.display()))?;
    }
    fs::write(work.join("status"), "")?;
    fs::write(work.join("apt.conf"), configuration(machine.debian, work))?;
    let apt = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(work);
        command.env("APT_CONFIG", work.join("apt.conf"));
        run(command)
    };
    // A source that is out of reach or knows nothing of this CPU is no failure if another one has
    // the package, and apt-get itself may call it none if none has.
    let updated = apt(&["apt-get", "update"]);
    let depends = apt(&["apt-cache", "depends", "--important", machine.package]);
    let depends = depends.with_context(|| {
        let told = updated.unwrap_or_else(|error| format!("{error:#}"));
        format!("apt-get update said:\n{}\nand then", told.trim_end())
    })?;
    let Some(newest) = dependency(&depends) else {
        bail!("{} depends on no kernel:\n{depends}", machine.package);
    };
    apt(&["apt-get", "download", newest])?;
    Ok(())
}

/// Writes what apt has to know beside the system's sources and keys.
fn configuration(debian: &str, work: &Path) -> String {
    let work = work.display();
    format!(
        "APT::Architecture \"{debian}\";\n\
         APT::Architectures {{ \"{debian}\"; }};\n\
         APT::Sandbox::User \"root\";\n\
         Acquire::Languages \"none\";\n\
         Dir::State \"{work}\";\n\
         Dir::State::lists \"{work}/lists\";\n\
         Dir::State::status \"{work}/status\";\n\
         Dir::Cache \"{work}/cache\";\n"
    )
}

/// Finds the kernel's package in what `apt-cache depends` says of the one that depends on it.
fn dependency(depends: &str) -> Option<&str> {
    let names = depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "));
    let mut kernels = names.filter(|name| name.starts_with("linux-image-"));
    kernels.next()
}

/// Takes the kernel's image out of the package in `work`.
fn unpack(work: &Path) -> Result<PathBuf> {
    let mut command = Command::new("sh");
    let script = "dpkg-deb --fsys-tarfile *.deb | tar -x --wildcards './boot/vmlinu*'";
    command.args(["-c", script]).current_dir(work);
    run(command)?;
    image_in(&work.join("boot")).context("the package holds no boot/vmlinu*")
}

/// Finds the image in a directory, the last one by name.
fn image_in(directory: &Path) -> Option<PathBuf> {
    let entries = directory.read_dir().ok()?.flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("vmlinu"))
        .map(|entry| entry.path())
        .max()
}

/// Returns the kernel's release, as its image's name has it.
fn release(image: &Path) -> String {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let release = name.split_once('-').map_or(&*name, |(_, release)| release);
    release.to_owned()
}

/// Runs a command to its end; returns all that it printed.
fn run(command: Command) -> Result<String> {
    let shown = process::show(&command);
    let finished = process::capture(command, b"", LIMIT)?;
    let told = String::from_utf8_lossy(&finished.output).into_owned();
    ensure!(
        finished.ended.code() == Some(0),
        "`{shown}`: {}\n{}",
        finished.ended.describe(),
        told.trim_end()
    );
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_found_among_the_dependencies() {
        let said = "linux-image-arm64\n  Depends: linux-image-6.1.0-9-arm64\n  Suggests: x\n";
        assert_eq!(dependency(said), Some("linux-image-6.1.0-9-arm64"));
        assert_eq!(dependency("linux-image-arm64\n  Depends: other\n"), None);
        assert_eq!(dependency(""), None);
    }

    #[test]
    fn apt_works_below_one_directory_with_one_cpu() {
        let text = configuration("s390x", Path::new("/w"));
        assert!(text.contains("APT::Architecture \"s390x\";"));
        assert!(text.contains("APT::Architectures { \"s390x\"; };"));
        for key in ["State", "State::lists", "State::status", "Cache"] {
            assert!(text.contains(&format!("Dir::{key} \"/w")), "{text}");
        }
    }

    #[test]
    fn a_release_is_the_images_name_without_the_first_word() {
        assert_eq!(
            release(Path::new("/x/vmlinuz-6.1.0-9-arm64")),
            "6.1.0-9-arm64"
        );
        assert_eq!(release(Path::new("vmlinux")), "vmlinux");
    }
}
