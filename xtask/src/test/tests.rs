//! Plans of builds, and fake guests that are run and judged; nothing is built here.

use super::*;

fn options(arch: &str, profile: Option<Profile>) -> Options {
    Options {
        arch: arch.into(),
        profile,
        ..Options::everything()
    }
}

#[test]
fn everything_is_each_target_mode_and_profile_once() {
    let labels: Vec<_> = options("all", None)
        .builds()
        .unwrap()
        .iter()
        .map(Build::label)
        .collect();
    let count: usize = targets::TABLE
        .iter()
        .map(|target| target.builds.len())
        .sum();
    assert_eq!(labels.len(), count);
    assert_eq!(
        labels
            .iter()
            .collect::<std::collections::HashSet<_>>()
            .len(),
        count
    );
}

#[test]
fn one_arch_and_profile_is_narrowed() {
    let builds = options("i586", Some(Profile::Release)).builds().unwrap();
    assert_eq!(builds.len(), 1);
    assert_eq!(builds[0].label().trim_end(), "i586        fixed release");
}

#[test]
fn host_cases_are_counted_and_filtered() {
    let cases = || {
        vec![
            Case::new("a/x", Ok(())),
            Case::new("a/y", Err("wrong".into())),
        ]
    };
    let verdict = from_cases(cases(), None);
    assert_eq!((verdict.passed.len(), verdict.failed), (1, 1));
    let verdict = from_cases(cases(), Some("x"));
    assert_eq!((verdict.passed.len(), verdict.failed), (1, 0));
    assert_eq!(from_cases(Vec::new(), None).failed, 1);
}

/// Runs `script` as if it were a suite program of this machine.
fn judge_script(name: &str, script: &str, filter: Option<&str>) -> Verdict {
    use std::os::unix::fs::PermissionsExt;
    let build = options("host", Some(Profile::Dev)).builds().unwrap()[0];
    let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
    let head = format!("rt 1 arch={} page=4096 profile=dev", build.target.cpu);
    std::fs::write(&path, format!("#!/bin/sh\nhead='{head}'\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let program = name.to_owned();
    let guest = Guest {
        build,
        program,
        path: path.clone(),
        variant: None,
    };
    let verdict = run_job(&Job::Suite(guest), filter, &Again::default());
    std::fs::remove_file(path).unwrap();
    verdict
}

#[test]
fn a_guest_is_run_with_its_filter_and_judged() {
    let script = r#"echo "$head plan=1 exit=5"; echo "ok got_$1"; echo end 1; exit 5"#;
    let verdict = judge_script("pass", script, Some("word"));
    assert_eq!(
        (verdict.passed, verdict.failed),
        (vec!["got_word".to_owned()], 0)
    );
}

#[test]
fn a_guest_that_dies_on_the_way_fails_the_rest_of_its_plan() {
    let script = r#"echo "$head plan=3 exit=0"; echo "ok a"; kill -11 $$"#;
    let verdict = judge_script("crash", script, None);
    assert_eq!((verdict.passed.len(), verdict.failed), (1, 2));
}

#[test]
fn a_guest_that_cannot_be_started_fails() {
    let build = options("host", Some(Profile::Dev)).builds().unwrap()[0];
    let guest = Guest::suite(build, "no-such-program", None);
    assert_eq!(
        run_job(&Job::Suite(guest), None, &Again::default()).failed,
        1
    );
}
