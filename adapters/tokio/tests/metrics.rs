//! What a driver counts.

use core::num::NonZeroUsize;
use metrics_exporter_prometheus::PrometheusBuilder;
use purlin::queue::{NewMessage, Queue, Request, Settings};
use purlin_tokio::{DriverMetrics, Options, Setup, Unanswered, Volatile};
use std::collections::BTreeMap;

fn enqueue(id: &str) -> Request {
    Request::Enqueue(NewMessage { id: id.into(), ..NewMessage::default() })
}

/// The counters and gauges of a page.
fn numbers(page: &str) -> BTreeMap<&str, f64> {
    let lines = page.lines().filter_map(|line| line.split_once("{name=\"jobs\"} "));
    lines.map(|(metric, value)| (metric, value.parse().unwrap())).collect()
}

/// Three requests of which two persist, and one that finds the inbox full.
#[tokio::test]
async fn what_a_driver_does_is_counted_under_the_documented_names() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let options = Options { inbox_max: NonZeroUsize::MIN, ..Options::default() };
    let (driver, handle) =
        Setup::<Queue, _>::new(Settings::default().validate().unwrap(), Volatile, Default::default())
            .observer(DriverMetrics::recorded_by(&recorder, "jobs"))
            .options(options)
            .build();

    // Nobody takes anything from the inbox yet: the second request finds it full.
    let first = tokio::spawn({
        let handle = handle.clone();
        async move { handle.request(enqueue("a")).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(handle.try_request(enqueue("b")).await, Err(Unanswered::Busy));
    let running = tokio::spawn(driver.run());
    first.await.unwrap().unwrap();
    for request in [enqueue("b"), Request::Stats] {
        handle.request(request).await.unwrap();
    }
    handle.shutdown();
    running.await.unwrap().unwrap();

    let page = recorder.handle().render();
    let numbers = numbers(&page);
    for (metric, value) in [
        ("purlin_driver_requests_total", 3.0),
        ("purlin_driver_answers_total", 3.0),
        ("purlin_driver_records_total", 2.0),
        ("purlin_driver_syncs_total", 2.0),
        ("purlin_driver_refusals_total", 1.0),
        ("purlin_driver_open_tickets", 0.0),
        ("purlin_driver_batch_inputs_count", 3.0),
        ("purlin_driver_sync_records_sum", 2.0),
        ("purlin_driver_sync_seconds_count", 2.0),
    ] {
        assert_eq!(numbers.get(metric), Some(&value), "{metric} in {page}");
    }
}
