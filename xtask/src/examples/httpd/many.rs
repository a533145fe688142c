//! Ten thousand clients at a time, who have all been served and stay.

use super::client::Client;
use super::server::{Server, Site};
use crate::guest::Guest;
use crate::targets::Profile;
use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const COUNT: usize = 10_000;
/// What the server may have of them in memory, in KiB.
const RESIDENT_KIB_MAX: u64 = 100 << 10;
/// The same where code is not optimised: a page more for each.
const RESIDENT_DEV_KIB_MAX: u64 = 140 << 10;

pub fn idle(guest: &Guest) -> Result<()> {
    raise_limit()?;
    let site = Site::new()?;
    let server = Server::start(guest, &site.root(), &[])?;
    let descriptors = server.descriptors()?;
    let mut clients: Vec<Client> = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let mut client = server
            .client()
            .with_context(|| format!("client {number}"))?;
        let response = client
            .get("/hello")
            .with_context(|| format!("client {number}"))?;
        ensure!(response.is_hello(), "client {number}: {response:?}");
        clients.push(client);
    }
    let threads = server.status("Threads")?;
    ensure!(threads == COUNT as u64 + 2, "{threads} threads");
    let resident = server.status("VmRSS")?;
    let most = match guest.build.profile {
        Profile::Dev => RESIDENT_DEV_KIB_MAX,
        _ => RESIDENT_KIB_MAX,
    };
    println!("       httpd, {COUNT} idle connections: {resident} KiB resident");
    ensure!(
        resident < most,
        "{resident} KiB are resident, and not less than {most}"
    );
    for client in clients.iter_mut().step_by(100) {
        ensure!(client.get("/text.txt")?.status == 200, "a client is lost");
    }
    // Most go without goodbye, so that few ports stay taken on this side.
    for client in clients.drain(COUNT / 10..) {
        client.reset()?;
    }
    server.serves()?;
    drop(clients);
    server.is_at_rest(descriptors)?;
    server.stop()
}

/// A descriptor for each client, here and there.
fn raise_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = COUNT as u64 + 500;
    ensure!(
        limit.maximum.is_none_or(|maximum| maximum >= wanted),
        "10,000 connections need {wanted} descriptors: raise the hard limit (`ulimit -Hn`)"
    );
    if limit.current.is_some_and(|current| current < wanted) {
        let wanted = Rlimit {
            current: Some(wanted),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, wanted).context("cannot raise the limit")?;
    }
    Ok(())
}
