//! One client: its requests one after the other, each with its limits, and an answer to each.
//!
//! The thread's stack is all the memory that a connection has. The head is read into it, a file
//! goes from the page cache into the socket without a copy here.

use core::time::Duration;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use threadbare::io::{SliceWriter, Write};
use threadbare::time::{Instant, SystemTime};

use crate::door::{Door, Guest};
use crate::files::{self, Found};
use crate::http::{self, HEAD_BYTES_MAX, RESPONSE_BYTES_MAX, Request, Response, Status};
use crate::options::Limits;

const HELLO: &[u8] = b"Hello, world!\n";
const TEXT: &str = "text/plain; charset=utf-8";
/// How much of a file is handed to the kernel at once.
const CHUNK_BYTES: usize = 1 << 20;
/// For how long, and up to how many bytes, a client that was refused may go on sending.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 << 10;
/// How long a file waits for a descriptor when there is none.
const PATIENCE: Duration = Duration::from_secs(1);
/// And how often it is looked for one: who leaves between a look and a wait wakes nobody.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why a connection ends without an answer.
enum End {
    /// It is over, or the client is gone.
    Gone,
    /// The client takes nothing.
    Slow,
}

/// What every connection knows of the server.
#[derive(Clone, Copy)]
pub struct Server {
    pub door: &'static Door,
    pub directory: &'static OwnedFd,
    pub limits: Limits,
}

/// Serves a client until it has enough.
pub fn serve(server: Server, guest: Guest) {
    let client = Client {
        server,
        socket: guest.socket(),
    };
    if client.prepare().is_ok() && client.requests().is_err() {
        // It is of no use to wait for who does not take what it is sent.
        let _ = sockopt::set_socket_linger(client.socket, Some(Duration::ZERO));
    }
}

/// Refuses a client for whom there is no thread, without waiting for it.
pub fn turn_away(socket: BorrowedFd<'_>) {
    let mut text = [0; RESPONSE_BYTES_MAX];
    let text = refusal(&mut text, Status::Unavailable, false, false);
    let _ = send(socket, text, SendFlags::DONTWAIT);
}

/// What came of reading a head.
enum Head {
    /// It ends there.
    Whole(usize),
    Refused(Status),
    /// There is none.
    None,
}

struct Client<'s> {
    server: Server,
    socket: &'s OwnedFd,
}

impl Client<'_> {
    /// Tells the kernel how patient it is to be.
    fn prepare(&self) -> Result<(), Errno> {
        let limits = &self.server.limits;
        sockopt::set_socket_timeout(self.socket, Timeout::Recv, Some(limits.idle))?;
        sockopt::set_socket_timeout(self.socket, Timeout::Send, Some(limits.write))?;
        sockopt::set_tcp_nodelay(self.socket, true)
    }

    /// Answers requests until there are no more; an error if the client was too slow.
    fn requests(&self) -> Result<(), ()> {
        let mut buffer = [0; HEAD_BYTES_MAX];
        let mut used = 0;
        loop {
            let end = match self.read_head(&mut buffer, &mut used) {
                Head::Whole(end) => end,
                Head::Refused(status) => return self.refuse(status),
                Head::None => return Ok(()),
            };
            let request = match http::parse(&mut buffer[..end]) {
                Ok(request) => request,
                Err(status) => return self.refuse(status),
            };
            let keeps_alive = request.keeps_alive && !self.server.door.is_closed();
            match self.answer(&request, keeps_alive) {
                Ok(()) if keeps_alive => {}
                Ok(()) => return Ok(()),
                Err(End::Gone) => return Ok(()),
                Err(End::Slow) => return Err(()),
            }
            buffer.copy_within(end..used, 0);
            used -= end;
        }
    }

    /// Reads until a head is whole, whose beginning may be there already.
    fn read_head(&self, buffer: &mut [u8; HEAD_BYTES_MAX], used: &mut usize) -> Head {
        // Of a request that has begun, and the patience that the kernel has then.
        let mut deadline: Option<Instant> = None;
        let head = loop {
            // Empty lines in front of a request are to be overlooked.
            while buffer[..*used].starts_with(b"\r\n") {
                buffer.copy_within(2..*used, 0);
                *used -= 2;
            }
            if let Some(end) = http::head_end(&buffer[..*used]) {
                break Head::Whole(end);
            }
            if *used == HEAD_BYTES_MAX {
                return Head::Refused(http::too_large(buffer));
            }
            if *used > 0 {
                let now = Instant::now();
                let end = *deadline.get_or_insert_with(|| now + self.server.limits.head);
                let left = end.saturating_duration_since(now);
                if left.is_zero() {
                    return Head::Refused(Status::RequestTimeout);
                }
                if self.set_patience(left).is_err() {
                    return Head::None;
                }
            }
            match recv(self.socket, &mut buffer[*used..], RecvFlags::empty()) {
                Ok((0, _)) => return Head::None,
                Ok((count, _)) => *used += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if *used > 0 => return Head::Refused(Status::RequestTimeout),
                Err(_) => return Head::None,
            }
        };
        if deadline.is_some() && self.set_patience(self.server.limits.idle).is_err() {
            return Head::None;
        }
        head
    }

    fn set_patience(&self, time: Duration) -> Result<(), Errno> {
        // The kernel counts microseconds, and none are for ever.
        let time = time.max(Duration::from_micros(1));
        sockopt::set_socket_timeout(self.socket, Timeout::Recv, Some(time))
    }

    fn answer(&self, request: &Request<'_>, keeps_alive: bool) -> Result<(), End> {
        if request.path == b"/hello" {
            let body = if request.is_head { b"" } else { HELLO };
            let mut memory = [0; RESPONSE_BYTES_MAX];
            let length = HELLO.len() as u64;
            let text = head(&mut memory, Status::Ok, (TEXT, length), keeps_alive, body);
            return self.send_all(text, SendFlags::empty());
        }
        match self.open(request.path) {
            Ok(found) => self.send_file(request, &found, keeps_alive),
            Err(status) => {
                let mut memory = [0; RESPONSE_BYTES_MAX];
                let text = refusal(&mut memory, status, keeps_alive, request.is_head);
                self.send_all(text, SendFlags::empty())
            }
        }
    }

    /// Opens a file; if there is no descriptor for it, when somebody has left.
    fn open(&self, path: &[u8]) -> Result<Found, Status> {
        let begun = Instant::now();
        loop {
            match files::open(self.server.directory.as_fd(), path) {
                Ok(found) => return Ok(found),
                Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => {
                    let left = PATIENCE.saturating_sub(begun.elapsed());
                    if left.is_zero() || self.server.door.is_closed() {
                        return Err(Status::Unavailable);
                    }
                    self.server.door.wait_for_leave(left.min(LOOK_EVERY));
                }
                Err(Errno::IO) => return Err(Status::ServerError),
                // What may not be read is not there: nobody needs to know more.
                Err(_) => return Err(Status::NotFound),
            }
        }
    }

    fn send_file(
        &self,
        request: &Request<'_>,
        found: &Found,
        keeps_alive: bool,
    ) -> Result<(), End> {
        let mut memory = [0; RESPONSE_BYTES_MAX];
        let media_type = http::media_type(request.path);
        let about = (media_type, found.bytes);
        let text = head(&mut memory, Status::Ok, about, keeps_alive, b"");
        if request.is_head || found.bytes == 0 {
            return self.send_all(text, SendFlags::empty());
        }
        self.send_all(text, SendFlags::MORE)?;
        let mut left = found.bytes;
        while left > 0 {
            let wanted = usize::try_from(left)
                .unwrap_or(CHUNK_BYTES)
                .min(CHUNK_BYTES);
            let begun = Instant::now();
            let sent = sendfile(self.socket, &found.file, None, wanted);
            left -= self.progress(sent, wanted, begun)? as u64;
        }
        Ok(())
    }

    /// Sends everything, or finds that the client does not take it.
    fn send_all(&self, mut text: &[u8], flags: SendFlags) -> Result<(), End> {
        while !text.is_empty() {
            let begun = Instant::now();
            let sent = send(self.socket, text, flags);
            text = &text[self.progress(sent, text.len(), begun)?..];
        }
        Ok(())
    }

    /// How much of `wanted` bytes was sent by a call that began at `begun`: it ends early when the
    /// kernel's patience does, but also because the process was stopped and goes on.
    fn progress(
        &self,
        sent: Result<usize, Errno>,
        wanted: usize,
        begun: Instant,
    ) -> Result<usize, End> {
        match sent {
            // The file has become shorter than what is promised.
            Ok(0) | Err(Errno::AGAIN) => Err(End::Slow),
            Ok(sent) if sent < wanted && begun.elapsed() >= self.server.limits.write => {
                Err(End::Slow)
            }
            Ok(sent) => Ok(sent),
            Err(Errno::INTR) => Ok(0),
            Err(_) => Err(End::Gone),
        }
    }

    /// Says why nothing more is answered, and lets the client read that: the kernel resets a
    /// connection that is closed with bytes unread, and what was sent would be lost.
    fn refuse(&self, status: Status) -> Result<(), ()> {
        let mut memory = [0; RESPONSE_BYTES_MAX];
        let text = refusal(&mut memory, status, false, false);
        match self.send_all(text, SendFlags::empty()) {
            Ok(()) => {}
            Err(End::Gone) => return Ok(()),
            Err(End::Slow) => return Err(()),
        }
        if shutdown(self.socket, Shutdown::Write).is_err() {
            return Ok(());
        }
        let end = Instant::now() + LINGER;
        let mut left = LINGER_BYTES;
        loop {
            let time = end.saturating_duration_since(Instant::now());
            if time.is_zero() || self.set_patience(time).is_err() {
                return Ok(());
            }
            match recv(self.socket, &mut [0; 512][..], RecvFlags::empty()) {
                Ok((count, _)) if count > 0 && count <= left => left -= count,
                Err(Errno::INTR) => {}
                _ => return Ok(()),
            }
        }
    }
}

/// Writes a response's head and what follows it at once.
fn head<'m>(
    memory: &'m mut [u8; RESPONSE_BYTES_MAX],
    status: Status,
    (media_type, length): (&'static str, u64),
    keeps_alive: bool,
    body: &[u8],
) -> &'m [u8] {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let response = Response {
        status,
        media_type,
        length,
        keeps_alive,
        now: now.map_or(0, |time| time.as_secs()),
    };
    let mut out = SliceWriter::new(memory);
    let written = write!(out, "{response}").is_ok() && out.write_all(body).is_ok();
    assert!(written, "RESPONSE_BYTES_MAX is too little");
    out.into_written()
}

/// A response that says no more than its status.
fn refusal(
    memory: &mut [u8; RESPONSE_BYTES_MAX],
    status: Status,
    keeps_alive: bool,
    is_head: bool,
) -> &[u8] {
    let body = status.line().as_bytes();
    let length = body.len() as u64;
    let body = if is_head { b"" } else { body };
    head(memory, status, (TEXT, length), keeps_alive, body)
}
