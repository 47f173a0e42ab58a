//! The demonstration: a bank that fails and recovers by a script, under load, and the breaker's states as they change.

use crate::host::{self, Ports};
use hyper_util::client::legacy::connect::HttpConnector;
use purlin::breaker::{Event, State};
use purlin_checkout::Mode;
use purlin_checkout::load::{self, Counts, Load, Tally};
use purlin_std::OnEffect;
use std::collections::BTreeSet;
use std::io::Write;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, timeout_at};

/// How the bank behaves, and for how many seconds.
const SCRIPT: [(Mode, u64); 5] =
    [(Mode::Healthy, 2), (Mode::Failing, 4), (Mode::Healthy, 4), (Mode::Hanging, 3), (Mode::Healthy, 4)];
/// Far more than the script brings about.
const EVENTS_MAX: usize = 1_024;

/// Runs the script. False if the breaker did not do what it is there for.
pub(crate) async fn run(ports: Ports, requests_per_second: NonZeroU32, out: &mut impl Write) -> anyhow::Result<bool> {
    let (sender, events) = channel(EVENTS_MAX);
    // A full channel loses lines of the show, never a call.
    let observer = OnEffect(move |event: Event| {
        let _ = sender.try_send(event);
    });
    let running = host::start(ports, observer).await?;
    let lasts = Duration::from_secs(SCRIPT.iter().map(|(_, seconds)| seconds).sum());
    let tally = Arc::new(Tally::default());
    let load = Load { target: host::authority(running.service), requests_per_second, lasts };
    let shoppers = tokio::spawn(load::run(load, HttpConnector::new(), Arc::clone(&tally)));

    writeln!(
        out,
        "service http://{0}/checkout and http://{0}/metrics, bank {1}",
        running.service, running.bank_address
    )?;
    writeln!(out, "{requests_per_second} requests a second for {} seconds\n", lasts.as_secs())?;
    let mut show = Show::new(out, events, tally);
    for (mode, seconds) in SCRIPT {
        running.bank.switch(mode);
        show.phase(mode, seconds).await?;
    }
    shoppers.await?;
    show.conclude()
}

struct Show<'a, W> {
    out: &'a mut W,
    events: Receiver<Event>,
    tally: Arc<Tally>,
    told: Counts,
    began: Instant,
    second: u64,
    state: State,
    seen: BTreeSet<State>,
}

impl<'a, W: Write> Show<'a, W> {
    fn new(out: &'a mut W, events: Receiver<Event>, tally: Arc<Tally>) -> Self {
        let (told, began, state) = (Counts::default(), Instant::now(), State::Closed);
        Self { out, events, tally, told, began, second: 0, state, seen: BTreeSet::new() }
    }

    async fn phase(&mut self, mode: Mode, seconds: u64) -> anyhow::Result<()> {
        self.line(format_args!("            -- the bank is {} --", name(mode)))?;
        for _ in 0..seconds {
            self.second += 1;
            self.transitions_until(self.began + Duration::from_secs(self.second)).await?;
            let counts = self.tally.counts();
            let state = self.state.name();
            self.line(format_args!("{state:<10}  {}", counts.since(self.told)))?;
            self.told = counts;
        }
        Ok(())
    }

    async fn transitions_until(&mut self, deadline: Instant) -> anyhow::Result<()> {
        while let Ok(Some(event)) = timeout_at(deadline, self.events.recv()).await {
            if let Event::Transitioned { from, to, reason, .. } = event {
                self.state = to;
                self.seen.insert(to);
                let (from, to, reason) = (from.name(), to.name(), reason.name());
                self.line(format_args!("            >> {from} -> {to}  ({reason})"))?;
            }
        }
        Ok(())
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
        writeln!(self.out, "{:>5.1} s  {text}", self.began.elapsed().as_secs_f64())?;
        Ok(self.out.flush()?)
    }

    fn conclude(self) -> anyhow::Result<bool> {
        let shown = self.state == State::Closed && [State::Open, State::HalfOpen].iter().all(|s| self.seen.contains(s));
        let verdict = match shown {
            true => "the circuit opened, half-opened and closed again",
            false => "the circuit did not open, half-open and close again: is this machine overloaded?",
        };
        writeln!(self.out, "\n{}\n{verdict}", self.tally.counts())?;
        Ok(shown)
    }
}

fn name(mode: Mode) -> &'static str {
    match mode {
        Mode::Healthy => "healthy",
        Mode::Flaky => "flaky",
        Mode::Failing => "failing",
        Mode::Overloaded => "overloaded",
        Mode::Hanging => "hanging",
    }
}
