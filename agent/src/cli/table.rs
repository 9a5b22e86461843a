//! Tables that fit a screen: columns as wide as their cells, and where that is too much the last column is cut, then the
//! widest one.

use super::words::{columns, cut, pad};

/// Between two columns.
const GAP: usize = 2;
/// No column is cut to less.
const NARROWEST: usize = 8;

/// A table of text.
pub(super) struct Table {
    headings: Vec<&'static str>,
    lines: Vec<Line>,
}

enum Line {
    Row(Vec<String>),
    /// What is said of the row above, over all columns.
    Below(String),
}

impl Table {
    pub(super) fn new(headings: impl IntoIterator<Item = &'static str>) -> Self {
        Self { headings: headings.into_iter().collect(), lines: Vec::new() }
    }

    /// Adds a row with a cell for each heading.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.lines.push(Line::Row(cells.into_iter().collect()));
    }

    /// Adds finished lines below the last row.
    pub(super) fn below(&mut self, text: String) {
        self.lines.push(Line::Below(text));
    }

    /// The table in lines of at most `width` columns.
    pub(super) fn render(&self, width: usize) -> String {
        let widths = self.fit(width);
        let headings: Vec<String> = self.headings.iter().map(|heading| (*heading).to_owned()).collect();
        let mut text = render_row(&headings, &widths);
        for line in &self.lines {
            match line {
                Line::Row(cells) => text.push_str(&render_row(cells, &widths)),
                Line::Below(below) => text.push_str(below),
            }
        }
        text
    }

    fn fit(&self, width: usize) -> Vec<usize> {
        let mut widths = self.natural();
        let gaps = GAP * widths.len().saturating_sub(1);
        let over = |widths: &[usize]| (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        if let Some(last) = widths.len().checked_sub(1) {
            widths[last] = widths[last].saturating_sub(over(&widths)).max(NARROWEST.min(widths[last]));
        }
        let widest = (0..widths.len()).max_by_key(|column| widths[*column]);
        if let Some(widest) = widest {
            widths[widest] = widths[widest].saturating_sub(over(&widths)).max(NARROWEST.min(widths[widest]));
        }
        widths
    }

    fn natural(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| columns(heading)).collect();
        for line in &self.lines {
            let Line::Row(cells) = line else { continue };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(columns(cell));
            }
        }
        widths
    }
}

fn render_row(cells: &[String], widths: &[usize]) -> String {
    let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| pad(&cut(cell, *width), *width)).collect();
    format!("{}\n", padded.join(&" ".repeat(GAP)).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_gives_way_first() {
        let mut table = Table::new(["ID", "WHAT", "BY"]);
        table.row(["1", "install 1.0.0", "somebody with a very long name indeed"].map(str::to_owned));
        table.below("   below\n".to_owned());
        let text = table.render(40);
        assert_eq!(text, "ID  WHAT           BY\n1   install 1.0.0  somebody with a very…\n   below\n");
    }

    #[test]
    fn a_screen_that_is_too_narrow_cuts_the_widest_column_too() {
        let mut table = Table::new(["ID", "WHAT", "BY"]);
        table.row(["1", "a very long description of it", "somebody else"].map(str::to_owned));
        assert!(table.render(30).lines().all(|line| columns(line) <= 30));
    }
}
