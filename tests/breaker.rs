//! The breaker's stories: transcripts that are run, and compared with what they said when they were last read.
//!
//! A transcript is a list of commands, each followed by what came of it. `PURLIN_REWRITE=1 cargo test --test breaker`
//! rewrites the answers; the difference is for a person to read.
//!
//! ```text
//! > config {"window":{"count":2}}     a fresh breaker
//! > at 5 ask a                        at 5 ms, a call named a asks
//! > at 9 end a failure                it ends
//! > at 9 tick | control reset | reconfigure {…}
//! ```

use core::num::NonZeroU32;
use purlin::breaker::{Breaker, Config, Event, Input, Permit, Reply};
use purlin::{Clock, Host, Instant, Machine, Policy};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn every_transcript_still_tells_the_same_story() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/breaker");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().for_each(|file| compare(file));
}

fn compare(file: &Path) {
    let written = std::fs::read_to_string(file).unwrap();
    let told = retell(&written);
    if std::env::var_os("PURLIN_REWRITE").is_some() {
        std::fs::write(file, &told).unwrap();
    } else {
        assert_eq!(told, written, "{} tells another story", file.display());
    }
}

/// The same commands and comments, with the answers of today.
fn retell(written: &str) -> String {
    let mut story = Story::default();
    let mut told = String::new();
    for line in written.lines().filter(|line| line.is_empty() || line.starts_with(['#', '>'])) {
        writeln!(told, "{line}").unwrap();
        if let Some(command) = line.strip_prefix("> ") {
            told += &story.run(command);
        }
    }
    told
}

#[derive(Default)]
struct Story {
    teller: Teller,
    config: Option<Config>,
    breaker: Option<Breaker>,
    calls: BTreeMap<String, Permit>,
}

/// A host that writes down what is emitted.
#[derive(Default)]
struct Teller {
    now: Instant,
    events: Vec<Event>,
}

impl Clock for Teller {
    fn now(&self) -> Instant {
        self.now
    }
}

impl Host<Event> for Teller {
    fn choose(&mut self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
}

impl Story {
    fn run(&mut self, command: &str) -> String {
        if let Some(config) = command.strip_prefix("config ") {
            let config: Config = serde_json::from_str(config).unwrap();
            self.breaker = Some(Breaker::new(&config, &mut self.teller));
            self.config = Some(config);
            return self.outcome(None);
        }
        let (at, action) = command.strip_prefix("at ").and_then(|rest| rest.split_once(' ')).expect("at MS ACTION");
        self.teller.now = Instant::from_millis(at.parse().unwrap());
        self.act(action)
    }

    fn act(&mut self, action: &str) -> String {
        match action.split(' ').collect::<Vec<_>>()[..] {
            ["ask", name] => {
                let reply = self.step(Input::Ask);
                self.calls.extend(Breaker::granted(reply).ok().map(|permit| (name.to_owned(), permit)));
                self.outcome(Some(reply))
            }
            ["end", name, outcome] => {
                let permit = self.calls.remove(name).expect("a call that was admitted");
                let outcome = serde_json::from_str(&format!("\"{outcome}\"")).unwrap();
                let reply = self.step(Input::End { permit, outcome });
                self.outcome(Some(reply))
            }
            ["control", control] => {
                let control = serde_json::from_str(&format!("\"{control}\"")).unwrap();
                let reply = self.step(Input::Control(control));
                self.outcome(Some(reply))
            }
            ["tick"] => {
                let reply = self.step(Input::Tick);
                self.outcome(Some(reply))
            }
            ["reconfigure", config] => {
                let config: Config = serde_json::from_str(config).unwrap();
                let old = self.config.replace(config.clone()).unwrap();
                self.breaker.as_mut().unwrap().reconfigure(&old, &config, &mut self.teller);
                self.outcome(None)
            }
            _ => panic!("no such action: {action}"),
        }
    }

    fn step(&mut self, input: Input) -> Reply {
        self.breaker.as_mut().unwrap().step(self.config.as_ref().unwrap(), input, &mut self.teller)
    }

    fn outcome(&mut self, reply: Option<Reply>) -> String {
        let mut told = String::new();
        if let Some(reply) = reply {
            writeln!(told, "  {}", serde_json::to_string(&reply).unwrap()).unwrap();
        }
        for event in self.teller.events.drain(..) {
            writeln!(told, "  ! {}", serde_json::to_string(&event).unwrap()).unwrap();
        }
        let breaker = self.breaker.as_ref().unwrap();
        let totals = breaker.window().totals();
        let (state, epoch) = (breaker.state().name(), breaker.epoch().0);
        writeln!(
            told,
            "  = {state}, epoch {epoch}, {} calls, {} failed, {} slow",
            totals.calls, totals.failed, totals.slow
        )
        .unwrap();
        told
    }
}
