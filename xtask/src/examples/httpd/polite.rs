//! Requests as they should be, and the ends of a server.

use super::server::{PAGE, Server, Site, TEXT};
use crate::guest::Guest;
use crate::process;
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use std::process::Command;
use std::time::{Duration, Instant};

pub fn few_requests(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let large = site.with_large_file()?;
    let server = Server::start(guest, &site.root(), &[])?;
    server.serves()?;
    let mut client = server.client()?;
    for (path, body, media_type) in [
        ("/text.txt", TEXT, "text/plain; charset=utf-8"),
        ("/empty", b"", "application/octet-stream"),
        ("/large", &large, "application/octet-stream"),
        ("/folder/", PAGE, "text/html; charset=utf-8"),
        (
            "/folder/deep/a%20b.txt?query=1",
            TEXT,
            "text/plain; charset=utf-8",
        ),
    ] {
        let response = client.get(path)?;
        let is_right = response.status == 200
            && response.body == body
            && !response.closes()
            && response.field("Content-Type") == Some(media_type)
            && response
                .field("Date")
                .is_some_and(|date| date.ends_with(" GMT"));
        ensure!(is_right, "GET {path}: {}", response.head);
    }
    let response = client.get("/nowhere")?;
    ensure!(response.status == 404 && !response.closes(), "{response:?}");
    client.send("HEAD /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let response = client.response(true)?;
    let length = large.len().to_string();
    ensure!(
        response.status == 200 && response.field("Content-Length") == Some(&length),
        "{response:?}"
    );
    client.closes_now()?;
    server.stop()
}

pub fn inside(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let pipe = site.root().join("pipe");
    let mut make = Command::new("mkfifo");
    make.arg(&pipe);
    process::ask(make)?;
    let server = Server::start(guest, &site.root(), &[])?;
    for (path, status) in [
        ("/../secret", 400),
        ("/folder/../../secret", 400),
        ("/%2e%2e/secret", 400),
        ("/folder/%2E%2E%2f..%2fsecret", 400),
        ("/..", 400),
        ("/way-out", 404),
        ("/up/secret", 404),
        ("//etc/passwd", 404),
        ("/pipe", 404),
        ("/folder", 404),
        ("/text.txt/", 404),
        ("/", 404),
        ("/text.txt%00.html", 400),
    ] {
        let response = server.client()?.get(path)?;
        ensure!(
            response.status == status,
            "GET {path} is not {status}: {response:?}"
        );
    }
    server.stop()
}

pub fn stop(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start(guest, &site.root(), &[])?;
        let mut idle = server.client()?;
        ensure!(idle.get("/hello")?.is_hello(), "no hello");
        let fresh = server.client()?;
        let mut begun = server.client()?;
        begun.send("GET /hel")?;
        // It is let in when there is an answer to who came after.
        server.serves()?;
        server.signal(signal)?;
        let (ended, told) = server.end()?;
        ensure!(
            ended.code() == Some(0),
            "{}; it wrote {told:?}",
            ended.describe()
        );
        idle.closes_now()?;
        fresh.closes_now()?;
        begun.ends()?;
    }
    Ok(())
}

pub fn curl(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let large = site.with_large_file()?;
    let server = Server::start(guest, &site.root(), &[])?;
    let url = |path: &str| format!("http://{}{path}", server.address);
    let curl = |arguments: &[&str], paths: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]);
        command
            .args(arguments)
            .args(paths.iter().map(|path| url(path)));
        let finished = process::capture(command, b"", Duration::from_secs(60))?;
        ensure!(
            finished.stderr.is_empty() || finished.ended.code() == Some(22),
            "{}: {:?}",
            finished.ended.describe(),
            String::from_utf8_lossy(&finished.stderr)
        );
        Ok((finished.ended.code(), finished.stdout))
    };
    let to_file = site.root().join("copy");
    let copy = to_file.to_string_lossy();
    ensure!(
        curl(&["-o", &copy], &["/large"])?.0 == Some(0),
        "curl failed"
    );
    ensure!(std::fs::read(&to_file)? == large, "curl got another file");
    // Three files by one connection.
    let count = ["--write-out", "%{num_connects}"];
    let all = curl(&count, &["/text.txt", "/hello", "/folder/"])?;
    let wanted = [TEXT, b"1Hello, world!\n0", PAGE, b"0"].concat();
    ensure!(
        all == (Some(0), wanted),
        "{:?}",
        String::from_utf8_lossy(&all.1)
    );
    let head = curl(&["--head"], &["/text.txt"])?;
    let text = String::from_utf8_lossy(&head.1).into_owned();
    ensure!(text.contains("Content-Length: 14\r\n"), "{text:?}");
    ensure!(
        curl(&["--http1.0"], &["/hello"])?.1 == b"Hello, world!\n",
        "1.0"
    );
    ensure!(
        curl(&["--path-as-is"], &["/../secret"])?.0 == Some(22),
        "a way out"
    );
    ensure!(
        curl(&["--data", "a=1"], &["/hello"])?.0 == Some(22),
        "a POST"
    );
    server.stop()
}

pub fn persistent(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start(guest, &site.root(), &[])?;
    let mut client = server.client()?;
    // Many in advance, and then one in single bytes.
    let ask = "GET /text.txt HTTP/1.1\r\nHost: a\r\nX-Long: ".to_owned() + &"x".repeat(900);
    client.send(format!("{ask}\r\n\r\n").repeat(20))?;
    for _ in 0..20 {
        ensure!(client.response(false)?.body == TEXT, "not the text");
    }
    for byte in format!("\r\n\r\n{ask}\r\n\r\n").bytes() {
        client.send([byte])?;
    }
    ensure!(client.response(false)?.body == TEXT, "not the text");
    // Every form of staying and leaving.
    for (text, closes) in [
        (
            "GET /hello HTTP/1.1\r\nhost:a\r\nconnection: keep-alive\r\n\r\n",
            false,
        ),
        ("GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", false),
        (
            "GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
            false,
        ),
        ("GET /hello HTTP/1.0\r\n\r\n", true),
        (
            "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
            true,
        ),
    ] {
        client.send(text)?;
        let response = client.response(false)?;
        ensure!(
            response.is_hello() && response.closes() == closes,
            "{text:?}: {response:?}"
        );
        if closes {
            client.closes_now()?;
            client = server.client()?;
        }
    }
    // Who has nothing more to ask still gets what it asked for.
    client.ask("/text.txt")?;
    client.finish()?;
    ensure!(client.response(false)?.body == TEXT, "not the text");
    client.closes_now()?;
    server.stop()
}

pub fn graceful(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let large = site.with_large_file()?;
    let server = Server::start(guest, &site.root(), &[])?;
    let mut client = server.client()?;
    client.ask("/large")?;
    // A head has come: the file is under way, and is more than the sockets hold.
    let idle = server.client()?;
    server.serves()?;
    std::thread::sleep(Duration::from_millis(50));
    server.signal(Signal::TERM)?;
    idle.closes_now()?;
    ensure!(server.client().is_err(), "it still takes connections");
    let response = client.response(false)?;
    ensure!(
        response.status == 200 && response.body == large,
        "{}",
        response.head
    );
    client.closes_now()?;
    let (ended, told) = server.end()?;
    ensure!(
        ended.code() == Some(0),
        "{}; it wrote {told:?}",
        ended.describe()
    );
    Ok(())
}

pub fn graceless(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    site.with_large_file()?;
    let server = Server::start(guest, &site.root(), &["--grace-ms=300"])?;
    let mut client = server.client()?;
    client.ask("/large")?;
    server.serves()?;
    std::thread::sleep(Duration::from_millis(50));
    let begun = Instant::now();
    server.signal(Signal::TERM)?;
    let (ended, told) = server.end()?;
    ensure!(
        ended.code() == Some(1) && told == "httpd: 1 connections were cut off\n",
        "{}; it wrote {told:?}",
        ended.describe()
    );
    let elapsed = begun.elapsed();
    ensure!(
        elapsed >= Duration::from_millis(300),
        "cut off after {elapsed:?}"
    );
    client.ends().map(|_| ())
}

pub fn options(guest: &Guest) -> Result<()> {
    for (arguments, what) in [
        (&[][..], "which directory?"),
        (&["a", "b"], "what is \"b\"?"),
        (&["--what=1", "a"], "what is \"--what=1\"?"),
        (&["--connections=0", "a"], "--connections cannot be '0'"),
        (&["--head-ms=x", "a"], "--head-ms cannot be 'x'"),
        (&["--listen=here", "a"], "--listen cannot be 'here'"),
    ] {
        refuses(guest, arguments, &format!("{what}\n{USAGE}"))?;
    }
    Ok(())
}

const USAGE: &str = "usage: httpd [--listen=ADDRESS:PORT] DIRECTORY";

/// What the kernel refuses is told by name, and why in words.
pub fn refusals(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let text = site.root().join("text.txt");
    let text = text.to_str().context("not text")?;
    for (arguments, what) in [
        (
            &["/nothing/here"][..],
            "/nothing/here: No such file or directory",
        ),
        (&[text], &format!("{text}: Not a directory")),
        // TEST-NET-1, which no machine has (RFC 5737).
        (
            &["--listen=192.0.2.1:1", "/"],
            "192.0.2.1:1: Cannot assign requested address",
        ),
    ] {
        refuses(guest, arguments, what)?;
    }
    let server = Server::start(guest, &site.root(), &[])?;
    let taken = server.address;
    let listen = format!("--listen={taken}");
    refuses(
        guest,
        &[&listen, "/"],
        &format!("{taken}: Address already in use"),
    )?;
    server.serves()?;
    server.stop()
}

/// Requires that it ends with 1 and says exactly this.
fn refuses(guest: &Guest, arguments: &[&str], what: &str) -> Result<()> {
    let finished = guest.run(arguments, b"")?;
    let told = String::from_utf8(finished.stderr).context("not text")?;
    ensure!(
        finished.ended.code() == Some(1) && told == format!("httpd: {what}\n"),
        "{arguments:?}: {}; {told:?}",
        finished.ended.describe()
    );
    Ok(())
}
