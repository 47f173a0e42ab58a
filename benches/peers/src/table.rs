//! The figures as a table that can be pasted into a README.

use crate::measure::Figures;

/// Fewer kept batches than this are no basis for a median.
const BATCHES_MIN: usize = 20;

/// Prints the figures as Markdown. The first case is what the others are held against.
pub fn print(figures: &[Figures]) {
    let Some(unit) = figures.first().and_then(|unit| median(&unit.alone)) else { return };
    let unit_contended = figures.first().and_then(contended_median);
    println!("| case | 1 thread, ns | least | x add | 2 threads, ns | x add | batches kept |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for case in figures {
        println!("{}", row(case, unit, unit_contended));
    }
    for case in figures.iter().filter(|case| case.surprises > 0) {
        println!("\nVOID: {} operations of `{}` did not go as the case claims.", case.surprises, case.name);
    }
}

fn row(case: &Figures, unit: f64, unit_contended: Option<f64>) -> String {
    let alone = median(&case.alone).unwrap_or(f64::NAN);
    let least = case.alone.iter().copied().fold(f64::INFINITY, f64::min);
    let contended = contended_median(case);
    let ratio = contended.zip(unit_contended).map(|(nanos, unit)| nanos / unit);
    format!(
        "| {} | {alone:.1} | {least:.1} | {:.1} | {} | {} | {} of {} |",
        case.name,
        alone / unit,
        figure(contended),
        figure(ratio),
        case.contended.len(),
        case.batches,
    )
}

fn contended_median(case: &Figures) -> Option<f64> {
    (case.contended.len() >= BATCHES_MIN).then(|| median(&case.contended)).flatten()
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "too few".into(), |value| format!("{value:.1}"))
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}
