//! Disconnecting, and the receipt of what was taken back.

use askama::Template;
use domain::ids::TenantId;
use engine::credentials::registration::Registration;
use engine::offboard::{self, Groups, Leaving, Links, Stage, Word};
use engine::tenant::Tenant;
use engine::tenant::organization::{self, Directory};
use store::keys;
use store::table::{StoreError, from_item};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::home::date;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

#[derive(Template)]
#[template(path = "disconnect.html")]
struct DisconnectPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    directory: Option<&'a Directory>,
    has_officer: bool,
    is_unconfirmed: bool,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    at: String,
    lines: Vec<Line>,
    troubles: &'a [String],
    held: Option<usize>,
    is_done: bool,
}

/// What only an administrator of the directory can do.
const REMOVE: &str = "It lies with Microsoft. To withdraw it, delete this application in the Entra admin center: Enterprise applications, All applications, the application, Properties, Delete.";

/// A line of the receipt.
struct Line {
    what: &'static str,
    how_far: String,
    is_done: bool,
}

impl Oauth {
    pub(crate) async fn disconnect_page(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        self.disconnect_form(administrator, 200)
    }

    fn disconnect_form(&self, administrator: &Administrator, status: u16) -> Result<Answer, Failure> {
        let page = DisconnectPage {
            shell: self.shell(administrator, Place::Disconnect),
            csrf: &administrator.session.csrf,
            directory: administrator.organization.directory.as_ref(),
            has_officer: administrator.organization.officer.is_some(),
            is_unconfirmed: status != 200,
        };
        Ok(Answer::page(status, page.render()?))
    }

    pub(crate) async fn disconnect(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        if incoming.field("sure") != Some("yes") {
            return self.disconnect_form(administrator, 422);
        }
        let Administrator { session, organization } = administrator;
        let (store, id) = (self.store.as_ref(), organization.tenant);
        if organization.directory.is_none() {
            if organization.officer.is_some() {
                organization::remove_officer(store, organization).await?;
                self.tokens.discard(id).await?;
            }
            return Ok(Answer::see(Place::Home.path()));
        }
        let tenant: Option<Tenant> = store.get(&keys::tenant(id)).await?.map(from_item).transpose()?;
        let tenant = tenant.ok_or(Failure::NotConnected)?;
        let groups = match incoming.field("groups") {
            Some("delete") => Groups::Delete,
            _ => Groups::Keep,
        };
        let links = match incoming.field("links") {
            Some("forget") => Links::Forget,
            _ => Links::Keep,
        };
        match offboard::begin(store, &tenant, session.person, (groups, links), self.clock.now()).await {
            Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Place::Disconnect)),
            begun => begun?,
        }
        tracing::info!(org = %session.org, tenant = %id, ?groups, ?links, "a tenant disconnected");
        self.leave(id).await;
        Ok(Answer::see(Place::Receipt.path()))
    }

    /// As much as can be done at once; the rounds do the rest.
    async fn leave(&self, tenant: TenantId) {
        if let Err(error) = offboard::go_on(&self.hands(), tenant).await {
            tracing::warn!(%tenant, %error, "the leaving goes on with the next round");
        }
    }

    pub(crate) async fn receipt(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        let left = administrator.organization.left.ok_or(Failure::NotConnected)?;
        let leaving = offboard::load(self.store.as_ref(), left).await?.ok_or(Failure::NotConnected)?;
        let page = ReceiptPage {
            shell: self.shell(administrator, Place::Receipt),
            csrf: &administrator.session.csrf,
            at: date(leaving.at),
            lines: lines(&leaving),
            troubles: &leaving.receipt.troubles,
            held: match leaving.stage {
                Stage::Held { groups } => Some(groups),
                _ => None,
            },
            is_done: matches!(leaving.stage, Stage::Done | Stage::Keeping { .. }),
        };
        Ok(Answer::page(200, page.render()?))
    }

    pub(crate) async fn decide_about_groups(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let left = administrator.organization.left.ok_or(Failure::NotConnected)?;
        let count = incoming.field("count").and_then(|count| count.parse().ok());
        let word = match (incoming.field("groups"), count) {
            (Some("delete"), Some(groups)) => Word::Delete { groups },
            (Some("keep"), _) => Word::Keep,
            _ => return Err(Failure::Changed(Place::Receipt)),
        };
        match offboard::decide(self.store.as_ref(), left, word, self.clock.now()).await {
            Err(StoreError::ConditionFailed) => return Err(Failure::Changed(Place::Receipt)),
            decided => decided?,
        }
        self.leave(left).await;
        Ok(Answer::see(Place::Receipt.path()))
    }
}

fn lines(leaving: &Leaving) -> Vec<Line> {
    let Leaving { stage, receipt, .. } = leaving;
    let order = |stage: &Stage| match stage {
        Stage::Hooks => 0,
        Stage::Teams => 1,
        Stage::Secret => 2,
        Stage::Counting | Stage::Held { .. } | Stage::Groups => 3,
        Stage::Keeping { .. } => 4,
        Stage::Forgetting => 5,
        Stage::Done => 6,
    };
    let reached = order(stage);
    let line = |what, how_far: String, step: i32| Line { what, how_far, is_done: reached > step };
    let mut lines = vec![
        Line { what: "Writing stopped", how_far: format!("At {}.", date(leaving.at)), is_done: true },
        line("Webex's webhooks", format!("{} deleted.", receipt.webhooks), 0),
        line("Microsoft's subscription", format!("{} deleted.", receipt.subscriptions), 0),
        line("The account leaves the teams", format!("{} left.", receipt.teams_left), 1),
        line(
            "The account's tokens",
            receipt.tokens_deleted_at.map_or("Not deleted yet.".into(), |at| format!("Deleted at {}.", date(at))),
            2,
        ),
    ];
    lines.push(match leaving.groups {
        Groups::Keep => Line { what: "Groups", how_far: "They stay as they are.".into(), is_done: true },
        Groups::Delete => line(
            "Groups",
            format!("{} deleted; within 30 days they can be restored in Microsoft 365.", receipt.groups_deleted),
            3,
        ),
    });
    if receipt.consents.contains(&Registration::Files) {
        let how_far = match leaving.groups {
            Groups::Keep => "Folders, files and their links in Webex stay as they are.",
            Groups::Delete => {
                "Links in Webex stay as they are; folders and files go with their groups, and come back with them."
            }
        };
        lines.push(Line { what: "Folders of spaces", how_far: how_far.into(), is_done: true });
    }
    lines.push(match (stage, receipt.forgotten_at) {
        (_, Some(at)) => {
            Line { what: "Links and people", how_far: format!("Forgotten at {}.", date(at)), is_done: true }
        }
        (Stage::Keeping { until }, _) => Line {
            what: "Links and people",
            how_far: format!("Kept until {}. Connecting again before goes on with them.", date(*until)),
            is_done: true,
        },
        _ => Line { what: "Links and people", how_far: "Still stored.".into(), is_done: *stage == Stage::Done },
    });
    lines.push(Line {
        what: "The consent of the directory",
        how_far: match receipt.consents.contains(&Registration::Files) {
            true => format!("{REMOVE} There are two of them: the one for groups, and the one for files."),
            false => REMOVE.into(),
        },
        is_done: false,
    });
    lines
}
