//! A client that does what it is told, sensible or not.

use anyhow::{Context, Result, bail, ensure};
use rustix::net::sockopt::set_socket_linger;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer that takes longer never comes.
const LIMIT: Duration = Duration::from_secs(30);

/// A connection, and what came by it beyond the last response.
pub struct Client {
    stream: TcpStream,
    ahead: Vec<u8>,
}

/// A response, whole.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn is_hello(&self) -> bool {
        self.status == 200 && self.body == b"Hello, world!\n"
    }

    /// What the head says about `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn closes(&self) -> bool {
        self.field("Connection") == Some("close")
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("cannot connect")?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            ahead: Vec::new(),
        })
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref()).context("cannot send")
    }

    /// Sends a request for `path` in the ordinary form.
    pub fn ask(&mut self, path: &str) -> Result<()> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
    }

    /// Waits until something has come, and leaves it there.
    pub fn waits_for_answer(&self) -> Result<()> {
        let count = self.stream.peek(&mut [0]).context("no answer")?;
        ensure!(count > 0, "the end came instead of an answer");
        Ok(())
    }

    /// Asks for `path` and reads the response.
    pub fn get(&mut self, path: &str) -> Result<Response> {
        self.ask(path)?;
        self.response(false).with_context(|| format!("GET {path}"))
    }

    /// Reads a response; one to `HEAD` has no body.
    pub fn response(&mut self, is_head: bool) -> Result<Response> {
        let end = loop {
            let end = self
                .ahead
                .windows(4)
                .position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            ensure!(self.more()? > 0, "the end came after {:?}", self.text());
        };
        let head = String::from_utf8(self.ahead.drain(..end).collect())?;
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok());
        let mut response = Response {
            status: status.with_context(|| format!("no status in {head:?}"))?,
            head,
            body: Vec::new(),
        };
        let length = response
            .field("Content-Length")
            .and_then(|text| text.parse().ok());
        let Some(length): Option<usize> = length else {
            bail!("no length in {:?}", response.head);
        };
        if !is_head {
            while self.ahead.len() < length {
                let have = self.ahead.len();
                ensure!(
                    self.more()? > 0,
                    "the end came after {have} of {length} bytes"
                );
            }
            response.body = self.ahead.drain(..length).collect();
        }
        Ok(response)
    }

    fn more(&mut self) -> Result<usize> {
        let mut buffer = [0; 1 << 16];
        let count = self.stream.read(&mut buffer).context("no answer")?;
        self.ahead.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.ahead).into_owned()
    }

    /// Requires that the server closes the connection and sends nothing more.
    pub fn closes_now(mut self) -> Result<()> {
        let count = self.more().context("it is not closed")?;
        ensure!(count == 0, "not closed, but: {:?}", self.text());
        Ok(())
    }

    /// Requires that the connection ends, whatever comes first; returns how many bytes came.
    pub fn ends(mut self) -> Result<usize> {
        let mut buffer = [0; 1 << 16];
        let mut all = 0;
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(all),
                Ok(count) => all += count,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(all),
                Err(error) => return Err(error).context("it does not end"),
            }
        }
    }

    /// Says that nothing more is sent.
    pub fn finish(&self) -> Result<()> {
        Ok(self.stream.shutdown(std::net::Shutdown::Write)?)
    }

    /// Ends the connection without goodbye.
    pub fn reset(self) -> Result<()> {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).context("no reset to be had")
    }

    /// How long an answer may take.
    pub fn set_limit(&self, limit: Duration) -> Result<()> {
        Ok(self.stream.set_read_timeout(Some(limit))?)
    }
}
