// Models of what a pool stands on. Who is not called when there is a job sleeps for ever, as does
// who waits for jobs that are over; a job that is run twice, or never, is miscounted.

use dispatch::{Bell, Dispatch, Done, Group, Node, Pushed, RUNG};

struct Rings {
    bell: Bell,
    data: Data,
    /// Looked at by who has the handle, and written by whoever gives the bell's place away.
    place: Data,
}

impl Rings {
    fn new() -> Rings {
        Rings { bell: Bell::new(), data: Data::new(), place: Data::new() }
    }

    fn give_away(&self) {
        self.data.add();
        self.place.add();
    }

    fn ring(&self) -> bool {
        self.data.add();
        // SAFETY: the model keeps the bell.
        unsafe { Bell::ring(&raw const self.bell, RUNG) }
    }
}

fn bell_tells() {
    let b = Rings::new();
    together!(b:
        { assert_eq!(b.bell.wait(None), Some(RUNG)); assert_eq!(b.data.read(), 1) },
        assert!(!b.ring()),
    );
}

/// A job's handle may be shared.
fn bell_tells_two() {
    let b = Rings::new();
    together!(b:
        { b.bell.wait(None); assert_eq!(b.data.read(), 1) },
        { b.bell.wait(None); },
        assert!(!b.ring()),
    );
}

fn bell_may_be_looked_at() {
    let b = Rings::new();
    together!(b:
        {
            if b.bell.rung().is_none() {
                b.bell.wait(None);
                assert_eq!(b.bell.rung(), Some(RUNG));
            }
            assert_eq!(b.data.read(), 1);
        },
        assert!(!b.ring()),
    );
}

/// The result is dropped once, by whoever comes second.
fn bell_says_who_cleans_up() {
    let b = Rings::new();
    let b = together!(b:
        { b.place.read(); if b.bell.detach().is_some() { b.give_away() } },
        if b.ring() { b.give_away() },
    );
    assert_eq!(b.data.read(), 2);
}

fn bell_may_go_after_wait() {
    let b = Rings::new();
    together!(b:
        { b.bell.wait(None); primitive::bury(std::ptr::from_ref(&b.bell).cast()) },
        { b.ring(); },
    );
}

/// A pool of so many workers; jobs of a group, and some that push another one, or wait for all.
struct Work {
    dispatch: Dispatch,
    group: Group,
    nodes: [Node; 2],
    ran: Data,
}

const NEVER: (Option<std::time::Duration>, u32) = (None, 0);

impl Work {
    fn new(workers: u32) -> Any<Box<Work>> {
        Work::within(workers, std::ptr::null())
    }

    /// With a group that descends from another one.
    fn within(workers: u32, parent: *const Group) -> Any<Box<Work>> {
        let mut work = Box::new(Work {
            dispatch: Dispatch::new(workers),
            group: Group::new(parent),
            nodes: [Node::new(std::ptr::null()), Node::new(std::ptr::null())],
            ran: Data::new(),
        });
        let group = std::ptr::from_ref(&work.group);
        work.nodes = [Node::new(group), Node::new(group)];
        assert_eq!(work.dispatch.add_workers(workers), workers);
        Any(work)
    }

    fn push(&self, index: usize, copies: u32) -> Pushed {
        // SAFETY: the model keeps nodes and group.
        unsafe { self.dispatch.push(&raw const self.nodes[index], copies) }
    }

    fn done(&self, node: *const Node) -> Done {
        // SAFETY: the model keeps them.
        Done { group: unsafe { (*node).group() }, free: std::ptr::null(), has_failed: false }
    }

    /// A worker's life.
    fn work(&self) {
        let mut done = None;
        while let Some(node) = self.dispatch.next(done.take(), NEVER, &mut || {}) {
            self.ran.add();
            done = Some(self.done(node));
        }
    }

    fn help(&self) {
        let run = &mut |node| { self.ran.add(); Some(self.done(node)) };
        assert_eq!(self.dispatch.wait(&self.group, false, run), Some(false));
    }

    /// Runs a job, if there is one, that does `more`.
    fn run_one(&self, more: impl FnOnce()) {
        if let Some(node) = self.dispatch.take_oldest() {
            more();
            self.dispatch.finish(self.done(node));
        }
    }
}

fn dispatch_wakes_a_worker() {
    let w = Work::new(1);
    let w = together!(w:
        w.0.work(),
        { primitive::pass_time(); w.0.push(0, 1); w.0.dispatch.close() },
    );
    assert_eq!(w.0.ran.read(), 1);
    assert_eq!(w.0.dispatch.counts(), (0, 0));
    assert_eq!(w.0.push(1, 1), Pushed::Closed);
}

/// Two copies of a job, of which each worker needs one: they wait for each other in it.
fn dispatch_wakes_two_workers() {
    let w = Any((Work::new(2), [Bell::new(), Bell::new()]));
    together!(w:
        meet(w, 0),
        meet(w, 1),
        { primitive::pass_time(); w.0.0.0.push(0, 2); },
    );
    fn meet(w: &Any<(Any<Box<Work>>, [Bell; 2])>, index: usize) {
        let (work, bells) = &w.0;
        assert!(work.0.dispatch.next(None, NEVER, &mut || {}).is_some());
        // SAFETY: the model keeps the bells.
        unsafe { Bell::ring(&raw const bells[index], RUNG) };
        bells[1 - index].wait(None);
    }
}

fn dispatch_waiter_helps() {
    let w = Work::new(1);
    let w = together!(w:
        w.0.work(),
        {
            primitive::pass_time();
            w.0.push(0, 1);
            w.0.help();
            assert_eq!(w.0.ran.read(), 1);
            w.0.dispatch.close();
        },
    );
    assert_eq!(w.0.ran.read(), 1);
}

/// A job of the group gives it another one, in a thread that does not stay.
fn dispatch_wakes_a_waiter_for_a_job() {
    let w = Work::new(0);
    let w = together!(w:
        { w.0.push(0, 1); w.0.help() },
        { primitive::pass_time(); w.0.run_one(|| { w.0.push(1, 1); }) },
    );
    assert_eq!(w.0.dispatch.counts(), (0, 0));
    assert!(w.0.ran.read() > 0);
}

/// Likewise, a group that descends from the one that is waited for: its owner does not help.
fn dispatch_wakes_a_waiter_above() {
    let outer = Work::new(0);
    let inner = Work::within(0, &raw const outer.0.group);
    let w = Any((outer, inner, Bell::new()));
    together!(w:
        {
            let (outer, inner) = (&w.0.0.0, &w.0.1.0);
            outer.push(0, 1);
            let run = &mut |node| {
                if std::ptr::eq(node, &inner.nodes[0]) {
                    // SAFETY: the model keeps the bell.
                    unsafe { Bell::ring(&raw const w.0.2, RUNG) };
                }
                Some(outer.done(node))
            };
            outer.dispatch.wait(&outer.group, false, run);
        },
        {
            let (outer, inner) = (&w.0.0.0, &w.0.1.0);
            primitive::pass_time();
            outer.run_one(|| {
                // SAFETY: the model keeps nodes and groups.
                unsafe { outer.dispatch.push(&raw const inner.nodes[0], 1) };
                w.0.2.wait(None);
            });
        },
    );
}

impl Work {
    fn wait_for_all(&self, jobs: usize) {
        let run = &mut |node| { self.ran.add(); Some(self.done(node)) };
        self.dispatch.wait_for_all(jobs, &Cell::new(None), run);
        assert_eq!(self.dispatch.counts().1, 0);
    }
}

fn dispatch_waits_for_all() {
    let w = Work::new(1);
    together!(w:
        w.0.work(),
        {
            primitive::pass_time();
            w.0.push(0, 1);
            w.0.wait_for_all(0);
            assert_eq!(w.0.ran.read(), 1);
            w.0.dispatch.close();
        },
    );
}

fn dispatch_waits_for_all_beside_others() {
    let w = Work::new(0);
    w.0.push(0, 1);
    let w = together!(w:
        { primitive::pass_time(); w.0.wait_for_all(0) },
        w.0.run_one(|| w.0.ran.add()),
    );
    assert_eq!(w.0.ran.read(), 1);
}

fn dispatch_waits_for_all_beside_a_helper() {
    let w = Work::new(0);
    w.0.push(0, 1);
    let w = together!(w:
        { primitive::pass_time(); w.0.wait_for_all(0) },
        w.0.help(),
    );
    assert_eq!(w.0.ran.read(), 1);
}

/// Two jobs that wait at the same time, of which the one goes on to wait for the other: nobody
/// waits for the end of who waits, too.
fn dispatch_waits_for_all_in_jobs() {
    let w = Work::new(0);
    w.0.push(0, 1);
    w.0.push(1, 1);
    let w = Any((w, Bell::new()));
    together!(w:
        {
            primitive::pass_time();
            w.0.0.0.run_one(|| w.0.0.0.wait_for_all(1));
            // SAFETY: the model keeps the bell.
            unsafe { Bell::ring(&raw const w.0.1, RUNG) };
        },
        w.0.0.0.run_one(|| { w.0.0.0.wait_for_all(1); w.0.1.wait(None); }),
    );
}

/// A job that waits until all is done runs another one meanwhile, in which its thread ends: both
/// are given up, in whichever round.
fn dispatch_takes_back_that_a_job_waits_for_all() {
    let w = Work::new(0);
    w.0.push(0, 1);
    w.0.push(1, 1);
    let w = together!(w:
        w.0.run_one(|| {
            let registered = Cell::new(None);
            let run = &mut |node| { w.0.dispatch.finish(w.0.done(node)); None };
            w.0.dispatch.wait_for_all(1, &registered, run);
            w.0.dispatch.unblock(registered.get().unwrap());
        }),
        { primitive::pass_time(); w.0.wait_for_all(0) },
    );
    assert_eq!(w.0.dispatch.counts(), (0, 0));
    w.0.wait_for_all(0);
}

/// What nobody has begun is all that is left to wait for, and is withdrawn. A worker is called for
/// it, not who waits.
fn dispatch_withdrawal_ends_a_wait() {
    let w = Work::new(1);
    w.0.push(0, 1);
    let begun = w.0.dispatch.take_oldest().unwrap();
    let w = Any((w, Cell::new(begun)));
    together!(w:
        { primitive::pass_time(); w.0.0.0.wait_for_all(0); w.0.0.0.dispatch.close() },
        w.0.0.0.work(),
        {
            let work = &w.0.0.0;
            work.push(1, 1);
            work.dispatch.finish(work.done(w.0.1.get()));
            work.dispatch.withdraw(&work.nodes[1]);
        },
    );
}

fn dispatch_worker_loses_patience() {
    let w = Work::new(1);
    let w = together!(w:
        {
            let stay = (Some(std::time::Duration::ZERO), 0);
            let mut done = None;
            while let Some(node) = w.0.dispatch.next(done.take(), stay, &mut || {}) {
                w.0.ran.add();
                done = Some(w.0.done(node));
            }
        },
        {
            if w.0.push(0, 1) == (Pushed::Queued { missing: 1 }) {
                w.0.run_one(|| w.0.ran.add());
            }
            primitive::pass_time();
        },
    );
    assert_eq!(w.0.ran.read(), 1);
}

fn dispatch_withdraws_what_nobody_has_begun() {
    let w = Work::new(1);
    together!(w:
        w.0.work(),
        {
            primitive::pass_time();
            w.0.push(0, 1);
            let withdrawn = w.0.dispatch.withdraw(&w.0.nodes[0]);
            w.0.help();
            assert_eq!(w.0.ran.read(), 1 - withdrawn);
            w.0.dispatch.close();
        },
    );
}

fn dispatch_hands_a_job_out_once() {
    let w = Work::new(1);
    together!(w:
        w.0.work(),
        {
            primitive::pass_time();
            w.0.push(0, 1);
            if w.0.dispatch.take(&w.0.nodes[0]) {
                w.0.ran.add();
                w.0.dispatch.finish(w.0.done(&raw const w.0.nodes[0]));
            }
            w.0.help();
            assert_eq!(w.0.ran.read(), 1);
            w.0.dispatch.close();
        },
    );
}
