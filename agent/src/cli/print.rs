//! Answers on standard output: how wide it is, whether it takes colours, and that its reader may have gone.

use std::io::{IsTerminal, Write, stdout};

use serde::Serialize;

use crate::exit::{Exit, Failure};

/// The width where nobody can tell.
const USUAL_WIDTH: usize = 80;
/// Longer lines are hard to read, and on a narrower screen nothing fits any more.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=120;

/// What text is meant to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Somebody should know.
    Warning,
    /// Somebody must act.
    Bad,
}

/// Where an answer is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// Columns in a line.
    pub(super) width: usize,
    colour: bool,
}

impl Screen {
    /// Standard output. Colours only on a terminal, and not where NO_COLOR is set (no-color.org).
    pub(super) fn of_stdout() -> Self {
        let is_terminal = stdout().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { width: width(is_terminal), colour: is_terminal && wanted }
    }

    /// A file that people will read: no colours.
    pub(super) fn plain(width: usize) -> Self {
        Self { width, colour: false }
    }

    /// The text in the colour of its tone.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "1;31",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn width(is_terminal: bool) -> usize {
    let size = is_terminal.then(|| rustix::termios::tcgetwinsize(stdout()).ok()).flatten();
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { USUAL_WIDTH } else { columns.clamp(*WIDTHS.start(), *WIDTHS.end()) }
}

/// Prints an answer. A reader who has seen enough (`| head`) is no error.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Unexpected, format!("the answer cannot be written: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints an answer for programs.
pub(super) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut answer = serde_json::to_string_pretty(value).expect("an answer has only text keys");
    answer.push('\n');
    text(&answer)
}
