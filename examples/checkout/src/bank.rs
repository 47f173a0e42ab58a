//! The bank: a service that fails on command.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, header::RETRY_AFTER};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How the bank behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Takes every payment.
    #[default]
    Healthy,
    /// Fails every second payment, by turns.
    Flaky,
    /// Fails every payment.
    Failing,
    /// Turns every payment away and asks to be left alone for a second.
    Overloaded,
    /// Leaves every payment without an answer for half a minute, then fails it.
    Hanging,
}

const HANGS_FOR: Duration = Duration::from_secs(30);

/// The bank's present behaviour, and how often it was called.
#[derive(Debug, Default)]
pub struct Bank {
    mode: Mutex<Mode>,
    calls: AtomicU64,
}

impl Bank {
    /// A bank in this mode.
    pub fn new(mode: Mode) -> Arc<Self> {
        Arc::new(Self { mode: Mutex::new(mode), calls: AtomicU64::new(0) })
    }

    /// How it behaves.
    pub fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Behaves like this from the next call on.
    pub fn switch(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// How many payments it was asked for.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// The bank's HTTP interface.
///
/// | request | answer |
/// |---|---|
/// | `POST /pay?amount_cents=N` | as its mode says |
/// | `GET /bank/mode` | `{"mode": "healthy"}` |
/// | `POST /bank/mode` with `{"mode": "failing"}` | the new mode |
pub fn bank(bank: Arc<Bank>) -> Router {
    Router::new().route("/pay", post(pay)).route("/bank/mode", get(tell_mode).post(switch_mode)).with_state(bank)
}

#[derive(Deserialize)]
struct Payment {
    amount_cents: u64,
}

#[derive(Serialize, Deserialize)]
struct Behaviour {
    mode: Mode,
}

async fn pay(State(bank): State<Arc<Bank>>, Query(payment): Query<Payment>) -> Response {
    let turn = bank.calls.fetch_add(1, Ordering::Relaxed);
    match bank.mode() {
        Mode::Healthy => paid(&payment),
        Mode::Flaky if turn.is_multiple_of(2) => paid(&payment),
        Mode::Flaky | Mode::Failing => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mode::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response(),
        Mode::Hanging => {
            tokio::time::sleep(HANGS_FOR).await;
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn paid(payment: &Payment) -> Response {
    Json(serde_json::json!({ "paid_cents": payment.amount_cents })).into_response()
}

async fn tell_mode(State(bank): State<Arc<Bank>>) -> Json<Behaviour> {
    Json(Behaviour { mode: bank.mode() })
}

async fn switch_mode(State(bank): State<Arc<Bank>>, Json(behaviour): Json<Behaviour>) -> Json<Behaviour> {
    bank.switch(behaviour.mode);
    Json(behaviour)
}
