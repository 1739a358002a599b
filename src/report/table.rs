//! Columns that are as wide as they must be.

use super::text::pad;
use console::{Alignment, measure_text_width, pad_str};

/// Rows of cells with two spaces between columns and none at the end of a line; `right` says which columns stand to the right.
pub(super) fn table(rows: &[Vec<String>], right: &[usize]) -> String {
    let widths = widths(rows);
    rows.iter()
        .map(|row| {
            let cells: Vec<_> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| {
                    if right.contains(&column) {
                        pad_str(cell, *width, Alignment::Right, None)
                    } else {
                        pad(cell, *width)
                    }
                })
                .collect();
            cells.join("  ").trim_end().to_owned() + "\n"
        })
        .collect()
}

/// The width of each column.
pub(super) fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| measure_text_width(cell))
                .max()
                .unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["a", "1", ""], ["bcd", "12", "x"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows, &[1]), "a     1\nbcd  12  x\n");
    }
}
