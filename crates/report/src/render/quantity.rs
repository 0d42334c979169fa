//! Quantities as people read them.

/// A duration given in milliseconds, to three digits.
pub fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.2}ms"),
        ms if ms < 100.0 => format!("{ms:.1}ms"),
        ms if ms < 1000.0 => format!("{ms:.0}ms"),
        ms if ms < 100_000.0 => format!("{:.2}s", ms / 1e3),
        ms => format!("{:.0}s", ms / 1e3),
    }
}

/// The same where there may be none.
pub(crate) fn millis_or_none(ms: Option<f64>) -> String {
    ms.map_or_else(|| "none".to_owned(), millis)
}

/// A fraction in percent, to one decimal. Neither the last failure nor the last success is rounded
/// away.
pub fn percent(fraction: f64) -> String {
    match fraction {
        f if f > 0.0 && f < 0.0005 => "<0.1%".to_owned(),
        f if (0.9995..1.0).contains(&f) => ">99.9%".to_owned(),
        f => format!("{:.1}%", f * 100.0),
    }
}

/// An amount of money, to four significant digits.
pub(super) fn amount(money: f64) -> String {
    let digits: f64 = if money > 0.0 { 3.0 - money.log10().floor() } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 6")]
    let digits = digits.clamp(0.0, 6.0) as usize;
    format!("{money:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_do_not_hide_the_last_one() {
        let cases = [(0.0, "0.0%"), (1e-6, "<0.1%"), (0.5, "50.0%"), (0.99996, ">99.9%"), (1.0, "100.0%")];
        for (fraction, text) in cases {
            assert_eq!(percent(fraction), text);
        }
    }

    #[test]
    fn durations_have_three_digits() {
        for (ms, text) in [(0.0, "0.00ms"), (1.234, "1.23ms"), (12.34, "12.3ms"), (812.4, "812ms")] {
            assert_eq!(millis(ms), text);
        }
        assert_eq!(millis(1234.0), "1.23s");
        assert_eq!(millis(123_400.0), "123s");
    }
}
