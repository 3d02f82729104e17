//! The settings.

use askama::Template;
use clients::webex::{Region, WebexId};
use domain::ids::{GroupId, ObjectId, PersonId, RoomId};
use engine::notify::{self, Matter};
use engine::reconcile;
use engine::tenant::AtHand;
use engine::tenant::organization::Directory;
use engine::tenant::settings::{self, Folders, OfficerStanding, Settings, SettingsVersion, Told};
use store::table::StoreError;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::files::FoldersState;
use crate::incoming::Incoming;
use crate::officer;
use crate::page::Shell;
use crate::place::Place;
use crate::settings_form::{Difference, Fault, Form, differences};
use crate::{Administrator, Oauth};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    directory: &'a Directory,
    form: Form,
    folders: FoldersState,
    faults: Vec<Fault>,
    /// What somebody else saved meanwhile.
    differences: Vec<Difference>,
    is_saved: bool,
}

impl SettingsPage<'_> {
    fn fault(&self, field: &str) -> Option<&str> {
        self.faults.iter().find(|fault| fault.field == field).map(|fault| fault.says.as_str())
    }
}

impl Oauth {
    pub(crate) async fn settings_page(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let directory = administrator.organization.directory.as_ref().ok_or(Failure::NotConnected)?;
        let (settings, version) = settings::load(self.store.as_ref(), administrator.organization.tenant).await?;
        let at_hand = self.at_hand(administrator).await?;
        let page = SettingsPage {
            shell: self.shell(administrator, Place::Settings),
            csrf: &administrator.session.csrf,
            directory,
            form: Form::of(&settings, version),
            folders: self.folders_state(at_hand.as_ref()).await?,
            faults: vec![],
            differences: vec![],
            is_saved: incoming.query("saved").is_some(),
        };
        Ok(Answer::page(200, page.render()?))
    }

    /// Saves what the form says, unless something is wrong with it or somebody else has saved since it was shown.
    pub(crate) async fn save_settings(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let organization = &administrator.organization;
        let directory = organization.directory.as_ref().ok_or(Failure::NotConnected)?;
        if incoming.field("switch") == Some("off") {
            return self.switch_off(administrator).await;
        }
        let store = self.store.as_ref();
        let form = Form::sent(incoming);
        let (stored, version) = settings::load(store, organization.tenant).await?;
        let at_hand = self.at_hand(administrator).await?;
        let folders = self.folders_state(at_hand.as_ref()).await?;
        let show = |form: Form, faults: Vec<Fault>, differences: Vec<Difference>, status: u16| {
            let page = SettingsPage {
                shell: self.shell(administrator, Place::Settings),
                csrf: &administrator.session.csrf,
                directory,
                form,
                folders: folders.clone(),
                faults,
                differences,
                is_saved: false,
            };
            Ok(Answer::page(status, page.render()?))
        };
        let draft = match form.draft(&stored, self.clock.now()) {
            Ok(draft) => draft,
            Err(faults) => return show(form, faults, vec![], 422),
        };
        let seen = form.version;
        if seen != version {
            let differences = differences(&stored, &draft);
            return show(Form { version, ..form }, vec![], differences, 409);
        }
        let wanted = match self.look_up(&form, draft, (&stored, at_hand), administrator).await? {
            Ok(wanted) => wanted,
            Err(faults) => return show(form, faults, vec![], 422),
        };
        match settings::save(store, organization.tenant, &wanted, seen).await {
            Ok(()) => {}
            Err(StoreError::ConditionFailed) => {
                let (stored, version): (Settings, SettingsVersion) = settings::load(store, organization.tenant).await?;
                let differences = differences(&stored, &wanted);
                return show(Form { version, ..form }, vec![], differences, 409);
            }
            Err(error) => return Err(error.into()),
        }
        if wanted.folders == Folders::No && stored.folders != Folders::No {
            // Nobody waits for them any more.
            store.write(vec![notify::withdraw(organization.tenant, Matter::FilesConsentLost)]).await?;
        }
        if asks_for_looks(&stored, &wanted) {
            reconcile::look_at_every_link(store, organization.tenant, self.clock.now()).await?;
            reconcile::do_everything_next(store, organization.tenant).await?;
        }
        let session = &administrator.session;
        let changed: Vec<_> = differences(&stored, &wanted).into_iter().map(|one| one.label).collect();
        tracing::info!(tenant = %organization.tenant, person = %session.person, ?changed, "settings saved");
        Ok(Answer::see(format!("{}?saved", Place::Settings.path())))
    }

    /// Stops all writes, whatever anybody else is just saving. Every link is kept.
    async fn switch_off(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        let (store, tenant) = (self.store.as_ref(), administrator.organization.tenant);
        for _ in 0..5 {
            let (stored, version) = settings::load(store, tenant).await?;
            let off = Settings { switched_on_at: None, ..stored };
            match settings::save(store, tenant, &off, version).await {
                Err(StoreError::ConditionFailed) => {}
                saved => {
                    saved?;
                    tracing::info!(%tenant, person = %administrator.session.person, "switched off");
                    return Ok(Answer::see(Place::Home.path()));
                }
            }
        }
        Err(Failure::Changed(Place::Home))
    }

    /// Fills in what only the services know, where it is new.
    async fn look_up(
        &self,
        form: &Form,
        mut settings: Settings,
        (stored, at_hand): (&Settings, Option<AtHand>),
        administrator: &Administrator,
    ) -> Result<Result<Settings, Vec<Fault>>, Failure> {
        let mut faults: Vec<_> = folders(&settings, (stored, at_hand)).into_iter().collect();
        let missing =
            administrator.organization.officer.as_ref().map(|one| officer::missing(settings.standing, &one.scopes));
        if settings.standing == OfficerStanding::Inside && missing.is_none_or(|missing| !missing.is_empty()) {
            faults.push(Fault::new("standing", "For this the account has to grant more than it did. Connect it again with “inside the teams”, then save."));
        }
        match self.pilot_group(form, administrator).await? {
            Ok(group) => settings.pilot_group = group,
            Err(fault) => faults.push(fault),
        }
        match self.fallback_owner(form, administrator).await? {
            Ok(owner) => settings.fallback_owner = owner,
            Err(fault) => faults.push(fault),
        }
        match self.told(form, stored, administrator).await? {
            Ok(told) => settings.told = told,
            Err(fault) => faults.push(fault),
        }
        Ok(if faults.is_empty() { Ok(settings) } else { Err(faults) })
    }

    async fn pilot_group(
        &self,
        form: &Form,
        administrator: &Administrator,
    ) -> Result<Result<Option<GroupId>, Fault>, Failure> {
        const FIELD: &str = "pilot_group";
        if form.pilot_group.is_empty() {
            return Ok(Ok(None));
        }
        let Ok(group) = form.pilot_group.parse::<GroupId>() else {
            return Ok(Err(Fault::new(FIELD, "Enter the object id of a group, as Entra shows it.")));
        };
        let Some(directory) = &administrator.organization.directory else { return Ok(Ok(None)) };
        let access = self.tokens.graph(directory.id, self.deadline()).await?;
        Ok(match self.graph.group(&access, group).await? {
            Some(_) => Ok(Some(group)),
            None => Err(Fault::new(FIELD, "The directory has no group with this object id.")),
        })
    }

    async fn fallback_owner(
        &self,
        form: &Form,
        administrator: &Administrator,
    ) -> Result<Result<Option<ObjectId>, Fault>, Failure> {
        const FIELD: &str = "fallback_owner";
        if form.fallback_owner.is_empty() {
            return Ok(Ok(None));
        }
        let Some(directory) = &administrator.organization.directory else { return Ok(Ok(None)) };
        let access = self.tokens.graph(directory.id, self.deadline()).await?;
        let user = match form.fallback_owner.parse::<ObjectId>() {
            Ok(id) => self.graph.user(&access, id).await?,
            Err(_) => self.graph.user_named(&access, &form.fallback_owner).await?,
        };
        Ok(match user {
            Some(user) if user.kind == clients::graph::UserKind::Member => Ok(Some(user.id)),
            Some(_) => Err(Fault::new(FIELD, "A guest of the directory cannot own groups here.")),
            None => Err(Fault::new(
                FIELD,
                "The directory has nobody with this name to sign in with, nor with this object id.",
            )),
        })
    }

    /// Whoever is new is told so at once, which shows that it can be told.
    async fn told(
        &self,
        form: &Form,
        stored: &Settings,
        administrator: &Administrator,
    ) -> Result<Result<Option<Told>, Fault>, Failure> {
        let organization = &administrator.organization;
        let officer = organization.officer.as_ref().ok_or(Failure::NotConnected)?;
        let access = || self.tokens.webex(organization.tenant, officer.person, self.deadline());
        let region = officer.region.clone();
        let told = match form.told.as_str() {
            "space" => match space(&form.told_space, &region) {
                Some(space) => Told::Space(space),
                None => return Ok(Err(Fault::new("told_space", "Paste the space's link, or its id."))),
            },
            "person" => {
                let access = access().await?;
                let person = match form.told_person.parse::<PersonId>() {
                    Ok(person) => Some(person),
                    Err(_) => {
                        let user = self.webex.scim_user_by_name(&access, organization.org, &form.told_person).await?;
                        user.map(|user| user.person)
                    }
                };
                match person {
                    Some(person) => Told::Person(WebexId::new(region, person)),
                    None => {
                        return Ok(Err(Fault::new("told_person", "The organization has nobody with this address.")));
                    }
                }
            }
            _ => return Ok(Ok(None)),
        };
        if same(stored.told.as_ref(), &told) {
            return Ok(Ok(stored.told.clone()));
        }
        let access = access().await?;
        let words =
            "From now on you are told here what an administrator of the Microsoft 365 Groups integration should know.";
        let (field, sent) = match &told {
            Told::Space(space) => ("told_space", self.webex.send_to_room(&access, space, words).await),
            Told::Person(person) => ("told_person", self.webex.send_to_person(&access, person, words).await),
        };
        Ok(match sent {
            Ok(_) => Ok(Some(told)),
            Err(error) if officer::is_refused(&Err::<(), _>(error.clone())) || error.status() == Some(400) => {
                Err(Fault::new(field, "The connected account cannot write there. Add it to the space first."))
            }
            Err(error) => return Err(error.into()),
        })
    }
}

/// What keeps spaces from getting folders, where that is wanted. What was wanted before is not refused because a consent is missing by now: the rest can be saved.
fn folders(wanted: &Settings, (stored, at_hand): (&Settings, Option<AtHand>)) -> Option<Fault> {
    let has_consent = at_hand.is_some_and(|at_hand| at_hand.tenant.files.is_some());
    let says = match (wanted.folders, wanted.standing) {
        (Folders::EachSpace, OfficerStanding::Outside) => {
            "Folders need the account inside the teams. Choose “Inside the teams” above, or no folders here."
        }
        (Folders::EachSpace, _) if stored.folders == Folders::No && !has_consent => {
            "The directory has not consented to files yet. Authorize it first, on the page about folders."
        }
        _ => return None,
    };
    Some(Fault::new("folders", says))
}

/// Whether links that are in step may not be so under the new settings.
fn asks_for_looks(stored: &Settings, wanted: &Settings) -> bool {
    let rules = |settings: &Settings| {
        let &Settings { running, direction, last_word, names, standing, fallback_owner, brake, folders, .. } = settings;
        let is_on = settings.switched_on_at.is_some();
        (is_on, running, direction, last_word, names, standing, fallback_owner, brake, folders)
    };
    wanted.switched_on_at.is_some() && rules(stored) != rules(wanted)
}

fn same(stored: Option<&Told>, told: &Told) -> bool {
    match (stored, told) {
        (Some(Told::Space(one)), Told::Space(other)) => one.id == other.id,
        (Some(Told::Person(one)), Told::Person(other)) => one.id == other.id,
        _ => false,
    }
}

/// A space by its id, or by the link that Webex copies (`webexteams://im?space=<uuid>`).
fn space(text: &str, region: &Region) -> Option<WebexId<RoomId>> {
    let text = text.rsplit_once("space=").map_or(text, |(_, id)| id);
    if let Ok(id) = text.parse::<RoomId>() {
        return Some(WebexId::new(region.clone(), id));
    }
    text.parse().ok()
}
