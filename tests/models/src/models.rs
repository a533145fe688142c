// The models. Threads that are not there to the end would be a deadlock, which both checkers find;
// so does a lost wake-up show.

use crate::Model;
use condvar::RawCondvar;
use raw_mutex::RawMutex;
use raw_rwlock::RawRwLock;
use semaphore::Semaphore;
use std::sync::Arc;

macro_rules! models {
    ($($name:ident [$($file:ident)*] $preemptions:expr;)*) => {
        pub(crate) const ALL: &[Model] = &[$(Model {
            name: stringify!($name),
            files: &[$(stringify!($file)),*],
            run: $name,
            preemptions: $preemptions,
        }),*];
    };
}

models! {
    mutex_excludes_two [raw_mutex] None;
    mutex_excludes_three [raw_mutex] Some(3);
    mutex_try_lock_excludes [raw_mutex] None;
    mutex_newcomers_give_way [raw_mutex] Some(2);
    mutex_may_go_after_unlock [raw_mutex] None;
    mutex_bears_disturbance [raw_mutex] Some(2);
    condvar_notified_under_lock [queue condvar raw_mutex] Some(2);
    condvar_notified_after_unlock [queue condvar raw_mutex] Some(2);
    condvar_wakes_all [queue condvar raw_mutex] Some(1);
    condvar_wakes_one_each [queue condvar raw_mutex] Some(1);
    condvar_limit_against_notification [queue condvar raw_mutex] Some(2);
    condvar_limit_takes_no_notification [queue condvar raw_mutex] Some(1);
    condvar_limit_comes [queue condvar raw_mutex] None;
    condvar_may_go_after_wait [queue condvar raw_mutex] Some(2);
    rwlock_writers_exclude [raw_rwlock] None;
    rwlock_writer_and_readers [raw_rwlock] Some(3);
    rwlock_reader_and_writers [raw_rwlock] Some(3);
    rwlock_downgrade_lets_readers_in [raw_rwlock] Some(3);
    rwlock_try_excludes [raw_rwlock] None;
    rwlock_may_go_after_unlock [raw_rwlock] None;
    semaphore_excludes [semaphore] None;
    semaphore_wakes_for_each_permit [semaphore] Some(2);
    semaphore_try_excludes [semaphore] None;
    semaphore_limit_against_release [semaphore] Some(2);
    semaphore_limit_comes [semaphore] None;
    semaphore_may_go_after_acquire [semaphore] None;
    event_tells [reset_event] None;
    event_tells_two [reset_event] Some(3);
    event_set_and_reset_wakes [reset_event] None;
    event_limit_against_set [reset_event] None;
    event_may_go_after_wait [reset_event] None;
    event_may_be_used_again [reset_event] Some(3);
    group_waits_for_all [wait_group] None;
    group_wakes_two [wait_group] Some(3);
    group_limit_against_finish [wait_group] None;
    group_may_go_after_wait [wait_group] None;
    group_may_be_used_again [wait_group] None;
    once_calls_once [once] None;
    once_calls_once_for_three [once] Some(3);
    once_may_be_waited_for [once] None;
    once_may_go_after_wait [once] None;
    barrier_opens_again [barrier condvar queue] Some(1);
}

/// Runs the closures in threads, one of them in this one, and waits for all.
macro_rules! together {
    ($shared:ident: $($work:expr),+ $(,)?) => {{
        primitive::begin();
        let $shared = Arc::new($shared);
        let threads = [$({
            let $shared = $shared.clone();
            let work: Box<dyn FnOnce() + Send> = Box::new(move || {
                #[allow(unused_variables)]
                let $shared = &*$shared;
                $work
            });
            Some(work)
        }),+];
        let mut threads = threads.map(|mut work| work.take());
        let own = threads[0].take();
        let others: Vec<_> = threads.into_iter().flatten().map(thread::spawn).collect();
        if let Some(own) = own {
            own();
        }
        for other in others {
            other.join().unwrap();
        }
        $shared
    }};
}

struct Guarded<L> {
    lock: L,
    data: Data,
}

impl<L> Guarded<L> {
    fn new(lock: L) -> Guarded<L> {
        Guarded { lock, data: Data::new() }
    }
}

/// A struct that may cross threads in a model.
struct Any<T>(T);
// SAFETY: the threads of a model take turns.
unsafe impl<T> Send for Any<T> {}
// SAFETY: likewise.
unsafe impl<T> Sync for Any<T> {}

impl Guarded<RawMutex> {
    fn add(&self) {
        self.lock.lock();
        self.data.add();
        // SAFETY: taken above.
        unsafe { self.lock.unlock() };
    }
}

fn mutex_excludes_two() {
    let m = Guarded::new(RawMutex::new());
    let m = together!(m: m.add(), m.add());
    m.add();
    assert_eq!(m.data.read(), 3);
}

fn mutex_excludes_three() {
    let m = Guarded::new(RawMutex::new());
    let m = together!(m: m.add(), m.add(), m.add());
    m.add();
    assert_eq!(m.data.read(), 4);
}

fn mutex_try_lock_excludes() {
    let m = Guarded::new(RawMutex::new());
    let m = together!(m:
        m.add(),
        if m.lock.try_lock() {
            m.data.add();
            // SAFETY: taken above.
            unsafe { m.lock.unlock() };
        }
    );
    assert!(m.lock.try_lock() && !m.lock.try_lock());
    assert!(m.data.read() >= 1);
}

/// One newcomer passes a waiter in this build: the third waits for its turn.
fn mutex_newcomers_give_way() {
    let m = Guarded::new(RawMutex::new());
    let m = together!(m: { m.add(); m.add(); m.add() }, m.add(), primitive::pass_time());
    assert_eq!(m.data.read(), 4);
}

/// Who unlocks last frees the lock: the count is under the lock.
fn mutex_may_go_after_unlock() {
    let m = Guarded::new(RawMutex::new());
    together!(m: leave(m), leave(m));
    fn leave(m: &Guarded<RawMutex>) {
        m.lock.lock();
        m.data.add();
        let is_last = m.data.read() == 2;
        // SAFETY: taken above.
        unsafe { m.lock.unlock() };
        if is_last {
            primitive::bury(std::ptr::from_ref(&m.lock).cast());
        }
    }
}

fn mutex_bears_disturbance() {
    let m = Guarded::new(RawMutex::new());
    let m = together!(m: m.add(), m.add(), primitive::disturb());
    assert_eq!(m.data.read(), 2);
}

struct Waiting {
    mutex: RawMutex,
    condvar: RawCondvar,
    data: Data,
}

impl Waiting {
    fn new() -> Waiting {
        Waiting { mutex: RawMutex::new(), condvar: RawCondvar::new(), data: Data::new() }
    }

    /// Waits until the data are as large as this.
    fn wait_for(&self, value: u32) {
        self.mutex.lock();
        while self.data.read() < value {
            // SAFETY: taken above.
            assert!(unsafe { self.condvar.wait(&self.mutex, None) });
        }
        // SAFETY: likewise.
        unsafe { self.mutex.unlock() };
    }

    fn add(&self, notify_under_lock: bool, count: u32) {
        self.mutex.lock();
        self.data.add();
        if notify_under_lock {
            self.condvar.notify(count);
        }
        // SAFETY: likewise.
        unsafe { self.mutex.unlock() };
        if !notify_under_lock {
            self.condvar.notify(count);
        }
    }

    /// Waits for one notification, or until the limit.
    fn wait_once(&self, limit: Option<Limit>) -> bool {
        self.mutex.lock();
        let mut is_notified = true;
        if self.data.read() == 0 {
            // SAFETY: taken above.
            is_notified = unsafe { self.condvar.wait(&self.mutex, limit) };
            assert!(!is_notified || self.data.read() > 0);
        }
        // SAFETY: likewise.
        unsafe { self.mutex.unlock() };
        is_notified
    }
}

fn condvar_notified_under_lock() {
    let w = Waiting::new();
    together!(w: w.wait_for(2), { w.add(true, 1); w.add(true, 1) });
}

fn condvar_notified_after_unlock() {
    let w = Waiting::new();
    together!(w: w.wait_for(2), { w.add(false, 1); w.add(false, 1) });
}

fn condvar_wakes_all() {
    let w = Waiting::new();
    let w = together!(w: w.wait_for(1), w.wait_for(1), w.add(true, u32::MAX));
    w.wait_for(1);
    // Nothing is left behind, in no queue and no word.
    assert!(w.mutex.try_lock() && !w.condvar.has_waiters());
}

fn condvar_wakes_one_each() {
    let w = Waiting::new();
    together!(w: w.wait_for(1), w.wait_for(1), { w.add(false, 1); w.condvar.notify(1) });
}

fn condvar_limit_against_notification() {
    let w = Waiting::new();
    let w = together!(w:
        { w.wait_once(Some(Limit)); },
        w.add(true, 1),
        primitive::pass_time(),
    );
    w.add(true, 1);
    assert_eq!(w.data.read(), 2);
}

/// A waiter whose limit has come must not use up the only notification.
fn condvar_limit_takes_no_notification() {
    let w = Any((Waiting::new(), std::cell::Cell::new(0)));
    together!(w:
        { let (w, _) = &w.0; w.wait_once(Some(Limit)); },
        { let (w, _) = &w.0; w.wait_for(1) },
        { let (w, _) = &w.0; primitive::pass_time(); w.add(true, 1); w.condvar.notify(1) },
    );
}

fn condvar_limit_comes() {
    let w = Waiting::new();
    let w = together!(w: assert!(!w.wait_once(Some(Limit))), primitive::pass_time());
    w.add(true, 1);
}

/// Who was notified under the lock, and has it, may free both.
fn condvar_may_go_after_wait() {
    let w = Waiting::new();
    together!(w:
        {
            w.wait_for(1);
            primitive::bury(std::ptr::from_ref(&w.mutex).cast());
            primitive::bury(std::ptr::from_ref(&w.condvar).cast());
        },
        w.add(true, 1),
    );
}

impl Guarded<RawRwLock> {
    fn add(&self) {
        self.lock.write();
        self.data.add();
        // SAFETY: taken above.
        unsafe { self.lock.unlock_write() };
    }

    fn read(&self) -> u32 {
        self.lock.read();
        let value = self.data.read();
        // SAFETY: taken above.
        unsafe { self.lock.unlock_read() };
        value
    }
}

fn rwlock_writers_exclude() {
    let l = Guarded::new(RawRwLock::new());
    let l = together!(l: l.add(), l.add());
    assert!(l.lock.try_write());
    assert_eq!(l.data.read(), 2);
}

fn rwlock_writer_and_readers() {
    let l = Guarded::new(RawRwLock::new());
    let l = together!(l: { l.read(); }, { l.read(); }, l.add());
    assert!(l.lock.try_write());
    assert_eq!(l.data.read(), 1);
}

fn rwlock_reader_and_writers() {
    let l = Guarded::new(RawRwLock::new());
    let l = together!(l: { l.read(); }, l.add(), l.add());
    assert!(l.lock.try_write());
    assert_eq!(l.data.read(), 2);
}

fn rwlock_downgrade_lets_readers_in() {
    let l = Guarded::new(RawRwLock::new());
    let l = together!(l:
        {
            l.lock.write();
            l.data.add();
            // SAFETY: taken above.
            unsafe { l.lock.downgrade() };
            assert!(l.data.read() > 0);
            // SAFETY: likewise.
            unsafe { l.lock.unlock_read() };
        },
        { l.read(); },
        l.add(),
    );
    assert!(l.lock.try_write());
    assert_eq!(l.data.read(), 2);
}

fn rwlock_try_excludes() {
    let l = Guarded::new(RawRwLock::new());
    let l = together!(l:
        if l.lock.try_write() {
            l.data.add();
            // SAFETY: taken above.
            unsafe { l.lock.unlock_write() };
        },
        {
            l.add();
            if l.lock.try_read() {
                assert!(l.data.read() > 0);
                // SAFETY: taken above.
                unsafe { l.lock.unlock_read() };
            }
        },
    );
    assert!(l.lock.try_read() && !l.lock.try_write());
    // SAFETY: taken above.
    unsafe { l.lock.unlock_read() };
    assert!(l.lock.try_write() && !l.lock.try_read());
}

fn rwlock_may_go_after_unlock() {
    let l = Any((Guarded::new(RawRwLock::new()), std::cell::Cell::new(2)));
    together!(l:
        {
            let (l, users) = &l.0;
            l.lock.write();
            l.data.add();
            users.set(users.get() - 1);
            let is_last = users.get() == 0;
            // SAFETY: taken above.
            unsafe { l.lock.unlock_write() };
            if is_last {
                primitive::bury(std::ptr::from_ref(&l.lock).cast());
            }
        },
        {
            let (l, users) = &l.0;
            l.lock.read();
            l.data.read();
            users.set(users.get() - 1);
            let is_last = users.get() == 0;
            // SAFETY: taken above.
            unsafe { l.lock.unlock_read() };
            if is_last {
                primitive::bury(std::ptr::from_ref(&l.lock).cast());
            }
        },
    );
}

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

fn once_calls_once() {
    let o = Guarded::new(once::Once::new());
    let call = |o: &Guarded<once::Once>| {
        o.lock.call_once(|| o.data.add());
        assert_eq!(o.data.read(), 1);
    };
    let o = together!(o: call(o), call(o));
    assert!(o.lock.is_completed());
}

fn once_calls_once_for_three() {
    let o = Guarded::new(once::Once::new());
    let call = |o: &Guarded<once::Once>| {
        o.lock.call_once(|| o.data.add());
        assert_eq!(o.data.read(), 1);
    };
    together!(o: call(o), call(o), if o.lock.is_completed() { assert_eq!(o.data.read(), 1) });
}

fn once_may_be_waited_for() {
    let o = Guarded::new(once::Once::new());
    together!(o:
        { o.lock.wait(); assert_eq!(o.data.read(), 1) },
        o.lock.call_once(|| o.data.add()),
    );
}

fn once_may_go_after_wait() {
    let o = once::Once::new();
    together!(o: { o.wait(); primitive::bury(std::ptr::from_ref(o).cast()) }, o.call_once(|| ()));
}

fn barrier_opens_again() {
    let b = barrier::Barrier::new(2);
    together!(b: { b.wait(); b.wait(); }, { b.wait(); b.wait(); });
}
