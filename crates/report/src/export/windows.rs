//! Over how long alerts look back.

use std::time::Duration;

use topology::units::DurationText;

/// The windows, which all follow from the shortest.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    shortest: Duration,
}

/// As in the workbook.
impl Default for Windows {
    fn default() -> Self {
        Self { shortest: Self::SHORTEST }
    }
}

impl Windows {
    /// The shortest window of the workbook.
    const SHORTEST: Duration = Duration::from_mins(5);
    /// Prometheus itself counts in milliseconds; below a second nothing is seen twice.
    const SCRAPES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

    /// Those of which this is the shortest.
    ///
    /// # Errors
    /// If nothing could be seen in it.
    pub fn from_shortest(shortest: Duration) -> Result<Self, String> {
        // A rate takes two samples, and one may be missing.
        let least = 4 * Self::SCRAPES.0;
        if shortest < least {
            return Err(format!(
                "a window of {} is too short to see a rate in: {} at least",
                DurationText(shortest),
                DurationText(least)
            ));
        }
        Ok(Self { shortest })
    }

    /// How often is looked.
    pub(super) fn scrape(self) -> Duration {
        (self.shortest / 20).clamp(Self::SCRAPES.0, Self::SCRAPES.1)
    }

    /// What is meant to last this long, if the shortest window lasts five minutes.
    pub(super) fn scaled(self, meant: Duration) -> String {
        let scale = self.shortest.as_secs_f64() / Self::SHORTEST.as_secs_f64();
        text(meant.mul_f64(scale))
    }
}

/// A duration as Prometheus writes it, in whole units.
pub(super) fn text(duration: Duration) -> String {
    let ms = duration.as_millis().max(1);
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let unit = units.into_iter().find(|(_, of)| ms.is_multiple_of(*of));
    unit.map_or_else(|| format!("{ms}ms"), |(unit, of)| format!("{}{unit}", ms / of))
}
