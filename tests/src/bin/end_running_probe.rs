//! Not a program of the suite's protocol: its `main` returns while other threads run, one of them
//! for ever, one asleep, one that holds standard output's lock.

#![no_std]
#![no_main]

use threadbare::sync::{Condvar, Mutex};
use threadbare::{io, print, thread};

threadbare::entry!(main);

static READY: Mutex<u32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();

fn ready() {
    *READY.lock().unwrap() += 1;
    CHANGED.notify_all();
}

fn main() {
    print!("running");
    drop(thread::spawn(|| {
        ready();
        loop {
            thread::yield_now();
        }
    }));
    drop(thread::spawn(|| {
        let mut count = READY.lock().unwrap();
        *count += 1;
        CHANGED.notify_all();
        loop {
            count = CHANGED.wait(count).unwrap();
        }
    }));
    let flushed = thread::spawn(|| {
        let mut stdout = io::stdout().lock();
        let _ = io::Write::flush(&mut stdout);
        ready();
        loop {
            thread::yield_now();
        }
    });
    drop(CHANGED.wait_while(READY.lock().unwrap(), |count| *count < 3));
    drop::<thread::JoinHandle<()>>(flushed);
}
