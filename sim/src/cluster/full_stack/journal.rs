//! A journal on a simulated disk, for the production driver.

use super::stage::{Refused, Stage};
use crate::cluster::Cluster;
use crate::cluster::disk::DiskFailed;
use crate::stack::HostTime;
use core::future::Future;
use core::time::Duration;
use purlin::protocol::Protocol;
use purlin_tokio::{Journal, JournalError};
use std::sync::Arc;
use tokio::time::sleep;

type P<C> = <C as Cluster>::Protocol;

/// One process's journal. What it has not synced when the process ends is subject to the laws of the simulated disk.
pub(super) struct DiskJournal<C: Cluster> {
    pub(super) stage: Arc<Stage<C>>,
    pub(super) node: u32,
    pub(super) time: HostTime,
    pub(super) records: u64,
}

impl<C: Cluster> DiskJournal<C> {
    /// Waits for a sync that has begun.
    async fn sync(&self, begun: Result<Duration, Refused>) -> Result<(), JournalError<DiskFailed>> {
        let takes = begun.map_err(|why| match why {
            Refused::Usurped => JournalError::Refused,
            Refused::DiskFailed => JournalError::Failed(DiskFailed),
        })?;
        sleep(takes).await;
        self.stage.synced(self.time.now(), self.node).map_err(JournalError::Failed)
    }
}

impl<C: Cluster> Journal<P<C>> for DiskJournal<C> {
    type Error = DiskFailed;

    async fn append(&mut self, records: Vec<<P<C> as Protocol>::Record>) -> Result<(), JournalError<DiskFailed>> {
        let begun = self.stage.write(self.time.now(), self.node, &records);
        self.sync(begun).await?;
        self.records += records.len() as u64;
        Ok(())
    }

    fn load(
        &mut self,
        load: <P<C> as Protocol>::Load,
    ) -> impl Future<Output = Result<Option<<P<C> as Protocol>::Loaded>, JournalError<DiskFailed>>> + Send {
        let (loaded, takes) = self.stage.load(self.time.now(), self.node, load);
        async move {
            sleep(takes).await;
            loaded.map_err(JournalError::Failed)
        }
    }

    async fn compact(&mut self, image: <P<C> as Protocol>::Image) -> Result<(), JournalError<DiskFailed>> {
        let begun = self.stage.compact(self.time.now(), self.node, &image);
        self.sync(begun).await?;
        self.records = 0;
        Ok(())
    }

    fn records(&self) -> u64 {
        self.records
    }
}
