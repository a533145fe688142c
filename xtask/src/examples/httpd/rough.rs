//! Clients that are wrong, slow, silent or gone.

use super::client::Client;
use super::server::{LARGE_BYTES, Server, Site, TEXT};
use crate::guest::Guest;
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// What is sent, and the status that it is refused with.
fn refused() -> Vec<(Vec<u8>, u16)> {
    let get = |rest: &str| format!("GET {rest}").into_bytes();
    let with = |field: &str| get(&format!("/hello HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
    vec![
        (b"\0\0\0\0\r\n\r\n".to_vec(), 400),
        (b"GET\r\n\r\n".to_vec(), 400),
        (b"GET /hello\r\n\r\n".to_vec(), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec(), 400),
        (get("hello HTTP/1.1\r\nHost: a\r\n\r\n"), 400),
        (get("/hel\tlo HTTP/1.1\r\nHost: a\r\n\r\n"), 400),
        (get("/h\u{e9}llo HTTP/1.1\r\nHost: a\r\n\r\n"), 400),
        (get("/%zz HTTP/1.1\r\nHost: a\r\n\r\n"), 400),
        (get("/a%2 HTTP/1.1\r\nHost: a\r\n\r\n"), 400),
        (get("/a%+1 HTTP/1.1\r\nHost: a\r\n\r\n"), 400),
        (get("/hello HTTP/1.1\r\n\r\n"), 400),
        (get("/hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400),
        (get("/hello HTTP/1.1 \r\nHost: a\r\n\r\n"), 400),
        (get("/hello http/1.1\r\nHost: a\r\n\r\n"), 400),
        (get("/hello HTTP/2.0\r\nHost: a\r\n\r\n"), 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 505),
        (b"POST /hello HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 405),
        (b"BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 501),
        (b"GE(T /hello HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 400),
        (with("No colon"), 400),
        (with("Space : a"), 400),
        (with(" folded: a"), 400),
        (with(": nameless"), 400),
        (with("Control: \x01"), 400),
        (with("Content-Length: 5"), 413),
        (with("Content-Length: -5"), 400),
        (with("Content-Length: "), 400),
        (with("Transfer-Encoding: chunked"), 501),
        (with(&format!("Long: {}", "x".repeat(5000))), 431),
        (with(&format!("Long: {}", "x".repeat(1 << 20))), 431),
        (
            get(&format!(
                "/{} HTTP/1.1\r\nHost: a\r\n\r\n",
                "x".repeat(2100)
            )),
            414,
        ),
        (get(&format!("/{}", "x".repeat(5000))), 414),
    ]
}

pub fn malformed(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start(guest, &site.root(), &[])?;
    let descriptors = server.descriptors()?;
    for (text, status) in refused() {
        let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
        let refuse = || -> Result<()> {
            let mut client = server.client()?;
            // What is much too long is not taken to its end.
            let sent = client.send(&text);
            ensure!(text.len() > 1 << 16 || sent.is_ok(), "not taken");
            if text.len() > 1 << 16 {
                client.ends()?;
                return Ok(());
            }
            let response = client.response(false)?;
            ensure!(
                response.status == status && response.closes(),
                "{response:?}"
            );
            client.closes_now()
        };
        refuse().with_context(|| format!("{shown:?}, which is {status}"))?;
    }
    server.serves()?;
    server.is_at_rest(descriptors)?;
    server.stop()
}

/// Nobody waits for those who are slow: a request beside them is answered.
pub fn slow_heads(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start(guest, &site.root(), &["--head-ms=400"])?;
    let begun = Instant::now();
    let mut silent = server.client()?;
    silent.send("GET /hello HTTP/1.1\r\n")?;
    let mut second = server.client()?;
    ensure!(second.get("/hello")?.is_hello(), "no hello");
    second.send("G")?;
    let mut dribbler = server.client()?;
    while begun.elapsed() < Duration::from_millis(300) {
        dribbler.send("x")?;
        std::thread::sleep(Duration::from_millis(20));
    }
    server.serves()?;
    let times_out = |mut client: Client| {
        let response = client.response(false)?;
        ensure!(response.status == 408 && response.closes(), "{response:?}");
        client.closes_now()
    };
    for (client, name) in [
        (silent, "silent"),
        (second, "second"),
        (dribbler, "dribbler"),
    ] {
        times_out(client).context(name)?;
    }
    let elapsed = begun.elapsed();
    ensure!(
        elapsed >= Duration::from_millis(400),
        "408 after {elapsed:?}"
    );
    // The patience between requests is another: it is there again after a head in parts.
    let mut patient = server.client()?;
    patient.send("GET /hello HTTP/1.1\r\n")?;
    std::thread::sleep(Duration::from_millis(100));
    patient.send("Host: a\r\n\r\n")?;
    ensure!(patient.response(false)?.is_hello(), "no hello");
    std::thread::sleep(Duration::from_millis(600));
    ensure!(patient.get("/hello")?.is_hello(), "no hello");
    server.stop()
}

pub fn idle(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start(guest, &site.root(), &["--idle-ms=300"])?;
    let descriptors = server.descriptors()?;
    let begun = Instant::now();
    let fresh = server.client()?;
    let mut used = server.client()?;
    ensure!(used.get("/text.txt")?.body == TEXT, "not the text");
    fresh.closes_now()?;
    used.closes_now()?;
    let elapsed = begun.elapsed();
    ensure!(
        elapsed >= Duration::from_millis(300),
        "closed after {elapsed:?}"
    );
    server.is_at_rest(descriptors)?;
    server.stop()
}

pub fn reads_nothing(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    site.with_large_file()?;
    let server = Server::start(guest, &site.root(), &["--write-ms=300"])?;
    let descriptors = server.descriptors()?;
    let mut greedy = server.client()?;
    greedy.ask("/large")?;
    // And one who asks again and again, and never listens.
    let mut deaf = server.client()?;
    let ask = "GET /text.txt HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    let begun = Instant::now();
    while deaf.send(&ask).is_ok() {
        ensure!(
            begun.elapsed() < Duration::from_secs(20),
            "it is served for ever"
        );
    }
    server.serves()?;
    server.is_at_rest(descriptors)?;
    let got = greedy.ends()?;
    ensure!(got < LARGE_BYTES, "who reads nothing for so long got all");
    server.stop()
}

/// A server that is stopped, and goes on, has lost nothing: its calls end early then, as they do
/// when a client takes nothing for too long.
pub fn stopped(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let large = site.with_large_file()?;
    let server = Server::start(guest, &site.root(), &[])?;
    let mut client = server.client()?;
    client.ask("/large")?;
    client.waits_for_answer()?;
    for _ in 0..3 {
        // Its thread sleeps because the file does not fit into what nobody reads.
        server.all_are("S")?;
        server.signal(Signal::STOP)?;
        server.all_are("T")?;
        server.signal(Signal::CONT)?;
    }
    let response = client.response(false)?;
    ensure!(response.body == large, "it is not the whole file");
    server.stop()
}

/// At any point of a request the client may be gone, without goodbye.
pub fn resets(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    site.with_large_file()?;
    let server = Server::start(guest, &site.root(), &[])?;
    let descriptors = server.descriptors()?;
    for round in 0..40 {
        let mut clients = Vec::new();
        for text in [
            "",
            "G",
            "GET /hello HTTP/1.1\r\nHost: a\r\n",
            "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
            "NONSENSE\r\n\r\n",
        ] {
            let mut client = server.client()?;
            client.send(text)?;
            clients.push(client);
        }
        if round % 2 == 0 {
            server.serves()?;
        }
        for client in clients {
            client.reset()?;
        }
    }
    server.serves()?;
    server.is_at_rest(descriptors)?;
    server.stop()
}
