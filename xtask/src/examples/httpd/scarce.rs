//! What the system has not got: places, descriptors, memory for threads.

use super::client::Client;
use super::server::{Server, Site, TEXT};
use crate::guest::Guest;
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};

/// Each of many clients, who are there at the same time, gets what it asks for, in whichever order
/// the places become free.
fn all_are_served(server: &Server, count: usize) -> Result<()> {
    let mut clients = Vec::new();
    for number in 0..count {
        let mut client = server
            .client()
            .with_context(|| format!("client {number}"))?;
        client.ask("/hello")?;
        clients.push(client);
    }
    // Those who are in have the places until they leave, and nobody before them leaves.
    for (number, mut client) in clients.into_iter().enumerate() {
        let response = client
            .response(false)
            .with_context(|| format!("client {number}"))?;
        ensure!(response.is_hello(), "client {number}: {response:?}");
    }
    Ok(())
}

pub fn connections(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start(guest, &site.root(), &["--connections=4"])?;
    let descriptors = server.descriptors()?;
    all_are_served(&server, 40)?;
    server.is_at_rest(descriptors)?;
    let mut inside = (0..4)
        .map(|_| server.client())
        .collect::<Result<Vec<_>>>()?;
    for client in &mut inside {
        ensure!(client.get("/hello")?.is_hello(), "no hello");
    }
    let mut outside = server.client()?;
    outside.ask("/hello")?;
    outside.set_limit(Duration::from_millis(200))?;
    ensure!(
        outside.response(false).is_err(),
        "the fifth of four was let in"
    );
    ensure!(
        server.status("Threads")? == 6,
        "more than four threads for four"
    );
    outside.set_limit(Duration::from_secs(30))?;
    drop(inside.pop());
    ensure!(outside.response(false)?.is_hello(), "no hello");
    server.stop()
}

pub fn descriptors(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start_after("ulimit -n 16", guest, &site.root(), &[])?;
    let descriptors = server.descriptors()?;
    for _ in 0..3 {
        all_are_served(&server, 60)?;
    }
    server.is_at_rest(descriptors)?;
    ensure!(
        server.client()?.get("/text.txt")?.body == TEXT,
        "not the text"
    );
    server.stop()
}

pub fn files(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start_after("ulimit -n 16", guest, &site.root(), &[])?;
    let free = server.free_below(16)?;
    let mut inside = (0..free)
        .map(|_| server.client())
        .collect::<Result<Vec<_>>>()?;
    for client in &mut inside {
        ensure!(client.get("/hello")?.is_hello(), "no hello");
    }
    let descriptors = server.descriptors()?;
    let begun = Instant::now();
    let response = inside[0].get("/text.txt")?;
    let elapsed = begun.elapsed();
    ensure!(response.status == 503 && !response.closes(), "{response:?}");
    ensure!(
        elapsed >= Duration::from_secs(1),
        "it gave up after {elapsed:?}"
    );
    // It waits for one who leaves.
    inside[0].ask("/text.txt")?;
    std::thread::sleep(Duration::from_millis(100));
    drop(inside.pop());
    let response = inside[0].response(false)?;
    ensure!(response.body == TEXT, "{response:?}");
    // What nobody uses is a file's, and not kept for a client who has not come.
    server.has_descriptors(descriptors - 1)?;
    std::thread::sleep(Duration::from_millis(100));
    let response = inside[0].get("/text.txt")?;
    ensure!(response.body == TEXT, "{response:?}");
    server.stop()
}

/// More clients than fit into the address space: the last ones are told so, and nobody is lost.
pub fn threads(guest: &Guest) -> Result<()> {
    let site = Site::new()?;
    let server = Server::start_after("ulimit -v 3000", guest, &site.root(), &[])?;
    let descriptors = server.descriptors()?;
    let mut inside: Vec<Client> = Vec::new();
    loop {
        ensure!(inside.len() < 1000, "1,000 threads in 3 MB");
        let mut client = server.client()?;
        // Not before it is told: what nobody reads makes the kernel reset a connection.
        let told = client.get("/hello").or_else(|_| client.response(false));
        match told {
            Ok(response) if response.is_hello() => inside.push(client),
            Ok(response) => {
                ensure!(response.status == 503, "{response:?}");
                break;
            }
            // The kernel throws away what was said to a client whose request is unread.
            Err(_) => break,
        }
    }
    ensure!(inside.len() > 10, "{} threads in 3 MB", inside.len());
    for client in &mut inside {
        ensure!(client.get("/text.txt")?.body == TEXT, "not the text");
    }
    inside.truncate(5);
    server.serves()?;
    drop(inside);
    server.is_at_rest(descriptors)?;
    server.stop()
}
