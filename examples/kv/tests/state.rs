//! The replicated state by itself: what commands come to, and that everything that is kept up with them is right.

use proptest::prelude::*;
use purlin::raft::{Application, Member};
use purlin_kv::state::{HISTORY_REVISIONS_MAX, ITEM_OVERHEAD};
use purlin_kv::{
    Change, Command, Condition, Event, Item, Kv, LeaseId, Located, Outcome, Place, Query, Span, Stats, Text, View,
};
use std::collections::BTreeMap;

fn apply(kv: &mut Kv, command: Command) -> Outcome {
    kv.apply(0, &command, &mut |_| {})
}

fn put_under(key: &str, value: &str, lease: LeaseId) -> Command {
    Command::Put { key: key.into(), value: value.into(), lease: Some(lease), condition: None }
}

fn get(kv: &Kv, key: &str) -> Option<Item> {
    let View::Item { item, .. } = kv.read(&Query::get(key)) else { panic!("a get is answered with an item") };
    item
}

fn keys(kv: &Kv, span: Span, limit: u32) -> (Vec<Text>, bool) {
    let View::Items { items, more, .. } = kv.read(&Query::List { span, limit }) else { panic!("a list is items") };
    (items.into_iter().map(|(key, _)| key).collect(), more)
}

fn changes(kv: &Kv, from: u64) -> Vec<(u64, Text, Option<Text>)> {
    let query = Query::Changes { from, span: Span::all(), limit: u32::MAX };
    let View::Changes { changes, .. } = kv.read(&query) else { panic!("they are remembered") };
    let told = |Change { revision, key, item }| (revision, key, item.map(|item: Item| item.value));
    changes.into_iter().map(told).collect()
}

#[test]
fn a_condition_that_fails_changes_nothing_and_tells_what_is_there() {
    let mut kv = Kv::default();
    apply(&mut kv, Command::put("a", "1"));
    let before = kv.clone();
    let current = get(&kv, "a");
    for condition in [Condition::Absent, Condition::Value("2".into()), Condition::Revision(0), Condition::Revision(2)] {
        let refused = Outcome::ConditionFailed { revision: 1, current: current.clone() };
        assert_eq!(apply(&mut kv, Command::compare_and_swap("a", condition.clone(), "3")), refused, "{condition:?}");
        assert_eq!(apply(&mut kv, Command::Delete { key: "a".into(), condition: Some(condition) }), refused);
    }
    assert_eq!(kv, before);
    for condition in [Condition::Present, Condition::Value("1".into())] {
        assert!(matches!(apply(&mut kv, Command::compare_and_swap("a", condition, "1")), Outcome::Put { .. }));
    }
    let item = get(&kv, "a").unwrap();
    assert_eq!((item.created, item.modified, item.version), (1, 3, 3));
}

#[test]
fn deleting_what_is_not_there_is_no_revision() {
    let mut kv = Kv::default();
    assert_eq!(apply(&mut kv, Command::delete("a")), Outcome::Deleted { revision: 0, previous: None });
    assert_eq!(kv, Kv::default());
}

#[test]
fn keys_are_listed_in_order_and_by_pages() {
    let mut kv = Kv::default();
    for key in ["b/2", "a", "b/1", "b", "c"] {
        apply(&mut kv, Command::put(key, ""));
    }
    assert_eq!(keys(&kv, Span::Prefix("b".into()), 9), (vec!["b".into(), "b/1".into(), "b/2".into()], false));
    assert_eq!(keys(&kv, Span::Prefix("b".into()), 2), (vec!["b".into(), "b/1".into()], true));
    let range = Span::Range { from: "b".into(), to: Some("b/2".into()) };
    assert_eq!(keys(&kv, range, 9), (vec!["b".into(), "b/1".into()], false));
    let open = Span::Range { from: "b/2".into(), to: None };
    assert_eq!(keys(&kv, open, 9), (vec!["b/2".into(), "c".into()], false));
}

#[test]
fn a_lease_takes_its_keys_with_it_unless_they_were_put_without_it() {
    let mut kv = Kv::default();
    assert_eq!(apply(&mut kv, Command::Grant { ttl_ms: 5 }), Outcome::Granted { lease: 1, ttl_ms: 5 });
    apply(&mut kv, Command::Grant { ttl_ms: 5 });
    for (key, lease) in [("a", 1), ("b", 1), ("c", 1), ("d", 2)] {
        apply(&mut kv, put_under(key, "x", lease));
    }
    apply(&mut kv, Command::put("b", "stays"));
    apply(&mut kv, put_under("c", "stays", 2));
    assert_eq!(apply(&mut kv, Command::Revoke { lease: 1 }), Outcome::Ended { revision: 7, deleted: 1 });
    assert_eq!(keys(&kv, Span::all(), 9).0, ["b".into(), "c".into(), "d".into()] as [Text; 3]);
    assert_eq!(apply(&mut kv, put_under("a", "x", 1)), Outcome::NoLease { lease: 1 });
    assert_eq!(apply(&mut kv, Command::Grant { ttl_ms: 5 }), Outcome::Granted { lease: 3, ttl_ms: 5 });
}

#[test]
fn a_lease_that_was_renewed_since_does_not_expire() {
    let mut kv = Kv::default();
    apply(&mut kv, Command::Grant { ttl_ms: 5 });
    assert_eq!(apply(&mut kv, Command::KeepAlive { lease: 1 }), Outcome::Renewed { ttl_ms: 5, renewals: 1 });
    assert_eq!(apply(&mut kv, Command::Expire { lease: 1, renewals: 0 }), Outcome::RenewedSince { renewals: 1 });
    assert_eq!(apply(&mut kv, Command::Expire { lease: 1, renewals: 1 }), Outcome::Ended { revision: 0, deleted: 0 });
    for command in [Command::Expire { lease: 1, renewals: 1 }, Command::KeepAlive { lease: 1 }] {
        assert_eq!(apply(&mut kv, command), Outcome::NoLease { lease: 1 });
    }
}

#[test]
fn a_watch_goes_on_from_any_revision_that_is_remembered() {
    let mut kv = Kv::default();
    apply(&mut kv, Command::Grant { ttl_ms: 5 });
    for key in ["a", "b"] {
        apply(&mut kv, put_under(key, "x", 1));
    }
    apply(&mut kv, Command::Revoke { lease: 1 });
    let gone = |key: &str| (3, Text::from(key), None);
    assert_eq!(changes(&kv, 2), [(2, "b".into(), Some("x".into())), gone("a"), gone("b")]);
    assert_eq!(changes(&kv, 0).len(), 4, "0 is the beginning");
    assert_eq!(changes(&kv, 4), []);
    assert_eq!(apply(&mut kv, Command::Compact { through: 4 }), Outcome::NotYet { revision: 3 });
    assert_eq!(apply(&mut kv, Command::Compact { through: 2 }), Outcome::Compacted { through: 2 });
    let forgotten = kv.read(&Query::Changes { from: 2, span: Span::all(), limit: 9 });
    assert_eq!(forgotten, View::Compacted { through: 2 });
    assert_eq!(changes(&kv, 3), [gone("a"), gone("b")]);
}

#[test]
fn the_history_forgets_the_oldest_by_itself() {
    let mut kv = Kv::default();
    for _ in 0..HISTORY_REVISIONS_MAX + 5 {
        apply(&mut kv, Command::put("a", "x"));
    }
    assert_eq!(kv.stats().compacted, 5);
    assert_eq!(changes(&kv, 6).len(), HISTORY_REVISIONS_MAX);
    let long = "x".repeat(7 << 20);
    for _ in 0..3 {
        apply(&mut kv, Command::put("a", &long));
    }
    assert_eq!(kv.stats().revision - kv.stats().compacted, 2, "a third long one would be too much");
}

#[test]
fn beyond_the_quota_every_put_is_refused_until_there_is_space_and_the_alarm_is_disarmed() {
    let mut kv = Kv::default();
    let item = ITEM_OVERHEAD + 2;
    apply(&mut kv, Command::SetQuota { bytes: 2 * item });
    for key in ["a", "b"] {
        assert!(matches!(apply(&mut kv, Command::put(key, "1")), Outcome::Put { .. }));
    }
    assert!(
        matches!(apply(&mut kv, Command::put("a", "2")), Outcome::Put { .. }),
        "in place of the other there is space"
    );

    let mut events = Vec::new();
    let refused = kv.apply(0, &Command::put("c", "1"), &mut |event| events.push(event));
    assert_eq!(refused, Outcome::OutOfSpace { bytes: 2 * item, quota: 2 * item });
    assert_eq!(events, [Event::OutOfSpace { bytes: 3 * item, quota: 2 * item }]);
    assert_eq!(apply(&mut kv, Command::put("a", "")), refused, "even a smaller one");
    assert_eq!(apply(&mut kv, Command::Grant { ttl_ms: 1 }), refused);

    apply(&mut kv, Command::delete("b"));
    assert!(matches!(apply(&mut kv, Command::put("c", "1")), Outcome::OutOfSpace { .. }), "it is not disarmed");
    apply(&mut kv, Command::SetQuota { bytes: 1 });
    assert!(matches!(apply(&mut kv, Command::Disarm), Outcome::OutOfSpace { .. }), "there is no space");
    apply(&mut kv, Command::SetQuota { bytes: 2 * item });
    assert_eq!(apply(&mut kv, Command::Disarm), Outcome::Disarmed);
    assert!(matches!(apply(&mut kv, Command::put("c", "1")), Outcome::Put { .. }));
}

#[test]
fn the_hash_of_a_revision_is_remembered() {
    let mut kv = Kv::default();
    let mut hashes = Vec::new();
    for value in ["1", "2", "1"] {
        apply(&mut kv, Command::put("a", value));
        hashes.push(kv.hash());
    }
    for (revision, hash) in (1..).zip(hashes) {
        assert_eq!(kv.read(&Query::Hash { revision: Some(revision) }), View::Hash { revision, hash });
    }
    assert_eq!(kv.read(&Query::Hash { revision: Some(4) }), View::NotYet { revision: 3 });
    apply(&mut kv, Command::Compact { through: 3 });
    assert_eq!(kv.read(&Query::Hash { revision: Some(2) }), View::Compacted { through: 3 });
    assert_eq!(kv.read(&Query::Hash { revision: None }), View::Hash { revision: 3, hash: kv.hash() });
}

#[test]
fn a_member_stands_where_its_latest_incarnation_says() {
    let mut kv = Kv::default();
    let place = |port: u32| Some(Place { peer: format!("a:{port}").into(), http: "a:1".into() });
    let newer = Member { incarnation: 1, ..Member::new(3) };
    for (member, place) in [(newer, place(2)), (Member::new(3), place(1)), (Member::new(3), None)] {
        assert_eq!(apply(&mut kv, Command::SetPlace { member, place }), Outcome::Placed);
    }
    let located = Located { member: newer, place: place(2).unwrap() };
    assert_eq!(kv.read(&Query::Places), View::Places([(3, located)].into()));
    apply(&mut kv, Command::SetPlace { member: newer, place: None });
    assert_eq!(kv, Kv::default());
}

fn some_command() -> impl Strategy<Value = Command> {
    let key = || "[abc]".prop_map(|key| Text::from(&*key));
    let condition = proptest::option::weighted(
        0.3,
        prop_oneof![
            Just(Condition::Absent),
            Just(Condition::Present),
            "[12]".prop_map(|value| Condition::Value(value.into())),
            (0..6_u64).prop_map(Condition::Revision),
        ],
    );
    let lease = proptest::option::weighted(0.3, 1..4_u64);
    prop_oneof![
        6 => (key(), "[12]{1,3}", lease, condition.clone()).prop_map(|(key, value, lease, condition)| {
            Command::Put { key, value: value.into(), lease, condition }
        }),
        3 => (key(), condition).prop_map(|(key, condition)| Command::Delete { key, condition }),
        1 => Just(Command::Grant { ttl_ms: 10 }),
        1 => (1..4_u64).prop_map(|lease| Command::KeepAlive { lease }),
        1 => (1..4_u64).prop_map(|lease| Command::Revoke { lease }),
        1 => (1..4_u64, 0..2_u64).prop_map(|(lease, renewals)| Command::Expire { lease, renewals }),
        1 => (0..9_u64).prop_map(|through| Command::Compact { through }),
        1 => prop_oneof![Just(0), 100..200_u64].prop_map(|bytes| Command::SetQuota { bytes }),
        1 => Just(Command::Disarm),
    ]
}

/// The items again, from what was announced alone.
fn follow(told: &mut BTreeMap<Text, Item>, event: Event) {
    let Event::Changed { changes, .. } = event else { return };
    for change in changes.iter().cloned() {
        match change.item {
            Some(item) => told.insert(change.key, item),
            None => told.remove(&change.key),
        };
    }
}

/// What a state with these items says of itself, built anew in another order.
fn rebuilt(told: &BTreeMap<Text, Item>) -> (u64, u64) {
    let bytes = told.iter().map(|(key, item)| (key.len() + item.value.len()) as u64 + ITEM_OVERHEAD).sum();
    (told.len() as u64, bytes)
}

proptest! {
    #[test]
    fn what_is_kept_up_with_every_change_is_what_the_items_come_to(commands in proptest::collection::vec(some_command(), 0..60)) {
        let (mut kv, mut told) = (Kv::default(), BTreeMap::new());
        for (index, command) in (1..).zip(&commands) {
            let snapshot = kv.clone();
            let frozen = serde_json::to_string(&snapshot).unwrap();
            kv.apply(index, command, &mut |event| follow(&mut told, event));
            prop_assert_eq!(serde_json::to_string(&snapshot).unwrap(), frozen, "a clone is a snapshot");
        }
        let View::Items { items, .. } = kv.read(&Query::List { span: Span::all(), limit: 99 }) else { unreachable!() };
        prop_assert_eq!(items.into_iter().collect::<BTreeMap<_, _>>(), told.clone(), "events tell everything");
        let Stats { keys, bytes, .. } = kv.stats();
        prop_assert_eq!((keys, bytes), rebuilt(&told));
        let restored: Kv = postcard::from_bytes(&postcard::to_stdvec(&kv).unwrap()).unwrap();
        prop_assert_eq!(&restored, &kv);
        let restored: Kv = serde_json::from_str(&serde_json::to_string(&kv).unwrap()).unwrap();
        prop_assert_eq!(&restored, &kv);
    }

    #[test]
    fn the_hash_is_0_again_when_everything_is_deleted(commands in proptest::collection::vec(some_command(), 0..40)) {
        let mut kv = Kv::default();
        for command in commands {
            apply(&mut kv, command);
        }
        let is_empty = kv.stats().keys == 0;
        prop_assert_eq!(kv.hash() == 0, is_empty);
        for key in ["a", "b", "c"] {
            apply(&mut kv, Command::delete(key));
        }
        prop_assert_eq!((kv.hash(), kv.stats().bytes), (0, 0));
    }
}
