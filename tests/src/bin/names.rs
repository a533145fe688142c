//! Names and numbers of threads, as the kernel shows them, of any thread that runs.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use suite::capture;
use suite::child::{self, End};
use suite::gate::Gate;
use suite::kernel::call;
use suite::storm::{self, Storm};
use suite::text::{Text, text};
use suite::{Verdict, check, check_eq};
use threadbare::seam::{self, arch::kernel as k, arch::nr};
use threadbare::sync::Mutex;
use threadbare::thread::{self, Builder, KernelName, NameError, Thread};
use threadbare::{Errno, process, thread_local};

suite::area! { 41:
    own_name_is_set_and_read,
    own_name_needs_no_proc,
    names_of_all_lengths_come_back,
    kernel_shows_the_name_it_was_given,
    thread_is_named_while_it_runs,
    thread_names_itself_then_others_do,
    main_is_named_by_a_thread,
    name_of_the_start_stays,
    builder_takes_text_of_any_type,
    names_that_are_not_utf8_are_shown_in_full,
    threads_that_die_are_never_taken_for_others,
    kernel_ids_are_the_kernels,
    kernel_id_costs_a_thread_no_call,
    child_of_fork_names_itself_alone,
}

/// What the kernel calls the calling thread, asked past the library.
fn asked_name() -> [u8; 16] {
    const PR_GET_NAME: usize = 16;
    let mut name = [0u8; 16];
    let to = name.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes 16 bytes.
    let got = unsafe { call(k::__NR_prctl, [PR_GET_NAME, to, 0, 0, 0, 0]) };
    assert!(got.is_ok());
    name
}

/// The calling thread's number, asked past the library.
fn asked_id() -> u32 {
    // SAFETY: gettid touches no memory.
    unsafe { call(k::__NR_gettid, [0; 6]) }.unwrap_or(0) as u32
}

fn is_named(thread: &Thread, name: &str) -> bool {
    thread::kernel_name(thread).is_ok_and(|found| found.as_bytes() == name.as_bytes())
}

fn own_name_is_set_and_read() -> Verdict {
    let main = thread::current();
    let before = thread::kernel_name(&main);
    check!(before.is_ok_and(|name| !name.as_bytes().is_empty()));
    check_eq!(thread::set_name(&main, "mainly"), Ok(()));
    check_eq!(&asked_name(), b"mainly\0\0\0\0\0\0\0\0\0\0");
    check!(is_named(&main, "mainly"));
    let other = thread::spawn(|| {
        let own = thread::current();
        let set = thread::set_name(&own, "otherwise");
        (set, asked_name(), is_named(&own, "otherwise"))
    });
    let expected = (Ok(()), *b"otherwise\0\0\0\0\0\0\0", true);
    check_eq!(other.join(), Ok(expected));
    check!(is_named(&main, "mainly"));
    Ok(())
}

fn own_name_needs_no_proc() -> Verdict {
    seam::order(nr::OPENAT, 0, u32::MAX, Errno::NOENT);
    let main = thread::current();
    let set = thread::set_name(&main, "no proc");
    let got = thread::kernel_name(&main);
    check_eq!(seam::end(), 0);
    check_eq!(set, Ok(()));
    check!(got.is_ok_and(|name| name.as_bytes() == b"no proc"));
    Ok(())
}

/// Both ways: by itself, and through `/proc`.
fn names_of_all_lengths_come_back() -> Verdict {
    static DONE: Gate = Gate::new();
    let letters = "abcdefghijklmno";
    let other = thread::spawn(|| DONE.wait());
    for thread in [&thread::current(), other.thread()] {
        for bytes in (0..=15).rev() {
            check_eq!(thread::set_name(thread, &letters[..bytes]), Ok(()));
            check!(is_named(thread, &letters[..bytes]));
        }
    }
    DONE.open();
    check!(other.join().is_ok());
    Ok(())
}

fn kernel_shows_the_name_it_was_given() -> Verdict {
    static DONE: Gate = Gate::new();
    let worker = Builder::new().name("fifteen-letters").spawn(|| DONE.wait());
    let Ok(worker) = worker else {
        check!("a thread" == "spawned");
        return Ok(());
    };
    // The thread names itself on its way to the closure.
    while !is_named(worker.thread(), "fifteen-letters") {
        thread::yield_now();
    }
    DONE.open();
    check!(worker.join().is_ok());
    Ok(())
}

fn thread_is_named_while_it_runs() -> Verdict {
    static NAMED: Gate = Gate::new();
    let worker = thread::spawn(|| {
        NAMED.wait();
        asked_name()
    });
    check_eq!(thread::set_name(worker.thread(), "by its spawner"), Ok(()));
    check!(is_named(worker.thread(), "by its spawner"));
    NAMED.open();
    check_eq!(worker.join(), Ok(*b"by its spawner\0\0"));
    Ok(())
}

/// The order of the reference's test: the thread first, while its spawner waits, then the spawner,
/// while the thread waits; each with a short name and the longest.
fn thread_names_itself_then_others_do() -> Verdict {
    static STARTED: Gate = Gate::new();
    static HALF: Gate = Gate::new();
    static DONE: Gate = Gate::new();
    fn try_names(thread: &Thread) -> bool {
        ["mythread", "bbbbbbbbbbbbbbb"]
            .iter()
            .all(|name| thread::set_name(thread, name).is_ok() && is_named(thread, name))
    }
    let worker = thread::spawn(|| {
        STARTED.wait();
        let own = try_names(&thread::current());
        HALF.open();
        DONE.wait();
        own
    });
    STARTED.open();
    HALF.wait();
    let foreign = try_names(worker.thread());
    DONE.open();
    check_eq!(worker.join(), Ok(true));
    check!(foreign);
    Ok(())
}

fn main_is_named_by_a_thread() -> Verdict {
    let main = thread::current();
    let worker = thread::spawn(move || thread::set_name(&main, "named from far"));
    check_eq!(worker.join(), Ok(Ok(())));
    check_eq!(&asked_name(), b"named from far\0\0");
    let main = thread::current();
    let reader = thread::spawn(move || is_named(&main, "named from far"));
    check_eq!(reader.join(), Ok(true));
    Ok(())
}

fn name_of_the_start_stays() -> Verdict {
    let main = thread::current();
    check_eq!(thread::set_name(&main, "another"), Ok(()));
    check_eq!(main.name(), Some("main"));
    let captured = capture::run(|| {
        child::no_core_file();
        let worker = Builder::new().name("at first").spawn(|| {
            let _ = thread::set_name(&thread::current(), "at last");
            panic!("expected by the suite")
        });
        let _ = worker.map(thread::JoinHandle::<()>::join);
    });
    check!(
        captured
            .stderr
            .as_str()
            .starts_with("thread 'at first' panicked")
    );
    Ok(())
}

fn builder_takes_text_of_any_type() -> Verdict {
    struct Text(&'static str);
    impl AsRef<str> for Text {
        fn as_ref(&self) -> &str {
            self.0
        }
    }
    let name = || {
        thread::current()
            .name()
            .is_some_and(|name| name == "anything")
    };
    for builder in [
        Builder::new().name("anything"),
        Builder::new().name(Text("anything")),
    ] {
        let joined = builder.spawn(name).map(|worker| worker.join());
        check_eq!(joined, Ok(Ok(true)));
    }
    Ok(())
}

/// Names the calling thread past the library, with any bytes.
fn force_name(name: &[u8; 16]) -> Option<KernelName> {
    const PR_SET_NAME: usize = 15;
    let from = name.as_ptr() as usize;
    // SAFETY: the kernel reads at most 16 bytes.
    let set = unsafe { call(k::__NR_prctl, [PR_SET_NAME, from, 0, 0, 0, 0]) };
    set.ok()
        .and_then(|_| thread::kernel_name(&thread::current()).ok())
}

fn names_that_are_not_utf8_are_shown_in_full() -> Verdict {
    let cases: [(&[u8; 16], &str, &str); 4] = [
        (b"plain\0\0\0\0\0\0\0\0\0\0\0", "plain", r#""plain""#),
        (
            b"a\xffb\xc3\0\0\0\0\0\0\0\0\0\0\0\0",
            r"a\xffb\xc3",
            r#""a\xffb\xc3""#,
        ),
        (b"a\\xff\0\0\0\0\0\0\0\0\0\0\0", r"a\\xff", r#""a\\xff""#),
        (
            b"two\nlines\"\0\0\0\0\0\0",
            "two\\nlines\"",
            r#""two\nlines\"""#,
        ),
    ];
    for (bytes, shown, debugged) in &cases {
        let Some(name) = force_name(bytes) else {
            check!("a name" == "set");
            return Ok(());
        };
        check_eq!(text(name).as_str(), Ok(*shown));
        check_eq!(text(format_args!("{name:?}")).as_str(), Ok(*debugged));
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(16);
        check_eq!(name.as_bytes(), &bytes[..end]);
        check_eq!(
            name.to_str().is_ok(),
            core::str::from_utf8(&bytes[..end]).is_ok()
        );
    }
    let Some(name) = force_name(b"wide\0\0\0\0\0\0\0\0\0\0\0\0") else {
        check!("a name" == "set");
        return Ok(());
    };
    check_eq!(text(format_args!("{name:>6}|")).as_str(), Ok("  wide|"));
    // What the kernel gives through `/proc` has a newline behind it, and this one before.
    static DONE: Gate = Gate::new();
    let worker = thread::spawn(|| {
        let _ = thread::set_name(&thread::current(), "ends in\n\n");
        DONE.wait();
    });
    while !is_named(worker.thread(), "ends in\n\n") {
        thread::yield_now();
    }
    DONE.open();
    check!(worker.join().is_ok());
    Ok(())
}

/// How many threads a case starts, if not told otherwise: see `races`.
fn threads() -> u32 {
    let asked = threadbare::env::var("SUITE_THREADS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

/// How many threads are under way at a time.
const AT_ONCE: usize = 8;
/// The threads that are under way, for those that name them.
static SHOWN: Mutex<[Option<Thread>; AT_ONCE]> = Mutex::new([const { None }; AT_ONCE]);
static IS_OVER: AtomicBool = AtomicBool::new(false);
static STRANGE: AtomicU32 = AtomicU32::new(0);
static NAMED: AtomicU32 = AtomicU32::new(0);

/// The one name that the thread with this id may be given.
fn name_for(thread: &Thread) -> Text {
    text(format_args!("for {}", thread.id().as_u64()))
}

/// The name that all threads have in the beginning, so that no spawner's is inherited.
const FIRST: &str = "start";

/// Whether a thread may have this name: its first or its one, or, as newer kernels have no lock
/// there, something of both.
fn may_be_named(found: &KernelName, name: &str) -> bool {
    let found = found.as_bytes().iter().enumerate();
    let mut is_of = found
        .map(|(place, byte)| [FIRST, name].map(|name| name.as_bytes().get(place) == Some(byte)));
    is_of.all(|is_of| is_of.contains(&true))
}

fn count(what: &AtomicU32) {
    what.fetch_add(1, Ordering::Relaxed);
}

/// Names and reads whatever is shown, and counts what must not be.
fn name_what_is_shown() {
    while !IS_OVER.load(Ordering::Acquire) {
        for place in 0..AT_ONCE {
            let shown = SHOWN.lock().unwrap()[place].clone();
            if let Some(thread) = shown {
                name_and_read(&thread);
            }
        }
    }
}

fn name_and_read(thread: &Thread) {
    let name = name_for(thread);
    let name = name.as_str().unwrap_or("");
    match thread::set_name(thread, name) {
        Ok(()) => count(&NAMED),
        Err(NameError::Gone) => thread::yield_now(),
        Err(_) => count(&STRANGE),
    }
    match thread::kernel_name(thread) {
        Ok(found) if may_be_named(&found, name) => {}
        Err(NameError::Gone) => {}
        _ => count(&STRANGE),
    }
}

thread_local! {
    /// Looks at the thread's name at the latest moment.
    static LAST_LOOK: LastLook = const { LastLook };
}

struct LastLook;

impl Drop for LastLook {
    fn drop(&mut self) {
        let own = thread::current();
        let found = thread::kernel_name(&own);
        let name = name_for(&own);
        let name = name.as_str().unwrap_or("");
        if !found.is_ok_and(|found| may_be_named(&found, name)) {
            count(&STRANGE);
        }
    }
}

/// Each thread may have one name given besides its first; two others name it, from its beginning
/// until after its end, and each thread looks as it ends.
fn threads_that_die_are_never_taken_for_others() -> Verdict {
    check_eq!(thread::set_name(&thread::current(), FIRST), Ok(()));
    let namers = [(); 2].map(|()| Builder::new().name(FIRST).spawn(name_what_is_shown));
    let _storm = Storm::begin();
    for _ in 0..threads() / AT_ONCE as u32 {
        let workers = [(); AT_ONCE].map(|()| {
            let small = Builder::new().name(FIRST).stack_size(32 << 10);
            small.spawn(|| {
                storm::enlist();
                LAST_LOOK.with(|_| ());
                for _ in 0..thread::current().id().as_u64().get() % 4 {
                    thread::yield_now();
                }
            })
        });
        for (place, worker) in workers.iter().enumerate() {
            let Ok(worker) = worker else {
                check!("a thread" == "spawned");
                return Ok(());
            };
            SHOWN.lock().unwrap()[place] = Some(worker.thread().clone());
        }
        for (place, worker) in workers.into_iter().flatten().enumerate() {
            if place % 3 == 0 {
                worker.detach();
            } else {
                check!(worker.join().is_ok());
            }
        }
    }
    IS_OVER.store(true, Ordering::Release);
    for namer in namers {
        check_eq!(namer.map(|namer| namer.join()), Ok(Ok(())));
    }
    *SHOWN.lock().unwrap() = [const { None }; AT_ONCE];
    check_eq!(STRANGE.load(Ordering::Relaxed), 0);
    check!(NAMED.load(Ordering::Relaxed) > 0);
    check!(is_named(&thread::current(), FIRST));
    Ok(())
}

fn kernel_ids_are_the_kernels() -> Verdict {
    check_eq!(thread::kernel_id(), asked_id());
    check_eq!(thread::kernel_id(), process::id());
    check_eq!(thread::current().kernel_id(), Some(process::id()));
    let main = thread::current();
    let worker = thread::spawn(move || {
        let is_right = thread::kernel_id() == asked_id()
            && thread::current().kernel_id() == Some(asked_id())
            && main.kernel_id() == Some(process::id());
        (is_right, asked_id())
    });
    let kept = worker.thread().clone();
    let seen = kept.kernel_id();
    let Ok((is_right, id)) = worker.join() else {
        check!("a thread" == "joined");
        return Ok(());
    };
    check!(is_right);
    check!(id != process::id());
    check!(seen.is_none_or(|seen| seen == id));
    check_eq!(kept.kernel_id(), None);
    Ok(())
}

fn kernel_id_costs_a_thread_no_call() -> Verdict {
    let worker = thread::spawn(|| {
        let asked = asked_id();
        seam::order(nr::GETTID, 0, u32::MAX, Errno::PERM);
        let told = thread::kernel_id();
        (told == asked, seam::end())
    });
    check_eq!(worker.join(), Ok((true, 0)));
    Ok(())
}

/// A child has one thread; the handles of the others are the parent's.
fn child_of_fork_names_itself_alone() -> Verdict {
    static DONE: Gate = Gate::new();
    let worker = thread::spawn(|| DONE.wait());
    let end = child::run(|| {
        let own = thread::current();
        let is_right = thread::kernel_id() == asked_id()
            && own.kernel_id() == Some(asked_id())
            && thread::set_name(&own, "child") == Ok(())
            && is_named(&own, "child")
            && thread::set_name(worker.thread(), "not here") == Err(NameError::Gone);
        process::exit(i32::from(is_right));
    });
    DONE.open();
    check!(worker.join().is_ok());
    check_eq!(end, End::Exit(1));
    Ok(())
}
