//! How values stand in columns: times as nanoseconds, names as text, lists as JSON, sets of
//! numbers as bitmaps.

use std::str::FromStr;

use jiff::Timestamp;
use roaring::RoaringBitmap;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fault::{Fault, Outcome};

use crate::model::work::WorkClass;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Returns the time as nanoseconds since 1970; times outside the years 1678 to 2262 are moved to
/// that range's ends. No registry has a reason to tell such a time.
pub(super) fn nanos(time: Timestamp) -> i64 {
    let nanos = time.as_nanosecond();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn opt_nanos(time: Option<Timestamp>) -> Option<i64> {
    time.map(nanos)
}

/// Returns the time as it will be read again.
pub(super) fn stored_time(time: Timestamp) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos(time))).unwrap_or(time)
}

/// Returns a count or size as SQLite holds it; what does not fit is cut at 2^63 - 1.
pub(super) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn to_json(value: &impl Serialize) -> Outcome<String> {
    serde_json::to_string(value).map_err(Fault::value)
}

pub(super) fn to_bytes(bitmap: &RoaringBitmap) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::with_capacity(bitmap.serialized_size());
    bitmap.serialize_into(&mut bytes).map_err(Fault::value)?;
    Ok(bytes)
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    to_time(row.get(column)?).map_err(|error| unreadable(column, Type::Integer, error))
}

pub(super) fn opt_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let nanos: Option<i64> = row.get(column)?;
    nanos
        .map(to_time)
        .transpose()
        .map_err(|error| unreadable(column, Type::Integer, error))
}

fn to_time(nanos: i64) -> Result<Timestamp, BoxError> {
    Ok(Timestamp::from_nanosecond(i128::from(nanos))?)
}

pub(super) fn get_count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|error| unreadable(column, Type::Integer, error.into()))
}

/// Reads a value that is stored as its text.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse()
        .map_err(|error: T::Err| unreadable(column, Type::Text, error.into()))
}

pub(super) fn opt_parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => parsed(row, column).map(Some),
    }
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| unreadable(column, Type::Text, error.into()))
}

pub(super) fn opt_json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => json(row, column).map(Some),
    }
}

pub(super) fn bitmap(row: &Row<'_>, column: usize) -> rusqlite::Result<RoaringBitmap> {
    let bytes = row.get_ref(column)?.as_blob()?;
    RoaringBitmap::deserialize_from(bytes)
        .map_err(|error| unreadable(column, Type::Blob, error.into()))
}

/// Returns a class of work as it stands in the column `urgency`: the greater goes first.
pub(super) fn urgency(class: WorkClass) -> u8 {
    match class {
        WorkClass::Event => 3,
        WorkClass::NewTag => 2,
        WorkClass::Recheck => 1,
        WorkClass::Backfill => 0,
    }
}

pub(super) fn class(row: &Row<'_>, column: usize) -> rusqlite::Result<WorkClass> {
    let stored: u8 = row.get(column)?;
    WorkClass::ALL
        .into_iter()
        .find(|class| urgency(*class) == stored)
        .ok_or_else(|| {
            let error = format!("{stored} is no class of work");
            unreadable(column, Type::Integer, error.into())
        })
}

pub(super) fn unreadable(column: usize, kind: Type, error: BoxError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, error)
}
