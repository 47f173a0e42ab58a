//! What the parts cost that every breaker is made of.

use super::layers::{Echo, answer};
use crate::case::Case;
use crate::traffic::Traffic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub(super) fn cases() -> Vec<Case> {
    vec![atomic_add(), clock(), mutex(), calls_alone(Traffic::Clean), calls_alone(Traffic::OnePercentFails), service()]
}

fn atomic_add() -> Case {
    let word = Arc::new(AtomicU64::new(0));
    Case::new("floor: atomic add on one shared u64", move || {
        let word = Arc::clone(&word);
        move || word.fetch_add(1, Ordering::Relaxed) < u64::MAX
    })
}

fn clock() -> Case {
    Case::new("floor: std Instant::now", || {
        let mut latest = Instant::now();
        move || {
            let before = std::mem::replace(&mut latest, Instant::now());
            before <= latest
        }
    })
}

fn mutex() -> Case {
    let count = Arc::new(Mutex::new(0_u64));
    Case::new("floor: std Mutex, lock and increment", move || {
        let count = Arc::clone(&count);
        move || {
            let mut count = count.lock().expect("no holder of the lock panics");
            *count += 1;
            *count < u64::MAX
        }
    })
}

/// What the counting of calls adds to each case of that traffic.
fn calls_alone(traffic: Traffic) -> Case {
    Case::new(format!("floor: the calls alone, {}", traffic.name()), move || {
        let mut calls = traffic.calls();
        move || std::hint::black_box(calls.next()).is_ok() || matches!(traffic, Traffic::OnePercentFails)
    })
}

fn service() -> Case {
    Case::new("floor: bare tower service", || {
        let mut service = Echo::new(Traffic::Clean);
        move || answer(&mut service).is_ok()
    })
}
