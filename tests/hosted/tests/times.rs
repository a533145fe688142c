//! Points in time, held against `std`'s own.

use std::fmt::Debug;
use std::time as model;

use threadbare::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Durations at and around every border there is.
fn durations() -> Vec<Duration> {
    let seconds = [0, 1, 2, 59, u32::MAX as u64, i64::MAX as u64, u64::MAX];
    let around = |s: u64| [s.saturating_sub(1), s, s.saturating_add(1)];
    let nanoseconds = [0, 1, 499_999_999, 500_000_000, 999_999_998, 999_999_999];
    let all = seconds.into_iter().flat_map(around);
    all.flat_map(|s| nanoseconds.map(|ns| Duration::new(s, ns)))
        .collect()
}

/// Every point that a duration leads to from 1970, forwards and back, and `std`'s.
fn points() -> Vec<(SystemTime, model::SystemTime)> {
    let mut points = Vec::new();
    for duration in durations() {
        let later = UNIX_EPOCH.checked_add(duration);
        let earlier = UNIX_EPOCH.checked_sub(duration);
        let model_later = model::UNIX_EPOCH.checked_add(duration);
        let model_earlier = model::UNIX_EPOCH.checked_sub(duration);
        for (own, model) in [(later, model_later), (earlier, model_earlier)] {
            assert_eq!(own.is_some(), model.is_some(), "{duration:?}");
            points.extend(own.zip(model));
        }
    }
    points
}

fn agree(own: &impl Debug, model: &impl Debug) {
    assert_eq!(format!("{own:?}"), format!("{model:?}"));
    assert_eq!(format!("{own:#?}"), format!("{model:#?}"));
}

#[test]
fn points_show_as_those_of_std() {
    let points = points();
    assert!(points.len() > 150);
    for (own, model) in &points {
        agree(own, model);
    }
    let shape = |text: String| text.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(
        shape(format!("{:?}", Instant::now())),
        shape(format!("{:?}", model::Instant::now()))
    );
}

#[test]
fn points_move_as_those_of_std() {
    for (own, model) in points() {
        for duration in durations() {
            let (later, model_later) = (own.checked_add(duration), model.checked_add(duration));
            agree(&later, &model_later);
            agree(&own.checked_sub(duration), &model.checked_sub(duration));
            if let Some(mut moved) = later {
                assert_eq!(moved, own + duration);
                assert_eq!(moved - duration, own);
                moved -= duration;
                assert_eq!(moved, own);
                moved += duration;
                assert_eq!(Some(moved), later);
            }
        }
    }
}

#[test]
fn points_are_apart_and_in_order_as_those_of_std() {
    let points = points();
    for (own, model) in &points {
        for (other, model_other) in &points {
            assert_eq!(own.cmp(other), model.cmp(model_other));
            // What is 2^63 seconds and more apart is beyond what a debug build of std subtracts.
            let far = Duration::from_secs(1 << 62);
            let is_near = |point: &model::SystemTime| {
                let distance = point.duration_since(model::UNIX_EPOCH);
                distance.unwrap_or_else(|error| error.duration()) < far
            };
            if is_near(model) && is_near(model_other) {
                match (
                    own.duration_since(*other),
                    model.duration_since(*model_other),
                ) {
                    (Ok(own), Ok(model)) => assert_eq!(own, model),
                    (Err(own), Err(model)) => {
                        assert_eq!(own.duration(), model.duration());
                        assert_eq!(own.to_string(), model.to_string());
                        agree(&own, &model);
                    }
                    (own, model) => panic!("{own:?} is not {model:?}"),
                }
            }
            // Whatever the distance.
            match own.duration_since(*other) {
                Ok(distance) => assert_eq!(*other + distance, *own),
                Err(error) => assert_eq!(*own + error.duration(), *other),
            }
        }
    }
}

/// Instants have no border that a test could stand at, but that of their seconds.
#[test]
fn instants_saturate_where_they_cannot_be_told() {
    let start = Instant::now();
    for duration in durations() {
        if let Some(later) = start.checked_add(duration) {
            assert_eq!(later - start, duration);
            assert_eq!(later.checked_duration_since(start), Some(duration));
            assert_eq!(later.checked_sub(duration), Some(start));
            let backwards = start.checked_duration_since(later);
            assert_eq!(backwards, duration.is_zero().then_some(Duration::ZERO));
            assert_eq!(start - later, Duration::ZERO);
            assert_eq!(start.saturating_duration_since(later), Duration::ZERO);
        } else {
            // Now and the end are less than 2^63 seconds apart.
            assert!(duration.as_secs() > i64::MAX as u64 - (1 << 40));
        }
        let is_early = start.checked_sub(duration).is_some();
        assert!(is_early || duration.as_secs() > i64::MAX as u64);
    }
    let future = start + Duration::from_secs(3600);
    assert_eq!(future.elapsed(), Duration::ZERO);
}

#[test]
#[should_panic(expected = "beyond what can be told")]
fn addition_beyond_the_end_panics() {
    let _ = Instant::now() + Duration::MAX;
}

#[test]
#[should_panic(expected = "beyond what can be told")]
fn subtraction_beyond_the_beginning_panics() {
    let _ = SystemTime::now() - Duration::MAX;
}

/// The host's C library reads the same clocks.
#[test]
fn clocks_are_the_hosts() {
    fn day(time: model::SystemTime) -> Duration {
        time.duration_since(model::UNIX_EPOCH).unwrap()
    }
    // A clock may be set while a test runs, though hardly in each of so many rounds.
    let is_between = |_| {
        let before = day(model::SystemTime::now());
        let own = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        before <= own && own <= day(model::SystemTime::now())
    };
    assert!((0..100).any(is_between));
    let seconds = |text: String| -> u64 {
        let digits = text.split(|c: char| !c.is_ascii_digit());
        digits.filter_map(|word| word.parse().ok()).next().unwrap()
    };
    let before = seconds(format!("{:?}", model::Instant::now()));
    let own = seconds(format!("{:?}", Instant::now()));
    let after = seconds(format!("{:?}", model::Instant::now()));
    assert!(before <= own && own <= after);
}
