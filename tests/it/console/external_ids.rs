//! Missing external ids: an admin grants the write, and the person joins.

use domain::ids::{ObjectId, PersonId};
use domain::membership::ExclusionReason;
use engine::people::PersonIndex;
use sim::{AdminRole, Fault, MembershipRole, Person, Service, UserKind};

use crate::support::{Browser, Customers, MINUTE, Page};

const LIST: &str = "/people?why=not-synchronized";

/// Returns Acme, connected, with people whose two accounts are not linked.
pub(super) async fn with_unlinked_accounts(names: &[&str]) -> (Customers, Browser, Vec<Person>) {
    let mut customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    let apart = names.iter().map(|name| Person {
        person: customers.world().add_webex_only(&customers.acme, name),
        object: customers.world().add_entra_only(&customers.acme, name),
    });
    let apart = apart.collect();
    customers.stack.scan_people(tenant).await.unwrap();
    (customers, browser, apart)
}

pub(super) async fn exclusion(customers: &Customers, person: PersonId) -> Option<ExclusionReason> {
    let index =
        PersonIndex::new(customers.stack.backend().store.as_ref(), customers.tenant().await);
    index.people([person]).await.unwrap()[&person].excluded()
}

fn external_id(customers: &Customers, person: PersonId) -> Option<ObjectId> {
    customers.world().external_id(person).and_then(|id| id.parse().ok())
}

/// Opens the page that shows both accounts of these people.
pub(super) async fn open_fix_page(browser: &mut Browser, people: &[Person]) -> Page {
    let chosen: Vec<_> = people.iter().map(|one| format!("person={}", one.person)).collect();
    browser.open(&format!("/people/fix?{}", chosen.join("&"))).await
}

/// Submits the page's form; returns the address of the Webex consent page.
async fn request_grant(browser: &mut Browser, page: &Page) -> String {
    let pairs: Vec<String> =
        page.html.split("name=\"pair\" value=\"").skip(1).map(attribute_value).collect();
    let csrf = page.csrf();
    let mut form: Vec<_> = pairs.iter().map(|pair| ("pair", pair.as_str())).collect();
    form.push(("csrf", &csrf));
    browser.submit("/people/fix", &form).await.next_url()
}

fn attribute_value(rest: &str) -> String {
    rest.split('"').next().unwrap().to_owned()
}

/// Runs all steps: the page, the full admin's grant, and the result.
pub(super) async fn fix(customers: &Customers, browser: &mut Browser, page: &Page) -> Page {
    let at_webex = request_grant(browser, page).await;
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await
}

fn count_patches(customers: &Customers) -> usize {
    customers
        .world()
        .calls()
        .iter()
        .filter(|call| call.method == "PATCH" && call.path.contains("/scim/"))
        .count()
}

fn is_in_group(customers: &Customers, person: Person) -> bool {
    let groups = customers.world().groups(customers.acme.directory);
    let group = groups.into_values().next().unwrap();
    group.members.contains(&person.object)
}

/// Checks the list and the page that offer to link an account; returns the consent page's address.
async fn offered_grant(browser: &mut Browser, zoe: Person) -> String {
    let list = browser.open(LIST).await;
    list.is(200, "one Microsoft user signs in as zoe.zander@acme.example");
    list.is(200, &format!("/people/fix?person={}", zoe.person));
    let page = open_fix_page(browser, &[zoe]).await;
    for shown in
        [&zoe.person.to_string(), &zoe.object.to_string(), "Zoe Zander", "identity:people_rw"]
    {
        page.is(200, shown);
    }
    request_grant(browser, &page).await
}

#[tokio::test]
async fn missing_external_id_is_written_and_person_joins() {
    let (mut customers, mut browser, apart) = with_unlinked_accounts(&["Zoe Zander"]).await;
    let zoe = apart[0];
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    customers.stack.let_pass(MINUTE).await;
    let team = customers.world().create_team(customers.people[0].person, "Lighthouse");
    customers.world().add_to_team(team, zoe.person, MembershipRole::Member).unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    assert!(!is_in_group(&customers, zoe));

    let mut browser = customers.signed_in(&customers.acme).await;
    let secrets = customers.stack.backend().secrets.names();
    let at_webex = offered_grant(&mut browser, zoe).await;
    assert!(
        at_webex.contains("scope=spark%3Apeople_read%20identity%3Apeople_rw&"),
        "no more than that: {at_webex}"
    );
    assert_eq!(external_id(&customers, zoe.person), None, "nothing before the grant");
    customers.advance(1);
    customers.world().take_calls();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let done = browser.open(&back).await;
    done.is(200, "1 of 1 have an externalId now");
    done.is(200, "Written. The person is eligible from now on.");
    assert_eq!(external_id(&customers, zoe.person), Some(zoe.object));
    assert_eq!(exclusion(&customers, zoe.person).await, None);
    assert_eq!(count_patches(&customers), 1);
    assert_eq!(customers.stack.backend().secrets.names(), secrets, "the grant is not kept");
    assert_eq!(browser.open("/people/fix").await.html, done.html, "and is shown again");
    browser.open(&back).await.is_error(400, "can no longer be used");
    customers.stack.let_pass(30 * MINUTE).await;
    assert!(is_in_group(&customers, zoe));
    let mut browser = customers.signed_in(&customers.acme).await;
    assert!(!browser.open(LIST).await.html.contains("zoe.zander"));
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

#[tokio::test]
async fn fix_is_offered_only_for_unique_matches() {
    let (customers, mut browser, apart) =
        with_unlinked_accounts(&["Fits", "Other Case", "Guest", "Borne", "Otherwise"]).await;
    let world = customers.world();
    let [_, case, guest, external_id_holders, otherwise] = apart[..] else { panic!() };
    world.set_principal(case.object, "OTHER.CASE@Acme.Example");
    world.set_user_kind(guest.object, UserKind::Guest);
    world.set_principal(otherwise.object, "person@acme.example");
    let bearer = world.add_webex_only(&customers.acme, "Bearer");
    world.set_external_id(bearer, Some(external_id_holders.object));
    let junk = world.add_webex_only(&customers.acme, "Junk");
    world.add_entra_only(&customers.acme, "Junk");
    world.set_external_id(junk, Some(ObjectId(junk.0)));
    customers.stack.scan_people(customers.tenant().await).await.unwrap();
    world.take_calls();
    let list = browser.open(LIST).await;
    let lookups = world.calls().iter().filter(|call| call.service == Service::Graph).count();
    assert_eq!(lookups, 1, "one batch for a page");
    let offered = |person: PersonId| list.html.contains(&format!("/people/fix?person={person}\""));
    let offers: Vec<_> = apart.iter().map(|one| offered(one.person)).collect();
    assert_eq!(offers, [true, true, false, false, false]);
    list.is(200, "signs in as borne@acme.example, but another Webex account has this ID");
    assert!(!browser.open("/people").await.html.contains(&format!("/people/fix?person={junk}\"")));
    let page = open_fix_page(&mut browser, &apart).await;
    page.is(200, "Write all 2 with Webex");
    page.is(200, "No longer eligible: ");
    open_fix_page(&mut browser, &apart[2..]).await.is(200, "There is nothing to write");
}

#[tokio::test]
async fn nothing_is_offered_before_the_first_count() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let person = customers.world().add_webex_only(&customers.acme, "Early");
    let object = customers.world().add_entra_only(&customers.acme, "Early");
    let pair = format!("{object}/{person}");
    let csrf = browser.open("/people").await.csrf();
    let page = browser.submit("/people/fix", &[("csrf", &csrf), ("pair", &pair)]).await;
    page.is_error(409, "This page was out of date");
}

#[tokio::test]
async fn changed_pairs_are_not_written() {
    let names =
        ["Gone", "Inactive", "Another", "There", "Renamed", "Guest", "Deleted", "Borne", "Fine"];
    let (customers, mut browser, apart) = with_unlinked_accounts(&names).await;
    let page = open_fix_page(&mut browser, &apart).await;
    page.is(200, "Write all 9 with Webex");
    let at_webex = request_grant(&mut browser, &page).await;
    let world = customers.world();
    let [gone, inactive, another, there, renamed, guest, deleted, external_id_holders, fine] =
        apart[..]
    else {
        panic!()
    };
    world.delete_account(gone.person);
    world.deactivate(inactive.person);
    world.set_external_id(another.person, Some(customers.people[0].object));
    world.set_external_id(there.person, Some(there.object));
    world.set_principal(renamed.object, "renamed.otherwise@acme.example");
    world.set_user_kind(guest.object, UserKind::Guest);
    world.delete_user(deleted.object);
    let bearer = world.add_webex_only(&customers.acme, "Bearer");
    world.set_external_id(bearer, Some(external_id_holders.object));
    customers.stack.scan_people(customers.tenant().await).await.unwrap();
    world.take_calls();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let done = browser.open(&back).await;
    done.is(200, "2 of 9 have an externalId now");
    for said in [
        "the Webex account no longer exists",
        "the account is no longer active",
        "the account has another externalId by now",
        "It was there already",
        "no member of the directory has the account’s userName",
        "another Webex account has this ID",
        "Written. The person is eligible",
    ] {
        done.is(200, said);
    }
    assert_eq!(count_patches(&customers), 1, "one of them is written");
    assert_eq!(external_id(&customers, fine.person), Some(fine.object));
    assert_eq!(external_id(&customers, another.person), Some(customers.people[0].object));
    for left in [inactive, renamed, guest, deleted, external_id_holders] {
        assert_eq!(external_id(&customers, left.person), None);
    }
}

#[tokio::test]
async fn id_of_a_deleted_account_can_be_reused() {
    let (customers, mut browser, apart) = with_unlinked_accounts(&["Again"]).await;
    let bearer = customers.world().add_webex_only(&customers.acme, "Bearer");
    let page = open_fix_page(&mut browser, &apart).await;
    customers.world().set_external_id(bearer, Some(apart[0].object));
    customers.stack.scan_people(customers.tenant().await).await.unwrap();
    fix(&customers, &mut browser, &page).await.is(200, "another Webex account has this ID");
    customers.world().delete_account(bearer);
    fix(&customers, &mut browser, &page).await.is(200, "Written. The person is eligible");
    assert_eq!(exclusion(&customers, apart[0].person).await, None);
}

#[tokio::test]
async fn only_admins_of_the_organization_grant_it() {
    let (customers, mut browser, apart) = with_unlinked_accounts(&["Zoe Zander"]).await;
    let page = open_fix_page(&mut browser, &apart).await;
    let mut refused = vec![
        (customers.acme.service_account, "That account may not change people"),
        (customers.people[0].person, "That account may not change people"),
        (customers.globex.administrator.person, "That account is of another organization"),
    ];
    let reader = customers.add_account_with_roles("Reader", &[AdminRole::ReadOnlyAdmin]);
    refused.push((reader, "That account may not change people"));
    for (account, words) in refused {
        let at_webex = request_grant(&mut browser, &page).await;
        let back = browser.decide(&at_webex, account, "accept").await;
        let page = browser.open(&back).await;
        page.is_error(403, words);
        page.is(403, "href=\"/people\">Go back and try again");
    }
    let at_webex = request_grant(&mut browser, &page).await;
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "decline").await;
    browser.open(&back).await.is_error(403, "You declined at Webex");
    let at_webex = request_grant(&mut browser, &page).await;
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let mut elsewhere = customers.signed_in(&customers.acme).await;
    elsewhere.open(&back).await.is_error(400, "can no longer be used");
    assert_eq!(external_id(&customers, apart[0].person), None);
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

#[tokio::test]
async fn failures_are_listed_and_the_rest_continues() {
    let names: Vec<String> = (0..12).map(|n| format!("Apart {n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (customers, mut browser, apart) = with_unlinked_accounts(&names).await;
    let page = open_fix_page(&mut browser, &apart).await;
    let world = customers.world();
    world.inject(Fault::status(400).on(Service::Webex).method("PATCH").path("/scim/"));
    let done = fix(&customers, &mut browser, &page).await;
    done.is(200, "11 of 12 have an externalId now");
    done.is(200, "Webex refused: ");
    done.is(200, "<code>SANDBOX_");
    done.is(200, "Continue with the others");
    let left: Vec<_> =
        apart.iter().filter(|one| external_id(&customers, one.person).is_none()).copied().collect();
    assert_eq!(left.len(), 1);
    world.inject(Fault::throttled("600").on(Service::Webex).method("GET").path("/scim/"));
    let page = open_fix_page(&mut browser, &left).await;
    let done = fix(&customers, &mut browser, &page).await;
    done.is(200, "0 of 1 have an externalId now");
    done.is(200, "Webex wants fewer calls. Continue after ");
    let go_on = format!("name=\"person\" value=\"{}\"", left[0].person);
    done.is(200, &go_on);
    world.inject(Fault::cut_after().on(Service::Webex).method("PATCH").path("/scim/").times(9));
    let page = open_fix_page(&mut browser, &left).await;
    fix(&customers, &mut browser, &page).await.is(200, "it is not certain whether it was written");
}

#[tokio::test]
async fn concurrent_fixes_write_once() {
    let (customers, mut one, apart) = with_unlinked_accounts(&["Zoe Zander", "Yves Yule"]).await;
    let mut other = customers.signed_in(&customers.acme).await;
    let (first, second) =
        (open_fix_page(&mut one, &apart).await, open_fix_page(&mut other, &apart).await);
    customers.world().take_calls();
    let (first, second) =
        tokio::join!(fix(&customers, &mut one, &first), fix(&customers, &mut other, &second));
    for page in [first, second] {
        page.is(200, "2 of 2 have an externalId now");
    }
    for one in &apart {
        assert_eq!(external_id(&customers, one.person), Some(one.object));
        assert_eq!(exclusion(&customers, one.person).await, None);
    }
    assert!((2..=4).contains(&count_patches(&customers)));
}

#[tokio::test]
async fn many_fixes_take_two_calls_each() {
    let names: Vec<String> = (0..130).map(|n| format!("Apart {n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (customers, mut browser, apart) = with_unlinked_accounts(&names).await;
    let mut pages = 0;
    loop {
        let list = browser.open(LIST).await;
        let chosen = list
            .html
            .split("type=\"checkbox\" name=\"person\" value=\"")
            .skip(1)
            .map(attribute_value);
        let chosen: Vec<_> = chosen.map(|id| format!("person={id}")).collect();
        if chosen.is_empty() {
            break;
        }
        let page = browser.open(&format!("/people/fix?{}", chosen.join("&"))).await;
        assert!(!page.html.contains("more were chosen"), "all of a page fit");
        customers.world().take_calls();
        let done = fix(&customers, &mut browser, &page).await;
        done.is(200, &format!("{0} of {0} have an externalId now", chosen.len()));
        let calls = customers.world().calls();
        let of = |service| calls.iter().filter(|call| call.service == service).count();
        assert_eq!(
            of(Service::Webex),
            2 * chosen.len() + 4,
            "and the role, the consent, its code, and whose it is"
        );
        assert!(of(Service::Graph) <= 1);
        pages += 1;
        customers.advance(61);
    }
    assert!((2..=3).contains(&pages), "{pages}");
    assert!(apart.iter().all(|one| external_id(&customers, one.person) == Some(one.object)));
    let page = open_fix_page(&mut browser, &apart).await;
    page.is(200, "30 more were chosen");
}

#[tokio::test]
async fn foreign_and_invalid_forms_are_refused() {
    let (customers, mut browser, apart) = with_unlinked_accounts(&["Zoe Zander"]).await;
    let pair = format!("{}/{}", apart[0].object, apart[0].person);
    let csrf = browser.open("/people").await.csrf();
    for wrong in ["", "x", "x/y", &apart[0].person.to_string()] {
        browser
            .submit("/people/fix", &[("csrf", &csrf), ("pair", wrong)])
            .await
            .is_error(400, "couldn't be read");
    }
    browser.submit("/people/fix", &[("csrf", &csrf)]).await.is_error(400, "couldn't be read");
    let many: Vec<(&str, String)> = (0..101u128)
        .map(|n| ("pair", format!("{}/{}", apart[0].object, uuid::Uuid::from_u128(n))))
        .collect();
    let mut many: Vec<(&str, &str)> =
        many.iter().map(|(name, pair)| (*name, pair.as_str())).collect();
    many.push(("csrf", &csrf));
    browser.submit("/people/fix", &many).await.is_error(400, "couldn't be read");

    let mut globex = customers.connected(&customers.globex).await;
    open_fix_page(&mut globex, &apart).await.is_error(404, "There is no such person here");
    let of_globex = customers.organization(customers.globex.org).await.unwrap().tenant;
    customers.stack.scan_people(of_globex).await.unwrap();
    let csrf = globex.open("/people").await.csrf();
    globex
        .submit("/people/fix", &[("csrf", &csrf), ("pair", &pair)])
        .await
        .is_error(404, "no such person here");
    globex.open("/people/fix").await.is(200, "No one was selected");

    // A pair that was never shown is checked like any other, and fails.
    let csrf = browser.open("/people").await.csrf();
    let forged = format!("{}/{}", customers.people[0].object, apart[0].person);
    let at_webex =
        browser.submit("/people/fix", &[("csrf", &csrf), ("pair", &forged)]).await.next_url();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await.is(200, "no member of the directory has the account’s userName");
    assert_eq!(external_id(&customers, apart[0].person), None);
}
