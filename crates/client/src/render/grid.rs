//! Text in columns: box lines in a terminal, plain ASCII in a pipe.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table,
    TableStyle, Width, presets,
};
use unicode_width::UnicodeWidthStr;

use super::Look;
use super::text::escaped;

/// Left and right of each cell.
const PADDING: usize = 2;
/// A text column may be wrapped down to this many characters, not further.
const NARROWEST_TEXT: usize = 12;

const PLAIN: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction('|'))
    .header_separator(LineStyle::none().fill('-').junction('+'))
    .content_lines(ContentLineStyle::none().junction('|'));

/// Columns with a head. Every text is escaped on its way in.
#[derive(Clone, Debug)]
pub struct Grid {
    head: Vec<Head>,
    rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Head {
    name: String,
    alignment: CellAlignment,
    wrap: Wrap,
}

/// Whether texts of a column may be broken into lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wrap {
    Never,
    Words,
}

impl Grid {
    /// A grid of columns that hold text.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        let head = |name: &&str| Head {
            name: escaped(name).into_owned(),
            alignment: CellAlignment::Left,
            wrap: Wrap::Words,
        };
        Self { head: names.iter().map(head).collect(), rows: Vec::new() }
    }

    /// Makes a column one of numbers: aligned to the right and never wrapped.
    pub fn numbers_in(&mut self, column: usize) {
        self.whole_in(column);
        if let Some(head) = self.head.get_mut(column) {
            head.alignment = CellAlignment::Right;
        }
    }

    /// Makes a column one of names that a reader may copy: never wrapped.
    pub fn whole_in(&mut self, column: usize) {
        if let Some(head) = self.head.get_mut(column) {
            head.wrap = Wrap::Never;
        }
    }

    /// Adds a row.
    pub fn push<T: AsRef<str>>(&mut self, row: impl IntoIterator<Item = T>) {
        self.rows.push(row.into_iter().map(|text| escaped(text.as_ref()).into_owned()).collect());
    }

    /// The grid as text, each line ended. Where a terminal is too narrow for the columns, each row becomes
    /// a block of its own.
    #[must_use]
    pub fn shown(&self, look: Look) -> String {
        let needed: Vec<usize> = (0..self.head.len()).map(|column| self.needed(column)).collect();
        let total: usize = needed.iter().map(|width| width + PADDING + 1).sum::<usize>() + 1;
        match look.width.map(usize::from) {
            Some(width) if total > width => self.blocks(look),
            _ => self.table(look, &needed),
        }
    }

    fn width_of(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(|text| text.width()).max().unwrap_or(0)
    }

    /// The fewest characters in which a column can be read; an empty one is drawn with one.
    fn needed(&self, column: usize) -> usize {
        let Some(head) = self.head.get(column) else { return 0 };
        let name = head.name.width().min(NARROWEST_TEXT);
        let text = match head.wrap {
            Wrap::Never => self.width_of(column),
            Wrap::Words => self.width_of(column).min(NARROWEST_TEXT),
        };
        text.max(name).max(1)
    }

    fn table(&self, look: Look, needed: &[usize]) -> String {
        let mut table = styled(look);
        table.set_header(self.head.iter().map(|head| Cell::new(&head.name).set_alignment(head.alignment)));
        for row in &self.rows {
            let cells = row.iter().zip(&self.head);
            table.add_row(cells.map(|(text, head)| Cell::new(text).set_alignment(head.alignment)));
        }
        if look.width.is_some() {
            let widths = needed.iter().map(|width| u16::try_from(width + PADDING).unwrap_or(u16::MAX));
            table.set_constraints(widths.map(|width| ColumnConstraint::LowerBoundary(Width::Fixed(width))));
        }
        ended(&table)
    }

    fn blocks(&self, look: Look) -> String {
        let mut out = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let mut table = styled(look);
            for (head, text) in self.head.iter().zip(row) {
                table.add_row([head.name.as_str(), text.as_str()]);
            }
            out.push_str(&format!("row {}\n{}", index + 1, ended(&table)));
        }
        out
    }
}

fn styled(look: Look) -> Table {
    let mut table = Table::new();
    table.force_no_tty();
    table.load_style(if look.terminal { presets::UTF8_FULL_CONDENSED } else { PLAIN });
    if let Some(width) = look.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

fn ended(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
