//! Faults of clusters, drawn for one run.

use crate::cluster::environment::{ClockBounds, Environment};
use crate::die::Die;
use crate::plan::{FaultKind, Law, Link, Nodes, Ratio, Span};

/// What may go wrong in one run: some kinds of faults, and not the others. A run in which everything fails at once hides
/// what few faults would show.
pub(in crate::cluster) struct Arsenal<'a> {
    kinds: Vec<Draw>,
    scene: Scene<'a>,
}

/// Where faults are to strike.
struct Scene<'a> {
    nodes: u32,
    versions: u32,
    environment: &'a Environment,
    bounds: ClockBounds,
}

type Draw = fn(&mut Die, &Scene<'_>) -> FaultKind;

impl<'a> Arsenal<'a> {
    /// Chooses the kinds for a run: on average half of them.
    pub(in crate::cluster) fn choose(
        die: &mut Die,
        nodes: u32,
        versions: u32,
        environment: &'a Environment,
        bounds: ClockBounds,
    ) -> Self {
        let scene = Scene { nodes, versions, environment, bounds };
        let links: &[(u32, Draw)] = if nodes > 1 { &OF_LINKS } else { &[] };
        let upgrades: &[(u32, Draw)] = if versions > 1 { &[(3, upgrade)] } else { &[] };
        let all = || OF_NODES.iter().chain(links).chain(upgrades);
        let mut kinds: Vec<Draw> = all().filter(|_| die.below(2) == 0).flat_map(weighed).collect();
        if kinds.is_empty() {
            kinds = all().flat_map(weighed).collect();
        }
        Self { kinds, scene }
    }

    /// Draws one of them.
    pub(in crate::cluster) fn draw(&self, die: &mut Die) -> FaultKind {
        let draw = *die.pick(&self.kinds);
        draw(die, &self.scene)
    }
}

fn weighed(&(weight, draw): &(u32, Draw)) -> impl Iterator<Item = Draw> {
    (0..weight).map(move |_| draw)
}

/// How often each kind comes, beside the others.
const OF_NODES: [(u32, Draw); 21] = [
    (3, |die, scene| FaultKind::Kill { node: scene.node(die) }),
    (3, |die, scene| FaultKind::PowerLoss { node: scene.node(die) }),
    (1, |die, scene| FaultKind::Restart { node: scene.node(die) }),
    (1, |die, scene| FaultKind::Usurp { node: scene.node(die) }),
    (1, |die, scene| FaultKind::Pause { node: scene.node(die) }),
    (1, |die, scene| FaultKind::SlowNode { node: scene.node(die), extra: service(die) }),
    (1, |die, scene| FaultKind::Destroy { node: scene.node(die) }),
    (1, |die, scene| {
        let node = scene.node(die);
        FaultKind::SlowDisk { node, extra: slowness(die, scene.environment.sync.most_ms) }
    }),
    (1, |die, scene| FaultKind::TornWrite { node: scene.node(die) }),
    (1, |die, scene| FaultKind::BitRot { node: scene.node(die), bits: die.between(1, 8) as u32 }),
    (1, |die, scene| FaultKind::MisdirectedWrite { node: scene.node(die) }),
    (1, |die, scene| FaultKind::FsyncError { node: scene.node(die) }),
    (1, |die, scene| FaultKind::FullDisk { node: scene.node(die) }),
    (1, |die, scene| FaultKind::ReadError { node: scene.node(die) }),
    (1, |die, scene| FaultKind::ClockJump { node: scene.node(die), forward_ms: die.between(1, 5_000) }),
    (1, |die, scene| FaultKind::ClockBack { node: scene.node(die), back_ms: die.between(1, 5_000) }),
    (1, |die, scene| FaultKind::ClockFreeze { node: scene.node(die) }),
    (1, |die, scene| {
        let (node, most) = (scene.node(die), i64::from(scene.bounds.drift_ppm_max));
        let drift = die.between(0, 2 * most.unsigned_abs()).cast_signed() - most;
        FaultKind::ClockDrift { node, drift_ppm: i32::try_from(drift).unwrap_or(0) }
    }),
    (1, |die, scene| FaultKind::LoadedDie { node: scene.node(die), face: die.below(3) as u32 }),
    (1, |die, _| FaultKind::Spike { factor: die.between(2, 20) as u32 }),
    (1, |_, _| FaultKind::Herd),
];

const OF_LINKS: [(u32, Draw); 9] = [
    (1, |die, scene| FaultKind::Lose { share: share(die), link: scene.link(die) }),
    (1, |die, scene| FaultKind::Duplicate { share: share(die), link: scene.link(die) }),
    (1, |die, scene| FaultKind::Reorder { share: share(die), extra: span(die, 200), link: scene.link(die) }),
    (2, |die, scene| {
        let extra = slowness(die, scene.environment.link.most_ms);
        FaultKind::Delay { extra, law: *die.pick(&[Law::Even, Law::Halving]), link: scene.link(die) }
    }),
    (3, |die, scene| FaultKind::Partition { groups: scene.groups(die), one_way: die.below(3) == 0 }),
    (1, |die, scene| FaultKind::Bridge { node: scene.node(die) }),
    (1, |_, _| FaultKind::Ring),
    (1, |die, scene| {
        let groups = scene.groups(die);
        FaultKind::Flap { groups, cut_ms: die.between(1, 300), free_ms: die.between(1, 300) }
    }),
    (1, |die, scene| {
        let bytes_per_second = *die.pick(&[100, 1_000, 10_000]);
        FaultKind::Bandwidth { bytes_per_second, queue_bytes: die.between(50, 500), link: scene.link(die) }
    }),
];

fn upgrade(die: &mut Die, scene: &Scene<'_>) -> FaultKind {
    FaultKind::Upgrade { node: scene.node(die), version: die.below(scene.versions.into()) as u32 }
}

impl Scene<'_> {
    fn node(&self, die: &mut Die) -> u32 {
        die.below(self.nodes.into()) as u32
    }

    fn link(&self, die: &mut Die) -> Option<Link> {
        let from = self.node(die);
        let to = (from + 1 + die.below(u64::from(self.nodes) - 1) as u32) % self.nodes;
        (die.below(2) == 0).then_some(Link { from, to })
    }

    /// Every node is in one of the groups, and no group is empty.
    fn groups(&self, die: &mut Die) -> [Nodes; 2] {
        let alone = self.node(die);
        let other = (alone + 1) % self.nodes;
        let mut groups = [Nodes::NONE.with(alone), Nodes::NONE.with(other)];
        for node in (0..self.nodes).filter(|node| *node != alone && *node != other) {
            let group = &mut groups[die.below(2) as usize];
            *group = group.with(node);
        }
        groups
    }
}

fn share(die: &mut Die) -> Ratio {
    let part = *die.pick(&[1, 2, 5, 7, 10]);
    Ratio::new(part, 10).unwrap_or(Ratio::ALL)
}

fn slowness(die: &mut Die, usual_ms: u64) -> Span {
    let least_ms = die.between(0, 10 * (usual_ms + 1));
    Span::new(least_ms, least_ms + die.between(0, 200))
}

fn service(die: &mut Die) -> Span {
    let least_ms = die.between(0, 10);
    Span::new(least_ms, least_ms + die.between(1, 20))
}

fn span(die: &mut Die, width: u64) -> Span {
    Span::new(0, die.between(1, width))
}
