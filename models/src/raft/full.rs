//! Models of up to ten million states.

use super::case::Case;
use super::witnesses::{a_third_term, committed_everywhere, two_lead};
use crate::{Model, Scope};

pub(super) fn models() -> Vec<Box<dyn Model>> {
    vec![
        Case::new("three elections", Scope::Full, 3)
            .elections([0, 1, 2], 3)
            .sometimes([two_lead(), a_third_term(), committed_everywhere()])
            .boxed(),
    ]
}
