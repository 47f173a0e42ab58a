//! The breaker beside its peers: `cargo bench --bench breaker` here prints the table of `benches/README.md`.
//!
//! Admit + record, count window of 100 with epochs, slow calls not timed; medians of one interleaved run, in nanoseconds
//! (AMD EPYC under KVM, 2 cores, busy; rustc 1.95.0; 2026-11-20). Method, noise and all other cases: `benches/README.md`.
//!
//! ```text
//!                                         1 thread               2 threads
//!                                    clean  1 % failures    clean  1 % failures
//!   purlin                             2.4           4.2      2.5            31
//!   failsafe, consecutive_failures    11.3          11.4       73            50
//!   recloser, ring of 100              8.6           8.7      231           237
//!   one atomic addition                2.0           2.0      7.1           7.1
//!
//!   whole tower layer: purlin         13.5          16.0
//!   tower-resilience                   183           183
//! ```

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
