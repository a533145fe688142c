//! The memory functions, on the host: every size, alignment and overlap, with canaries around, and
//! at page ends. The symbols stay the C library's; the suite's program `contract` looks at those,
//! on every CPU.

use std::ptr;

use threadbare::seam::mem;

const SIZE_MAX: usize = 280;
const ALIGN_MAX: usize = 16;
/// Untouched bytes on either side of a range.
const MARGIN: usize = 32;
const ARENA: usize = MARGIN + ALIGN_MAX + SIZE_MAX + MARGIN;
const CANARY: u8 = 0xA5;

/// Memory that begins at a multiple of 64.
#[repr(align(64))]
struct Arena<const N: usize>([u8; N]);

/// One way to do it.
trait Functions {
    unsafe fn copy_forward(dst: *mut u8, src: *const u8, n: usize);
    unsafe fn copy_backward(dst: *mut u8, src: *const u8, n: usize);
    unsafe fn copy_overlapping(dst: *mut u8, src: *const u8, n: usize);
    unsafe fn fill(dst: *mut u8, byte: u8, n: usize);
    unsafe fn compare(a: *const u8, b: *const u8, n: usize) -> i32;
    unsafe fn length(text: *const u8) -> usize;
}

/// Implements [`Functions`] by functions of a module; returned values are the pointers' own.
macro_rules! functions {
    ($name:ident: $module:path, $forward:ident, $backward:ident) => {
        struct $name;

        // SAFETY: the same promises, for all that follow.
        impl Functions for $name {
            unsafe fn copy_forward(dst: *mut u8, src: *const u8, n: usize) {
                use $module as functions;
                // SAFETY: as above.
                let _ = unsafe { functions::$forward(dst, src, n) };
            }
            unsafe fn copy_backward(dst: *mut u8, src: *const u8, n: usize) {
                use $module as functions;
                // SAFETY: as above.
                let _ = unsafe { functions::$backward(dst, src, n) };
            }
            unsafe fn copy_overlapping(dst: *mut u8, src: *const u8, n: usize) {
                use $module as functions;
                // SAFETY: as above.
                let _ = unsafe { functions::copy_overlapping(dst, src, n) };
            }
            unsafe fn fill(dst: *mut u8, byte: u8, n: usize) {
                use $module as functions;
                // SAFETY: as above.
                let _ = unsafe { functions::fill(dst, byte.into(), n) };
            }
            unsafe fn compare(a: *const u8, b: *const u8, n: usize) -> i32 {
                use $module as functions;
                // SAFETY: as above.
                unsafe { functions::compare(a, b, n) }
            }
            unsafe fn length(text: *const u8) -> usize {
                use $module as functions;
                // SAFETY: as above.
                unsafe { functions::length(text) }
            }
        }
    };
}

functions!(Portable: mem::portable, copy_forward, copy_backward);
functions!(Own: mem::own, copy, copy_overlapping);
functions!(Small: mem::small, copy, copy_overlapping);

/// Makes a test of each of these for each implementation. Where the CPU has one of its own, it is
/// tested with what it does before the CPU is asked for more, too: the large copies come last.
macro_rules! cases {
    ($($case:ident)*) => {
        mod portable {
            $(#[test] fn $case() { super::$case::<super::Portable>() })*
        }
        mod small {
            $(#[test] fn $case() { super::$case::<super::Small>() })*
        }
        #[test]
        fn own() {
            for _ in 0..2 {
                $($case::<Own>();)*
                // More than it takes until the CPU is asked.
                let (from, mut to) = (vec![1; 4 << 20], vec![0; 4 << 20]);
                // SAFETY: both have room.
                unsafe { Own::copy_forward(to.as_mut_ptr(), from.as_ptr(), from.len()) };
                assert!(from == to);
            }
        }
    };
}

cases! {
    copy_forward_is_exact_for_every_size_and_alignment
    copy_backward_is_exact_for_every_size_and_alignment
    copy_overlapping_is_exact_for_every_size_and_alignment
    copy_overlapping_survives_every_overlap
    large_copies_are_exact
    fill_is_exact_for_every_size_and_alignment
    compare_has_the_sign_of_the_first_difference
    length_stops_at_the_first_nul
    nothing_beyond_a_range_is_accessed_at_page_ends
}

/// Bytes that differ from their neighbours and from the canary.
fn pattern(at: usize) -> u8 {
    let byte = (at.wrapping_mul(37) ^ (at >> 3)) as u8;
    if byte == CANARY { !byte } else { byte }
}

type Copy = unsafe fn(*mut u8, *const u8, usize);

fn check_disjoint(copy: Copy) {
    let mut source = Arena([0; ARENA]);
    for (at, byte) in source.0.iter_mut().enumerate() {
        *byte = pattern(at);
    }
    for n in 0..=SIZE_MAX {
        for from in 0..ALIGN_MAX {
            for to in 0..ALIGN_MAX {
                let mut target = Arena([CANARY; ARENA]);
                let (from, to) = (MARGIN + from, MARGIN + to);
                // SAFETY: both ranges lie within their arenas.
                unsafe {
                    let src = source.0.as_ptr().add(from);
                    copy(target.0.as_mut_ptr().add(to), src, n);
                }
                let mut wanted = [CANARY; ARENA];
                wanted[to..to + n].copy_from_slice(&source.0[from..from + n]);
                assert_eq!(target.0, wanted, "n={n} from={from} to={to}");
            }
        }
    }
}

/// Forward copies move every byte and no other.
fn copy_forward_is_exact_for_every_size_and_alignment<M: Functions>() {
    check_disjoint(M::copy_forward);
}

/// Backward copies move every byte and no other.
fn copy_backward_is_exact_for_every_size_and_alignment<M: Functions>() {
    check_disjoint(M::copy_backward);
}

/// Overlapping copies choose a direction that is right for ranges that do not overlap, too.
fn copy_overlapping_is_exact_for_every_size_and_alignment<M: Functions>() {
    check_disjoint(M::copy_overlapping);
}

/// Every distance from far below to far above, at every alignment.
fn copy_overlapping_survives_every_overlap<M: Functions>() {
    const REACH: usize = 40;
    const LENGTH: usize = MARGIN + REACH + ALIGN_MAX + SIZE_MAX + REACH + MARGIN;
    for n in 0..=SIZE_MAX {
        for align in 0..ALIGN_MAX {
            for to in 0..=2 * REACH {
                let from = MARGIN + REACH + align;
                let to = MARGIN + align + to;
                let mut memory = Arena([0; LENGTH]);
                for (at, byte) in memory.0.iter_mut().enumerate() {
                    *byte = pattern(at);
                }
                let mut wanted = memory.0;
                wanted.copy_within(from..from + n, to);
                let base = memory.0.as_mut_ptr();
                // SAFETY: both ranges lie within the arena.
                unsafe { M::copy_overlapping(base.add(to), base.add(from), n) };
                assert_eq!(memory.0, wanted, "n={n} from={from} to={to}");
            }
        }
    }
}

/// Sizes that run the unrolled loops more than once.
fn large_copies_are_exact<M: Functions>() {
    for n in [4096, 4097, 4111, 10_000, 32_768, 65_537] {
        for shift in 0..9 {
            let source: Vec<u8> = (0..n + 64).map(pattern).collect();
            let mut target = vec![CANARY; n + 64];
            // SAFETY: both ranges lie within their vectors.
            unsafe { M::copy_forward(target.as_mut_ptr().add(3), source.as_ptr().add(shift), n) };
            assert_eq!(target[3..3 + n], source[shift..shift + n]);
            assert!(
                target[..3]
                    .iter()
                    .chain(&target[3 + n..])
                    .all(|&byte| byte == CANARY)
            );

            let mut memory = source.clone();
            // SAFETY: both ranges lie within the vector.
            unsafe {
                let base = memory.as_mut_ptr();
                M::copy_overlapping(base.add(shift + 1), base.add(2), n);
            }
            let mut wanted = source.clone();
            wanted.copy_within(2..2 + n, shift + 1);
            assert!(memory == wanted, "n={n} shift={shift}");
        }
    }
}

/// Fills set every byte and no other.
fn fill_is_exact_for_every_size_and_alignment<M: Functions>() {
    for n in 0..=SIZE_MAX {
        for align in 0..ALIGN_MAX {
            for byte in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut memory = Arena([CANARY; ARENA]);
                let to = MARGIN + align;
                // SAFETY: the range lies within the arena.
                unsafe { M::fill(memory.0.as_mut_ptr().add(to), byte, n) };
                let mut wanted = [CANARY; ARENA];
                wanted[to..to + n].fill(byte);
                assert_eq!(memory.0, wanted, "n={n} align={align}");
            }
        }
    }
}

/// The first difference decides, bytes count as unsigned, and what lies outside does not count.
fn compare_has_the_sign_of_the_first_difference<M: Functions>() {
    let aligns = [0, 3, 8];
    for n in (0..=140).chain([160, 191, 200, 255, 256, 257, SIZE_MAX]) {
        for a_align in aligns {
            for b_align in aligns {
                let (mut a, mut b) = (Arena([0; ARENA]), Arena([1; ARENA]));
                let (from_a, from_b) = (MARGIN + a_align, MARGIN + b_align);
                for at in 0..n {
                    a.0[from_a + at] = pattern(at);
                    b.0[from_b + at] = pattern(at);
                }
                let order = |a: &[u8], b: &[u8]| {
                    // SAFETY: both ranges lie within their arenas.
                    unsafe { M::compare(a[from_a..].as_ptr(), b[from_b..].as_ptr(), n) }
                };
                assert_eq!(order(&a.0, &b.0), 0, "n={n}");
                for at in 0..n {
                    let kept = (a.0[from_a + at], b.0[from_b + at]);
                    (a.0[from_a + at], b.0[from_b + at]) = (0x7F, 0x80);
                    // A later difference in the other direction must not count.
                    let last = (a.0[from_a + n - 1], b.0[from_b + n - 1]);
                    if at < n - 1 {
                        (a.0[from_a + n - 1], b.0[from_b + n - 1]) = (0xFF, 0);
                    }
                    assert!(order(&a.0, &b.0) < 0, "n={n} at={at}");
                    (a.0[from_a + at], b.0[from_b + at]) = (0x80, 0x7F);
                    if at < n - 1 {
                        (a.0[from_a + n - 1], b.0[from_b + n - 1]) = (0, 0xFF);
                    }
                    assert!(order(&a.0, &b.0) > 0, "n={n} at={at}");
                    (a.0[from_a + n - 1], b.0[from_b + n - 1]) = last;
                    (a.0[from_a + at], b.0[from_b + at]) = kept;
                }
            }
        }
    }
}

/// The NUL is found at every place, and bytes above 127 are not taken for it.
fn length_stops_at_the_first_nul<M: Functions>() {
    for align in 0..ALIGN_MAX {
        for n in 0..=SIZE_MAX {
            let mut text = Arena([0xFF; ARENA]);
            text.0[align + n] = 0;
            // SAFETY: the NUL lies within the arena.
            assert_eq!(unsafe { M::length(text.0.as_ptr().add(align)) }, n);
        }
    }
}

/// Some accessible pages between two that are not: an access outside kills the test.
struct Island {
    base: *mut u8,
    page: usize,
}

/// Accessible bytes of an island, in pages.
const PAGES: usize = 1;

impl Island {
    fn new() -> Island {
        // SAFETY: a new mapping; the middle of it is then made accessible.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let all = (PAGES + 2) * page;
            let base = libc::mmap(ptr::null_mut(), all, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(base, libc::MAP_FAILED);
            let base = base.cast::<u8>().add(page);
            let access = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(base.cast(), PAGES * page, access), 0);
            Island { base, page }
        }
    }

    /// The accessible bytes.
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: accessible, initialised by the kernel, and borrowed from us.
        unsafe { std::slice::from_raw_parts_mut(self.base, PAGES * self.page) }
    }

    /// Address of a range of `n` bytes that ends `gap` bytes before the end.
    fn high(&self, n: usize, gap: usize) -> *mut u8 {
        self.base.wrapping_add(PAGES * self.page - gap - n)
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, which nobody uses any more.
        unsafe {
            let start = self.base.sub(self.page);
            libc::munmap(start.cast(), (PAGES + 2) * self.page);
        }
    }
}

/// Ranges that begin at a page's begin or end at its end, with nothing accessible beyond.
fn nothing_beyond_a_range_is_accessed_at_page_ends<M: Functions>() {
    let (mut left, right) = (Island::new(), Island::new());
    for (at, byte) in left.bytes().iter_mut().enumerate() {
        *byte = pattern(at);
    }
    for copy in [
        M::copy_forward as Copy,
        M::copy_backward,
        M::copy_overlapping,
    ] {
        for n in 0..=SIZE_MAX {
            for gap in 0..ALIGN_MAX {
                let low = |island: &Island| island.base.wrapping_add(gap);
                // The source at an edge, the target anywhere, and the other way round.
                let pairs = [
                    (left.base, low(&right)),
                    (low(&left), right.base),
                    (left.high(n, 0), right.high(n, gap)),
                    (left.high(n, gap), right.high(n, 0)),
                    (left.high(n, 0), low(&right)),
                    (left.base, right.high(n, gap)),
                ];
                for (from, to) in pairs {
                    // SAFETY: both ranges lie within the islands.
                    unsafe {
                        M::fill(to, CANARY, n);
                        copy(to, from, n);
                        assert_eq!(M::compare(from, to, n), 0, "n={n} gap={gap}");
                        assert_eq!(
                            std::slice::from_raw_parts(from, n),
                            std::slice::from_raw_parts(to, n)
                        );
                    }
                }
            }
        }
    }
    for n in 0..=SIZE_MAX {
        left.bytes().fill(b'x');
        *left.bytes().last_mut().unwrap() = 0;
        // SAFETY: the last accessible byte is the NUL.
        assert_eq!(unsafe { M::length(left.high(n + 1, 0)) }, n);
    }
}
