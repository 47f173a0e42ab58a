//! The format `raft_scenario/1`: a whole cluster on a scripted network, with scripted clocks and disks.

mod always;
mod envelope;
mod expectation;
mod injected;
mod network;
mod node;
mod pattern;
mod payloads;
mod script;
mod tell;

use super::super::Case;
use super::super::compare::Mismatch;
use super::membership::{WrittenChange, WrittenTransition, changes, member};
use always::{Witness, all_agree};
use envelope::{Content, Envelope};
use network::Network;
use node::{Asked, Node, Sent};
use payloads::Payloads;
use purlin::raft::{Request, Timer};
use script::{Beginning, Ids, Script, Step};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) fn judge(case: &Case) -> Result<(), Mismatch> {
    let script: Script = case.read()?;
    let panicked = |_| Mismatch::unreadable("a replica has panicked");
    catch_unwind(AssertUnwindSafe(|| run(script))).map_err(panicked)?
}

fn run(script: Script) -> Result<(), Mismatch> {
    let steps = script.steps.clone();
    let mut cluster = Cluster::founded(&script)?;
    steps.into_iter().enumerate().try_for_each(|(row, step)| cluster.judge_step(step).map_err(|it| it.at_row(row)))
}

/// The nodes, the network, and what the last step did.
struct Cluster {
    nodes: BTreeMap<u64, Node>,
    network: Network,
    witness: Witness,
    /// What was sent during this step, also if it was lost.
    sent: Vec<Envelope>,
    /// Whether the last proposal of this step was accepted.
    result: Option<&'static str>,
}

impl Cluster {
    fn founded(script: &Script) -> Result<Self, Mismatch> {
        script.puppets.iter().try_for_each(|id| member(*id).map(drop))?;
        let nodes = script.nodes.iter().map(|beginning| Ok((beginning.id, founded(script, beginning)?)));
        let nodes = nodes.collect::<Result<_, Mismatch>>()?;
        let network = Network::among(script.nodes.iter().map(|node| node.id).chain(script.puppets.iter().copied()));
        let mut cluster = Self { nodes, network, witness: Witness::default(), sent: Vec::new(), result: None };
        let ids: Vec<u64> = cluster.nodes.keys().copied().collect();
        for id in ids {
            // Nobody was heard of before the beginning.
            cluster.act(id, Node::start)?;
            cluster.act(id, |node| node.fire(Timer::Stickiness))?;
        }
        Ok(cluster)
    }

    fn judge_step(&mut self, mut written: Map<String, Value>) -> Result<(), Mismatch> {
        let expected = written.remove("expect").unwrap_or_else(|| json!([]));
        let expected: Vec<Map<String, Value>> = serde_json::from_value(expected).map_err(Mismatch::unreadable)?;
        self.sent.clear();
        self.result = None;
        if self.take(Step::read(written)?)? == Taken::Skipped {
            return Ok(());
        }
        all_agree(&self.nodes).map_err(broken)?;
        expected.iter().try_for_each(|row| expectation::hold(self, row))
    }

    fn take(&mut self, step: Step) -> Result<Taken, Mismatch> {
        match step {
            Step::TimeoutElection { node } => self.each(&node, |node| node.fire(Timer::Election))?,
            Step::TickHeartbeat { node } => self.each(&node, |node| node.fire(Timer::Heartbeat))?,
            Step::Elapse { nodes } => self.each(&nodes, Node::elapse)?,
            Step::Propose { node, payload, count } => self.propose(node, &payload, count)?,
            Step::ProposeConfig { node, transition, changes } => self.change_members(node, transition, &changes)?,
            Step::Transfer { from, to } => self.ask(from, Request::Transfer { to: member(to)? })?,
            Step::Compact { node, index } => self.act(node, |node| node.ask(Request::Compact { through: index }).1)?,
            Step::ReadIndex { node, id } => self.act(node, |node| node.read(id))?,
            Step::Isolate { nodes } => self.network.isolate(nodes.all()),
            Step::Partition { groups } => self.network.part(&groups),
            Step::Cut { from, to } => self.network.cut(from.all(), to.all()),
            Step::Heal {} => self.network.heal(),
            Step::Drop { filter } => self.network.drop_those(|envelope| filter.matches(envelope)),
            Step::Lose { filter } => self.network.lose(filter),
            Step::Unlose {} => self.network.unlose(),
            Step::Hold { filter } => self.network.hold(filter),
            Step::Release {} => self.network.release(),
            Step::Deliver { filter, count, order } => {
                let meant = self.network.take(&filter, count.unwrap_or(usize::MAX), order);
                meant.into_iter().try_for_each(|envelope| self.deliver(envelope))?;
            }
            Step::Duplicate { filter, count } => self.network.duplicate(&filter, count),
            Step::Reorder { filter } => self.network.reorder(&filter),
            Step::Stabilize { nodes } => self.stabilize(nodes.as_ref())?,
            Step::Inject { message } => return self.inject(message),
            Step::Crash { node, keep_sent } => self.crash(&node, keep_sent)?,
            Step::Checkpoint { node, name } => self.node_mut(node)?.checkpoint(name),
            Step::Restart { node, checkpoint, options } => self.restart(&node, checkpoint.as_deref(), &options)?,
            Step::PersistStall { node } => node.all().iter().try_for_each(|id| self.node_mut(*id).map(Node::stall))?,
            Step::PersistRelease { node, count } => self.each(&node, |node| node.release(count))?,
            // The replica asks nobody what became of its messages.
            Step::ReportUnreachable { .. } | Step::ReportSnapshot { .. } | Step::Check {} => {}
        }
        Ok(Taken::Done)
    }

    fn node(&self, id: u64) -> Result<&Node, Mismatch> {
        self.nodes.get(&id).ok_or_else(|| no_node(id))
    }

    fn node_mut(&mut self, id: u64) -> Result<&mut Node, Mismatch> {
        self.nodes.get_mut(&id).ok_or_else(|| no_node(id))
    }

    fn each(&mut self, ids: &Ids, mut act: impl FnMut(&mut Node) -> Vec<Sent>) -> Result<(), Mismatch> {
        ids.all().iter().try_for_each(|id| self.act(*id, &mut act))
    }

    /// Lets a node do something, and sends what it says.
    fn act(&mut self, id: u64, act: impl FnOnce(&mut Node) -> Vec<Sent>) -> Result<(), Mismatch> {
        let sent = act(self.node_mut(id)?);
        self.send(id, sent, None);
        self.watch(id)
    }

    fn send(&mut self, from: u64, sent: Vec<Sent>, heartbeat_of: Option<u64>) {
        for Sent { to, message } in sent {
            let (content, answers_heartbeat) = (Content::Said(message), heartbeat_of == Some(to));
            self.post(Envelope { from, to, content, answers_heartbeat });
        }
    }

    fn post(&mut self, envelope: Envelope) {
        self.sent.push(envelope.clone());
        // Puppets only listen.
        if self.nodes.contains_key(&envelope.to) {
            self.network.send(envelope);
        }
    }

    fn watch(&mut self, id: u64) -> Result<(), Mismatch> {
        let node = self.nodes.get(&id).ok_or_else(|| no_node(id))?;
        self.witness.look(id, node).map_err(broken)
    }

    fn propose(&mut self, node: u64, payload: &str, count: u64) -> Result<(), Mismatch> {
        if count == 1 {
            return self.ask(node, Request::Propose { stamp: None, command: payload.to_owned() });
        }
        (1..=count).try_for_each(|number| {
            self.ask(node, Request::Propose { stamp: None, command: format!("{payload}{number}") })
        })
    }

    fn change_members(
        &mut self,
        node: u64,
        transition: WrittenTransition,
        written: &[WrittenChange],
    ) -> Result<(), Mismatch> {
        let membership = self.node(node)?.replica.as_ref().map(|replica| replica.membership().clone());
        let changes = changes(written, &membership.unwrap_or_default())?;
        self.ask(node, Request::ChangeMembers { transition: transition.into(), changes })
    }

    /// Asks a node. Where its replica names another one that leads, its host passes the request on, as hosts may.
    fn ask(&mut self, id: u64, request: Request<Payloads>) -> Result<(), Mismatch> {
        let (asked, sent) = self.node_mut(id)?.ask(request.clone());
        self.result = Some(if asked == Asked::Refused { "refused" } else { "accepted" });
        self.send(id, sent, None);
        if let Asked::NotLeader { leader } = asked {
            self.post(Envelope { from: id, to: leader, content: Content::PassedOn(request), answers_heartbeat: false });
        }
        self.watch(id)
    }

    fn inject(&mut self, message: Map<String, Value>) -> Result<Taken, Mismatch> {
        let Some(envelope) = injected::envelope(message)? else { return Ok(Taken::Skipped) };
        if !self.network.is_cut(&envelope) {
            self.deliver(envelope)?;
        }
        Ok(Taken::Done)
    }

    fn deliver(&mut self, envelope: Envelope) -> Result<(), Mismatch> {
        let heartbeat_of = envelope.is_heartbeat().then_some(envelope.from);
        let Envelope { from, to, content, .. } = envelope;
        let node = self.node_mut(to)?;
        let sent = match content {
            Content::Said(message) => node.hear(from, message)?,
            Content::PassedOn(request) => node.ask(request).1,
        };
        self.send(to, sent, heartbeat_of);
        self.watch(to)
    }

    /// Delivers until nothing is on its way among these nodes.
    fn stabilize(&mut self, nodes: Option<&Ids>) -> Result<(), Mismatch> {
        let is_among = |id| nodes.is_none_or(|nodes| nodes.contains(id));
        for _ in 0..DELIVERIES_MAX {
            let Some(envelope) = self.network.take_oldest(is_among) else { return Ok(()) };
            self.deliver(envelope)?;
        }
        Err(broken(format!("after {DELIVERIES_MAX} messages there are still more")))
    }

    fn crash(&mut self, ids: &Ids, keep_sent: bool) -> Result<(), Mismatch> {
        ids.all().iter().try_for_each(|id| {
            self.node_mut(*id)?.stop();
            self.network.drop_those(|envelope| envelope.to == *id || (envelope.from == *id && !keep_sent));
            self.watch(*id)
        })
    }

    fn restart(&mut self, ids: &Ids, checkpoint: Option<&str>, options: &Map<String, Value>) -> Result<(), Mismatch> {
        ids.all().iter().try_for_each(|id| {
            self.node_mut(*id)?.stop();
            self.watch(*id)?;
            let sent = self.node_mut(*id)?.restart(checkpoint, options)?;
            self.send(*id, sent, None);
            self.watch(*id)
        })
    }
}

/// Whether a step was taken, or belongs to replicas of another kind and is passed over with what it expects.
#[derive(PartialEq)]
enum Taken {
    Done,
    Skipped,
}

/// More messages than any scenario needs to come to rest.
const DELIVERIES_MAX: usize = 1_000_000;

fn founded(script: &Script, beginning: &Beginning) -> Result<Node, Mismatch> {
    let founders = beginning.config.as_ref().unwrap_or(&script.config).to_membership()?;
    let mut options = script.options.clone();
    options.extend(beginning.options.clone());
    Node::new(beginning, founders, options)
}

fn no_node(id: u64) -> Mismatch {
    Mismatch::unreadable(format_args!("there is no node {id}"))
}

fn broken(claim: String) -> Mismatch {
    Mismatch { expected: json!({ "holds": true }), got: json!({ "holds": false, "because": claim }) }
}
