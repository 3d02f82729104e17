//! Who is left out, counted by reason; and the externalId of whoever has none, written after a grant.

use std::collections::BTreeMap;

use domain::ids::{ObjectId, PersonId};
use domain::membership::LeftOut;
use engine::people::{self, PersonIndex};
use sandbox::{AdminRole, Fault, Person, Role, Service, UserKind};

use crate::setup_browser::{Browser, Customers, Page};
use crate::town::MINUTE;

const LIST: &str = "/people?why=not-synchronized";

/// Acme, connected, where some people have an account on either side that nothing joins.
async fn with_apart(names: &[&str]) -> (Customers, Browser, Vec<Person>) {
    let mut customers = Customers::new().await;
    let browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    let apart = names.iter().map(|name| Person {
        person: customers.world().add_webex_only(&customers.acme, name),
        object: customers.world().add_entra_only(&customers.acme, name),
    });
    let apart = apart.collect();
    customers.house.see_everybody(tenant).await.unwrap();
    (customers, browser, apart)
}

async fn left_out(customers: &Customers, person: PersonId) -> Option<LeftOut> {
    let index = PersonIndex::new(customers.house.ground().store.as_ref(), customers.tenant().await);
    index.people([person]).await.unwrap()[&person].left_out()
}

fn external_id(customers: &Customers, person: PersonId) -> Option<ObjectId> {
    customers.world().external_id(person).and_then(|id| id.parse().ok())
}

/// The page with both accounts of these people.
async fn shown(browser: &mut Browser, people: &[Person]) -> Page {
    let chosen: Vec<_> = people.iter().map(|one| format!("person={}", one.person)).collect();
    browser.open(&format!("/people/fix?{}", chosen.join("&"))).await
}

/// To Webex for the grant to write what a page shows; says where Webex's page is.
async fn go(browser: &mut Browser, page: &Page) -> String {
    let pairs: Vec<String> = page.html.split("name=\"pair\" value=\"").skip(1).map(value).collect();
    let csrf = page.csrf();
    let mut form: Vec<_> = pairs.iter().map(|pair| ("pair", pair.as_str())).collect();
    form.push(("csrf", &csrf));
    browser.submit("/people/fix", &form).await.onwards()
}

fn value(rest: &str) -> String {
    rest.split('"').next().unwrap().to_owned()
}

/// All of it: the page, the grant of the full administrator, and what became of it.
async fn fix(customers: &Customers, browser: &mut Browser, page: &Page) -> Page {
    let at_webex = go(browser, page).await;
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await
}

fn patches(customers: &Customers) -> usize {
    customers.world().calls().iter().filter(|call| call.method == "PATCH" && call.path.contains("/scim/")).count()
}

#[tokio::test]
async fn whoever_is_left_out_is_counted_by_reason_even_if_two_bear_one_id_from_the_first_pass_on() {
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
    customers.house.take_in(tenant).await.unwrap();
    customers.house.let_pass(30 * MINUTE).await;
    let of = people::census(customers.house.ground().store.as_ref(), tenant).await.unwrap().unwrap();
    // The administrators' account and the officer's bear none, either.
    let unsynchronized = of.census.of(LeftOut::NotSynchronized);
    assert!(unsynchronized >= none.len(), "{of:?}");
    let expected = BTreeMap::from([
        (LeftOut::NotSynchronized, unsynchronized),
        (LeftOut::NotSignedIn, 1),
        (LeftOut::Inactive, 1),
        (LeftOut::Guest, 1),
        (LeftOut::SharedObjectId, 10),
    ]);
    let counted: BTreeMap<_, _> = of.census.left_out.clone().into_iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(counted, expected);
    assert_eq!(of.census.people, of.census.ready + counted.values().sum::<usize>(), "everybody counts once");
    let mut browser = customers.signed_in(&customers.acme).await;
    let page = browser.open("/people").await;
    page.is(200, &format!("No externalId ({unsynchronized})"));
    page.is(200, "The same externalId twice (10)");
    page.is(200, "Guests (1)");
    page.is(200, "The externalId moved (0)");
}

#[tokio::test]
async fn somebody_without_an_external_id_gets_it_after_a_grant_that_is_not_kept_and_joins() {
    let (mut customers, mut browser, apart) = with_apart(&["Zoe Zander"]).await;
    let zoe = apart[0];
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    customers.house.let_pass(MINUTE).await;
    let team = customers.world().create_team(customers.people[0].person, "Lighthouse");
    customers.world().add_to_team(team, zoe.person, Role::Member).unwrap();
    customers.house.let_pass(20 * MINUTE).await;
    let members = |customers: &Customers| {
        customers.world().groups(customers.acme.directory).into_values().next().unwrap().members
    };
    assert!(!members(&customers).contains(&zoe.object));

    let mut browser = customers.signed_in(&customers.acme).await;
    let secrets = customers.house.ground().secrets.names();
    let list = browser.open(LIST).await;
    list.is(200, "one Microsoft user signs in as zoe.zander@acme.example");
    list.is(200, &format!("/people/fix?person={}", zoe.person));
    let page = shown(&mut browser, &apart).await;
    for shown in [&zoe.person.to_string(), &zoe.object.to_string(), "Zoe Zander", "identity:people_rw"] {
        page.is(200, shown);
    }
    let at_webex = go(&mut browser, &page).await;
    assert!(at_webex.contains("scope=spark%3Apeople_read%20identity%3Apeople_rw&"), "no more than that: {at_webex}");
    assert_eq!(external_id(&customers, zoe.person), None, "nothing before the grant");
    customers.advance(1);
    customers.world().take_calls();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let done = browser.open(&back).await;
    done.is(200, "1 of 1 have an externalId now");
    done.is(200, "Written. The person takes part from now on.");
    assert_eq!(external_id(&customers, zoe.person), Some(zoe.object));
    assert_eq!(left_out(&customers, zoe.person).await, None);
    assert_eq!(patches(&customers), 1);
    assert_eq!(customers.house.ground().secrets.names(), secrets, "the grant is not kept");
    assert_eq!(browser.open("/people/fix").await.html, done.html, "and is shown again");
    browser.open(&back).await.fails(400, "cannot be used any more");
    customers.house.let_pass(30 * MINUTE).await;
    assert!(members(&customers).contains(&zoe.object), "{:?}", members(&customers));
    let mut browser = customers.signed_in(&customers.acme).await;
    assert!(!browser.open(LIST).await.html.contains("zoe.zander"));
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

#[tokio::test]
async fn the_fix_is_offered_only_where_one_member_of_the_directory_signs_in_by_the_name_and_nobody_bears_the_id() {
    let (customers, mut browser, apart) = with_apart(&["Fits", "Other Case", "Guest", "Borne", "Otherwise"]).await;
    let world = customers.world();
    let [_, case, guest, borne, otherwise] = apart[..] else { panic!() };
    world.set_principal(case.object, "OTHER.CASE@Acme.Example");
    world.set_user_kind(guest.object, UserKind::Guest);
    world.set_principal(otherwise.object, "somebody@acme.example");
    let bearer = world.add_webex_only(&customers.acme, "Bearer");
    world.set_external_id(bearer, Some(borne.object));
    let junk = world.add_webex_only(&customers.acme, "Junk");
    world.add_entra_only(&customers.acme, "Junk");
    world.set_external_id(junk, Some(ObjectId(junk.0)));
    customers.house.see_everybody(customers.tenant().await).await.unwrap();
    world.take_calls();
    let list = browser.open(LIST).await;
    let looked_up = world.calls().iter().filter(|call| call.service == Service::Graph).count();
    assert_eq!(looked_up, 1, "one batch for a page");
    let offered = |person: PersonId| list.html.contains(&format!("/people/fix?person={person}\""));
    let offers: Vec<_> = apart.iter().map(|one| offered(one.person)).collect();
    assert_eq!(offers, [true, true, false, false, false]);
    list.is(200, "signs in as borne@acme.example, but another Webex account bears that user");
    assert!(!browser.open("/people").await.html.contains(&format!("/people/fix?person={junk}\"")));
    let page = shown(&mut browser, &apart).await;
    page.is(200, "Write all 2 with Webex");
    page.is(200, "not offered (any more): ");
    shown(&mut browser, &apart[2..]).await.is(200, "There is nothing to write");
}

#[tokio::test]
async fn before_everybody_was_counted_nothing_is_offered_or_written() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let person = customers.world().add_webex_only(&customers.acme, "Early");
    let object = customers.world().add_entra_only(&customers.acme, "Early");
    let pair = format!("{object}/{person}");
    let csrf = browser.open("/people").await.csrf();
    let page = browser.submit("/people/fix", &[("csrf", &csrf), ("pair", &pair)]).await;
    page.fails(409, "Somebody else was faster");
}

#[tokio::test]
async fn what_is_not_as_it_was_shown_is_not_written() {
    let names = ["Gone", "Inactive", "Another", "There", "Renamed", "Guest", "Deleted", "Borne", "Fine"];
    let (customers, mut browser, apart) = with_apart(&names).await;
    let page = shown(&mut browser, &apart).await;
    page.is(200, "Write all 9 with Webex");
    let at_webex = go(&mut browser, &page).await;
    let world = customers.world();
    let [gone, inactive, another, there, renamed, guest, deleted, borne, fine] = apart[..] else { panic!() };
    world.delete_account(gone.person);
    world.deactivate(inactive.person);
    world.set_external_id(another.person, Some(customers.people[0].object));
    world.set_external_id(there.person, Some(there.object));
    world.set_principal(renamed.object, "renamed.otherwise@acme.example");
    world.set_user_kind(guest.object, UserKind::Guest);
    world.delete_user(deleted.object);
    let bearer = world.add_webex_only(&customers.acme, "Bearer");
    world.set_external_id(bearer, Some(borne.object));
    customers.house.see_everybody(customers.tenant().await).await.unwrap();
    world.take_calls();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let done = browser.open(&back).await;
    done.is(200, "2 of 9 have an externalId now");
    for said in [
        "there is no such Webex account any more",
        "the account is not active any more",
        "the account has another externalId by now",
        "It was there already",
        "no member of the directory signs in with the account’s userName",
        "another Webex account bears this id",
        "Written. The person takes part",
    ] {
        done.is(200, said);
    }
    assert_eq!(patches(&customers), 1, "one of them is written");
    assert_eq!(external_id(&customers, fine.person), Some(fine.object));
    assert_eq!(external_id(&customers, another.person), Some(customers.people[0].object));
    for left in [inactive, renamed, guest, deleted, borne] {
        assert_eq!(external_id(&customers, left.person), None);
    }
}

#[tokio::test]
async fn an_id_that_was_borne_by_somebody_who_is_gone_can_be_written() {
    let (customers, mut browser, apart) = with_apart(&["Again"]).await;
    let bearer = customers.world().add_webex_only(&customers.acme, "Bearer");
    let page = shown(&mut browser, &apart).await;
    customers.world().set_external_id(bearer, Some(apart[0].object));
    customers.house.see_everybody(customers.tenant().await).await.unwrap();
    fix(&customers, &mut browser, &page).await.is(200, "another Webex account bears this id");
    customers.world().delete_account(bearer);
    fix(&customers, &mut browser, &page).await.is(200, "Written. The person takes part");
    assert_eq!(left_out(&customers, apart[0].person).await, None);
}

#[tokio::test]
async fn only_an_administrator_of_this_organization_can_grant_it() {
    let (customers, mut browser, apart) = with_apart(&["Zoe Zander"]).await;
    let page = shown(&mut browser, &apart).await;
    let mut refused = vec![
        (customers.acme.officer, "That account may not change people"),
        (customers.people[0].person, "That account may not change people"),
        (customers.globex.administrator.person, "That account is of another organization"),
    ];
    let reader = customers.with_roles("Reader", &[AdminRole::ReadOnlyAdmin]);
    refused.push((reader, "That account may not change people"));
    for (account, words) in refused {
        let at_webex = go(&mut browser, &page).await;
        let back = browser.decide(&at_webex, account, "accept").await;
        let page = browser.open(&back).await;
        page.fails(403, words);
        page.is(403, "href=\"/people\">Go back and try again");
    }
    let at_webex = go(&mut browser, &page).await;
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "decline").await;
    browser.open(&back).await.fails(403, "You declined at Webex");
    let at_webex = go(&mut browser, &page).await;
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    let mut elsewhere = customers.signed_in(&customers.acme).await;
    elsewhere.open(&back).await.fails(400, "cannot be used any more");
    assert_eq!(external_id(&customers, apart[0].person), None);
    assert!(customers.world().violations().is_empty(), "{:?}", customers.world().violations());
}

#[tokio::test]
async fn each_failure_is_told_with_its_number_and_the_rest_is_left_to_be_gone_on_with() {
    let names: Vec<String> = (0..12).map(|n| format!("Apart {n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (customers, mut browser, apart) = with_apart(&names).await;
    let page = shown(&mut browser, &apart).await;
    let world = customers.world();
    world.fault(Fault::status(400).on(Service::Webex).method("PATCH").path("/scim/"));
    let done = fix(&customers, &mut browser, &page).await;
    done.is(200, "11 of 12 have an externalId now");
    done.is(200, "Webex refused: ");
    done.is(200, "<code>SANDBOX_");
    done.is(200, "Go on with those that are left");
    let left: Vec<_> = apart.iter().filter(|one| external_id(&customers, one.person).is_none()).copied().collect();
    assert_eq!(left.len(), 1);
    world.fault(Fault::throttled("600").on(Service::Webex).method("GET").path("/scim/"));
    let page = shown(&mut browser, &left).await;
    let done = fix(&customers, &mut browser, &page).await;
    done.is(200, "0 of 1 have an externalId now");
    done.is(200, "Webex wants fewer calls. Go on after ");
    let go_on = format!("name=\"person\" value=\"{}\"", left[0].person);
    done.is(200, &go_on);
    world.fault(Fault::cut_after().on(Service::Webex).method("PATCH").path("/scim/").times(9));
    let page = shown(&mut browser, &left).await;
    fix(&customers, &mut browser, &page).await.is(200, "it is not certain whether it was written");
}

#[tokio::test]
async fn two_administrators_at_once_write_it_once_and_see_it() {
    let (customers, mut one, apart) = with_apart(&["Zoe Zander", "Yves Young"]).await;
    let mut other = customers.signed_in(&customers.acme).await;
    let (first, second) = (shown(&mut one, &apart).await, shown(&mut other, &apart).await);
    customers.world().take_calls();
    let (first, second) = tokio::join!(fix(&customers, &mut one, &first), fix(&customers, &mut other, &second));
    for page in [first, second] {
        page.is(200, "2 of 2 have an externalId now");
    }
    for one in &apart {
        assert_eq!(external_id(&customers, one.person), Some(one.object));
        assert_eq!(left_out(&customers, one.person).await, None);
    }
    assert!((2..=4).contains(&patches(&customers)));
}

#[tokio::test]
async fn many_are_fixed_page_by_page_with_two_calls_each() {
    let names: Vec<String> = (0..130).map(|n| format!("Apart {n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (customers, mut browser, apart) = with_apart(&names).await;
    let mut rounds = 0;
    loop {
        let list = browser.open(LIST).await;
        let chosen = list.html.split("type=\"checkbox\" name=\"person\" value=\"").skip(1).map(value);
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
        assert_eq!(of(Service::Webex), 2 * chosen.len() + 3, "and the consent, its code, and whose it is");
        assert!(of(Service::Graph) <= 1);
        rounds += 1;
        customers.advance(61);
    }
    assert!((2..=3).contains(&rounds), "{rounds}");
    assert!(apart.iter().all(|one| external_id(&customers, one.person) == Some(one.object)));
    let page = shown(&mut browser, &apart).await;
    page.is(200, "30 more were chosen");
}

#[tokio::test]
async fn what_is_no_form_of_ours_or_another_customers_is_refused() {
    let (customers, mut browser, apart) = with_apart(&["Zoe Zander"]).await;
    let pair = format!("{}/{}", apart[0].object, apart[0].person);
    let csrf = browser.open("/people").await.csrf();
    for wrong in ["", "x", "x/y", &apart[0].person.to_string()] {
        browser.submit("/people/fix", &[("csrf", &csrf), ("pair", wrong)]).await.fails(400, "could not be read");
    }
    browser.submit("/people/fix", &[("csrf", &csrf)]).await.fails(400, "could not be read");
    let many: Vec<(&str, String)> =
        (0..101u128).map(|n| ("pair", format!("{}/{}", apart[0].object, uuid::Uuid::from_u128(n)))).collect();
    let mut many: Vec<(&str, &str)> = many.iter().map(|(name, pair)| (*name, pair.as_str())).collect();
    many.push(("csrf", &csrf));
    browser.submit("/people/fix", &many).await.fails(400, "could not be read");

    let mut globex = customers.connected(&customers.globex).await;
    shown(&mut globex, &apart).await.fails(404, "There is no such person here");
    let of_globex = customers.organization(customers.globex.org).await.unwrap().tenant;
    customers.house.see_everybody(of_globex).await.unwrap();
    let csrf = globex.open("/people").await.csrf();
    globex.submit("/people/fix", &[("csrf", &csrf), ("pair", &pair)]).await.fails(404, "no such person here");
    globex.open("/people/fix").await.is(200, "Nobody was chosen");

    // A pair that nobody was shown is a wish like any other: it does not hold.
    let csrf = browser.open("/people").await.csrf();
    let forged = format!("{}/{}", customers.people[0].object, apart[0].person);
    let at_webex = browser.submit("/people/fix", &[("csrf", &csrf), ("pair", &forged)]).await.onwards();
    let back = browser.decide(&at_webex, customers.acme.administrator.person, "accept").await;
    browser.open(&back).await.is(200, "no member of the directory signs in with the account’s userName");
    assert_eq!(external_id(&customers, apart[0].person), None);
}
