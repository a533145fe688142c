//! What the kernel says about this process, read where it shows it.

use embedded_io::Read;
use threadbare::io::File;
use threadbare::{Errno, seam};

/// Counts the lines of `/proc/self/maps` that concern this program.
///
/// Zero means that there is no `/proc`: callers check that it is not.
pub fn mapping_count() -> usize {
    let Ok(mut maps) = File::open(c"/proc/self/maps") else { return 0 };
    let mut lines = 0;
    let mut buffer = [0u8; 4096];
    while let Ok(bytes @ 1..) = maps.read(&mut buffer) {
        lines += buffer[..bytes].iter().filter(|&&byte| byte == b'\n').count();
    }
    lines
}

/// Makes a system call that the runtime itself does not make.
///
/// # Safety
/// 1. As the call.
pub unsafe fn call(nr: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: clause 1.
    let raw = unsafe { seam::arch::syscall6(nr as usize, a, b, c, d, e, f) };
    if (-4095..0).contains(&raw) {
        return Err(Errno::from_raw(-raw as i32).unwrap_or(Errno::INVAL));
    }
    Ok(raw as usize)
}
