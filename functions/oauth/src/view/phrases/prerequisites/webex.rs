//! Prerequisites in Webex: the administrator, the service account, and the people.

use engine::people::PeopleCounts;

use super::{CONTROL_HUB, Check, Probe, Verdict};
use crate::http::page_id::Page;

const USERS: &str = "https://admin.webex.com/users";

pub(crate) fn full_administrator(name: &str) -> Check {
    let text = format!("You are signed in as {name}, a full administrator of the organization.");
    Check::new("Full administrator", Verdict::Met, text)
}

pub(crate) fn messaging() -> Check {
    let text = "Everyone who should sync needs the messaging service. It is on for new users by \
                default; Webex shows licences to its own administrators only.";
    Check::new("Messaging", Verdict::Unknown, text).link("See licences in Control Hub", USERS)
}

/// The reason why the service account cannot be used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoAccount {
    NotConnected,
    TokensLost,
    /// A service or the table did not answer.
    Unknown,
}

pub(crate) fn no_account(why: NoAccount) -> Check {
    let (verdict, text) = match why {
        NoAccount::NotConnected => (Verdict::NotMet, "No account is connected yet."),
        NoAccount::TokensLost => {
            (Verdict::NotMet, "The account's sign-in is no longer good: connect it again.")
        }
        NoAccount::Unknown => {
            (Verdict::Unknown, "The account's sign-in could not be checked. Try again in a minute.")
        }
    };
    Check::new("Account with both roles", verdict, text).more(
        "It takes an account that is compliance officer, to see what happens in teams, and \
         read-only administrator, to read people.",
    )
}

/// A role of the service account in words.
struct RoleText {
    title: &'static str,
    met: &'static str,
    not_met: &'static str,
}

pub(crate) fn compliance_officer(probe: Probe) -> Check {
    role(
        probe,
        RoleText {
            title: "Compliance officer",
            met: "The account reads the organization's events.",
            not_met: "Webex does not let the account read the organization's events. Another full \
                      administrator gives it the role of compliance officer.",
        },
    )
}

pub(crate) fn read_only_administrator(probe: Probe) -> Check {
    role(
        probe,
        RoleText {
            title: "Read-only administrator",
            met: "The account lists the organization's people.",
            not_met: "Webex does not let the account list people. Give it the role of read-only \
                      administrator.",
        },
    )
}

fn role(probe: Probe, text: RoleText) -> Check {
    match probe {
        Probe::Accepted => Check::new(text.title, Verdict::Met, text.met),
        Probe::Refused => Check::new(text.title, Verdict::NotMet, text.not_met)
            .link("Give the role in Control Hub", USERS),
        Probe::Failed => Check::new(
            text.title,
            Verdict::Unknown,
            "Webex did not answer as it should. Reload the page in a minute.",
        ),
    }
}

/// The known number of people that are ready.
pub(crate) struct PeopleCount {
    pub(crate) people_counts: PeopleCounts,
    pub(crate) source: CountSource,
}

/// The source of the number.
pub(crate) enum CountSource {
    /// The last reconciliation cycle, which knows the directory.
    Counted { at: String },
    /// The first page of people.
    Sample { of: usize, total: usize },
    /// All people, but without the directory.
    Now,
}

impl PeopleCount {
    fn is_matched(&self) -> bool {
        matches!(self.source, CountSource::Counted { .. })
    }

    fn share(&self, n: usize) -> String {
        let people = self.people_counts.people;
        let how = match &self.source {
            CountSource::Counted { at } => format!("counted {at}"),
            CountSource::Sample { of, total } => {
                format!("the first {of} of {total}; all of them are counted after connecting")
            }
            CountSource::Now => "as of now".to_owned(),
        };
        format!("{n} of {people} people ({how}).")
    }

    /// Links to the list of people with this reason, where there is one.
    fn list(&self, check: Check, text: &'static str, reason: &str) -> Check {
        // Before a count there is no list to link to.
        if !self.is_matched() {
            return check;
        }
        check.link(text, format!("{}?why={reason}", Page::People))
    }
}

const SYNCHRONIZED: &str = "People synchronized";

/// People cannot be counted without the service account.
pub(crate) fn people_later() -> Vec<Check> {
    let text = "This can be counted once the account is connected.";
    vec![with_ways(Check::new(SYNCHRONIZED, Verdict::Later, text))]
}

/// People could not be listed.
pub(crate) fn people_unknown() -> Vec<Check> {
    let text = "People could not be listed.";
    vec![with_ways(Check::new(SYNCHRONIZED, Verdict::Unknown, text))]
}

pub(crate) fn people(count: &PeopleCount) -> Vec<Check> {
    let verdict = |n: usize| match n {
        0 => Verdict::NotMet,
        n if n < count.people_counts.people => Verdict::Partly,
        _ => Verdict::Met,
    };
    let with_id = count.people_counts.with_external_id;
    let text = format!("An externalId is set for {}", count.share(with_id));
    let synchronized = Check::new(SYNCHRONIZED, verdict(with_id), text);
    let synchronized = count.list(synchronized, "See who has none", "not-synchronized");
    let found = "People found in Entra";
    let known = if count.is_matched() {
        let matched = count.people_counts.matched;
        let share = count.share(matched);
        let text = format!("The externalId is a person of the directory for {share}");
        let check = Check::new(found, verdict(matched), text);
        count.list(check, "See who was not found", "no-entra-user")
    } else {
        Check::new(found, Verdict::Later, "This can be counted once a directory is connected.")
    };
    let signed_in = count.people_counts.signed_in;
    let text = format!("Signed in to Webex at least once: {}", count.share(signed_in));
    let signed_in = Check::new("People who have signed in", verdict(signed_in), text).more(
        "People who have not signed in yet are excluded until then, and included automatically \
         afterwards.",
    );
    let signed_in = count.list(signed_in, "See who has not", "not-signed-in");
    vec![with_ways(synchronized), known, signed_in]
}

/// Adds both ways to get people synchronized.
fn with_ways(check: Check) -> Check {
    check
        .more(
            "A person is the same on both sides if the Webex account's externalId is the object \
             id of the Entra user. There are two ways to get there:",
        )
        .more(
            "From Entra ID: in Control Hub, set up directory synchronization with Entra ID. It \
             fills the externalId with the object id.",
        )
        .more(
            "From on-premises Active Directory: have Entra Connect write the object id back to an \
             attribute of Active Directory, and map that attribute to externalId in Directory \
             Connector.",
        )
        .link("Directory synchronization in Control Hub", CONTROL_HUB)
}
