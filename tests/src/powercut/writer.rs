//! Somebody who writes rows all the time, and remembers which of them the application has confirmed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::anyhow;

use super::application;
use super::rows::{Row, Rows};

/// Whoever writes.
pub(super) struct Writer {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Rows>,
}

impl Writer {
    /// Begins to write rows `first`, `first + 1`, ….
    pub(super) fn start(first: u32) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        Self { enough, thread: std::thread::spawn(move || write(first, &told)) }
    }

    /// No further row is begun.
    pub(super) fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// Lets it be; answers the rows that were confirmed.
    pub(super) fn stop(self) -> anyhow::Result<Rows> {
        self.enough();
        self.thread.join().map_err(|_| anyhow!("the writer has panicked"))
    }
}

/// A row that was not confirmed may be there all the same; its number is not used again.
fn write(first: u32, enough: &AtomicBool) -> Rows {
    let mut rows = Rows::default();
    for number in first.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        match application::write(&format!("row-{number}")) {
            Ok(version) => rows.add(Row { number, by: version }),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
        // Users pause between two rows; the database has more to do than this.
        std::thread::sleep(Duration::from_millis(10));
    }
    rows
}
