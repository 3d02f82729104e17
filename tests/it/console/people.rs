//! The lists of excluded people, by reason.

use std::collections::BTreeMap;

use domain::membership::ExclusionReason;
use engine::people;

use crate::support::{Customers, MINUTE};

#[tokio::test]
async fn excluded_people_are_counted_by_reason() {
    let mut customers = Customers::new().await;
    customers.connected(&customers.acme).await;
    let (world, acme) = (customers.world().clone(), customers.acme.clone());
    let none = ["One", "Two", "Three"].map(|name| world.add_webex_only(&acme, name));
    world.add_pending(&acme, "Never");
    let inactive = world.add_webex_only(&acme, "Inactive");
    world.deactivate(inactive);
    let guest = world.add_webex_only(&acme, "Guest");
    world.set_external_id(guest, Some(world.add_guest(&acme, "Guest")));
    for n in 0..9 {
        let twice = world.add_webex_only(&acme, &format!("Twice {n}"));
        world.set_external_id(twice, Some(customers.people[0].object));
    }
    world.webex_settings(|settings| settings.page_limit = 3);
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    customers.stack.let_pass(30 * MINUTE).await;
    let of = people::people_counts(customers.stack.backend().store.as_ref(), tenant)
        .await
        .unwrap()
        .unwrap();
    // The admin and the service account have no external id either.
    let unsynchronized = of.people_counts.of(ExclusionReason::NotSynchronized);
    assert!(unsynchronized >= none.len(), "{of:?}");
    let expected = BTreeMap::from([
        (ExclusionReason::NotSynchronized, unsynchronized),
        (ExclusionReason::NotSignedIn, 1),
        (ExclusionReason::Inactive, 1),
        (ExclusionReason::Guest, 1),
        (ExclusionReason::SharedObjectId, 10),
    ]);
    let counted: BTreeMap<_, _> =
        of.people_counts.excluded.clone().into_iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(counted, expected);
    assert_eq!(
        of.people_counts.people,
        of.people_counts.eligible + counted.values().sum::<usize>(),
        "everyone counts once"
    );
    let mut browser = customers.signed_in(&customers.acme).await;
    let page = browser.open("/people").await;
    page.is(200, &format!("No externalId ({unsynchronized})"));
    page.is(200, "The same externalId twice (10)");
    page.is(200, "Guests (1)");
    page.is(200, "The externalId moved (0)");
}

#[tokio::test]
async fn prerequisites_link_to_the_counted_people() {
    let mut customers = Customers::new().await;
    let pending = customers.world().add_pending(&customers.acme, "Pending Petra");
    customers.world().add_webex_only(&customers.acme, "Unsynchronized Uwe");
    customers.world().delete_user(customers.people[3].object);
    let mut browser = customers.connected(&customers.acme).await;
    browser.open("/people").await.is(200, "People are still being counted");
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    let prerequisites = browser.open("/prerequisites").await;
    let all = browser.open("/people").await;
    for (reason, one) in [
        ("not-synchronized", "Unsynchronized Uwe"),
        ("no-entra-user", "Person 03"),
        ("not-signed-in", "Pending Petra"),
    ] {
        prerequisites.is(200, &format!("href=\"/people?why={reason}\""));
        all.is(200, one);
        let list = browser.open(&format!("/people?why={reason}")).await;
        list.is(200, one);
        for other in ["Unsynchronized Uwe", "Person 03", "Pending Petra", "Person 00"] {
            assert_eq!(list.html.contains(other), other == one, "{other} in {reason}");
        }
    }
    assert!(!all.html.contains("Person 00"));
    customers.world().activate(pending.person);
    browser.open("/people?from=%22").await.is_error(404, "Page not found");
}

#[tokio::test]
async fn long_list_shows_everyone_once() {
    let mut customers = Customers::new().await;
    let many: Vec<_> = (0..230).map(|n| format!("Person X{n:03}")).collect();
    many.iter().for_each(|name| _ = customers.world().add_webex_only(&customers.acme, name));
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    let (mut seen, mut at, mut pages) =
        (Vec::new(), Some("/people?why=not-synchronized".to_owned()), Vec::new());
    while let Some(path) = at {
        let page = browser.open(&path).await;
        seen.extend(many.iter().filter(|name| page.html.contains(name.as_str())).cloned());
        let next = page
            .html
            .split_once("class=\"button\" href=\"")
            .map(|(_, rest)| rest.split('"').next().unwrap());
        at = next.map(|next| next.replace("&#38;", "&"));
        pages.push(path);
    }
    seen.sort();
    assert_eq!(seen, many);
    assert!((3..=5).contains(&pages.len()), "{pages:?}");

    let mut globex = customers.connected(&customers.globex).await;
    globex.open(&pages[1]).await.is_error(404, "Page not found");
}
