//! Tests of the SQLite store: the contract, and what only a store in a directory can do.

mod aside;
mod migrating;
mod opening;
mod processes;
mod trouble;

use tempfile::TempDir;

use super::*;
use crate::conformance::{RULES, SHARED_RULES};

fn open(directory: &TempDir) -> SqliteStore {
    SqliteStore::open(directory.path(), Access::ReadWrite).unwrap()
}

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_700_000_000 + second).unwrap()
}

#[tokio::test]
async fn holds_to_the_contract() {
    for rule in RULES {
        println!("{}", rule.name);
        let directory = TempDir::new().unwrap();
        (rule.check)(&open(&directory)).await.unwrap();
    }
}

#[tokio::test]
async fn holds_to_the_contract_of_several_processes() {
    for rule in SHARED_RULES {
        println!("{}", rule.name);
        let directory = TempDir::new().unwrap();
        let (one, other) = (open(&directory), open(&directory));
        (rule.check)(&one, &other).await.unwrap();
    }
}
