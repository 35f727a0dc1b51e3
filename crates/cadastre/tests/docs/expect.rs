//! Whether what was printed is what the page shows.

/// A line that stands for any number of lines, also none.
const ANY_LINES: &str = "…";
/// Stands for any text inside a line.
const ANY_TEXT: &str = "[..]";

/// Compares line by line. Runs of blanks count as one, since columns are as wide as their widest cell; blanks at the
/// ends of lines and empty lines at the end of the text do not count.
pub(crate) fn matches(expected: &[String], actual: &str) -> bool {
    let expected: Vec<String> = expected.iter().map(|line| squeeze(line)).collect();
    let actual: Vec<String> = actual.lines().map(squeeze).collect();
    lines_match(trimmed(&expected), trimmed(&actual))
}

fn squeeze(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn trimmed(lines: &[String]) -> &[String] {
    let end = lines
        .iter()
        .rposition(|line| !line.is_empty())
        .map_or(0, |last| last + 1);
    &lines[..end]
}

fn lines_match(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first == ANY_LINES => {
            (0..=actual.len()).any(|skipped| lines_match(rest, &actual[skipped..]))
        }
        Some((first, rest)) => actual
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && lines_match(rest, others)),
    }
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let Some((start, rest)) = expected.split_once(ANY_TEXT) else {
        return expected == actual;
    };
    let Some(after) = actual.strip_prefix(start) else {
        return false;
    };
    (0..=after.len())
        .filter(|&at| after.is_char_boundary(at))
        .any(|at| line_matches(rest, &after[at..]))
}

#[test]
fn wildcards_stand_for_anything_and_nothing_else_does() {
    let matches = |expected: &str, actual: &str| {
        let lines: Vec<String> = expected.lines().map(str::to_owned).collect();
        matches(&lines, actual)
    };
    for (expected, actual) in [
        ("a  b", "a      b  \n\n"),
        ("NAME  AGE\nx     [..]", "NAME   AGE\nx      12s\n"),
        ("[..]: no", "any: thing: no"),
        ("…\nend", "end"),
        ("…\nend", "a\nb\nend"),
        ("start\n…", "start\nb"),
        ("a\n\nb", "a\n\nb"),
    ] {
        assert!(matches(expected, actual), "{expected:?} {actual:?}");
    }
    for (expected, actual) in [
        ("a", "b"),
        ("a", "a\nb"),
        ("a\nb", "a"),
        ("x [..] z", "x y"),
        ("…\nend", "a\nend\nb"),
    ] {
        assert!(!matches(expected, actual), "{expected:?} {actual:?}");
    }
}
