//! HTTP/1.1 as bytes: what a request's head says, and the head of a response.
//!
//! It knows no sockets, files or clocks, and `core` alone: the server for `std` that this one is
//! measured beside is made of the same file.

use core::fmt;

/// The longest request line, in bytes.
pub const LINE_BYTES_MAX: usize = 2048;
/// The longest head, in bytes.
pub const HEAD_BYTES_MAX: usize = 4096;
/// What a response's head takes at most, in bytes; the text of a refusal behind it included.
pub const RESPONSE_BYTES_MAX: usize = 384;

const END: &[u8] = b"\r\n\r\n";

/// How a response begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    ContentTooLarge,
    UriTooLong,
    HeadTooLarge,
    ServerError,
    NotImplemented,
    Unavailable,
    VersionNotSupported,
}

impl Status {
    /// Its number and its words.
    pub fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed",
            Status::RequestTimeout => "408 Request Timeout",
            Status::ContentTooLarge => "413 Content Too Large",
            Status::UriTooLong => "414 URI Too Long",
            Status::HeadTooLarge => "431 Request Header Fields Too Large",
            Status::ServerError => "500 Internal Server Error",
            Status::NotImplemented => "501 Not Implemented",
            Status::Unavailable => "503 Service Unavailable",
            Status::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }
}

/// A request that can be answered.
#[derive(Debug)]
pub struct Request<'b> {
    /// Decoded, without the query; begins with `/` and has no segment `..` and no NUL.
    pub path: &'b [u8],
    /// Whether the head alone is wanted.
    pub is_head: bool,
    /// Whether the client wants the connection to stay.
    pub keeps_alive: bool,
}

/// Where a head ends and what lies behind it begins, if it is whole.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    let place = bytes.windows(END.len()).position(|window| window == END)?;
    Some(place + END.len())
}

/// What to say to a client whose head has not ended within [`HEAD_BYTES_MAX`].
pub fn too_large(bytes: &[u8]) -> Status {
    match bytes.windows(2).position(|window| window == b"\r\n") {
        Some(end) if end <= LINE_BYTES_MAX => Status::HeadTooLarge,
        _ => Status::UriTooLong,
    }
}

/// Reads a whole head, up to and with its empty line. The path is decoded where it stands.
///
/// # Errors
/// What to answer; the connection cannot go on then, for where the next request begins is unknown.
pub fn parse(head: &mut [u8]) -> Result<Request<'_>, Status> {
    let line_end = find(head, b"\r\n").ok_or(Status::BadRequest)?;
    if line_end > LINE_BYTES_MAX {
        return Err(Status::UriTooLong);
    }
    let (line, fields) = head.split_at_mut(line_end);
    let fields = fields.get(2..).unwrap_or_default();
    let method_end = find(line, b" ").ok_or(Status::BadRequest)?;
    let (method, rest) = line.split_at_mut(method_end);
    let rest = &mut rest[1..];
    let target_end = find(rest, b" ").ok_or(Status::BadRequest)?;
    let (target, version) = rest.split_at_mut(target_end);
    let is_newest = match &version[1..] {
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => true,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            return Err(Status::VersionNotSupported);
        }
        _ => return Err(Status::BadRequest),
    };
    let is_head = match &*method {
        b"GET" => false,
        b"HEAD" => true,
        b"POST" | b"PUT" | b"DELETE" | b"OPTIONS" | b"TRACE" | b"CONNECT" | b"PATCH" => {
            return Err(Status::MethodNotAllowed);
        }
        word if !word.is_empty() && word.iter().all(|byte| is_token(*byte)) => {
            return Err(Status::NotImplemented);
        }
        _ => return Err(Status::BadRequest),
    };
    let mut keeps_alive = is_newest;
    read_fields(fields, is_newest, &mut keeps_alive)?;
    Ok(Request {
        path: decode(without_host(target))?,
        is_head,
        keeps_alive,
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Looks at what matters to a server without bodies: who is meant, what follows, what comes after.
fn read_fields(fields: &[u8], is_newest: bool, keeps_alive: &mut bool) -> Result<(), Status> {
    let mut hosts = 0;
    let mut rest = fields;
    while let Some(end) = find(rest, b"\r\n") {
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line.is_empty() {
            break;
        }
        let colon = find(line, b":").ok_or(Status::BadRequest)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let is_text = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) || !value.iter().all(is_text)
        {
            return Err(Status::BadRequest);
        }
        if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(Status::NotImplemented);
        } else if name.eq_ignore_ascii_case(b"content-length") {
            match value {
                _ if value.is_empty() || !value.iter().all(u8::is_ascii_digit) => {
                    return Err(Status::BadRequest);
                }
                _ if value.iter().all(|digit| *digit == b'0') => {}
                _ => return Err(Status::ContentTooLarge),
            }
        } else if name.eq_ignore_ascii_case(b"connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    *keeps_alive = false;
                } else if option.eq_ignore_ascii_case(b"keep-alive") && !is_newest {
                    *keeps_alive = true;
                }
            }
        }
    }
    // One host, of whatever name: RFC 9112, 3.2.
    match hosts {
        1 => Ok(()),
        0 if !is_newest => Ok(()),
        _ => Err(Status::BadRequest),
    }
}

/// What proxies are sent names the host once more.
fn without_host(target: &mut [u8]) -> &mut [u8] {
    const SCHEME: &[u8] = b"http://";
    if !target.starts_with(SCHEME) {
        return target;
    }
    let host = &target[SCHEME.len()..];
    match host.iter().position(|byte| *byte == b'/') {
        Some(slash) => &mut target[SCHEME.len() + slash..],
        None => target,
    }
}

/// Decodes a target's path in place, and refuses what could lead out of the directory.
fn decode(target: &mut [u8]) -> Result<&[u8], Status> {
    let is_sound = target.first() == Some(&b'/')
        && target.iter().all(|byte| byte.is_ascii_graphic())
        && !target.contains(&b'#');
    if !is_sound {
        return Err(Status::BadRequest);
    }
    let end = find(target, b"?").unwrap_or(target.len());
    let (mut from, mut to) = (0, 0);
    while from < end {
        let byte = match target[from] {
            b'%' if from + 2 < end => {
                let digits = [hex(target[from + 1])?, hex(target[from + 2])?];
                from += 2;
                digits[0] << 4 | digits[1]
            }
            b'%' => return Err(Status::BadRequest),
            byte => byte,
        };
        target[to] = byte;
        (from, to) = (from + 1, to + 1);
    }
    let path = &target[..to];
    let mut segments = path.split(|byte| *byte == b'/');
    if path.contains(&0) || segments.any(|segment| segment == b"..") {
        return Err(Status::BadRequest);
    }
    Ok(path)
}

fn hex(digit: u8) -> Result<u8, Status> {
    let value = char::from(digit).to_digit(16).ok_or(Status::BadRequest)?;
    u8::try_from(value).map_err(|_| Status::BadRequest)
}

/// The head of a response.
pub struct Response {
    pub status: Status,
    pub media_type: &'static str,
    /// Of the body, in bytes.
    pub length: u64,
    pub keeps_alive: bool,
    /// Seconds since 1970.
    pub now: u64,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HTTP/1.1 ")?;
        f.write_str(self.status.line())?;
        write!(f, "\r\nDate: {}\r\nContent-Type: ", Date(self.now))?;
        f.write_str(self.media_type)?;
        write!(f, "\r\nContent-Length: {}\r\n", self.length)?;
        if self.status == Status::MethodNotAllowed {
            f.write_str("Allow: GET, HEAD\r\n")?;
        }
        f.write_str(if self.keeps_alive {
            "\r\n"
        } else {
            "Connection: close\r\n\r\n"
        })
    }
}

/// What a path's ending says about a file.
pub fn media_type(path: &[u8]) -> &'static str {
    const TYPES: &[(&[u8], &str)] = &[
        (b"html", "text/html; charset=utf-8"),
        (b"txt", "text/plain; charset=utf-8"),
        (b"md", "text/markdown; charset=utf-8"),
        (b"css", "text/css"),
        (b"js", "text/javascript"),
        (b"json", "application/json"),
        (b"svg", "image/svg+xml"),
        (b"png", "image/png"),
        (b"jpg", "image/jpeg"),
        (b"wasm", "application/wasm"),
        (b"pdf", "application/pdf"),
    ];
    // A directory's page.
    let path = if path.ends_with(b"/") { b".html" } else { path };
    let ending = path.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let known = TYPES.iter().find(|(name, _)| *name == ending);
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// A point in time as HTTP writes it, from seconds since 1970.
struct Date(u64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAYS: &str = "ThuFriSatSunMonTueWed";
        const MONTHS: &str = "MarAprMayJunJulAugSepOctNovDecJanFeb";
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let weekday = (days % 7) as usize * 3;
        // Years that begin in March, so that a leap day comes last; 719,468 days before 1970.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let year = era * 400 + year + u64::from(month >= 10);
        let name = month as usize * 3;
        f.write_str(&DAYS[weekday..weekday + 3])?;
        write!(f, ", {:02} ", day - (153 * month + 2) / 5 + 1)?;
        f.write_str(&MONTHS[name..name + 3])?;
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, " {year} {hour:02}:{minute:02}:{:02} GMT", second % 60)
    }
}
