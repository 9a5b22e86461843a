//! Settings in a file.
