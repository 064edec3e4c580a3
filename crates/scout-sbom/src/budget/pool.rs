//! A counted pool of bytes with permits that give themselves back. First come, first served, so
//! that a large request is not starved by small ones.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct Pool {
    total: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: u64,
    peak: u64,
    next_ticket: u64,
    serving: u64,
}

impl State {
    fn take(&mut self, bytes: u64) {
        self.used += bytes;
        self.peak = self.peak.max(self.used);
    }
}

impl Pool {
    pub(crate) fn new(total: u64) -> Self {
        Self {
            total,
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Returns bytes in use, and the most that ever were.
    pub(crate) fn usage(&self) -> (u64, u64) {
        let state = self.lock();
        (state.used, state.peak)
    }

    /// Waits until the bytes are free; `None` if they never can be.
    pub(crate) fn acquire(pool: &Arc<Self>, bytes: u64) -> Option<Permit> {
        if bytes > pool.total {
            return None;
        }
        let mut state = pool.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while state.serving != ticket || pool.total - state.used < bytes {
            state = pool
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.serving += 1;
        state.take(bytes);
        drop(state);
        pool.changed.notify_all();
        Some(Permit {
            pool: Arc::clone(pool),
            bytes,
        })
    }

    /// Takes the bytes if they are free and nobody waits for some.
    pub(crate) fn try_acquire(pool: &Arc<Self>, bytes: u64) -> Option<Permit> {
        let mut state = pool.lock();
        if state.serving != state.next_ticket || pool.total - state.used < bytes {
            return None;
        }
        state.take(bytes);
        drop(state);
        Some(Permit {
            pool: Arc::clone(pool),
            bytes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The counters are updated in one step each, so a panic elsewhere cannot tear them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a pool, given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    pool: Arc<Pool>,
    bytes: u64,
}

impl Permit {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.lock().used -= self.bytes;
        self.pool.changed.notify_all();
    }
}
