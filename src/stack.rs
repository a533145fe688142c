//! The mapping of a thread, laid out by one pure function.
//!
//! ```text
//!  base                                                                     base + total
//!   │ guard │ stack: grows down ←          │ TLS │ control │ payload │ signal stack │
//!                                     stack_top
//! ```
//!
//! What an ordinary thread touches (first frames, TLS, control block, closure and result) is
//! adjacent, so that it shares the top page; the signal stack above it is page-aligned and not
//! touched until it is used. Nothing here maps or unmaps: `thread` does.

use crate::fatal::fatal;
use crate::tls::Shape;

/// What a thread wants of its mapping.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The page size, a power of two.
    pub page_bytes: usize,
    /// The least size of the guard; rounded up to pages.
    pub guard_bytes: usize,
    /// The least size of the stack.
    pub stack_bytes: usize,
    /// The stack's alignment, a power of two.
    pub stack_align_bytes: usize,
    /// The TLS area.
    pub tls: Shape,
    /// The control block.
    pub control: core::alloc::Layout,
    /// The closure and the result.
    pub payload: core::alloc::Layout,
    /// The size of the signal stack, 0 for none; rounded up to pages.
    pub signal_stack_bytes: usize,
}

/// A request turned into sizes; [`Plan::place`] turns them into addresses.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    request: Request,
    /// The guard's size, a multiple of the page.
    pub guard_bytes: usize,
    /// The signal stack's size, a multiple of the page.
    pub signal_stack_bytes: usize,
    /// The least size of a mapping that satisfies the request, a multiple of the page.
    pub total_bytes: usize,
}

/// Where everything is in a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The stack's low end, which is the guard's high end.
    pub stack_bottom: usize,
    /// The stack's high end, aligned as asked: a new thread's stack pointer.
    pub stack_top: usize,
    /// The thread pointer, without its bias.
    pub tp: usize,
    /// The control block.
    pub control: usize,
    /// The closure and the result.
    pub payload: usize,
    /// The signal stack's low end, which is the end of all else.
    pub signal_stack: usize,
}

impl Plan {
    /// Computes the sizes, or `None` where they exceed half the address space.
    pub fn new(request: Request) -> Option<Plan> {
        debug_assert!(request.page_bytes.is_power_of_two());
        debug_assert!(request.stack_align_bytes.is_power_of_two());
        let guard_bytes = round_up(request.guard_bytes, request.page_bytes)?;
        let signal_stack_bytes = round_up(request.signal_stack_bytes, request.page_bytes)?;
        // Each part at its worst alignment, so that a placement never comes out short. What is
        // mostly known when the program is compiled comes first, and small enough for a plain sum;
        // whole pages may be added before the sum is rounded up.
        let small_bytes = (request.stack_align_bytes - 1)
            + request.control.size()
            + (request.control.align() - 1)
            + (request.payload.align() - 1)
            + (request.page_bytes - 1);
        let used_bytes = small_bytes
            .checked_add(request.payload.size())?
            .checked_add(guard_bytes)?
            .checked_add(request.stack_bytes)?
            .checked_add(signal_stack_bytes)?
            .checked_add(request.tls.bytes_max())?;
        let total_bytes = used_bytes & !(request.page_bytes - 1);
        if total_bytes > isize::MAX as usize {
            return None;
        }
        Some(Plan {
            request,
            guard_bytes,
            signal_stack_bytes,
            total_bytes,
        })
    }

    /// Lays the parts out in a mapping of `mapping_bytes`, at least [`Plan::total_bytes`], at
    /// `base`. What the mapping has more than was asked for, the stack gets.
    pub fn place(&self, base: usize, mapping_bytes: usize) -> Placement {
        debug_assert!(base & (self.request.page_bytes - 1) == 0);
        let signal_stack = base + mapping_bytes - self.signal_stack_bytes;
        let payload = below(signal_stack, self.request.payload);
        let control = below(payload, self.request.control);
        let tp = self.request.tls.tp_below(control);
        let tls_low = tp - self.request.tls.below_tp_bytes;
        let stack_top = tls_low & !(self.request.stack_align_bytes - 1);
        let stack_bottom = base + self.guard_bytes;
        // A mapping that is smaller than the plan comes out here, too.
        if stack_top < stack_bottom + self.request.stack_bytes {
            fatal(c"BUG: a stack is smaller than its plan");
        }
        Placement {
            stack_bottom,
            stack_top,
            tp,
            control,
            payload,
            signal_stack,
        }
    }
}

/// The highest address for `layout` that ends at or below `end`.
fn below(end: usize, layout: core::alloc::Layout) -> usize {
    (end - layout.size()) & !(layout.align() - 1)
}

/// Rounds up to a power of two, or `None` where that wraps.
fn round_up(bytes: usize, to: usize) -> Option<usize> {
    Some(bytes.checked_add(to - 1)? & !(to - 1))
}
