//! The page about folders of spaces: what they are, what they need, what the directory is asked for, and how far it is.

use askama::Template;
use engine::credentials::registration::Registration;
use engine::tenant::files_consent::{FilesConsent, Lost};
use engine::tenant::settings::{Folders, OfficerStanding};
use engine::tenant::suspension::Why;
use engine::tenant::{self, AtHand};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::page::Shell;
use crate::place::Place;
use crate::registration::{Permission, permissions};
use crate::{Administrator, Oauth};

/// How far folders are: the first thing that is missing, or what was decided where nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FoldersState {
    /// Whoever operates this has no registration for files.
    NotOffered,
    /// The two sides are not connected yet.
    NotConnected,
    /// The connected account stands where it cannot link folders.
    Outside,
    /// The directory has not consented.
    NoConsent,
    /// What it consented to is no longer accepted.
    Lost(Lost),
    /// Everything is there, and folders are not wanted.
    Off,
    /// Spaces get folders.
    On,
}

impl FoldersState {
    /// In one sentence.
    pub(crate) fn line(&self) -> &'static str {
        match self {
            Self::NotOffered => "Whoever runs this service has not set it up for folders.",
            Self::NotConnected => "Both sides have to be connected first.",
            Self::Outside => "They need the connected account inside the teams; it stands outside.",
            Self::NoConsent => "They need a consent of the directory of their own. People and names go on without it.",
            Self::Lost(Lost { why: Why::OwnCredential, .. }) => {
                "The integration's own sign-in for files is refused: whoever runs this service has to renew its credentials. People and names go on."
            }
            Self::Lost(_) => {
                "Microsoft 365 no longer accepts the integration for files: authorize it again. People and names go on."
            }
            Self::Off => "The directory has consented; they are switched off.",
            Self::On => "Each space of a linked team gets one in the site of the team's group.",
        }
    }

    /// Whether a consent would be of use now.
    pub(crate) fn takes_consent(&self) -> bool {
        matches!(self, Self::NoConsent | Self::Lost(_) | Self::Off | Self::On)
    }

    /// Whether there are any to offer.
    pub(crate) fn is_offered(&self) -> bool {
        *self != Self::NotOffered
    }

    /// Whether spaces get folders.
    pub(crate) fn is_on(&self) -> bool {
        *self == Self::On
    }

    /// Whether the consent is there and good.
    fn is_settled(&self) -> bool {
        matches!(self, Self::Off | Self::On)
    }

    fn heading(&self) -> &'static str {
        match self {
            Self::On => "Spaces get folders",
            Self::Off => "Folders are switched off",
            Self::NoConsent => "The directory has not consented to files",
            Self::Lost(_) => "Folders stand still",
            Self::NotOffered | Self::NotConnected | Self::Outside => "Folders are not to be had yet",
        }
    }

    fn class(&self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Lost(_) => "warn",
            _ => "",
        }
    }
}

#[derive(Template)]
#[template(path = "folders.html")]
struct FoldersPage<'a> {
    shell: Shell<'a>,
    csrf: &'a str,
    state: FoldersState,
    consent: Option<FilesConsent>,
    permissions: &'static [Permission],
    /// The directory has just consented.
    is_authorized: bool,
}

impl Oauth {
    /// How far folders are for a tenant; without one, whether there are any to offer.
    pub(crate) async fn folders_state(&self, at_hand: Option<&AtHand>) -> Result<FoldersState, Failure> {
        let consent = at_hand.and_then(|at_hand| at_hand.tenant.files.as_ref());
        if consent.is_none() && !self.tokens.has_app(Registration::Files).await? {
            return Ok(FoldersState::NotOffered);
        }
        let Some(AtHand { settings, .. }) = at_hand else { return Ok(FoldersState::NotConnected) };
        Ok(match (settings.standing, consent, settings.folders) {
            (OfficerStanding::Outside, ..) => FoldersState::Outside,
            (_, None, _) => FoldersState::NoConsent,
            (_, Some(FilesConsent { lost: Some(lost), .. }), _) => FoldersState::Lost(lost.clone()),
            (.., Folders::No) => FoldersState::Off,
            (.., Folders::EachSpace) => FoldersState::On,
        })
    }

    /// The tenant with all that decides about it; `None` while both sides are not connected.
    pub(crate) async fn at_hand(&self, administrator: &Administrator) -> Result<Option<AtHand>, Failure> {
        let tenant = administrator.organization.tenant;
        let at_hand = tenant::at_hand(self.store.as_ref(), tenant, &[], self.clock.now()).await?;
        Ok(at_hand.map(|(at_hand, _)| at_hand))
    }

    /// What folders are, what they need, and what will be asked for.
    pub(crate) async fn folders_page(
        &self,
        incoming: &Incoming,
        administrator: &Administrator,
    ) -> Result<Answer, Failure> {
        let at_hand = self.at_hand(administrator).await?;
        let state = self.folders_state(at_hand.as_ref()).await?;
        let page = FoldersPage {
            shell: self.shell(administrator, Place::Folders),
            csrf: &administrator.session.csrf,
            is_authorized: incoming.query("authorized").is_some() && state.is_settled(),
            state,
            consent: at_hand.and_then(|at_hand| at_hand.tenant.files),
            permissions: permissions(Registration::Files),
        };
        Ok(Answer::page(200, page.render()?))
    }
}
