//! Values under keys that are never mistaken for each other, although places are used again.

use std::fmt;
use std::marker::PhantomData;

/// Where a value is, and which of those that were there.
pub(super) struct Key<T> {
    place: u32,
    turn: u32,
    of: PhantomData<fn() -> T>,
}

#[cfg(test)]
impl<T> Key<T> {
    /// Of the first value at a place.
    pub(super) fn first_at(place: u32) -> Self {
        Self { place, turn: 0, of: PhantomData }
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.place, self.turn) == (other.place, other.turn)
    }
}

impl<T> Eq for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.place, self.turn)
    }
}

#[derive(Debug)]
struct Place<T> {
    turn: u32,
    value: Option<T>,
}

/// A table with free places.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts a value in.
    pub(super) fn insert(&mut self, value: T) -> Key<T> {
        if let Some(place) = self.free.pop() {
            let entry = &mut self.places[place as usize];
            entry.value = Some(value);
            return Key { place, turn: entry.turn, of: PhantomData };
        }
        let place = u32::try_from(self.places.len()).expect("memory ends before u32 does");
        self.places.push(Place { turn: 0, value: Some(value) });
        Key { place, turn: 0, of: PhantomData }
    }

    /// A value, if it is still there.
    pub(super) fn get(&self, key: Key<T>) -> Option<&T> {
        self.places.get(key.place as usize).filter(|p| p.turn == key.turn)?.value.as_ref()
    }

    /// A value, if it is still there.
    pub(super) fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        self.places.get_mut(key.place as usize).filter(|p| p.turn == key.turn)?.value.as_mut()
    }

    /// Lets a value go, if it is still there. (It is not given back: to move it would cost more than
    /// all the rest.)
    pub(super) fn drop(&mut self, key: Key<T>) {
        let Some(entry) = self.places.get_mut(key.place as usize).filter(|p| p.turn == key.turn) else {
            return;
        };
        if entry.value.is_some() {
            entry.value = None;
            entry.turn = entry.turn.wrapping_add(1);
            self.free.push(key.place);
        }
    }

    /// All values, by place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        (0..).zip(&self.places).filter_map(|(place, entry)| {
            let key = Key { place, turn: entry.turn, of: PhantomData };
            entry.value.as_ref().map(|value| (key, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_an_old_key_finds_nothing() {
        let mut slab = Slab::default();
        let (first, second) = (slab.insert('a'), slab.insert('b'));
        slab.drop(first);
        assert_eq!(slab.get(first), None);
        slab.drop(first);
        let third = slab.insert('c');
        assert_ne!(third, first);
        assert_eq!((slab.get(first), slab.get(third)), (None, Some(&'c')));
        assert_eq!(slab.get_mut(second), Some(&mut 'b'));
        assert_eq!(slab.iter().map(|(_, value)| *value).collect::<String>(), "cb");
    }
}
