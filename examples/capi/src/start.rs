//! The ways in, of which a program takes one, once.

use core::ffi::c_void;

use threadbare::start::{self, HandOver};

/// Sets the runtime up in a program with an entry point of its own, from the initial stack: what
/// the kernel left in the stack pointer. Called once, by the first thread, before all else; a
/// position-independent program has been relocated.
///
/// # Safety
/// 1. Those of `threadbare::start::initialize`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_initialize_from_stack(initial_stack: *const c_void) {
    // SAFETY: clause 1.
    unsafe { start::initialize(HandOver::InitialStack(initial_stack.cast())) };
}

/// The same from the auxiliary vector, which comes after the environment on the initial stack.
///
/// # Safety
/// 1. Those of `threadbare::start::initialize`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_initialize_from_auxv(auxiliary_vector: *const c_void) {
    // SAFETY: clause 1.
    unsafe { start::initialize(HandOver::AuxiliaryVector(auxiliary_vector.cast())) };
}

/// Sets the runtime up in a program that is linked statically with a libc: with the values of
/// getauxval(AT_PHDR), getauxval(AT_PHNUM) and getauxval(AT_PAGESZ). Threads that are started here
/// must call nothing of the libc's but memcpy and its kin.
///
/// # Safety
/// 1. Those of `threadbare::start::initialize_beside_libc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_initialize_beside_libc(
    program_headers: *const c_void,
    count: usize,
    page_bytes: usize,
) {
    // SAFETY: clause 1.
    unsafe {
        start::initialize_beside_libc(HandOver::ProgramHeaders {
            headers: program_headers.cast(),
            count,
            page_bytes,
        });
    }
}
