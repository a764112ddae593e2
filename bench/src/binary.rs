//! A function that is a program: this one, started by the server as `bootstrap`. The least client of the Runtime API:
//! takes an event, answers it as it came, over one connection. Knows no measuring.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use anyhow::{Context, Result};

const PATH: &str = "/2018-06-01/runtime/invocation";

/// Serves until the connection ends.
pub(crate) fn serve(api: &str) -> Result<()> {
    let mut stream = TcpStream::connect(api)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    loop {
        stream.write_all(format!("GET {PATH}/next HTTP/1.1\r\nhost: {api}\r\n\r\n").as_bytes())?;
        let (id, event) = read(&mut answers)?;
        let id = id.context("an event without a request id")?;
        let head = format!(
            "POST {PATH}/{id}/response HTTP/1.1\r\nhost: {api}\r\ncontent-length: {}\r\n\r\n",
            event.len()
        );
        stream.write_all(&[head.as_bytes(), &event].concat())?;
        read(&mut answers)?;
    }
}

/// The request id, if the answer has one, and the body.
fn read(answers: &mut impl BufRead) -> Result<(Option<String>, Vec<u8>)> {
    let (mut id, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        anyhow::ensure!(answers.read_line(&mut line)? > 0, "the Runtime API has ended");
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "lambda-runtime-aws-request-id" => id = Some(value.to_owned()),
            "content-length" => length = value.parse()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    answers.read_exact(&mut body)?;
    Ok((id, body))
}
