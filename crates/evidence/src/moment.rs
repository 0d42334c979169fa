//! Moments as logs write them, in nanoseconds since 1970. What lies before that is taken for its begin.

use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use trace::Time;

/// `10/Oct/2000:13:55:36 -0700`, as the Common Log Format has it.
const COMMON: &[BorrowedFormatItem<'_>] = format_description!(
    version = 2,
    "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] [offset_hour sign:mandatory][offset_minute]"
);
/// `10/Oct/2000:13:55:36.123`, as HAProxy has it, in the time of its machine.
const HAPROXY: &[BorrowedFormatItem<'_>] =
    format_description!(version = 2, "[day]/[month repr:short]/[year]:[hour]:[minute]:[second].[subsecond]");
/// `2000/10/10 13:55:36`, as nginx's error log has it, in the time of its machine.
const NGINX_ERROR: &[BorrowedFormatItem<'_>] =
    format_description!(version = 2, "[year]/[month]/[day] [hour]:[minute]:[second]");

fn at(moment: OffsetDateTime) -> Time {
    Time(u64::try_from(moment.unix_timestamp_nanos().max(0)).unwrap_or(u64::MAX))
}

/// RFC 3339, with any offset.
pub(crate) fn rfc3339(text: &str) -> Option<Time> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(at)
}

/// As the Common Log Format has it.
pub(crate) fn common(text: &str) -> Option<Time> {
    OffsetDateTime::parse(text, &COMMON).ok().map(at)
}

/// As HAProxy has it; taken for UTC.
pub(crate) fn haproxy(text: &str) -> Option<Time> {
    PrimitiveDateTime::parse(text, &HAPROXY).ok().map(|moment| at(moment.assume_utc()))
}

/// As nginx's error log has it; taken for UTC.
pub(crate) fn nginx_error(text: &str) -> Option<Time> {
    PrimitiveDateTime::parse(text, &NGINX_ERROR).ok().map(|moment| at(moment.assume_utc()))
}

/// Seconds since 1970, with a fraction, such as `1700000000.123`; or, where that can only be meant,
/// milliseconds, microseconds or nanoseconds.
pub(crate) fn epoch(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = match whole {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let part =
        (0..9).fold(0, |sum, n| sum * 10 + fraction.as_bytes().get(n).map_or(0, |d| u64::from(d - b'0')));
    Some(Time(whole.saturating_mul(scale).saturating_add(part / (1_000_000_000 / scale))))
}

/// Any of those that say which zone they are in.
pub(crate) fn any(text: &str) -> Option<Time> {
    rfc3339(text).or_else(|| common(text)).or_else(|| epoch(text))
}

/// So many seconds, such as `0.123`, a thousand years at most, of which many may be added up; none for
/// what is no number, such as `-`.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().and_then(span)
}

/// Likewise of a number.
pub(crate) fn span(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().map(|span| span.min(SPAN_MAX))
}

/// So many milliseconds, likewise.
pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis).min(SPAN_MAX)
}

/// So many microseconds, likewise.
pub(crate) fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros).min(SPAN_MAX)
}

const SPAN_MAX: Duration = Duration::from_hours(1000 * 365 * 24);

/// A moment so much earlier.
pub(crate) fn before(at: Time, by: Duration) -> Time {
    Time(at.0.saturating_sub(Time::at(by).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read() {
        let at = Some(Time(1_700_000_000_123_000_000));
        assert_eq!(rfc3339("2023-11-14T22:13:20.123Z"), at);
        assert_eq!(rfc3339("2023-11-14T23:13:20.123+01:00"), at);
        assert_eq!(haproxy("14/Nov/2023:22:13:20.123"), at);
        for text in ["1700000000.123", "1700000000123", "1700000000123000", "1700000000123000000"] {
            assert_eq!(epoch(text), at, "{text}");
        }
        let whole = Some(Time(1_700_000_000_000_000_000));
        assert_eq!(common("14/Nov/2023:23:13:20 +0100"), whole);
        assert_eq!(nginx_error("2023/11/14 22:13:20"), whole);
        assert_eq!(any("yesterday"), None);
        assert_eq!(any("1700000000.12x"), None);
        assert_eq!(rfc3339("1923-11-14T22:13:20Z"), Some(Time(0)));
    }

    #[test]
    fn seconds_read() {
        assert_eq!(seconds("0.250"), Some(Duration::from_millis(250)));
        assert_eq!(seconds("-"), None);
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds("1e300"), None);
        assert_eq!(seconds("nan"), None);
        assert_eq!(seconds("1e19"), Some(SPAN_MAX));
    }
}
