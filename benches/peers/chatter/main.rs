//! The swarm beside madsim: `RUSTFLAGS="--cfg madsim" cargo bench --bench chatter` here prints the table of
//! `benches/README.md`. madsim is a simulator only under that flag, so a plain build has none of it.

#[cfg(madsim)]
mod beside;
#[cfg(madsim)]
#[path = "../../../sim/examples/chatter_speed/chatter.rs"]
mod chatter;
#[cfg(madsim)]
mod peer;
#[cfg(madsim)]
#[path = "../../../sim/examples/chatter_speed/plan.rs"]
mod plan;

#[cfg(madsim)]
fn main() -> Result<(), purlin_sim::InvalidPlan> {
    beside::compare()
}

#[cfg(not(madsim))]
fn main() {
    eprintln!("madsim simulates nothing in this build: RUSTFLAGS=\"--cfg madsim\" cargo bench --bench chatter");
}
