//! How long the router takes to find a route, by the size of its table.

fn main() {}
