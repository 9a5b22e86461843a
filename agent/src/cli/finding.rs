//! What a check of the configuration or of the machine found: good, doubtful or missing, and what to do about it.

use serde::Serialize;

use super::print::{Screen, Tone};
use super::words;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    /// As it should be.
    Good,
    /// Works, but somebody should know.
    Warning,
    /// An update would fail.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) mark: Mark,
    /// What was looked at.
    pub(super) what: String,
    /// What was found.
    pub(super) says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn good(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self { mark: Mark::Good, what: what.into(), says: says.into(), advice: None }
    }

    pub(super) fn warning(what: impl Into<String>, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { mark: Mark::Warning, what: what.into(), says: says.into(), advice: Some(advice.into()) }
    }

    pub(super) fn missing(what: impl Into<String>, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { mark: Mark::Missing, what: what.into(), says: says.into(), advice: Some(advice.into()) }
    }

    /// For what explains itself by its own sentence.
    pub(super) fn wrong(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self { mark: Mark::Missing, what: what.into(), says: says.into(), advice: None }
    }

    /// One line, or a few.
    pub(super) fn render(&self, screen: &Screen) -> String {
        let (sign, tone) = match self.mark {
            Mark::Good => ("✓", Tone::Good),
            Mark::Warning => ("!", Tone::Warning),
            Mark::Missing => ("✗", Tone::Bad),
        };
        let sentence = match &self.advice {
            Some(advice) => format!("{}: {}. {advice}", self.what, self.says),
            None => format!("{}: {}", self.what, self.says),
        };
        let text = words::wrap(&format!("{sign} "), &sentence, screen.width);
        text.replacen(sign, &screen.paint(tone, sign), 1)
    }
}

/// How many are missing.
pub(super) fn missing(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.mark == Mark::Missing).count()
}
