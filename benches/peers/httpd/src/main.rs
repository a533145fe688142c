//! The example `httpd` as it is written for `std`: the same answers and limits, a thread per
//! connection, `TcpListener`, `File` and `io::copy`, which calls `sendfile`.
//!
//! What it leaves out: an orderly stop, a queue at the door, and a wait for descriptors. Symbolic
//! links are followed.

#[path = "../../../../examples/httpd/src/http.rs"]
mod http;

use http::{HEAD_BYTES_MAX, RESPONSE_BYTES_MAX, Request, Response, Status};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::Builder;
use std::time::{Duration, Instant, SystemTime};

const HELLO: &[u8] = b"Hello, world!\n";
const TEXT: &str = "text/plain; charset=utf-8";
/// As much as `httpd` gives; glibc adds what thread-locals need.
const STACK_BYTES: usize = 32 << 10;
const IDLE: Duration = Duration::from_secs(60);
const HEAD: Duration = Duration::from_secs(10);
const WRITE: Duration = Duration::from_secs(10);

/// Too many open files, and a broken disk: errno(3).
const EMFILE: i32 = 24;
const EIO: i32 = 5;

static ROOT: OnceLock<PathBuf> = OnceLock::new();

fn main() -> io::Result<()> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    for word in std::env::args().skip(1) {
        match word.strip_prefix("--listen=") {
            Some(address) => listen = address.parse().map_err(io::Error::other)?,
            None => drop(ROOT.set(word.into())),
        }
    }
    let root = ROOT.get_or_init(|| ".".into());
    let listener = TcpListener::bind(listen)?;
    println!("httpd: serving http://{}/", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let thread = Builder::new().stack_size(STACK_BYTES);
        // Without a thread the client is sent away.
        drop(thread.spawn(move || serve(root, stream)));
    }
}

/// Serves a client until it has enough, or something is wrong.
fn serve(root: &Path, mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(WRITE))?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; HEAD_BYTES_MAX];
    let mut used = 0;
    loop {
        let head = read_head(&mut stream, &mut buffer, &mut used)?;
        let refused = match head {
            Ok(None) => return Ok(()),
            Ok(Some(end)) => match http::parse(&mut buffer[..end]) {
                Ok(request) => {
                    answer(root, &mut stream, &request)?;
                    if !request.keeps_alive {
                        return Ok(());
                    }
                    buffer.copy_within(end..used, 0);
                    used -= end;
                    continue;
                }
                Err(status) => status,
            },
            Err(status) => status,
        };
        return refuse(&mut stream, refused, false, false);
    }
}

/// Where the head ends, if there is one; or why it is refused.
fn read_head(
    stream: &mut TcpStream,
    buffer: &mut [u8; HEAD_BYTES_MAX],
    used: &mut usize,
) -> io::Result<Result<Option<usize>, Status>> {
    let mut deadline: Option<Instant> = None;
    let end = loop {
        while buffer[..*used].starts_with(b"\r\n") {
            buffer.copy_within(2..*used, 0);
            *used -= 2;
        }
        if let Some(end) = http::head_end(&buffer[..*used]) {
            break end;
        }
        if *used == HEAD_BYTES_MAX {
            return Ok(Err(http::too_large(buffer)));
        }
        if *used > 0 {
            let now = Instant::now();
            let end = *deadline.get_or_insert_with(|| now + HEAD);
            let left = end.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(Err(Status::RequestTimeout));
            }
            stream.set_read_timeout(Some(left))?;
        }
        match stream.read(&mut buffer[*used..]) {
            Ok(0) => return Ok(Ok(None)),
            Ok(count) => *used += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && *used > 0 => {
                return Ok(Err(Status::RequestTimeout));
            }
            Err(error) => return Err(error),
        }
    };
    if deadline.is_some() {
        stream.set_read_timeout(Some(IDLE))?;
    }
    Ok(Ok(Some(end)))
}

fn answer(root: &Path, stream: &mut TcpStream, request: &Request<'_>) -> io::Result<()> {
    let keeps_alive = request.keeps_alive;
    if request.path == b"/hello" {
        let body = if request.is_head { b"" } else { HELLO };
        let about = (TEXT, HELLO.len() as u64);
        return send(stream, Status::Ok, about, keeps_alive, body);
    }
    let mut path = root.join(std::ffi::OsStr::from_bytes(&request.path[1..]));
    if request.path.ends_with(b"/") {
        path.push("index.html");
    }
    let file = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
    let (bytes, mut file) = match file {
        Ok((metadata, file)) if metadata.is_file() => (metadata.len(), file),
        Ok(_) => return refuse(stream, Status::NotFound, keeps_alive, request.is_head),
        Err(error) => {
            let status = match error.raw_os_error() {
                Some(EMFILE) => Status::Unavailable,
                Some(EIO) => Status::ServerError,
                _ => Status::NotFound,
            };
            return refuse(stream, status, keeps_alive, request.is_head);
        }
    };
    let about = (http::media_type(request.path), bytes);
    send(stream, Status::Ok, about, keeps_alive, b"")?;
    if !request.is_head && io::copy(&mut (&mut file).take(bytes), stream)? != bytes {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn refuse(
    stream: &mut TcpStream,
    status: Status,
    keeps_alive: bool,
    is_head: bool,
) -> io::Result<()> {
    let body = status.line().as_bytes();
    let about = (TEXT, body.len() as u64);
    send(
        stream,
        status,
        about,
        keeps_alive,
        if is_head { b"" } else { body },
    )
}

/// Sends a response's head and what follows it at once.
fn send(
    stream: &mut TcpStream,
    status: Status,
    (media_type, length): (&'static str, u64),
    keeps_alive: bool,
    body: &[u8],
) -> io::Result<()> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let response = Response {
        status,
        media_type,
        length,
        keeps_alive,
        now: now.map_or(0, |time| time.as_secs()),
    };
    let mut memory = [0; RESPONSE_BYTES_MAX];
    let mut rest = &mut memory[..];
    write!(rest, "{response}")?;
    rest.write_all(body)?;
    let left = rest.len();
    stream.write_all(&memory[..RESPONSE_BYTES_MAX - left])
}
