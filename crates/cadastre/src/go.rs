//! Values of flags as Go writes them: the replaced programs are written in it, and their manifests stay.

use std::time::Duration;

/// Parses a truth value as Go writes it: `true`, `T`, `1`, and the like.
pub(crate) fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!(
            "`{text}` is neither true nor false; write one of the two"
        )),
    }
}

/// Parses a duration as Go writes it: `1h2m3.5s`, `250ms`, `0`.
pub(crate) fn go_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is not a duration; write it like 15s, 10m or 1h30m");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(bad)?;
        let value: f64 = rest[..number].parse().map_err(|_| bad())?;
        let after = &rest[number..];
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let seconds = match &after[..unit] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(bad()),
        };
        total += value * seconds;
        rest = &after[unit..];
    }
    if text.is_empty() {
        Err(bad())
    } else {
        Duration::try_from_secs_f64(total).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_truth_values_are_read_as_go_writes_them() {
        for text in ["1", "t", "T", "true", "True", "TRUE"] {
            assert_eq!(go_bool(text), Ok(true), "{text}");
        }
        for text in ["0", "f", "F", "false", "False", "FALSE"] {
            assert_eq!(go_bool(text), Ok(false), "{text}");
        }
        for text in ["", "yes", "tRUE", "2"] {
            assert!(go_bool(text).is_err(), "{text}");
        }
    }

    #[test]
    fn go_durations_are_read_as_go_writes_them() {
        let cases = [
            ("15s", 15_000),
            ("10m", 600_000),
            ("1h2m3.5s", 3_723_500),
            ("250ms", 250),
            ("0", 0),
            ("10m0s", 600_000),
        ];
        for (text, millis) in cases {
            assert_eq!(
                go_duration(text).unwrap(),
                Duration::from_millis(millis),
                "{text}"
            );
        }
        for text in ["", "15", "s", "1d", "-1s", "1.2.3s"] {
            assert!(go_duration(text).is_err(), "{text}");
        }
    }
}
