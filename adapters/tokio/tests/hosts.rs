//! The laws of hosts, checked against the driver. Its journal's writes are held by the test, and time passes only when
//! nobody has anything to do.

mod support;

use core::num::NonZeroUsize;
use core::time::Duration;
use purlin::protocol::Fence;
use purlin_tokio::{JournalError, Options, Setup, Transport, Unanswered, Volatile};
use support::puppet::Errand::{Answer, Arm, Disarm, Load, Notify, Persist, Send, TellTime};
use support::puppet::{Puppet, Script, Words};
use support::rig::{Broken, HERE, Readings, Rig, THERE, Write, answer, settle};

fn bound(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn script(errands: impl Into<Vec<support::puppet::Errand>>) -> Script {
    Script(errands.into())
}

/// A sync is under way for step one; steps two and three come meanwhile. What step three asks for, which persists
/// nothing itself, waits for step two's record, which is in no sync yet.
#[tokio::test(start_paused = true)]
async fn fenced_effects_wait_for_every_earlier_persist_of_any_step() {
    let mut rig = Rig::start();
    let one = rig.ask([Persist(1), Answer(1), Notify(1)]).await;
    let two = rig.ask([Persist(2), Answer(2)]).await;
    let three = rig.ask([Send(THERE, Fence::Durable, script([])), Notify(3), Answer(3)]).await;
    assert!(!one.is_finished() && !two.is_finished() && !three.is_finished());
    assert!(rig.told().is_empty() && rig.sent().is_empty());

    assert_eq!(rig.sync().await, [1]);
    assert_eq!(answer(one).await, Ok(1));
    assert_eq!(rig.told(), [1]);
    assert!(!two.is_finished() && !three.is_finished());
    assert!(rig.sent().is_empty());

    assert_eq!(rig.sync().await, [2]);
    assert_eq!((answer(two).await, answer(three).await), (Ok(2), Ok(3)));
    assert_eq!((rig.sent(), rig.told()), (vec![(THERE, script([]))], vec![3]));
}

#[tokio::test(start_paused = true)]
async fn with_no_record_outstanding_nothing_waits_and_nothing_is_written() {
    let mut rig = Rig::start();
    let asked = rig.ask([Answer(7), Notify(8), Send(THERE, Fence::Durable, script([]))]).await;
    assert_eq!(answer(asked).await, Ok(7));
    assert_eq!((rig.told(), rig.sent().len()), (vec![8], 1));
    assert!(rig.no_write());
}

/// The sync is held for an hour, and the loop goes on all the while.
#[tokio::test(start_paused = true)]
async fn unfenced_sends_and_timers_never_wait() {
    let mut rig = Rig::start();
    let tick = script([Send(THERE, Fence::None, script([Notify(2)]))]);
    let later = Arm(tick.clone(), Duration::from_secs(1));
    let asked = rig.ask([Persist(1), Answer(1), Send(THERE, Fence::None, script([Notify(1)])), later]).await;
    assert_eq!(rig.sent(), [(THERE, script([Notify(1)]))]);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(rig.sent(), [(THERE, script([Notify(2)]))]);
    assert!(!asked.is_finished());
    rig.sync().await;
    assert_eq!(answer(asked).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn one_sync_serves_everything_persisted_meanwhile() {
    let mut rig = Rig::start();
    let _first = rig.ask([Persist(0)]).await;
    let mut asked = Vec::new();
    for word in 1..=50 {
        asked.push(rig.ask([Persist(word), Answer(word)]).await);
    }
    assert_eq!(rig.sync().await, [0]);
    assert_eq!(rig.sync().await, (1..=50).collect::<Vec<_>>(), "in the order in which they were asked");
    for (word, asked) in (1..).zip(asked) {
        assert_eq!(answer(asked).await, Ok(word));
    }
    assert!(rig.no_write());
}

#[tokio::test(start_paused = true)]
async fn an_append_is_bounded_and_the_rest_follows_in_order() {
    let mut rig = Rig::with(Options { append_max: bound(2), ..Options::default() }, Readings::of(vec![0]));
    let asked = rig.ask((1..=5).map(Persist).chain([Answer(9)]).collect::<Vec<_>>()).await;
    assert_eq!((rig.sync().await, rig.sync().await), (vec![1, 2], vec![3, 4]));
    assert!(!asked.is_finished());
    assert_eq!(rig.sync().await, [5]);
    assert_eq!(answer(asked).await, Ok(9));
}

/// Whatever waits for the disk is dropped, and everybody who waits is told that nobody knows.
#[tokio::test(start_paused = true)]
async fn a_refused_persist_ends_the_machine_and_drops_what_follows() {
    for (outcome, refused) in [(JournalError::Refused, true), (JournalError::Failed(Broken), false)] {
        let mut rig = Rig::start();
        let one = rig.ask([Persist(1), Answer(1), Notify(1), Send(THERE, Fence::Durable, script([]))]).await;
        let two =
            rig.ask([Persist(2), Send(HERE, Fence::Durable, script([Send(THERE, Fence::None, script([]))]))]).await;
        let three = rig.ask([Answer(3)]).await;
        rig.write().resolve(Err(outcome));
        settle().await;
        assert!(rig.no_write(), "nothing is written after a refusal");
        for asked in [one, two, three] {
            assert_eq!(answer(asked).await, Err(Unanswered::Unknown));
        }
        assert!(rig.sent().is_empty() && rig.told().is_empty());
        assert_eq!(answer(rig.ask([Answer(4)]).await).await, Err(Unanswered::ShutDown));
        let ended = rig.running.await.unwrap().unwrap_err();
        assert_eq!(matches!(ended, JournalError::Refused), refused);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_to_a_ticket_goes_nowhere() {
    let rig = Rig::start();
    let asked = rig.ask([Answer(1), Answer(2)]).await;
    assert_eq!(answer(asked).await, Ok(1));
    assert_eq!(answer(rig.ask([Answer(3)]).await).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn messages_to_oneself_run_after_the_current_batch_and_never_meet_the_transport() {
    let mut rig = Rig::start();
    let note = |word| script([Notify(word)]);
    let to_self = [Send(HERE, Fence::None, note(2)), Send(HERE, Fence::Durable, note(3)), Notify(1)];
    let asked = rig.ask([to_self.to_vec(), vec![Answer(0)]].concat()).await;
    assert_eq!(answer(asked).await, Ok(0));
    assert_eq!(rig.told(), [1, 2, 3]);
    assert!(rig.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_fenced_message_to_oneself_tells_that_ones_own_write_is_durable() {
    let mut rig = Rig::start();
    let _asked =
        rig.ask([Persist(1), Send(HERE, Fence::Durable, script([Send(THERE, Fence::None, script([]))]))]).await;
    assert!(rig.sent().is_empty());
    rig.sync().await;
    assert_eq!(rig.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn messages_from_others_are_stepped() {
    let mut rig = Rig::start();
    rig.network.send((THERE, script([Send(THERE, Fence::None, script([Notify(5)]))]))).unwrap();
    settle().await;
    assert_eq!(rig.sent(), [(THERE, script([Notify(5)]))]);
}

#[tokio::test(start_paused = true)]
async fn arming_again_replaces_a_timer_and_disarming_stops_it() {
    let mut rig = Rig::start();
    let seconds = Duration::from_secs;
    let (again, stopped) = (script([Notify(1)]), script([Notify(2)]));
    let arm = [Arm(again.clone(), seconds(1)), Arm(stopped.clone(), seconds(1)), Arm(again, seconds(5))];
    let _asked = rig.ask([arm.to_vec(), vec![Disarm(stopped)]].concat()).await;
    tokio::time::sleep(seconds(4)).await;
    assert!(rig.told().is_empty());
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(rig.told(), [1]);
}

#[tokio::test(start_paused = true)]
async fn the_clock_never_runs_back_between_steps() {
    let mut rig = Rig::with(Options::default(), Readings::of(vec![100, 50, 120]));
    for _ in 0..3 {
        let _asked = rig.ask([TellTime, TellTime]).await;
    }
    assert_eq!(rig.told(), [100, 100, 100, 100, 120, 120]);
}

#[tokio::test(start_paused = true)]
async fn a_load_sees_every_earlier_persist() {
    let mut rig = Rig::start();
    let _one = rig.ask([Persist(1)]).await;
    let _two = rig.ask([Persist(2), Load(2), Load(9)]).await;
    rig.sync().await;
    assert!(rig.told().is_empty(), "it is read only when it is there");
    rig.sync().await;
    assert_eq!(rig.told(), [2], "and what is not there is never answered");
}

/// Three records fill the journal; the next write is an image that holds all of them and all that waits.
#[tokio::test(start_paused = true)]
async fn a_full_journal_is_compacted_by_an_image_of_everything_persisted() {
    let mut rig = Rig::with(Options { compact_after: bound(3), ..Options::default() }, Readings::of(vec![0]));
    let _one = rig.ask([Persist(1), Persist(2), Persist(3)]).await;
    let two = rig.ask([Persist(4), Answer(4)]).await;
    rig.sync().await;
    assert!(!two.is_finished());
    let write = rig.write();
    assert!(matches!(&write, Write::Compact(words, _) if *words == [1, 2, 3, 4]), "{write:?}");
    let _three = rig.ask([Persist(5)]).await;
    write.resolve(Ok(()));
    assert_eq!(answer(two).await, Ok(4));
    settle().await;
    assert_eq!(rig.sync().await, [5], "what came meanwhile is appended to the image");
    let journal = rig.shut_down().await.unwrap();
    assert_eq!((journal.disk().image, journal.disk().appended), (vec![1, 2, 3, 4], vec![5]));
}

/// Three appends are under way at once; their effects come in order, each with its own.
#[tokio::test(start_paused = true)]
async fn a_pipeline_gets_what_is_persisted_while_earlier_appends_are_under_way() {
    let mut rig = Rig::over(Options::default(), Readings::of(vec![0]), true);
    let mut asked = Vec::new();
    for word in 1..=3 {
        asked.push(rig.ask([Persist(word), Answer(word)]).await);
    }
    let loaded = rig.ask([Load(3)]).await;
    let writes = [rig.write(), rig.write(), rig.write()];
    for (word, write) in (1..).zip(writes) {
        assert_eq!(write.words(), [word]);
        assert!(!asked[0].is_finished());
        write.resolve(Ok(()));
        settle().await;
        assert_eq!(answer(asked.remove(0)).await, Ok(word));
    }
    assert_eq!(rig.told(), [3], "a load comes when nothing is under way any more");
    drop(loaded);
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_a_pipeline_is_bounded_too() {
    let options = Options { inbox_max: bound(1), unwritten_max: bound(2), ..Options::default() };
    let mut rig = Rig::over(options, Readings::of(vec![0]), true);
    for word in 1..=4 {
        let _asked = rig.ask([Persist(word)]).await;
    }
    assert_eq!(rig.handle.try_request(script([])).await, Err(Unanswered::Busy));
    assert_eq!((rig.write().words(), rig.write().words(), rig.write().words()), (&[1][..], &[2][..], &[3][..]));
    assert!(rig.no_write());
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_refuses_or_waits_as_the_caller_likes() {
    let options = Options { inbox_max: bound(1), unwritten_max: bound(1), ..Options::default() };
    let mut rig = Rig::with(options, Readings::of(vec![0]));
    // The first is being written, the second waits for the disk: so the third stays in the inbox, which is full then.
    let mut asked = Vec::new();
    for word in 1..=3 {
        asked.push(rig.ask([Persist(word), Answer(word)]).await);
    }
    assert_eq!(rig.handle.try_request(script([Answer(9)])).await, Err(Unanswered::Busy));
    asked.push(rig.ask([Persist(4), Answer(4)]).await);
    for written in [[1], [2], [3], [4]] {
        assert_eq!(rig.sync().await, written);
    }
    for (word, asked) in (1..).zip(asked) {
        assert_eq!(answer(asked).await, Ok(word));
    }
    assert!(rig.handle.try_request(script([Answer(9)])).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_open_than_allowed() {
    let options = Options { tickets_max: bound(2), inbox_max: bound(1), ..Options::default() };
    let rig = Rig::with(options, Readings::of(vec![0]));
    let forgotten = [rig.ask([]).await, rig.ask([]).await, rig.ask([]).await];
    assert_eq!(rig.handle.try_request(script([])).await, Err(Unanswered::Busy));
    rig.shut_down().await.unwrap();
    let [one, two, waits] = forgotten;
    assert_eq!((answer(one).await, answer(two).await), (Err(Unanswered::Unknown), Err(Unanswered::Unknown)));
    assert_eq!(answer(waits).await, Err(Unanswered::ShutDown));
}

/// What is in is finished, what comes later is not begun, and what the machine leaves unanswered is told so.
#[tokio::test(start_paused = true)]
async fn shutdown_finishes_what_is_in_and_answers_every_ticket() {
    let rig = Rig::start();
    let written = rig.ask([Persist(1), Answer(1)]).await;
    let waiting = rig.ask([Persist(2), Answer(2)]).await;
    let to_self = rig.ask([Send(HERE, Fence::Durable, script([Persist(3)]))]).await;
    let handle = rig.handle.clone();
    let journal = rig.shut_down().await.unwrap();
    assert_eq!(journal.disk().words(), [1, 2, 3]);
    assert_eq!((answer(written).await, answer(waiting).await), (Ok(1), Ok(2)));
    assert_eq!(answer(to_self).await, Err(Unanswered::Unknown));
    assert_eq!(handle.request(script([Answer(4)])).await, Err(Unanswered::ShutDown));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_within_the_grace_is_given() {
    let rig = Rig::start();
    let asked = rig.ask([Arm(script([Answer(1)]), Duration::from_secs(2))]).await;
    rig.shut_down().await.unwrap();
    assert_eq!(answer(asked).await, Ok(1));
}

/// Always has another message.
struct Flood;

impl Transport<Puppet> for Flood {
    fn address(&self) -> Option<&u8> {
        None
    }

    async fn receive(&mut self) -> (u8, Script) {
        (THERE, script([]))
    }

    fn try_receive(&mut self) -> Option<(u8, Script)> {
        Some((THERE, script([])))
    }

    fn send(&mut self, _to: u8, _message: Script) {}
}

/// The inbox is never empty, and a request is never answered; the grace ends all the same.
#[tokio::test]
async fn a_shutdown_ends_however_busy_the_node_is() {
    let options = Options { shutdown_grace: Duration::from_millis(50), ..Options::default() };
    let setup = Setup::<Puppet, _>::new((), Volatile, Words::default()).transport(Flood).options(options);
    let (driver, handle) = setup.build();
    let running = tokio::spawn(driver.run());
    let waiting = tokio::spawn({
        let handle = handle.clone();
        async move { handle.request(script([])).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    handle.shutdown();
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await;
    assert!(ended.expect("it ends").unwrap().is_ok());
    assert_eq!(waiting.await.unwrap(), Err(Unanswered::Unknown));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_shuts_down_too() {
    let Rig { handle, running, .. } = Rig::start();
    let other = handle.clone();
    drop(handle);
    settle().await;
    assert!(!running.is_finished());
    drop(other);
    assert_eq!(running.await.unwrap().unwrap().disk().words(), Vec::<u32>::new());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_driver_leaves_its_callers_knowing_that_nobody_knows() {
    let rig = Rig::start();
    let asked = rig.ask([Persist(1), Answer(1)]).await;
    rig.running.abort();
    assert_eq!(answer(asked).await, Err(Unanswered::Unknown));
}

/// Any scripts, any order of syncs, perhaps a failure.
mod any_scripts {
    use super::*;
    use proptest::prelude::*;
    use support::rig::Asked;

    #[derive(Clone, Debug)]
    enum Happening {
        Ask(Script),
        Sync,
        Refuse,
        Pass(u64),
    }

    fn errands(send: impl Strategy<Value = Script> + Clone + 'static) -> impl Strategy<Value = Script> {
        let fence = || prop_oneof![Just(Fence::Durable), Just(Fence::None)];
        let errand = prop_oneof![
            4 => (0..9_u32).prop_map(Persist),
            3 => (0..9_u32).prop_map(Answer),
            1 => (0..9_u32).prop_map(Notify),
            1 => (0..9_u32).prop_map(Load),
            2 => (HERE..=THERE, fence(), send.clone()).prop_map(|(to, fence, script)| Send(to, fence, script)),
            1 => (send.clone(), 0..5_u64).prop_map(|(script, secs)| Arm(script, Duration::from_secs(secs))),
            1 => send.prop_map(Disarm),
        ];
        proptest::collection::vec(errand, 0..5).prop_map(Script)
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let script = errands(errands(errands(Just(Script::default())).boxed()).boxed());
        let happening = prop_oneof![
            10 => script.prop_map(Happening::Ask),
            6 => Just(Happening::Sync),
            1 => Just(Happening::Refuse),
            2 => (0..5_u64).prop_map(Happening::Pass),
        ];
        proptest::collection::vec(happening, 0..25)
    }

    fn small() -> Options {
        Options { append_max: bound(3), batch_max: bound(2), unwritten_max: bound(4), ..Options::default() }
    }

    /// A sync that is begun never ends before it is told to, so nothing here depends on how fast anything is.
    async fn run(happenings: Vec<Happening>, compact_after: usize, piped: bool) {
        let options = Options { compact_after: bound(compact_after), ..small() };
        let mut rig = Rig::over(options, Readings::of(vec![0]), piped);
        let mut asked: Vec<(Script, Asked)> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Ask(script) => asked.push((script.clone(), rig.ask(script.0).await)),
                Happening::Sync => resolve(&mut rig, Ok(())).await,
                Happening::Refuse => resolve(&mut rig, Err(JournalError::Refused)).await,
                Happening::Pass(secs) => tokio::time::sleep(Duration::from_secs(secs)).await,
            }
        }
        // A driver that broke the first law has panicked, and this would tell.
        let refused = matches!(rig.shut_down().await, Err(JournalError::Refused));
        for (script, asked) in asked {
            let first = script.0.iter().find_map(|errand| if let Answer(word) = errand { Some(*word) } else { None });
            let gives = answer(asked).await;
            assert!(refused || first.is_none() || gives.is_ok(), "an answer is lost only with the journal");
            assert!(gives.is_ok() || matches!(gives, Err(Unanswered::Unknown | Unanswered::ShutDown)));
        }
    }

    async fn resolve(rig: &mut Rig, outcome: Result<(), JournalError<Broken>>) {
        if let Ok(write) = rig.writes.try_recv() {
            write.resolve(outcome);
            settle().await;
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_and_however_slow_the_disk(
            happenings in happenings(), compact_after in 1..12_usize, piped: bool,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(run(happenings, compact_after, piped));
        }
    }
}
