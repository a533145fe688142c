//! The rules. Of those that fit, the first counts.

use threadbare::Errno;

use super::{Call, Place, Rule, When};

macro_rules! rules {
    (@when) => { When::Any };
    (@when always) => { When::Always };
    (@when $nth:literal) => { When::At($nth) };
    (@place) => { Place::Everywhere };
    (@place OldTime) => { Place::OldTime };
    (@mappings) => { 0 };
    (@mappings $count:literal) => { $count };
    ($(
        [$($path:ident)*] $call:ident $(@ $when:tt)? $([$($errno:ident)*])? $(in $place:ident)?
            => $outcome:literal $(leaves $mappings:literal)?, $why:literal;
    )*) => {
        /// All rules.
        pub static RULES: &[Rule] = &[$(Rule {
            paths: &[$(stringify!($path)),*],
            call: const { Call::named(stringify!($call)) },
            when: rules!(@when $($when)?),
            errnos: &[$($(Errno::$errno),*)?],
            place: rules!(@place $($place)?),
            outcome: $outcome,
            mappings: rules!(@mappings $($mappings)?),
            why: $why,
        }),*];
    };
}

rules! {
    // What makes one way of spawning special.
    [spawn_the_first] mmap @ always
        => "", "as in `spawn`";
    [spawn_the_first] mmap @ 0
        => "works", "children of `fork` will not notice what they are, until the next one tries";
    [spawn_the_first] mmap @ 1
        => "", "as in `spawn`";
    [spawn_the_first] madvise
        => "works", "children of `fork` do not notice what they are: a kernel before 4.14";
    [spawn_the_first] munmap
        => "", "only where the kernel knows no such advice: `drop_handle_of_ended`";
    [spawn_named] prctl
        => "works", "a name is a convenience: a filter that refuses it must not cost the thread";
    [spawn_with_light_guard] madvise
        => "works", "the ordinary guard serves where the kernel does not know this one";
    [spawn_measured] madvise @ always
        => "works, unmeasured", "pages that may have been touched before tell nothing";
    [spawn_measured] madvise @ 0
        => "works", "no huge pages is a wish: a kernel without them refuses it";
    [spawn_measured] madvise @ 1
        => "works, unmeasured", "pages that may have been touched before tell nothing";
    [spawn_measured] mincore
        => "works, unmeasured", "who does not answer is not believed";
    [spawn_with_affinity] sched_setaffinity
        => "error Affinity({})", "the thread leaves before its closure; the attribute is named";
    [spawn_with_policy] sched_setscheduler
        => "error Policy({})", "the thread leaves before its closure; the attribute is named";
    [spawn_with_nice] setpriority
        => "error Nice({})", "the thread leaves before its closure; the attribute is named";
    [spawn_with_affinity spawn_with_policy spawn_with_nice] futex
        => "", "whoever comes first waits or wakes: `join`, `futex_wake`";
    // What all of them have in common is looked at where nothing else happens.
    [spawn_named spawn_with_light_guard spawn_measured spawn_with_affinity spawn_with_policy
        spawn_with_nice] mmap => "", "as in `spawn`";
    [spawn_named spawn_with_light_guard spawn_measured spawn_with_affinity spawn_with_policy
        spawn_with_nice spawn_the_first] mprotect => "", "as in `spawn`";
    [spawn_named spawn_with_light_guard spawn_measured spawn_with_affinity spawn_with_policy
        spawn_with_nice spawn_the_sixty_fifth spawn_the_first] clone => "", "as in `spawn`";
    [spawn_named spawn_with_light_guard spawn_measured spawn_with_affinity spawn_with_policy
        spawn_with_nice spawn_the_sixty_fifth spawn_the_first] rt_sigprocmask
        => "", "as in `spawn`";
    [spawn_named spawn_with_light_guard spawn_measured spawn_with_affinity spawn_with_policy
        spawn_with_nice spawn_the_sixty_fifth spawn_the_first] sigaltstack => "", "as in `spawn`";
    [spawn_with_light_guard] munmap
        => "", "only where the kernel makes no such guard: `drop_handle_of_ended`";
    [spawn_the_sixty_fifth] mprotect => "", "as in `spawn`";

    [spawn spawn_scoped spawn_the_sixty_fifth] mmap [NOMEM]
        => "error OutOfMemory", "names the limits: RLIMIT_AS, RLIMIT_DATA, vm.max_map_count";
    [spawn spawn_scoped spawn_the_sixty_fifth] mmap [AGAIN]
        => "error LockedMemoryLimitExceeded", "after mlockall: names RLIMIT_MEMLOCK";
    [spawn spawn_scoped spawn_the_sixty_fifth] mmap
        => "error Unexpected({})", "no limit answers so: a filter or a security module";
    [spawn spawn_scoped] mprotect [NOMEM]
        => "error OutOfMemory", "the mapping is taken back";
    [spawn spawn_scoped] mprotect [AGAIN]
        => "error LockedMemoryLimitExceeded", "the mapping is taken back";
    [spawn spawn_scoped] mprotect
        => "error Unexpected({})", "the mapping is taken back";
    [spawn spawn_cached spawn_scoped spawn_on_own_memory] clone [AGAIN]
        => "error ThreadQuotaExceeded", "names RLIMIT_NPROC, threads-max, pid_max, pids.max";
    [spawn spawn_cached spawn_scoped spawn_on_own_memory] clone [NOMEM]
        => "error SystemResources", "the kernel's own memory";
    [spawn spawn_cached spawn_scoped spawn_on_own_memory] clone
        => "error Unexpected({})", "no limit answers so: a filter or a security module";
    [spawn spawn_cached spawn_scoped spawn_on_own_memory] rt_sigprocmask @ 0
        => "error Unexpected({})", "before the thread there is somebody to tell";
    [spawn spawn_cached spawn_scoped spawn_on_own_memory] rt_sigprocmask
        => "dies: threadbare: rt_sigprocmask answered error {n}, which it cannot",
        "a thread that takes no signals any more is no thread of the program's";
    [spawn spawn_cached spawn_scoped spawn_on_own_memory] sigaltstack
        => "works", "without a signal stack an overflow is not explained, which is all";

    [settle] rt_sigprocmask @ always
        => "works", "settles all the same, and a handler that runs meanwhile may settle, too";
    [settle] rt_sigprocmask @ 0
        => "works", "settles all the same, and a handler that runs meanwhile may settle, too";
    [settle] rt_sigprocmask
        => "dies: threadbare: rt_sigprocmask answered error {n}, which it cannot",
        "a thread that takes no signals any more is no thread of the program's";
    [settle] set_tid_address
        => "works", "the number is asked for; of its end the kernel will not tell";
    [settle] gettid
        => "", "only where the kernel wipes no page for a child: `kernel_id`";

    // The end of threads.
    [end_of_joinable exit_thread] exit
        => "dies", "there is no way back: an illegal instruction ends the process";
    [spawn_measured join scope_end end_of_detached thread_locals] exit
        => "", "as in `end_of_joinable`";
    [join scope_end] futex [INTR AGAIN]
        => "works", "one wake-up proves nothing: the word is looked at again";
    [park] futex @ always
        => "dies", "who waits or who wakes, whoever comes first, says that it cannot be";
    [park] futex @ 0 [INTR AGAIN]
        => "works", "the token is looked for again";
    [join scope_end park] futex @ 0
        => "dies: threadbare: futex wait answered error {n}, which it cannot",
        "without the kernel's help nobody could wait";
    [join scope_end drop_handle_of_ended] munmap
        => "works" leaves 2, "the kernel keeps the mapping; result and record are not lost";
    [end_of_detached] rt_sigprocmask
        => "dies: threadbare: rt_sigprocmask answered error {n}, which it cannot",
        "a handler would run on a stack that is about to go";

    // Waiting.
    [park_timeout signal_wait_timeout sleep instant system_time] clock_gettime64 [NOSYS PERM]
        in OldTime => "works", "an older kernel, or filter: the call with 32-bit seconds serves";
    [park_timeout signal_wait_timeout sleep instant system_time] clock_gettime64
        => "dies: threadbare: clock_gettime answered error {n}, which it cannot",
        "no caller could do without an answer";
    [park_timeout] futex_time64 [INTR AGAIN]
        => "works", "waits on, until the same point in time";
    [park_timeout] futex_time64 [TIMEDOUT]
        => "too early", "the kernel says that the time is over, and is believed";
    [park_timeout] futex_time64 [NOSYS PERM]
        in OldTime => "works", "an older kernel, or filter: the call with 32-bit seconds serves";
    [park_timeout] futex_time64
        => "dies: threadbare: futex wait answered error {n}, which it cannot",
        "without the kernel's help nobody could wait";
    [sleep sleep_until] clock_nanosleep_time64 [INTR]
        => "works", "sleeps on, until the same point in time";
    [sleep sleep_until] clock_nanosleep_time64 [NOSYS PERM]
        in OldTime => "works", "an older kernel, or filter: the call with 32-bit seconds serves";
    [sleep sleep_until] clock_nanosleep_time64
        => "dies: threadbare: clock_nanosleep answered error {n}, which it cannot",
        "who must not run on cannot be told otherwise";
    [yield_now] sched_yield
        => "works", "a hint";
    [futex_wake] futex [FAULT]
        => "works", "the word is gone, and nobody sleeps on it";
    [futex_wake] futex
        => "dies: threadbare: futex wake answered error {n}, which it cannot",
        "who is not woken sleeps for ever";

    // Names and numbers.
    [set_own_name own_kernel_name] prctl
        => "error Unexpected({})", "a filter, which the message names with the error";
    [set_name_of_other kernel_name_of_other] openat [NOENT]
        => "error NoProc", "the thread runs, so it is /proc that is missing";
    [set_name_of_other kernel_name_of_other] openat
        => "error Unexpected({})", "the error says which limit: EMFILE, ENFILE, EACCES";
    [set_name_of_other] write
        => "error Unexpected({})", "the descriptor is closed";
    [kernel_name_of_other] read
        => "error Unexpected({})", "the descriptor is closed";
    [set_name_of_other kernel_name_of_other file_open parallelism] close
        => "works", "the descriptor is gone whatever it answers";
    [kernel_id] gettid
        => "answers 0", "cannot fail but by a filter; 0 is no thread's number";
    [process_id] getpid
        => "answers 0", "cannot fail but by a filter; 0 is no process's number";
    [parallelism] sched_getaffinity @ always [INVAL]
        => "error {}", "not even a set for 65,536 CPUs is large enough";
    [parallelism] sched_getaffinity [INVAL]
        => "works", "asks again with a larger set";
    [parallelism own_cpus] sched_getaffinity
        => "error {}", "the caller decides how many threads it wants";
    [parallelism] openat
        => "works", "no file is no quota";
    [parallelism] read
        => "works", "a file that cannot be read is no quota";
    [main_stack] prlimit64
        => "works", "unknown counts as unlimited";
    [overflow_report] rt_sigaction
        => "works", "there are no reports then";

    // Start and end of the process.
    [start] sigaltstack
        => "works", "without a signal stack an overflow is not explained, which is all";
    [start] rt_sigaction
        => "works", "there are no reports then";
    [start] mmap
        => "", "only where TLS or signal frames are large: cases of `start_loader` and `overflow`";
    [exit_process] gettid
        => "works", "0 is nobody else who exits";
    [exit_process] write
        => "works", "nobody is left to hear of it";
    [exit_process] exit_group
        => "dies", "there is no way back: an illegal instruction ends the process";
    [abort] rt_sigprocmask
        => "works", "where SIGABRT is blocked SIGKILL is not";
    [abort] tgkill @ always
        => "ends with status 134", "what a shell reports for SIGABRT";
    [abort] gettid @ always
        => "ends with status 134", "what a shell reports for SIGABRT";
    [abort] getpid @ always
        => "ends with status 134", "what a shell reports for SIGABRT";
    [abort] tgkill
        => "works", "tried again, with the default action";
    [abort] gettid
        => "works", "tried again, with the default action";
    [abort] getpid
        => "works", "tried again, with the default action";

    // Signals.
    [signal_mask] rt_sigprocmask
        => "dies: threadbare: rt_sigprocmask answered error {n}, which it cannot",
        "all who believe in a mask would be wrong";
    [signal_action signal_set_action] rt_sigaction
        => "error {}", "nothing has changed";
    [signal_raise signal_send] tgkill [SRCH]
        => "error Gone", "the thread is gone";
    [signal_raise signal_send] tgkill [PERM]
        => "error NotPermitted", "a filter: of its own process everybody may";
    [signal_raise signal_send] tgkill [AGAIN]
        => "error TooManyPending", "names RLIMIT_SIGPENDING";
    [signal_raise signal_send] tgkill
        => "error Unexpected({})", "nothing was sent";
    [signal_raise signal_send] gettid
        => "error Unexpected(EINVAL)", "0 is no thread's number";
    [signal_raise signal_send] getpid
        => "error Unexpected(EINVAL)", "0 is no process's number";
    [signal_send_to_process] kill [SRCH]
        => "error Gone", "the process is gone";
    [signal_send_to_process] kill [PERM]
        => "error NotPermitted", "it is another user's";
    [signal_send_to_process] kill [AGAIN]
        => "error TooManyPending", "names RLIMIT_SIGPENDING";
    [signal_send_to_process] kill
        => "error Unexpected({})", "nothing was sent";
    [signal_wait signal_wait_timeout] rt_sigtimedwait_time64 [INTR AGAIN]
        => "works", "waits on, for what is left of the time";
    [signal_wait signal_wait_timeout] rt_sigtimedwait_time64 [NOSYS PERM]
        in OldTime => "works", "an older kernel, or filter: the call with 32-bit seconds serves";
    [signal_wait signal_wait_timeout] rt_sigtimedwait_time64
        => "dies: threadbare: rt_sigtimedwait answered error {n}, which it cannot",
        "no caller could do without an answer";

    // Files and streams.
    [file_open] openat [INTR]
        => "works", "made again";
    [file_open] openat
        => "error Os({})", "as the kernel says";
    [file_read] read [INTR]
        => "works", "made again";
    [file_read] read
        => "error Os({})", "as the kernel says";
    [file_read_at] pread64 [INTR]
        => "works", "made again";
    [file_read_at] pread64
        => "error Os({})", "as the kernel says";
    [fd_seek] lseek
        => "error Os({})", "as the kernel says; it does not sleep, so no signal interrupts it";
    [fd_status status_of_path] statx
        => "error Os({})", "as the kernel says";
    [fd_write flush_stdout print_line print_error] write [INTR]
        => "works", "made again";
    [fd_write] write
        => "error Os({})", "as the kernel says";
    [flush_stdout] write
        => "error Os({})", "the text waits on, and the next flush tries it again";
    [print_line] write [BADF]
        => "works, unseen", "a program without a standard output prints into the void, as with std";
    [print_line] write @ always
        => "dies", "a panic, which standard error refuses, too";
    [print_line] write
        => "dies: failed printing to stdout: {text}", "a panic, as with std: `write!` has a result";
    [print_error] write
        => "works, unseen", "there is no place left to complain";
}
