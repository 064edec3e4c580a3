//! Measures what it costs to ask whether anything was committed, beside looking up a token.
//!
//! ```text
//! cargo run --release -p scout-store --example change_mark
//! ```

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use scout_envs::Role;
use scout_store::{Access, NewToken, SqliteStore, Store};

/// How often each question is asked.
const QUESTIONS: u32 = 200_000;
const LOOKS: u32 = 10_000;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let writer = Arc::new(SqliteStore::open(directory.path(), Access::ReadWrite)?);
    let org = writer.enroll(&"acme".parse()?, Timestamp::now()).await?;
    let token = NewToken {
        hash: [7; 32],
        hint: "example…".to_owned(),
        role: Role::Owner,
        created_at: Timestamp::now(),
        expires_at: None,
    };
    writer.create_token(org, token).await?;
    let reader = SqliteStore::open(directory.path(), Access::ReadOnly)?;

    let start = Instant::now();
    for _ in 0..LOOKS {
        reader.token_grant([7; 32]).await?;
    }
    tell("looking a token up", start.elapsed() / LOOKS);
    for threads in [1, 2, 4] {
        tell(&format!("a mark, {threads} threads"), ask(&reader, threads));
    }

    let is_done = Arc::new(AtomicBool::new(false));
    let (busy, stop) = (Arc::clone(&writer), Arc::clone(&is_done));
    let writing = tokio::spawn(async move {
        let mut commits = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            busy.enqueue_judgement(org).await?;
            commits += 1;
        }
        Ok::<u32, scout_store::Error>(commits)
    });
    let start = Instant::now();
    let each = tokio::task::block_in_place(|| ask(&reader, 2));
    let seconds = start.elapsed().as_secs_f64();
    is_done.store(true, Ordering::Relaxed);
    let commits = f64::from(writing.await??) / seconds;
    tell(
        &format!("a mark, 2 threads, beside {commits:.0} commits a second"),
        each,
    );
    Ok(())
}

/// Returns the time of one question when so many threads ask as fast as they can.
fn ask(store: &SqliteStore, threads: u32) -> Duration {
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..QUESTIONS {
                    std::hint::black_box(store.change_mark());
                }
            });
        }
    });
    start.elapsed() / QUESTIONS / threads
}

fn tell(what: &str, each: Duration) {
    println!("{what}: {:.2} µs each", each.as_secs_f64() * 1e6);
}
