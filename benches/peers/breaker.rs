//! `cargo bench --bench breaker` prints the table of `benches/README.md`.

use purlin_peers::{Options, breaker, measure, print};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) => run(&options),
        Err(invalid) => {
            eprintln!("{invalid}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    let mut cases = breaker::cases();
    let mut index = 0;
    cases.retain(|case| {
        index += 1;
        index == 1 || options.selects(&case.name)
    });
    print(&measure(&cases, options));
    ExitCode::SUCCESS
}
