//! What programs do that asks something of the kernel, one thing each.
//!
//! A path makes its preparations, opens the window, does the one thing, closes the window, and says
//! what came of it. It clears up after itself, whatever came.

mod known;
mod others;
mod threads;

use super::Said;
use super::window::Window;

/// One thing that a program does.
pub struct Path {
    /// Its name, in the table and among the cases.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Where it can be done.
    pub kind: Kind,
    /// Does it.
    pub run: fn(&Window) -> Said,
}

/// Where a path can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In this process, as often as it pleases.
    Here,
    /// In a child process alone: it can be done once.
    Child,
    /// The same, and memory stays mapped for ever by design.
    Parks,
    /// It ends the process with this status.
    Ends(i32),
    /// It ends the process by SIGABRT.
    Aborts,
}

macro_rules! paths {
    ($($module:ident: { $($name:ident $kind:expr, $what:literal;)* })*) => {
        /// All paths.
        pub static PATHS: &[Path] = &[$($(Path {
            name: stringify!($name),
            what: $what,
            kind: $kind,
            run: $module::$name,
        },)*)*];
    };
}

paths! {
    threads: {
        spawn Kind::Here, "`Builder::spawn` with nothing in the cache, up to the closure";
        spawn_the_first Kind::Here, "`spawn` of a program's first thread";
        spawn_named Kind::Here, "the same with `Builder::name`";
        spawn_cached Kind::Here, "`spawn` on a finished thread's mapping";
        spawn_with_light_guard Kind::Child, "`Builder::guard(Guard::Lightweight)`, the first time";
        spawn_measured Kind::Here, "`Builder::measure`, up to the thread's end";
        spawn_with_affinity Kind::Here, "`Builder::affinity`";
        spawn_with_policy Kind::Here, "`Builder::policy`";
        spawn_with_nice Kind::Here, "`Builder::nice`";
        spawn_on_own_memory Kind::Here, "`Builder::stack`";
        spawn_scoped Kind::Here, "`Scope::spawn`";
        spawn_the_sixty_fifth Kind::Child, "`spawn` when the first page of records is full";
        join Kind::Here, "`JoinHandle::join` of a thread that runs";
        scope_end Kind::Here, "the end of a scope whose thread runs";
        drop_handle_of_ended Kind::Here, "dropping the handle of a thread that has ended";
        end_of_detached Kind::Here, "a detached thread's end, with no room in the cache";
        end_of_joinable Kind::Here, "a thread's end";
        exit_thread Kind::Parks, "`thread::exit`";
        park Kind::Here, "`thread::park` and `unpark`";
        park_timeout Kind::Here, "`thread::park_timeout`, until the time is over";
        sleep Kind::Here, "`thread::sleep`";
        sleep_until Kind::Here, "`thread::sleep_until`";
        yield_now Kind::Here, "`thread::yield_now`";
    }
    known: {
        set_own_name Kind::Here, "`thread::set_name` of the calling thread";
        own_kernel_name Kind::Here, "`thread::kernel_name` of the calling thread";
        set_name_of_other Kind::Here, "`thread::set_name` of another thread";
        kernel_name_of_other Kind::Here, "`thread::kernel_name` of another thread";
        settle Kind::Parks, "a thread's first look at itself in a child of `fork`";
        kernel_id Kind::Here, "`thread::kernel_id` in the main thread";
        thread_locals Kind::Here, "a thread-local's first use, and its destructor";
        parallelism Kind::Here, "`thread::available_parallelism`";
        own_cpus Kind::Here, "`CpuSet::of_current`";
        main_stack Kind::Here, "`thread::stack` in the main thread";
        overflow_report Kind::Here, "`thread::set_overflow_report(true)`";
    }
    others: {
        start Kind::Child, "`_start`, up to `main`";
        exit_process Kind::Ends(33), "`process::exit` with text that waits for its newline";
        abort Kind::Aborts, "`process::abort`";
        process_id Kind::Here, "`process::id`";
        signal_mask Kind::Here, "`signal::block`, `unblock`, `set_mask`, `mask`";
        signal_action Kind::Here, "`signal::action`";
        signal_set_action Kind::Here, "`signal::set_action`";
        signal_raise Kind::Here, "`signal::raise`";
        signal_send Kind::Here, "`signal::send` to the calling thread";
        signal_send_to_process Kind::Here, "`signal::send_to_process`";
        signal_wait Kind::Here, "`signal::wait` for a signal that is pending";
        signal_wait_timeout Kind::Here, "`signal::wait_timeout` for a signal that is pending";
        futex_wake Kind::Here, "`futex::wake` where nobody sleeps";
        instant Kind::Here, "`Instant::now`";
        system_time Kind::Here, "`SystemTime::now`";
        file_open Kind::Here, "`File::open`, and dropping the file";
        file_read Kind::Here, "`Read::read` of a `File`";
        file_read_at Kind::Here, "`File::read_at`";
        fd_seek Kind::Here, "`Seek::seek` of an `Fd`";
        fd_write Kind::Here, "`Write::write` of an `Fd`";
        fd_status Kind::Here, "`Fd::status`";
        status_of_path Kind::Here, "`Status::of`";
        print_line Kind::Child, "`println!`";
        flush_stdout Kind::Child, "`stdout().flush()` with text that waits";
        print_error Kind::Child, "`eprintln!`";
    }
}
