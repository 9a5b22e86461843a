//! What a long command tells while it works: bars on a terminal, plain lines in a log.
//!
//! The work reports events and does not know who listens.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Listens to the work. Between `begin` and `done` lies one piece of work; pieces do not nest.
pub trait Progress {
    /// A piece of work begins.
    fn begin(&mut self, label: &str, amount: Amount);

    /// Some more of it is done, in the unit of its amount.
    fn advance(&mut self, by: u64);

    /// It is complete. A piece that fails is never done: its error says the rest.
    fn done(&mut self);
}

/// How much work a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many bytes.
    Bytes(u64),
    /// So many things, such as files.
    Count(u64),
    /// Nobody knows.
    Unknown,
}

/// The renderer that fits standard error: bars where a person looks at it, lines otherwise.
pub fn for_stderr() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() {
        Box::new(Bars { bar: None })
    } else {
        Box::new(Lines { label: String::new() })
    }
}

/// Bars on a terminal.
struct Bars {
    bar: Option<(ProgressBar, String)>,
}

impl Progress for Bars {
    fn begin(&mut self, label: &str, amount: Amount) {
        let bar = match amount {
            Amount::Bytes(total) => {
                ProgressBar::new(total).with_style(style("{msg:32} {bar:30} {bytes:>10} / {total_bytes} {eta:>4}"))
            }
            Amount::Count(total) => ProgressBar::new(total).with_style(style("{msg:32} {bar:30} {pos:>10} / {len}")),
            Amount::Unknown => ProgressBar::new_spinner().with_style(style("{msg:32} {spinner}")),
        };
        bar.set_message(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.bar = Some((bar, label.to_owned()));
    }

    fn advance(&mut self, by: u64) {
        if let Some((bar, _)) = &self.bar {
            bar.inc(by);
        }
    }

    fn done(&mut self) {
        if let Some((bar, label)) = self.bar.take() {
            bar.finish_and_clear();
            eprintln!("{label}: done");
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are legal")
}

/// One line when a piece begins: a log of a build server keeps no bars.
struct Lines {
    label: String,
}

impl Progress for Lines {
    fn begin(&mut self, label: &str, amount: Amount) {
        label.clone_into(&mut self.label);
        match amount {
            Amount::Bytes(total) => eprintln!("{label} ({})", size(total)),
            Amount::Count(total) => eprintln!("{label} ({total})"),
            Amount::Unknown => eprintln!("{label}"),
        }
    }

    fn advance(&mut self, _: u64) {}

    fn done(&mut self) {
        eprintln!("{}: done", self.label);
    }
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &str, _: Amount) {}
    fn advance(&mut self, _: u64) {}
    fn done(&mut self) {}
}

/// A number of bytes for people: `312 B`, `4.2 MiB`.
pub fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
