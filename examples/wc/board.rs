//! The board that the threads share: pieces of work in order, and what came out of them.
//!
//! A large regular file is cut into pieces of [`PIECE_BYTES`], everything else is one piece. Any
//! thread claims the next piece; only the first thread takes outcomes, in the order of the pieces,
//! so that it can join them and print. Between the two is a ring: a thread that is too far ahead of
//! the oldest unfinished piece waits. Nothing is counted or printed here.
//!
//! What is not a regular file (a pipe, a terminal, standard input) is claimed only when everything
//! before it is finished: two names may be one pipe, and then the order of reading matters.

use crate::options::{Input, Inputs};
use crate::tally::{Depth, Tally};
use threadbare::io::{Error, Fd, File};
use threadbare::sync::{Condvar, Mutex, MutexGuard};

/// The length of a piece: long enough to make claiming cheap, short enough to share a file of a few
/// megabytes, and what the default buffer holds.
pub const PIECE_BYTES: u64 = 256 << 10;
/// How far the claims may run ahead of the outcomes, which also bounds the number of open files. A
/// power of two, so that a ticket finds its place in the ring even after its number has wrapped.
const RING: usize = 64;
const _: () = assert!(RING.is_power_of_two());

/// What is to be read for a piece.
pub enum Work {
    /// Nothing: the file could not be opened.
    Failed(Error),
    /// What is left of standard input.
    StandardInput,
    /// A file from where it stands to its end.
    Whole(File),
    /// [`PIECE_BYTES`] of a regular file from this offset on.
    Part(Fd<'static>, u64),
}

/// A claimed piece of work. Whoever claims it must hand it to [`Board::finish`].
pub struct Piece {
    pub work: Work,
    /// Whether it reaches to the end of its input, wherever that will be by then.
    pub is_last: bool,
    input: Input,
    ticket: usize,
    /// With a file's last part: the file that this part and those before it borrow.
    file: Option<File>,
}

/// What came out of a piece.
pub struct Outcome {
    pub input: Input,
    pub tally: Tally,
    pub error: Option<Error>,
    /// Whether the input could be opened at all.
    pub is_open: bool,
    /// Whether it is the last of its input.
    pub is_last: bool,
    /// Closed when the outcome is dropped, which is after those of all parts before it.
    _file: Option<File>,
}

/// What the first thread has to do next.
pub enum Step {
    /// Report this outcome.
    Report(Outcome),
    /// Count this piece; the flag says that one more helper would find work.
    Count(Piece, bool),
    /// Everything is reported.
    End,
}

/// The input from which the next piece comes.
enum Front {
    /// One piece, for whoever comes.
    Ready(Work),
    /// One piece, to be claimed when everything before it is finished.
    InTurn(Work),
    /// A large file, which is claimed up to `offset`.
    Parts { file: File, bytes: u64, offset: u64 },
}

struct State {
    inputs: Inputs,
    front: Option<(Input, Front)>,
    /// How many pieces were claimed, and how many outcomes were taken.
    claimed: usize,
    taken: usize,
    /// Outcomes that wait to be taken, each at its ticket modulo the size.
    ring: [Option<Outcome>; RING],
    /// Who sleeps: waking costs a system call, which is saved where nobody does.
    first_sleeps: bool,
    others_sleep: bool,
}

/// The board itself.
pub struct Board {
    state: Mutex<State>,
    /// For the first thread: the oldest unfinished piece was finished.
    finished: Condvar,
    /// For the others: an outcome was taken.
    taken: Condvar,
}

impl Board {
    /// A board with the inputs of the command line.
    pub const fn new() -> Board {
        Board {
            state: Mutex::new(State {
                inputs: Inputs::new(),
                front: None,
                claimed: 0,
                taken: 0,
                ring: [const { None }; RING],
                first_sleeps: false,
                others_sleep: false,
            }),
            finished: Condvar::new(),
            taken: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic ends the process, so a lock is never found poisoned.
        self.state.lock().unwrap()
    }

    /// Claims a piece, or returns `None` when there will be no more. Waits while the ring is full,
    /// or for the turn of a stream. For all threads but the first.
    pub fn claim(&self, depth: Depth) -> Option<Piece> {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.claim(depth) {
                return Some(piece);
            }
            // Nothing at the front: there will be no more.
            state.front.as_ref()?;
            state.others_sleep = true;
            state = self.taken.wait(state).unwrap();
        }
    }

    /// Puts the outcome of a piece on the board.
    pub fn finish(&self, piece: Piece, tally: Tally, error: Option<Error>) {
        let outcome = Outcome {
            input: piece.input,
            tally,
            error,
            is_open: !matches!(piece.work, Work::Failed(_)),
            is_last: piece.is_last,
            _file: piece.file,
        };
        // Closes the file of a piece that was all of it, before the lock is taken.
        drop(piece.work);
        let mut state = self.lock();
        state.ring[piece.ticket % RING] = Some(outcome);
        if piece.ticket == state.taken && core::mem::take(&mut state.first_sleeps) {
            self.finished.notify_one();
        }
    }

    /// Decides what the first thread does, who has so many helpers: report what can be reported,
    /// else count, else wait.
    pub fn step(&self, depth: Depth, helpers: usize) -> Step {
        let mut state = self.lock();
        loop {
            let place = state.taken % RING;
            if let Some(outcome) = state.ring[place].take() {
                state.taken = state.taken.wrapping_add(1);
                if core::mem::take(&mut state.others_sleep) {
                    self.taken.notify_all();
                }
                return Step::Report(outcome);
            }
            if let Some(piece) = state.claim(depth) {
                return Step::Count(piece, state.is_worth_a_helper(helpers));
            }
            if state.claimed == state.taken {
                return Step::End;
            }
            state.first_sleeps = true;
            state = self.finished.wait(state).unwrap();
        }
    }
}

impl State {
    /// Cuts the next piece; `None` if there is none, or not yet (then `front` holds something).
    fn claim(&mut self, depth: Depth) -> Option<Piece> {
        if self.front.is_none() {
            self.front = self.inputs.next().map(|input| (input, open(input, depth)));
        }
        let unfinished = self.claimed.wrapping_sub(self.taken);
        let is_turn = match self.front {
            Some((_, Front::InTurn(_))) => unfinished == 0,
            _ => unfinished < RING,
        };
        if !is_turn {
            return None;
        }
        let (input, front) = self.front.take()?;
        let (work, file) = match front {
            Front::Ready(work) | Front::InTurn(work) => (work, None),
            Front::Parts {
                file,
                bytes,
                offset,
            } => {
                let part = Work::Part(outlive(&file), offset);
                let offset = offset + PIECE_BYTES;
                if offset < bytes {
                    self.front = Some((
                        input,
                        Front::Parts {
                            file,
                            bytes,
                            offset,
                        },
                    ));
                    (part, None)
                } else {
                    (part, Some(file))
                }
            }
        };
        let ticket = self.claimed;
        self.claimed = ticket.wrapping_add(1);
        let is_last = self.front.is_none();
        Some(Piece {
            work,
            is_last,
            input,
            ticket,
            file,
        })
    }

    /// Whether one more helper would find enough to do: the rest of a large file, or many files.
    fn is_worth_a_helper(&self, helpers: usize) -> bool {
        /// Opening and counting so many small files takes longer than starting a thread.
        const FILES: usize = 32;
        matches!(self.front, Some((_, Front::Parts { .. }))) || self.claimed / FILES > helpers
    }
}

/// Opens an input and decides how to share it.
fn open(input: Input, depth: Depth) -> Front {
    let name = match input {
        Input::Named(name) if !input.is_standard() => name,
        _ => return Front::InTurn(Work::StandardInput),
    };
    let file = match File::open(name) {
        Ok(file) => file,
        Err(error) => return Front::Ready(Work::Failed(error)),
    };
    match file.status() {
        Ok(status) if status.is_file() => {
            let bytes = status.bytes;
            if bytes > PIECE_BYTES && depth != Depth::Bytes {
                Front::Parts {
                    file,
                    bytes,
                    offset: 0,
                }
            } else {
                Front::Ready(Work::Whole(file))
            }
        }
        // What is right for a stream is right for anything.
        _ => Front::InTurn(Work::Whole(file)),
    }
}

/// Borrows a file for its parts, without the compiler's watch over how long.
fn outlive(file: &File) -> Fd<'static> {
    // SAFETY: the file is closed with the outcome of its last part. Outcomes are taken in order, so
    // by then all its parts were given up to `finish`, and with them all copies of this.
    unsafe { Fd::from_raw(file.as_fd().raw()) }
}
