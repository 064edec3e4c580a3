//! The rules over hours, with the time as an argument.

use super::*;

const START: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn hour() -> Schedule {
    Schedule::new(Pace::default())
}

/// Asks whenever it is due for `hours`; returns at which seconds.
fn asked(
    schedule: &mut Schedule,
    hours: i64,
    mut read: impl FnMut(&mut Schedule, Timestamp),
) -> Vec<i64> {
    let mut times = Vec::new();
    for second in 0..hours * 3600 {
        if schedule.due(at(second)).is_zero() {
            times.push(second);
            read(schedule, at(second));
        }
    }
    times
}

#[test]
fn an_answer_is_good_for_its_time_and_not_asked_for_before() {
    let mut schedule = hour();
    let times = asked(&mut schedule, 5, |s, now| s.succeeded(now, 0.0));
    assert_eq!(times, [0, 3600, 7200, 10_800, 14_400]);
    let mut late = hour();
    let times = asked(&mut late, 5, |s, now| s.succeeded(now, 1.0));
    assert_eq!(times, [0, 3780, 7560, 11_340, 15_120]);
}

#[test]
fn failures_are_tried_again_with_growing_pauses_and_one_success_ends_them() {
    let mut schedule = hour();
    let mut reads = 0;
    let times = asked(&mut schedule, 2, |s, now| {
        reads += 1;
        match reads {
            1 | 9 => s.succeeded(now, 0.0),
            _ => s.failed(now, Problem::Unavailable, None, 0.0),
        }
    });
    assert_eq!(times[..8], [0, 3600, 3630, 3690, 3810, 4050, 4530, 5430]);
    assert_eq!(schedule.state().failures, 0);
    assert_eq!(schedule.standing(), Standing::Accepted);
}

#[test]
fn refused_tokens_are_left_alone_and_cost_few_questions_a_day() {
    for (problem, standing) in [
        (Problem::Unauthorized, Standing::Unauthorized),
        (Problem::Forbidden, Standing::Forbidden),
    ] {
        let mut schedule = hour();
        schedule.succeeded(at(0), 0.0);
        let times = asked(&mut schedule, 24, |s, now| {
            s.failed(now, problem, None, 0.0)
        });
        assert_eq!(schedule.standing(), standing);
        assert_eq!(times[..4], [3600, 4200, 5400, 7800]);
        assert!(times.len() < 30, "{}", times.len());
        // A fault of the server says nothing of the token.
        schedule.failed(at(90_000), Problem::Unavailable, None, 0.0);
        assert_eq!(schedule.standing(), standing);
        schedule.succeeded(at(90_100), 0.0);
        assert_eq!(schedule.standing(), Standing::Accepted);
    }
}

#[test]
fn a_server_is_never_asked_before_it_wants_to_be() {
    for (retry_after, expected) in [
        (None, 30),
        (Some(0), 30),
        (Some(1), 30),
        (Some(31), 31),
        (Some(7200), 7200),
        (Some(u64::MAX), 24 * 3600),
    ] {
        let mut schedule = hour();
        let retry_after = retry_after.map(Duration::from_secs);
        schedule.failed(at(0), Problem::TooManyRequests, retry_after, 0.0);
        assert_eq!(schedule.due(at(0)).as_secs(), expected, "{retry_after:?}");
    }
}

#[test]
fn a_new_token_is_tried_soon_unless_the_server_is_in_trouble() {
    let mut schedule = hour();
    schedule.succeeded(at(0), 0.0);
    schedule.token_changed(at(10));
    assert_eq!(schedule.standing(), Standing::Unconfirmed);
    assert_eq!(
        schedule.due(at(10)).as_secs(),
        20,
        "30 s after the last read"
    );

    schedule.failed(at(30), Problem::Unauthorized, None, 0.0);
    schedule.token_changed(at(300));
    assert_eq!(schedule.due(at(300)), Duration::ZERO);
    assert_eq!(schedule.standing(), Standing::Unconfirmed);

    let wait = Some(Duration::from_secs(5000));
    schedule.failed(at(300), Problem::TooManyRequests, wait, 0.0);
    schedule.token_changed(at(301));
    assert_eq!(schedule.due(at(301)).as_secs(), 4999);
}

#[test]
fn tokens_that_change_without_end_do_not_hammer() {
    let mut schedule = hour();
    let mut reads = 0;
    for second in 0..3600 {
        schedule.token_changed(at(second));
        if schedule.due(at(second)).is_zero() {
            reads += 1;
            schedule.failed(at(second), Problem::Unauthorized, None, 0.0);
        }
    }
    assert_eq!(reads, 120);
}

#[test]
fn a_restart_changes_nothing() {
    let mut schedule = hour();
    schedule.succeeded(at(0), 0.5);
    let again = |state: &ScheduleState, now| {
        Schedule::restored(Pace::default(), state.clone(), true, true, now)
    };
    assert_eq!(again(schedule.state(), at(60)), schedule);
    schedule.failed(at(3700), Problem::Unauthorized, None, 0.0);
    assert_eq!(again(schedule.state(), at(3701)), schedule);
    let json = serde_json::to_string(schedule.state()).unwrap();
    let read: ScheduleState = serde_json::from_str(&json).unwrap();
    assert_eq!(read, *schedule.state());
}

#[test]
fn programs_that_start_over_and_over_do_not_hammer() {
    for (has_answer, same_token) in [(true, true), (false, true), (true, false), (false, false)] {
        for problem in [
            None,
            Some(Problem::Unauthorized),
            Some(Problem::Unavailable),
        ] {
            let mut state = ScheduleState::default();
            let mut reads = 0;
            for second in 0..3600 {
                let now = at(second);
                let mut schedule =
                    Schedule::restored(Pace::default(), state, has_answer, same_token, now);
                if schedule.due(now).is_zero() {
                    reads += 1;
                    match problem {
                        None => schedule.succeeded(now, 0.0),
                        Some(problem) => schedule.failed(now, problem, None, 0.0),
                    }
                }
                state = schedule.state().clone();
            }
            assert!(
                reads <= 120,
                "{has_answer} {same_token} {problem:?}: {reads}"
            );
            if has_answer && same_token && problem.is_none() {
                assert_eq!(reads, 1);
            }
        }
    }
}

#[test]
fn after_a_restart_another_token_is_not_believed_before_it_was_used() {
    let mut schedule = hour();
    schedule.succeeded(at(0), 0.0);
    let state = schedule.state().clone();
    let other = Schedule::restored(Pace::default(), state, true, false, at(100));
    assert_eq!(other.standing(), Standing::Unconfirmed);
    assert_eq!(other.due(at(100)), Duration::ZERO);
}

#[test]
fn a_shorter_time_holds_for_the_answer_of_before() {
    let mut schedule = hour();
    schedule.succeeded(at(0), 0.0);
    let pace = Pace::with_ttl(Duration::from_secs(100));
    let shorter = Schedule::restored(pace, schedule.state().clone(), true, true, at(50));
    assert_eq!(shorter.due(at(50)).as_secs(), 55);
}

#[test]
fn a_clock_that_jumps_neither_stops_reads_nor_makes_them_many() {
    let mut schedule = hour();
    schedule.succeeded(at(0), 0.0);
    // Back by ten years: the pause of an hour starts anew, it does not last ten years.
    assert_eq!(schedule.due(at(-315_000_000)).as_secs(), 3600);
    // Forward: one read, then the usual pause.
    assert_eq!(schedule.due(at(315_000_000)), Duration::ZERO);
    schedule.succeeded(at(315_000_000), 0.0);
    assert_eq!(schedule.due(at(315_000_000)).as_secs(), 3600);
    // A state from a clock that was wrong.
    let state = schedule.state().clone();
    let restored = Schedule::restored(Pace::default(), state, false, true, at(0));
    assert!(restored.due(at(0)).as_secs() <= 3780);
}
