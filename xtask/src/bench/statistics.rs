//! Medians, and how sure they are. No assumption about how the values are distributed.

/// A median with the interval that holds the true one in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Estimate {
    /// Estimates the median of `values`; `None` where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let rank = rank(count);
        Some(Self {
            median: (sorted.get((count.checked_sub(1)?) / 2)? + sorted.get(count / 2)?) / 2.0,
            low: sorted[rank],
            high: sorted[count - 1 - rank],
        })
    }

    /// Whether the two intervals have a value in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

/// How many values at each end lie outside the interval: the most such that so few on one side of
/// the median have at most 2.5 % (of a fair coin's `count` throws). With few values there are none,
/// and the interval is all of them.
fn rank(count: usize) -> usize {
    let mut probability = 0.5_f64.powi(count as i32);
    let mut sum = probability;
    let mut rank = 0;
    while sum <= 0.025 && rank < count / 2 {
        rank += 1;
        probability *= (count - rank + 1) as f64 / rank as f64;
        sum += probability;
    }
    rank.saturating_sub(1)
}

/// The quotients of what was measured in the same round.
pub fn quotients(of: &[f64], by: &[f64]) -> Vec<f64> {
    of.iter().zip(by).map(|(of, by)| of / by).collect()
}

/// The geometric mean; 0 of none.
pub fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| {
        (sum + value.ln(), count + 1.0)
    });
    if count == 0.0 {
        return 0.0;
    }
    f64::exp(sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_has_the_tables_ranks() {
        // From tables of the sign test: of 15 values the 4th and the 12th, of 6 the first and last.
        let values: Vec<f64> = (1..=15).rev().map(f64::from).collect();
        let estimate = Estimate::of(&values).unwrap();
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (4.0, 8.0, 12.0)
        );
        let estimate = Estimate::of(&values[..6]).unwrap();
        assert_eq!(
            (estimate.low, estimate.median, estimate.high),
            (10.0, 12.5, 15.0)
        );
        let estimate = Estimate::of(&values[..1]).unwrap();
        assert_eq!((estimate.low, estimate.high), (15.0, 15.0));
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn intervals_overlap_or_not() {
        let of = |low, high| Estimate {
            median: low,
            low,
            high,
        };
        assert!(of(1.0, 2.0).overlaps(&of(2.0, 3.0)));
        assert!(!of(1.0, 2.0).overlaps(&of(2.1, 3.0)));
    }

    #[test]
    fn means_are_geometric() {
        assert!((geometric_mean([1.0, 4.0].into_iter()) - 2.0).abs() < 1e-9);
        assert_eq!(geometric_mean(std::iter::empty()), 0.0);
    }
}
