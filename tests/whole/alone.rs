// The programs that cannot be a part of another: included by who builds them.

/// They have a `main` of their own, functions that run before it or after it, link arguments, or
/// thread-locals that no other program should have.
const ALONE: &[&str] = &[
    "deaths",
    "end",
    "hard_ends",
    "locals",
    "locals_end",
    "locals_exit",
    "locals_storage",
    "panics_abort",
    "processes",
    "start",
    "start_loader",
    "tls",
    "tls_mixed",
    "tls_skewed",
];
