//! Numbers, times and foreign words for people.

use std::{borrow::Cow, fmt::Write as _};

use jiff::{SignedDuration, Timestamp};

/// Above this a count is shown as a power of two: 2^63 - 1, where the API's own counts stop.
const LAST_PLAIN: u128 = i64::MAX as u128;
/// Differences to a power of two up to this are spelled out.
const NEAR: u128 = 999_999;

/// A count. Exact up to 2^63 - 1; beyond that `2^64`, `2^64-2`, `2^80+3` where that is exact, else `≥ 2^70`.
pub(crate) fn count(count: u128) -> String {
    if count <= LAST_PLAIN {
        return count.to_string();
    }
    let power = count.ilog2();
    let above = count - (1 << power);
    // 2^128 does not fit: the distance to it is counted from the other side.
    let below = 1u128
        .checked_shl(power + 1)
        .map_or_else(|| u128::MAX - count + 1, |next| next - count);
    match (above, below) {
        // Also stands for 2^128 itself, which saturates.
        _ if count == u128::MAX => "≥ 2^128-1".to_owned(),
        (0, _) => format!("2^{power}"),
        (_, 1..=NEAR) => format!("2^{}-{below}", power + 1),
        (1..=NEAR, _) => format!("2^{power}+{above}"),
        _ => format!("≥ 2^{power}"),
    }
}

/// How long ago something was, in the two largest units: `3s`, `5m12s`, `2h5m`, `4d3h`.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).max(SignedDuration::ZERO).as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let pair = |large: i64, unit: &str, small: i64, rest: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{rest}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => pair(minutes, "m", seconds % 60, "s"),
        (0, hours, minutes) => pair(hours, "h", minutes, "m"),
        (days, hours, _) => pair(days, "d", hours, "h"),
    }
}

/// A text from the cluster, fit for a terminal: control characters, with which a tenant could repaint the screen of
/// whoever looks, are written out (`\u{1b}`), and so are line feeds.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_as_long_as_that_can_be_read() {
        let table: [(u128, &str); 11] = [
            (0, "0"),
            (253, "253"),
            (9_223_372_036_854_775_807, "9223372036854775807"),
            (9_223_372_036_854_775_808, "2^63"),
            (1 << 64, "2^64"),
            ((1 << 64) - 2, "2^64-2"),
            ((1 << 64) + 5, "2^64+5"),
            ((1 << 64) + (1 << 40), "≥ 2^64"),
            (u128::MAX - 1, "2^128-2"),
            (u128::MAX, "≥ 2^128-1"),
            (1 << 127, "2^127"),
        ];
        for (n, expected) in table {
            assert_eq!(count(n), expected, "{n}");
        }
    }

    #[test]
    fn ages_have_two_units_and_are_never_negative() {
        let now: Timestamp = "2026-01-10T12:00:00Z".parse().unwrap();
        let table = [
            ("2026-01-10T12:00:05Z", "0s"),
            ("2026-01-10T11:59:57Z", "3s"),
            ("2026-01-10T11:58:00Z", "2m"),
            ("2026-01-10T11:54:48Z", "5m12s"),
            ("2026-01-10T09:55:00Z", "2h5m"),
            ("2026-01-06T09:00:00Z", "4d3h"),
        ];
        for (since, expected) in table {
            assert_eq!(age(since.parse().unwrap(), now), expected, "{since}");
        }
    }

    #[test]
    fn nothing_from_the_cluster_moves_the_cursor() {
        assert_eq!(visible("plain – ünïcode"), "plain – ünïcode");
        assert_eq!(visible("a\x1b[2Jb\nc\u{9b}d"), "a\\u{1b}[2Jb\\nc\\u{9b}d");
    }
}
