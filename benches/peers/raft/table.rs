//! The figures as a table that can be pasted into a README.

use crate::parent::Row;

/// Prints the medians of all rounds as Markdown.
pub(crate) fn print(rows: &[Row]) {
    println!("| engine, window W, payload P | CPU-ns | CPU-ns, least | proposals/s | messages | instructions |");
    println!("|---|--:|--:|--:|--:|--:|");
    for row in rows {
        println!("{}", line(row));
    }
}

fn line(row: &Row) -> String {
    let each = |amount: u64| amount as f64 / row.case.load.proposals as f64;
    let cpu = || row.figures.iter().map(|figures| each(figures.cpu_nanos));
    let rate = row.figures.iter().map(|figures| 1e9 / each(figures.wall_nanos));
    let messages = row.figures.iter().map(|figures| each(figures.messages));
    format!(
        "| {} | {:.0} | {:.0} | {:.0} | {:.3} | {} |",
        row.case.name,
        median(cpu()),
        cpu().fold(f64::INFINITY, f64::min),
        median(rate),
        median(messages),
        row.instructions.map_or_else(|| "–".to_owned(), |instructions| format!("{instructions:.0}")),
    )
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
