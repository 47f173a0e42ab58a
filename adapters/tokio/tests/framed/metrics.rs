//! What a transport counts.

use crate::mail::{Mail, letter, member};
use crate::rig::{BOTH, CLUSTER, LONG, Office, Stranger, hello, patient, site};
use core::time::Duration;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use purlin_tokio::{Framing, Lane, Tcp, Transport, WireMetrics};
use tokio::time::{sleep, timeout};

/// Waits until a page says so.
async fn counted(page: &PrometheusHandle, line: &str) {
    let waiting = async {
        while !page.render().lines().any(|found| found == line) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(LONG, waiting).await.is_ok(), "{line} in {}", page.render());
}

#[tokio::test]
async fn what_happens_to_connections_is_counted_under_the_documented_names() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let metrics = WireMetrics::recorded_by(&recorder, "raft");
    let framing = Framing::<Mail, _>::new(Tcp, site(member(1), &[])).wire(patient()).observer((metrics, ()));
    let mut one = framing.open().await.unwrap();
    counted(&page, "purlin_wire_failures_total{name=\"raft\",reason=\"foreign\"} 0").await;

    let mut foreigner = Stranger::dial(one.place().unwrap()).await;
    foreigner.say(b"GET / HTTP/1.1\r\n\r\n").await;
    counted(&page, "purlin_wire_failures_total{name=\"raft\",reason=\"foreign\"} 1").await;

    let mut guest = Stranger::dial(one.place().unwrap()).await;
    guest.say(&hello(CLUSTER, BOTH, Lane::Bulk, &member(2))).await;
    counted(&page, "purlin_wire_connections{name=\"raft\",lane=\"bulk\"} 1").await;
    guest.say(&[0xff; 8]).await;
    counted(&page, "purlin_wire_failures_total{name=\"raft\",reason=\"too_long\"} 1").await;
    counted(&page, "purlin_wire_connections{name=\"raft\",lane=\"bulk\"} 0").await;

    one.send(member(7), letter(1, "nobody knows where"));
    counted(&page, "purlin_wire_lost_total{name=\"raft\",lane=\"normal\"} 1").await;
}

#[tokio::test]
async fn messages_that_wait_for_a_dead_place_are_counted_as_lost() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let dead = Office::open(site(member(2), &[])).await.place();
    let metrics = WireMetrics::recorded_by(&recorder, "raft");
    let framing = Framing::<Mail, _>::new(Tcp, site(member(1), &[(member(2), &dead)])).wire(patient());
    let mut one = framing.observer(metrics).open().await.unwrap();
    (0..3).for_each(|number| one.send(member(2), letter(number, "")));
    counted(&recorder.handle(), "purlin_wire_lost_total{name=\"raft\",lane=\"normal\"} 3").await;
}
