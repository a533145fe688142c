//! Every system call of every path, made to fail in every way, through the seam and by the kernel:
//! the first error of each rule. All of them are `cargo xtask failures`'s.

#![no_std]
#![no_main]

use suite::failures::{self, Complaint, Extent, filter, paths};
use suite::{Stop, Verdict, check, limits};
use threadbare::println;

macro_rules! cases {
    ($($path:ident)*) => {
        suite::area! { 51: table_is_whole, filters_of_the_kernel, $($path),* }

        /// The paths that have a case.
        const CASES: &[&str] = &[$(stringify!($path)),*];

        $(fn $path() -> Verdict {
            run(stringify!($path))
        })*
    };
}

cases! {
    spawn spawn_the_first spawn_named spawn_cached spawn_with_light_guard spawn_measured
    spawn_with_affinity spawn_with_policy spawn_with_nice spawn_on_own_memory spawn_scoped
    spawn_the_sixty_fifth join scope_end drop_handle_of_ended end_of_detached end_of_joinable
    exit_thread park park_timeout sleep sleep_until yield_now set_own_name own_kernel_name
    set_name_of_other kernel_name_of_other settle kernel_id thread_locals parallelism own_cpus
    main_stack overflow_report start exit_process abort process_id signal_mask signal_action
    signal_set_action signal_raise signal_send signal_send_to_process signal_wait
    signal_wait_timeout futex_wake instant system_time file_open file_read file_read_at fd_seek
    fd_write fd_status status_of_path print_line flush_stdout print_error
}

/// Says what is wrong: a case's failure has no room for it.
fn told(complaint: Complaint) -> Stop {
    println!("# {}", complaint.as_str());
    Stop::Fail(file!(), line!(), "the path keeps its rules")
}

fn run(name: &str) -> Verdict {
    let path = paths::PATHS.iter().find(|path| path.name == name);
    let Some(path) = path else {
        return Err(Stop::Fail(file!(), line!(), "there is such a path"));
    };
    if name == "spawn_measured" && !failures::can_measure() {
        return Err(Stop::Skip("no page of a stack can be told from another"));
    }
    let mut cells = 0;
    failures::run(path, Extent::EachRule, |_, _| cells += 1).map_err(told)?;
    println!("# {name}: {cells} failures");
    Ok(())
}

/// Every path has a case, and every call and rule is one of a path's.
fn table_is_whole() -> Verdict {
    check!(paths::PATHS.len() == CASES.len());
    check!(paths::PATHS.iter().all(|path| CASES.contains(&path.name)));
    failures::rules::check().map_err(told)
}

/// The same from the kernel itself: a filter answers for it.
fn filters_of_the_kernel() -> Verdict {
    if !filter::is_possible() {
        return Err(Stop::Skip("there are no seccomp filters here"));
    }
    // A child for each takes too long on machines that are emulated as a whole.
    let extent = if limits::is_machine_ours() {
        Extent::EachRule
    } else {
        Extent::Everything
    };
    let mut cells = 0;
    for path in paths::PATHS {
        cells += failures::apart::run_filtered(path, extent).map_err(told)?;
    }
    println!("# filters_of_the_kernel: {cells} failures");
    Ok(())
}
