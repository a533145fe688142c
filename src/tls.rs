//! Thread-local storage: where a thread's block and control block lie, and how they are filled.
//!
//! ```text
//!   TlsVariant::One           [tcb][gap]│ block │           tp at the tcb's low end
//!   TlsVariant::OneModified   [tcb]│[gap] block │           tp at the tcb's high end, plus a bias
//!   TlsVariant::Two           │ block [gap]│[tcb]           tp at the tcb's low end
//! ```
//!
//! The arithmetic is pure and tested for every variant on any CPU. It knows nothing of mappings:
//! `stack` finds the place, `start` does it for the main thread. There is no dynamic TLS.
//!
//! Sources: Drepper, "ELF Handling For Thread-Local Storage" 3.4; for `p_vaddr` that is not a
//! multiple of `p_align`, what linkers do: LLD `ELF/InputSection.cpp` (`getTlsTpOffset`), which
//! puts a block at the first place past the control block that equals `p_vaddr` modulo `p_align`.

use crate::arch::{self, TlsVariant};
use crate::elf::TlsTemplate;

/// The least alignment of a thread pointer: what a control block of words needs.
const TP_ALIGN_BYTES_MIN: usize = if arch::STACK_ALIGN_BYTES > 2 * size_of::<usize>() {
    arch::STACK_ALIGN_BYTES
} else {
    2 * size_of::<usize>()
};

/// The facts of a CPU that TLS layout depends on; [`Facts::HERE`] are this CPU's.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Which side of the thread pointer the block is on.
    pub variant: TlsVariant,
    /// The control block's size.
    pub tcb_bytes: usize,
}

impl Facts {
    /// This CPU's.
    pub const HERE: Facts = Facts {
        variant: arch::TLS_VARIANT,
        tcb_bytes: arch::TLS_TCB_BYTES,
    };
}

/// A TLS area: control block, gap and TLS block, measured from the thread pointer without bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How far below the thread pointer the area begins.
    pub below_tp_bytes: usize,
    /// How far above the thread pointer the area ends.
    pub above_tp_bytes: usize,
    /// The thread pointer's alignment, a power of two.
    pub tp_align_bytes: usize,
    /// The TLS block's first byte, as a distance from the thread pointer: below it in variant II.
    pub block_offset: isize,
}

impl Shape {
    /// No area.
    pub const NONE: Shape = Shape {
        below_tp_bytes: 0,
        above_tp_bytes: 0,
        tp_align_bytes: 0,
        block_offset: 0,
    };

    /// Lays out the area for `template`, or `None` where its size cannot be represented.
    pub fn new(template: &TlsTemplate, facts: Facts) -> Option<Shape> {
        let align = template.align_bytes;
        let misalign = template.link_address & (align - 1);
        let size = template.memory_bytes;
        // The block must fit into an address space twice over for the sums below not to wrap.
        if size > isize::MAX as usize / 4 || align > isize::MAX as usize / 4 {
            return None;
        }
        let tp_align_bytes = if align > TP_ALIGN_BYTES_MIN {
            align
        } else {
            TP_ALIGN_BYTES_MIN
        };
        Some(match facts.variant {
            TlsVariant::Two => {
                // The first distance at or past `size` at which the block's start has `p_vaddr`'s
                // remainder: distance + misalign is a multiple of the alignment.
                let distance = size + ((size + misalign).wrapping_neg() & (align - 1));
                Shape {
                    below_tp_bytes: distance,
                    above_tp_bytes: facts.tcb_bytes,
                    tp_align_bytes,
                    block_offset: -(distance as isize),
                }
            }
            TlsVariant::One | TlsVariant::OneModified => {
                let (below, floor) = match facts.variant {
                    TlsVariant::One => (0, facts.tcb_bytes),
                    _ => (facts.tcb_bytes, 0),
                };
                // The first distance at or past `floor` with `p_vaddr`'s remainder.
                let distance = floor + (misalign.wrapping_sub(floor) & (align - 1));
                Shape {
                    below_tp_bytes: below,
                    above_tp_bytes: distance + size,
                    tp_align_bytes,
                    block_offset: distance as isize,
                }
            }
        })
    }

    /// The same, with what this CPU's variant says of every shape in place of what was noted of it.
    #[inline(always)]
    pub fn of_this_cpu(mut self) -> Shape {
        match Facts::HERE.variant {
            TlsVariant::One => self.below_tp_bytes = 0,
            TlsVariant::OneModified => self.below_tp_bytes = Facts::HERE.tcb_bytes,
            TlsVariant::Two => {
                self.above_tp_bytes = Facts::HERE.tcb_bytes;
                self.block_offset = -(self.below_tp_bytes as isize);
            }
        }
        self
    }

    /// An upper bound of the bytes an area takes wherever it is placed.
    pub fn bytes_max(&self) -> usize {
        self.below_tp_bytes + self.above_tp_bytes + self.tp_align_bytes - 1
    }

    /// The highest thread pointer (without bias) for which the area ends at or below `end`.
    pub fn tp_below(&self, end: usize) -> usize {
        (end - self.above_tp_bytes) & !(self.tp_align_bytes - 1)
    }
}

/// Fills the TLS area at `tp` (without bias) and returns the value for the thread register.
///
/// # Safety
/// 1. `shape` was made from `template`, and `tp` is aligned to its `tp_align_bytes`.
/// 2. The area around `tp` that `shape` describes is writable and nobody else uses it. Its block
///    holds zeroes, as in a fresh mapping, or what [`clear`] has left.
/// 3. `template.address` is readable for `template.file_bytes`.
pub unsafe fn fill(template: &TlsTemplate, shape: &Shape, tp: *mut u8, canary: usize) -> usize {
    // SAFETY: clause 2: the block lies in the area.
    let block = unsafe { tp.offset(shape.block_offset) };
    // SAFETY: clauses 2 and 3; a template and a thread's area never overlap.
    unsafe { arch::copy_here(template.address as *const u8, block, template.file_bytes) };
    if arch::TLS_SELF_POINTER {
        // SAFETY: clause 2: the word at the thread pointer belongs to the control block.
        unsafe { tp.cast::<usize>().write(tp.addr()) };
    }
    if let Some(offset) = arch::TLS_CANARY_OFFSET_BYTES {
        // SAFETY: clause 2: the contract puts the canary into the control block.
        unsafe { tp.offset(offset).cast::<usize>().write(canary) };
    }
    tp.addr().wrapping_add(arch::TLS_TP_BIAS_BYTES)
}

/// Makes a TLS block zero that another thread had, but for what [`fill`] writes there.
///
/// # Safety
/// 1. As [`fill`], but the block may hold anything.
#[cfg(any(feature = "threads", feature = "test-seam"))]
pub unsafe fn clear(template: &TlsTemplate, shape: &Shape, tp: *mut u8) {
    // SAFETY: the block lies in the area; `Image::parse`, or the linker, has seen to it that
    // file_bytes <= memory_bytes.
    unsafe {
        let rest = tp.offset(shape.block_offset).add(template.file_bytes);
        rest.write_bytes(0, template.memory_bytes - template.file_bytes);
    }
}

/// Puts a libc's pointer guard where its functions look for it in a thread; nowhere, where it has
/// none there.
///
/// # Safety
/// 1. [`fill`] has filled the area at `tp` (without bias), which nobody else uses.
#[cfg(feature = "threads")]
pub unsafe fn set_pointer_guard(tp: *mut u8, guard: usize) {
    if let Some(offset) = arch::TLS_POINTER_GUARD_OFFSET_BYTES {
        // SAFETY: clause 1; the word belongs to the control block.
        unsafe { tp.offset(offset).cast::<usize>().write(guard) };
    }
}

/// What [`__tls_get_addr`] is told: words that the linker writes, two for each thread-local.
#[cfg(all(feature = "start", feature = "setup"))]
#[derive(Debug)]
#[repr(C)]
pub struct Index {
    /// The number of the program or library; there is one.
    pub module: usize,
    /// The place in its TLS block, less `TLS_DTV_BIAS_BYTES`.
    pub offset: usize,
}

/// The calling thread's copy of a thread-local, for C code that is linked in: compilers call this
/// for code that may become part of a library, and not every linker can replace the call where it
/// did not (Drepper, 3.4 and 4.1).
///
/// # Safety
/// 1. The index is the linker's, and this thread's TLS is set up.
#[cfg(all(feature = "start", feature = "setup"))]
#[unsafe(no_mangle)]
unsafe extern "C" fn __tls_get_addr(index: *const Index) -> *mut u8 {
    // SAFETY: clause 1.
    let (tp, offset) = unsafe { (arch::thread_pointer(), (*index).offset) };
    let block = tp
        .wrapping_sub(arch::TLS_TP_BIAS_BYTES)
        .wrapping_add_signed(crate::start::Process::get().tls_shape.block_offset);
    let address = block
        .wrapping_add(offset)
        .wrapping_add(arch::TLS_DTV_BIAS_BYTES);
    core::ptr::with_exposed_provenance_mut(address)
}

/// Both words lie in the control block.
const _: () = {
    assert_in_control_block(arch::TLS_CANARY_OFFSET_BYTES);
    assert_in_control_block(arch::TLS_POINTER_GUARD_OFFSET_BYTES);
};

const fn assert_in_control_block(offset: Option<isize>) {
    let Some(offset) = offset else { return };
    let end = offset + size_of::<usize>() as isize;
    match arch::TLS_VARIANT {
        // The control block lies below the thread pointer, elsewhere above.
        TlsVariant::OneModified => assert!(offset >= -(arch::TLS_TCB_BYTES as isize) && end <= 0),
        _ => assert!(offset >= 0 && end <= arch::TLS_TCB_BYTES as isize),
    }
}
