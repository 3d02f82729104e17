//! Answers to cards.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::graph::{Entra, Graph};
use clients::http::{Transport, TransportError};
use clients::webex::{TokenPair, Webex, WebexId};
use domain::clock::SimulatedClock;
use domain::ids::{DirectoryId, OrgId, PersonId, TeamId, TenantId};
use engine::credentials::tokens::Tokens;
use engine::link::{self, Card, Ended, Kept, Link, Phase};
use engine::sync::Sync;
use engine::tenant::{self, Settings, Tenant};
use http::{Request, Response};
use serde_json::{Value, json};
use store::message::{Ask, Cause, Message};
use store::queue::memory::MemoryQueue;
use store::secrets::memory::MemorySecrets;
use store::table::memory::MemoryStore;
use store::table::{Store, from_item};
use uuid::Uuid;

use crate::{deadline, noon, run};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const TEAM: TeamId = TeamId(Uuid::from_u128(2 << 96));
const CREATOR: PersonId = PersonId(Uuid::from_u128(3 << 96));
const OFFICER: PersonId = PersonId(Uuid::from_u128(4 << 96));
const CARD: &str = "Y2FyZA";

/// Webex with one team, whose creator was asked; it says `answer` of whatever somebody pressed.
struct Pressed {
    answer: Bytes,
}

#[async_trait]
impl Transport for Pressed {
    async fn send(&self, request: Request<Bytes>, _: Duration) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path();
        let room = TEAM.general_space();
        let body: Bytes = if path.starts_with("/v1/attachment/actions/") {
            self.answer.clone()
        } else if path.starts_with("/v1/rooms/") {
            json!({"id": room, "type": "group", "creatorId": CREATOR, "teamId": TEAM}).to_string().into()
        } else if path == "/v1/memberships" {
            json!({"items": [{"id": "bQ", "roomId": room, "personId": CREATOR, "isModerator": true}]})
                .to_string()
                .into()
        } else {
            return Err(TransportError::NotSent(format!("nothing is asked of {path}")));
        };
        Ok(Response::new(body))
    }
}

/// Whatever an answer to a card is: only one to the card of this team, by its creator, makes or ends anything.
pub fn card_answer(answer: &[u8]) {
    let read: Value = serde_json::from_slice(answer).unwrap_or_default();
    let by: Option<WebexId<PersonId>> = read["personId"].as_str().and_then(|by| by.parse().ok());
    let team: Option<TeamId> = read["inputs"]["team"].as_str().and_then(|team| team.parse().ok());
    let counts = read["messageId"] == CARD && by.is_some_and(|by| by.id == CREATOR) && team == Some(TEAM);
    let phase = run(phase_after(Bytes::copy_from_slice(answer)));
    match phase {
        Phase::Asked { .. } => {}
        Phase::Creating { request: None } => assert!(counts && read["inputs"]["group"] == "yes"),
        Phase::Ended { why: Ended::NotWanted } => assert!(counts && read["inputs"]["group"] != "yes"),
        other => panic!("{other:?}"),
    }
}

async fn phase_after(answer: Bytes) -> Phase {
    let clock = Arc::new(SimulatedClock::starting_at(noon()));
    let transport: Arc<dyn Transport> = Arc::new(Pressed { answer });
    let (store, secrets) = (Arc::new(MemoryStore::new(clock.clone())), Arc::new(MemorySecrets::new()));
    let base = "https://graph.microsoft.com/v1.0";
    let webex = Webex::new("https://webexapis.com/v1", transport.clone(), clock.clone()).unwrap();
    let entra = Entra::new("https://login.microsoftonline.com", base, transport.clone(), clock.clone()).unwrap();
    let sync = Sync {
        store: store.clone(),
        queue: Arc::new(MemoryQueue::new(clock.clone())),
        tokens: Arc::new(Tokens::new(secrets, store.clone(), clock.clone(), webex.clone(), entra, "hostile")),
        graph: Graph::new(base, transport, clock.clone()).unwrap(),
        webex,
        clock,
    };
    let (org, directory) = (OrgId(Uuid::from_u128(5)), DirectoryId(Uuid::from_u128(6)));
    let kept = Tenant { tenant: TENANT, org, directory, officer: OFFICER, region: Default::default(), files: None };
    tenant::put(store.as_ref(), &kept, &Settings::default()).await.unwrap();
    let ends = noon() + jiff::SignedDuration::from_hours(24);
    let pair = TokenPair {
        access: "access".into(),
        refresh: "refresh".into(),
        access_ends_at: ends,
        refresh_ends_at: ends,
        scope: String::new(),
    };
    sync.tokens.keep(TENANT, pair).await.unwrap();
    let card = Card { message: CARD.into(), sent_at: noon() };
    let link = Link::new(TEAM, Default::default(), "Team".into(), Phase::Asked { card: Some(card) });
    store.write(vec![link::creation(TENANT, &link, noon()).unwrap()]).await.unwrap();
    let ask = Ask::CardAnswered { action: "action".into() };
    let message = Message { v: Default::default(), tenant: TENANT, at: noon(), cause: Cause::WebexWebhook, ask };
    sync.handle(&message, deadline()).await.unwrap();
    let item = store.get(&link::key(TENANT, TEAM)).await.unwrap().unwrap();
    from_item::<Kept>(item).unwrap().link.phase
}
