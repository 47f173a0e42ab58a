//! `purlin drive`: a machine at the other end of a pipe. One JSON line in, one JSON line out.

use crate::failure::{Failure, Verdict};
use crate::output::{print, print_while_read};
use crate::rooms;
use purlin::protocol::Protocol;
use purlin::{Clock, Host, Instant, Machine, Policy};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io::{self, BufRead};
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Drive one machine by hand: JSON lines in, JSON lines out
///
/// Each line {"at_ms": 5, "draws": [], "input": "ask"} is answered by one line {"reply": …, "effects": […], "state": …}.
/// `at_ns` or `at_ms` is the machine's own clock, which starts at 0 with its creation and never runs back. `draws` are
/// its throws of the die, in order, each below the bound that it asks for; those of its creation come first in the first
/// line, and those that it does not ask for are dropped. {"at_ms": 6, "reconfigure": {…}} changes its configuration. A
/// machine with a journal loses all but what it has persisted by {"at_ms": 7, "recover": true}, and only then may its
/// clock come back earlier; a bare "recover" does so at the present instant.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The room whose machine is driven
    room: String,
    /// Its configuration, as JSON or (by the file's ending) TOML; without it, the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the JSON Schema of configuration, lines, inputs, replies and effects, and stop
    #[arg(long)]
    schema: bool,
}

/// A room whose machine can be driven, whatever its types.
pub(crate) struct Drive {
    name: &'static str,
    drive: fn(Option<&Path>) -> Result<Verdict, Failure>,
    schema: fn() -> Value,
}

impl Drive {
    /// A policy, whose configuration is written as `Settings`.
    pub(crate) fn policy<P, Settings>(name: &'static str) -> Self
    where
        P: Policy<Input: JsonSchema, Reply: JsonSchema, Effect: JsonSchema>,
        Settings: JsonSchema,
    {
        let drive = |config: Option<&Path>| drive::<P>(config, Birth { fresh: P::new, recovered: None });
        Self { name, drive, schema: schema::<P, Settings> }
    }

    /// A protocol, whose configuration is written as `Settings`.
    pub(crate) fn protocol<P, Settings>(name: &'static str) -> Self
    where
        P: Protocol + Machine<Input: JsonSchema, Effect: JsonSchema>,
        Settings: JsonSchema,
    {
        let drive = |config: Option<&Path>| {
            let fresh = |config: &P::Config, hand: &mut Hand<P::Effect>| P::recover(config, P::Image::default(), hand);
            let recovered: Recover<P> = |machine, config, hand| P::recover(config, machine.image().clone(), hand);
            drive::<P>(config, Birth { fresh, recovered: Some(recovered) })
        };
        Self { name, drive, schema: schema::<P, Settings> }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    let rooms = rooms::driven();
    let room = rooms
        .iter()
        .find(|room| room.name == arguments.room)
        .ok_or_else(|| cannot_be_driven(&arguments.room, &rooms))?;
    if arguments.schema {
        print(format_args!("{:#}\n", (room.schema)()))?;
        return Ok(Verdict::Holds);
    }
    (room.drive)(arguments.config.as_deref())
}

fn cannot_be_driven(room: &str, rooms: &[Drive]) -> Failure {
    let names = rooms.iter().map(Drive::name).collect::<Vec<_>>().join(", ");
    Failure::new(format_args!("no machine `{room}` can be driven: choose one of {names}"))
}

fn schema<M, Settings>() -> Value
where
    M: Machine<Input: JsonSchema, Reply: JsonSchema, Effect: JsonSchema>,
    Settings: JsonSchema,
{
    json!({
        "config": schema_for!(Settings),
        "line": schema_for!(Line),
        "input": schema_for!(M::Input),
        "reply": schema_for!(M::Reply),
        "effect": schema_for!(M::Effect),
    })
}

/// How a machine comes to be.
struct Birth<M: Machine> {
    fresh: fn(&M::Config, &mut Hand<M::Effect>) -> M,
    /// What is left of a machine that has lost its memory, if it has a journal.
    recovered: Option<Recover<M>>,
}

type Recover<M> = fn(&M, &<M as Machine>::Config, &mut Hand<<M as Machine>::Effect>) -> M;

/// What comes in: an input, a new configuration or a recovery, and what the host says with it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The machine's clock in nanoseconds since its creation.
    at_ns: Option<u64>,
    /// The same in milliseconds.
    at_ms: Option<u64>,
    /// What the die shows, each time that the machine asks for it.
    #[serde(default)]
    draws: VecDeque<u32>,
    /// What happens to the machine: see the schema of inputs.
    input: Option<Value>,
    /// The configuration under which it goes on: see the schema of configurations.
    reconfigure: Option<Value>,
    /// The machine dies and goes on from what it has persisted.
    #[serde(default)]
    recover: bool,
}

impl Line {
    fn read(text: &str, now: Instant) -> Result<Self, String> {
        if text.trim() == "\"recover\"" {
            let at_ns = Some(now.as_nanos());
            return Ok(Self {
                at_ns,
                at_ms: None,
                draws: VecDeque::new(),
                input: None,
                reconfigure: None,
                recover: true,
            });
        }
        serde_json::from_str(text).map_err(|error| describe_json(&error))
    }

    fn instant(&self) -> Result<Instant, String> {
        match (self.at_ns, self.at_ms) {
            (Some(nanos), None) => Ok(Instant::from_nanos(nanos)),
            (None, Some(millis)) => Ok(Instant::from_millis(millis)),
            _ => Err("give either `at_ns` or `at_ms`".to_owned()),
        }
    }
}

#[derive(Serialize)]
struct Answer<'a, M: Machine> {
    reply: Option<M::Reply>,
    effects: Vec<M::Effect>,
    state: &'a M,
}

fn drive<M: Machine>(config: Option<&Path>, birth: Birth<M>) -> Result<Verdict, Failure> {
    let config = config.map_or_else(default_config::<M>, read_config)?;
    let mut driven = Driven::<M> { machine: None, birth, config, now: Instant::ORIGIN };
    let mut lines = io::stdin().lock();
    let mut text = String::new();
    for number in 1_u64.. {
        let in_line = |problem: &dyn fmt::Display| Failure::new(format_args!("line {number}: {problem}"));
        text.clear();
        if lines.read_line(&mut text).map_err(|error| in_line(&error))? == 0 {
            break;
        }
        if !text.trim().is_empty() && driven.answer(&text).map_err(|problem| in_line(&problem))?.is_break() {
            break;
        }
    }
    Ok(Verdict::Holds)
}

fn default_config<M: Machine>() -> Result<M::Config, Failure> {
    let config = serde_json::from_value(json!({}));
    config.map_err(|error| Failure::new(format_args!("this room needs a configuration (--config FILE): {error}")))
}

fn read_config<C: DeserializeOwned>(file: &Path) -> Result<C, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
    if file.extension().is_some_and(|extension| extension == "toml") {
        return toml::from_str(&text).map_err(|error| Failure::in_file(file, describe_toml(&text, &error)));
    }
    serde_json::from_str(&text).map_err(|error| Failure::in_file(file, error))
}

fn describe_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("{} at line {}", error.message(), before.matches('\n').count() + 1)
}

/// A machine and the clock that its driver turns. It is created with the first line, at the clock's origin.
struct Driven<M: Machine> {
    machine: Option<M>,
    birth: Birth<M>,
    config: M::Config,
    now: Instant,
}

impl<M: Machine> Driven<M> {
    /// Breaks off where nobody reads the answers any more.
    fn answer(&mut self, text: &str) -> Result<ControlFlow<()>, String> {
        let line = Line::read(text, self.now)?;
        let now = line.instant()?;
        if now < self.now && !line.recover {
            return Err(format!("time runs back from {} ns to {} ns", self.now.as_nanos(), now.as_nanos()));
        }
        self.now = now;
        let answer = self.step(line)?;
        let answer = serde_json::to_string(&answer).map_err(|error| error.to_string())?;
        print_while_read(format_args!("{answer}\n")).map_err(|failure| failure.to_string())
    }

    fn step(&mut self, line: Line) -> Result<Answer<'_, M>, String> {
        let mut hand = Hand { now: Instant::ORIGIN, draws: line.draws, effects: Vec::new(), problem: None };
        let machine = self.machine.get_or_insert_with(|| (self.birth.fresh)(&self.config, &mut hand));
        hand.now = self.now;
        let reply = match (line.input, line.reconfigure, line.recover) {
            (Some(input), None, false) => {
                let input = serde_json::from_value(input).map_err(|error| format!("`input`: {error}"))?;
                Some(machine.step(&self.config, input, &mut hand))
            }
            (None, Some(config), false) => {
                let config = serde_json::from_value(config).map_err(|error| format!("`reconfigure`: {error}"))?;
                machine.reconfigure(&self.config, &config, &mut hand);
                self.config = config;
                None
            }
            (None, None, true) => {
                let recover = self.birth.recovered.ok_or("`recover`: this machine has no journal to recover from")?;
                *machine = recover(machine, &self.config, &mut hand);
                None
            }
            _ => return Err("give one of `input`, `reconfigure` and `\"recover\": true`".to_owned()),
        };
        hand.problem.map_or(Ok(Answer { reply, effects: hand.effects, state: machine }), Err)
    }
}

/// The parser counts lines within the one line that it was given; only the column tells.
fn describe_json(error: &serde_json::Error) -> String {
    error.to_string().replace("at line 1 column", "at column")
}

/// The host of one line.
struct Hand<Effect> {
    now: Instant,
    draws: VecDeque<u32>,
    effects: Vec<Effect>,
    problem: Option<String>,
}

impl<Effect> Clock for Hand<Effect> {
    fn now(&self) -> Instant {
        self.now
    }
}

impl<Effect> Host<Effect> for Hand<Effect> {
    /// A machine cannot be refused a throw. A bad one is shown as zero and the whole line is answered by the problem.
    fn choose(&mut self, bound: NonZeroU32) -> u32 {
        let problem = match self.draws.pop_front() {
            Some(draw) if draw < bound.get() => return draw,
            Some(draw) => format!("`draws`: {draw} is not below the bound {bound} that the machine asks for"),
            None => format!("`draws`: too few, the machine asks for one more below {bound}"),
        };
        self.problem.get_or_insert(problem);
        0
    }

    fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}
