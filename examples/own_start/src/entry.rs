//! The program's first instructions: no caller's frame, an aligned stack, relocation, `begin`.
//!
//! Relocation comes before anything that was compiled, and by a direct call: a position-independent
//! program's pointers are still those of the linker. A program at a fixed address may leave it out.

use core::arch::global_asm;

use threadbare::start::relocate;

use crate::begin;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp", // no caller: backtraces end here
    "mov rbx, rsp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {relocate}",
    "mov rdi, rbx",
    "call {begin}",
    "ud2",
    relocate = sym relocate,
    begin = sym begin,
);

#[cfg(target_arch = "x86")]
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp", // no caller: backtraces end here
    "mov ebx, esp",
    "and esp, -16",
    "sub esp, 12",
    "push ebx", // the argument, of both calls
    "call {relocate}",
    "mov [esp], ebx",
    "call {begin}",
    "ud2",
    relocate = sym relocate,
    begin = sym begin,
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, xzr", // no caller: backtraces end here
    "mov x30, xzr",
    "mov x19, sp", // the kernel aligns it
    "mov x0, sp",
    "bl {relocate}",
    "mov x0, x19",
    "bl {begin}",
    "brk #1",
    relocate = sym relocate,
    begin = sym begin,
);

#[cfg(any(target_arch = "riscv64", target_arch = "riscv32"))]
global_asm!(
    ".globl _start",
    "_start:",
    ".option push",
    ".option norelax", // what this sets, the linker's shorter code counts on
    "lla gp, __global_pointer$",
    ".option pop",
    "mv fp, zero", // no caller: backtraces end here
    "mv s1, sp",
    "mv a0, sp",
    "andi sp, sp, -16",
    "call {relocate}",
    "mv a0, s1",
    "call {begin}",
    "unimp",
    relocate = sym relocate,
    begin = sym begin,
);

#[cfg(target_arch = "arm")]
global_asm!(
    ".globl _start",
    ".type _start, %function",
    ".arm",
    "_start:",
    "mov fp, #0", // no caller: backtraces end here
    "mov lr, #0",
    "mov r4, sp", // the kernel aligns it
    "mov r0, sp",
    "bl {relocate}",
    "mov r0, r4",
    "bl {begin}",
    "udf #0",
    // Before ARMv6K there is no register for the thread pointer, and who starts the program says
    // how it is read (Run-time ABI for the Arm Architecture): by the kernel's helper at 0xffff0fe0.
    ".globl __aeabi_read_tp",
    ".type __aeabi_read_tp, %function",
    "__aeabi_read_tp:",
    "mvn r0, #0xf000",
    "sub pc, r0, #31",
    relocate = sym relocate,
    begin = sym begin,
);

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "aarch64",
    target_arch = "riscv64",
    target_arch = "riscv32",
    target_arch = "arm"
)))]
compile_error!("this example has no entry point for this CPU: write one, of ten lines, as above");
