//! The example `httpd` beside the same server by the standard library: requests and memory.
//!
//! The clients are ours, and run on the same machine: what is measured is a ratio.

use super::measure::{Effort, Values};
use super::peers::{self, Shop};
use crate::examples::httpd::client::Client;
use crate::examples::httpd::server::{Server, Site};
use anyhow::{Context, Result, ensure};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a program of this kind is called in the shop.
pub const KIND: &str = "httpd";
/// Who has one.
const NAMES: [&str; 2] = [peers::OURS, "rust-std"];

/// Connections that ask at the same time, half of them by each thread.
const CONNECTIONS: usize = 64;
const CLIENT_THREADS: usize = 2;
/// Requests, and connections of one request each, for a value.
const REQUESTS: usize = 100_000;
const GUESTS: usize = 10_000;
/// Connections that are served once and stay.
const IDLE: usize = 1000;

/// Measures both servers once, in turns.
pub fn round(shop: &Shop, round: usize, effort: &Effort, values: &mut Values) -> Result<()> {
    let part = |count: usize| (count * effort.percent as usize / 100).max(CONNECTIONS);
    let site = Site::new()?;
    for turn in 0..NAMES.len() {
        let name = NAMES[(turn + round) % NAMES.len()];
        let program = Command::new(shop.program(name, KIND));
        let server = Server::run(program, &site.root(), &[])?;
        let mut add = |metric: &str, value: f64, unit| values.add(metric, name, value, unit);
        for (metric, path) in [("httpd_hello", "/hello"), ("httpd_file", "/text.txt")] {
            let requests = part(REQUESTS);
            let elapsed =
                persistent(&server, path, requests).with_context(|| format!("{name}, {metric}"))?;
            add(metric, nanoseconds(elapsed, requests), "ns");
        }
        let guests = part(GUESTS);
        let begun = Instant::now();
        for _ in 0..guests {
            let mut client = server.client()?;
            ensure!(client.get("/hello")?.is_hello(), "{name}: no hello");
            // The server would keep the port for a minute.
            client.reset()?;
        }
        add("httpd_connect", nanoseconds(begun.elapsed(), guests), "ns");
        let idle = part(IDLE);
        let before = server.status("VmRSS")?;
        let mut clients: Vec<Client> = Vec::new();
        for _ in 0..idle {
            let mut client = server.client()?;
            ensure!(client.get("/hello")?.is_hello(), "{name}: no hello");
            clients.push(client);
        }
        let resident = server.status("VmRSS")?.saturating_sub(before) * 1024;
        add("httpd_resident", resident as f64 / idle as f64, "B");
        clients.into_iter().try_for_each(Client::reset)?;
    }
    Ok(())
}

fn nanoseconds(elapsed: Duration, count: usize) -> f64 {
    elapsed.as_nanos() as f64 / count as f64
}

/// Asks by all connections, again and again: each thread by all of its own, and then it reads.
fn persistent(server: &Server, path: &str, requests: usize) -> Result<Duration> {
    let share = CONNECTIONS / CLIENT_THREADS;
    let turns = requests / CONNECTIONS;
    let mut teams = Vec::new();
    for _ in 0..CLIENT_THREADS {
        let mut team = (0..share)
            .map(|_| server.client())
            .collect::<Result<Vec<_>>>()?;
        for client in &mut team {
            ensure!(client.get(path)?.status == 200, "no answer");
        }
        teams.push(team);
    }
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let works = teams
            .iter_mut()
            .map(|team| scope.spawn(|| ask(team, path, turns)));
        let works: Vec<_> = works.collect();
        works
            .into_iter()
            .try_for_each(|work| work.join().expect("no client panics"))
    })?;
    let elapsed = begun.elapsed();
    teams.into_iter().flatten().try_for_each(Client::reset)?;
    Ok(elapsed)
}

fn ask(team: &mut [Client], path: &str, turns: usize) -> Result<()> {
    for _ in 0..turns {
        for client in &mut *team {
            client.ask(path)?;
        }
        for client in &mut *team {
            ensure!(client.response(false)?.status == 200, "no answer");
        }
    }
    Ok(())
}
