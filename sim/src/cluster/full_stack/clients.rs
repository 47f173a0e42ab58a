//! The clients' host. They hold the nodes' handles, and outlive the nodes.

use super::stage::{Notices, Stage};
use crate::cluster::Cluster;
use crate::cluster::client::{Ask, Errand, Occasion, Unanswered};
use crate::stack::HostTime;
use core::cell::RefCell;
use core::future::pending;
use core::time::Duration;
use purlin::protocol::Protocol;
use purlin_tokio::Handle;
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

type P<C> = <C as Cluster>::Protocol;

pub(super) async fn run<C: Cluster>(stage: Arc<Stage<C>>, mut notices: Notices<C>) -> turmoil::Result {
    let clients = stage.clients();
    let alarms = Rc::new(RefCell::new(vec![None; clients as usize]));
    let company = Company { stage, time: HostTime::start(), alarms };
    (0..clients).for_each(|client| company.act(client, Occasion::Started));
    loop {
        tokio::select! {
            biased;
            () = company.stage.herd.notified() => (0..clients).for_each(|client| company.wake(client)),
            notice = notices.recv() => {
                let Some((node, event)) = notice else { return pending().await };
                (0..clients).for_each(|client| company.act(client, Occasion::Notified { node, event: &event }));
            }
        }
    }
}

/// All clients, on one host.
struct Company<C: Cluster> {
    stage: Arc<Stage<C>>,
    time: HostTime,
    alarms: Rc<RefCell<Vec<Option<AbortHandle>>>>,
}

impl<C: Cluster> Clone for Company<C> {
    fn clone(&self) -> Self {
        Self { stage: Arc::clone(&self.stage), time: self.time, alarms: Rc::clone(&self.alarms) }
    }
}

impl<C: Cluster> Company<C> {
    fn act(&self, client: u32, occasion: Occasion<'_, P<C>>) {
        for errand in self.stage.act(self.time.now(), client, occasion) {
            match errand {
                Errand::Ask { ask, node, request } => self.ask(client, ask, node, request),
                Errand::Wake { after } => self.set_alarm(client, after),
            }
        }
    }

    fn ask(&self, client: u32, ask: Ask, node: u32, request: <P<C> as Protocol>::Request) {
        let handle = self.stage.ask(self.time.now(), client, ask, node, &request);
        let company = self.clone();
        spawn_local(async move {
            let result = answer(handle, request).await;
            company.stage.answered(company.time.now(), client, node, ask, &result);
            let occasion = match &result {
                Ok(answer) => Occasion::Answered { ask, answer },
                Err(why) => Occasion::Unanswered { ask, why: *why },
            };
            company.act(client, occasion);
        });
    }

    /// The client stops resting, if it is.
    fn wake(&self, client: u32) {
        let alarm = self.alarms.borrow_mut()[client as usize].take();
        if let Some(alarm) = alarm {
            alarm.abort();
            self.act(client, Occasion::Woken);
        }
    }

    fn set_alarm(&self, client: u32, after: Duration) {
        let company = self.clone();
        let alarm = spawn_local(async move {
            sleep(after).await;
            company.alarms.borrow_mut()[client as usize] = None;
            company.act(client, Occasion::Woken);
        });
        let former = self.alarms.borrow_mut()[client as usize].replace(alarm.abort_handle());
        former.iter().for_each(AbortHandle::abort);
    }
}

async fn answer<P: Protocol>(handle: Option<Handle<P>>, request: P::Request) -> Result<P::Answer, Unanswered> {
    let Some(handle) = handle else { return Err(Unanswered::ShutDown) };
    handle.request(request).await.map_err(|why| match why {
        purlin_tokio::Unanswered::Busy => Unanswered::Busy,
        purlin_tokio::Unanswered::ShutDown => Unanswered::ShutDown,
        purlin_tokio::Unanswered::Unknown => Unanswered::Unknown,
    })
}
