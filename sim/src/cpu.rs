//! Processor time, which a busy machine does not distort.

use core::time::Duration;

/// The processor time that this thread has used.
#[cfg(target_os = "linux")]
pub(crate) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Where thread clocks are not at hand, the time that has passed since the first call.
#[cfg(not(target_os = "linux"))]
pub(crate) fn thread_time() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
}
