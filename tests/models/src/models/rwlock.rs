// Models of the read-write lock.

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

/// The lock's decision: who writes and is waited for by a writer leaves the lock to that one, and
/// not to readers, whenever they came.
fn rwlock_waiting_writer_goes_before_readers() {
    let l = Any((Guarded::new(RawRwLock::new()), std::cell::Cell::new(false)));
    let l = together!(l:
        {
            let (l, leaves_it) = &l.0;
            l.lock.write();
            l.data.add();
            let seen = l.lock.state.load(usize::MAX, primitive::Ordering::Relaxed);
            leaves_it.set(seen & raw_rwlock::WAITING_WRITERS != 0);
            // SAFETY: taken above.
            unsafe { l.lock.unlock_write() };
        },
        l.0.0.add(),
        {
            let (l, leaves_it) = &l.0;
            l.lock.read();
            // Not before the first, as it is set inside; and so after both.
            assert!(!leaves_it.get() || l.data.read() == 2, "a reader went first");
            // SAFETY: likewise.
            unsafe { l.lock.unlock_read() };
        },
    );
    assert_eq!(l.0.0.data.read(), 2);
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

/// A lock in a child of `fork`: the thread that forked holds it like this, and others waited in the
/// parent to write, and readers behind them.
fn forked(held: u32) -> Guarded<RawRwLock> {
    primitive::be_child();
    let l = Guarded::new(RawRwLock::new());
    let lost = raw_rwlock::SLEEPERS | 2 * raw_rwlock::WAITING_WRITER;
    l.lock.state.store(usize::MAX, held | lost, primitive::Ordering::Relaxed);
    l
}

/// Nothing is left of who waited in the parent.
fn is_as_new(l: &Guarded<RawRwLock>) -> bool {
    l.lock.state.load(usize::MAX, primitive::Ordering::Relaxed) == 0
}

fn rwlock_readers_wait_for_no_lost_writer() {
    let l = forked(0);
    let l = together!(l: { l.read(); }, { l.read(); }, l.add());
    assert!(is_as_new(&l));
    assert_eq!(l.data.read(), 1);
}

fn rwlock_that_was_written_forgets_lost_writers() {
    let l = forked(raw_rwlock::WRITER);
    let l = together!(l:
        {
            l.data.add();
            // SAFETY: it was taken before the process was forked.
            unsafe { l.lock.unlock_write() };
        },
        { l.read(); },
        l.add(),
    );
    assert!(is_as_new(&l));
    assert_eq!(l.data.read(), 2);
}

fn rwlock_that_was_read_forgets_lost_writers() {
    let l = forked(raw_rwlock::READER);
    let l = together!(l:
        {
            l.data.read();
            // SAFETY: it was taken before the process was forked.
            unsafe { l.lock.unlock_read() };
        },
        { l.read(); },
        l.add(),
    );
    assert!(is_as_new(&l));
    assert_eq!(l.data.read(), 1);
}

fn rwlock_try_forgets_lost_writers() {
    let l = forked(0);
    // SAFETY: taken right before.
    assert!(l.lock.try_write() && unsafe { l.lock.unlock_write(); is_as_new(&l) });
    let l = forked(0);
    let l = together!(l: try_and_read(&l.lock), try_and_read(&l.lock));
    assert!(is_as_new(&l));
    fn try_and_read(lock: &RawRwLock) {
        assert!(lock.try_read());
        // SAFETY: taken above.
        unsafe { lock.unlock_read() };
    }
}
