//! Starts the checkout service.

fn main() {}
