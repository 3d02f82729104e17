//! The first TLS connection of a fresh process, by the client that calls Webex and Microsoft.

use std::process::Stdio;
use std::time::{Duration, Instant};

use clients::http::{Net, Transport};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::aws::Aws;
use crate::lambda::own_processor;
use crate::{NotMeasured, milliseconds, within};

const PROCESSES: usize = 50;

/// A call's time, and what of the processor went into it, in nanoseconds.
#[derive(Serialize, Deserialize)]
struct Calls {
    first: [u64; 2],
    /// Over the same connection.
    second: [u64; 2],
}

/// What a first call takes more than a second one, in words.
pub(crate) async fn in_words(aws: &Aws) -> Result<String, NotMeasured> {
    let (mut took, mut processor) = (vec![], vec![]);
    for _ in 0..PROCESSES {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["connect", &aws.endpoint]).env("SSL_CERT_FILE", aws.trusted()).stderr(Stdio::inherit());
        let said = command.output().await?.stdout;
        let Calls { first, second } =
            serde_json::from_slice(&said).map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
        took.push(Duration::from_nanos(first[0].saturating_sub(second[0])));
        processor.push(Duration::from_nanos(first[1].saturating_sub(second[1])));
    }
    took.sort_unstable();
    processor.sort_unstable();
    Ok(format!(
        "The first TLS connection of the client that calls Webex and Microsoft takes {}, {} of the processor (in half of {PROCESSES} fresh processes less): so much a first call takes more than a second one.",
        milliseconds(within(&took, 50)),
        milliseconds(within(&processor, 50))
    ))
}

/// What each of these processes does.
pub(crate) async fn connect(endpoint: &str) -> Result<String, NotMeasured> {
    let net = Net::new().map_err(|error| NotMeasured::Tls(error.to_string()))?;
    let calls = Calls { first: call(&net, endpoint).await?, second: call(&net, endpoint).await? };
    serde_json::to_string(&calls).map_err(|error| NotMeasured::NotAsMeant(error.to_string()))
}

async fn call(net: &Net, endpoint: &str) -> Result<[u64; 2], NotMeasured> {
    let request = http::Request::post(format!("{endpoint}/")).body("{}".into());
    let request = request.map_err(|error| NotMeasured::NotAsMeant(error.to_string()))?;
    let (began, processor) = (Instant::now(), own_processor());
    net.send(request, Duration::from_secs(5)).await.map_err(|error| NotMeasured::Tls(error.to_string()))?;
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let spent = own_processor().saturating_sub(processor);
    Ok([nanoseconds(began.elapsed()), nanoseconds(spent)])
}
