//! Appends that were handed over while earlier ones are under way.

use super::desk::{Done, Writing};
use crate::journal::{Appending, JournalError, Pipeline};
use core::future::pending;
use purlin::protocol::Protocol;
use std::collections::VecDeque;

/// A journal's pipeline, and what is in it.
pub(super) struct Ahead<P: Protocol, E> {
    pipeline: Box<dyn Pipeline<P, E>>,
    under_way: VecDeque<(Writing, Appending<E>)>,
    records: usize,
}

impl<P: Protocol, E> Ahead<P, E> {
    pub(super) fn new(pipeline: Box<dyn Pipeline<P, E>>) -> Self {
        Self { pipeline, under_way: VecDeque::new(), records: 0 }
    }

    pub(super) fn hand_over(&mut self, records: Vec<P::Record>, writing: Writing) {
        self.records += writing.records;
        self.under_way.push_back((writing, self.pipeline.append(records)));
    }

    /// Waits for the first of them; for ever if there is none. Dropping the future loses nothing.
    pub(super) async fn first(&mut self) -> Result<Done<P>, JournalError<E>> {
        let Some((_, append)) = self.under_way.front_mut() else { return pending().await };
        append.await?;
        let Some((writing, _)) = self.under_way.pop_front() else { return pending().await };
        self.records -= writing.records;
        Ok(writing.done())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Records that wait behind the first append.
    pub(super) fn waiting(&self) -> usize {
        self.records - self.under_way.front().map_or(0, |(writing, _)| writing.records)
    }
}
