//! Tables that fit 80 columns.
