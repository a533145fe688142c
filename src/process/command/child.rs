//! What the child does, on its own stack in its parent's memory, or a copy of that, until it is
//! another program.
//!
//! It may change its own process and its own stack, and nothing else: every other byte may be its
//! parent's. It takes no lock, as others of the parent's threads run on.

use core::ffi::c_char;

use super::{DESCRIPTORS_MAX, Source};
use crate::arch::{Beginning, kernel as k};
use crate::process::{CommandError, Step};
use crate::sys::signal::{Action, SignalSet};
use crate::sys::{Errno, io, process, signal, task};

/// What it is to do, in its parent's memory.
#[repr(C)]
pub struct Order<'a> {
    /// First, so that the address of this is the address of the whole.
    pub begin: Option<Beginning>,
    pub program: *const c_char,
    pub arguments: *const *const c_char,
    pub variables: *const *const c_char,
    /// Null for the parent's.
    pub directory: *const c_char,
    pub descriptors: &'a [(i32, Source)],
    pub user: Option<(u32, u32)>,
    pub has_new_session: bool,
    pub mask: SignalSet,
    /// Where a [`Report`] is written if it fails.
    pub report: i32,
}

/// What failed: a step, and an error.
pub type Report = [u8; 8];

/// Reads what [`begin`] wrote.
pub fn read(report: Report) -> CommandError {
    let [a, b, c, d, e, f, g, h] = report;
    let (step, errno) = (
        u32::from_ne_bytes([a, b, c, d]),
        i32::from_ne_bytes([e, f, g, h]),
    );
    let errno = Errno::from_raw(errno).unwrap_or(Errno::IO);
    match Step::from_number(step) {
        Some(step) => CommandError::InChild(step, errno),
        None => CommandError::Unexpected(errno),
    }
}

/// Where the child begins.
///
/// # Safety
/// 1. `order` is the address of an [`Order`], whose pointers are what `execve` and `chdir` want,
///    and which lives until this process is another program or gone.
pub unsafe extern "C" fn begin(order: *mut u8) -> ! {
    // SAFETY: clause 1.
    let order = unsafe { &*order.cast::<Order<'_>>() };
    let mut report_to = order.report;
    // SAFETY: clause 1.
    let (step, errno) = unsafe { order.carry_out(&mut report_to) };
    let [a, b, c, d] = (step as u32).to_ne_bytes();
    let [e, f, g, h] = errno.raw().to_ne_bytes();
    // Should it fail, too, the parent sees a child that ended at once.
    let _ = io::write(report_to, &[a, b, c, d, e, f, g, h]);
    // What a shell says of a program that it cannot execute.
    task::exit_process(127)
}

impl Order<'_> {
    /// Does everything, and returns only what failed. `report_to` is where to tell it.
    ///
    /// # Safety
    /// 1. That of [`begin`].
    unsafe fn carry_out(&self, report_to: &mut i32) -> (Step, Errno) {
        let failed = |step| move |errno| (step, errno);
        let prepared = self
            .reset_handlers()
            .map_err(failed(Step::Signals))
            .and_then(|()| self.open_session().map_err(failed(Step::Session)))
            .and_then(|()| {
                self.place_descriptors(report_to)
                    .map_err(failed(Step::Descriptors))
            })
            .and_then(|()| self.become_user().map_err(failed(Step::User)))
            .and_then(|()| self.enter_directory().map_err(failed(Step::Directory)))
            .and_then(|()| signal::try_restore(&self.mask).map_err(failed(Step::Signals)));
        match prepared {
            Err(failure) => failure,
            // SAFETY: clause 1.
            Ok(()) => unsafe {
                let errno = process::execute(self.program, self.arguments, self.variables);
                (Step::Program, errno)
            },
        }
    }

    /// `exec` would do so, but signals are let through before it, and a handler of the parent's
    /// would write to the parent's memory. The actions themselves are this process' own.
    fn reset_handlers(&self) -> Result<(), Errno> {
        for number in 1..=k::_NSIG {
            if signal::action(number)?.has_handler() {
                // SAFETY: no handler.
                unsafe { signal::set_action(number, &Action::DEFAULT) }?;
            }
        }
        Ok(())
    }

    fn open_session(&self) -> Result<(), Errno> {
        match self.has_new_session {
            true => process::new_session(),
            false => Ok(()),
        }
    }

    /// A number may be wanted for one descriptor while another one, which is wanted under another
    /// number, still has it: those that are in the way are moved first, where nobody wants to be.
    /// Those that stay are looked at before anything is opened: one that is closed is an error.
    fn place_descriptors(&self, report_to: &mut i32) -> Result<(), Errno> {
        let wanted = self.descriptors.iter().map(|&(number, _)| number);
        let Some(highest) = wanted.max() else {
            return Ok(());
        };
        let above = highest.checked_add(1).ok_or(Errno::BADF)?;
        if *report_to <= highest {
            *report_to = process::duplicate_above(*report_to, above)?;
        }
        let mut moved = [Source::Null; DESCRIPTORS_MAX];
        for (to, &(number, source)) in moved.iter_mut().zip(self.descriptors) {
            *to = match source {
                Source::Descriptor(fd) if fd == number => {
                    process::keep_open(fd)?;
                    source
                }
                Source::Descriptor(fd) if fd <= highest => {
                    Source::Descriptor(process::duplicate_above(fd, above)?)
                }
                source => source,
            };
        }
        for (&source, &(number, _)) in moved.iter().zip(self.descriptors) {
            match source {
                Source::Descriptor(fd) if fd == number => {}
                Source::Descriptor(fd) => process::duplicate(fd, number)?,
                Source::Null => {
                    let fd = io::open_to_read_and_write(c"/dev/null")?;
                    if fd == number {
                        process::keep_open(fd)?;
                    } else {
                        process::duplicate(fd, number)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn become_user(&self) -> Result<(), Errno> {
        let Some((user, group)) = self.user else {
            return Ok(());
        };
        process::drop_groups()?;
        process::set_group(group)?;
        process::set_user(user)
    }

    fn enter_directory(&self) -> Result<(), Errno> {
        match self.directory.is_null() {
            true => Ok(()),
            false => process::change_directory(self.directory),
        }
    }
}
