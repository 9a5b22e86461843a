//! Publishing to GitHub Releases.
