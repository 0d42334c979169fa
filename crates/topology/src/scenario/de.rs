//! From a [`Tree`] to the shapes of the file, with errors that know their place and their kind.
//!
//! An enum's variant is written as a mapping with one key, `{ lognormal: { p50: 20ms } }`, or as a
//! bare word if nothing need be said about it. Nothing after a key is an empty collection.

use std::fmt;

use indexmap::map::Iter;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::path::{Path, Segment};
use super::source_map::{Spot, shorten};
use super::tree::Tree;

/// Why a tree does not have the shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ShapeError {
    /// From the innermost segment outwards.
    reversed: Vec<Segment>,
    pub(super) spot: Spot,
    pub(super) reason: Reason,
}

/// What is wrong with the shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reason {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownWord {
        word: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    /// Something else is there than what should be.
    Wrong {
        found: String,
        expected: String,
    },
    /// The right kind of thing, with a bad value.
    Bad {
        why: String,
        expected: String,
    },
    Other(String),
}

/// Reads a tree.
pub(super) fn from_tree<T: DeserializeOwned>(tree: &Tree) -> Result<T, ShapeError> {
    T::deserialize(Reader(tree))
}

/// The variants of an enum, as a scenario writes them.
pub(super) fn variants<T: DeserializeOwned>() -> &'static [&'static str] {
    match T::deserialize(Reader(&Tree::Text(String::new()))) {
        Err(ShapeError { reason: Reason::UnknownWord { known, .. }, .. }) => known,
        _ => &[],
    }
}

impl ShapeError {
    fn new(reason: Reason) -> Self {
        Self { reversed: Vec::new(), spot: Spot::Value, reason }
    }

    fn inside(mut self, segment: impl Into<Segment>) -> Self {
        self.reversed.push(segment.into());
        self
    }

    /// Where it is.
    pub(super) fn path(&self) -> Path {
        Path(self.reversed.iter().rev().cloned().collect())
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path(), self.reason)
    }
}

impl std::error::Error for ShapeError {}

impl de::Error for ShapeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        Self::new(match found {
            // From serde's own reader of an enum in a mapping.
            Unexpected::Map if expected == "enum" => Reason::Bad {
                why: "an empty mapping says nothing".to_owned(),
                expected: "one key".to_owned(),
            },
            found => Reason::Wrong { found: describe(found), expected },
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_words(&expected.to_string());
        Self::new(match found {
            Unexpected::Other(why) => Reason::Bad { why: why.to_owned(), expected },
            found => Reason::Wrong { found: describe(found), expected },
        })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Reason::UnknownKey { key: key.to_owned(), known })
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(Reason::UnknownWord { word: word.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Reason::MissingKey(key))
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value:?}"),
        Unexpected::Str(text) => format!("the text `{}`", shorten(text)),
        Unexpected::Unit => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        Unexpected::UnitVariant => "a bare word".to_owned(),
        other => other.to_string(),
    }
}

/// What serde calls things, as a reader of YAML would.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" => {
            let max = match expected {
                "u8" => u64::from(u8::MAX),
                "u16" => u64::from(u16::MAX),
                _ => u64::from(u32::MAX),
            };
            format!("a whole number from 0 to {max}")
        }
        "u64" => "a whole number of 0 or more".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" | "string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        other if other.starts_with("struct ") => "a mapping".to_owned(),
        other => other.to_owned(),
    }
}

#[derive(Clone, Copy)]
struct Reader<'a>(&'a Tree);

impl<'a> Reader<'a> {
    fn map<'de, V: Visitor<'de>>(
        entries: Option<&'a indexmap::IndexMap<String, Tree>>,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        let empty = indexmap::IndexMap::new();
        visitor.visit_map(Entries { entries: entries.unwrap_or(&empty).iter(), current: None })
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0 {
            Tree::Null | Tree::Gone => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Unsigned(value) => visitor.visit_u64(*value),
            Tree::Signed(value) => visitor.visit_i64(*value),
            Tree::Float(value) => visitor.visit_f64(*value),
            Tree::Text(text) => visitor.visit_str(text),
            Tree::List(items) => visitor.visit_seq(Items { items: items.iter(), next: 0 }),
            Tree::Map(entries) => Self::map(Some(entries), visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0 {
            Tree::Null => visitor.visit_seq(Items { items: [].iter(), next: 0 }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match self.0 {
            Tree::Null => Self::map(None, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self.0 {
            // Serde would take the items for the fields in their order.
            Tree::List(_) => Err(de::Error::invalid_type(Unexpected::Seq, &"a mapping")),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self.0 {
            Tree::Text(word) => visitor.visit_enum(Variant { word, content: None }),
            Tree::Map(entries) if entries.len() == 1 => {
                let (word, content) = entries.first().expect("it has one entry");
                visitor.visit_enum(Variant { word, content: Some(content) })
            }
            Tree::Map(entries) => Err(ShapeError::new(Reason::Bad {
                why: format!("{} keys where one is expected", entries.len()),
                expected: format!("exactly one of {}", known.join(", ")),
            })),
            _ => {
                let expected = format!("one of {}", known.join(", "));
                self.deserialize_any(Never(expected)).map(|never| match never {})
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// Accepts nothing: it makes serde say what was found.
struct Never(String);

enum Void {}

impl Visitor<'_> for Never {
    type Value = Void;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Tree>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = ShapeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ShapeError> {
        let (item, index) = loop {
            let Some(item) = self.items.next() else { return Ok(None) };
            self.next += 1;
            if *item != Tree::Gone {
                break (item, self.next - 1);
            }
        };
        seed.deserialize(Reader(item)).map(Some).map_err(|error| error.inside(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    entries: Iter<'a, String, Tree>,
    current: Option<(&'a str, &'a Tree)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ShapeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ShapeError> {
        let Some((key, value)) = self.entries.find(|(_, value)| **value != Tree::Gone) else {
            return Ok(None);
        };
        self.current = Some((key, value));
        let reader: StrDeserializer<'_, ShapeError> = key.as_str().into_deserializer();
        seed.deserialize(reader)
            .map(Some)
            .map_err(|error| ShapeError { spot: Spot::Key, ..error.inside(key.as_str()) })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ShapeError> {
        let (key, value) = self.current.take().expect("serde asks for a key first");
        seed.deserialize(Reader(value)).map_err(|error| error.inside(key))
    }
}

struct Variant<'a> {
    word: &'a str,
    content: Option<&'a Tree>,
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = ShapeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), ShapeError> {
        let reader: StrDeserializer<'_, ShapeError> = self.word.into_deserializer();
        match seed.deserialize(reader) {
            Ok(variant) => Ok((variant, self)),
            Err(error) if self.content.is_some() => {
                Err(ShapeError { spot: Spot::Key, ..error.inside(self.word) })
            }
            Err(error) => Err(error),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = ShapeError;

    fn unit_variant(self) -> Result<(), ShapeError> {
        match self.content {
            None | Some(Tree::Null) => Ok(()),
            Some(Tree::Map(entries)) if entries.is_empty() => Ok(()),
            Some(_) => {
                let expected = format!("the bare word `{}`", self.word);
                let why = format!("`{}` takes no parameters", self.word);
                Err(ShapeError::new(Reason::Bad { why, expected }).inside(self.word))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ShapeError> {
        match self.content {
            Some(content) => seed.deserialize(Reader(content)).map_err(|error| error.inside(self.word)),
            None => Err(ShapeError::new(Reason::Bad {
                why: format!("`{}` needs a value", self.word),
                expected: format!("`{}: ...`", self.word),
            })),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ShapeError> {
        let content = self.content.unwrap_or(&Tree::Null);
        Reader(content).deserialize_seq(visitor).map_err(|error| error.inside(self.word))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match self.content {
            Some(content) => {
                Reader(content).deserialize_struct("", &[], visitor).map_err(|error| error.inside(self.word))
            }
            None => Reader(&Tree::Null).deserialize_map(visitor).map_err(|error| match error.reason {
                Reason::MissingKey(key) => ShapeError::new(Reason::Bad {
                    why: format!("`{}` needs `{key}`", self.word),
                    expected: format!("`{}: {{ {key}: ... }}`", self.word),
                }),
                _ => error,
            }),
        }
    }
}
