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
use engine::link::{self, Card, Ended, Link, LinkRow, Phase};
use engine::sync::Deps;
use engine::tenant::{self, Settings, Tenant};
use http::{Request, Response};
use serde_json::{Value, json};
use store::message::{Job, Message, Trigger};
use store::queue::memory::MemoryQueue;
use store::secrets::memory::MemorySecrets;
use store::table::memory::MemoryStore;
use store::table::{Store, from_item};
use uuid::Uuid;

use crate::{deadline, noon, run};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const TEAM: TeamId = TeamId(Uuid::from_u128(2 << 96));
const CREATOR: PersonId = PersonId(Uuid::from_u128(3 << 96));
const SERVICE_ACCOUNT: PersonId = PersonId(Uuid::from_u128(4 << 96));
const CARD: &str = "Y2FyZA";

/// Webex with one team whose creator was asked; returns `answer` for the pressed button.
struct Pressed {
    answer: Bytes,
}

#[async_trait]
impl Transport for Pressed {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: Duration,
    ) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path();
        let room = TEAM.general_space();
        let body: Bytes = if path.starts_with("/v1/attachment/actions/") {
            self.answer.clone()
        } else if path.starts_with("/v1/rooms/") {
            json!({"id": room, "type": "group", "creatorId": CREATOR, "teamId": TEAM})
                .to_string()
                .into()
        } else if path == "/v1/memberships" {
            let member =
                json!({"id": "bQ", "roomId": room, "personId": CREATOR, "isModerator": true});
            json!({"items": [member]}).to_string().into()
        } else {
            return Err(TransportError::NotSent(format!("nothing is asked of {path}")));
        };
        Ok(Response::new(body))
    }
}

/// Checks any card answer: only the creator's answer to this team's card has an effect.
pub fn card_answer(answer: &[u8]) {
    let read: Value = serde_json::from_slice(answer).unwrap_or_default();
    let by: Option<WebexId<PersonId>> = read["personId"].as_str().and_then(|by| by.parse().ok());
    let team: Option<TeamId> = read["inputs"]["team"].as_str().and_then(|team| team.parse().ok());
    let counts =
        read["messageId"] == CARD && by.is_some_and(|by| by.id == CREATOR) && team == Some(TEAM);
    let phase = run(phase_after(Bytes::copy_from_slice(answer)));
    match phase {
        Phase::Asked { .. } => {}
        Phase::Creating { request: None } => assert!(counts && read["inputs"]["group"] == "yes"),
        Phase::Ended { why: Ended::Declined, .. } => {
            assert!(counts && read["inputs"]["group"] != "yes")
        }
        other => panic!("{other:?}"),
    }
}

/// Stores a tenant, its tokens, and a team whose creator was asked.
async fn store_asked_team(store: &MemoryStore, tokens: &Tokens) {
    let (org, directory) = (OrgId(Uuid::from_u128(5)), DirectoryId(Uuid::from_u128(6)));
    let tenant = Tenant {
        tenant: TENANT,
        org,
        directory,
        service_account: SERVICE_ACCOUNT,
        region: Default::default(),
        files: None,
    };
    tenant::put(store, &tenant, &Settings::default()).await.unwrap();
    let ends = noon() + jiff::SignedDuration::from_hours(24);
    let pair = TokenPair {
        access: "access".into(),
        refresh: "refresh".into(),
        access_ends_at: ends,
        refresh_ends_at: ends,
        scope: String::new(),
    };
    tokens.save(TENANT, SERVICE_ACCOUNT, pair).await.unwrap();
    let card = Card { message: CARD.into(), sent_at: noon(), unseen: 0 };
    let link =
        Link::new(TEAM, Default::default(), "Team".into(), Phase::Asked { card: Some(card) });
    store.write(vec![link::creation(TENANT, &link, noon()).unwrap()]).await.unwrap();
}

async fn phase_after(answer: Bytes) -> Phase {
    let clock = Arc::new(SimulatedClock::starting_at(noon()));
    let transport: Arc<dyn Transport> = Arc::new(Pressed { answer });
    let (store, secrets) =
        (Arc::new(MemoryStore::new(clock.clone())), Arc::new(MemorySecrets::new()));
    let base = "https://graph.microsoft.com/v1.0";
    let webex = Webex::new("https://webexapis.com/v1", transport.clone(), clock.clone()).unwrap();
    let entra =
        Entra::new("https://login.microsoftonline.com", base, transport.clone(), clock.clone())
            .unwrap();
    let sync = Deps {
        store: store.clone(),
        queue: Arc::new(MemoryQueue::new(clock.clone())),
        tokens: Arc::new(Tokens::new(
            secrets,
            store.clone(),
            clock.clone(),
            webex.clone(),
            entra,
            "untrusted",
        )),
        graph: Graph::new(base, transport, clock.clone()).unwrap(),
        webex,
        clock,
        people_in_memory: engine::sync::PeopleInMemory::default(),
    };
    store_asked_team(&store, &sync.tokens).await;
    let job = Job::CardAnswered { action: "action".into() };
    let message = Message {
        v: Default::default(),
        tenant: TENANT,
        at: noon(),
        trigger: Trigger::WebexWebhook,
        job,
    };
    sync.handle(&message, deadline()).await.unwrap();
    let item = store.get(&link::key(TENANT, TEAM)).await.unwrap().unwrap();
    from_item::<LinkRow>(item).unwrap().link.phase
}
