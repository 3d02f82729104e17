//! The first TLS connection of a fresh process, by the client that calls Webex and Microsoft.

use std::process::Stdio;
use std::time::{Duration, Instant};

use clients::http::{Net, Transport};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::aws::Aws;
use super::format::{milliseconds, percentile};
use super::lambda::own_cpu_time;
use crate::BenchError;
use crate::error::unexpected;

const PROCESSES: usize = 50;

/// Two calls over one connection.
#[derive(Serialize, Deserialize)]
struct Calls {
    first: Call,
    second: Call,
}

/// A call's time and its CPU time, in nanoseconds.
#[derive(Serialize, Deserialize)]
struct Call {
    took: u64,
    cpu: u64,
}

/// Measures by how much a first call is slower than a second one; returns a sentence.
pub(super) async fn describe(aws: &Aws) -> Result<String, BenchError> {
    let (mut took, mut cpu) = (vec![], vec![]);
    for _ in 0..PROCESSES {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["connect", &aws.endpoint]);
        command.env("SSL_CERT_FILE", aws.trusted()).stderr(Stdio::inherit());
        let output = command.output().await?.stdout;
        let Calls { first, second } = serde_json::from_slice(&output).map_err(unexpected)?;
        took.push(Duration::from_nanos(first.took.saturating_sub(second.took)));
        cpu.push(Duration::from_nanos(first.cpu.saturating_sub(second.cpu)));
    }
    took.sort_unstable();
    cpu.sort_unstable();
    Ok(format!(
        "The first TLS connection of the client that calls Webex and Microsoft takes {}, with {} \
         of CPU time: the difference of a first and a second call, p50 of {PROCESSES} fresh \
         processes.",
        milliseconds(percentile(&took, 50)),
        milliseconds(percentile(&cpu, 50))
    ))
}

/// Makes the two calls of such a process; returns their times as JSON.
///
/// # Errors
/// If the connection fails.
pub async fn connect(endpoint: &str) -> Result<String, BenchError> {
    let net = Net::new().map_err(|error| BenchError::Tls(error.to_string()))?;
    let calls = Calls { first: call(&net, endpoint).await?, second: call(&net, endpoint).await? };
    serde_json::to_string(&calls).map_err(unexpected)
}

async fn call(net: &Net, endpoint: &str) -> Result<Call, BenchError> {
    let request = http::Request::post(format!("{endpoint}/")).body("{}".into());
    let request = request.map_err(unexpected)?;
    let (began, cpu) = (Instant::now(), own_cpu_time());
    let answer = net.send(request, Duration::from_secs(5)).await;
    answer.map_err(|error| BenchError::Tls(error.to_string()))?;
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let cpu = own_cpu_time().saturating_sub(cpu);
    Ok(Call { took: nanoseconds(began.elapsed()), cpu: nanoseconds(cpu) })
}
