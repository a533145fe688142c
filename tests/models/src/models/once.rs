// Models of what is done once, and of barriers.

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

fn barrier_has_one_leader_in_each_round() {
    let b = (barrier::Barrier::new(2), Data::new());
    let wait = |b: &(barrier::Barrier, Data)| {
        if b.0.wait().is_leader() {
            b.1.add();
        }
    };
    let b = together!(b: wait(b), wait(b));
    assert_eq!(b.1.read(), 1);
}

fn barrier_lets_more_threads_come() {
    let b = barrier::Barrier::new(2);
    together!(b: { b.wait(); }, { b.wait(); }, { b.wait(); }, { b.wait(); });
}

fn barrier_shows_what_came_before() {
    let b = (barrier::Barrier::new(2), Data::new(), Data::new());
    // In the second round: no word holds what it held in the beginning.
    together!(b:
        { b.0.wait(); b.1.add(); b.0.wait(); assert_eq!(b.2.read(), 1) },
        { b.0.wait(); b.2.add(); b.0.wait(); assert_eq!(b.1.read(), 1) },
    );
}

fn once_lock_is_written_once() {
    let cell = once_lock::OnceLock::new();
    let try_set = |cell: &once_lock::OnceLock<u32>, value| {
        let is_first = cell.set(value).is_ok();
        assert_eq!(is_first, cell.get() == Some(&value));
    };
    let cell = together!(cell: try_set(cell, 1), try_set(cell, 2));
    assert!(cell.get().is_some());
}

fn once_lock_may_be_waited_for() {
    let cell = once_lock::OnceLock::<Data>::new();
    together!(cell:
        assert_eq!(cell.wait().read(), 1),
        {
            let make = || { let data = Data::new(); data.add(); data };
            assert_eq!(cell.get_or_init(make).read(), 1);
        },
        if let Some(data) = cell.get() { assert_eq!(data.read(), 1) },
    );
}

fn lazy_lock_is_made_once() {
    let made = Arc::new(Data::new());
    let value = lazy_lock::LazyLock::new({
        let made = made.clone();
        move || { made.add(); made }
    });
    together!(value: assert_eq!(value.read(), 1), assert_eq!(value.read(), 1));
    assert_eq!(made.read(), 1);
}
