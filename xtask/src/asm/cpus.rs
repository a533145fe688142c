//! How each CPU's instructions are recognised in a listing.
//!
//! Words are compared whole; a row names what the CPU files use, and a check that finds none of it
//! fails, so a row that is out of date is noticed.

/// One CPU's words.
#[derive(Debug)]
pub struct Cpu {
    /// The names that targets have for it.
    pub names: &'static [&'static str],
    /// The system-call instruction.
    pub system_call: &'static str,
    /// The stack pointer's names, the frame pointer's, and instructions that use it unnamed.
    pub stack_pointers: &'static [&'static str],
    /// What an instruction that reads or writes memory has in it.
    pub memory: &'static [&'static str],
    /// What it has if the memory is code: constants beside it.
    pub code_memory: &'static str,
    /// Instructions that call.
    pub calls: &'static [&'static str],
    /// Instructions that return; with operands, where another operand does not.
    pub returns: &'static [&'static str],
    /// Instructions that kill.
    pub traps: &'static [&'static str],
    /// What clears the low bits of the stack pointer in `_start`: one of these.
    pub aligns: &'static [&'static str],
}

/// What a row is unless it says otherwise.
const ORDINARY: Cpu = Cpu {
    names: &[],
    system_call: "",
    stack_pointers: &["sp"],
    memory: &["("],
    code_memory: "\0",
    calls: &["bl"],
    returns: &["ret"],
    traps: &["trap"],
    aligns: &[],
};

/// All CPUs.
pub const TABLE: &[Cpu] = &[
    Cpu {
        names: &["x86_64"],
        system_call: "syscall",
        stack_pointers: &["%rsp", "%esp", "%rbp", "push", "pop", "pushq", "popq"],
        calls: &["call", "callq"],
        returns: &["ret", "retq"],
        traps: &["ud2"],
        aligns: &["andq $-0x10, %rsp"],
        ..ORDINARY
    },
    Cpu {
        names: &["x86"],
        system_call: "int $0x80",
        stack_pointers: &["%esp", "%ebp", "push", "pop", "pushl", "popl"],
        calls: &["call", "calll"],
        returns: &["ret", "retl"],
        traps: &["ud2"],
        aligns: &["andl $-0x10, %esp"],
        ..ORDINARY
    },
    Cpu {
        names: &["aarch64", "aarch64_be"],
        system_call: "svc",
        stack_pointers: &["sp", "x29"],
        memory: &["["],
        calls: &["bl", "blr"],
        traps: &["brk"],
        aligns: &["and x9, x19, #0xfffffffffffffff0"],
        ..ORDINARY
    },
    Cpu {
        names: &["arm", "armeb"],
        system_call: "svc",
        stack_pointers: &["sp", "r11", "fp", "push", "pop"],
        memory: &["["],
        code_memory: "[pc",
        calls: &["bl", "blx"],
        returns: &["bx lr", "mov pc", "pop"],
        traps: &["udf"],
        aligns: &["bic r0, r4, #7", "bic r0, r4, #0x7"],
    },
    Cpu {
        names: &["riscv64", "riscv32"],
        system_call: "ecall",
        stack_pointers: &["sp", "s0"],
        calls: &["jal", "jalr", "call"],
        traps: &["unimp"],
        aligns: &["andi sp, sp, -0x10", "andi sp, sp, -16"],
        ..ORDINARY
    },
    Cpu {
        names: &["loongarch64"],
        system_call: "syscall",
        stack_pointers: &["$sp", "$fp"],
        memory: &["ld.", "st.", "ldx.", "stx.", "ldptr.", "stptr."],
        calls: &["bl", "jirl"],
        traps: &["break"],
        aligns: &[
            "bstrins.d $sp, $zero, 3, 0",
            "bstrins.d $sp, $zero, 0x3, 0x0",
        ],
        ..ORDINARY
    },
    // Registers are plain numbers in the listing, as are constants, so only memory operands count.
    Cpu {
        names: &["powerpc"],
        system_call: "sc",
        stack_pointers: &[],
        returns: &["blr"],
        aligns: &["clrrwi 1, 1, 4", "rlwinm 1, 1, 0, 0, 27"],
        ..ORDINARY
    },
    Cpu {
        names: &["powerpc64"],
        system_call: "sc",
        stack_pointers: &[],
        returns: &["blr"],
        aligns: &["clrrdi 1, 1, 4", "rldicr 1, 1, 0, 59"],
        ..ORDINARY
    },
    // What is no instruction has no name.
    Cpu {
        names: &["s390x"],
        system_call: "svc",
        stack_pointers: &["%r15", "%r11"],
        calls: &["brasl", "basr"],
        returns: &["br"],
        traps: &["<unknown>"],
        aligns: &["nill %r15, 65528"],
        ..ORDINARY
    },
    Cpu {
        names: &["sparc64"],
        system_call: "ta",
        stack_pointers: &["%sp", "%fp"],
        memory: &["["],
        calls: &["call"],
        returns: &["ret", "retl"],
        traps: &["unimp", "illtrap"],
        aligns: &["and %l0, -16, %l1", "and %l0, -0x10, %l1"],
        ..ORDINARY
    },
    Cpu {
        names: &["mips", "mips64"],
        system_call: "syscall",
        stack_pointers: &["$sp", "$fp"],
        calls: &["jal", "jalr"],
        returns: &["jr $ra", "jrc $ra"],
        traps: &["break"],
        aligns: &["and $sp, $sp, $1"],
        ..ORDINARY
    },
    // A bundle of instructions stands in braces. The emulator delivers no signal for an instruction
    // that is not valid, so a load from nowhere kills.
    Cpu {
        names: &["hexagon"],
        system_call: "trap0(#0x1)",
        stack_pointers: &["r29", "r30"],
        memory: &["mem"],
        calls: &["call"],
        returns: &["jumpr r31", "dealloc_return"],
        traps: &["immext(#0x0)"],
        aligns: &["r29 = and(r29,#-0x8)"],
        ..ORDINARY
    },
];

/// Finds a CPU's row.
pub fn find(name: &str) -> Option<&'static Cpu> {
    TABLE.iter().find(|cpu| cpu.names.contains(&name))
}

impl Cpu {
    /// Whether the instruction makes a system call.
    pub fn is_system_call(&self, instruction: &str) -> bool {
        is_one_of(instruction, &[self.system_call])
    }

    /// Whether the instruction calls.
    pub fn is_call(&self, instruction: &str) -> bool {
        is_one_of(instruction, self.calls)
    }

    /// Whether the instruction returns.
    pub fn is_return(&self, instruction: &str) -> bool {
        is_one_of(instruction, self.returns)
    }

    /// Whether the instruction kills.
    pub fn is_trap(&self, instruction: &str) -> bool {
        is_one_of(instruction, self.traps)
    }

    /// Whether the instruction reads or writes memory other than code, names the stack pointer, or
    /// calls, which may do either.
    pub fn touches_memory(&self, instruction: &str) -> bool {
        // What stands in angle brackets is a symbol's name.
        let operands = instruction.split(" <").next().unwrap_or_default();
        let reads = self.memory.iter().any(|mark| operands.contains(mark))
            && !operands.contains(self.code_memory);
        let separators = |c: char| !(c.is_alphanumeric() || "%$_".contains(c));
        let names = operands
            .split(separators)
            .any(|word| self.stack_pointers.contains(&word));
        reads || names || self.is_call(instruction)
    }
}

/// Whether `instruction` begins with one of `words`, followed by nothing or more operands.
fn is_one_of(instruction: &str, words: &[&str]) -> bool {
    // A bundle of instructions begins with a brace.
    let instruction = instruction.trim_start_matches("{ ");
    words.iter().any(|word| {
        let rest = instruction.strip_prefix(word);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',', '\t', '}']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole() {
        let cpu = find("x86_64").unwrap();
        assert!(cpu.is_system_call("syscall"));
        assert!(!cpu.is_system_call("syscalls"));
        assert!(cpu.is_call("callq 0x2108b0 <a>"));
        assert!(cpu.touches_memory("movq %rsp, %rdi"));
        assert!(cpu.touches_memory("popq %rax"));
        assert!(cpu.touches_memory("movq (%rax), %rdi"));
        assert!(!cpu.touches_memory("xorl %edi, %edi"));
        assert!(!cpu.touches_memory("jmp 0x10 <rsp(x)>"));
    }

    #[test]
    fn names_are_unique() {
        let names: Vec<_> = TABLE.iter().flat_map(|cpu| cpu.names).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name}");
        }
    }
}
