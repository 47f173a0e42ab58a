//! The `checkout` command, from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

fn checkout(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkout"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Ends with the test, whatever its verdict.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_code_2() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for option in ["--port", "--bank-port"] {
        let Output { status, stdout, stderr } = checkout(&[option, &port]).output().unwrap();
        let complaint = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{complaint}");
        assert!(stdout.is_empty());
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(complaint.contains(&port) && complaint.contains(option), "{complaint}");
    }
}

#[test]
fn a_rate_out_of_bounds_is_exit_code_2() {
    for rate in ["0", "1001", "many"] {
        let Output { status, stderr, .. } = checkout(&["--requests-per-second", rate]).output().unwrap();
        assert_eq!(status.code(), Some(2));
        assert!(String::from_utf8(stderr).unwrap().contains("give a number from 10 to 1000"));
    }
}

#[test]
fn serving_answers_where_it_says() {
    let mut serving = Serving(checkout(&["--serve", "--port", "0", "--bank-port", "0"]).spawn().unwrap());
    // Kept until the end: a command whose output nobody reads any more ends.
    let mut stdout = BufReader::new(serving.0.stdout.take().unwrap());
    let mut said = String::new();
    stdout.read_line(&mut said).unwrap();
    let address = said.split("http://").nth(1).and_then(|url| url.split('/').next()).unwrap();

    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains(r#""bank_circuit":"closed""#), "{answer}");
}
