//! One test per way in which a guest can be right or wrong; no guest is started here.

use super::*;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

const EXPECTED: Expected<'static> = Expected {
    arch: "mips",
    page_bytes: 4096,
    profile: String::new(),
    filtered: false,
};

fn exit(code: i32) -> Ended {
    Ended::By(ExitStatus::from_raw(code << 8))
}

fn judge_text(text: &str, ended: Ended) -> Verdict {
    let expected = Expected {
        profile: "dev".into(),
        ..EXPECTED
    };
    judge(&expected, text.as_bytes(), ended, &|name| {
        name == "may_skip"
    })
}

fn complaint(verdict: &Verdict, words: &str) {
    assert!(verdict.failed > 0, "{verdict:?}");
    assert!(
        verdict.complaints.iter().any(|c| c.contains(words)),
        "{words}: {verdict:?}"
    );
}

const HEAD: &str = "rt 1 arch=mips page=4096 profile=dev plan=2 exit=7\n";

#[test]
fn pass_counts_every_case_and_ignores_chatter() {
    let text = format!("hello\n{HEAD}ok a\nok then, some chatter\n\nskip may_skip why\nend 2\n");
    let verdict = judge_text(&text, exit(7));
    assert_eq!(verdict.passed, ["a"]);
    assert_eq!(verdict.skipped, ["may_skip"]);
    assert_eq!((verdict.failed, verdict.complaints.len()), (0, 0));
}

#[test]
fn missing_end_fails() {
    complaint(
        &judge_text(&format!("{HEAD}ok a\nok b\n"), exit(7)),
        "`end` was not printed",
    );
}

#[test]
fn wrong_end_count_fails() {
    complaint(
        &judge_text(&format!("{HEAD}ok a\nok b\nend 1\n"), exit(7)),
        "`end 1`",
    );
}

#[test]
fn missing_header_fails() {
    complaint(&judge_text("", exit(0)), "no `rt 1");
    complaint(
        &judge_text("rt 2 arch=mips\nok a\nend 1\n", exit(0)),
        "no `rt 1",
    );
}

#[test]
fn wrong_arch_makes_every_case_worthless() {
    let text = format!("{HEAD}ok a\nok b\nend 2\n").replace("mips", "mipsel");
    let verdict = judge_text(&text, exit(7));
    complaint(&verdict, "arch= must be mips, the guest says mipsel");
    assert_eq!((verdict.passed.len(), verdict.failed), (0, 2));
}

#[test]
fn wrong_page_and_profile_fail() {
    let text = format!("{HEAD}ok a\nok b\nend 2\n");
    complaint(
        &judge_text(&text.replace("4096", "16384"), exit(7)),
        "page= must be 4096",
    );
    complaint(
        &judge_text(&text.replace("=dev", "=release"), exit(7)),
        "profile= must be dev",
    );
}

#[test]
fn wrong_status_fails_though_all_cases_passed() {
    let text = format!("{HEAD}ok a\nok b\nend 2\n");
    let verdict = judge_text(&text, exit(0));
    complaint(
        &verdict,
        "exit status 7 was announced, the end was: exit status 0",
    );
    assert_eq!((verdict.passed.len(), verdict.failed), (2, 1));
    complaint(
        &judge_text(&text, Ended::By(ExitStatus::from_raw(11))),
        "killed by signal 11",
    );
}

#[test]
fn header_without_exit_or_plan_fails() {
    let text = "rt 1 arch=mips page=4096 profile=dev plan=1\nok a\nend 1\n";
    complaint(&judge_text(text, exit(0)), "no readable exit=");
    let text = "rt 1 arch=mips page=4096 profile=dev exit=0\nok a\nend 1\n";
    complaint(&judge_text(text, exit(0)), "no readable plan=");
}

#[test]
fn fail_line_keeps_place_and_message() {
    let verdict = judge_text(
        &format!("{HEAD}ok a\nFAIL b f.rs:3 1 != 2\nend 2\n"),
        exit(1),
    );
    complaint(&verdict, "FAIL b f.rs:3 1 != 2");
    assert_eq!((verdict.passed.len(), verdict.failed), (1, 1));
}

#[test]
fn unknown_skip_fails() {
    let verdict = judge_text(&format!("{HEAD}ok a\nskip b no time\nend 2\n"), exit(7));
    complaint(&verdict, "skip b no time: not in the table");
    assert_eq!((verdict.skipped.len(), verdict.failed), (0, 1));
}

#[test]
fn planned_cases_not_seen_are_failed_cases() {
    let text = HEAD.replace("plan=2", "plan=5") + "ok a\n";
    let verdict = judge_text(&text, Ended::By(ExitStatus::from_raw(11)));
    complaint(&verdict, "1 of 5 planned cases");
    assert_eq!((verdict.passed.len(), verdict.failed), (1, 4));
}

#[test]
fn more_cases_than_planned_fail() {
    complaint(
        &judge_text(&format!("{HEAD}ok a\nok b\nok c\nend 2\n"), exit(7)),
        "3 cases",
    );
}

#[test]
fn a_case_reported_twice_fails() {
    complaint(
        &judge_text(&format!("{HEAD}ok a\nok a\nend 2\n"), exit(7)),
        "twice",
    );
}

#[test]
fn a_case_after_end_fails() {
    complaint(
        &judge_text(&format!("{HEAD}ok a\nend 2\nok b\n"), exit(7)),
        "outside",
    );
}

#[test]
fn timeout_fails_even_when_all_was_said() {
    let ended = Ended::TimedOut(Duration::from_secs(60));
    let verdict = judge_text(&format!("{HEAD}ok a\nok b\nend 2\n"), ended);
    complaint(&verdict, "no end after 60 s");
    assert_eq!(verdict.failed, 1);
}

#[test]
fn empty_plan_is_an_error_only_without_a_filter() {
    let text = "rt 1 arch=mips page=4096 profile=dev plan=0 exit=0\nend 0\n";
    complaint(&judge_text(text, exit(0)), "planned no case");
    let filtered = Expected {
        profile: "dev".into(),
        filtered: true,
        ..EXPECTED
    };
    let verdict = judge(&filtered, text.as_bytes(), exit(0), &|_| false);
    assert_eq!(verdict, Verdict::default());
}
