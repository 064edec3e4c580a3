//! scout-exporter.
fn main() {}
