//! Behavior of the services, over HTTP without any client code.

#![expect(clippy::unwrap_used, reason = "what a test cannot read has failed it")]

mod ask;
mod browser;
mod keys;
mod kinds;
mod lies;

mod consent_entra;
mod entra;
mod faults;
mod graph_batch;
mod graph_delta;
mod graph_drives;
mod graph_groups;
mod graph_relations;
mod graph_replicas;
mod graph_subscriptions;
mod points;
mod signin_entra;
mod signin_webex;
mod webex_access;
mod webex_events;
mod webex_people;
mod webex_spaces;
