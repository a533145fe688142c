//! What the kernel tells about a signal: `siginfo_t`, whose order the bindings know for each CPU.

use crate::arch::kernel as k;

/// `siginfo_t`, all of whose fields are integers or addresses.
///
/// Which of the fields mean something depends on signal and code; the others hold whatever is
/// there.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Info(k::siginfo_t);

impl Info {
    /// The signal.
    pub fn number(&self) -> i32 {
        // SAFETY: any bits are an integer.
        unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1.si_signo }
    }

    /// Where it comes from: 0 and below from programs, above from the kernel (sigaction(2)).
    pub fn code(&self) -> i32 {
        // SAFETY: any bits are an integer.
        unsafe { self.0.__bindgen_anon_1.__bindgen_anon_1.si_code }
    }

    /// The address that could not be used, of a fault.
    pub fn fault_address(&self) -> usize {
        // SAFETY: any bits are an address.
        let address = unsafe {
            self.0
                .__bindgen_anon_1
                .__bindgen_anon_1
                ._sifields
                ._sigfault
                ._addr
        };
        address.addr()
    }

    /// How the child ended that it is about: its exit code, or the signal that ended it.
    pub fn status(&self) -> i32 {
        // SAFETY: any bits are an integer.
        unsafe {
            self.0
                .__bindgen_anon_1
                .__bindgen_anon_1
                ._sifields
                ._sigchld
                ._status
        }
    }

    /// The process that sent it or that it is about.
    pub fn process(&self) -> i32 {
        // SAFETY: any bits are an integer.
        unsafe {
            self.0
                .__bindgen_anon_1
                .__bindgen_anon_1
                ._sifields
                ._kill
                ._pid
        }
    }
}
