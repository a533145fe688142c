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
