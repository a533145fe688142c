//! Runs gdb with a script and returns what it printed.
//!
//! Scripts stay beside the program, so that a failed session can be repeated by hand.

use super::judge::Transcript;
use crate::guest::Guest;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The debugger for this machine's own programs.
pub const NATIVE: &str = "gdb";
/// The debugger for programs of other CPUs.
pub const EMULATED: &str = "gdb-multiarch";

/// Commands only from the script, none from the user's own files.
const ARGUMENTS: [&str; 4] = ["-nx", "-q", "-batch", "-x"];
/// What every script begins with. Of itself gdb looks no further than the program's entry point;
/// other debuggers go by what the program says, so it is that which is looked at.
const PREAMBLE: &str = "set pagination off\n\
                        set confirm off\n\
                        set width 0\n\
                        set startup-with-shell off\n\
                        set backtrace past-entry on\n\
                        handle SIGUSR1 nostop noprint pass\n";

/// Emulated CPUs that are not the emulator's default. gdb refuses signal frames whose vectors have
/// another length than the emulator's debugger interface tells; these CPUs have no long vectors.
const PLAIN_CPUS: &[(&str, &str)] = &[("aarch64", "cortex-a57")];

/// Starts the emulator, waits until its socket listens, and becomes the debugger.
const EMULATED_SCRIPT: &str = r#"
socket=$1 script=$2 program=$3 debugger=$4; shift 4
"$@" -g "$socket" "$program" </dev/null &
until grep -q "00010000 .* $socket$" /proc/net/unix; do
    kill -0 $! 2>/dev/null || { echo "the emulator did not start"; exit 1; }
    sleep 0.02
done
exec "$debugger" -nx -q -batch -x "$script" "$program"
"#;

/// Runs `script`, which is called `name`, with the program not yet started.
pub fn native(guest: &Guest, name: &str, script: &str) -> Result<Transcript, String> {
    let mut command = Command::new(NATIVE);
    command.args(ARGUMENTS).arg(write(guest, name, script)?);
    command.arg(&guest.path);
    run(guest, command)
}

/// Opens a core file and prints every thread's backtrace in the section `asleep`.
pub fn core(guest: &Guest, core: &Path) -> Result<Transcript, String> {
    let script = "echo == asleep\\n\nthread apply all backtrace 50\necho == end\\n\n";
    let mut command = Command::new(NATIVE);
    command.args(ARGUMENTS).arg(write(guest, "core", script)?);
    command.args([&guest.path, core]);
    run(guest, command)
}

/// Runs `script` with the program in the emulator, before its first instruction.
pub fn emulated(guest: &Guest, name: &str, script: &str) -> Result<Transcript, String> {
    let target = guest.build.target;
    // Not beside the program: a socket's path may have 107 bytes.
    let file = format!("debugger-{}-{}", std::process::id(), guest.build.label());
    let socket = std::env::temp_dir().join(file.replace(' ', ""));
    let script = format!("target remote {}\n{script}", socket.display());
    let mut command = Command::new("sh");
    command.args(["-c", EMULATED_SCRIPT, "sh"]).arg(&socket);
    command.arg(write(guest, name, &script)?).arg(&guest.path);
    command.args([EMULATED, target.qemu]).args(target.qemu_args);
    for (_, cpu) in PLAIN_CPUS.iter().filter(|(name, _)| *name == target.name) {
        command.args(["-cpu", cpu]);
    }
    let told = run(guest, command);
    // The emulator leaves it behind.
    std::fs::remove_file(&socket).ok();
    told
}

/// Writes a script beside the program and returns its path.
fn write(guest: &Guest, name: &str, script: &str) -> Result<PathBuf, String> {
    let path = guest.path.with_extension(format!("{name}.gdb"));
    std::fs::write(&path, format!("{PREAMBLE}{script}"))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}

fn run(guest: &Guest, mut command: Command) -> Result<Transcript, String> {
    // The judgement goes by English texts, and debug information is looked for nowhere else.
    command.env("LC_ALL", "C").env_remove("DEBUGINFOD_URLS");
    // Should gdb itself die, its core file must not lie among the sources.
    if let Some(directory) = guest.path.parent() {
        command.current_dir(directory);
    }
    let shown = process::show(&command);
    let finished =
        process::capture(command, b"", guest.limit()).map_err(|error| format!("{error:#}"))?;
    let told = Transcript(String::from_utf8_lossy(&finished.output).into_owned());
    if finished.ended.code() != Some(0) || told.section("end").is_err() {
        return Err(format!(
            "{}; a debugger needs the right to ptrace, which containers may lack\n\
             repeat it with:\n{shown}\nthe debugger said:\n{told}",
            finished.ended.describe()
        ));
    }
    Ok(told)
}
