//! Sentences of the card that asks a team's creator about a group.

/// The question.
pub const QUESTION: &str = "Create a Microsoft 365 group for this team?";

/// The explanation of what the group gets.
pub const EXPLANATION: &str = "The group gets the team's people, its moderators as owners, and its \
    name, with a mailbox and a SharePoint site. From then on, both are kept in sync: people who \
    join or leave on one side join or leave on the other.";

/// The deadline for an answer.
pub const DEADLINE: &str = "Without an answer within 7 days, no group is created.";

/// The button that creates a group.
pub const YES: &str = "Create";

/// The button that creates no group.
pub const NO: &str = "Not now";

/// Returns the question as text, for clients that show no card.
pub fn question(team: &str) -> String {
    format!("Create a Microsoft 365 group for the team “{team}”?")
}

/// Returns the line that names the team.
pub fn team(team: &str) -> String {
    format!("Team: {team}")
}
