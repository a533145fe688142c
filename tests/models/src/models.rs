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
    condvar_wakes_all [queue condvar raw_mutex] Some(2);
    condvar_wakes_one_each [queue condvar raw_mutex] Some(2);
    condvar_limit_against_notification [queue condvar raw_mutex] Some(2);
    condvar_limit_takes_no_notification [queue condvar raw_mutex] Some(2);
    condvar_limit_comes [queue condvar raw_mutex] None;
    condvar_may_go_after_wait [queue condvar raw_mutex] Some(2);
    rwlock_writers_exclude [raw_rwlock] None;
    rwlock_writer_and_readers [raw_rwlock] Some(3);
    rwlock_reader_and_writers [raw_rwlock] Some(3);
    rwlock_waiting_writer_goes_before_readers [raw_rwlock] Some(3);
    rwlock_downgrade_lets_readers_in [raw_rwlock] Some(3);
    rwlock_try_excludes [raw_rwlock] None;
    rwlock_may_go_after_unlock [raw_rwlock] None;
    rwlock_readers_wait_for_no_lost_writer [raw_rwlock] Some(2);
    rwlock_that_was_written_forgets_lost_writers [raw_rwlock] Some(3);
    rwlock_that_was_read_forgets_lost_writers [raw_rwlock] Some(3);
    rwlock_try_forgets_lost_writers [raw_rwlock] None;
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
    once_lock_is_written_once [] None;
    once_lock_may_be_waited_for [] Some(2);
    lazy_lock_is_made_once [] None;
    barrier_opens_again [barrier] Some(2);
    barrier_has_one_leader_in_each_round [barrier] None;
    barrier_lets_more_threads_come [barrier] Some(1);
    barrier_shows_what_came_before [barrier] Some(2);
    channel_loses_nothing [mpsc_channel] Some(2);
    channel_with_bound_loses_nothing [mpsc_channel] Some(1);
    channel_wakes_all_that_have_room [mpsc_channel] Some(1);
    channel_hands_over [mpsc_channel] Some(1);
    channel_wakes_whom_it_received_from [mpsc_channel] Some(1);
    channel_tells_that_the_receiver_went [mpsc_channel] Some(1);
    channel_gives_offers_back [mpsc_channel] Some(2);
    channel_limit_against_send [mpsc_channel] Some(2);
    bell_tells [dispatch_bell] None;
    bell_tells_two [dispatch_bell] Some(3);
    bell_may_be_looked_at [dispatch_bell] None;
    bell_says_who_cleans_up [dispatch_bell] None;
    bell_may_go_after_wait [dispatch_bell] None;
    dispatch_wakes_a_worker [dispatch dispatch_lists] Some(2);
    dispatch_wakes_two_workers [dispatch] Some(2);
    dispatch_waiter_helps [] Some(2);
    dispatch_wakes_a_waiter_for_a_job [dispatch] Some(2);
    dispatch_wakes_a_waiter_above [dispatch] Some(2);
    dispatch_waits_for_all [dispatch dispatch_lists] Some(2);
    dispatch_waits_for_all_beside_others [dispatch] Some(2);
    dispatch_waits_for_all_beside_a_helper [dispatch] Some(2);
    dispatch_waits_for_all_in_jobs [dispatch] Some(2);
    dispatch_takes_back_that_a_job_waits_for_all [dispatch] Some(2);
    dispatch_withdrawal_ends_a_wait [dispatch] Some(1);
    dispatch_worker_loses_patience [dispatch] Some(2);
    dispatch_withdraws_what_nobody_has_begun [] Some(2);
    dispatch_hands_a_job_out_once [] Some(2);
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
