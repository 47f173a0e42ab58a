//! What Prometheus sees beside what the driver and the wire count.

use super::Shared;
use crate::server::Standing;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use metrics::{Gauge, Key, Level, Metadata, Recorder};

const METADATA: Metadata<'static> = Metadata::new("purlin", Level::INFO, Some(module_path!()));

/// How many gauges there are.
const COUNT: usize = 12;

const GAUGES: [(&str, &str); COUNT] = [
    ("purlin_raft_term", "The replica's term."),
    ("purlin_raft_is_leader", "Whether the replica leads."),
    ("purlin_raft_role", "0 follower, 1 pre-candidate, 2 candidate, 3 leader."),
    ("purlin_raft_has_leader", "Whether the replica knows who leads."),
    ("purlin_raft_commit_index", "Up to which entry the log is known to be committed."),
    ("purlin_raft_applied_index", "Up to which entry the log is applied."),
    ("purlin_kv_revision", "The last revision."),
    ("purlin_kv_keys", "How many keys have a value."),
    ("purlin_kv_bytes", "How many bytes the items take."),
    ("purlin_kv_quota_bytes", "How many bytes the items may take; 0 is any number."),
    ("purlin_kv_quota_alarm", "Whether puts are refused because there is no space."),
    ("purlin_kv_leases", "How many leases there are."),
];

/// How the replica stands, as Prometheus sees it.
pub(crate) struct StateGauges([Gauge; COUNT]);

impl StateGauges {
    pub(crate) fn register(recorder: &dyn Recorder) -> Self {
        Self(GAUGES.map(|(name, tells)| {
            recorder.describe_gauge(name.into(), None, tells.into());
            recorder.register_gauge(&Key::from_static_name(name), &METADATA)
        }))
    }

    fn show(&self, standing: Standing) {
        let Standing { role, term, leader, commit, applied, stats } = standing;
        let counts = [
            term,
            standing.leads().into(),
            role as u64,
            leader.is_some().into(),
            commit,
            applied,
            stats.revision,
            stats.keys,
            stats.bytes,
            stats.quota,
            stats.alarm.into(),
            stats.leases,
        ];
        self.0.iter().zip(counts).for_each(|(gauge, count)| gauge.set(count as f64));
    }
}

pub(super) async fn metrics(State(service): Shared) -> Response {
    service.gauges.show(*service.standing.borrow());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], service.page.render()).into_response()
}
