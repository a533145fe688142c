//! What a character beyond ASCII is to `wc`: whether it is printed, how wide, and whether it ends a
//! word.
//!
//! The lists of `table` are made into runs when the program is built. It decodes nothing, and does
//! not know ASCII, which is counted without looking anything up.

mod table;

use crate::tally::Kind;
use table::{DOUBLE_WIDTH, PRINTED, ZERO_WIDTH};

/// What a run's characters have in common, in its two low bits: their width, or this.
const UNPRINTED: u32 = 3;
const CLASS_BITS: u32 = 2;

const fn run(first: u32, class: u32) -> u32 {
    first << CLASS_BITS | class
}

/// Every code point that differs from the one before it begins a run.
static RUNS: [u32; RUN_COUNT] = build_runs::<RUN_COUNT>().0;
const RUN_COUNT: usize = build_runs::<4000>().1;

/// Pages of 256 code points; what comes behind the last one is not printed.
const PAGE_BITS: u32 = 8;
const PAGES: usize = 0x11_0000 >> PAGE_BITS;

/// For each page, and for the end of the last one, the run to which its first code point belongs.
static PAGE_RUNS: [u16; PAGES + 1] = build_pages();

/// Merges the lists; returns the runs, and how many there are.
const fn build_runs<const ROOM: usize>() -> ([u32; ROOM], usize) {
    let mut runs = [0; ROOM];
    runs[0] = run(0, UNPRINTED);
    let mut count = 1;
    let (mut printed, mut zero, mut double) = (0, 0, 0);
    while printed < PRINTED.len() {
        let (mut code, end) = (PRINTED[printed], PRINTED[printed + 1] + 1);
        while code < end {
            // The next thing that happens on the way: a list's run begins, or is where we are.
            let (class, next) = if zero < ZERO_WIDTH.len() && ZERO_WIDTH[zero] == code {
                zero += 2;
                (0, ZERO_WIDTH[zero - 1] + 1)
            } else if double < DOUBLE_WIDTH.len() && DOUBLE_WIDTH[double] == code {
                double += 2;
                (2, DOUBLE_WIDTH[double - 1] + 1)
            } else {
                let mut next = end;
                if zero < ZERO_WIDTH.len() && ZERO_WIDTH[zero] < next {
                    next = ZERO_WIDTH[zero];
                }
                if double < DOUBLE_WIDTH.len() && DOUBLE_WIDTH[double] < next {
                    next = DOUBLE_WIDTH[double];
                }
                (1, next)
            };
            runs[count] = run(code, class);
            count += 1;
            code = next;
        }
        runs[count] = run(end, UNPRINTED);
        count += 1;
        printed += 2;
    }
    (runs, count)
}

const fn build_pages() -> [u16; PAGES + 1] {
    let mut pages = [0; PAGES + 1];
    let (mut page, mut index) = (0, 0);
    while page <= PAGES {
        let first = (page as u32) << PAGE_BITS;
        while index + 1 < RUN_COUNT && RUNS[index + 1] >> CLASS_BITS <= first {
            index += 1;
        }
        pages[page] = index as u16;
        page += 1;
    }
    pages
}

/// What a character does to words and lines.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// `None` for what is not printed, which neither makes nor ends a word.
    pub kind: Option<Kind>,
    /// The columns it takes.
    pub width: u8,
}

/// Looks a code point up that is not ASCII. `nbsp` tells whether no-break spaces end words too.
pub fn class(code: u32, nbsp: bool) -> Class {
    let unprinted = Class {
        kind: None,
        width: 0,
    };
    let page = (code >> PAGE_BITS) as usize;
    if page >= PAGES {
        return unprinted;
    }
    let (first, last) = (PAGE_RUNS[page] as usize, PAGE_RUNS[page + 1] as usize);
    // All runs that begin within the page; the one before them is that of the page's begin.
    let later = RUNS[first + 1..=last].partition_point(|&run| run >> CLASS_BITS <= code);
    let width = RUNS[first + later] & ((1 << CLASS_BITS) - 1);
    if width == UNPRINTED {
        return unprinted;
    }
    let kind = match code {
        0xa0 | 0x2007 | 0x202f | 0x2060 if !nbsp => Kind::Visible,
        0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x2060 | 0x3000 => Kind::Separator,
        _ => Kind::Visible,
    };
    Class {
        kind: Some(kind),
        width: width as u8,
    }
}
