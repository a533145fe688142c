//! A seccomp filter that lets one call fail with one error, for good.
//!
//! # Kernel
//! seccomp(2), `include/uapi/linux/filter.h`. A filter cannot be taken back: only children set one.

use threadbare::Errno;
use threadbare::seam::arch::kernel as k;

use crate::kernel::call;

/// `struct sock_filter`: what to do, where to go on if it holds and if not, a constant.
#[repr(C)]
struct Step {
    code: u16,
    then: u8,
    otherwise: u8,
    constant: u32,
}

/// `struct sock_fprog`.
#[repr(C)]
struct Program {
    count: u16,
    steps: *const Step,
}

const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
/// The call's number is the first word of `struct seccomp_data`.
const NUMBER_AT: u32 = 0;

const PR_SET_NO_NEW_PRIVS: usize = 38;
const SECCOMP_SET_MODE_FILTER: usize = 1;
/// For all threads of the process.
const SECCOMP_FILTER_FLAG_TSYNC: usize = 1;

/// Lets call `nr` answer `errno` from now on, in all threads of this process.
///
/// # Panics
/// If there are no filters: [`is_possible`].
pub fn install(nr: usize, errno: Errno) {
    let steps = [
        Step {
            code: LOAD_WORD,
            then: 0,
            otherwise: 0,
            constant: NUMBER_AT,
        },
        Step {
            code: JUMP_IF_EQUAL,
            then: 0,
            otherwise: 1,
            constant: nr as u32,
        },
        Step {
            code: RETURN,
            then: 0,
            otherwise: 0,
            constant: ERRNO | errno.raw() as u32,
        },
        Step {
            code: RETURN,
            then: 0,
            otherwise: 0,
            constant: ALLOW,
        },
    ];
    let program = Program {
        count: steps.len() as u16,
        steps: steps.as_ptr(),
    };
    let _ = steps.as_ptr().expose_provenance();
    let from = (&raw const program).expose_provenance();
    // SAFETY: no memory is touched.
    let no_more = unsafe { call(k::__NR_prctl, [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0]) };
    // SAFETY: the kernel reads the program.
    let set = unsafe { set_filter(from) };
    if let Err(errno) = no_more.and(set) {
        panic!("no seccomp filter: {errno}");
    }
}

/// Whether the kernel, or the emulator, has filters: without a program it answers `EFAULT` then.
pub fn is_possible() -> bool {
    let nowhere = 0;
    // SAFETY: there is no program to read.
    let asked = unsafe { set_filter(nowhere) };
    asked == Err(Errno::FAULT)
}

/// # Safety
/// 1. At `program` there is a program, or nothing.
unsafe fn set_filter(program: usize) -> Result<usize, Errno> {
    let (what, flags) = (SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC);
    // SAFETY: clause 1.
    unsafe { call(k::__NR_seccomp, [what, flags, program, 0, 0, 0]) }
}
