//! Not a program of the suite's protocol: the services that an init is given to watch over. Its one
//! argument says which.

#![no_std]
#![no_main]

use core::time::Duration;

use suite::child;
use threadbare::process::ExitCode;
use threadbare::seam::sys::task;
use threadbare::signal::{self, Signal, SignalSet};
use threadbare::{env, println, thread};

threadbare::entry!(main);

const PID_1: u32 = 1;

fn main() -> ExitCode {
    match env::args().nth(1) {
        Some("steady") => steady(),
        Some("killed") => {
            println!("killed: up");
            let _ = signal::raise(Signal::KILL);
            ExitCode::FAILURE
        }
        Some("failing") => ExitCode::from(3),
        Some("parent") => {
            child::start(|| {
                thread::sleep(Duration::from_millis(200));
                task::exit_process(9)
            });
            ExitCode::SUCCESS
        }
        Some("ender") => {
            let orders = SignalSet::from([Signal::HUP, Signal::TERM]);
            signal::block(&orders);
            for order in [Signal::HUP, Signal::TERM] {
                thread::sleep(Duration::from_secs(1));
                let _ = signal::send_to_process(PID_1, order);
            }
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(64),
    }
}

/// Takes every order until it is to end.
fn steady() -> ExitCode {
    let orders = SignalSet::from([Signal::HUP, Signal::TERM]);
    signal::block(&orders);
    println!("steady: up");
    while signal::wait(&orders).signal() == Signal::HUP {
        println!("steady: hangup");
    }
    println!("steady: goodbye");
    ExitCode::from(4)
}
