//! The table of programs that run a second time in another environment.
//!
//! A variant changes what the kernel hands the program, never the program itself.

use crate::targets::Runner;

/// One environment, and the programs that run in it besides the ordinary one.
#[derive(Debug)]
pub struct Variant {
    /// Stands behind the program's name in progress lines.
    pub name: &'static str,
    /// A shell command that prepares the environment; the program runs only if it succeeds.
    pub prelude: &'static str,
    /// The suite programs concerned.
    pub programs: &'static [&'static str],
    /// The runners under which the environment reaches the program.
    pub runners: &'static [Runner],
}

/// All variants.
pub const TABLE: &[Variant] = &[
    // No limit on the main stack: a size taken from the limit would wrap around.
    Variant {
        name: "stack-unlimited",
        prelude: "ulimit -s unlimited",
        programs: &["start"],
        runners: &[Runner::Native, Runner::Qemu],
    },
    // 64 KiB of main stack; the emulator itself would not start with that, nor would programs with
    // large buffers on the main stack.
    Variant {
        name: "stack-tiny",
        prelude: "ulimit -s 64",
        programs: &["sync"],
        runners: &[Runner::Native],
    },
];

/// Returns the variants in which `program` runs under `runner`.
pub fn of(program: &str, runner: Runner) -> impl Iterator<Item = &'static Variant> {
    let program = program.to_owned();
    TABLE.iter().filter(move |variant| {
        variant.runners.contains(&runner) && variant.programs.contains(&program.as_str())
    })
}

/// Returns the variants' programs that are not among `programs`: a table entry without effect.
pub fn unknown_programs(programs: &[String]) -> Vec<&'static str> {
    let named = TABLE.iter().flat_map(|variant| variant.programs).copied();
    named
        .filter(|name| !programs.iter().any(|program| program == name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_stack_is_native_only() {
        let names = |program, runner| of(program, runner).map(|v| v.name).collect::<Vec<_>>();
        assert_eq!(names("sync", Runner::Native), ["stack-tiny"]);
        assert!(names("sync", Runner::Qemu).is_empty());
        assert_eq!(names("start", Runner::Qemu), ["stack-unlimited"]);
        assert_eq!(of("locks", Runner::Native).count(), 0);
    }

    #[test]
    fn a_program_that_does_not_exist_is_told() {
        assert!(unknown_programs(&["start".into(), "sync".into()]).is_empty());
        assert!(unknown_programs(&["other".into()]).contains(&"start"));
    }
}
