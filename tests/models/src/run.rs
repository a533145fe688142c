//! Runs models and mutants, each in a process of its own.

use crate::mutants::{self, Mutant};
use crate::{Model, under_loom, under_shuttle};
use std::env;
use std::io::Read;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a process may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How many orders shuttle tries.
const ORDERS: usize = 3000;
/// How many interruptions of a thread a strict run tries at least.
const STRICT_PREEMPTIONS: usize = 2;
/// Processes at a time.
const JOBS: usize = 2;

/// The models with what they are called, under both checkers.
fn models() -> Vec<(String, &'static str, &'static Model)> {
    let named = |checker, models: &'static [Model]| {
        models
            .iter()
            .map(move |model| (format!("{checker}/{}", model.name), checker, model))
    };
    named("strict", under_loom::models::ALL)
        .chain(named("loom", under_loom::models::ALL))
        .chain(named("shuttle", under_shuttle::models::ALL))
        .collect()
}

static STRICT: AtomicBool = AtomicBool::new(false);

/// Whether loads tell the latest value only, so that loom tries all orders of them.
pub fn is_strict() -> bool {
    STRICT.load(Ordering::Relaxed)
}

/// Runs one model in this process; a failure panics or hangs.
fn run(checker: &str, model: &'static Model) {
    let run = model.run;
    STRICT.store(checker == "strict", Ordering::Relaxed);
    if checker != "shuttle" {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = match checker {
            // Cheap: there is one value to each load.
            "strict" => model.preemptions.map(|bound| bound.max(STRICT_PREEMPTIONS)),
            _ => model.preemptions,
        };
        builder.max_branches = 5_000;
        builder.check(run);
    } else {
        shuttle::check_random(run, ORDERS);
    }
}

enum Case {
    Model(String),
    Mutant(String, Mutant),
}

/// How a model's process ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    TookTooLong,
}

/// Waits for a process within the limit; returns how it ended, and what it said.
fn outcome(mut child: Child) -> (End, String) {
    let begun = Instant::now();
    let mut pipe = child.stderr.take();
    let said = thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(pipe) = &mut pipe {
            let _ = pipe.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let end = loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break End::Passed,
            Ok(Some(_)) => break End::Failed,
            Ok(None) if begun.elapsed() < LIMIT => thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break End::TookTooLong;
            }
        }
    };
    (end, said.join().unwrap_or_default())
}

/// Runs a model in a process of its own, perhaps on a mutant.
fn try_model(name: &str, mutant: Option<&str>) -> (End, String) {
    let this = env::current_exe().expect("this program has a name");
    let child = Command::new(this)
        .args(["--one", name])
        .args(mutant)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program can be started");
    outcome(child)
}

impl Case {
    fn name(&self) -> String {
        match self {
            Case::Model(name) => name.clone(),
            Case::Mutant(name, _) => format!("mutant/{name}"),
        }
    }

    fn run(&self) -> Result<String, String> {
        match self {
            Case::Model(name) => match try_model(name, None) {
                (End::Passed, _) => Ok(String::new()),
                (End::Failed, said) => Err(said),
                (End::TookTooLong, _) => Err("it took too long".into()),
            },
            Case::Mutant(name, mutant) => run_mutant(name, *mutant),
        }
    }
}

/// Tries a mutant on the models that look at its file, until one fails.
fn run_mutant(name: &str, mutant: Mutant) -> Result<String, String> {
    let is_hint = HINTS.contains(&name);
    let file = mutant.site().file;
    for (model, _, _) in models()
        .into_iter()
        .filter(|(_, _, model)| model.files.contains(&file))
    {
        match try_model(&model, Some(name)).0 {
            End::Passed => {}
            End::Failed if is_hint => return Err(format!("no hint: {model} catches it")),
            End::Failed => return Ok(format!("caught by {model}")),
            End::TookTooLong => return Err(format!("{model} takes too long")),
        }
    }
    if is_hint {
        Ok("a hint: every model bears it".into())
    } else if POLLS.contains(&name) {
        Ok("polls instead of sleeping, which every model bore this time".into())
    } else {
        Err(format!("no model catches it; line {}", mutant.site().line))
    }
}

/// Mutants that no model may catch: loads that guess what the compare-and-swap after them expects,
/// and save it an attempt. With a wrong guess that fails, and tells the value. (Who gives way and
/// guesses wrong gives way no longer, which is no fault either.)
const HINTS: &[&str] = &[
    "dispatch_bell::wait#1/load/spoiled",
    "once::call_slow#1/load/spoiled",
    "once::wait_slow#1/load/spoiled",
    "once::sleep#2/load/spoiled",
    "raw_mutex::give_way#2/load/spoiled",
    "raw_mutex::look#1/load/spoiled",
    "raw_mutex::look#2/guess/spoiled",
    "raw_mutex::linger#1/guess/spoiled",
    "raw_rwlock::enter#1/load/spoiled",
    "raw_rwlock::write_slow#2/load/spoiled",
    "reset_event::set#1/load/spoiled",
    "reset_event::wait_slow#1/load/spoiled",
    "semaphore::release#1/load/spoiled",
    "semaphore::acquire_slow#3/load/spoiled",
    "semaphore::spin#1/load/spoiled",
    "wait_group::start#1/load/spoiled",
];

/// Mutants that a model catches or not, as it happens to schedule: waits with a limit of their own.
/// Who does not sleep there looks again and again, which is no fault; a schedule that lets nobody
/// else run meanwhile never ends, and is caught.
const POLLS: &[&str] = &["raw_mutex::give_way#1/wait_told/spoiled"];

pub fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [flag, name, mutant @ ..] = arguments.as_slice()
        && flag == "--one"
    {
        if let [mutant] = mutant {
            let found = mutants::all()
                .into_iter()
                .find(|known| known.name() == *mutant);
            mutants::choose(found.expect("the mutant is known"));
        }
        let models = models();
        let (_, checker, model) = models
            .iter()
            .find(|(known, _, _)| known == name)
            .expect("the model is known");
        run(checker, model);
        return ExitCode::SUCCESS;
    }
    let filter = arguments.first().map_or("", String::as_str);
    let named = |mutant: Mutant| Case::Mutant(mutant.name(), mutant);
    let cases: Vec<_> = models()
        .into_iter()
        .map(|(name, _, _)| Case::Model(name))
        .chain(mutants::all().into_iter().map(named))
        .filter(|case| case.name().contains(filter))
        .collect();
    let left = Mutex::new(cases.iter());
    thread::scope(|scope| {
        for _ in 0..JOBS {
            scope.spawn(|| {
                loop {
                    let Some(case) = left.lock().expect("nobody panics").next() else {
                        return;
                    };
                    let begun = Instant::now();
                    let outcome = case.run();
                    let seconds = begun.elapsed().as_secs_f32();
                    match outcome {
                        Ok(how) => println!("ok {} {seconds:.1} s {how}", case.name()),
                        Err(why) => println!("FAIL {} {seconds:.1} s {why}", case.name()),
                    }
                }
            });
        }
    });
    println!("end {}", cases.len());
    ExitCode::SUCCESS
}
