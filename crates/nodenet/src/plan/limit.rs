//! How many nodes may be between old and new at a time (spec §5.1).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What counts when `maxUnavailable` is absent or cannot be read.
const DEFAULT_PERCENT: u64 = 50;

/// A limit, and what is to be said about how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Nodes, at least 1.
    pub nodes: usize,
    /// Why the value was not used, if it was not.
    pub problem: Option<String>,
}

/// The limit for `total` selected nodes.
///
/// A number counts as it is, a percentage is rounded up; anything else, a number in quotes too, is 50 %. Never below 1.
#[must_use]
pub fn limit(total: usize, max_unavailable: Option<&IntOrString>) -> Limit {
    let share = |percent: u64| {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        usize::try_from(total.saturating_mul(percent).div_ceil(100)).unwrap_or(usize::MAX)
    };
    let (nodes, problem) = match max_unavailable {
        None => (share(DEFAULT_PERCENT), None),
        Some(IntOrString::Int(number)) => (usize::try_from(*number).unwrap_or(0), None),
        Some(IntOrString::String(text)) => match percent(text) {
            Some(percent) => (share(percent), None),
            None => (
                share(DEFAULT_PERCENT),
                Some(format!(
                    "maxUnavailable {text:?} is neither a number nor a percentage, 50% is used; write 3 or \"30%\""
                )),
            ),
        },
    };
    Limit {
        nodes: nodes.max(1),
        problem,
    }
}

/// `"30%"` is 30.
fn percent(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('%')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of spec §5.1 and case 48.
    #[test]
    fn case_48_limits_are_rounded_up_and_never_below_one() {
        let text = |text: &str| Some(IntOrString::String(text.to_owned()));
        let table = [
            (5, None, 3),
            (6, None, 3),
            (5, Some(IntOrString::Int(3)), 3),
            (1, None, 1),
            (5, text("asdf"), 3),
            (5, text("42"), 3),
            (5, text("0%"), 1),
            (5, Some(IntOrString::Int(0)), 1),
            (5, text("50%"), 3),
            (5, text("100%"), 5),
            (0, None, 1),
            (5, Some(IntOrString::Int(-4)), 1),
            (5, text("%"), 3),
            (5, text("+10%"), 3),
            (5, text("10.5%"), 3),
        ];
        for (total, value, want) in table {
            assert_eq!(
                limit(total, value.as_ref()).nodes,
                want,
                "{total} nodes, {value:?}"
            );
        }
        assert!(limit(5, text("42").as_ref()).problem.is_some());
        assert_eq!(limit(5, text("42%").as_ref()).problem, None);
    }
}
