use purlin_models::spec::{Oracle, raft};
use purlin_models::spec::Comparison;
fn main() {
    let jar = std::env::var_os("TLA2TOOLS_JAR").unwrap().into();
    let only: Vec<String> = std::env::args().skip(1).collect();
    for scope in raft::scopes() {
        if !only.is_empty() && !only.iter().any(|it| it == scope.name()) { continue }
        let oracle = Oracle::Tlc { jar: std::path::PathBuf::clone(&jar), specs: "specs".into(), update: true };
        match scope.compare(&oracle) {
            Err(error) => println!("{}: {error}", scope.name()),
            Ok(report) => {
                println!("{} {} {} {} {} {} | {:.0}s", report.scope, report.spec_states, report.spec_steps, report.model_states, report.model_steps, report.widest_fibre, report.seconds);
                for (name, lines) in [("unexplained", &report.unexplained_code_steps), ("missing", &report.missing_spec_steps), ("unreached", &report.unreached_spec_states)] {
                    println!("  {name} {}", lines.len());
                    lines.iter().take(2).for_each(|line| println!("    {line}"));
                }
                for p in report.properties.iter().filter(|p| !p.holds) { println!("  BROKEN {} {:?}", p.name, p.path); }
                println!("  {:?} {:?}", report.labels, report.liveness_obstacles);
            }
        }
    }
}
