//! What has to be in place, as it is right now: every line is asked of the service that knows it.

use askama::Template;
use clients::graph::GroupCreation;
use clients::http::{Access, CallError};
use clients::webex::ScimOrder;
use engine::people::{self, Census};
use engine::tenant::organization::Directory;
use engine::tenant::settings::OfficerStanding;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::files::FoldersState;
use crate::home::date;
use crate::officer::is_refused;
use crate::page::Shell;
use crate::place::Place;
use crate::{Administrator, Oauth};

/// How many people are looked at while nobody has counted all of them.
const SAMPLE: usize = 100;

const CONTROL_HUB: &str = "https://admin.webex.com";
const USERS: &str = "https://admin.webex.com/users";
const ENTRA: &str = "https://entra.microsoft.com";

const CONSENT_TO_FILES: &str = "Consent to files";

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    NotMet,
    /// It is the tenant's to decide, and nothing but folders waits for it.
    Open,
    Unknown,
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            Self::Met => "In place",
            Self::NotMet => "Missing",
            Self::Open => "Not yet",
            Self::Unknown => "Could not check",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not-met",
            Self::Open => "open",
            Self::Unknown => "unknown",
        }
    }
}

/// A line of the list.
struct Check {
    title: &'static str,
    verdict: Verdict,
    says: String,
    more: Vec<String>,
    links: Vec<(&'static str, &'static str)>,
}

impl Check {
    fn new(title: &'static str, verdict: Verdict, says: impl Into<String>) -> Self {
        Self { title, verdict, says: says.into(), more: vec![], links: vec![] }
    }

    fn more(mut self, more: impl Into<String>) -> Self {
        self.more.push(more.into());
        self
    }

    fn link(mut self, text: &'static str, url: &'static str) -> Self {
        self.links.push((text, url));
        self
    }

    /// Leads to the list of whom it is about, where there is one.
    fn list(self, matched: &Matched, text: &'static str, url: &'static str) -> Self {
        if *matched == Matched::Known { self.link(text, url) } else { self }
    }
}

#[derive(Template)]
#[template(path = "prerequisites.html")]
struct PrerequisitesPage<'a> {
    shell: Shell<'a>,
    webex: Vec<Check>,
    people: Vec<Check>,
    microsoft: Vec<Check>,
    folders: Vec<Check>,
    next: Place,
    at: String,
}

impl Oauth {
    pub(crate) async fn prerequisites(&self, administrator: &Administrator) -> Result<Answer, Failure> {
        let organization = &administrator.organization;
        let (webex, microsoft, folders) = futures::join!(
            self.check_webex(administrator),
            self.check_microsoft(administrator),
            self.check_folders(administrator)
        );
        let folders = folders?;
        let (webex, people) = webex;
        let next = match (&organization.officer, &organization.directory) {
            (None, _) => Place::Webex,
            (_, None) => Place::Microsoft,
            _ => Place::Settings,
        };
        let shell = self.shell(administrator, Place::Prerequisites);
        let page = PrerequisitesPage { shell, webex, people, microsoft, folders, next, at: date(self.clock.now()) };
        Ok(Answer::page(200, page.render()?))
    }

    async fn check_webex(&self, administrator: &Administrator) -> (Vec<Check>, Vec<Check>) {
        let signed_in = Check::new(
            "Full administrator",
            Verdict::Met,
            format!("You are signed in as {}, a full administrator of the organization.", administrator.session.name),
        );
        let messaging = Check::new(
            "Messaging",
            Verdict::Unknown,
            "Everybody who shall be in teams needs the messaging service. It is on for new users by default; Webex shows licences to its own administrators only.",
        )
        .link("Look at licences in Control Hub", USERS);
        let organization = &administrator.organization;
        let access = match &organization.officer {
            None => Err("No account is connected yet.".to_owned()),
            Some(officer) => {
                self.tokens.webex(organization.tenant, officer.person, self.deadline()).await.map_err(|error| {
                    tracing::warn!(%error, "the officer's tokens cannot be had");
                    "The account's sign-in is no longer good: connect it again.".to_owned()
                })
            }
        };
        let access = match access {
            Ok(access) => access,
            Err(why) => {
                let (verdict, why) = (Verdict::NotMet, why.as_str());
                let account = Check::new("Account with both roles", verdict, why)
                    .more("It takes an account that is compliance officer, to see what happens in teams, and read-only administrator, to read people.");
                let counted = Check::new(
                    "People synchronized",
                    Verdict::Unknown,
                    "This can be counted once the account is connected.",
                );
                return (vec![signed_in, account, messaging], with_ways(counted));
            }
        };
        let (events, people) = futures::join!(self.probe_events(&access), self.count_people(&access, administrator));
        let officer = role(
            "Compliance officer",
            &events,
            "The account reads the organization's events.",
            "Webex does not let the account read the organization's events. Another full administrator gives it the role of compliance officer.",
        );
        let reader = role(
            "Read-only administrator",
            &people,
            "The account lists the organization's people.",
            "Webex does not let the account list people. Give it the role of read-only administrator.",
        );
        (vec![signed_in, officer, reader, messaging], counted(&people))
    }

    /// From the last census, or from the first of the people while there is none. Webex is asked either way, which shows the role.
    async fn count_people(&self, access: &Access, administrator: &Administrator) -> Result<Counted, CallError> {
        let organization = &administrator.organization;
        let page = self.webex.scim_page(access, organization.org, 1, SAMPLE, ScimOrder::ById).await?;
        let census = people::census(self.store.as_ref(), organization.tenant).await.ok().flatten();
        if let Some(of) = census.filter(|_| organization.directory.is_some()) {
            return Ok(Counted { census: of.census, how: format!("counted {}", date(of.at)), matched: Matched::Known });
        }
        let mut census = Census::default();
        let nobody = Default::default();
        page.users.iter().for_each(|account| census.count(account, &nobody));
        let how = match page.total {
            total if total > page.users.len() => {
                format!("the first {} of {total}; all of them are counted after connecting", page.users.len())
            }
            _ => "as of now".to_owned(),
        };
        Ok(Counted { census, how, matched: Matched::NotYet })
    }

    async fn check_microsoft(&self, administrator: &Administrator) -> Vec<Check> {
        let cloud = match self.login.contains("login.microsoftonline.com") {
            true => Check::new("Microsoft cloud", Verdict::Met, "Worldwide (Global), the one that Webex works with."),
            false => {
                Check::new("Microsoft cloud", Verdict::Unknown, format!("This service signs in at {}.", self.login))
            }
        };
        let groups = "Microsoft 365 groups";
        let Some(directory) = &administrator.organization.directory else {
            let says = "This can be checked once a directory is connected.";
            return vec![Check::new(groups, Verdict::Unknown, says), cloud];
        };
        let access = match self.tokens.graph(directory.id, self.deadline()).await {
            Ok(access) => access,
            Err(error) => {
                tracing::warn!(%error, "no token for the directory");
                let lost = Check::new(
                    "Consent",
                    Verdict::NotMet,
                    format!("{} no longer gives this application a token.", directory.name),
                )
                .more("Authorize it again; nothing is lost by that.")
                .link("Enterprise applications in Entra", ENTRA);
                return vec![lost, cloud];
            }
        };
        let consent = Check::new("Consent", Verdict::Met, format!("{} lets this application in.", directory.name));
        let settings = match self.graph.group_settings(&access).await {
            Ok(settings) => settings,
            Err(error) => {
                tracing::warn!(%error, "group settings cannot be read");
                let check = match is_refused(&Err::<(), _>(error)) {
                    true => Check::new(groups, Verdict::NotMet, "Microsoft does not let this application read the directory's settings for groups: a permission is missing.").link("Enterprise applications in Entra", ENTRA),
                    false => Check::new(groups, Verdict::Unknown, "Microsoft did not answer."),
                };
                return vec![consent, check, cloud];
            }
        };
        let available = Check::new(groups, Verdict::Met, "Groups can be read and made.");
        let available = match &settings.naming_requirement {
            Some(policy) => {
                available.more(format!("Naming policy: {policy}. Groups get it; teams keep the bare name."))
            }
            None => available.more("Naming policy: none."),
        };
        let available = match settings.blocked_words.len() {
            0 => available.more("Blocked words: none."),
            n => available.more(format!(
                "Blocked words: {n}. A team whose name has one gets its group under a name that is accepted."
            )),
        };
        let creation = match settings.creation {
            GroupCreation::Allowed => Check::new("Who may create groups", Verdict::Met, "Everybody may."),
            GroupCreation::Restricted => Check::new(
                "Who may create groups",
                Verdict::NotMet,
                "The directory lets only some people create groups (EnableGroupCreation is false). This is honoured: new teams get no group by themselves.",
            )
            .more("Select teams yourself, or allow creation in the directory's settings for groups.")
            .link("Settings for groups in Entra", ENTRA),
        };
        vec![consent, available, creation, cloud]
    }

    /// What only folders need: nothing of it is in the way of people and names.
    async fn check_folders(&self, administrator: &Administrator) -> Result<Vec<Check>, Failure> {
        let at_hand = self.at_hand(administrator).await?;
        if self.folders_state(at_hand.as_ref()).await? == FoldersState::NotOffered {
            return Ok(vec![]);
        }
        let by_hand = Check::new(
            "Linked folders",
            Verdict::Unknown,
            "Webex lets nobody ask. In Control Hub, under Messaging, Content management, Edit settings: Microsoft has to be chosen, with linked folders on.",
        )
        .more("Enter the directory's name there, too: then nobody links a folder of another directory. A change takes up to a day to be seen in Webex.")
        .link("Look at content management in Control Hub", CONTROL_HUB);
        let mut checks = vec![by_hand];
        if let Some(at_hand) = &at_hand {
            const TITLE: &str = "Account inside the teams";
            checks.push(match at_hand.settings.standing {
                OfficerStanding::Inside => Check::new(TITLE, Verdict::Met, "It can join a space to link its folder."),
                OfficerStanding::Outside => Check::new(TITLE, Verdict::Open, FoldersState::Outside.line())
                    .link("Change where the account stands", "/settings#standing"),
            });
        }
        let consent = at_hand.and_then(|at_hand| at_hand.tenant.files);
        checks.push(match (&administrator.organization.directory, consent) {
            (None, _) => {
                Check::new(CONSENT_TO_FILES, Verdict::Unknown, "This can be checked once a directory is connected.")
            }
            (_, None) => Check::new(CONSENT_TO_FILES, Verdict::Open, FoldersState::NoConsent.line())
                .link("Read what is asked for", "/folders"),
            (Some(directory), Some(_)) => self.check_files(directory).await,
        });
        Ok(checks)
    }

    async fn check_files(&self, directory: &Directory) -> Check {
        let refused = |error: &dyn std::error::Error| {
            tracing::warn!(%error, "files are refused");
            let says = format!("{} no longer lets this application at files.", directory.name);
            Check::new(CONSENT_TO_FILES, Verdict::NotMet, says)
                .more("Authorize it again; nothing is lost by that. People and names go on meanwhile.")
                .link("Authorize it again", "/folders")
        };
        let access = match self.tokens.files(directory.id, self.deadline()).await {
            Ok(access) => access,
            Err(error) => return refused(&error),
        };
        match self.graph.refusal_of_files(&access).await {
            Ok(None) => {
                let says = format!("{} lets this application at files.", directory.name);
                Check::new(CONSENT_TO_FILES, Verdict::Met, says)
            }
            Ok(Some(error)) => refused(&error),
            Err(error) => {
                tracing::warn!(%error, "the consent to files could not be checked");
                Check::new(CONSENT_TO_FILES, Verdict::Unknown, "Microsoft did not answer.")
            }
        }
    }
}

/// What is known of how many people are ready.
struct Counted {
    census: Census,
    how: String,
    matched: Matched,
}

/// Whether it is known whom the directory knows.
#[derive(PartialEq)]
enum Matched {
    Known,
    NotYet,
}

fn role<T>(title: &'static str, answer: &Result<T, CallError>, met: &str, not_met: &str) -> Check {
    match answer {
        Ok(_) => Check::new(title, Verdict::Met, met),
        answer if is_refused(answer) => {
            Check::new(title, Verdict::NotMet, not_met).link("Give the role in Control Hub", USERS)
        }
        Err(error) => {
            tracing::warn!(%error, "a prerequisite could not be checked");
            Check::new(title, Verdict::Unknown, "Webex did not answer as it should. Reload the page in a minute.")
        }
    }
}

fn counted(people: &Result<Counted, CallError>) -> Vec<Check> {
    let Ok(Counted { census, how, matched }) = people else {
        return with_ways(Check::new("People synchronized", Verdict::Unknown, "People could not be listed."));
    };
    let share = |n: usize| format!("{n} of {} people ({how}).", census.people);
    let verdict = |n: usize| match n {
        0 => Verdict::NotMet,
        _ => Verdict::Met,
    };
    let synchronized = Check::new(
        "People synchronized",
        verdict(census.with_external_id),
        format!("An externalId is set for {}", share(census.with_external_id)),
    )
    .list(matched, "See who has none", "/people?why=not-synchronized");
    let found = "People found in Entra";
    let known = match matched {
        Matched::NotYet => Check::new(found, Verdict::Unknown, "This can be counted once a directory is connected."),
        Matched::Known => Check::new(
            found,
            verdict(census.matched),
            format!("The externalId is a person of the directory for {}", share(census.matched)),
        )
        .list(matched, "See who was not found", "/people?why=no-entra-user"),
    };
    let signed_in = Check::new(
        "People who have signed in",
        verdict(census.signed_in),
        format!("Signed in to Webex at least once: {}", share(census.signed_in)),
    )
    .more("Whoever has not signed in yet is left out until then, and taken along by itself afterwards.")
    .list(matched, "See who has not", "/people?why=not-signed-in");
    let mut checks = with_ways(synchronized);
    checks.extend([known, signed_in]);
    checks
}

/// Both ways to get people synchronized.
fn with_ways(check: Check) -> Vec<Check> {
    vec![
        check
            .more("A person is the same on both sides if the Webex account's externalId is the object id of the Entra user. There are two ways to get there:")
            .more("From Entra ID: in Control Hub, set up directory synchronization with Entra ID. It fills the externalId with the object id.")
            .more("From on-premises Active Directory: have Entra Connect write the object id back to an attribute of Active Directory, and map that attribute to externalId in Directory Connector.")
            .link("Directory synchronization in Control Hub", CONTROL_HUB),
    ]
}
