//! scout-watch.
fn main() {}
