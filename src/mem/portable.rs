//! The memory functions in terms that every CPU has.
//!
//! The compiler would turn loops in their bodies into calls of the very functions: they would call
//! themselves for ever. Hence every access here is volatile, which no optimisation turns into
//! something else, and nothing of `core` that may become a call of `memcpy` is used.
//!
//! An access is a byte, or a word that is aligned and lies whole within the caller's range: nothing
//! beyond the range is read, so a range may end where its page does. Where source and destination
//! are aligned differently, words are merged of two neighbours by shifting.
//!
//! Bytes travel as integers, also those that the program never initialised: the callers are
//! compiled code that has left the language's rules on values behind.

/// Bytes of the widest access, the general register.
const WORD: usize = size_of::<usize>();

/// Words per turn of the unrolled loops.
const UNROLL: usize = 4;

/// Ranges shorter than this are handled by bytes: alignment would cost more than it saves.
/// It is also what leaves at least one whole word behind any alignment.
const WORDS_MIN_BYTES: usize = 2 * WORD;

/// Reads a byte.
///
/// # Safety
/// 1. `at` is readable.
#[inline(always)]
unsafe fn load(at: *const u8) -> u8 {
    // SAFETY: by 1; a byte is always aligned.
    unsafe { at.read_volatile() }
}

/// Writes a byte.
///
/// # Safety
/// 1. `at` is writable.
#[inline(always)]
unsafe fn store(at: *mut u8, byte: u8) {
    // SAFETY: by 1; a byte is always aligned.
    unsafe { at.write_volatile(byte) }
}

/// Reads a word.
///
/// # Safety
/// 1. `WORD` bytes from `at` are readable.
/// 2. `at` is a multiple of `WORD`.
#[inline(always)]
unsafe fn load_word(at: *const u8) -> usize {
    // SAFETY: by 1 and 2.
    unsafe { at.cast::<usize>().read_volatile() }
}

/// Writes a word.
///
/// # Safety
/// 1. `WORD` bytes from `at` are writable.
/// 2. `at` is a multiple of `WORD`.
#[inline(always)]
unsafe fn store_word(at: *mut u8, word: usize) {
    // SAFETY: by 1 and 2.
    unsafe { at.cast::<usize>().write_volatile(word) }
}

/// Returns the word that begins `skipped` bytes into `first` and ends within `second`, its
/// neighbour at the higher address. `skipped` is 1 to `WORD - 1`.
#[inline(always)]
fn merge(first: usize, second: usize, skipped: usize) -> usize {
    let (out, kept) = (8 * skipped, 8 * (WORD - skipped));
    if cfg!(target_endian = "big") {
        (first << out) | (second >> kept)
    } else {
        (first >> out) | (second << kept)
    }
}

/// Returns a word that has `byte` where memory would have its byte `index`, and zeros elsewhere.
#[inline(always)]
fn place(byte: u8, index: usize) -> usize {
    let up = if cfg!(target_endian = "big") {
        WORD - 1 - index
    } else {
        index
    };
    (byte as usize) << (8 * up)
}

/// Copies upwards, lowest byte first; right for ranges that overlap if `dst` is not above `src`.
///
/// # Safety
/// 1. `n` bytes from `src` are readable, and `n` bytes from `dst` are writable.
/// 2. Neither range wraps around the address space.
pub unsafe fn copy_forward(mut dst: *mut u8, mut src: *const u8, mut n: usize) {
    if n >= WORDS_MIN_BYTES {
        let head = dst.addr().wrapping_neg() % WORD;
        // SAFETY: `head` is less than `n`.
        unsafe { bytes_forward(dst, src, head) };
        dst = dst.wrapping_add(head);
        src = src.wrapping_add(head);
        n -= head;
        // SAFETY: the rest of the ranges, and `dst` is aligned now.
        let done = unsafe {
            match src.addr() % WORD {
                0 => words_forward(dst, src, n),
                skipped => merged_forward(dst, src, n, skipped),
            }
        };
        dst = dst.wrapping_add(done);
        src = src.wrapping_add(done);
        n -= done;
    }
    // SAFETY: the rest of the ranges.
    unsafe { bytes_forward(dst, src, n) }
}

/// Copies `n` bytes upwards, one at a time.
///
/// # Safety
/// 1. As for [`copy_forward`].
#[inline(always)]
unsafe fn bytes_forward(dst: *mut u8, src: *const u8, n: usize) {
    let mut at = 0;
    while at < n {
        // SAFETY: `at` lies within both ranges.
        unsafe { store(dst.wrapping_add(at), load(src.wrapping_add(at))) };
        at += 1;
    }
}

/// Copies whole words upwards and returns how many bytes that were: less than a word is left.
///
/// # Safety
/// 1. As for [`copy_forward`].
/// 2. `dst` and `src` are multiples of `WORD`.
#[inline(always)]
unsafe fn words_forward(dst: *mut u8, src: *const u8, n: usize) -> usize {
    let mut at = 0;
    while n - at >= UNROLL * WORD {
        let (from, to) = (src.wrapping_add(at), dst.wrapping_add(at));
        // SAFETY: four words from `at` lie within both ranges. All are read before one is written,
        // which an overlap does not mind.
        unsafe {
            let a = load_word(from);
            let b = load_word(from.wrapping_add(WORD));
            let c = load_word(from.wrapping_add(2 * WORD));
            let d = load_word(from.wrapping_add(3 * WORD));
            store_word(to, a);
            store_word(to.wrapping_add(WORD), b);
            store_word(to.wrapping_add(2 * WORD), c);
            store_word(to.wrapping_add(3 * WORD), d);
        }
        at += UNROLL * WORD;
    }
    while n - at >= WORD {
        // SAFETY: a word from `at` lies within both ranges.
        unsafe { store_word(dst.wrapping_add(at), load_word(src.wrapping_add(at))) };
        at += WORD;
    }
    at
}

/// Copies words upwards from a source that lies `skipped` bytes behind a word's begin, and returns
/// how many bytes that were: less than two words are left.
///
/// # Safety
/// 1. As for [`copy_forward`].
/// 2. `dst` is a multiple of `WORD`; `src` is `skipped` above one, which is not 0.
#[inline(always)]
unsafe fn merged_forward(dst: *mut u8, src: *const u8, n: usize, skipped: usize) -> usize {
    let held = WORD - skipped;
    if n < held {
        return 0;
    }
    // What the word at the last multiple before `src` holds, without the bytes outside the range.
    let (mut word, mut index) = (0, skipped);
    while index < WORD {
        // SAFETY: `held` bytes from `src` lie within the range.
        word |= place(unsafe { load(src.wrapping_add(index - skipped)) }, index);
        index += 1;
    }
    let mut at = 0;
    while n - at >= held + WORD {
        // SAFETY: the word ends `held + WORD` behind `src + at`, and `src + held` is aligned.
        let next = unsafe { load_word(src.wrapping_add(at + held)) };
        // SAFETY: a word from `at` lies within the range. Where the ranges overlap, the write ends
        // below what has been read so far.
        unsafe { store_word(dst.wrapping_add(at), merge(word, next, skipped)) };
        word = next;
        at += WORD;
    }
    at
}

/// Copies downwards, highest byte first; right for ranges that overlap if `dst` is above `src`.
///
/// # Safety
/// 1. `n` bytes from `src` are readable, and `n` bytes from `dst` are writable.
/// 2. Neither range wraps around the address space.
pub unsafe fn copy_backward(dst: *mut u8, src: *const u8, mut n: usize) {
    if n >= WORDS_MIN_BYTES {
        let tail = dst.addr().wrapping_add(n) % WORD;
        // SAFETY: `tail` is less than `n`.
        unsafe { bytes_backward(dst, src, n, tail) };
        n -= tail;
        // SAFETY: the rest of the ranges, and `dst + n` is aligned now.
        n -= unsafe {
            match src.addr().wrapping_add(n) % WORD {
                0 => words_backward(dst, src, n),
                over => merged_backward(dst, src, n, over),
            }
        };
    }
    // SAFETY: the rest of the ranges.
    unsafe { bytes_backward(dst, src, n, n) }
}

/// Copies the last `count` of `n` bytes downwards, one at a time.
///
/// # Safety
/// 1. As for [`copy_backward`], and `count` is at most `n`.
#[inline(always)]
unsafe fn bytes_backward(dst: *mut u8, src: *const u8, n: usize, count: usize) {
    let mut at = n;
    while at > n - count {
        at -= 1;
        // SAFETY: `at` lies within both ranges.
        unsafe { store(dst.wrapping_add(at), load(src.wrapping_add(at))) };
    }
}

/// Copies whole words downwards and returns how many bytes that were: less than a word is left.
///
/// # Safety
/// 1. As for [`copy_backward`].
/// 2. `dst + n` and `src + n` are multiples of `WORD`.
#[inline(always)]
unsafe fn words_backward(dst: *mut u8, src: *const u8, n: usize) -> usize {
    let mut at = n;
    while at >= UNROLL * WORD {
        at -= UNROLL * WORD;
        let (from, to) = (src.wrapping_add(at), dst.wrapping_add(at));
        // SAFETY: four words from `at` lie within both ranges. All are read before one is written,
        // which an overlap does not mind.
        unsafe {
            let d = load_word(from.wrapping_add(3 * WORD));
            let c = load_word(from.wrapping_add(2 * WORD));
            let b = load_word(from.wrapping_add(WORD));
            let a = load_word(from);
            store_word(to.wrapping_add(3 * WORD), d);
            store_word(to.wrapping_add(2 * WORD), c);
            store_word(to.wrapping_add(WORD), b);
            store_word(to, a);
        }
    }
    while at >= WORD {
        at -= WORD;
        // SAFETY: a word from `at` lies within both ranges.
        unsafe { store_word(dst.wrapping_add(at), load_word(src.wrapping_add(at))) };
    }
    n - at
}

/// Copies words downwards from a source that ends `over` bytes behind a word's begin, and returns
/// how many bytes that were: less than two words are left.
///
/// # Safety
/// 1. As for [`copy_backward`].
/// 2. `dst + n` is a multiple of `WORD`; `src + n` is `over` above one, which is not 0.
#[inline(always)]
unsafe fn merged_backward(dst: *mut u8, src: *const u8, n: usize, over: usize) -> usize {
    if n < over {
        return 0;
    }
    // What the word at the last multiple before the end holds, without the bytes outside.
    let (mut word, mut index) = (0, 0);
    while index < over {
        // SAFETY: the last `over` bytes of the source lie within the range.
        word |= place(unsafe { load(src.wrapping_add(n - over + index)) }, index);
        index += 1;
    }
    let mut at = n;
    while at >= over + WORD {
        at -= WORD;
        // SAFETY: `at` has become at least `over`, and `src + at - over` is aligned.
        let previous = unsafe { load_word(src.wrapping_add(at - over)) };
        // SAFETY: a word from `at` lies within the range. Where the ranges overlap, the write
        // begins above what has been read so far.
        unsafe { store_word(dst.wrapping_add(at), merge(previous, word, over)) };
        word = previous;
    }
    n - at
}

/// Copies between ranges that may overlap in any way.
///
/// # Safety
/// 1. `n` bytes from `src` are readable, and `n` bytes from `dst` are writable.
/// 2. Neither range wraps around the address space.
pub unsafe fn copy_overlapping(dst: *mut u8, src: *const u8, n: usize) {
    // The difference wraps to a large one where `dst` is below `src`.
    if dst.addr().wrapping_sub(src.addr()) >= n {
        // SAFETY: by 1 and 2; `dst` is below `src`, or behind its end.
        unsafe { copy_forward(dst, src, n) }
    } else {
        // SAFETY: by 1 and 2; `dst` is not below `src`.
        unsafe { copy_backward(dst, src, n) }
    }
}

/// Sets `n` bytes to `byte`.
///
/// # Safety
/// 1. `n` bytes from `dst` are writable, and the range does not wrap around the address space.
pub unsafe fn fill(dst: *mut u8, byte: u8, n: usize) {
    let mut at = 0;
    if n >= WORDS_MIN_BYTES {
        let word = byte as usize * (usize::MAX / 255);
        while !dst.addr().wrapping_add(at).is_multiple_of(WORD) {
            // SAFETY: fewer than `WORD` bytes are written here, and there are more.
            unsafe { store(dst.wrapping_add(at), byte) };
            at += 1;
        }
        while n - at >= UNROLL * WORD {
            let to = dst.wrapping_add(at);
            // SAFETY: four words from `at` lie within the range, and `at` is at a word's begin.
            unsafe {
                store_word(to, word);
                store_word(to.wrapping_add(WORD), word);
                store_word(to.wrapping_add(2 * WORD), word);
                store_word(to.wrapping_add(3 * WORD), word);
            }
            at += UNROLL * WORD;
        }
        while n - at >= WORD {
            // SAFETY: a word from `at` lies within the range, and `at` is at a word's begin.
            unsafe { store_word(dst.wrapping_add(at), word) };
            at += WORD;
        }
    }
    while at < n {
        // SAFETY: `at` lies within the range.
        unsafe { store(dst.wrapping_add(at), byte) };
        at += 1;
    }
}

/// Compares as unsigned bytes: negative, zero or positive as `a` is less, equal or greater at the
/// first byte that differs.
///
/// # Safety
/// 1. `n` bytes from `a` and from `b` are readable, and neither range wraps around.
pub unsafe fn compare(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut at = 0;
    let alike = (a.addr() ^ b.addr()).is_multiple_of(WORD);
    if alike && n >= WORDS_MIN_BYTES {
        // The bytes up to the first word's begin; less than a word, so the range does not end here.
        let head = a.addr().wrapping_neg() % WORD;
        // SAFETY: `head` is less than `n`.
        let order = unsafe { compare_bytes(a, b, 0, head) };
        if order != 0 {
            return order;
        }
        at = head;
        while n - at >= WORD {
            // SAFETY: a word from `at` lies within both ranges, at a word's begin in both.
            let same = unsafe { load_word(a.wrapping_add(at)) == load_word(b.wrapping_add(at)) };
            if !same {
                break;
            }
            at += WORD;
        }
    }
    // The tail, or the word that differs: the difference is in its first `WORD` bytes.
    // SAFETY: by 1.
    unsafe { compare_bytes(a, b, at, n) }
}

/// Compares the bytes from index `at` to index `end`.
///
/// # Safety
/// 1. As for [`compare`], with `end` for `n`.
#[inline(always)]
unsafe fn compare_bytes(a: *const u8, b: *const u8, mut at: usize, end: usize) -> i32 {
    while at < end {
        // SAFETY: `at` lies within both ranges.
        let (x, y) = unsafe { (load(a.wrapping_add(at)), load(b.wrapping_add(at))) };
        if x != y {
            return x as i32 - y as i32;
        }
        at += 1;
    }
    0
}

/// Returns the number of bytes before the first NUL.
///
/// # Safety
/// 1. The bytes from `text` up to and with a NUL are readable.
pub unsafe fn length(text: *const u8) -> usize {
    let mut at = 0;
    // SAFETY: no byte before this one was the NUL.
    while unsafe { load(text.wrapping_add(at)) } != 0 {
        at += 1;
    }
    at
}
