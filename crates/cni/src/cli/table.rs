//! Tables as kubectl prints them: a header in capitals, columns separated by blanks, no lines.

/// Blanks between columns.
const GAP: usize = 3;

/// The rows under these titles, one line each; nothing when there are no rows.
pub(super) fn render<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let titles = titles.map(str::to_owned);
    let width = |column: usize| {
        let cells = std::iter::once(&titles)
            .chain(rows)
            .filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    std::iter::once(&titles)
        .chain(rows)
        .map(|row| line(row, &widths))
        .collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}{:GAP$}", ""));
    let mut line: String = cells.collect();
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// A time span as kubectl prints it: `42s`, `5m`, `3h`, `12d`.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
        let rows = [
            ["a".to_owned(), String::new()],
            ["longer".to_owned(), "x".to_owned()],
        ];
        assert_eq!(render(["NAME", "NOTE"], &rows), "NAME     NOTE\na\nlonger   x\n");
        assert_eq!(render(["NAME"], &[]), "");
    }

    #[test]
    fn spans_are_rounded_down() {
        assert_eq!(
            [0, 119, 120, 7199, 7200, 172_800].map(age),
            ["0s", "119s", "2m", "119m", "2h", "2d"]
        );
    }
}
