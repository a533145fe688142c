//! A server that runs, what it serves, and how it ended.

use super::client::Client;
use crate::guest::Guest;
use crate::process::{self, Ended};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Debug;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server may take to end once it is told; an emulated one, too.
const END_LIMIT: Duration = Duration::from_secs(30);
/// What the large file holds, in bytes: more than sockets do.
pub const LARGE_BYTES: usize = 24 << 20;
/// What the text file says.
pub const TEXT: &[u8] = b"one two\nthree\n";
/// What the directory's page says.
pub const PAGE: &[u8] = b"<p>the page</p>\n";

/// A directory to serve, and one beside it that must not be served; removed when dropped.
pub struct Site {
    base: PathBuf,
}

impl Site {
    pub fn new() -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("threadbare-httpd-{}-{count}", std::process::id());
        let base = std::env::temp_dir().join(name);
        let site = Self { base };
        let root = site.root();
        fs::create_dir_all(root.join("folder/deep")).context("cannot make a site")?;
        fs::write(root.join("text.txt"), TEXT)?;
        fs::write(root.join("empty"), b"")?;
        fs::write(root.join("folder/index.html"), PAGE)?;
        fs::write(root.join("folder/deep/a b.txt"), TEXT)?;
        fs::write(site.base.join("secret"), b"secret\n")?;
        std::os::unix::fs::symlink("../secret", root.join("way-out"))?;
        std::os::unix::fs::symlink("..", root.join("up"))?;
        Ok(site)
    }

    pub fn root(&self) -> PathBuf {
        self.base.join("root")
    }

    /// Adds the large file and returns what is in it.
    pub fn with_large_file(&self) -> Result<Vec<u8>> {
        let word = |number: u32| number.wrapping_mul(2_654_435_761).to_le_bytes();
        let bytes: Vec<u8> = (0..LARGE_BYTES as u32 / 4).flat_map(word).collect();
        fs::write(self.root().join("large"), &bytes)?;
        Ok(bytes)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.base).ok();
    }
}

/// A server; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it on a free port and waits until it says which.
    pub fn start(guest: &Guest, root: &Path, options: &[&str]) -> Result<Self> {
        Self::run(guest.command(), root, options)
    }

    /// The same in a shell, which may lower limits first: `prelude` is one command.
    pub fn start_after(
        prelude: &str,
        guest: &Guest,
        root: &Path,
        options: &[&str],
    ) -> Result<Self> {
        let inner = guest.command();
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{prelude} && exec \"$@\""))
            .arg("sh");
        command.arg(inner.get_program()).args(inner.get_args());
        Self::run(command, root, options)
    }

    /// Starts any program that takes the same arguments and says the same.
    pub fn run(mut command: Command, root: &Path, options: &[&str]) -> Result<Self> {
        command.arg("--listen=127.0.0.1:0").args(options).arg(root);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let shown = process::show(&command);
        let mut child = process::spawn(&mut command)?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("stdout is piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("httpd: serving http://");
        let address = address.and_then(|rest| rest.strip_suffix('/')?.parse().ok());
        let Some(address) = address else {
            let ended = process::wait_until(&mut child, Instant::now() + END_LIMIT, END_LIMIT)?;
            let mut told = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut told)?;
            }
            bail!(
                "`{shown}` said {line:?}, not where it serves; {}: {told}",
                ended.describe()
            );
        };
        Ok(Self { child, address })
    }

    pub fn client(&self) -> Result<Client> {
        Client::connect(self.address)
    }

    /// Asks for `/hello`, which must come.
    pub fn serves(&self) -> Result<()> {
        let response = self.client()?.get("/hello")?;
        ensure!(
            response.is_hello(),
            "not the answer to /hello: {response:?}"
        );
        Ok(())
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }

    /// Reads a number of its `/proc/PID/status`.
    pub fn status(&self, name: &str) -> Result<u64> {
        let text = fs::read_to_string(self.proc("status"))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("no {name} in /proc/PID/status"))
    }

    pub fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(self.proc("fd"))?.count())
    }

    /// How many of the first `count` numbers are no descriptor's: what it inherited may have been
    /// opened under a higher limit.
    pub fn free_below(&self, count: usize) -> Result<usize> {
        let is_free = |number: &usize| !self.proc(&format!("fd/{number}")).is_symlink();
        Ok((0..count).filter(is_free).count())
    }

    /// Waits until it has as many threads and descriptors as one without clients.
    pub fn is_at_rest(&self, descriptors: usize) -> Result<()> {
        becomes(
            || Ok((self.status("Threads")?, self.descriptors()?)),
            &(2, descriptors),
        )
        .context("threads and descriptors, with no client there")
    }

    /// Waits until it has as many descriptors.
    pub fn has_descriptors(&self, descriptors: usize) -> Result<()> {
        becomes(|| self.descriptors(), &descriptors).context("descriptors")
    }

    /// Waits until all its threads are in a state, which is proc(5)'s letter.
    pub fn all_are(&self, state: &str) -> Result<()> {
        let look = || {
            let mut states = Vec::new();
            for task in fs::read_dir(self.proc("task"))? {
                let text = fs::read_to_string(task?.path().join("stat"))?;
                // Behind the name, which may hold anything.
                let rest = text.rsplit(')').next().unwrap_or_default();
                states.extend(rest.split_whitespace().next().map(str::to_owned));
            }
            states.dedup();
            Ok(states)
        };
        becomes(look, &vec![state.to_owned()]).context("states of threads")
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("child's id")?, signal).context("cannot signal the server")
    }

    /// Waits for its end; returns that and what it wrote to standard error.
    pub fn end(mut self) -> Result<(Ended, String)> {
        let ended = process::wait_until(&mut self.child, Instant::now() + END_LIMIT, END_LIMIT)?;
        let mut told = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut told)?;
        }
        Ok((ended, told))
    }

    /// Tells it to stop, which it must do with status 0 and nothing to say.
    pub fn stop(self) -> Result<()> {
        self.signal(Signal::TERM)?;
        let (ended, told) = self.end()?;
        ensure!(
            ended.code() == Some(0) && told.is_empty(),
            "after SIGTERM: {}; it wrote {told:?}",
            ended.describe()
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            process::kill(&mut self.child).ok();
        }
    }
}

/// Looks again and again, until what is seen is as it must become.
fn becomes<T: PartialEq + Debug>(look: impl Fn() -> Result<T>, wanted: &T) -> Result<()> {
    let begun = Instant::now();
    loop {
        let seen = look()?;
        if seen == *wanted {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < Duration::from_secs(10),
            "{seen:?} and not {wanted:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
