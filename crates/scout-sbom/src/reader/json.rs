//! Records in JSON that hold more than is wanted: read as a stream, and of lists and objects only
//! so many elements, so that a stranger's file cannot fill the memory.

use std::fmt;
use std::io::{BufRead, Read};
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Unreadable;

/// Most bytes of a document: 16 MiB, twice the lock file of the largest monorepo.
pub(super) const MAX_BYTES: u64 = 16 << 20;
/// Most elements of one list or object: 100,000, ten times what that lock file holds.
const MAX_ELEMENTS: usize = 100_000;

/// Most texts that are kept of one list: 10, more licences than any package has.
const MAX_TEXTS: usize = 10;

/// Reads a document.
pub(super) fn read<T: DeserializeOwned>(
    input: &mut dyn BufRead,
    what: &str,
) -> Result<T, Unreadable> {
    if input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        input.consume(3);
    }
    serde_json::from_reader(input.take(MAX_BYTES))
        .map_err(|error| Unreadable::new(format!("invalid {what}: {error}")))
}

/// A list of bounded length.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            check_count::<A::Error>(elements.len())?;
            elements.push(element);
        }
        Ok(List(elements))
    }
}

/// An object of bounded size, in its own order.
#[derive(Debug)]
pub(super) struct Map<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MapVisitor<T> {
    type Value = Map<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = map.next_entry()? {
            check_count::<A::Error>(elements.len())?;
            elements.push(element);
        }
        Ok(Map(elements))
    }
}

/// Refuses one more element than there may be.
pub(super) fn check_count<E: Error>(count: usize) -> Result<(), E> {
    if count < MAX_ELEMENTS {
        return Ok(());
    }
    Err(E::custom(format_args!("more than {MAX_ELEMENTS} elements")))
}

/// A text, or a list of texts; what is of another form is left out.
#[derive(Debug, Default)]
pub(super) struct Texts(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(Texts(inner)) = list.next_element()? {
            if texts.len() < MAX_TEXTS {
                texts.extend(inner);
            }
        }
        Ok(Texts(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Texts::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Texts, E> {
        Ok(Texts::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Texts, E> {
        Ok(Texts::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Texts, E> {
        Ok(Texts::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Texts, E> {
        Ok(Texts::default())
    }

    fn visit_unit<E>(self) -> Result<Texts, E> {
        Ok(Texts::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_in_any_form() {
        for (json, expected) in [
            (r#""a""#, &["a"][..]),
            (r#"["a",1,null,{"b":["c"]},"d",true,1.5,-1]"#, &["a", "d"]),
            (r#"{"a":{"b":1}}"#, &[]),
            ("null", &[]),
        ] {
            let Texts(found) = read(&mut json.as_bytes(), "test").unwrap();
            assert_eq!(found, expected, "{json}");
        }
        let deep = "[".repeat(10_000);
        assert!(read::<Texts>(&mut deep.as_bytes(), "test").is_err());
    }

    #[test]
    fn lists_and_objects_end_at_a_limit() {
        let list = |count| format!("[{}0]", "0,".repeat(count - 1));
        let whole: List<u8> = read(&mut list(MAX_ELEMENTS).as_bytes(), "test").unwrap();
        assert_eq!(whole.0.len(), MAX_ELEMENTS);
        assert!(read::<List<u8>>(&mut list(MAX_ELEMENTS + 1).as_bytes(), "test").is_err());
        let object = format!("{{{}\"b\":0}}", "\"a\":0,".repeat(MAX_ELEMENTS));
        assert!(read::<Map<u8>>(&mut object.as_bytes(), "test").is_err());
        let long = format!("[{}1]", " ".repeat(MAX_BYTES as usize));
        assert!(read::<List<u8>>(&mut long.as_bytes(), "test").is_err());
    }
}
