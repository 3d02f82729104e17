//! Test of the list of links with 100,000 links.

use clients::webex::Region;
use domain::ids::{GroupId, TeamId, TenantId};
use engine::link::{self, Link, LinkState, Phase};
use jiff::Timestamp;
use store::table::Cursor;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::store::Subject;

const LINKS: u128 = 100_000;

super::contract_tests! {
    crate::contract::store::in_new_memory, crate::contract::aws::table,
    all_links_are_listed_in_order_and_found_by_title
}

fn title(n: u128) -> String {
    format!("Team {n:06}")
}

async fn all_links_are_listed_in_order_and_found_by_title(Subject { store, .. }: Subject) {
    let tenant = TenantId(Uuid::now_v7());
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            let own: Vec<u128> = (0..LINKS).filter(|n| n % 8 == writer).collect();
            for some in own.chunks(100) {
                let link = |n: &u128| {
                    let phase = Phase::Linked { group: GroupId(Uuid::from_u128(*n)) };
                    // The order of ids differs from the order of titles.
                    let team = TeamId(Uuid::from_u128(
                        n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
                    ));
                    Link::new(team, Region::default(), title(*n), phase)
                };
                let puts = some
                    .iter()
                    .map(|n| link::creation(tenant, &link(n), Timestamp::UNIX_EPOCH).unwrap());
                store.write(puts.collect()).await.unwrap();
            }
        });
    }
    writers.join_all().await;

    let (mut titles, mut at, mut pages) = (Vec::new(), None::<Cursor>, 0);
    loop {
        let (links, next) =
            link::page(store.as_ref(), tenant, LinkState::Active, "", 500, at.as_ref())
                .await
                .unwrap();
        titles.extend(links.into_iter().map(|row| row.link.title));
        (at, pages) = (next, pages + 1);
        if at.is_none() {
            break;
        }
    }
    assert!(titles.into_iter().eq((0..LINKS).map(title)));
    assert!((200..=201).contains(&pages), "{pages} pages");

    let (found, next) =
        link::page(store.as_ref(), tenant, LinkState::Active, "M 0000", 500, None).await.unwrap();
    assert!(found.into_iter().map(|row| row.link.title).eq((0..100).map(title)));
    assert!(next.is_some(), "500 of 100,000 were looked at");
    let (pending, _) =
        link::page(store.as_ref(), tenant, LinkState::PendingApproval, "", 500, None)
            .await
            .unwrap();
    assert_eq!(pending, []);
}
