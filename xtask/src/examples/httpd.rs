//! Checks the example `httpd` from outside, as its clients would: polite ones, curl, and others.
//!
//! Where the program is emulated a handful of requests serves. `server` starts and stops it,
//! `client` talks to it; `polite`, `rough`, `scarce` and `many` are the cases.

pub mod client;
mod many;
mod polite;
mod rough;
mod scarce;
pub mod server;

use crate::case::Case;
use crate::guest::Guest;
use crate::targets::Runner;
use anyhow::Result;

/// What a case does; an error is the reason why it fails.
type Body = fn(&Guest) -> Result<()>;

/// Those that every CPU gets.
const SHORT: &[(&str, Body)] = &[
    ("httpd_serves_files_and_hello", polite::few_requests),
    ("httpd_stays_in_its_directory", polite::inside),
    ("httpd_stops_when_told", polite::stop),
    ("httpd_says_what_the_kernel_refuses", polite::refusals),
];

/// The others.
const LONG: &[(&str, Body)] = &[
    ("httpd_serves_curl", polite::curl),
    ("httpd_keeps_connections", polite::persistent),
    ("httpd_finishes_what_runs", polite::graceful),
    ("httpd_cuts_off_who_does_not_finish", polite::graceless),
    ("httpd_says_what_is_wrong_with_options", polite::options),
    ("httpd_refuses_what_is_malformed", rough::malformed),
    ("httpd_answers_slow_heads_with_408", rough::slow_heads),
    ("httpd_closes_idle_connections", rough::idle),
    ("httpd_drops_who_does_not_read", rough::reads_nothing),
    ("httpd_goes_on_after_a_stop", rough::stopped),
    ("httpd_loses_nothing_to_resets", rough::resets),
    ("httpd_waits_for_connections_to_end", scarce::connections),
    ("httpd_waits_for_descriptors", scarce::descriptors),
    ("httpd_says_when_files_cannot_be_opened", scarce::files),
    ("httpd_survives_without_memory_for_threads", scarce::threads),
    ("httpd_bears_ten_thousand_idle_connections", many::idle),
];

/// Returns the cases of `httpd`.
pub fn check(guest: &Guest) -> Vec<Case> {
    let is_native = guest.build.target.runner() == Runner::Native;
    let long = is_native && guest.build.has_long_checks();
    let chosen = SHORT.iter().chain(if long { LONG } else { &[] });
    let judge = |&(name, body): &(&str, Body)| {
        Case::new(name, body(guest).map_err(|error| format!("{error:#}")))
    };
    chosen.map(judge).collect()
}
