//! scout.
fn main() {}
