/// Holds a plan of 2 faults, shrunk from 200, under which `electing` broke `at_most_one_leader_a_term`.
#[test]
fn electing_keeps_at_most_one_leader_a_term() {
    let scenario = scenario_under_test();
    let plan = scenario.read(PLAN).expect("the plan is one of this scenario");
    let run = scenario.run(purlin_sim::Tier::Swarm, &plan).expect("the plan is valid");
    assert!(run.verdict.holds(), "{:?}", run.verdict);
}

const PLAN: &str = r#"{
  "scenario": "electing",
  "noise": 3746070120798494,
  "options": {
    "environment": {
      "safety_ms": 115,
      "link": {
        "least_ms": 1,
        "most_ms": 1
      },
      "sync": {
        "least_ms": 5,
        "most_ms": 5
      },
      "grain_ns": 1000000,
      "clocks": [
        {
          "ahead_ms": 0,
          "drift_ppm": 0
        },
        {
          "ahead_ms": 0,
          "drift_ppm": 0
        },
        {
          "ahead_ms": 0,
          "drift_ppm": 0
        }
      ]
    },
    "workload": {
      "nodes": 3,
      "patience_ms": 73,
      "beat_ms": 24
    }
  },
  "budget": {
    "down_at_once": 64,
    "destroyed": 0,
    "liveness": true
  },
  "faults": [
    {
      "start_ms": 0,
      "duration_ms": 115,
      "kind": {
        "delay": {
          "extra": {
            "least_ms": 28,
            "most_ms": 28
          },
          "link": [
            0,
            1
          ]
        }
      }
    },
    {
      "start_ms": 85,
      "duration_ms": 1,
      "kind": {
        "power_loss": {
          "node": 2
        }
      }
    }
  ],
  "throws": {
    "node 0": "1",
    "node 1": "4",
    "node 2": "58"
  }
}"#;
