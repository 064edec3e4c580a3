//! Prints how long rendering and parsing take, beside a plain copy of the bytes: `measure [SERIES]`.
//!
//! Build it with `--release` and the feature `openmetrics-parser`.

use std::hint::black_box;
use std::time::Instant;

use scout_metrics::{Exposition, Format, GaugeSchema, Rendered, gauge, parse, render};

const FAMILY: GaugeSchema<2> = gauge!(
    "scout_stream_vulnerabilities",
    "Vulnerabilities in a stream",
    ["streamName", "severity"]
);
/// What is measured is repeated, and the best time counts: others disturb, nobody helps.
const ROUNDS: usize = 5;

#[expect(clippy::print_stdout, reason = "what the example is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let series = std::env::args().nth(1);
    let series: u64 = series.as_deref().unwrap_or("100000").parse()?;
    let mut family = FAMILY.family();
    for number in 0..series {
        let stream = format!("cluster-{number:06}/production");
        family.set([&stream, "CRITICAL"], number % 97);
    }
    let mut exposition = Exposition::new();
    exposition.insert(family);
    let text = render(&exposition, Format::PrometheusText);
    println!("{series} series, {} bytes; milliseconds", text.len());
    let copy = best(|| text.clone());
    println!("plain copy            {copy:9.2}");
    let kept = Rendered::new(&exposition);
    let rows: [(&str, &dyn Fn() -> usize); 4] = [
        ("render text", &|| {
            Rendered::new(&exposition).prometheus_text().len()
        }),
        ("text to OpenMetrics", &|| kept.openmetrics().len()),
        ("parse text", &|| parsed(&text, Format::PrometheusText)),
        ("parse OpenMetrics", &|| {
            parsed(&kept.openmetrics(), Format::OpenMetrics)
        }),
    ];
    for (name, work) in rows {
        let time = best(work);
        println!("{name:<21} {time:9.2}   {:8.1} copies", time / copy);
    }
    Ok(())
}

fn parsed(text: &str, format: Format) -> usize {
    parse(text, format).map_or(0, |exposition| exposition.series_count())
}

/// Returns the least time in milliseconds.
fn best<T>(work: impl Fn() -> T) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64() * 1000.0
    });
    times.fold(f64::INFINITY, f64::min)
}
