//! Starts the checkout service and its flaky bank on this machine: for a demonstration that ends by itself, or to play with.
//!
//! Exit codes: 0 done; 1 the demonstration did not show what it should; 2 bad arguments, or a port that is taken.

mod demo;
mod host;

use clap::Parser;
use host::Ports;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::process::ExitCode;

/// A checkout service that calls a flaky bank through a circuit breaker.
///
/// By default it starts the service and the bank, sends some load for 17 seconds while the bank fails and recovers, and
/// shows how the breaker opens, half-opens and closes. All of it stays on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Serve until Ctrl-C, without load and with a bank that is healthy until told otherwise.
    #[arg(long, conflicts_with = "requests_per_second")]
    serve: bool,
    /// The service's port. [default: any that is free; 3000 with --serve]
    #[arg(long)]
    port: Option<u16>,
    /// The bank's port. [default: any that is free; 3001 with --serve]
    #[arg(long)]
    bank_port: Option<u16>,
    /// How many requests the demonstration sends a second.
    #[arg(long, default_value = "40", value_parser = parse_rate)]
    requests_per_second: NonZeroU32,
}

const REQUESTS_PER_SECOND_MIN: u32 = 10;
const REQUESTS_PER_SECOND_MAX: u32 = 1_000;

fn parse_rate(text: &str) -> Result<NonZeroU32, String> {
    let rate = text.parse().ok().filter(|rate| (REQUESTS_PER_SECOND_MIN..=REQUESTS_PER_SECOND_MAX).contains(rate));
    let wanted = format!("give a number from {REQUESTS_PER_SECOND_MIN} to {REQUESTS_PER_SECOND_MAX}");
    rate.and_then(NonZeroU32::new).ok_or(wanted)
}

impl Arguments {
    fn ports(&self) -> Ports {
        let (service, bank) = if self.serve { (3_000, 3_001) } else { (0, 0) };
        Ports { service: self.port.unwrap_or(service), bank: self.bank_port.unwrap_or(bank) }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "checkout: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main]
async fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let out = &mut io::stdout();
    if arguments.serve {
        serve(arguments.ports(), out).await?;
        return Ok(true);
    }
    demo::run(arguments.ports(), arguments.requests_per_second, out).await
}

async fn serve(ports: Ports, out: &mut impl Write) -> anyhow::Result<()> {
    let running = host::start(ports, ()).await?;
    let (service, bank) = (running.service, running.bank_address);
    writeln!(out, "service  http://{service}/checkout  http://{service}/metrics  http://{service}/health")?;
    writeln!(out, "bank     http://{bank}/bank/mode")?;
    writeln!(out, "try      curl -X POST http://{service}/checkout?amount_cents=1000")?;
    writeln!(
        out,
        "         curl -H 'content-type: application/json' -d '{{\"mode\": \"failing\"}}' http://{bank}/bank/mode"
    )?;
    writeln!(out, "stop     Ctrl-C")?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
