//! Who goes first where requests to one host wait for each other.

/// How urgent requests are. What is less urgent than the rest leaves room for it.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Priority {
    /// Looking through everything, at most half of a host's requests: there is always more of it.
    Sweep,
    /// What somebody waits for, or will soon.
    #[default]
    Work,
    /// What was just told: a question about one tag that was pushed.
    Event,
}

tokio::task_local! {
    static CURRENT: Priority;
}

impl Priority {
    /// Runs a future whose requests have this priority, those of futures within it too; a task
    /// that it spawns begins with the default again.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Returns the priority of what is running.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.try_with(|priority| *priority).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_reaches_inner_futures_and_ends_with_the_scope() {
        assert_eq!(Priority::current(), Priority::Work);
        let inner = Priority::Event.scope(async { Priority::current() });
        let seen = Priority::Sweep
            .scope(async { (Priority::current(), inner.await, Priority::current()) })
            .await;
        let expected = (Priority::Sweep, Priority::Event, Priority::Sweep);
        assert_eq!(seen, expected);
        assert_eq!(Priority::current(), Priority::Work);
    }
}
