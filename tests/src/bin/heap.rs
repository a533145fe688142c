//! The allocator of the feature `global-allocator`: what is allocated anywhere, what comes back.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::cell::RefCell;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use suite::child::{self, End};
use suite::{Verdict, check, check_eq, kernel, limits};
use threadbare::io::{Error, VecWriter, Write};
use threadbare::seam::arch::nr;
use threadbare::seam::{self, Counters};
use threadbare::sync::{Arc, mpsc};
use threadbare::{Errno, process, thread, thread_local};

suite::area! { 61:
    values_live_in_boxes_and_vectors,
    every_alignment_and_size_is_the_callers_alone,
    threads_allocate_and_free_each_others_memory,
    channel_carries_boxes,
    destructors_of_thread_locals_may_free_and_allocate,
    blocks_and_mappings_go_back_to_the_kernel,
    kernel_without_memory_is_an_error,
    growing_writer_grows_until_there_is_no_memory,
    absurd_sizes_are_refused_beyond_a_pages_alignment,
    large_memory_grows_and_shrinks_with_its_contents,
    child_of_fork_allocates_while_others_were_at_it,
    child_of_fork_begins_anew_where_the_heap_was_held,
}

/// Where addresses have 32 bits, others may be had.
fn absurd_sizes_are_refused_beyond_a_pages_alignment() -> Verdict {
    let largest = isize::MAX as usize;
    for align in [8192, 1 << 20] {
        for bytes in [largest / 2 + 1, largest - 2 * align, largest - (align - 1)] {
            let Ok(layout) = Layout::from_size_align(bytes, align) else {
                check!("a layout" == "is one");
                return Ok(());
            };
            // SAFETY: the size is not 0.
            check!(black_box(unsafe { alloc::alloc::alloc(layout) }).is_null());
            let small = Layout::from_size_align(64, align).unwrap_or(layout);
            // SAFETY: likewise.
            let place = black_box(unsafe { alloc::alloc::alloc(small) });
            check!(!place.is_null());
            // SAFETY: just allocated; refused, it stays.
            check!(black_box(unsafe { alloc::alloc::realloc(place, small, bytes) }).is_null());
            // SAFETY: likewise.
            unsafe { alloc::alloc::dealloc(place, small) };
        }
    }
    Ok(())
}

fn values_live_in_boxes_and_vectors() -> Verdict {
    let squares: Vec<Box<u64>> = (0..1000_u64)
        .map(|number| Box::new(number * number))
        .collect();
    check_eq!(
        squares.iter().map(|square| **square).sum::<u64>(),
        332_833_500
    );
    let text: String = ["a", "heap", "of", "words"].join(" ");
    check_eq!(text.as_str(), "a heap of words");
    Ok(())
}

/// The sizes on both sides of what has a mapping of its own, at every alignment that there is.
fn every_alignment_and_size_is_the_callers_alone() -> Verdict {
    let sizes = [
        1,
        7,
        64,
        1000,
        4096,
        70_000,
        (128 << 10) - 1,
        128 << 10,
        300_000,
    ];
    let mut places = Vec::new();
    for (number, size) in sizes.into_iter().enumerate() {
        for align in [1, 8, 64, 4096, 65_536] {
            let Ok(layout) = Layout::from_size_align(size, align) else {
                continue;
            };
            // SAFETY: the size is not 0.
            let place = unsafe { alloc::alloc::alloc(layout) };
            check!(!place.is_null() && place.addr().is_multiple_of(align));
            // SAFETY: so many bytes, which are ours.
            unsafe { place.write_bytes(number as u8 + 1, size) };
            places.push((place, layout, number as u8 + 1));
        }
    }
    for (place, layout, mark) in places {
        // SAFETY: as they were written, unless somebody else has them, too.
        let bytes = unsafe { core::slice::from_raw_parts(place, layout.size()) };
        check!(bytes.iter().all(|byte| *byte == mark));
        // SAFETY: allocated with this layout.
        unsafe { alloc::alloc::dealloc(place, layout) };
    }
    Ok(())
}

fn threads_allocate_and_free_each_others_memory() -> Verdict {
    const ROUNDS: usize = 200;
    let shared = Arc::new([0xa5_u8; 100]);
    let workers = [1_usize, 2, 3].map(|number| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            let mut kept = Vec::new();
            for round in 0..ROUNDS {
                kept.push(alloc::vec![(number + round) as u8; 1 + round * 7 % 300]);
                if round % 3 == 0 {
                    kept.swap_remove(round % kept.len());
                }
            }
            let sum: usize = kept.iter().map(|bytes| usize::from(bytes[0])).sum();
            (kept, sum + usize::from(shared[99]))
        })
    });
    for worker in workers {
        let (kept, sum) = worker.join().unwrap();
        let own: usize = kept.iter().map(|bytes| usize::from(bytes[0])).sum();
        check_eq!(own + 0xa5, sum);
        check!(
            kept.iter()
                .all(|bytes| bytes.iter().all(|byte| *byte == bytes[0]))
        );
    }
    check_eq!(Arc::strong_count(&shared), 1);
    Ok(())
}

fn channel_carries_boxes() -> Verdict {
    let (sender, receiver) = mpsc::channel();
    let worker = thread::spawn(move || {
        for number in 0..100_u32 {
            let _ = sender.send(Box::new(number));
        }
    });
    check_eq!(receiver.iter().map(|number| *number).sum::<u32>(), 4950);
    check!(worker.join().is_ok());
    Ok(())
}

/// Frees what the thread had, and allocates once more on its way out.
struct Tidy(RefCell<Vec<Box<u32>>>);

static TIDIED: AtomicBool = AtomicBool::new(false);

impl Drop for Tidy {
    fn drop(&mut self) {
        let sum: u32 = self.0.take().into_iter().map(|number| *number).sum();
        let last = Box::new(sum);
        TIDIED.store(*last == 6, SeqCst);
    }
}

thread_local! {
    static TIDY: Tidy = const { Tidy(RefCell::new(Vec::new())) };
}

fn destructors_of_thread_locals_may_free_and_allocate() -> Verdict {
    let worker = thread::spawn(|| {
        TIDY.with(|tidy| tidy.0.borrow_mut().extend([1, 2, 3].map(Box::new)));
        // A result on the heap, and one that nobody asks for.
        drop(thread::spawn(|| Box::new([0_u8; 1000])));
        Box::new(8)
    });
    check_eq!(worker.join().map(|number| *number), Ok(8));
    check!(TIDIED.load(SeqCst));
    Ok(())
}

/// How often the calls were made by `work`.
fn calls(work: impl FnOnce()) -> (u32, u32) {
    // SAFETY: zeroes are an empty one.
    static COUNTERS: Counters = unsafe { core::mem::zeroed() };
    seam::record(&COUNTERS);
    work();
    seam::end_record();
    (COUNTERS.count(nr::MMAP), COUNTERS.count(nr::MUNMAP))
}

fn blocks_and_mappings_go_back_to_the_kernel() -> Verdict {
    // The first block stays.
    drop(Box::new(1));
    let (mapped, unmapped) = calls(|| {
        let many: Vec<Box<[u8; 4000]>> = (0..400).map(|_| Box::new([1; 4000])).collect();
        drop(black_box(many));
    });
    check!(mapped >= 5 && mapped < 40);
    check_eq!(mapped, unmapped);
    let (mapped, unmapped) = calls(|| drop(black_box(alloc::vec![1_u8; 1 << 20])));
    check_eq!((mapped, unmapped), (1, 1));
    Ok(())
}

fn kernel_without_memory_is_an_error() -> Verdict {
    for bytes in [100_000, 1 << 20] {
        let mut vector: Vec<u8> = Vec::new();
        seam::order(nr::MMAP, 0, u32::MAX, Errno::NOMEM);
        let mut all = Vec::new();
        // The first block may have room for some.
        let refused = (0..20).find_map(|_| {
            let mut next: Vec<u8> = Vec::new();
            let refused = next.try_reserve_exact(bytes).err();
            all.push(next);
            refused
        });
        let failed = seam::end();
        check!(refused.is_some() && failed > 0);
        drop(all);
        check!(vector.try_reserve_exact(bytes).is_ok());
    }
    Ok(())
}

fn growing_writer_grows_until_there_is_no_memory() -> Verdict {
    let mut text = VecWriter::new();
    for number in 0..10_000 {
        check!(write!(text, "{number:05}").is_ok());
    }
    check_eq!(text.written().len(), 50_000);
    check_eq!(
        text.as_str().map(|text| text.ends_with("0999809999")),
        Ok(true)
    );
    let before = text.written().len();
    let much = alloc::vec![b'x'; 1 << 20];
    seam::order(nr::MMAP, 0, u32::MAX, Errno::NOMEM);
    let refused = text.write_all(&much);
    seam::end();
    check_eq!(refused, Err(Error::Os(Errno::NOMEM)));
    check_eq!(text.written().len(), before);
    check!(text.write_all(&much).is_ok());
    check_eq!(text.into_vec().len(), before + much.len());
    let mut kept = VecWriter::from(alloc::vec![1, 2]);
    check!(kept.write_all(&[3]).is_ok());
    check_eq!(kept.written(), [1, 2, 3]);
    kept.clear();
    check!(kept.written().is_empty());
    Ok(())
}

fn large_memory_grows_and_shrinks_with_its_contents() -> Verdict {
    let mut numbers: Vec<u32> = Vec::new();
    numbers.extend(0..200_000);
    numbers.truncate(100_000);
    numbers.shrink_to_fit();
    numbers.extend(100_000..120_000);
    check!(
        numbers
            .iter()
            .zip(0..)
            .all(|(number, place)| *number == place)
    );
    numbers.truncate(10);
    numbers.shrink_to_fit();
    check_eq!(numbers, (0..10).collect::<Vec<u32>>());
    let zeroes = alloc::vec![0_u64; 50_000];
    check!(zeroes.iter().all(|zero| *zero == 0));
    Ok(())
}

/// Allocates, frees and says with which status the child ends.
fn work_in_child(inherited: Vec<Box<u32>>) -> ! {
    kernel::limit_seconds(20);
    let sum: u32 = inherited.iter().map(|number| **number).sum();
    drop(inherited);
    let boxes = || (0..100_u32).map(Box::new).collect::<Vec<_>>();
    // A child whose parent had other threads must not start one under qemu, which dies of it
    // (`qemu_plugin_vcpu_init_hook`: it counts the parent's).
    let many = if limits::is_emulated() {
        boxes()
    } else {
        thread::spawn(boxes).join().unwrap_or_default()
    };
    let mut longer = many;
    longer.extend((100..1000).map(Box::new));
    let is_right = sum == 6 && longer.iter().map(|number| **number).sum::<u32>() == 499_500;
    drop(longer);
    process::exit(if is_right { 0 } else { 1 })
}

/// The heap is in order whenever nobody is in it, and no lock of it outlives its holder.
fn child_of_fork_allocates_while_others_were_at_it() -> Verdict {
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    let forks = if limits::is_emulated() { 5 } else { 40 };
    let others = [1_usize, 2].map(|number| {
        thread::spawn(move || {
            while !IS_OVER.load(SeqCst) {
                drop(black_box(alloc::vec![number as u8; 100 * number]));
            }
        })
    });
    let mut ends = Vec::new();
    for _ in 0..forks {
        let inherited = [1, 2, 3].map(Box::new).into_iter().collect();
        ends.push(child::run(|| work_in_child(inherited)));
    }
    IS_OVER.store(true, SeqCst);
    for other in others {
        check!(other.join().is_ok());
    }
    for end in ends {
        check_eq!(end, End::Exit(0));
    }
    Ok(())
}

/// What was allocated before is left alone by the child: it may be freed, and nothing comes of it.
fn child_of_fork_begins_anew_where_the_heap_was_held() -> Verdict {
    static IS_HELD: AtomicBool = AtomicBool::new(false);
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    let mut inherited: Vec<Box<u32>> = [1, 2, 3].map(Box::new).into_iter().collect();
    let holder = thread::spawn(|| {
        seam::while_heap_is_held(|| {
            IS_HELD.store(true, SeqCst);
            while !IS_OVER.load(SeqCst) {
                kernel::let_others_run();
            }
        });
    });
    while !IS_HELD.load(SeqCst) {
        kernel::let_others_run();
    }
    // By reference: the parent must not free it while the heap is held.
    let end = child::run(|| work_in_child(core::mem::take(&mut inherited)));
    IS_OVER.store(true, SeqCst);
    check!(holder.join().is_ok());
    check_eq!(end, End::Exit(0));
    Ok(())
}
