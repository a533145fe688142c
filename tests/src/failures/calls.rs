//! The system calls that the runtime makes, and the errors that their man pages allow them.
//!
//! The lists are the sections ERRORS of the man pages (man-pages 6.03), each held against its page.
//! An error of a page that is not in the list is one that the page itself ties to something that is
//! never asked for here; above the list stands what. Beside them every call is made to fail by
//! [`ANYWAY`]: what no page foresees, and filters, tracers and kernels without the call still
//! answer.

use threadbare::Errno;
use threadbare::seam::arch::{TIME32, Time32, nr};

/// A system call.
#[derive(Debug)]
pub struct Call {
    /// The kernel's name for it, on most CPUs.
    pub name: &'static str,
    /// Its number here.
    pub nr: usize,
    /// What its man page allows.
    pub errnos: &'static [Errno],
    /// The man page.
    pub page: &'static str,
}

/// What every call is made to answer, foreseen or not: a signal, a shortage, a kernel without the
/// call, a filter.
pub const ANYWAY: [Errno; 5] = [
    Errno::INTR,
    Errno::AGAIN,
    Errno::NOMEM,
    Errno::NOSYS,
    Errno::PERM,
];

macro_rules! calls {
    ($($name:literal $number:ident $page:literal [$($errno:ident)*])*) => {
        /// All of them. Where a CPU has one number for two, the first name counts.
        pub static CALLS: &[Call] = &[$(Call {
            name: $name,
            nr: nr::$number,
            errnos: &[$(Errno::$errno),*],
            page: $page,
        }),*];
    };
}

calls! {
    "mmap" MMAP "mmap(2)" [ACCES AGAIN BADF EXIST INVAL NFILE NODEV NOMEM OVERFLOW PERM TXTBSY]
    "mprotect" MPROTECT "mprotect(2)" [ACCES INVAL NOMEM]
    // The page is mmap's, too. Of its errors these can come of munmap: a range that is none, and a
    // mapping that would be cut in two. ACCES, BADF, NODEV, NFILE, OVERFLOW, PERM and TXTBSY are
    // about files, EXIST is about MAP_FIXED_NOREPLACE, AGAIN about locking what is mapped.
    "munmap" MUNMAP "munmap(2)" [INVAL NOMEM]
    // Not FAULT and HWPOISON: of MADV_POPULATE_READ and MADV_POPULATE_WRITE.
    "madvise" MADVISE "madvise(2)" [ACCES AGAIN BADF BUSY INVAL IO NOMEM PERM]
    "mincore" MINCORE "mincore(2)" [AGAIN FAULT INVAL NOMEM]
    // Not ACCES, BUSY, EXIST and OPNOTSUPP: of clone3 alone. Not USERS: of CLONE_NEWUSER. Not
    // ERESTARTNOINTR: a tracer sees it, the caller does not.
    "clone" CLONE "clone(2)" [AGAIN INVAL NOMEM NOSPC PERM]
    "exit" EXIT "_exit(2)" []
    "exit_group" EXIT_GROUP "exit_group(2)" []
    "getpid" GETPID "getpid(2)" []
    "gettid" GETTID "gettid(2)" []
    "set_tid_address" SET_TID_ADDRESS "set_tid_address(2)" []
    "sched_yield" SCHED_YIELD "sched_yield(2)" []
    // Both: not DEADLK and SRCH, nor what the page says of NOMEM and PERM: of futexes with priority
    // inheritance. Not NFILE: of FUTEX_FD, which is gone.
    "futex" FUTEX "futex(2)" [ACCES AGAIN FAULT INTR INVAL NOSYS TIMEDOUT]
    "futex_time64" FUTEX_TIME64 "futex(2)" [ACCES AGAIN FAULT INTR INVAL NOSYS TIMEDOUT]
    "clock_gettime64" CLOCK_GETTIME64 "clock_gettime(2)" [ACCES FAULT INVAL NODEV OPNOTSUPP PERM]
    "clock_nanosleep_time64" CLOCK_NANOSLEEP_TIME64 "clock_nanosleep(2)"
        [FAULT INTR INVAL OPNOTSUPP]
    // The page of all options has ACCES, BADF, BUSY, NODEV, NXIO, OPNOTSUPP, PERM and RANGE, too,
    // each for others than PR_SET_NAME and PR_GET_NAME.
    "prctl" PRCTL "prctl(2), PR_SET_NAME(2const)" [FAULT INVAL]
    "prlimit64" PRLIMIT64 "getrlimit(2)" [FAULT INVAL PERM SRCH]
    "sched_getaffinity" SCHED_GETAFFINITY "sched_setaffinity(2)" [FAULT INVAL PERM SRCH]
    "sched_setaffinity" SCHED_SETAFFINITY "sched_setaffinity(2)" [FAULT INVAL PERM SRCH]
    "sched_setscheduler" SCHED_SETSCHEDULER "sched_setscheduler(2)" [INVAL PERM SRCH]
    "setpriority" SETPRIORITY "getpriority(2)" [ACCES INVAL PERM SRCH]
    "rt_sigprocmask" RT_SIGPROCMASK "sigprocmask(2)" [FAULT INVAL]
    "rt_sigaction" RT_SIGACTION "sigaction(2)" [FAULT INVAL]
    "rt_sigtimedwait_time64" RT_SIGTIMEDWAIT_TIME64 "sigwaitinfo(2)" [AGAIN INTR INVAL]
    "sigaltstack" SIGALTSTACK "sigaltstack(2)" [FAULT INVAL NOMEM PERM]
    "tgkill" TGKILL "tgkill(2)" [AGAIN INVAL PERM SRCH]
    "kill" KILL "kill(2)" [INVAL PERM SRCH]
    // WOULDBLOCK is AGAIN.
    "openat" OPENAT "open(2)" [ACCES BADF BUSY DQUOT EXIST FAULT FBIG INTR INVAL ISDIR LOOP MFILE
        NAMETOOLONG NFILE NODEV NOENT NOMEM NOSPC NOTDIR NXIO OPNOTSUPP OVERFLOW PERM ROFS TXTBSY
        AGAIN]
    "close" CLOSE "close(2)" [BADF DQUOT INTR IO NOSPC]
    "read" READ "read(2)" [AGAIN BADF FAULT INTR INVAL IO ISDIR]
    // What read(2) and lseek(2) name.
    "pread64" PREAD64 "pread(2)" [AGAIN BADF FAULT INTR INVAL IO ISDIR NXIO OVERFLOW SPIPE]
    "write" WRITE "write(2)" [AGAIN BADF DESTADDRREQ DQUOT FAULT FBIG INTR INVAL IO NOSPC PERM PIPE]
    "lseek" LSEEK "lseek(2)" [BADF INVAL NXIO OVERFLOW SPIPE]
    "statx" STATX "statx(2)" [ACCES BADF FAULT INVAL LOOP NAMETOOLONG NOENT NOMEM NOTDIR]
}

impl Call {
    /// Finds a call by its name, while the rules are compiled.
    ///
    /// # Panics
    /// If there is no such call in the table.
    pub const fn named(name: &str) -> &'static Call {
        let mut index = 0;
        while index < CALLS.len() {
            if is_same(CALLS[index].name.as_bytes(), name.as_bytes()) {
                return &CALLS[index];
            }
            index += 1;
        }
        panic!("a rule's call is not in tests/src/failures/calls.rs")
    }

    /// Finds a call by its number; calls for older kernels, which follow a refusal of the newer
    /// ones, count as those.
    pub fn numbered(number: usize) -> Option<&'static Call> {
        let is_it = |call: &&Call| call.nr == number || Some(number) == call.older();
        CALLS.iter().find(is_it)
    }

    /// The number of the call with 32-bit seconds that takes its place on old kernels.
    fn older(&self) -> Option<usize> {
        let Time32 {
            clock_gettime,
            clock_nanosleep,
            rt_sigtimedwait,
            futex,
            ..
        } = TIME32?;
        match self.name {
            "futex_time64" => Some(futex),
            "clock_gettime64" => Some(clock_gettime),
            "clock_nanosleep_time64" => Some(clock_nanosleep),
            "rt_sigtimedwait_time64" => Some(rt_sigtimedwait),
            _ => None,
        }
    }

    /// What it is made to answer: all that its page allows, and [`ANYWAY`].
    pub fn answers(&self) -> impl Iterator<Item = Errno> {
        let more = ANYWAY.iter().filter(|errno| !self.errnos.contains(errno));
        self.errnos.iter().chain(more).copied()
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}
