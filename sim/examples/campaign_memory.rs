//! What a campaign takes of memory, over how many seeds: `cargo run -p purlin-sim --example campaign_memory [holds|fails]
//! [SEEDS] [DIR]`.
//!
//! The scenario is as small as can be: somebody puts a few messages into a queue. So a million seeds, which is how many
//! there are unless given, take minutes. In `fails` every one of them breaks a property. With a directory the results
//! are kept; the same command again then shows what resuming costs. Prints, at every tenth of the way, what is resident
//! and what was so at most.

#![allow(clippy::print_stdout, reason = "it is a report")]

use core::time::Duration;
use purlin::Instant;
use purlin::queue::{Answer, NewMessage, Queue, Request, Settings};
use purlin_sim::checker::{Coverage, Judge, Violation, claim};
use purlin_sim::cluster::{Client, Cluster, Desk, Event, Node, Occasion, Recovery, Setting};
use purlin_sim::{Campaign, Die, InvalidPlan, Progress, Scenario, Tier};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let scenario = match arguments.next().as_deref() {
        None | Some("holds") => Scenario::of_protocol::<Letters<false>>(),
        Some("fails") => Scenario::of_protocol::<Letters<true>>(),
        Some(other) => return Err(format!("{other:?} is neither holds nor fails").into()),
    };
    let seeds: u64 = arguments.next().map_or(Ok(1_000_000), |seeds| seeds.parse())?;
    let out = arguments.next().map(PathBuf::from);
    let campaign = Campaign { out, ..Campaign::new(Tier::Swarm, 0..seeds) };
    tell("before", 0)?;
    let summary = campaign.run(&scenario, &|Progress { done, .. }| {
        if done.is_multiple_of((seeds / 10).max(1)) {
            tell("seeds", done).expect("the system tells what it has given");
        }
    })?;
    let (events, cpu) = (summary.events, summary.cpu_seconds);
    println!("{} held, {} did not; {events} events in {cpu:.1} CPU-s", summary.passed, summary.violated());
    println!("campaign hash {}", summary.trace_hash);
    Ok(())
}

/// What Linux says that this process has, and has had at most.
fn tell(what: &str, count: u64) -> std::io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown").trim();
    println!("{what} {count:>9}: resident {}, at most {}", of("VmRSS:"), of("VmHWM:"));
    Ok(())
}

/// Somebody puts letters in, one after the other, and they are accepted: which `FORBIDDEN` says that they may not be.
struct Letters<const FORBIDDEN: bool>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Options {
    letters: u32,
}

impl<const FORBIDDEN: bool> Cluster for Letters<FORBIDDEN> {
    const NAME: &'static str = "letters";
    const ROOM: &'static str = "queue";
    const SUMMARY: &'static str = "a few letters are put in";
    const ALWAYS: &'static [&'static str] = &["letters_are_refused"];
    const SOMETIMES: &'static [&'static str] = &[];
    type Protocol = Queue;
    type Options = Options;
    type Client = Sender;
    type Judge = Clerk;

    fn draw(die: &mut Die) -> Options {
        Options { letters: die.between(1, 4) as u32 }
    }

    fn check(options: &Options) -> Result<(), InvalidPlan> {
        InvalidPlan::unless(options.letters >= 1, "letters", options.letters, "give at least 1")
    }

    fn nodes(_options: &Options) -> Vec<Node<Queue>> {
        vec![Node::alone(Settings::default().validate().expect("the defaults are valid"))]
    }

    fn clients(setting: &Setting<Options>) -> Vec<Sender> {
        vec![Sender { next: 0, letters: setting.workload.letters }]
    }

    fn judge(_setting: &Setting<Options>) -> Clerk {
        Clerk { forbidden: FORBIDDEN }
    }

    fn recovery(setting: &Setting<Options>) -> Recovery {
        let answer_ms = 3 * setting.environment.slowest_ms();
        Recovery { within_ms: 1_000, calm_ms: 1_000, answer_ms }
    }
}

#[derive(Clone)]
struct Sender {
    next: u32,
    letters: u32,
}

impl Client<Queue> for Sender {
    fn act(&mut self, occasion: Occasion<'_, Queue>, desk: &mut Desk<'_, Queue>) {
        match occasion {
            Occasion::Answered { .. } => self.next += 1,
            Occasion::Unanswered { .. } => return desk.wake_after(Duration::from_millis(100)),
            _ => {}
        }
        if self.next < self.letters {
            let id = self.next.to_string();
            desk.ask(0, Request::Enqueue(NewMessage { id, ..NewMessage::default() }));
        }
    }
}

#[derive(Clone)]
struct Clerk {
    forbidden: bool,
}

impl Judge for Clerk {
    type Event<'a> = Event<'a, Queue>;

    fn observe(&mut self, _at: Instant, event: &Event<'_, Queue>) -> Result<(), Violation> {
        let accepted = matches!(event, Event::Answered { answer: Answer::Ok, .. });
        claim("letters_are_refused", !(self.forbidden && accepted), || "one was accepted".to_owned())
    }

    fn conclude(&mut self, _end: Instant) -> Result<(), Violation> {
        Ok(())
    }

    fn coverage(&self) -> Coverage {
        Coverage::default()
    }
}
