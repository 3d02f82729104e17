//! Single questions about people in a group: other calls than the listings of its members and
//! owners.

use serde_json::{Value, json};

use super::batch::READS_PER_BATCH;
use super::{Bind, Graph, Relation};
use crate::http::{Access, Answer, CallError};
use domain::ids::{GroupId, ObjectId};

/// The answer to a question. Each item counts: an unreadable one is no answer.
#[derive(serde::Deserialize)]
struct Found<T> {
    value: Vec<T>,
}

#[derive(serde::Deserialize)]
struct ListedOwner {
    id: ObjectId,
}

impl Graph {
    /// Asks for each person if they have that relation to the group, 20 in a call. Answers are in
    /// the order of the questions. A person who does not exist has none.
    ///
    /// # Errors
    /// Of the whole if a call failed or was throttled; of one answer if the service refused it.
    pub async fn are_related(
        &self,
        access: &Access,
        group: GroupId,
        questions: &[Bind],
    ) -> Result<Vec<Result<bool, CallError>>, CallError> {
        let mut answers = Vec::with_capacity(questions.len());
        for chunk in questions.chunks(READS_PER_BATCH) {
            let requests = chunk.iter().map(|question| request(group, *question)).collect();
            let read = self.read_batch_of(access, requests).await?;
            answers.extend(chunk.iter().zip(read).map(|(question, body)| match body {
                Ok(body) => answer(group, *question, &body),
                // A person or a group that is gone has no relation.
                Err(error) if error.status() == Some(404) => Ok(false),
                Err(error) => Err(error),
            }));
        }
        Ok(answers)
    }
}

/// The request of one question. An owner is looked for by a filter, which reads the index and not
/// the listing. That it finds each owner is inferred.
/// <https://learn.microsoft.com/graph/api/user-checkmembergroups>
/// <https://learn.microsoft.com/graph/api/group-list-owners>
fn request(group: GroupId, Bind { person, relation }: Bind) -> Value {
    match relation {
        // This asks another index than the listing, so both rarely err at once.
        Relation::Member => json!({
            "method": "POST",
            "url": format!("/users/{person}/checkMemberGroups"),
            "headers": {"Content-Type": "application/json"},
            "body": {"groupIds": [group]},
        }),
        Relation::Owner => json!({
            "method": "GET",
            "url": format!(
                "/groups/{group}/owners\
                 ?$filter=id%20eq%20'{person}'&$count=true&$select=id"
            ),
            // Graph filters owners only in its eventually consistent index.
            "headers": {"ConsistencyLevel": "eventual"},
        }),
    }
}

fn answer(
    group: GroupId,
    Bind { person, relation }: Bind,
    body: &Answer,
) -> Result<bool, CallError> {
    match relation {
        Relation::Member => {
            let found: Found<GroupId> = body.json()?;
            Ok(found.value.contains(&group))
        }
        Relation::Owner => {
            let found: Found<ListedOwner> = body.json()?;
            Ok(found.value.iter().any(|owner| owner.id == person))
        }
    }
}
