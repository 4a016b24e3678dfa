//! The project's only tool.
fn main() {}
