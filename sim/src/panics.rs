//! Panics that nobody hears of: a runtime keeps those of its tasks to itself, also where third-party code panics.

use std::cell::{Cell, RefCell};
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// From now on the panics of this thread are remembered, whoever catches them. They are still told as before.
pub(crate) fn remember() {
    hook();
    FIRST.take();
}

/// Does something whose panics, which are caught within it, are of no interest to anybody who watches.
pub(crate) fn quietly<T>(act: impl FnOnce() -> T) -> T {
    hook();
    let before = IS_QUIET.replace(true);
    let done = act();
    IS_QUIET.set(before);
    done
}

fn hook() {
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            FIRST.with_borrow_mut(|first| first.get_or_insert_with(|| panic.to_string()).len());
            if !IS_QUIET.get() {
                usual(panic);
            }
        }));
    });
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
