//! A refusal as a compiler prints it: code, message, the line of SQL with a caret, and what to write instead.

use unicode_width::UnicodeWidthChar;

use super::Look;
use super::text::{dangerous, escaped};
use crate::Problem;

const BOLD: &str = "1";
const RED: &str = "1;31";
const BLUE: &str = "1;34";
const GREEN: &str = "1;32";
/// Characters of a line that are shown where the width is not known.
const ROOM: usize = 100;
/// Least characters of a line that are shown, however narrow the terminal.
const LEAST_ROOM: usize = 20;
/// Stands for what was cut off.
const CUT: &str = "...";

/// The problem, each line ended. `word` says what became of the analysis, such as `refused`.
#[must_use]
pub fn problem(problem: &Problem, word: &str, sql: Option<&str>, look: Look) -> String {
    let head = look.painted(RED, &format!("{word}[{}]", escaped(&problem.code)));
    let message = look.painted(BOLD, &format!(": {}", escaped(&problem.message)));
    let mut out = format!("{head}{message}\n");
    let gutter = match problem.position {
        None => 1,
        Some(position) => position.line.to_string().len(),
    };
    let bar = look.painted(BLUE, "|");
    let margin = " ".repeat(gutter);
    if let Some(position) = problem.position {
        let arrow = look.painted(BLUE, "-->");
        out.push_str(&format!("{margin}{arrow} line {}, column {}\n", position.line, position.column));
        let line = sql.and_then(|sql| sql.lines().nth(index(position.line)));
        if let Some(line) = line {
            let room = look.width.map_or(ROOM, usize::from).saturating_sub(gutter + 4).max(LEAST_ROOM);
            let excerpt = Excerpt::of(line, index(position.column), room);
            let number = look.painted(BLUE, &position.line.to_string());
            let caret = look.painted(RED, &"^".repeat(excerpt.marked));
            out.push_str(&format!("{margin} {bar}\n{number} {bar} {}\n", excerpt.text));
            out.push_str(&format!("{margin} {bar} {}{caret}\n", " ".repeat(excerpt.before)));
        }
    }
    if !problem.hint.is_empty() {
        let sign = look.painted(BLUE, "=");
        out.push_str(&format!(
            "{margin} {sign} {}: {}\n",
            look.painted(GREEN, "hint"),
            escaped(&problem.hint)
        ));
    }
    out
}

fn index(from_one: u32) -> usize {
    usize::try_from(from_one.saturating_sub(1)).unwrap_or(usize::MAX)
}

/// The part of a line around a column, in characters of the terminal.
struct Excerpt {
    text: String,
    /// Width of what stands before the caret.
    before: usize,
    /// Width of what is marked.
    marked: usize,
}

impl Excerpt {
    fn of(line: &str, column: usize, room: usize) -> Self {
        // Only what is near the caret is looked at: a line may be a megabyte long.
        let column = column.min(line.chars().count());
        let short =
            line.chars().take(room.saturating_add(1)).map(|character| shown(character).1).sum::<usize>()
                <= room;
        let first = if short { 0 } else { column.saturating_sub(room / 2) };
        let mut excerpt = Self { text: String::new(), before: 0, marked: 0 };
        let mut used = 0;
        if first > 0 {
            excerpt.text.push_str(CUT);
            used = CUT.len();
        }
        let mut in_word = line.chars().nth(column).is_some_and(of_word);
        for (at, character) in line.chars().enumerate().skip(first) {
            let (piece, width) = shown(character);
            if used + width > room && at > column {
                excerpt.text.push_str(CUT);
                break;
            }
            if at == column {
                excerpt.before = used;
            }
            in_word = in_word && (at < column || of_word(character));
            if at == column || (at > column && in_word) {
                excerpt.marked += width;
            }
            excerpt.text.push_str(&piece);
            used += width;
        }
        if column == line.chars().count() {
            excerpt.before = used;
        }
        excerpt.marked = excerpt.marked.max(1);
        excerpt
    }
}

fn of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.')
}

/// How a character of SQL is shown, and how wide that is.
fn shown(character: char) -> (String, usize) {
    if character == '\t' {
        return ("    ".to_owned(), 4);
    }
    if dangerous(character) {
        let text = character.escape_default().to_string();
        let width = text.len();
        return (text, width);
    }
    (character.to_string(), character.width().unwrap_or(0))
}
