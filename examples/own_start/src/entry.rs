//! The program's first instructions: no caller's frame, an aligned stack, relocation, `begin`.
//!
//! Relocation comes before anything that was compiled, and by a direct call: a position-independent
//! program's pointers are still those of the linker. A program at a fixed address may leave it out,
//! and on MIPS it is at one: a position-independent one would have to relocate its GOT besides, as
//! threadbare's own start does (`arch/mips.rs`, `relocate_got`).

use core::arch::global_asm;

use threadbare::start::relocate;

use crate::begin;

/// Defines `_start` of these lines, which call the two functions.
macro_rules! start {
    ($($line:expr,)*) => {
        global_asm!(
            ".text",
            ".globl _start",
            ".type _start, %function",
            "_start:",
            $($line,)*
            relocate = sym relocate,
            begin = sym begin,
        );
    };
}

#[cfg(target_arch = "x86_64")]
start! {
    "xor ebp, ebp", // no caller: backtraces end here
    "mov rbx, rsp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {relocate}",
    "mov rdi, rbx",
    "call {begin}",
    "ud2",
}

#[cfg(target_arch = "x86")]
start! {
    "xor ebp, ebp", // no caller: backtraces end here
    "mov ebx, esp",
    "and esp, -16",
    "sub esp, 12",
    "push ebx", // the argument, of both calls
    "call {relocate}",
    "mov [esp], ebx",
    "call {begin}",
    "ud2",
}

#[cfg(target_arch = "aarch64")]
start! {
    "mov x29, xzr", // no caller: backtraces end here
    "mov x30, xzr",
    "mov x19, sp", // the kernel aligns it
    "mov x0, sp",
    "bl {relocate}",
    "mov x0, x19",
    "bl {begin}",
    "brk #1",
}

#[cfg(any(target_arch = "riscv64", target_arch = "riscv32"))]
start! {
    ".option push",
    ".option norelax", // what this sets, the linker's shorter code counts on
    "lla gp, __global_pointer$",
    ".option pop",
    "mv fp, zero", // no caller: backtraces end here
    "mv ra, zero",
    "mv s1, sp",
    "mv a0, sp",
    "andi sp, sp, -16",
    "call {relocate}",
    "mv a0, s1",
    "call {begin}",
    "unimp",
}

#[cfg(target_arch = "loongarch64")]
start! {
    "move $fp, $zero", // no caller: backtraces end here
    "move $ra, $zero",
    "move $s0, $sp", // the kernel aligns it
    "move $a0, $sp",
    "bl {relocate}",
    "move $a0, $s0",
    "bl {begin}",
    "break 0",
}

#[cfg(target_arch = "arm")]
start! {
    ".arm",
    "mov r11, #0", // no caller: backtraces end here
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
}

#[cfg(target_arch = "powerpc")]
start! {
    "mr %r31, %r1", // the kernel aligns it
    "li %r0, 0",
    "stwu %r0, -16(%r1)", // a frame without a caller: backtraces end here
    "mr %r3, %r31",
    "bl {relocate}",
    "mr %r3, %r31",
    "bl {begin}",
    "trap",
}

#[cfg(target_arch = "powerpc64")]
start! {
    "mr %r31, %r1", // the kernel aligns it
    "bcl 20, 31, 2f",
    "2:",
    "mflr %r2", // the table of constants, by its distance from here: nothing is relocated yet
    "addis %r2, %r2, .TOC.-2b@ha",
    "addi %r2, %r2, .TOC.-2b@l",
    "li %r0, 0",
    "stdu %r0, -32(%r1)", // a frame without a caller: backtraces end here
    "mr %r3, %r31",
    "bl {relocate}",
    "nop",
    "mr %r3, %r31",
    "bl {begin}",
    "nop",
    "trap",
}

#[cfg(target_arch = "s390x")]
start! {
    "lgr %r7, %r15", // the kernel aligns it
    "aghi %r15, -160",
    "xc 0(8,%r15), 0(%r15)", // a frame without a caller: backtraces end here
    "lgr %r2, %r7",
    "brasl %r14, {relocate}",
    "lgr %r2, %r7",
    "brasl %r14, {begin}",
    ".short 0",
}

/// Calls the function of an operand, which counts on its own address in `$25`.
#[cfg(any(target_arch = "mips", target_arch = "mips32r6"))]
macro_rules! call {
    ($operand:literal) => {
        concat!(
            "lui $25, %hi({",
            $operand,
            "})\n",
            "addiu $25, $25, %lo({",
            $operand,
            "})\n",
            "jalr $25\n",
            "move $4, $16", // delay slot: the argument, of both calls
        )
    };
}

#[cfg(any(target_arch = "mips", target_arch = "mips32r6"))]
start! {
    ".set push; .set noreorder; .set noat",
    "move $30, $zero", // no caller: backtraces end here
    "move $16, $sp", // the kernel aligns it
    "addiu $sp, $sp, -16", // home of the argument registers
    call!("relocate"),
    call!("begin"),
    "break",
    ".set pop",
}

/// As for 32 bits, with addresses of four times 16.
#[cfg(any(target_arch = "mips64", target_arch = "mips64r6"))]
macro_rules! call {
    ($operand:literal) => {
        concat!(
            "lui $25, %highest({",
            $operand,
            "})\n",
            "daddiu $25, $25, %higher({",
            $operand,
            "})\n",
            "dsll $25, $25, 16\n",
            "daddiu $25, $25, %hi({",
            $operand,
            "})\n",
            "dsll $25, $25, 16\n",
            "daddiu $25, $25, %lo({",
            $operand,
            "})\n",
            "jalr $25\n",
            "move $4, $16", // delay slot: the argument, of both calls
        )
    };
}

#[cfg(any(target_arch = "mips64", target_arch = "mips64r6"))]
start! {
    ".set push; .set noreorder; .set noat",
    "move $30, $zero", // no caller: backtraces end here
    "move $16, $sp", // the kernel aligns it
    call!("relocate"),
    call!("begin"),
    "break",
    ".set pop",
}

#[cfg(target_arch = "sparc64")]
start! {
    "mov %g0, %fp", // no caller: backtraces end here
    "mov %g0, %i7",
    "add %sp, 2047 + 128, %l0", // above the bias and a window's registers, which the kernel left
    "sub %sp, 48, %sp", // where callees put their arguments
    "mov %l0, %o0",
    "call {relocate}",
    "nop",
    "mov %l0, %o0",
    "call {begin}",
    "nop",
    "illtrap 0",
}

#[cfg(target_arch = "hexagon")]
start! {
    "{{ r30 = #0", // no caller: backtraces end here
    "   r31 = #0",
    "   r16 = r29",
    "   r0 = r29 }}", // the kernel aligns it
    "call ##{relocate}",
    "r0 = r16",
    "call ##{begin}",
    "r0 = memw(##0)",
}
