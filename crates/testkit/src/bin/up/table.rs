//! The table of addresses.

use crate::examples::Row;

const HEAD: [&str; 6] = ["CLAIM", "NAMESPACE", "POOL", "ADDRESS", "PREFIX", "GATEWAY"];

/// Columns as wide as their widest cell, two blanks apart.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(
        rows.iter()
            .map(|r| [&r.claim, &r.namespace, &r.pool, &r.address, &r.prefix, &r.gateway].map(Clone::clone)),
    );
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].len())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let text = lines.iter().map(|line| {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    text.collect::<Vec<_>>().join("\n")
}
