//! How often and how fast a thing is tried again.

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bounds of trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all.
    pub attempts: u32,
    /// The longest wait before the second try; each further one doubles it.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
}

impl Default for Retry {
    /// 10 tries, between which lie at most 21.3 seconds of waiting.
    fn default() -> Self {
        Self { attempts: 10, base: Duration::from_millis(100), cap: Duration::from_secs(5) }
    }
}

impl Retry {
    /// None made so far.
    #[must_use]
    pub fn begin(self) -> Attempts {
        Attempts { retry: self, made: 1 }
    }
}

/// Tries that were made of one thing.
#[derive(Debug)]
pub struct Attempts {
    retry: Retry,
    made: u32,
}

impl Attempts {
    /// Waits until the next try, with full jitter, so that many who failed
    /// together do not come back together. False at once where none is left, or
    /// where it would come behind `deadline`.
    pub async fn wait(&mut self, deadline: Option<Instant>) -> bool {
        let Retry { attempts, base, cap } = self.retry;
        if self.made >= attempts {
            return false;
        }
        let longest = base.saturating_mul(1 << (self.made - 1).min(16)).min(cap);
        let pause = longest.mul_f64(fastrand::f64());
        if deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
            return false;
        }
        sleep(pause).await;
        self.made += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn tries_are_bounded_by_number_and_by_time() {
        let retry = Retry { attempts: 3, base: Duration::from_micros(1), cap: Duration::from_micros(2) };
        block_on(async {
            let mut attempts = retry.begin();
            assert!(attempts.wait(None).await && attempts.wait(None).await);
            assert!(!attempts.wait(None).await);
            assert!(!retry.begin().wait(Some(Instant::now())).await);
            assert!(retry.begin().wait(Some(Instant::now() + Duration::from_secs(60))).await);
        });
    }
}
