//! Paths of processes, signals, time and io.

use core::fmt::Debug;

use embedded_io::{Read, Seek, SeekFrom, Write};
use threadbare::io::{self, File, Status};
use threadbare::process;
use threadbare::seam::Process;
use threadbare::signal::{self, Action, Signal, SignalSet};
use threadbare::start::{HandOver, initialize};
use threadbare::sync::atomic::AtomicU32;
use threadbare::sync::futex;
use threadbare::thread;
use threadbare::time::{Duration, Instant, SystemTime};
use threadbare::{eprintln, print, println};

use crate::failures::Said;
use crate::failures::window::Window;
use crate::kernel;

fn works_or<T, E: Debug>(result: Result<T, E>) -> Said {
    match result {
        Ok(_) => Said::works(),
        Err(error) => Said::error(error),
    }
}

/// Once more, from the same initial stack: a child process has one thread, too.
pub fn start(window: &Window) -> Said {
    let stack = Process::get().arguments.cast::<usize>().wrapping_sub(1);
    window.open();
    // SAFETY: what the kernel left; nobody else runs, and what was set up is set up again.
    unsafe { initialize(HandOver::InitialStack(stack)) };
    window.close();
    match thread::spawn(|| 6 * 7).join() {
        Ok(42) => Said::works(),
        joined => Said::new(format_args!("joins with {joined:?}")),
    }
}

pub fn exit_process(window: &Window) -> Said {
    print!("this waits");
    window.open();
    process::exit(33)
}

pub fn abort(window: &Window) -> Said {
    window.open();
    process::abort()
}

pub fn process_id(window: &Window) -> Said {
    window.open();
    let id = process::id();
    window.close();
    match id {
        0 => Said::new("answers 0"),
        _ => Said::works(),
    }
}

pub fn signal_mask(window: &Window) -> Said {
    let set = SignalSet::from([Signal::USR1]);
    window.open();
    let old = signal::block(&set);
    let now = signal::mask();
    signal::unblock(&set);
    signal::set_mask(&old);
    window.close();
    if !now.contains(Signal::USR1) || signal::mask() != old {
        return Said::new("another mask");
    }
    Said::works()
}

pub fn signal_action(window: &Window) -> Said {
    window.open();
    let action = signal::action(Signal::USR1);
    window.close();
    works_or(action)
}

pub fn signal_set_action(window: &Window) -> Said {
    window.open();
    // SAFETY: there is no handler.
    let set = unsafe { signal::set_action(Signal::USR1, Action::DEFAULT) };
    window.close();
    works_or(set)
}

/// What `run` does to this process by SIGUSR1, which is blocked and taken away again.
fn sent<E: Debug>(window: &Window, run: impl FnOnce() -> Result<(), E>) -> Said {
    let set = SignalSet::from([Signal::USR1]);
    let old = signal::block(&set);
    window.open();
    let sent = run();
    window.close();
    let taken = signal::wait_timeout(&set, Duration::ZERO);
    signal::set_mask(&old);
    if sent.is_ok() != taken.is_some() {
        return Said::new("what was said is not what was done");
    }
    works_or(sent)
}

pub fn signal_raise(window: &Window) -> Said {
    sent(window, || signal::raise(Signal::USR1))
}

pub fn signal_send(window: &Window) -> Said {
    sent(window, || signal::send(&thread::current(), Signal::USR1))
}

pub fn signal_send_to_process(window: &Window) -> Said {
    let own = process::id();
    sent(window, || signal::send_to_process(own, Signal::USR1))
}

/// Waits, with SIGUSR1 pending.
fn waited(window: &Window, wait: impl FnOnce(&SignalSet) -> bool) -> Said {
    let set = SignalSet::from([Signal::USR1]);
    let old = signal::block(&set);
    if signal::raise(Signal::USR1).is_err() {
        return Said::new("no signal");
    }
    window.open();
    let taken = wait(&set);
    window.close();
    let left = signal::wait_timeout(&set, Duration::ZERO).is_some();
    signal::set_mask(&old);
    match (taken, left) {
        (true, false) => Said::works(),
        (taken, left) => Said::new(format_args!("taken: {taken}, left: {left}")),
    }
}

pub fn signal_wait(window: &Window) -> Said {
    waited(window, |set| signal::wait(set).signal() == Signal::USR1)
}

pub fn signal_wait_timeout(window: &Window) -> Said {
    let limit = Duration::from_secs(60);
    waited(window, |set| signal::wait_timeout(set, limit).is_some())
}

pub fn futex_wake(window: &Window) -> Said {
    let word = AtomicU32::new(0);
    window.open();
    let woken = futex::wake(word.as_ptr(), 1, futex::Scope::Private);
    window.close();
    match woken {
        0 => Said::works(),
        count => Said::new(format_args!("woke {count}")),
    }
}

pub fn instant(window: &Window) -> Said {
    window.open();
    let now = Instant::now();
    window.close();
    if Instant::now() < now {
        return Said::new("goes back");
    }
    Said::works()
}

pub fn system_time(window: &Window) -> Said {
    window.open();
    let now = SystemTime::now();
    window.close();
    works_or(now.duration_since(SystemTime::UNIX_EPOCH))
}

pub fn file_open(window: &Window) -> Said {
    window.open();
    let opened = File::open(c"/proc/self/maps").map(drop);
    window.close();
    works_or(opened)
}

/// Does something to a file that can be read and has positions.
fn with_file<T>(window: &Window, run: impl FnOnce(&mut File) -> Result<T, io::Error>) -> Said {
    let mut file = match File::open(c"/proc/self/exe") {
        Ok(file) => file,
        Err(error) => return Said::new(format_args!("no file: {error}")),
    };
    window.open();
    let result = run(&mut file);
    window.close();
    works_or(result)
}

pub fn file_read(window: &Window) -> Said {
    with_file(window, |file| file.read(&mut [0; 4]))
}

pub fn file_read_at(window: &Window) -> Said {
    with_file(window, |file| file.read_at(&mut [0; 4], 1))
}

pub fn fd_seek(window: &Window) -> Said {
    with_file(window, |file| file.as_fd().seek(SeekFrom::End(0)))
}

pub fn fd_status(window: &Window) -> Said {
    with_file(window, |file| file.as_fd().status())
}

pub fn fd_write(window: &Window) -> Said {
    let (_reader, writer) = kernel::pipe();
    let mut to = writer.as_fd();
    window.open();
    let written = to.write(b"x");
    window.close();
    works_or(written)
}

pub fn status_of_path(window: &Window) -> Said {
    window.open();
    let status = Status::of(c"/proc");
    window.close();
    works_or(status)
}

/// Makes descriptor `number` a pipe, does something, and looks whether `wanted` came out there.
fn comes_out(number: i32, wanted: &[u8], run: impl FnOnce() -> Said) -> Said {
    let (before_reader, before) = kernel::pipe();
    drop(before_reader);
    let (mut reader, writer) = kernel::pipe();
    // What is there now, kept.
    // SAFETY: open for the life of this process.
    let now = unsafe { File::from_raw(number) };
    kernel::redirect(before.as_fd().raw(), &now);
    kernel::redirect(number, &writer);
    drop(writer);
    let said = run();
    kernel::redirect(number, &before);
    let _ = now.into_raw();
    let mut found = [0; 64];
    let count = reader.read(&mut found).unwrap_or(0);
    match (said == Said::works(), &found[..count] == wanted) {
        (true, false) => Said::new("works, unseen"),
        _ => said,
    }
}

pub fn print_line(window: &Window) -> Said {
    comes_out(1, b"seen\n", || {
        window.open();
        println!("seen");
        window.close();
        Said::works()
    })
}

pub fn flush_stdout(window: &Window) -> Said {
    comes_out(1, b"seen", || {
        print!("seen");
        window.open();
        let flushed = io::stdout().flush();
        window.close();
        works_or(flushed)
    })
}

pub fn print_error(window: &Window) -> Said {
    comes_out(2, b"seen\n", || {
        window.open();
        eprintln!("seen");
        window.close();
        Said::works()
    })
}
