//! A document's values, before anything is known about their meaning.

use std::fmt;

use super::path::{Path, Segment};
use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value. Keys are texts; of a key given twice the first counts (and the source map complains).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    Map(IndexMap<String, Tree>),
    /// What was taken out of a list or a mapping; it is passed over, and all else keeps its place.
    Gone,
}

impl Tree {
    /// A value in it.
    pub(crate) fn get_mut(&mut self, path: &Path) -> Option<&mut Self> {
        path.0.iter().try_fold(self, |tree, segment| match (tree, segment) {
            (Self::Map(entries), Segment::Key(key)) => entries.get_mut(key),
            (Self::List(items), Segment::Index(index)) => items.get_mut(*index),
            _ => None,
        })
    }

    /// How many values there are in it.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Map(entries) => 1 + entries.values().map(Self::size).sum::<usize>(),
            _ => 1,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    /// An empty document.
    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(u64::try_from(value).map_or(Tree::Signed(value), Tree::Unsigned))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Tree, E> {
        Ok(Tree::Float(value as f64))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Tree, E> {
        Ok(Tree::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = IndexMap::new();
        let mut merged = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let value: Tree = map.next_value()?;
            match value {
                Tree::Map(others) if key == "<<" => merged.push(others),
                Tree::List(items) if key == "<<" => {
                    merged.extend(items.into_iter().filter_map(|item| match item {
                        Tree::Map(others) => Some(others),
                        _ => None,
                    }));
                }
                value => {
                    entries.entry(key).or_insert(value);
                }
            }
        }
        for (key, value) in merged.into_iter().flatten() {
            entries.entry(key).or_insert(value);
        }
        Ok(Tree::Map(entries))
    }
}
