//! The `/metrics` page, always in the same order.

use metrics_exporter_prometheus::PrometheusHandle;

/// Prometheus' text format, as it wants to be called.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The exporter writes families, and the lines of each, in the order of a hash map. Sorted, the page of a state is
/// always the same bytes.
pub(crate) fn render(handle: &PrometheusHandle) -> String {
    let page = purlin_metrics::scrape(|| handle.render());
    let mut families: Vec<String> = page.split("\n\n").map(sorted).filter(|family| !family.is_empty()).collect();
    families.sort();
    families.concat()
}

/// One family: its comments as they are, its lines sorted.
fn sorted(family: &str) -> String {
    let (comments, mut lines): (Vec<&str>, Vec<&str>) =
        family.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('#'));
    lines.sort_unstable();
    comments.into_iter().chain(lines).flat_map(|line| [line, "\n"]).collect()
}
