//! Tables as kubectl prints them: a header in capitals, columns separated by blanks, no lines.
//!
//! Own code rather than `comfy-table` (five crates, borders and wrapping) or `tabled` (a derive macro and seven
//! crates): what we print are DNS names and numbers, which are as wide as they are long, and the one column with free
//! text is the last, where width does not matter.

use std::iter;

use super::paint::{Paint, Tone};

/// Blanks between columns.
const GAP: usize = 3;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    /// A cell of a colour.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone: Some(tone),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            tone: None,
        }
    }
}

/// A table under construction.
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub(crate) fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row. Cells beyond the last column are not printed, missing ones are empty.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.rows.push(row.into_iter().collect());
    }

    /// The table, one line each for header and rows, without blanks at the ends of lines.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let header = self
            .columns
            .iter()
            .map(|(title, _)| Cell::toned(*title, Tone::Title))
            .collect::<Vec<_>>();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|i| {
                iter::once(&header)
                    .chain(&self.rows)
                    .filter_map(|row| row.get(i))
                    .map(width)
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let lines = iter::once(&header)
            .chain(&self.rows)
            .map(|row| self.line(row, &widths, paint));
        lines.collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize], paint: Paint) -> String {
        let mut line = String::new();
        // Blanks are owed until something follows them.
        let mut owed = 0;
        for ((cell, (_, align)), column) in row.iter().zip(&self.columns).zip(widths) {
            let pad = column - width(cell);
            let (before, after) = if *align == Align::Right {
                (pad, 0)
            } else {
                (0, pad)
            };
            if !cell.text.is_empty() {
                line.push_str(&" ".repeat(owed + before));
                line.push_str(
                    &cell
                        .tone
                        .map_or_else(|| cell.text.clone(), |tone| paint.say(tone, &cell.text)),
                );
                owed = after + GAP;
            } else {
                owed += column + GAP;
            }
        }
        line.push('\n');
        line
    }
}

/// Columns a cell takes. Right for everything we print but East Asian wide characters, which no name of ours has.
fn width(cell: &Cell) -> usize {
    cell.text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([
            ("NAME", Align::Left),
            ("FREE", Align::Right),
            ("NOTE", Align::Left),
        ]);
        table.push(["a".into(), "7".into(), "".into()]);
        table.push([
            "a-longer-name".into(),
            "12345".into(),
            Cell::toned("paused", Tone::Attention),
        ]);
        table.push(["".into(), "≥ 2".into()]);
        table
    }

    #[test]
    fn numbers_stand_right_and_lines_end_without_blanks() {
        let expected = "\
NAME             FREE   NOTE
a                   7
a-longer-name   12345   paused
                  ≥ 2
";
        assert_eq!(table().render(Paint::PLAIN), expected);
    }

    #[test]
    fn colours_do_not_move_columns() {
        let coloured = table().render(Paint::COLOURED);
        assert!(
            coloured.contains("12345   \x1b[33mpaused\x1b[0m\n"),
            "{coloured:?}"
        );
        let without: String = coloured
            .replace("\x1b[1m", "")
            .replace("\x1b[33m", "")
            .replace("\x1b[0m", "");
        assert_eq!(without, table().render(Paint::PLAIN));
    }
}
