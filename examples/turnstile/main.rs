//! A machine of one's own, from its model to its threads: `cargo run --release --example turnstile`.
//!
//! `machine.rs` is the machine. Here the same code is first explored by the model checker, every state of it, and then
//! shared by threads, which step it by compare-and-swap. The laws of machines try it in `tests/laws/turnstile.rs`.

#[allow(unreachable_pub, reason = "the laws and loom take this file as a module too")]
mod machine;

use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU64, Ordering};
use machine::{Config, Event, Reply, Turnstile};
use purlin::{Admission, Clock, Instant, Keeper, Shared};
use purlin_models::caller::{Always, CallerScope, Claims, SomeStep, Sometimes};
use purlin_models::{Model, PolicyModel, Scope};
use std::io::{self, Write};

const PLACES: NonZeroU32 = NonZeroU32::new(3).unwrap();
const GUESTS: usize = 5;
const THREADS: usize = 4;
const VISITS: u64 = 100_000;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let report = model().check(&|_| {});
    writeln!(out, "explored {} states, complete: {}", report.unique_states, report.complete)?;
    for property in &report.properties {
        writeln!(
            out,
            "  {:?} {}: {}",
            property.kind,
            property.name,
            if property.holds { "holds" } else { "VIOLATED" }
        )?;
    }

    let (entered, filled) = storm();
    writeln!(
        out,
        "{THREADS} threads paid {} visits and got in {entered} times; the last place was taken {filled} times",
        THREADS as u64 * VISITS
    )?;
    let proven = report.complete && report.properties.iter().all(|property| property.holds);
    if proven { Ok(()) } else { Err(io::Error::other("a property is violated")) }
}

/// More guests than places, in every order in which they can come and go.
fn model() -> PolicyModel<Turnstile> {
    let claims: Claims<Turnstile> = Claims {
        always: vec![
            Always {
                name: "no more are inside than there are places",
                holds: |world, config| world.machine.inside() <= config.places.get(),
            },
            Always {
                name: "who is inside holds a ticket",
                holds: |world, _| world.machine.inside() as usize == world.held.len(),
            },
        ],
        sometimes: vec![Sometimes {
            name: "all places are taken",
            holds: |world, config| world.machine.inside() == config.places.get(),
        }],
        some_step: vec![SomeStep {
            name: "a guest is turned away",
            holds: |step| step.exchange().is_some_and(|(_, reply)| *reply == Reply::Full),
        }],
        ..Claims::default()
    };
    let world = CallerScope::new(Config { places: PLACES }, GUESTS, [()]);
    PolicyModel::new("turnstile", "five guests, three places", Scope::Quick, world, claims)
}

/// Needs neither time nor dice; counts what the turnstile announces.
#[derive(Default)]
struct Porter {
    filled: AtomicU64,
}

impl Clock for Porter {
    fn now(&self) -> Instant {
        Instant::ORIGIN
    }
}

impl Keeper<Turnstile> for Porter {
    fn choose(&self, _bound: NonZeroU32) -> u32 {
        0
    }

    fn happened(&self, Event::Filled: Event) {
        self.filled.fetch_add(1, Ordering::Relaxed);
    }
}

/// The same machine, in one word that threads share. Dropping an admission is leaving.
fn storm() -> (u64, u64) {
    let shared = Shared::<Turnstile, _>::fresh(Config { places: PLACES }, Porter::default());
    let visit = || {
        (0..VISITS)
            .filter(|_| Admission::<Turnstile, _>::ask(&shared).inspect(|_| std::thread::yield_now()).is_ok())
            .count() as u64
    };
    let entered = std::thread::scope(|scope| {
        let guests: Vec<_> = (0..THREADS).map(|_| scope.spawn(visit)).collect();
        guests.into_iter().map(|guest| guest.join().expect("no visit panics")).sum()
    });
    assert_eq!(shared.peek().inside(), 0, "everybody has left");
    (entered, shared.keeper().filled.load(Ordering::Relaxed))
}
