//! Campaigns on many machines, here as processes: shards that are killed, resumed and merged; and what a cluster is given.

#[path = "support/command.rs"]
mod command;

#[path = "campaign/deployed.rs"]
mod deployed;
#[path = "campaign/merged.rs"]
mod merged;
