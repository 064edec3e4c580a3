//! How progress is written: a line beside a bar, and a line of the log.

use std::time::Duration;

use super::estimate::{SweepView, View, WorkView};

/// What stands beside the bar of the sweep.
pub(super) fn sweep(view: &SweepView) -> String {
    let tags = format!("{} tags, {}", count(view.tags), rate(view.tags_per_second));
    match view.repositories {
        0 => format!("listing repositories, {tags}"),
        all => format!(
            "{} of {} repositories, {tags}",
            count(view.repositories_done),
            count(all)
        ),
    }
}

/// What stands beside the bar of the images.
pub(super) fn work(view: &WorkView) -> String {
    format!(
        "{} of {} images, {}",
        count(view.done),
        count(view.done + view.left),
        pace(view)
    )
}

/// The line of the log; nothing if there is nothing to tell.
pub(super) fn line(view: &View) -> Option<String> {
    let sweep = view
        .sweep
        .as_ref()
        .map(|view| format!("sweeping: {}", sweep(view)));
    let Some(work) = &view.work else {
        return sweep;
    };
    let work = format!(
        "indexing: {} done, {} left, {}",
        count(work.done),
        count(work.left),
        pace(work)
    );
    Some(match sweep {
        Some(sweep) => format!("{work}; {sweep}"),
        None => work,
    })
}

fn pace(view: &WorkView) -> String {
    let mut text = rate(view.per_second);
    if view.bytes_per_second >= 1.0 {
        text += &format!(", {}/s", bytes(view.bytes_per_second));
    }
    if let Some(left) = view.time_left {
        text += &format!(", {} to go", duration(left));
    }
    text += &format!(", {} in flight", count(view.in_hand));
    if view.failed > 0 {
        text += &format!(", {} failed", count(view.failed));
    }
    if view.held_back > 0 {
        let waiting = count(view.held_back);
        text += &format!(", {waiting} wait for a registry that is out of reach");
    }
    text
}

/// `1,234`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What happens a second, or, where that is less than one, a minute.
fn rate(per_second: f64) -> String {
    match per_second {
        // Nothing so far, or too little to tell.
        slow if slow < 0.01 => "0/s".to_owned(),
        slow if slow < 1.0 => format!("{:.0}/min", (slow * 60.0).max(1.0)),
        some if some < 9.95 => format!("{some:.1}/s"),
        many => format!("{}/s", count(many.round() as u64)),
    }
}

/// Bytes in units of a thousand.
fn bytes(amount: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut scaled = amount;
    let mut unit = units[0];
    for next in &units[1..] {
        if scaled < 999.5 {
            break;
        }
        scaled /= 1000.0;
        unit = next;
    }
    if scaled < 9.95 && unit != "B" {
        format!("{scaled:.1} {unit}")
    } else {
        format!("{scaled:.0} {unit}")
    }
}

/// The two largest units, as far as they say something: `2 h 5 min`, `40 s`.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs().max(1);
    let pair = |large: u64, one: &str, small: u64, other: &str| match small {
        0 => format!("{large} {one}"),
        _ => format!("{large} {one} {small} {other}"),
    };
    match seconds {
        ..60 => format!("{seconds} s"),
        // Nobody believes the seconds of an hour.
        60..600 => pair(seconds / 60, "min", seconds % 60, "s"),
        600..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(number), expected);
        }
        for (per_second, expected) in [
            (0.0, "0/s"),
            (0.009, "0/s"),
            (0.011, "1/min"),
            (0.5, "30/min"),
            (0.999, "60/min"),
            (1.0, "1.0/s"),
            (9.94, "9.9/s"),
            (9.96, "10/s"),
            (1234.4, "1,234/s"),
        ] {
            assert_eq!(rate(per_second), expected);
        }
        for (amount, expected) in [
            (1.0, "1 B"),
            (999.0, "999 B"),
            (999.9, "1.0 kB"),
            (12_345.0, "12 kB"),
            (1_500_000.0, "1.5 MB"),
            (2e9, "2.0 GB"),
            (5e18, "5000000 TB"),
        ] {
            assert_eq!(bytes(amount), expected);
        }
        for (seconds, expected) in [
            (0, "1 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (7_500, "2 h 5 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        }
    }

    const WORK: WorkView = WorkView {
        done: 312,
        left: 688,
        failed: 0,
        in_hand: 3,
        held_back: 0,
        per_second: 12.3,
        bytes_per_second: 4_500_000.0,
        time_left: Some(Duration::from_secs(56)),
    };
    const SWEEP: SweepView = SweepView {
        is_first: true,
        repositories_done: 3,
        repositories: 10,
        tags: 4_000,
        tags_per_second: 210.0,
    };

    #[track_caller]
    fn check(sweep: Option<SweepView>, work: Option<WorkView>, expected: Option<&str>) {
        assert_eq!(line(&View { sweep, work }).as_deref(), expected);
    }

    #[test]
    fn a_line_tells_what_is_known_and_no_more() {
        check(None, None, None);
        check(
            None,
            Some(WORK),
            Some("indexing: 312 done, 688 left, 12/s, 4.5 MB/s, 56 s to go, 3 in flight"),
        );
        let unknown = WorkView {
            failed: 2,
            held_back: 1_000,
            per_second: 0.0,
            bytes_per_second: 0.0,
            time_left: None,
            ..WORK
        };
        check(
            Some(SWEEP),
            Some(unknown),
            Some(
                "indexing: 312 done, 688 left, 0/s, 3 in flight, 2 failed, \
                 1,000 wait for a registry that is out of reach; \
                 sweeping: 3 of 10 repositories, 4,000 tags, 210/s",
            ),
        );
        let listing = SweepView {
            repositories: 0,
            ..SWEEP
        };
        check(
            Some(listing),
            None,
            Some("sweeping: listing repositories, 4,000 tags, 210/s"),
        );
        assert_eq!(
            work(&WORK),
            "312 of 1,000 images, 12/s, 4.5 MB/s, 56 s to go, 3 in flight"
        );
    }
}
