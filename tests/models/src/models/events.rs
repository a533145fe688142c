// Models of semaphores, reset events and wait groups.

impl Guarded<Semaphore> {
    fn add(&self) {
        self.lock.acquire();
        self.data.add();
        self.lock.release(1);
    }
}

fn semaphore_excludes() {
    let s = Guarded::new(Semaphore::new(1));
    let s = together!(s: s.add(), s.add());
    s.add();
    assert_eq!((s.data.read(), s.lock.permits()), (3, 1));
}

fn semaphore_wakes_for_each_permit() {
    let s = Semaphore::new(0);
    let s = together!(s: s.acquire(), s.acquire(), { s.release(1); s.release(1) });
    assert_eq!(s.permits(), 0);
}

fn semaphore_try_excludes() {
    let s = Guarded::new(Semaphore::new(1));
    let s = together!(s: s.add(), if s.lock.try_acquire() { s.data.add(); s.lock.release(1) });
    assert_eq!(s.lock.permits(), 1);
    assert!(s.lock.try_acquire() && !s.lock.try_acquire());
}

fn semaphore_limit_against_release() {
    let s = Any((Semaphore::new(0), std::cell::Cell::new(false)));
    let s = together!(s:
        s.0.1.set(s.0.0.acquire_timeout(std::time::Duration::ZERO)),
        s.0.0.acquire(),
        { s.0.0.release(1); primitive::pass_time(); s.0.0.release(1) },
    );
    assert_eq!(s.0.0.permits(), u32::from(!s.0.1.get()));
}

fn semaphore_limit_comes() {
    let s = Semaphore::new(0);
    together!(s:
        assert!(!s.acquire_timeout(std::time::Duration::ZERO)),
        primitive::pass_time(),
    );
}

fn semaphore_may_go_after_acquire() {
    let s = Semaphore::new(0);
    together!(s: { s.acquire(); primitive::bury(std::ptr::from_ref(s).cast()) }, s.release(1));
}

fn event_tells() {
    let e = Guarded::new(reset_event::ResetEvent::new());
    let e = together!(e:
        { e.lock.wait(); assert_eq!(e.data.read(), 1) },
        { e.data.add(); e.lock.set() },
    );
    assert!(e.lock.is_set());
    e.lock.reset();
    assert!(!e.lock.is_set());
}

fn event_tells_two() {
    let e = Guarded::new(reset_event::ResetEvent::new());
    together!(e:
        { e.lock.wait(); assert_eq!(e.data.read(), 1) },
        if e.lock.is_set() { assert_eq!(e.data.read(), 1) } else { e.lock.wait() },
        { e.data.add(); e.lock.set(); e.lock.set() },
    );
}

/// Who sleeps is woken even if the door is shut at once; who comes later is let go by the third.
fn event_set_and_reset_wakes() {
    let e = Guarded::new(reset_event::ResetEvent::new());
    together!(e:
        { e.lock.wait(); assert_eq!(e.data.read(), 1) },
        { e.data.add(); e.lock.set(); e.lock.reset(); e.lock.set() },
    );
}

fn event_limit_against_set() {
    let e = Guarded::new(reset_event::ResetEvent::new());
    together!(e:
        if e.lock.wait_timeout(std::time::Duration::ZERO) { assert_eq!(e.data.read(), 1) },
        { e.data.add(); e.lock.set() },
        primitive::pass_time(),
    );
}

fn event_may_go_after_wait() {
    let e = reset_event::ResetEvent::new();
    together!(e: { e.wait(); primitive::bury(std::ptr::from_ref(e).cast()) }, e.set());
}

fn event_may_be_used_again() {
    let e = Any((reset_event::ResetEvent::new(), reset_event::ResetEvent::new()));
    together!(e:
        {
            let (there, back) = &e.0;
            for _ in 0..2 { there.wait(); there.reset(); back.set() }
        },
        {
            let (there, back) = &e.0;
            for _ in 0..2 { there.set(); back.wait(); back.reset() }
        },
    );
}

fn group_waits_for_all() {
    let g = Guarded::new(wait_group::WaitGroup::new());
    g.lock.start(1);
    together!(g:
        { g.lock.wait(); assert_eq!(g.data.read(), 1); assert!(g.lock.is_done()) },
        { g.lock.start(1); g.data.add(); g.lock.finish(); g.lock.finish() },
    );
}

fn group_wakes_two() {
    let g = Guarded::new(wait_group::WaitGroup::new());
    g.lock.start(2);
    assert!(format!("{:?}", g.lock).contains("tasks: 2"));
    together!(g:
        { g.lock.wait(); assert_eq!(g.data.read(), 1) },
        { g.data.add(); g.lock.finish(); g.lock.wait() },
        g.lock.finish(),
    );
}

fn group_limit_against_finish() {
    let g = Guarded::new(wait_group::WaitGroup::new());
    g.lock.start(1);
    together!(g:
        if g.lock.wait_timeout(std::time::Duration::ZERO) { assert_eq!(g.data.read(), 1) },
        { g.data.add(); g.lock.finish() },
        primitive::pass_time(),
    );
}

fn group_may_go_after_wait() {
    let g = wait_group::WaitGroup::new();
    g.start(1);
    together!(g: { g.wait(); primitive::bury(std::ptr::from_ref(g).cast()) }, g.finish());
}

fn group_may_be_used_again() {
    let g = Any((wait_group::WaitGroup::new(), reset_event::ResetEvent::new()));
    g.0.0.start(1);
    together!(g:
        { let (g, seen) = &g.0; g.wait(); seen.set() },
        { let (g, seen) = &g.0; g.finish(); g.start(1); g.finish(); seen.wait() },
    );
}
