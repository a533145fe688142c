//! Other people's crates, as they are published, on top of threadbare: a case for each.
//!
//! What they are good for is their own tests' business. Here threads of ours use them, and those
//! that ask the runtime or the kernel for something get it.

#![no_std]
#![no_main]
#![cfg_attr(experimental_asm, feature(asm_experimental_arch))]

extern crate alloc;

mod heap;
mod kernel;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::{ArrayQueue, SegQueue};
use embedded_io::{Read, Write};
use hashbrown::HashMap;
use heap::talc_serves_threads_by_our_lock;
use kernel::{rustix_files, rustix_sockets, rustix_time};
use log::{Level, LevelFilter, Log, Metadata, Record};
use once_cell::sync::OnceCell;
use portable_atomic::{AtomicF64, AtomicU64, AtomicU128};
use suite::{Stop, Verdict, check, check_eq};
use threadbare::io::{File, SliceWriter};
use threadbare::sync::Mutex;
use threadbare::thread;

suite::area! { 61:
    talc_serves_threads_by_our_lock,
    hashbrown_behind_a_lock,
    heapless_queue_between_two_threads,
    crossbeam_queues_lose_nothing,
    log_messages_of_threads_arrive,
    embedded_io_code_reads_and_writes,
    once_cell_by_a_critical_section,
    portable_atomics_count_right,
    portable_atomic_of_128_bits_counts_right,
    getrandom_fills,
    rustix_files,
    rustix_sockets,
    rustix_time,
}

const THREADS: u64 = 4;

fn hashbrown_behind_a_lock() -> Verdict {
    let words: Mutex<HashMap<String, u64>> = Mutex::new(HashMap::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 0..100 {
                    *words
                        .lock()
                        .unwrap()
                        .entry(format!("word {}", number % 10))
                        .or_default() += 1;
                }
            });
        }
    });
    let words = words.into_inner().unwrap();
    check_eq!(words.len(), 10);
    check!(words.values().all(|count| *count == THREADS * 10));
    check_eq!(words.get("word 3"), Some(&40));
    Ok(())
}

fn heapless_queue_between_two_threads() -> Verdict {
    const COUNT: u32 = 2000;
    let mut queue: heapless::spsc::Queue<u32, 16> = heapless::spsc::Queue::new();
    let (mut producer, mut consumer) = queue.split();
    let received = thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..COUNT {
                while producer.enqueue(number).is_err() {
                    thread::yield_now();
                }
            }
        });
        let mut next = 0;
        while next < COUNT {
            match consumer.dequeue() {
                Some(number) if number == next => next += 1,
                Some(_) => break,
                None => thread::yield_now(),
            }
        }
        next
    });
    check_eq!(received, COUNT);
    let mut text: heapless::String<16> = heapless::String::new();
    check!(core::fmt::write(&mut text, format_args!("{received} numbers")).is_ok());
    check_eq!(text.as_str(), "2000 numbers");
    Ok(())
}

fn crossbeam_queues_lose_nothing() -> Verdict {
    const EACH: u64 = 500;
    let (bounded, unbounded) = (ArrayQueue::new(8), SegQueue::new());
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let movers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        // Before the look: what was pushed before it was done is seen.
                        let is_last = is_done.load(Ordering::Acquire);
                        match bounded.pop() {
                            Some(number) => unbounded.push(number),
                            None if is_last => return,
                            None => thread::yield_now(),
                        }
                    }
                })
            })
            .collect();
        let makers: Vec<_> = (0..THREADS)
            .map(|maker| {
                let bounded = &bounded;
                scope.spawn(move || {
                    for number in 0..EACH {
                        while bounded.push(maker * EACH + number).is_err() {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        is_done.store(true, Ordering::Release);
        movers.into_iter().for_each(|mover| mover.join().unwrap());
    });
    let mut all: Vec<u64> = core::iter::from_fn(|| unbounded.pop()).collect();
    all.sort_unstable();
    check!(all.into_iter().eq(0..THREADS * EACH));
    Ok(())
}

/// Keeps what is logged, line by line.
struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let thread = thread::current().id();
            let line = format!("{} {thread:?} {}", record.level(), record.args());
            self.0.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

static LINES: Lines = Lines(Mutex::new(Vec::new()));

fn log_messages_of_threads_arrive() -> Verdict {
    check!(log::set_logger(&LINES).is_ok());
    log::set_max_level(LevelFilter::Info);
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            thread::spawn(move || {
                log::info!("message {number}");
                log::debug!("nobody hears this");
                thread::current().id()
            })
        })
        .collect();
    let ids: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let lines = LINES.0.lock().unwrap();
    check_eq!(lines.len(), THREADS as usize);
    for (number, id) in ids.into_iter().enumerate() {
        check!(lines.contains(&format!("INFO {id:?} message {number}")));
    }
    Ok(())
}

/// Which side of a copy failed, and how.
enum Side<R, W> {
    Reading(R),
    Writing(W),
}

/// Knows the traits alone, as a driver or a protocol would.
fn copy<R: Read, W: Write>(mut from: R, mut to: W) -> Result<usize, Side<R::Error, W::Error>> {
    let (mut buffer, mut all) = ([0; 7], 0);
    loop {
        let count = from.read(&mut buffer).map_err(Side::Reading)?;
        if count == 0 {
            to.flush().map_err(Side::Writing)?;
            return Ok(all);
        }
        to.write_all(&buffer[..count]).map_err(Side::Writing)?;
        all += count;
    }
}

/// Ours into another crate's, and the other way round.
fn embedded_io_code_reads_and_writes() -> Verdict {
    let file = File::open(c"/proc/sys/kernel/ostype").ok();
    check!(file.is_some());
    let mut name: heapless::Vec<u8, 16> = heapless::Vec::new();
    check!(copy(&file.unwrap(), &mut name).is_ok_and(|bytes| bytes == 6));
    check_eq!(name.as_slice(), b"Linux\n");
    let mut memory = [0; 16];
    let mut ours = SliceWriter::new(&mut memory);
    check!(copy(&name[..], &mut ours).is_ok());
    check_eq!(ours.written(), b"Linux\n");
    let refused = copy(&[b'x'; 11][..], &mut ours);
    check!(matches!(
        refused,
        Err(Side::Writing(threadbare::io::Error::Full))
    ));
    let directory = File::open(c"/proc/self").ok();
    let refused = copy(&directory.unwrap(), &mut ours);
    check!(matches!(
        refused,
        Err(Side::Reading(threadbare::io::Error::Os(_)))
    ));
    Ok(())
}

/// One thread makes the value, and all get it.
fn once_cell_by_a_critical_section() -> Verdict {
    static CELL: OnceCell<u64> = OnceCell::new();
    static MADE: critical_section::Mutex<Cell<u64>> = critical_section::Mutex::new(Cell::new(0));
    static OFFERS: critical_section::Mutex<Cell<u64>> = critical_section::Mutex::new(Cell::new(0));
    let add = |count: &critical_section::Mutex<Cell<u64>>| {
        critical_section::with(|section| {
            let count = count.borrow(section);
            count.set(count.get() + 1);
        });
    };
    let values = thread::scope(|scope| {
        let offer = |number| {
            move || {
                for _ in 0..100 {
                    add(&OFFERS);
                }
                *CELL.get_or_init(|| {
                    add(&MADE);
                    number
                })
            }
        };
        let threads: Vec<_> = (1..=THREADS)
            .map(|number| scope.spawn(offer(number)))
            .collect();
        let values = threads.into_iter().map(|thread| thread.join().unwrap());
        values.collect::<Vec<_>>()
    });
    let read = |count: &critical_section::Mutex<Cell<u64>>| {
        critical_section::with(|section| count.borrow(section).get())
    };
    check_eq!(read(&OFFERS), THREADS * 100);
    check!(read(&MADE) >= 1);
    check!(
        CELL.get()
            .is_some_and(|value| values.iter().all(|got| got == value))
    );
    Ok(())
}

fn portable_atomics_count_right() -> Verdict {
    static WORD: AtomicU64 = AtomicU64::new(u32::MAX as u64);
    static FLOAT: AtomicF64 = AtomicF64::new(0.5);
    count(|| {
        WORD.fetch_add(1, Ordering::Relaxed);
        FLOAT.fetch_add(1.0, Ordering::Relaxed);
    });
    check_eq!(WORD.load(Ordering::Relaxed), u64::from(u32::MAX) + COUNTED);
    check!(FLOAT.load(Ordering::Relaxed) == COUNTED as f64 + 0.5);
    Ok(())
}

fn portable_atomic_of_128_bits_counts_right() -> Verdict {
    static WIDE: AtomicU128 = AtomicU128::new(u64::MAX as u128);
    if cfg!(has_quadwords) {
        return Err(Stop::Skip("qemu 7.2 never stores what `lqarx` reserved"));
    }
    count(|| {
        WIDE.fetch_add(3, Ordering::Relaxed);
    });
    let wanted = u128::from(u64::MAX) + u128::from(3 * COUNTED);
    check_eq!(WIDE.load(Ordering::Relaxed), wanted);
    Ok(())
}

/// How often `count` calls what it is given.
const COUNTED: u64 = THREADS * 500;

fn count(add: fn()) {
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(move || (0..COUNTED / THREADS).for_each(|_| add()));
        }
    });
}

/// What getrandom asks for where it makes no system call of its own.
#[cfg(getrandom_backend = "custom")]
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(
    into: *mut u8,
    bytes: usize,
) -> Result<(), getrandom::Error> {
    // SAFETY: the caller hands over so many bytes to be written.
    unsafe { into.write_bytes(0, bytes) };
    // SAFETY: likewise, and now they are initialised.
    let into = unsafe { core::slice::from_raw_parts_mut(into, bytes) };
    let read = File::open(c"/dev/urandom").and_then(|file| {
        let mut file = &file;
        file.read_exact(into)
            .map_err(|_| threadbare::io::Error::Full)
    });
    read.map_err(|_| getrandom::Error::UNEXPECTED)
}

fn getrandom_fills() -> Verdict {
    let fill = || {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map(|()| bytes)
    };
    let here = fill();
    let there = thread::spawn(fill).join().unwrap();
    check!(here.is_ok() && there.is_ok());
    check!(here != there);
    // By chance once in 2 to the power of 56.
    check!(here.unwrap().chunks(8).all(|word| word != [0; 8]));
    check!(getrandom::u64().is_ok());
    Ok(())
}
