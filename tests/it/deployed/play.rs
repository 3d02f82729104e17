//! The morning itself: sign-in, first group, changes, folders, removals, backfill and offboarding.

use std::time::Duration;

use domain::ids::TeamId;
use serde_json::json;
use sim::{Fault, MembershipRole, Service};

use super::scene::{RENEWAL_MARGIN, SHORT_LIFE, Scene};
use crate::support::{Browser, KEEP};

impl Scene {
    pub(super) async fn play(&mut self) {
        // With tokens that last seconds, the first cycle and the first sync run renew them.
        self.world.webex_settings(|settings| settings.access_life = SHORT_LIFE);
        let mut browser = self.browser();
        let administrator = self.acme.administrator;
        browser.proves_as = Some((administrator.person, administrator.object));
        browser.sign_in(self.acme.administrator.person).await.is(200, "Overview");
        self.connect(&mut browser).await;
        let team = self.create_first_group(&mut browser).await;
        self.world
            .webex_settings(|settings| settings.access_life = Duration::from_secs(14 * 86_400));
        self.change_both_sides(team).await;
        self.link_folders(&mut browser, team).await;
        self.decide_on_removals(&mut browser, team).await;
        self.restore_members(&mut browser, team).await;
        self.backfill_existing_team(&mut browser).await;
        self.operate_tenants();
        // The first time, Webex lets no account leave, and a cycle finishes the job; the second
        // time, the page does all of it.
        self.world
            .inject(Fault::status(503).on(Service::Webex).path("/memberships").times(u32::MAX));
        browser.submit_on("/disconnect", "/disconnect", &KEEP).await.is(200, "To do");
        self.world.clear_faults();
        self.wait_until_offboarded(&browser).await;
        self.connect(&mut browser).await;
        browser
            .submit_on("/disconnect", "/disconnect", &KEEP)
            .await
            .is(200, "<h1>Disconnected</h1>");
        self.wait_until_offboarded(&browser).await;
        self.cookies = browser.cookies.into_values().collect();
        assert_eq!(self.world.violations(), []);
    }

    async fn connect(&self, browser: &mut Browser) {
        browser
            .connect_webex(self.acme.service_account, &[])
            .await
            .is(200, "Connected through Compliance Officer");
        browser.connect_microsoft(&self.acme).await.is(200, "Acme is connected");
        tokio::time::sleep(SHORT_LIFE - RENEWAL_MARGIN).await;
        self.schedule().await;
        self.deliver_all().await;
        browser.open("/prerequisites").await.is(200, "5 of 6 people");
        browser.save(&[("enabled", "yes")]).await.is(200, "The settings are saved.");
    }

    async fn create_first_group(&self, browser: &mut Browser) -> TeamId {
        let creator = self.people[0].person;
        let team = self.world.create_team(creator, "Obelisk Reading Circle");
        self.cycles_until("the creator is asked", async |scene| {
            !scene.world.cards_to(creator).is_empty()
        })
        .await;
        let card = self.world.cards_to(creator).remove(0);
        self.world
            .submit_card(card.message, creator, json!({"team": team, "group": "yes"}))
            .unwrap();
        self.until("the new team has its group", |scene| scene.is_in_sync(team)).await;
        browser.open("/teams").await.is(200, "Obelisk Reading Circle");
        browser.open(&format!("/teams/{team}")).await.is(200, "Wilhelmina Oberon");
        team
    }

    async fn change_both_sides(&self, team: TeamId) {
        let people = &self.people;
        self.world.add_to_team(team, people[1].person, MembershipRole::Member).unwrap();
        self.until("who joined the team is in the group", |scene| scene.is_in_sync(team)).await;
        let (group, _) = self.group().unwrap();
        self.world.add_member(group, people[2].object);
        self.until("who joined the group is in the team", |scene| scene.is_in_sync(team)).await;
        self.world.rename_team(team, "Obelisk Writing Circle");
        self.until("the group has the team's name", |scene| {
            scene.group().unwrap().1.display_name == "Obelisk Writing Circle"
        })
        .await;
        self.until("Microsoft has notified", |scene| {
            scene.functions["webhook"].log().iter().any(|line| line.contains("graph notification"))
        })
        .await;
    }

    /// Grants the consent to files, and waits until each space has its folder.
    async fn link_folders(&self, browser: &mut Browser, team: TeamId) {
        self.world.open_site(self.group().unwrap().0);
        browser.open("/").await.is(200, "Folders need a separate admin consent");
        browser.authorize_files(&self.acme).await.is(200, "Connected.");
        browser.save(&[("folders", "each-space")]).await.is(200, "The settings are saved.");
        self.cycles_until("the team's space is linked to its folder", async |scene| {
            scene.world.room(team.general_space()).unwrap().folder.is_some()
        })
        .await;
    }

    /// Removes more people at once than the removal limit allows.
    async fn decide_on_removals(&self, browser: &mut Browser, team: TeamId) {
        let several = &self.people[1..];
        for person in several {
            // One of them is a member already.
            _ = self.world.add_to_team(team, person.person, MembershipRole::Member);
        }
        self.until("all who joined are in the group", |scene| scene.is_in_sync(team)).await;
        browser
            .save(&[("link_people", "1"), ("link_percent", "1")])
            .await
            .is(200, "The settings are saved.");
        for person in several {
            self.world.remove_from_team(team, person.person).unwrap();
        }
        let page = format!("/teams/{team}");
        browser.submit_on(&page, &page, &[("action", "sync")]).await.is(200, "being synced");
        self.until_proved("the removals wait for an admin", async |_| {
            browser.clone().open(&page).await.html.contains("3 removals wait for you")
        })
        .await;
        let plan = browser.open(&page).await;
        assert!(!self.is_in_sync(team));
        let hash = plan.field("hash");
        browser.submit_on(&page, &page, &[("action", "apply"), ("hash", &hash)]).await;
        self.until_proved("the removals were applied", async |scene| scene.is_in_sync(team)).await;
        browser.open("/people").await.is(200, "Compliance Officer");
        browser.open("/activity?person=yorick").await.is(200, "was removed from the group");
    }

    /// Restores the members who were removed.
    async fn restore_members(&self, browser: &mut Browser, team: TeamId) {
        let page = browser.open(&format!("/teams/{team}")).await;
        let (_, done) = page.html.split_once("<ol class=\"done\">").unwrap();
        let entry = done.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        let plan = browser.open(entry).await;
        plan.is(200, "Add 3 people to the team and the group");
        let (_, offer) = plan.html.split_once("id=\"undo-both-sides\"").unwrap();
        let (_, hash) = offer.split_once("name=\"hash\" value=\"").unwrap();
        let form = [("hash", hash.split('"').next().unwrap()), ("undo", "both-sides")];
        browser.submit_on(entry, entry, &form).await.is(200, "being synced");
        self.until_proved("they are back on both sides", async |scene| {
            let (_, group) = scene.group().unwrap();
            scene.is_in_sync(team) && group.members.contains(&scene.people[1].object)
        })
        .await;
    }

    /// Finds, chooses and creates a group for a team that was never asked about.
    async fn backfill_existing_team(&self, browser: &mut Browser) {
        browser.save(&[("new_teams", "selected")]).await.is(200, "The settings are saved.");
        let team = self.world.create_team(self.people[0].person, "Obelisk Archive").to_string();
        browser
            .submit_on("/existing", "/existing", &[("action", "find")])
            .await
            .is(200, "Searching since");
        self.cycles_until("the search is through", async |_| {
            browser.clone().open("/existing").await.html.contains("Find teams again")
        })
        .await;
        browser.open("/existing").await.is(200, "Obelisk Archive");
        let choose = [("action", "choose"), ("team", team.as_str())];
        let chosen = browser.submit_on("/existing", "/existing", &choose).await;
        chosen.is(200, "1 group would be created");
        let create = [("action", "create"), ("hash", &chosen.field("hash"))];
        browser.submit_on("/selection", "/selection", &create).await.is(200, "are being created");
        self.cycles_until("the group is made", async |_| {
            browser.clone().open("/selection").await.html.contains("1 of 1 done")
        })
        .await;
    }

    async fn wait_until_offboarded(&self, browser: &Browser) {
        self.cycles_until("the tenant has left", async |_| {
            browser.clone().open("/receipt").await.html.contains("Deleted at")
        })
        .await;
    }
}
