//! stub
use crate::exit::Exit;
/// x
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct VerifyError;
impl VerifyError {
    /// x
    pub fn exit(&self) -> Exit { Exit::NotTrusted }
}
