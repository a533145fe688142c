//! `httpd`: files of a directory over HTTP, with a thread for each connection.
//!
//! What it shows: many threads with small stacks and lightweight guards, sockets by another crate
//! (rustix), signals as plain code, a stop that loses nothing, and what to do when the system has
//! no more descriptors or threads to give. No libc, no heap. Run it with
//! `cargo run --release --package httpd -- DIRECTORY`.
//!
//! - `options`: the command line.
//! - `door`: who is connected; the only shared state.
//! - `connection`: a client's requests; `http`: what they mean; `files`: what is found.
//! - `words`: what the kernel's refusals say.
//!
//! `GET` and `HEAD` of HTTP/1.0 and 1.1, persistent connections and requests in advance; no
//! bodies, ranges, directory listings, compression or TLS. A directory's page is its `index.html`,
//! by a path that ends with `/`.
//!
//! | Limit | | What comes of it |
//! |---|---|---|
//! | request line, head | 2048, 4096 bytes | 414, 431 |
//! | head | 10 s | 408 |
//! | between requests | 60 s | closed |
//! | a client that reads | 64 KiB in 10 s | reset |
//! | connections | 10,000 | the next ones wait in the kernel's queue |
//! | descriptors | the system's hard limit | likewise; a file waits a second, then 503 |
//! | threads | the system's | a second, then 503 |
//!
//! On SIGTERM and SIGINT it accepts no more, finishes what it answers, closes the connections and
//! exits with 0; with 1 if some had to be cut off after 10 s.

#![no_std]
#![no_main]

mod connection;
mod door;
mod files;
mod http;
mod options;
mod words;

use core::ffi::CStr;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use connection::Server;
use door::{DESCRIPTORS_MAX, Door, Guest};
use options::Options;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, Shutdown, SocketFlags, SocketType, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use threadbare::process::ExitCode;
use threadbare::signal::{self, Signal, SignalSet};
use threadbare::sync::OnceLock;
use threadbare::thread::{self, Builder, CacheLimits, Guard};
use threadbare::time::Instant;
use threadbare::{eprintln, println};

threadbare::entry!(main);

/// What a connection's thread gets. By measure it touches two pages of 4 KiB, what lies above the
/// stack included, and three where code is not optimised; larger frames than these have room, too.
pub const STACK_BYTES: usize = 32 << 10;
/// Clients that may wait to be let in; the kernel may allow fewer.
const BACKLOG: i32 = 4096;
/// How long a client waits for a thread when there is none, and how often it is looked for one.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Statics, because threads outlive every stack frame but the first.
static DOOR: Door = Door::new();
static DIRECTORY: OnceLock<OwnedFd> = OnceLock::new();
static LISTENER: OnceLock<OwnedFd> = OnceLock::new();

fn main() -> ExitCode {
    let options = match options::read() {
        Ok(options) => options,
        Err(complaint) => {
            eprintln!("httpd: {complaint}\nusage: httpd [--listen=ADDRESS:PORT] DIRECTORY");
            return ExitCode::FAILURE;
        }
    };
    match run(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(count) => {
            eprintln!("httpd: {count} connections were cut off");
            ExitCode::FAILURE
        }
        Err(Failure(what, errno)) => {
            eprintln!("httpd: {what}: {}", words::Reason(errno));
            ExitCode::FAILURE
        }
    }
}

/// What the server cannot do without, and what the kernel says of it.
struct Failure(What, Errno);

enum What {
    Directory(&'static CStr),
    Address(SocketAddr),
    Acceptor,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Directory(path) => write!(f, "{}", words::Path(path)),
            What::Address(address) => write!(f, "{address}"),
            What::Acceptor => f.write_str("a thread for new connections"),
        }
    }
}

/// Serves until a signal says stop; returns how many connections were cut off.
fn run(options: &Options) -> Result<usize, Failure> {
    // Before the first thread, which inherits it: this one takes them, as plain code.
    let orders = SignalSet::from([Signal::TERM, Signal::INT]);
    signal::block(&orders);
    // A client that is gone is an error where it is written to, and no more.
    signal::block(&SignalSet::from([Signal::PIPE]));
    raise_descriptor_limit();
    thread::set_cache_limits(CacheLimits {
        mappings_max: options.connections_max,
        ..CacheLimits::DEFAULT
    });
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(options.directory, flags, Mode::empty());
    let no_directory = |errno| Failure(What::Directory(options.directory), errno);
    let directory = directory.map_err(no_directory)?;
    let directory = DIRECTORY.get_or_init(|| directory);
    let no_address = |errno| Failure(What::Address(options.listen), errno);
    let listener = listen(options).map_err(no_address)?;
    let listener = LISTENER.get_or_init(|| listener);
    let address = net::getsockname(listener).map_err(no_address)?;
    let server = Server {
        door: &DOOR,
        directory,
        limits: options.limits,
    };
    let connections_max = options.connections_max;
    let acceptor = Builder::new().name("acceptor").stack_size(64 << 10);
    let acceptor = acceptor.spawn(move || accept(server, listener, connections_max));
    let acceptor = acceptor.map_err(|_| Failure(What::Acceptor, Errno::AGAIN))?;
    if let Ok(address) = SocketAddr::try_from(address) {
        println!("httpd: serving http://{address}/");
    }
    signal::wait(&orders);
    DOOR.close();
    // Whoever waits in `accept` is told so.
    let _ = net::shutdown(listener, Shutdown::Both);
    let _ = acceptor.join();
    Ok(DOOR.wait_until_empty(options.grace))
}

/// A descriptor for each connection, and one for the file that it is sent.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = DESCRIPTORS_MAX as u64;
    let wanted = Rlimit {
        current: Some(limit.maximum.map_or(most, |maximum| maximum.min(most))),
        maximum: limit.maximum,
    };
    // If not, fewer connections fit at a time.
    let _ = setrlimit(Resource::Nofile, wanted);
}

fn listen(options: &Options) -> Result<OwnedFd, Errno> {
    let family = match options.listen {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &options.listen)?;
    net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

/// Lets clients in, as many as there may be, and gives each a thread.
///
/// What the system has not got now it may have later: then a client waits in the kernel's queue.
///
/// It does not wait in `accept4`, which takes a descriptor before it waits (`net/socket.c`) and
/// would keep the last one from a file for as long as no client comes.
fn accept(server: Server, listener: &OwnedFd, connections_max: usize) {
    while server.door.wait_for_room(connections_max) {
        match net::accept_with(listener, SocketFlags::CLOEXEC) {
            Ok(socket) => {
                if let Some(guest) = server.door.enter(socket) {
                    start(server, guest);
                }
            }
            Err(Errno::AGAIN) => wait_for_client(listener),
            // Said whether or not there is a client.
            Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                wait_for_client(listener);
                server.door.wait_for_leave(LOOK_EVERY);
            }
            // The door was closed; or the client was gone before it got in (accept(2)).
            Err(_) => {}
        }
    }
}

/// Waits until a client stands before the door, or the door is closed.
fn wait_for_client(listener: &OwnedFd) {
    // A failure is one of `accept4`, too, which comes next.
    let _ = poll(&mut [PollFd::new(listener, PollFlags::IN)], None);
}

/// Starts a thread for a connection; without one to be had, the client is told so.
fn start(server: Server, guest: Guest) {
    let begun = Instant::now();
    let socket = guest.socket().as_raw_fd();
    let mut job = move || connection::serve(server, guest);
    loop {
        let builder = Builder::new().stack_size(server.limits.stack_bytes);
        let refused = match builder.guard(Guard::Lightweight).spawn_or_return(job) {
            // Nobody joins it: its memory serves the next one.
            Ok(handle) => return handle.detach(),
            Err(refused) => refused,
        };
        job = refused.closure;
        if begun.elapsed() >= PATIENCE || server.door.is_closed() {
            // SAFETY: it is open as long as the job, which owns it and has not run.
            return connection::turn_away(unsafe { BorrowedFd::borrow_raw(socket) });
        }
        server.door.wait_for_leave(LOOK_EVERY);
    }
}
