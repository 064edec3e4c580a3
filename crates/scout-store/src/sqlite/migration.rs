//! Brings a database to the newest schema, and refuses what it does not know.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::{Fault, Outcome};

/// The steps; the first leads from an empty database to schema 1.
const STEPS: [&str; 8] = [
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_integrations.sql"),
    include_str!("migrations/0003_work_classes.sql"),
    include_str!("migrations/0004_runtimes.sql"),
    include_str!("migrations/0005_integration_families.sql"),
    include_str!("migrations/0006_notices.sql"),
    include_str!("migrations/0007_tokens.sql"),
    include_str!("migrations/0008_extended.sql"),
];

/// The newest schema this program knows.
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// `application_id` of the database's header, "SCOT": tells our database from others.
const APPLICATION_ID: i64 = 0x5343_4f54;

/// Migrates a database that may be written. Each step is one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Outcome<()> {
    let tx = connection.transaction()?;
    let found = checked_version(&tx)?;
    drop(tx);
    for (version, sql) in (0..).zip(STEPS).skip_while(|(version, _)| *version < found) {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been quicker.
        if checked_version(&tx)? == version {
            tx.execute_batch(sql)?;
            tx.pragma_update(None, "user_version", version + 1)?;
            tx.commit()?;
        }
    }
    check(connection)
}

/// Checks that the database has the newest schema.
pub(super) fn check(connection: &mut Connection) -> Outcome<()> {
    let tx = connection.transaction()?;
    match checked_version(&tx)? {
        KNOWN => Ok(()),
        0 => Err(Fault::Unusable(
            "nothing was recorded in it yet; run scout-watch first".to_owned(),
        )),
        found => Err(Fault::Unusable(format!(
            "it has schema version {found}, this program needs {KNOWN}; let scout-watch of the \
             same release open it once"
        ))),
    }
}

fn checked_version(tx: &Connection) -> Outcome<u32> {
    let version: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = tx.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (version != 0 || tables != 0) {
        return Err(Fault::Unusable(
            "scout.db is the database of another program".to_owned(),
        ));
    }
    if version > KNOWN {
        return Err(Fault::NewerSchema(version));
    }
    Ok(version)
}
