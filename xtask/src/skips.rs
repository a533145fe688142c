//! The table of skips that are allowed, and the check that none of them is out of date.
//!
//! A skip that is not listed is a failure; so is an entry whose case passes wherever it may skip.

use crate::privileges;
use crate::targets::Runner;

/// Leave for one case to be skipped on some machines.
#[derive(Debug)]
pub struct Skip {
    /// Targets' names, or prefixes followed by `*`.
    pub arches: &'static [&'static str],
    /// The runners under which the case cannot be had.
    pub runners: &'static [Runner],
    /// The case's name as the guest prints it.
    pub case: &'static str,
    /// Why the case cannot be had there, and what would have to change.
    pub reason: &'static str,
}

const EVERYWHERE: &[Runner] = &[Runner::Native, Runner::Qemu, Runner::Kernel];

/// Where emulated pages are larger than this machine's.
const PAGES_NOT_THE_HOSTS: &[&str] = &["loongarch64", "sparc64", "hexagon"];

/// Where `xtask/src/crates.rs` says that there is no rustix.
const NO_RUSTIX: &[&str] = &[
    "riscv32",
    "loongarch64",
    "sparc64",
    "hexagon",
    "aarch64_be",
    "armeb",
    "powerpc64",
    "mips",
    "mips32r6",
    "mips64",
    "mips64r6",
];

/// All allowed skips.
pub const TABLE: &[Skip] = &[
    Skip {
        arches: &[
            "i686",
            "i586",
            "arm*",
            "thumb*",
            "riscv32",
            "loongarch64",
            "powerpc*",
            "s390x",
            "mips*",
            "sparc64",
            "hexagon",
        ],
        runners: EVERYWHERE,
        case: "second_implementation_agrees",
        reason: "the crate sc has nothing for this CPU that today's rustc compiles",
    },
    Skip {
        arches: NO_RUSTIX,
        runners: &[Runner::Native, Runner::Qemu],
        case: "rustix_files",
        reason: "rustix has no system calls of its own for this CPU and byte order",
    },
    Skip {
        arches: NO_RUSTIX,
        runners: &[Runner::Native, Runner::Qemu],
        case: "rustix_sockets",
        reason: "rustix has no system calls of its own for this CPU and byte order",
    },
    Skip {
        arches: NO_RUSTIX,
        runners: &[Runner::Native, Runner::Qemu],
        case: "rustix_time",
        reason: "rustix has no system calls of its own for this CPU and byte order",
    },
    Skip {
        arches: &["riscv*", "loongarch64", "hexagon"],
        runners: &[Runner::Qemu],
        case: "signal_mask_is_in_force_in_the_handler",
        reason: "qemu 7.2 reads a restorer before the mask, and the kernel has none on this CPU",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "vdso_clock_is_the_kernels",
        reason: "qemu-user 7.2 maps no vDSO",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "vdso_agrees_with_the_kernel",
        reason: "qemu-user 7.2 maps no vDSO",
    },
    Skip {
        arches: PAGES_NOT_THE_HOSTS,
        runners: &[Runner::Qemu],
        case: "measured_stack_tells_pages",
        reason: "qemu's mincore answers for its host's pages of 4 KiB",
    },
    Skip {
        arches: PAGES_NOT_THE_HOSTS,
        runners: &[Runner::Qemu],
        case: "measured_stack_is_empty_even_if_reused",
        reason: "qemu's mincore answers for its host's pages of 4 KiB",
    },
    Skip {
        arches: PAGES_NOT_THE_HOSTS,
        runners: &[Runner::Qemu],
        case: "measured_while_running",
        reason: "qemu's mincore answers for its host's pages of 4 KiB",
    },
    Skip {
        arches: PAGES_NOT_THE_HOSTS,
        runners: &[Runner::Qemu],
        case: "both_ways_agree",
        reason: "qemu's mincore answers for its host's pages of 4 KiB",
    },
    Skip {
        arches: PAGES_NOT_THE_HOSTS,
        runners: &[Runner::Qemu],
        case: "spawn_measured",
        reason: "qemu's mincore answers for its host's pages of 4 KiB",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "filters_of_the_kernel",
        reason: "qemu-user has no seccomp: a filter would see its host's calls",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "addresses",
        reason: "qemu-user keeps RLIMIT_AS to itself, lest it run out of addresses itself",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "locked_memory",
        reason: "qemu-user's own memory would be locked, too",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "mappings_of_the_process",
        reason: "qemu-user's own mappings count, too, and it dies without one",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Native, Runner::Qemu],
        case: "no_overcommit",
        reason: "vm.overcommit_memory is the whole machine's: only machines of the suite's own",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "debugger_that_stops_every_thread",
        reason: "qemu-user has no ptrace",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "orphans_are_reaped",
        reason: "qemu-user 7.2 has no PR_SET_CHILD_SUBREAPER",
    },
    Skip {
        arches: &["*"],
        runners: &[Runner::Qemu],
        case: "kernel_wipes_the_page",
        reason: "qemu-user 7.2 accepts MADV_WIPEONFORK and forgets it",
    },
    Skip {
        arches: &["i586"],
        runners: &[Runner::Qemu],
        case: "the_storm_was_one",
        reason: "qemu-i386 loads the thread register of another thread when a handler returns",
    },
    Skip {
        arches: &["i586"],
        runners: &[Runner::Qemu],
        case: "join_that_a_handlers_fork_interrupts",
        reason: "qemu-i386 loads the thread register of another thread when a handler returns",
    },
    Skip {
        arches: &["hexagon"],
        runners: &[Runner::Qemu],
        case: "the_storm_was_one",
        reason: "qemu-hexagon 7.2 does not keep predicate registers across a handler",
    },
    Skip {
        arches: &["hexagon"],
        runners: &[Runner::Qemu],
        case: "join_that_a_handlers_fork_interrupts",
        reason: "qemu-hexagon 7.2 does not keep predicate registers across a handler",
    },
    Skip {
        arches: &[
            "aarch64*",
            "arm*",
            "thumb*",
            "riscv*",
            "loongarch64",
            "powerpc*",
            "s390x",
            "mips*",
            "sparc64",
            "hexagon",
        ],
        runners: EVERYWHERE,
        case: "c_finds_its_own",
        reason: "the machine's C compiler is for the machine's own CPU",
    },
];

/// Whether a case cannot be had on this machine.
type Question = fn() -> bool;

/// Skips that depend on this machine and on who runs the suite: there is leave only where the case
/// cannot be had. On the machines that `boot` starts all of them can.
const HERE: &[(Skip, Question)] = &[
    (
        Skip {
            arches: &["*"],
            runners: &[Runner::Native, Runner::Qemu],
            case: "processes_of_the_user",
            reason: "only root can become a user who has no other processes",
        },
        privileges::may_not_change_user,
    ),
    (
        Skip {
            arches: &["*"],
            runners: &[Runner::Native, Runner::Qemu],
            case: "processes_of_the_group",
            reason: "a control group takes root, and a kernel with the controller `pids`",
        },
        || privileges::has_no_group_of("pids"),
    ),
    (
        Skip {
            arches: &["*"],
            runners: &[Runner::Native, Runner::Qemu],
            case: "memory_of_the_group",
            reason: "a control group takes root, and a kernel with the controller `memory`",
        },
        || privileges::has_no_group_of("memory"),
    ),
    (
        Skip {
            arches: &["*"],
            runners: &[Runner::Native],
            case: "locked_memory",
            reason: "only root can become a user who has no memory locked",
        },
        privileges::may_not_change_user,
    ),
    (
        Skip {
            arches: &["*"],
            runners: &[Runner::Native],
            case: "mappings_of_the_process",
            reason: "vm.max_map_count may be a million",
        },
        privileges::has_mappings_without_end,
    ),
    (
        Skip {
            arches: &["*"],
            runners: &[Runner::Native],
            case: "filters_of_the_kernel",
            reason: "a kernel may be built without seccomp filters",
        },
        privileges::has_no_filters,
    ),
    (
        Skip {
            arches: &["*"],
            runners: &[Runner::Native],
            case: "debugger_that_stops_every_thread",
            reason: "who runs below a tracer or a filter may not trace",
        },
        privileges::may_not_trace,
    ),
];

impl Skip {
    /// Whether the entry is about this target under this runner.
    pub fn covers(&self, arch: &str, runner: Runner) -> bool {
        let is_it = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(prefix) => arch.starts_with(prefix),
            None => *pattern == arch,
        };
        self.arches.iter().any(is_it) && self.runners.contains(&runner)
    }
}

/// Tells whether `table` lets `case` be skipped on this target and runner.
pub fn allowed(table: &[Skip], arch: &str, runner: Runner, case: &str) -> bool {
    let covers = |skip: &Skip| skip.case == case && skip.covers(arch, runner);
    let is_table = core::ptr::eq(table, TABLE);
    table.iter().any(covers) || is_table && HERE.iter().any(|(skip, is_so)| covers(skip) && is_so())
}

/// Returns the allowed skips under these runners.
pub fn of(runners: &[Runner]) -> impl Iterator<Item = &'static Skip> {
    let concerns = |skip: &&Skip| skip.runners.iter().any(|runner| runners.contains(runner));
    TABLE.iter().filter(concerns)
}

/// What became of the cases of one run of one program.
#[derive(Debug)]
pub struct Observation {
    pub arch: &'static str,
    pub runner: Runner,
    pub passed: Vec<String>,
    pub skipped: Vec<String>,
}

/// Returns a sentence for each entry that is out of date. An entry whose case was not seen at all
/// is only out of date in a `full` run, one without a filter and over all targets.
pub fn stale<'a>(
    table: impl IntoIterator<Item = &'a Skip>,
    observed: &[Observation],
    full: bool,
) -> Vec<String> {
    let mut sentences = Vec::new();
    for skip in table {
        let covered = || {
            observed
                .iter()
                .filter(|run| skip.covers(run.arch, run.runner))
        };
        let holds = |names: &[String]| names.iter().any(|name| name == skip.case);
        let entry = || format!("{} {} ({})", skip.arches.join(" "), skip.case, skip.reason);
        if covered().any(|run| holds(&run.skipped)) {
            continue;
        }
        if covered().any(|run| holds(&run.passed)) {
            sentences.push(format!(
                "the case passes: remove the entry {} from skips.rs",
                entry()
            ));
        } else if full {
            sentences.push(format!(
                "no such case was seen: correct the entry {}",
                entry()
            ));
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_this_machine_has_no_leave_on_a_kernel_of_our_own() {
        for (skip, _) in HERE {
            assert!(!allowed(TABLE, "x86_64", Runner::Kernel, skip.case));
        }
    }

    const LIST: &[Skip] = &[Skip {
        arches: &["mips*"],
        runners: &[Runner::Qemu],
        case: "a",
        reason: "emulator",
    }];

    fn run(arch: &'static str, passed: &[&str], skipped: &[&str]) -> Observation {
        let own = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        Observation {
            arch,
            runner: Runner::Qemu,
            passed: own(passed),
            skipped: own(skipped),
        }
    }

    #[test]
    fn an_entry_covers_its_pattern_runner_and_case_only() {
        assert!(allowed(LIST, "mips", Runner::Qemu, "a"));
        assert!(allowed(LIST, "mipsel", Runner::Qemu, "a"));
        assert!(!allowed(LIST, "mips", Runner::Native, "a"));
        assert!(!allowed(LIST, "mips", Runner::Qemu, "b"));
        assert!(!allowed(LIST, "x86_64", Runner::Qemu, "a"));
        let exact = &[Skip {
            arches: &["mips"],
            runners: &[Runner::Qemu],
            case: "a",
            reason: "",
        }];
        assert!(!allowed(exact, "mipsel", Runner::Qemu, "a"));
    }

    #[test]
    fn an_entry_that_is_used_anywhere_is_not_stale() {
        let observed = [run("mips", &["a"], &[]), run("mipsel", &[], &["a"])];
        assert!(stale(LIST, &observed, true).is_empty());
    }

    #[test]
    fn an_entry_whose_case_passes_everywhere_is_stale() {
        let observed = [run("mips", &["a"], &[])];
        assert!(stale(LIST, &observed, false)[0].contains("the case passes"));
    }

    #[test]
    fn passing_elsewhere_says_nothing() {
        assert!(stale(LIST, &[run("x86_64", &["a"], &[])], false).is_empty());
    }

    #[test]
    fn an_entry_that_names_no_case_is_stale_in_a_full_run() {
        assert_eq!(stale(LIST, &[run("mips", &["b"], &[])], true).len(), 1);
        assert!(stale(LIST, &[run("mips", &["b"], &[])], false).is_empty());
    }
}
