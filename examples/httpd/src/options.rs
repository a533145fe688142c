//! The command line: `--name=value` and a directory.

use core::ffi::CStr;
use core::fmt;
use core::net::SocketAddr;
use core::str::FromStr;
use core::time::Duration;

use threadbare::env;

/// What the server is told.
pub struct Options {
    pub directory: &'static CStr,
    pub listen: SocketAddr,
    /// How many connections at a time.
    pub connections_max: usize,
    pub limits: Limits,
    /// How long connections may take to finish once the server is to stop.
    pub grace: Duration,
}

/// How patient the server is with one client.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Between requests.
    pub idle: Duration,
    /// From a request's first byte to the end of its head.
    pub head: Duration,
    /// For the client to take 64 KiB of a response.
    pub write: Duration,
    pub stack_bytes: usize,
}

/// What is wrong with the command line.
pub enum Complaint {
    Unknown(&'static CStr),
    BadValue(&'static str, &'static str),
    NoDirectory,
    NotText(&'static CStr),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Complaint::Unknown(word) => write!(f, "what is {word:?}?"),
            Complaint::BadValue(name, value) => write!(f, "--{name} cannot be '{value}'"),
            Complaint::NoDirectory => f.write_str("which directory?"),
            Complaint::NotText(word) => write!(f, "{word:?} is not UTF-8"),
        }
    }
}

/// Reads the command line.
pub fn read() -> Result<Options, Complaint> {
    let mut directory = None;
    let mut options = Options {
        directory: c".",
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        connections_max: 10_000,
        limits: Limits {
            idle: Duration::from_secs(60),
            head: Duration::from_secs(10),
            write: Duration::from_secs(10),
            stack_bytes: super::STACK_BYTES,
        },
        grace: Duration::from_secs(10),
    };
    for word in env::args_os().skip(1) {
        if !word.to_bytes().starts_with(b"--") {
            if directory.replace(word).is_some() {
                return Err(Complaint::Unknown(word));
            }
            continue;
        }
        let text = word.to_str().map_err(|_| Complaint::NotText(word))?;
        let (name, value) = text[2..].split_once('=').ok_or(Complaint::Unknown(word))?;
        match name {
            "listen" => options.listen = number(name, value)?,
            "connections" => options.connections_max = number(name, value)?,
            "stack-size" => options.limits.stack_bytes = number(name, value)?,
            "idle-ms" => options.limits.idle = milliseconds(name, value)?,
            "head-ms" => options.limits.head = milliseconds(name, value)?,
            "write-ms" => options.limits.write = milliseconds(name, value)?,
            "grace-ms" => options.grace = milliseconds(name, value)?,
            _ => return Err(Complaint::Unknown(word)),
        }
    }
    if options.connections_max == 0 {
        return Err(Complaint::BadValue("connections", "0"));
    }
    options.directory = directory.ok_or(Complaint::NoDirectory)?;
    Ok(options)
}

fn number<T: FromStr>(name: &'static str, value: &'static str) -> Result<T, Complaint> {
    value.parse().map_err(|_| Complaint::BadValue(name, value))
}

/// At least one: for the kernel, no time at all is for ever.
fn milliseconds(name: &'static str, value: &'static str) -> Result<Duration, Complaint> {
    match number(name, value)? {
        0 => Err(Complaint::BadValue(name, value)),
        count => Ok(Duration::from_millis(count)),
    }
}
