//! Programs that cannot be started as they are to be, and the machine.

use core::ffi::CStr;

use suite::{Stop, Verdict, capture, check, check_eq, child};
use threadbare::io::{Error, Fd, File};
use threadbare::process::{Command, CommandError, Step};
use threadbare::seam::arch::nr;
use threadbare::signal::{self, SendError, Signal};
use threadbare::system::{self, MountFlags};
use threadbare::{Errno, process, seam};

pub fn programs() -> Verdict {
    let why = |command: &Command<'_>| match command.spawn() {
        Err(CommandError::InChild(step, errno)) => Some((step, errno)),
        _ => None,
    };
    let no_program = Command::new(c"");
    check_eq!(why(&no_program), Some((Step::Program, Errno::NOENT)));
    let mut nowhere = Command::new(c"/proc/self/exe");
    nowhere.current_dir(c"");
    check_eq!(why(&nowhere), Some((Step::Directory, Errno::NOENT)));
    // More than the kernel takes, whatever the limit of a stack: 7 MB.
    static LONG: [u8; 100_001] = {
        let mut text = [b'x'; 100_001];
        text[100_000] = 0;
        text
    };
    let many = [CStr::from_bytes_until_nul(&LONG).unwrap_or(c""); 70];
    let mut long = Command::new(c"/proc/self/exe");
    long.arg0(c"").args(&many).envs(&many);
    check_eq!(why(&long), Some((Step::Program, Errno::TOOBIG)));
    let mut closed = Command::new(c"/proc/self/exe");
    // SAFETY: it is not open, and the child finds that out.
    closed.descriptor(7, unsafe { Fd::from_raw(900) });
    check_eq!(why(&closed), Some((Step::Descriptors, Errno::BADF)));
    let mut negative = Command::new(c"/proc/self/exe");
    // SAFETY: likewise.
    negative.descriptor(7, unsafe { Fd::from_raw(-1) });
    check_eq!(why(&negative), Some((Step::Descriptors, Errno::BADF)));
    let mut nobody = Command::new(c"/proc/self/exe");
    nobody.user(u32::MAX, u32::MAX);
    let refused = why(&nobody);
    check!(matches!(
        refused,
        Some((Step::User, Errno::INVAL | Errno::PERM))
    ));
    for number in [-1, i32::MIN] {
        let captured = capture::run(|| {
            child::no_core_file();
            Command::new(c"").descriptor_null(number);
        });
        let told = "descriptors are numbers from 0 up";
        check!(captured.stderr.has_line(told));
    }
    let captured = capture::run(|| {
        child::no_core_file();
        let mut command = Command::new(c"");
        for number in 0..17 {
            command.descriptor_null(number);
        }
    });
    let told = "a child is given 16 descriptors at most";
    check!(captured.stderr.has_line(told));
    check_eq!(process::reap_orphan(), None);
    Ok(())
}

pub fn children() -> Verdict {
    // It ends at once, and is no suite program's business.
    let mut command = Command::new(c"/proc/self/exe");
    command.args(&[c"no case of this name"]).descriptor_null(1);
    let child = match command.spawn() {
        Ok(child) => child,
        // An emulator's host cannot execute this.
        Err(CommandError::InChild(Step::Program, Errno::NOEXEC)) => {
            let Ok(child) = Command::new(c"/bin/true").spawn() else {
                return Err(Stop::Fail(file!(), line!(), "the host has /bin/true"));
            };
            child
        }
        Err(_) => return Err(Stop::Fail(file!(), line!(), "it starts")),
    };
    check!(child.wait().is_ok());
    for signal in [Signal::KILL, Signal::RT_MAX] {
        check_eq!(child.kill(signal), Ok(()));
    }
    // To all is sent nothing: it is this machine's.
    for (errno, error) in [
        (Errno::SRCH, SendError::Gone),
        (Errno::PERM, SendError::NotPermitted),
    ] {
        seam::order(nr::KILL, 0, 1, errno);
        let sent = signal::send_to_all(Signal::KILL);
        check_eq!((sent, seam::end()), (Err(error), 1));
    }
    Ok(())
}

pub fn machine() -> Verdict {
    for target in [c"", c"/nothing/here"] {
        let refused = system::mount(c"", target, c"", MountFlags::NONE, None);
        let refused = refused.is_err() && system::unmount(target).is_err();
        check!(refused);
    }
    let opened = File::open_to_write(c"").map(|_| ());
    check_eq!(opened, Err(Error::Os(Errno::NOENT)));
    let opened = File::open_to_write(c"/").map(|_| ());
    check_eq!(opened, Err(Error::Os(Errno::ISDIR)));
    Ok(())
}
