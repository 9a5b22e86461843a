//! Asking again: after a limit, after trouble, and never faster than GitHub wants to be asked.

use std::time::{Duration, Instant};

use reqwest::Response;

use super::{Client, Kind};
use crate::github::patience::{Verdict, judge};
use crate::publication::RepositoryError;

impl Client {
    /// Tries until there is an answer, as long as the settings have patience: a limit is waited for, trouble of GitHub's
    /// or of the network's is met by trying again, if the request may be repeated.
    pub(in crate::github) async fn persist(
        &self,
        what: &str,
        kind: Kind,
        mut attempt: impl AsyncFnMut() -> Result<Response, RepositoryError>,
    ) -> Result<Response, RepositoryError> {
        let mut tried = 0;
        loop {
            self.pace(kind).await;
            let outcome = attempt().await;
            let last = tried + 1 >= self.settings.patience.tries;
            let wait = match outcome {
                Ok(response) => match self.judged(&response, tried) {
                    Verdict::Answered => return Ok(response),
                    Verdict::Limited(wait) => self.affordable(what, wait, last)?,
                    Verdict::Troubled if last || kind == Kind::OnceOnlyChange => {
                        return Err(self.unreachable(what, format!("it answered {}", response.status())));
                    }
                    Verdict::Troubled => self.back_off(tried),
                },
                Err(RepositoryError::Unreachable { .. }) if !last && kind != Kind::OnceOnlyChange => {
                    self.back_off(tried)
                }
                Err(error) => return Err(error),
            };
            tokio::time::sleep(wait).await;
            tried += 1;
        }
    }

    /// Does something that only reads again from its start, where it broke off in the middle.
    pub(in crate::github) async fn again<T>(
        &self,
        mut act: impl AsyncFnMut() -> Result<T, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        let mut tried = 0;
        loop {
            match act().await {
                Err(RepositoryError::Unreachable { .. }) if tried + 1 < self.settings.patience.tries => {}
                outcome => return outcome,
            }
            tokio::time::sleep(self.back_off(tried)).await;
            tried += 1;
        }
    }

    fn judged(&self, response: &Response, tried: u32) -> Verdict {
        let now = jiff::Timestamp::now().as_second();
        judge(response.status(), response.headers(), now, tried)
    }

    fn affordable(&self, what: &str, wait: Duration, last: bool) -> Result<Duration, RepositoryError> {
        if !last && wait <= self.settings.patience.longest_wait {
            return Ok(wait);
        }
        let minutes = wait.as_secs().div_ceil(60);
        Err(self.refused(format!(
            "{what}: asked too often; run the same command again in {minutes} min, it goes on where it stopped"
        )))
    }

    /// How long to wait before the next try after try number `tried`.
    pub(in crate::github) fn back_off(&self, tried: u32) -> Duration {
        self.settings.patience.back_off * 2u32.saturating_pow(tried)
    }

    /// Keeps the distance between two changes that GitHub asks for.
    async fn pace(&self, kind: Kind) {
        if kind == Kind::Read {
            return;
        }
        if let Some(last) = self.last_change.get() {
            let due = last + self.settings.patience.pause;
            tokio::time::sleep_until(due.into()).await;
        }
        self.last_change.set(Some(Instant::now()));
    }
}
