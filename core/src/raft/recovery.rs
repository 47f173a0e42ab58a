//! When a majority is lost for good: what one replica that is left goes on with. Nobody can do this safely but a person who knows
//! that the others will never come back.

use super::application::Application;
use super::entry::{Entry, Payload};
use super::image::{Image, Record, Snapshot};
use super::member::Member;
use super::membership::Membership;
use crate::log::HardState;
use std::sync::Arc;

/// Why a replica cannot go on alone. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecoverable {
    /// It has never held anything.
    #[error("the replica is blank: there is nothing to go on with")]
    Blank,
    /// It is no member, as far as it knows.
    #[error("{0} is no member as far as its own log tells: recover from a replica that is one")]
    NoMember(Member),
    /// There is no later term, or no further entry.
    #[error("the numbers of terms or entries are used up")]
    UsedUp,
}

/// What makes this replica the only member of its cluster, with all that is in its log: a later term, and one entry.
///
/// What the others had committed and this one has not is lost; what it has and was never committed will be. It keeps its vote
/// for itself, so nobody else leads in the term that begins.
///
/// # Errors
/// See [`NotRecoverable`].
pub fn force_new_cluster<S: Application>(image: &Image<S>, me: Member) -> Result<Vec<Record<S>>, NotRecoverable> {
    if image.is_blank() {
        return Err(NotRecoverable::Blank);
    }
    if !image.membership().contains(me) {
        return Err(NotRecoverable::NoMember(me));
    }
    let next = |number: u64| number.checked_add(1).filter(|next| *next < u64::MAX).ok_or(NotRecoverable::UsedUp);
    let (term, index) = (next(image.term)?, next(image.log.last().index)?);
    let payload = Payload::Membership(Arc::new(Membership::of_voters([me])));
    let entries = vec![Entry { index, term, payload }].into();
    Ok(vec![Record::Term { term, vote: Some(me) }, Record::Append { entries, commit: image.commit }])
}

/// The image of a founder of another cluster, which begins with what a snapshot holds. Every founder begins with the same one.
///
/// It counts as begun: its founders are not read once more.
pub fn found_anew<S: Application>(snapshot: Snapshot<S>, founders: Membership) -> Image<S> {
    let at = snapshot.at;
    let snapshot = Snapshot { membership_index: at.index, membership: Arc::new(founders), ..snapshot };
    let hard_state = HardState { term: at.term, vote: 0, commit: at.index };
    Image::rebuilt(1, hard_state, Arc::new(snapshot), at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Boundary;
    use crate::nameless;
    use crate::protocol::{Effect, Input, Protocol, Ticket};
    use crate::raft::{Answer, Config, Loaded, Raft, Request, Settings, Timer};
    use crate::{Clock, Host, Instant, Machine};
    use core::num::NonZeroU32;
    use serde::{Deserialize, Serialize};
    use std::collections::VecDeque;

    /// The sum of its commands.
    #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    struct Sum(u64);

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    struct Add(u64);

    nameless!(Sum, Add);

    impl Application for Sum {
        type Command = Add;
        type Outcome = u64;
        type Query = ();
        type View = u64;
        type Event = ();

        fn apply(&mut self, _index: u64, command: &Add, _announce: &mut dyn FnMut(())) -> u64 {
            self.0 += command.0;
            self.0
        }

        fn read(&self, (): &()) -> u64 {
            self.0
        }

        fn size(_command: &Add) -> usize {
            8
        }
    }

    /// A host with a perfect disk and nobody else.
    #[derive(Default)]
    struct Desk(VecDeque<Effect<Raft<Sum>>>);

    impl Clock for Desk {
        fn now(&self) -> Instant {
            Instant::ORIGIN
        }
    }

    impl Host<Effect<Raft<Sum>>> for Desk {
        fn choose(&mut self, _bound: NonZeroU32) -> u32 {
            0
        }

        fn emit(&mut self, effect: Effect<Raft<Sum>>) {
            self.0.push_back(effect);
        }
    }

    impl Desk {
        /// Steps the replica until it has nothing more to say to itself, and gives what it answers.
        fn run(&mut self, raft: &mut Raft<Sum>, config: &Config, input: Input<Raft<Sum>>) -> Vec<Answer<Sum>> {
            let (mut inputs, mut answers) = (VecDeque::from([input]), Vec::new());
            while let Some(input) = inputs.pop_front() {
                raft.step(config, input, self);
                for effect in self.0.drain(..) {
                    match effect {
                        Effect::Send { to, message, .. } if to == config.me() => {
                            inputs.push_back(Input::Message { from: to, message });
                        }
                        Effect::Answer { answer, .. } => answers.push(answer),
                        _ => {}
                    }
                }
            }
            answers
        }
    }

    fn config() -> Config {
        let members = [1, 2, 3].map(Member::new);
        Settings { pre_vote: false, ..Settings::founding(members[0], members) }.validate().unwrap()
    }

    /// A follower of three with two entries, of which it knows one to be committed.
    fn survivor() -> Image<Sum> {
        let mut image = Image::default();
        let founders = Arc::new(Membership::of_voters([1, 2, 3].map(Member::new)));
        let entry = |index| Entry { index, term: 3, payload: Payload::Command(Add(index)) };
        image.fold(Record::Began { founders });
        image.fold(Record::Term { term: 3, vote: None });
        image.fold(Record::Append { entries: vec![entry(1), entry(2)].into(), commit: 1 });
        image
    }

    fn sum_of(image: Image<Sum>) -> Vec<Answer<Sum>> {
        let (config, mut desk) = (config(), Desk::default());
        let mut raft = Raft::recover(&config, image, &mut desk);
        desk.run(&mut raft, &config, Input::Timer(Timer::Election));
        let request = Request::Propose { stamp: None, command: Add(10) };
        desk.run(&mut raft, &config, Input::Request { ticket: Ticket(1), request })
    }

    #[test]
    fn a_survivor_leads_alone_with_all_that_it_has() {
        let mut image = survivor();
        let records = force_new_cluster(&image, Member::new(1)).unwrap();
        records.into_iter().for_each(|record| image.fold(record));
        assert_eq!(
            (image.term, image.vote, image.log.last()),
            (4, Some(Member::new(1)), Boundary { index: 3, term: 4 })
        );
        assert_eq!(sum_of(image), [Answer::Applied { index: 5, outcome: 13 }]);
    }

    #[test]
    fn a_survivor_that_is_not_recovered_does_not_lead() {
        assert!(!sum_of(survivor()).iter().any(|answer| matches!(answer, Answer::Applied { .. })));
    }

    #[test]
    fn a_founder_of_another_cluster_begins_with_what_the_snapshot_holds() {
        let at = Boundary { index: 7, term: 2 };
        let mut snapshot = Snapshot::<Sum> { at, ..Snapshot::default() };
        snapshot.applied.state = Sum(100);
        let image = found_anew(snapshot, Membership::of_voters([Member::new(1)]));
        assert_eq!(sum_of(image), [Answer::Applied { index: 9, outcome: 110 }]);
    }

    #[test]
    fn who_has_nothing_or_is_nobody_does_not_go_on() {
        let me = Member::new(1);
        assert_eq!(force_new_cluster::<Sum>(&Image::default(), me), Err(NotRecoverable::Blank));
        let stranger = Member::new(9);
        assert_eq!(force_new_cluster(&survivor(), stranger), Err(NotRecoverable::NoMember(stranger)));
        let mut spent = survivor();
        spent.term = u64::MAX - 1;
        assert_eq!(force_new_cluster(&spent, me), Err(NotRecoverable::UsedUp));
    }

    /// Entries that were read back mean what they meant.
    #[test]
    fn a_rebuilt_image_is_the_image() {
        let whole = survivor();
        let hard_state = HardState { term: 3, vote: 0, commit: 1 };
        let mut rebuilt = Image::rebuilt(1, hard_state, Arc::clone(&whole.snapshot), Boundary::default());
        let loaded = whole.look_up(crate::raft::Load::Entries { first: 1, last: 2, bytes_max: u64::MAX });
        let Some(Loaded::Entries { entries, .. }) = loaded else { panic!() };
        rebuilt.fold(Record::Append { entries, commit: 0 });
        assert_eq!(rebuilt, whole);
    }
}
