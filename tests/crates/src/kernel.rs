//! rustix: files, sockets and clocks, by system calls of its own; skipped on the CPUs on which it
//! needs a libc.

#[cfg(has_rustix)]
pub use there::{rustix_files, rustix_sockets, rustix_time};

#[cfg(not(has_rustix))]
pub use not_there::{rustix_files, rustix_sockets, rustix_time};

#[cfg(not(has_rustix))]
mod not_there {
    use suite::{Stop, Verdict};

    const REASON: &str = "rustix makes no system calls on this CPU";

    pub fn rustix_files() -> Verdict {
        Err(Stop::Skip(REASON))
    }

    pub fn rustix_sockets() -> Verdict {
        Err(Stop::Skip(REASON))
    }

    pub fn rustix_time() -> Verdict {
        Err(Stop::Skip(REASON))
    }
}

#[cfg(has_rustix)]
mod there {
    use core::mem::MaybeUninit;
    use core::net::{Ipv4Addr, SocketAddrV4};
    use core::time::Duration;

    use rustix::fs::{self, Mode, OFlags, RawDir, SeekFrom};
    use rustix::io::{self, Errno};
    use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, Shutdown, SocketType};
    use rustix::thread::{
        ClockId as ThreadClock, NanosleepRelativeResult, clock_nanosleep_relative,
    };
    use rustix::time::{self, ClockId};
    use suite::{Stop, Verdict, check, check_eq};
    use threadbare::thread;
    use threadbare::time::Instant;

    /// An error of the kernel's ends the case.
    fn done(verdict: Result<Verdict, Errno>) -> Verdict {
        verdict.unwrap_or_else(|errno| {
            threadbare::println!("# {errno:?}");
            Err(Stop::Fail(file!(), line!(), "rustix returns an error"))
        })
    }

    pub fn rustix_files() -> Verdict {
        done(files())
    }

    fn files() -> Result<Verdict, Errno> {
        let judge = |status: &fs::Stat, text: &[u8], missing: Option<Errno>, entries: usize| {
            check_eq!(status.st_size, 13);
            check_eq!(text, b"and 3 more");
            check_eq!(missing, Some(Errno::NOENT));
            check!(entries > 2);
            Ok(())
        };
        let memory = fs::memfd_create(c"memory", fs::MemfdFlags::CLOEXEC)?;
        io::write(&memory, b"10 and 3 more")?;
        fs::seek(&memory, SeekFrom::Start(3))?;
        let mut text = [0; 32];
        let count = io::read(&memory, &mut text)?;
        let status = fs::fstat(&memory)?;
        let missing = fs::open(c"/proc/nowhere", OFlags::RDONLY, Mode::empty()).err();
        let root = fs::open(c"/proc/self", OFlags::DIRECTORY, Mode::empty())?;
        let mut buffer = [MaybeUninit::uninit(); 2048];
        let mut list = RawDir::new(&root, &mut buffer);
        let mut entries = 0;
        while let Some(entry) = list.next() {
            entries += usize::from(!entry?.file_name().is_empty());
        }
        Ok(judge(&status, &text[..count], missing, entries))
    }

    pub fn rustix_sockets() -> Verdict {
        done(sockets())
    }

    /// A server in a thread, and its client here.
    fn sockets() -> Result<Verdict, Errno> {
        let socket = || net::socket(AddressFamily::INET, SocketType::STREAM, None);
        let listener = socket()?;
        net::bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        net::listen(&listener, 1)?;
        let address = net::getsockname(&listener)?;
        let server = thread::spawn(move || -> Result<usize, Errno> {
            let client = net::accept(&listener)?;
            let (mut buffer, mut all) = ([0; 64], 0);
            loop {
                match net::recv(&client, &mut buffer[..], RecvFlags::empty())?.0 {
                    0 => return Ok(all),
                    count => all += net::send(&client, &buffer[..count], SendFlags::empty())?,
                }
            }
        });
        let client = socket()?;
        net::connect(&client, &address)?;
        net::send(&client, b"there and back", SendFlags::NOSIGNAL)?;
        let mut text = [0; 32];
        let (count, _) = net::recv(&client, &mut text[..14], RecvFlags::WAITALL)?;
        net::shutdown(&client, Shutdown::Write)?;
        let served = server.join().unwrap()?;
        Ok((|| {
            check_eq!(&text[..count], b"there and back");
            check_eq!(served, 14);
            Ok(())
        })())
    }

    pub fn rustix_time() -> Verdict {
        let read = || {
            let now = time::clock_gettime(ClockId::Monotonic);
            Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
        };
        let (ours, theirs) = (Instant::now(), read());
        let nap = time::Timespec {
            tv_sec: 0,
            tv_nsec: 3_000_000,
        };
        let end = clock_nanosleep_relative(ThreadClock::Monotonic, &nap);
        check!(matches!(end, NanosleepRelativeResult::Ok));
        let (theirs, ours) = (read() - theirs, ours.elapsed());
        check!(theirs >= Duration::from_millis(3));
        check!(ours >= Duration::from_millis(3) && ours < Duration::from_secs(60));
        Ok(())
    }
}
