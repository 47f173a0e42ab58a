//! Who changes the cluster while it is used: its members, its leader, and how much of its log is kept.

use crate::options::Options;
use core::time::Duration;
use purlin::raft::{Answer, Change, Event, Member, Membership, Raft, Refusal, Request, Transition};
use purlin_kv::Kv;
use purlin_sim::cluster::{Ask, Desk, Occasion, Phase};

type Replica = Raft<Kv>;

/// Changes one thing at a time, while anything may fail; then it only ends what it has begun.
#[derive(Clone)]
pub struct Governor {
    options: Options,
    leader: u32,
    membership: (u64, Membership),
    /// The last entry that it knows to be applied somewhere.
    applied: u64,
    open: Option<Ask>,
}

impl Governor {
    pub(crate) fn new(options: &Options) -> Self {
        let membership = (0, options.founders());
        Self { options: options.clone(), leader: 0, membership, applied: 0, open: None }
    }

    pub(crate) fn act(&mut self, occasion: Occasion<'_, Replica>, desk: &mut Desk<'_, Replica>) {
        match occasion {
            Occasion::Started => self.rest(desk),
            Occasion::Woken => {
                if self.open.take().is_some() {
                    self.look_elsewhere(desk);
                }
                self.govern(desk);
            }
            Occasion::Answered { ask, answer } if self.closes(ask) => {
                self.heard(answer, desk);
                self.rest(desk);
            }
            Occasion::Unanswered { ask, .. } if self.closes(ask) => {
                self.look_elsewhere(desk);
                self.rest(desk);
            }
            Occasion::Notified { event, .. } => self.notified(event),
            Occasion::Answered { .. } | Occasion::Unanswered { .. } => {}
        }
    }

    fn closes(&mut self, ask: Ask) -> bool {
        self.open.take_if(|open| *open == ask).is_some()
    }

    /// Longer than others do: whatever it does takes some time to tell.
    fn rest(&self, desk: &mut Desk<'_, Replica>) {
        let rest = desk.draw(self.options.rest);
        desk.wake_after(rest * 4);
    }

    fn notified(&mut self, event: &Event<Kv>) {
        match event {
            Event::LeaderKnown { leader: Some(leader), .. } => {
                self.leader = self.options.node_of(*leader).unwrap_or(self.leader);
            }
            Event::MembersChanged { index, membership } if *index > self.membership.0 => {
                self.membership = (*index, Membership::clone(membership));
            }
            _ => {}
        }
    }

    fn heard(&mut self, answer: &Answer<Kv>, desk: &mut Desk<'_, Replica>) {
        match answer {
            Answer::Status(status) => {
                self.applied = status.applied;
                self.leader = status.leader.and_then(|leader| self.options.node_of(leader)).unwrap_or(self.leader);
            }
            Answer::Refused(Refusal::NotLeader { leader: Some(leader) }) => {
                self.leader = self.options.node_of(*leader).unwrap_or(self.leader);
            }
            Answer::Refused(Refusal::NotLeader { leader: None }) => self.look_elsewhere(desk),
            _ => {}
        }
    }

    fn look_elsewhere(&mut self, desk: &mut Desk<'_, Replica>) {
        self.leader = any(self.options.nodes(), desk);
    }
}

/// What it does next.
impl Governor {
    fn govern(&mut self, desk: &mut Desk<'_, Replica>) {
        let (node, request) = match desk.phase() {
            Phase::Safety => self.meddle(desk),
            Phase::Recovery | Phase::Calm => self.settle(),
        };
        self.open = Some(desk.ask(node, request));
        desk.wake_after(Duration::from_millis(self.options.patience_ms));
    }

    fn settle(&self) -> (u32, Request<Kv>) {
        let Membership { auto_leave, .. } = self.membership.1;
        if self.membership.1.is_joint() && !auto_leave { (self.leader, LEAVE) } else { (self.leader, Request::Status) }
    }

    fn meddle(&self, desk: &mut Desk<'_, Replica>) -> (u32, Request<Kv>) {
        match desk.die().below(8) {
            0 => (any(self.options.nodes(), desk), Request::Status),
            1 => (any(self.options.nodes(), desk), self.compact(desk)),
            2 => (self.leader, Request::Transfer { to: self.anybody(desk) }),
            _ if self.membership.1.is_joint() => (self.leader, LEAVE),
            _ => (self.leader, self.change(desk)),
        }
    }

    fn compact(&self, desk: &mut Desk<'_, Replica>) -> Request<Kv> {
        Request::Compact { through: desk.die().between(0, self.applied) }
    }

    fn anybody(&self, desk: &mut Desk<'_, Replica>) -> Member {
        self.options.member(any(self.options.nodes(), desk))
    }

    /// Somebody is taken in, promoted, demoted or sent off; or somebody takes another's place.
    fn change(&self, desk: &mut Desk<'_, Replica>) -> Request<Kv> {
        let transition = *desk.die().pick(&[Transition::Auto, Transition::Implicit, Transition::Explicit]);
        let mut changes = vec![self.one_change(desk)];
        while desk.die().below(2) == 0 {
            changes.push(self.one_change(desk));
        }
        let next = self.membership.1.changed(transition, &changes);
        // A cluster of fewer might not outlast the loss of a node.
        let is_bold = next.is_ok_and(|next| next.voters.len() < VOTERS_MIN);
        if is_bold { Request::Status } else { Request::ChangeMembers { transition, changes } }
    }

    fn one_change(&self, desk: &mut Desk<'_, Replica>) -> Change {
        let member = self.anybody(desk);
        match desk.die().below(5) {
            0 => Change::AddLearner(member),
            1 | 2 => Change::AddVoter(member),
            _ => Change::Remove(member),
        }
    }
}

/// As many voters there are at least.
const VOTERS_MIN: usize = 3;

const LEAVE: Request<Kv> = Request::ChangeMembers { transition: Transition::Explicit, changes: Vec::new() };

fn any(nodes: u32, desk: &mut Desk<'_, Replica>) -> u32 {
    desk.die().below(nodes.into()) as u32
}
