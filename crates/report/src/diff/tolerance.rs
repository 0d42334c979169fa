//! How much worse a figure may be.

use std::str::FromStr;

use serde::Serialize;

/// By figure; all are fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tolerance {
    /// By how many points the success rate may fall, and the share of wasted work rise.
    pub success: f64,
    /// By which part of it a latency may rise.
    pub latency: f64,
    /// The same of attempts.
    pub load: f64,
    /// By which part of it the goodput may fall.
    pub goodput: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { success: 0.005, latency: 0.1, load: 0.05, goodput: 0.05 }
    }
}

/// One thing that is asked for: `2%` for all figures, or `latency=15%` for some.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    figure: Option<Figure>,
    share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Success,
    Latency,
    Load,
    Goodput,
}

impl Tolerance {
    /// The usual one, with these in their order instead.
    pub fn with(settings: &[Setting]) -> Self {
        let mut tolerance = Self::default();
        for Setting { figure, share } in settings {
            let all = figure.is_none();
            for (is, place) in [
                (Figure::Success, &mut tolerance.success),
                (Figure::Latency, &mut tolerance.latency),
                (Figure::Load, &mut tolerance.load),
                (Figure::Goodput, &mut tolerance.goodput),
            ] {
                if all || *figure == Some(is) {
                    *place = *share;
                }
            }
        }
        tolerance
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, share) =
            text.split_once('=').map_or((None, text), |(name, share)| (Some(name.trim()), share));
        let figure = match name {
            None => None,
            Some("success") => Some(Figure::Success),
            Some("latency") => Some(Figure::Latency),
            Some("load") => Some(Figure::Load),
            Some("goodput") => Some(Figure::Goodput),
            Some(other) => {
                return Err(format!("there is no figure `{other}`: it is success, latency, load or goodput"));
            }
        };
        let share = share.trim();
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let value = match share.strip_suffix('%') {
            Some(percent) => number(percent).map(|percent| percent / 100.0),
            None => number(share),
        };
        match value {
            Some(share) if share.is_finite() && share >= 0.0 => Ok(Self { figure, share }),
            _ => {
                Err("write it as a share, such as 2% or 0.02, or for some figures as latency=15%".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_settings_win() {
        let settings = ["2%", "latency=0.2", "success = 0%"].map(|text| text.parse().unwrap());
        let expected = Tolerance { success: 0.0, latency: 0.2, load: 0.02, goodput: 0.02 };
        assert_eq!(Tolerance::with(&settings), expected);
        assert_eq!(Tolerance::with(&[]), Tolerance::default());
    }

    #[test]
    fn what_is_no_share_is_told() {
        for text in ["", "x", "-1%", "nan", "latency=", "speed=1%"] {
            assert!(text.parse::<Setting>().is_err(), "{text}");
        }
    }
}
