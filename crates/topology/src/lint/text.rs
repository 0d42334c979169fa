//! Numbers as findings tell them.

use std::time::Duration;

/// Three digits of a number, without zeros at its end.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        v if v >= 100.0 || v == 0.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A duration to three digits.
pub(super) fn time(value: Duration) -> String {
    let seconds = value.as_secs_f64();
    match seconds {
        0.0 => "0s".to_owned(),
        s if s < 1e-3 => format!("{}us", number(s * 1e6)),
        s if s < 1.0 => format!("{}ms", number(s * 1e3)),
        s => format!("{}s", number(s)),
    }
}

/// The same, rounded up to what people would write: two digits.
pub(super) fn time_above(value: Duration) -> String {
    let ms = (value.as_secs_f64() * 1e3).max(1.0);
    let scale = 10_f64.powf(ms.log10().floor() - 1.0);
    let rounded = ((ms / scale) - 1e-9).ceil() * scale;
    time(Duration::from_secs_f64(rounded / 1e3))
}

/// A rate to three digits.
pub(super) fn rate(per_s: f64) -> String {
    format!("{}/s", number(per_s))
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", number(share * 100.0))
}

/// A size.
pub(super) fn size(bytes: u64) -> String {
    crate::units::Size(bytes).to_string()
}

/// So many of something.
pub(super) fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
        assert_eq!([number(0.0), number(4.7), number(0.25), number(1234.5)], ["0", "4.7", "0.25", "1234"]);
        assert_eq!([time(ms(4700.0)), time(ms(250.0)), time(ms(0.08))], ["4.7s", "250ms", "80us"]);
        let above = [150.2, 1000.0, 1001.0, 86.3, 0.4].map(|value| time_above(ms(value)));
        assert_eq!(above, ["160ms", "1s", "1.1s", "87ms", "1ms"]);
        assert_eq!(
            (rate(66.666), percent(0.805), count(1, "attempt")),
            ("66.7/s".into(), "80.5%".into(), "1 attempt".into())
        );
    }
}
