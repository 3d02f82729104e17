//! The backfill of existing teams in words.

use domain::membership::ExclusionReason;
use engine::backfill::run::BackfillStage;
use engine::backfill::search::SearchStage;
use engine::phrases::exclusions::ExclusionWords;

/// The progress of the search for teams.
pub(crate) fn search(stage: &SearchStage, began: &str, ended: &str) -> String {
    match stage {
        SearchStage::Running => format!("Searching since {began}."),
        SearchStage::Paused => format!("The search that began {began} is paused."),
        SearchStage::Stopped => format!("The search that began {began} was stopped {ended}."),
        SearchStage::Sweeping { .. } => "Everyone was asked; the list is being sorted.".into(),
        SearchStage::Done => format!("Searched from {began} to {ended}."),
    }
}

/// The heading of a confirmed selection.
pub(crate) fn run(stage: &BackfillStage) -> &'static str {
    match stage {
        BackfillStage::Running => "Groups are being created",
        BackfillStage::Paused => "Paused",
        BackfillStage::Stopped => "Stopped",
        BackfillStage::Choosing | BackfillStage::Selecting { .. } | BackfillStage::Done => "Done",
    }
}

/// The number of people of a team who are excluded for a reason.
pub(crate) fn excluded(count: usize, reason: ExclusionReason) -> String {
    format!("{count}: {}", reason.explanation())
}

/// The number of people of a team who are not resolved yet.
pub(crate) fn unresolved(count: usize) -> String {
    format!("{count}: Not looked up yet.")
}
