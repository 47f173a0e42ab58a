//! Models of up to some millions of states.

use super::case::{round, small};
use crate::{Model, Scope};
use purlin::breaker::{Settings, WindowKind};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    let wide = Settings { window: WindowKind::Count(8), slow_call_duration_ms: Some(2), ..small() };
    vec![round("window of 8, 4 callers, slow calls", Scope::Full, wide).callers(4).boxed()]
}
