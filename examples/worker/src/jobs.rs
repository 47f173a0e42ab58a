//! What producers and workers do, each in a process of its own.

use crate::{client, say};
use clap::Args;
use core::time::Duration;
use purlin::queue::Delivery;
use purlin_worker::{Claim, Client, ClientError, Enqueue};
use rand::Rng;
use tokio::time::sleep;

/// How long to wait before a server that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(50);
/// How long to wait before asking for work again when there was none.
const IDLE: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(crate) struct Produce {
    /// The server's URL.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    server: String,
    /// Messages are called after it: NAME-1, NAME-2 and so on. Started again under its name, it goes on where it was.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// How many messages.
    #[arg(long, default_value = "100")]
    count: u32,
    /// How long to wait between two of them, in milliseconds.
    #[arg(long, default_value = "10")]
    pause_ms: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Work {
    /// The server's URL.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    server: String,
    /// What the worker calls itself.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// How long a message takes at most, in milliseconds.
    #[arg(long, default_value = "20")]
    work_ms_max: u64,
}

pub(crate) async fn produce(produce: Produce) -> anyhow::Result<()> {
    let Produce { server, name, count, pause_ms } = produce;
    let client = client(&server)?;
    for number in 1..=count {
        let id = format!("{name}-{number}");
        let message = Enqueue { id: id.clone(), payload: format!("job {number} of {name}"), ..Enqueue::default() };
        enqueue(&client, &message).await?;
        say(format_args!("enqueued {id}"))?;
        sleep(Duration::from_millis(pause_ms)).await;
    }
    Ok(())
}

/// An id that is taken was put in by an earlier attempt of ours whose answer got lost.
async fn enqueue(client: &Client, message: &Enqueue) -> Result<(), ClientError> {
    match until_answered(async || client.enqueue(message).await).await {
        Err(error) if error.is_conflict() => Ok(()),
        done => done,
    }
}

pub(crate) async fn work(work: Work) -> anyhow::Result<()> {
    let client = client(&work.server)?;
    let claim = Claim { worker: work.name, max: 4, lease_ms: None };
    loop {
        let deliveries = until_answered(async || client.claim(&claim).await).await?;
        if deliveries.is_empty() {
            sleep(IDLE).await;
        }
        for delivery in deliveries {
            finish(&client, &delivery, work.work_ms_max).await?;
        }
    }
}

async fn finish(client: &Client, delivery: &Delivery, work_ms_max: u64) -> anyhow::Result<()> {
    let Delivery { id, token, attempt, .. } = delivery;
    say(format_args!("took {id} {attempt}"))?;
    let millis = rand::rng().random_range(0..=work_ms_max);
    sleep(Duration::from_millis(millis)).await;
    match until_answered(async || client.ack(*token).await).await {
        Ok(()) => say(format_args!("done {id}"))?,
        Err(error) if error.is_conflict() => say(format_args!("late {id}"))?,
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Asks again until somebody knows. Everything that is asked here may be asked twice.
async fn until_answered<T>(ask: impl AsyncFn() -> Result<T, ClientError>) -> Result<T, ClientError> {
    loop {
        match ask().await {
            Err(error) if error.is_unknown() || error.is_busy() => sleep(AGAIN).await,
            answered => return answered,
        }
    }
}
