//! What a driver leans on, and what it tells.

use super::{P, Props, Refused, Stage, Station};
use crate::checker::claim;
use crate::cluster::disk::DiskFailed;
use crate::cluster::history::Event;
use crate::cluster::judges::claims;
use crate::cluster::{Cluster, Machines, View};
use core::num::NonZeroU32;
use core::time::Duration;
use purlin::Instant;
use purlin::protocol::{Effect, Protocol};

/// What was read back: nothing, if the machine has asked for what is not there.
type Read<L> = Result<Option<L>, DiskFailed>;

impl<C: Cluster> Stage<C> {
    /// What the node's process sees: its clock never runs back for it.
    pub(in crate::cluster::full_stack) fn now(&self, at: Instant, node: u32) -> Instant {
        let mut props = self.lock();
        let station = props.station(node);
        station.floor = station.clock.read(at).max(station.floor);
        station.floor
    }

    pub(in crate::cluster::full_stack) fn real(&self, node: u32, local: Duration) -> Duration {
        self.lock().station(node).clock.real(local)
    }

    pub(in crate::cluster::full_stack) fn choose(&self, at: Instant, node: u32, bound: NonZeroU32) -> u32 {
        let mut props = self.lock();
        let thrown = props.station(node).die.choose(bound);
        let face = props.faults.loaded(node, bound).unwrap_or(thrown);
        props.record(at, &Event::Thrown { node, face });
        face
    }

    /// A machine has stepped, and asks for this.
    pub(in crate::cluster::full_stack) fn stepped(
        &self,
        at: Instant,
        node: u32,
        machine: &P<C>,
        effects: &[Effect<P<C>>],
    ) {
        let mut props = self.lock();
        props.steps += 1;
        let station = props.station(node);
        station.machine = Some(machine.clone());
        for effect in effects {
            if let Effect::Persist(record) = effect {
                station.disk.persist(record.clone());
            }
        }
        props.depict(at, node, machine);
        let panorama = Panorama { nodes: &props.nodes, now: at };
        let view = View { stepped: node, steps: props.steps, now: at, machines: &panorama };
        let found = C::inspect(&props.setting, &view);
        props.note(found);
    }

    pub(in crate::cluster::full_stack) fn notify(&self, at: Instant, node: u32, event: &<P<C> as Protocol>::Event) {
        let clock = self.now(at, node);
        self.record(at, &Event::Notified { node, clock, event });
        // The clients may be gone already, at the end.
        let _ = self.notices.send((node, event.clone()));
    }

    /// Hands records to the disk: those that the machine has persisted, in its order. Tells how long the sync takes.
    pub(in crate::cluster::full_stack) fn write(
        &self,
        at: Instant,
        node: u32,
        records: &[<P<C> as Protocol>::Record],
    ) -> Result<Duration, Refused> {
        let mut props = self.lock();
        let fits = props.station(node).disk.unwritten().starts_with(records);
        props.note(claim(claims::RECORDS_ARE_WRITTEN_IN_ORDER, fits, || {
            format!("node {node} writes {records:?}, which is not what its machine has persisted first")
        }));
        props.hand_over(at, node, records.len())
    }

    /// Puts the image in the place of all records.
    pub(in crate::cluster::full_stack) fn compact(
        &self,
        at: Instant,
        node: u32,
        image: &<P<C> as Protocol>::Image,
    ) -> Result<Duration, Refused> {
        let mut props = self.lock();
        let disk = &props.station(node).disk;
        let (holds, all) = (disk.folds_to(image), disk.unwritten().len());
        props.note(claim(claims::IMAGE_IS_THE_FOLD_OF_ITS_RECORDS, holds, || {
            format!("node {node} compacts its journal into {image:?}, which is not what its records say")
        }));
        props.hand_over(at, node, all)
    }

    /// What was handed over is durable.
    pub(in crate::cluster::full_stack) fn synced(&self, at: Instant, node: u32) -> Result<(), DiskFailed> {
        let mut props = self.lock();
        let disk = &mut props.station(node).disk;
        disk.sync()?;
        let records = disk.synced();
        props.record(at, &Event::Synced { node, records });
        Ok(())
    }

    pub(in crate::cluster::full_stack) fn load(
        &self,
        at: Instant,
        node: u32,
        load: <P<C> as Protocol>::Load,
    ) -> (Read<<P<C> as Protocol>::Loaded>, Duration) {
        let Props { setting, faults, nodes, .. } = &mut *self.lock();
        let Station { disk, disk_die, .. } = &mut nodes[node as usize];
        let takes = faults.sync(at, disk_die, setting.environment.sync, node);
        let loaded = if disk.is_readable() { Ok(P::<C>::lookup(disk.records(), load)) } else { Err(DiskFailed) };
        (loaded, takes)
    }
}

impl<C: Cluster> Props<C> {
    fn hand_over(&mut self, at: Instant, node: u32, records: usize) -> Result<Duration, Refused> {
        let Self { setting, faults, nodes, recorder, entries, .. } = self;
        let Station { disk, disk_die, usurpers, .. } = &mut nodes[node as usize];
        if *usurpers > 0 {
            return Err(Refused::Usurped);
        }
        for record in disk.write(records).map_err(|DiskFailed| Refused::DiskFailed)? {
            if let Some(recorder) = recorder {
                recorder.record(at, &Event::Written { node, record });
                *entries += 1;
            }
        }
        Ok(faults.sync(at, disk_die, setting.environment.sync, node))
    }
}

/// The machines as they stood after their last steps.
struct Panorama<'a, P: Protocol> {
    nodes: &'a [Station<P>],
    now: Instant,
}

impl<P: Protocol> Machines<P> for Panorama<'_, P> {
    fn machine(&self, node: u32) -> Option<&P> {
        self.nodes.get(node as usize)?.machine.as_ref()
    }

    fn clock(&self, node: u32) -> Instant {
        self.nodes.get(node as usize).map_or(Instant::ORIGIN, |station| station.clock.read(self.now).max(station.floor))
    }

    fn count(&self) -> u32 {
        self.nodes.len() as u32
    }
}
