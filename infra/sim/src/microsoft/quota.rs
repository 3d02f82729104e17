//! Write quotas of Graph: in one directory, and over all of them.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{App, error, missing};
use crate::state::State;
use crate::state::microsoft::WriteUnits;
use crate::wire::{Request, Response};

/// Time in which a write counts against its directory's quota.
pub(crate) const WINDOW: SignedDuration = SignedDuration::from_secs(150);

/// Time in which a write counts against the quota over all directories.
pub(crate) const ALL_WINDOW: SignedDuration = SignedDuration::from_secs(300);

impl WriteUnits {
    /// Returns the seconds that these units have to wait; `None` if they fit now.
    fn wait(
        &mut self,
        units: usize,
        quota: usize,
        window: SignedDuration,
        now: Timestamp,
    ) -> Option<i64> {
        while let Some((_, gone)) = self.window.pop_front_if(|(at, _)| *at + window <= now) {
            self.units -= gone;
        }
        let first = self.window.front().map_or(now, |(at, _)| *at);
        (self.units + units > quota).then(|| (first + window).duration_since(now).as_secs() + 1)
    }

    fn count(&mut self, units: usize, now: Timestamp) {
        self.window.push_back((now, units));
        self.units += units;
        self.total += units;
    }
}

/// Charges a write to both quotas. Each bind costs a third of a unit.
pub(super) fn charge(state: &mut State, app: &App, call: &Request) -> Result<(), Response> {
    let body = call.json();
    let binds =
        ["members@odata.bind", "owners@odata.bind"].iter().filter_map(|key| body[key].as_array());
    let units = binds.map(Vec::len).sum::<usize>().div_ceil(3).max(1);
    let (now, microsoft) = (state.now, &mut state.microsoft);
    let (quota, all_quota) = (microsoft.settings.write_quota, microsoft.settings.all_write_quota);
    let directory =
        microsoft.directories.get_mut(&app.directory).ok_or_else(|| missing(app.directory))?;
    let own =
        directory.written.wait(units, quota, WINDOW, now).map(|wait| (wait, "Tenant_Application"));
    let all =
        microsoft.written.wait(units, all_quota, ALL_WINDOW, now).map(|wait| (wait, "Application"));
    let Some((wait, scope)) = own.max(all) else {
        directory.written.count(units, now);
        microsoft.written.count(units, now);
        return Ok(());
    };
    let mut refusal = error(429, "TooManyRequests", "Please retry again later.");
    if let Some(body) = &mut refusal.body {
        body["error"]["innerError"] =
            json!({"code": "429", "status": "429", "message": "Please retry after"});
    }
    Err(refusal
        .with("Retry-After", wait.to_string())
        .with("x-ms-throttle-scope", format!("{scope}/Write/{}/{}", app.client_id, app.directory))
        .with("x-ms-throttle-information", "WriteLimitExceeded"))
}
