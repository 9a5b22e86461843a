//! What the agent needs of the machine it runs on.

pub mod child;
