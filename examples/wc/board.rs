//! The board that the threads share: pieces of work in order, and what came out of them.
//!
//! An input is one piece, until whoever claimed it finds a large regular file and shares it: then
//! it is cut into parts, and those are claimed before anything new is begun. Only the first thread
//! takes outcomes, in the order of the inputs, so that it can print them. A thread that is too far
//! ahead of the oldest unfinished input waits. Nothing is opened, counted or printed here.
//!
//! What is not a regular file (a pipe, a terminal, standard input) is put off until everything
//! before it is finished: two names may be one pipe, and then the order of reading matters.

use crate::inputs::{Input, Inputs, Next, PLACES};
use crate::read::Source;
use crate::shared::{Part, SHARED_MAX, Shared};
use crate::tally::{Method, Tally};
use core::ops::Range;
use threadbare::io::Error;
use threadbare::sync::{Condvar, Mutex, MutexGuard};

/// A claimed piece of work. Whoever claims it must hand it back to the board by one of
/// [`Board::put_off`], [`Board::share`], [`Board::finish`] and [`Board::finish_part`].
pub enum Piece {
    /// An input that nobody looked at so far, by its ticket.
    Input(usize, Input),
    /// An input that was put off, and whose turn has come.
    InTurn(usize, Input),
    /// A part of a large file.
    Part(Part),
}

/// Why an input could not be counted to its end.
#[derive(Clone, Copy)]
pub enum Failure {
    /// It could not be opened.
    Open(Error),
    /// It could be read only so far.
    Read(Error),
    /// Its name is not one to open.
    Name,
}

/// What came out of an input.
#[derive(Clone, Copy)]
pub struct Outcome {
    pub input: Input,
    pub tally: Tally,
    pub failure: Option<Failure>,
}

/// What the first thread has to do next.
pub enum Step {
    /// Report this outcome, before the next step.
    Report(Outcome),
    /// Work on this piece; the flag says that one more helper would find work.
    Work(Piece, bool),
    /// Call [`Board::refill`], which may wait.
    Refill,
    /// Everything is reported.
    End,
}

/// How far an input is.
enum Place {
    /// Nobody claimed it, or somebody works on it.
    Open,
    /// It waits for its turn.
    PutOff(Input),
    /// It waits to be reported.
    Finished(Outcome),
}

struct State {
    /// `None` before the begin.
    inputs: Option<Inputs>,
    /// Whether more inputs are known only after a refill.
    needs_refill: bool,
    /// How many inputs were claimed, and how many were reported.
    claimed: usize,
    reported: usize,
    /// Whether the first thread reports the oldest one just now.
    is_reporting: bool,
    /// The inputs under way, each at its ticket modulo the size.
    places: [Place; PLACES],
    shared: [Option<Shared>; SHARED_MAX],
    /// Who sleeps: waking costs a system call, which is saved where nobody does.
    first_sleeps: bool,
    others_sleep: bool,
}

/// The board itself.
pub struct Board {
    state: Mutex<State>,
    /// For the first thread: there may be something to report or to do.
    first: Condvar,
    /// For the others: there may be something to do.
    others: Condvar,
}

impl Board {
    /// A board without inputs.
    pub const fn new() -> Board {
        Board {
            state: Mutex::new(State {
                inputs: None,
                needs_refill: false,
                claimed: 0,
                reported: 0,
                is_reporting: false,
                places: [const { Place::Open }; PLACES],
                shared: [const { None }; SHARED_MAX],
                first_sleeps: false,
                others_sleep: false,
            }),
            first: Condvar::new(),
            others: Condvar::new(),
        }
    }

    /// Gives the board its inputs.
    pub fn begin(&self, inputs: Inputs) {
        self.lock().inputs = Some(inputs);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic ends the process, so a lock is never found poisoned.
        self.state.lock().unwrap()
    }

    fn wake_first(&self, state: &mut State) {
        if core::mem::take(&mut state.first_sleeps) {
            self.first.notify_one();
        }
    }

    fn wake_others(&self, state: &mut State) {
        if core::mem::take(&mut state.others_sleep) {
            self.others.notify_all();
        }
    }

    /// Claims a piece. Waits as long as there is none, perhaps until the process ends. For all
    /// threads but the first.
    pub fn claim(&self) -> Piece {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.claim() {
                return piece;
            }
            state.others_sleep = true;
            state = self.others.wait(state).unwrap();
        }
    }

    /// Decides what the first thread does, who has so many helpers: report what can be reported,
    /// else work, else wait.
    pub fn step(&self, helpers: usize) -> Step {
        let mut state = self.lock();
        if core::mem::take(&mut state.is_reporting) {
            state.reported = state.reported.wrapping_add(1);
            // Not for every single place: a thread that is woken for one sleeps again at once.
            if state.under_way() <= PLACES / 2 {
                self.wake_others(&mut state);
            }
        }
        loop {
            let place = state.reported % PLACES;
            if let Place::Finished(outcome) = state.places[place] {
                state.places[place] = Place::Open;
                state.is_reporting = true;
                return Step::Report(outcome);
            }
            if let Some(piece) = state.claim() {
                return Step::Work(piece, state.is_worth_a_helper(helpers));
            }
            if state.claimed == state.reported {
                return match state.needs_refill {
                    true => Step::Refill,
                    false => Step::End,
                };
            }
            state.first_sleeps = true;
            state = self.first.wait(state).unwrap();
        }
    }

    /// Waits for more names. Nothing is under way then, so nobody else needs the board meanwhile.
    pub fn refill(&self) {
        let mut state = self.lock();
        state.needs_refill = false;
        if let Some(inputs) = &mut state.inputs {
            inputs.refill();
        }
        self.wake_others(&mut state);
    }

    /// Returns the error that ended the list of names too early, if any.
    pub fn list_error(&self) -> Option<Error> {
        self.lock().inputs.as_ref()?.error()
    }

    /// Puts an input off until everything before it is reported.
    pub fn put_off(&self, ticket: usize, input: Input) {
        let mut state = self.lock();
        state.places[ticket % PLACES] = Place::PutOff(input);
        if ticket == state.reported {
            self.wake_first(&mut state);
        }
    }

    /// Offers a large file to all threads in parts.
    ///
    /// # Errors
    /// Returns the file if enough of them are shared already.
    pub fn share(
        &self,
        ticket: usize,
        input: Input,
        source: Source,
        range: Range<u64>,
    ) -> Result<(), Source> {
        let mut state = self.lock();
        let Some(index) = state.shared.iter().position(Option::is_none) else {
            return Err(source);
        };
        state.shared[index] = Some(Shared::new(index, ticket, input, source, range));
        self.wake_first(&mut state);
        self.wake_others(&mut state);
        Ok(())
    }

    /// Puts the outcome of an input on the board.
    pub fn finish(&self, ticket: usize, outcome: Outcome) {
        let mut state = self.lock();
        state.places[ticket % PLACES] = Place::Finished(outcome);
        if ticket == state.reported {
            self.wake_first(&mut state);
        }
    }

    /// Puts the outcome of a part on the board.
    pub fn finish_part(&self, part: Part, tally: Tally, error: Option<Error>, method: &Method) {
        let mut state = self.lock();
        let entry = &mut state.shared[part.index];
        let Some(shared) = entry else {
            return;
        };
        shared.finish(part, tally, error, method);
        let finished = if shared.is_finished() {
            entry.take()
        } else {
            None
        };
        if let Some(shared) = &finished {
            state.places[shared.ticket % PLACES] = Place::Finished(shared.outcome());
        }
        self.wake_first(&mut state);
        self.wake_others(&mut state);
        drop(state);
        // Closes the file, without the lock.
        drop(finished);
    }
}

impl State {
    /// Finds a piece, the oldest there is; `None` if there is none now.
    fn claim(&mut self) -> Option<Piece> {
        let place = &mut self.places[self.reported % PLACES];
        if let Place::PutOff(input) = *place {
            *place = Place::Open;
            return Some(Piece::InTurn(self.reported, input));
        }
        let age = |shared: &Shared| self.claimed.wrapping_sub(shared.ticket);
        let shared = self.shared.iter_mut().flatten();
        let oldest = shared
            .filter(|shared| shared.has_work())
            .max_by_key(|shared| age(shared));
        if let Some(shared) = oldest {
            return Some(Piece::Part(shared.claim()));
        }
        if self.needs_refill || self.under_way() == PLACES {
            return None;
        }
        match self.inputs.as_mut()?.next(self.claimed) {
            Next::Input(input) => {
                let ticket = self.claimed;
                self.claimed = ticket.wrapping_add(1);
                Some(Piece::Input(ticket, input))
            }
            Next::Unknown => {
                self.needs_refill = true;
                None
            }
            Next::End => None,
        }
    }

    /// How many inputs were claimed but not reported.
    fn under_way(&self) -> usize {
        self.claimed.wrapping_sub(self.reported)
    }

    /// Whether one more helper would find enough to do: parts of a large file, or many files.
    fn is_worth_a_helper(&self, helpers: usize) -> bool {
        /// Opening and counting so many small files takes longer than starting a thread.
        const FILES: usize = 32;
        self.shared.iter().flatten().any(Shared::has_work) || self.claimed / FILES > helpers
    }
}
