//! Panics that nobody hears of: a runtime keeps those of its tasks to itself, also where third-party code panics.

use std::cell::RefCell;
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// From now on the panics of this thread are remembered, whoever catches them. They are still told as before.
pub(crate) fn remember() {
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            FIRST.with_borrow_mut(|first| first.get_or_insert_with(|| panic.to_string()).len());
            usual(panic);
        }));
    });
    FIRST.take();
}

/// The first panic of this thread since it was last asked, or since panics are remembered.
pub(crate) fn first() -> Option<String> {
    FIRST.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_task_that_nobody_waits_for_is_remembered() {
        remember();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::spawn(async { panic!("unheard") });
            tokio::task::yield_now().await;
        });
        assert!(first().is_some_and(|panic| panic.contains("unheard")));
        assert_eq!(first(), None);
    }
}
