//! Places and turns, counted; time stands still.

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::*;
use crate::Jitter;

const SHORT: Wish = Wish {
    priority: Priority::Work,
    is_streamed: false,
    is_nested: false,
};
const STREAM: Wish = Wish {
    is_streamed: true,
    ..SHORT
};
const NESTED: Wish = Wish {
    is_nested: true,
    ..SHORT
};
const SWEEP: Wish = Wish {
    priority: Priority::Sweep,
    ..SHORT
};
const EVENT: Wish = Wish {
    priority: Priority::Event,
    ..SHORT
};

fn gate() -> Arc<Gate> {
    let slowing = Slowing {
        jitter: Jitter::new(|| 0.0),
        ..Slowing::default()
    };
    Arc::new(Gate::new(Arc::new(slowing)))
}

fn limits(max: Option<usize>) -> Arc<HostLimits> {
    Arc::new(HostLimits::new(max, None))
}

/// Enters as often as there is a place at once.
fn fill(gate: &Arc<Gate>, limits: &Arc<HostLimits>, wish: Wish) -> Vec<Permit> {
    std::iter::from_fn(|| gate.enter(limits, wish).now_or_never())
        .take(100)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_kind_leaves_room_for_the_more_urgent() {
    for (max, wish, expected) in [
        (None, SHORT, 16),
        (None, EVENT, 16),
        (None, SWEEP, 8),
        (None, STREAM, 14),
        (None, NESTED, 100),
        (Some(4), SWEEP, 2),
        (Some(4), STREAM, 2),
        (Some(1), SWEEP, 1),
        (Some(1), STREAM, 1),
        (Some(64), SHORT, 64),
    ] {
        let (gate, limits) = (gate(), limits(max));
        let held = fill(&gate, &limits, wish);
        assert_eq!(held.len(), expected, "{max:?} {wish:?}");
        assert!(gate.enter(&limits, NESTED).now_or_never().is_some());
    }
    let (gate, limits) = (gate(), limits(None));
    let _sweep = fill(&gate, &limits, SWEEP);
    let streams = fill(&gate, &limits, STREAM);
    assert_eq!(streams.len(), 8, "a place is a place");
    assert_eq!(gate.in_flight(), 16);
}

#[tokio::test(start_paused = true)]
async fn streams_that_are_held_open_do_not_stop_short_requests() {
    let (gate, limits) = (gate(), limits(None));
    let _streams = fill(&gate, &limits, STREAM);
    for wish in [SHORT, SWEEP, EVENT, NESTED] {
        assert!(gate.enter(&limits, wish).now_or_never().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn clients_share_the_strictest_limit_while_they_are_there() {
    let gate = gate();
    let (lax, usual, strict) = (limits(Some(20)), limits(None), limits(Some(3)));
    assert_eq!(fill(&gate, &usual, SHORT).len(), 16);
    assert_eq!(fill(&gate, &lax, SHORT).len(), 20);
    assert_eq!(fill(&gate, &strict, SHORT).len(), 3);
    assert_eq!(fill(&gate, &lax, SHORT).len(), 3);
    drop(strict);
    assert_eq!(fill(&gate, &lax, SHORT).len(), 20);
}

type Log = Arc<Mutex<Vec<&'static str>>>;

/// Waits for a place in a task of its own, tells when it has it, and leaves it at once.
async fn wait(
    gate: &Arc<Gate>,
    limits: &Arc<HostLimits>,
    (wish, name): (Wish, &'static str),
    log: &Log,
) -> JoinHandle<()> {
    let (gate, limits, log) = (Arc::clone(gate), Arc::clone(limits), Arc::clone(log));
    let task = tokio::spawn(async move {
        let _permit = gate.enter(&limits, wish).await;
        log.lock().unwrap().push(name);
    });
    tokio::task::yield_now().await;
    task
}

#[tokio::test(start_paused = true)]
async fn the_most_urgent_is_next_and_every_fourth_the_oldest() {
    let (gate, limits, log) = (gate(), limits(Some(1)), Log::default());
    let held = gate.enter(&limits, SHORT).await;
    let mut tasks = Vec::new();
    for wish in [
        (SWEEP, "sweep 1"),
        (SWEEP, "sweep 2"),
        (SHORT, "work 1"),
        (SHORT, "work 2"),
        (SHORT, "work 3"),
        (EVENT, "event 1"),
        (EVENT, "event 2"),
    ] {
        tasks.push(wait(&gate, &limits, wish, &log).await);
    }
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    let expected = [
        "event 1", "event 2", "sweep 1", "work 1", "work 2", "work 3", "sweep 2",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_dropped_frees_his_place_and_his_turn() {
    let (gate, limits, log) = (gate(), limits(Some(1)), Log::default());
    let held = gate.enter(&limits, SHORT).await;
    let first = wait(&gate, &limits, (EVENT, "dropped"), &log).await;
    let second = wait(&gate, &limits, (SWEEP, "second"), &log).await;
    // Woken, then dropped before it could take the place.
    drop(held);
    first.abort();
    second.await.unwrap();
    assert_eq!(*log.lock().unwrap(), ["second"]);
    assert_eq!(gate.in_flight(), 0);
    assert!(gate.state().waiting.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_stops_everybody_and_nobody_rushes_in_afterwards() {
    let (gate, limits, log) = (gate(), limits(None), Log::default());
    let refused = gate.enter(&limits, SHORT).await;
    let start = Instant::now();
    refused.note_refusal(Some(Duration::from_secs(5)));
    drop(refused);
    let mut tasks = Vec::new();
    for wish in [(SHORT, "work"), (NESTED, "token"), (EVENT, "event")] {
        tasks.push(wait(&gate, &limits, wish, &log).await);
    }
    for (after, expected) in [(4, 0), (5, 1), (6, 2), (7, 3)] {
        sleep_until(start + Duration::from_secs(after)).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(log.lock().unwrap().len(), expected, "{after}");
    }
    assert_eq!(*log.lock().unwrap(), ["token", "event", "work"]);
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_is_silent_after_several_requests_and_not_after_an_answer() {
    let (gate, limits) = (gate(), limits(None));
    let held = fill(&gate, &limits, SHORT);
    for (number, permit) in held.iter().enumerate() {
        assert_eq!(gate.is_silent(), number >= SILENT_AFTER as usize);
        permit.note_silence();
    }
    held[0].note_answer();
    assert!(!gate.is_silent());
}
