//! The mistakes that the linker scripts' assertions name, and what is none.

use super::Kind::{self, Gnu, Lld};
use super::Script::{self, Checks, OwnStart, Small, Tiny};

/// A mistake, and what the linker says then.
pub struct Mistake {
    pub name: &'static str,
    /// What the object has besides `_start`, in assembly for any CPU.
    pub source: &'static str,
    pub has_start: bool,
    pub arguments: &'static [&'static str],
    pub scripts: &'static [Script],
    pub linkers: &'static [Kind],
    pub says: &'static str,
}

const BOTH: &[Kind] = &[Lld, Gnu];
const FIXED: &[&str] = &["-static"];
const NO_INITIALISERS: &str = "ERROR(rt): the program has initialisers that nobody runs";
const SHARED_PAGE: &str = "ERROR(rt): segments are to share pages";
const SETUP: &str = "ERROR(rt): the program has initialisers or thread-locals";
const WRITTEN: &str = "ERROR(rt): the program has statics that are written";
const LEFT_TO_YOU: &str = "ERROR(rt): the program has initialisers or finalisers";

/// What an ordinary row is.
const PLAIN: Mistake = Mistake {
    name: "",
    source: "",
    has_start: true,
    arguments: FIXED,
    scripts: &[Checks, Small, Tiny],
    linkers: BOTH,
    says: "",
};

/// At least one for each assertion of each script, which is tested.
pub const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "start_is_missing",
        source: ".globl begin\n.text\nbegin: .quad 0\n",
        has_start: false,
        says: "ERROR(rt): there is no _start",
        ..PLAIN
    },
    Mistake {
        name: "libc_is_linked_in",
        source: ".text\n.globl __libc_start_main\n__libc_start_main: .quad 0\n",
        says: "ERROR(rt): a C library is linked in",
        ..PLAIN
    },
    Mistake {
        name: "dynamic_linker_is_asked_for",
        source: ".section .interp,\"a\",%progbits\n.asciz \"/lib/ld.so\"\n",
        says: "ERROR(rt): the program asks for a dynamic linker",
        ..PLAIN
    },
    Mistake {
        name: "initialiser_is_cut_off",
        source: ".section .init_array,\"aw\",%init_array\n.byte 0, 0\n",
        scripts: &[Checks, Small],
        says: "BUG(rt): .init_array is not an array of pointers",
        ..PLAIN
    },
    Mistake {
        name: "ctors_are_not_run",
        source: ".section .ctors,\"aw\",%progbits\n.quad 0\n",
        // GNU ld's own script makes initialisers of them that are run.
        linkers: &[Lld],
        says: NO_INITIALISERS,
        ..PLAIN
    },
    Mistake {
        name: "ctors_are_not_run_in_a_small_program",
        source: ".section .ctors,\"aw\",%progbits\n.quad 0\n",
        scripts: &[Small, Tiny],
        linkers: &[Gnu],
        says: NO_INITIALISERS,
        ..PLAIN
    },
    Mistake {
        name: "dtors_are_not_run",
        source: ".section .dtors,\"aw\",%progbits\n.quad 0\n",
        linkers: &[Lld],
        says: NO_INITIALISERS,
        ..PLAIN
    },
    Mistake {
        name: "preinit_array_is_not_run",
        source: ".section .preinit_array,\"aw\",%preinit_array\n.quad 0\n",
        says: NO_INITIALISERS,
        ..PLAIN
    },
    Mistake {
        name: "init_is_not_run",
        source: ".section .init,\"ax\",%progbits\n.quad 0\n",
        says: NO_INITIALISERS,
        ..PLAIN
    },
    Mistake {
        name: "fini_is_not_run",
        source: ".section .fini,\"ax\",%progbits\n.quad 0\n",
        says: NO_INITIALISERS,
        ..PLAIN
    },
    Mistake {
        name: "function_is_chosen_at_start",
        source: ".text\n.globl f\n.type f,%gnu_indirect_function\nf: .quad 0\n.quad f\n",
        scripts: &[Small, Tiny],
        // GNU ld defines the symbols for objects that name them, not for a script.
        linkers: &[Lld],
        says: "ERROR(rt): the program has functions that are chosen as it starts",
        ..PLAIN
    },
    Mistake {
        name: "program_lies_too_low",
        arguments: &["-static", "--image-base=0x1000"],
        scripts: &[Checks],
        linkers: &[Lld],
        says: "ERROR(rt): the program lies below 64 KiB",
        ..PLAIN
    },
    Mistake {
        name: "program_lies_too_low",
        arguments: &["-static", "-Ttext-segment=0x1000"],
        scripts: &[Checks],
        linkers: &[Gnu],
        says: "ERROR(rt): the program lies below 64 KiB",
        ..PLAIN
    },
    Mistake {
        name: "max_page_size_is_none",
        arguments: &["-static", "-zmax-page-size=16", "-zcommon-page-size=16"],
        says: SHARED_PAGE,
        ..PLAIN
    },
    Mistake {
        name: "omagic_has_one_segment",
        arguments: &["-static", "-N"],
        // GNU ld keeps its pages' size, and warns of the segment.
        linkers: &[Lld],
        says: SHARED_PAGE,
        ..PLAIN
    },
    Mistake {
        name: "nmagic_has_no_pages",
        arguments: &["-static", "-n"],
        // Likewise.
        linkers: &[Lld],
        says: SHARED_PAGE,
        ..PLAIN
    },
    Mistake {
        name: "both_starts_are_there",
        source: concat!(
            ".text\n.globl \"no main: name it once with threadbare::entry!(main)\"\n",
            "\"no main: name it once with threadbare::entry!(main)\": .quad 0\n",
        ),
        scripts: &[OwnStart],
        says: "ERROR(rt): threadbare's own start is linked in, too",
        ..PLAIN
    },
    Mistake {
        name: "initialisers_are_left_to_the_program",
        source: ".section .init_array,\"aw\",%init_array\n.quad 0\n",
        scripts: &[OwnStart],
        says: LEFT_TO_YOU,
        ..PLAIN
    },
    Mistake {
        name: "finalisers_are_left_to_the_program",
        source: ".section .fini_array,\"aw\",%fini_array\n.quad 0\n",
        scripts: &[OwnStart],
        says: LEFT_TO_YOU,
        ..PLAIN
    },
    Mistake {
        name: "section_is_written_and_executed",
        source: ".section mine,\"awx\",%progbits\n.quad 0\n",
        scripts: &[Small, Tiny],
        says: "ERROR(rt): a section is both written and executed",
        ..PLAIN
    },
    Mistake {
        name: "program_is_position_independent",
        arguments: &["-static", "-pie", "--no-dynamic-linker"],
        scripts: &[Small, Tiny],
        says: "ERROR(rt): the program is position-independent",
        ..PLAIN
    },
    Mistake {
        name: "code_is_elsewhere",
        arguments: &["-static", "-Ttext=0x500000"],
        scripts: &[Small, Tiny],
        says: "ERROR(rt): the code does not follow the program headers",
        ..PLAIN
    },
    Mistake {
        name: "program_unwinds",
        source: ".text\n.globl _Unwind_RaiseException\n_Unwind_RaiseException: .quad 0\n",
        scripts: &[Small, Tiny],
        says: "ERROR(rt): the program unwinds its stack",
        ..PLAIN
    },
    Mistake {
        name: "static_is_written",
        source: ".data\n.quad 1\n",
        scripts: &[Tiny],
        says: WRITTEN,
        ..PLAIN
    },
    Mistake {
        name: "zero_is_written",
        source: ".bss\n.quad 0\n",
        scripts: &[Tiny],
        says: WRITTEN,
        ..PLAIN
    },
    Mistake {
        name: "common_is_written",
        source: ".comm c,8,8\n",
        scripts: &[Tiny],
        says: WRITTEN,
        ..PLAIN
    },
    Mistake {
        name: "section_of_any_name_is_written",
        source: ".section mine,\"aw\",%progbits\n.quad 1\n",
        scripts: &[Tiny],
        says: WRITTEN,
        ..PLAIN
    },
    Mistake {
        name: "initialiser_needs_setup",
        source: ".section .init_array,\"aw\",%init_array\n.quad 0\n",
        scripts: &[Tiny],
        says: SETUP,
        ..PLAIN
    },
    Mistake {
        name: "thread_local_needs_setup",
        source: ".section .tbss,\"awT\",%nobits\n.quad 0\n",
        scripts: &[Tiny],
        says: SETUP,
        ..PLAIN
    },
];

const TLS: &str = concat!(
    ".section .tdata,\"awT\",%progbits\n.quad 1\n",
    ".section .tbss,\"awT\",%nobits\n.quad 0\n",
);

/// What links with the scripts that come in place of the linker's own: its script, its source, and
/// how many segments are loaded and have the template.
pub const SOUND: &[(Script, &str, [usize; 2])] = &[
    (Tiny, ".section .rodata,\"a\",%progbits\n.quad 1\n", [1, 0]),
    (Small, WHOLE, [2, 1]),
    (Small, TLS, [2, 1]),
];

/// Something in each section that programs have.
pub const WHOLE: &str = concat!(
    ".section .rodata,\"a\",%progbits\n.quad 1\n",
    ".data\n.quad 1\n.bss\n.quad 0\n",
    ".section mine,\"aw\",%progbits\n.quad 1\n",
    ".section .data.rel.ro,\"aw\",%progbits\n.quad _start\n",
    ".section .tdata,\"awT\",%progbits\n.quad 1\n",
    ".section .tbss,\"awT\",%nobits\n.quad 0\n",
);
/// The ways to link it beside the linker's own script.
pub const WAYS: &[(&str, &[&str])] = &[
    ("fixed", FIXED),
    ("pie", &["-static", "-pie", "--no-dynamic-linker"]),
];
