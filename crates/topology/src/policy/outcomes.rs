//! A set of ways in which an attempt fails.

use crate::wire::Failure;

/// Statuses of failures (400 to 599) and transport failures, as a small set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    statuses: [u64; 4],
    failures: u32,
}

impl Outcomes {
    /// The statuses that it can hold.
    pub const STATUSES: std::ops::RangeInclusive<u16> = 400..=599;

    fn place(status: u16) -> Option<(usize, u64)> {
        let offset = Self::STATUSES.contains(&status).then(|| status - Self::STATUSES.start())?;
        Some((usize::from(offset / 64), 1 << (offset % 64)))
    }

    /// Whether it has this status.
    pub fn has_status(&self, status: u16) -> bool {
        Self::place(status).is_some_and(|(word, bit)| self.statuses[word] & bit != 0)
    }

    /// Whether it has this failure.
    pub fn has_failure(&self, failure: Failure) -> bool {
        self.failures & (1 << failure as u32) != 0
    }

    /// Adds statuses; those that it cannot hold are passed over.
    pub fn add_statuses(&mut self, statuses: impl IntoIterator<Item = u16>) {
        for (word, bit) in statuses.into_iter().filter_map(Self::place) {
            self.statuses[word] |= bit;
        }
    }

    /// Takes a status out.
    pub fn remove_status(&mut self, status: u16) {
        if let Some((word, bit)) = Self::place(status) {
            self.statuses[word] &= !bit;
        }
    }

    /// Adds failures.
    pub fn add_failures(&mut self, failures: impl IntoIterator<Item = Failure>) {
        for failure in failures {
            self.failures |= 1 << failure as u32;
        }
    }

    /// Whether it has nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_was_added_and_nothing_else() {
        let mut outcomes = Outcomes::default();
        outcomes.add_statuses([400, 463, 464, 502, 599, 200, 600]);
        outcomes.remove_status(464);
        outcomes.add_failures([Failure::ConnectionRefused, Failure::Cancelled]);
        let statuses: Vec<u16> = (0..=1000).filter(|s| outcomes.has_status(*s)).collect();
        assert_eq!(statuses, [400, 463, 502, 599]);
        let failures: Vec<Failure> = Failure::ALL.into_iter().filter(|f| outcomes.has_failure(*f)).collect();
        assert_eq!(failures, [Failure::ConnectionRefused, Failure::Cancelled]);
        assert!(!outcomes.is_empty() && Outcomes::default().is_empty());
    }
}
