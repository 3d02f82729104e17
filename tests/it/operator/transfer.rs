//! Tests of an export, and of a tenant that moves to another deployment.

use std::collections::BTreeSet;

use domain::clock::Clock;
use domain::ids::{OrgId, TenantId};
use engine::credentials::tokens::tenant_secret;
use engine::decision::Decider;
use engine::transfer::{self, DRAINED_AFTER, ExportOf, TransferError};
use sandbox::local_stack::SECRETS_PREFIX;
use sim::{Fault, MembershipRole, Service};
use store::keys;
use store::message::Trigger;
use store::secrets::Secrets;
use store::table::{Item, Key, Store};

use crate::support::{MINUTE, PROVED, TwoTenants};

/// A tenant with a team, its folders, and someone who left it.
async fn with_a_history() -> (TwoTenants, domain::ids::TeamId) {
    let mut env = TwoTenants::with_folders(5).await;
    let team = env.create_team("Harbor", &env.people[..4]);
    env.let_pass(MINUTE * 10).await;
    env.world().remove_from_team(team, env.people[3].person).unwrap();
    env.let_pass(MINUTE * 30).await;
    env.assert_in_sync(team);
    (env, team)
}

impl TwoTenants {
    fn moving(&self) -> (TenantId, OrgId) {
        (self.stack.tenants()[0], self.handle.org)
    }

    /// Returns the keys of all stored items that name the tenant.
    fn items_of(&self, tenant: TenantId) -> BTreeSet<Key> {
        let id = tenant.to_string();
        let all = self.stack.backend().store.snapshot().into_iter();
        let names_it = |item: &Item| serde_json::to_string(item).unwrap().contains(&id);
        all.filter(|(_, item)| names_it(item)).map(|(key, _)| key).collect()
    }

    /// Returns what an erasure has left, except the entry of the record that says so.
    fn left_of(&self, tenant: TenantId) -> BTreeSet<Key> {
        let mut left = self.items_of(tenant);
        let record = keys::record_partition(tenant);
        let entries = left.extract_if(.., |key| key.pk == record).count();
        assert_eq!(entries, 1, "the erasure is recorded");
        left
    }

    async fn export(&self) -> Result<(Vec<String>, ExportOf), TransferError> {
        let (tenant, _) = self.moving();
        let backend = self.stack.backend();
        let mut out = Vec::new();
        let store = backend.store.as_ref();
        let export = transfer::export(store, tenant, backend.clock.now(), &mut out).await?;
        let lines: Vec<String> =
            String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(export.items, lines.len());
        Ok((lines, export.of))
    }

    async fn retire(&self) {
        let (tenant, org) = self.moving();
        let backend = self.stack.backend();
        let store = backend.store.as_ref();
        transfer::retire(store, tenant, org, Decider::operator(backend.clock.now())).await.unwrap();
    }

    async fn erase(&self) -> Result<(), TransferError> {
        let (tenant, _) = self.moving();
        let backend = self.stack.backend();
        let (store, secrets) = (backend.store.as_ref(), backend.secrets.as_ref());
        let by = Decider::operator(backend.clock.now());
        transfer::erase(store, secrets, SECRETS_PREFIX, tenant, by).await
    }

    async fn import(&self, lines: &[String]) -> Result<transfer::Import, TransferError> {
        let store = self.stack.backend().store.as_ref();
        let by = Decider::operator(self.stack.backend().clock.now());
        transfer::import(store, lines.join("\n").as_bytes(), by).await
    }
}

fn keys_of(lines: &[String]) -> Vec<Key> {
    let item = |line: &String| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let item: Item = serde_json::from_value(line["Item"].take()).unwrap();
        Key::of(&item).unwrap()
    };
    lines.iter().map(item).collect()
}

#[tokio::test]
async fn an_export_has_each_item_of_its_tenant_once_and_no_others() {
    let (env, _) = with_a_history().await;
    let (tenant, _) = env.moving();
    let before = env.stack.backend().store.snapshot();
    let (lines, of) = env.export().await.unwrap();
    assert_eq!(of, ExportOf::Running);
    assert_eq!(env.stack.backend().store.snapshot(), before, "an export changes nothing");

    let keys = keys_of(&lines);
    let exported: BTreeSet<Key> = keys.iter().cloned().collect();
    assert_eq!(exported.len(), keys.len(), "each item once");
    let missing: Vec<_> = env.items_of(tenant).difference(&exported).cloned().collect();
    assert_eq!(missing, []);
    let of_the_other = env.items_of(env.stack.tenants()[1]);
    assert_eq!(exported.intersection(&of_the_other).count(), 0);
    assert_eq!(keys.last(), Some(&keys::listed(tenant)));
}

#[tokio::test]
async fn the_claim_of_a_way_back_goes_along() {
    let mut env = TwoTenants::with_people(4).await;
    let lost = env.create_team("Lost", &env.people[..3]);
    env.create_team("Witness", &env.people[..3]);
    env.let_pass(MINUTE * 60).await;
    let world = env.world();
    let room = world.room_id(lost.general_space());
    for path in [format!("/teams/{}", world.team_id(lost)), format!("/memberships?roomId={room}")] {
        world.inject(Fault::status(404).on(Service::Webex).path(&path).times(u32::MAX));
    }
    env.request_sync(lost, Trigger::WebexWebhook).await;
    env.let_pass(MINUTE * 60 * 5).await;
    let link = env.link_row(lost).await.unwrap().link;
    let claimed = link.claimed_group().unwrap();
    assert_eq!(link.group(), None, "the link has ended");

    let (lines, _) = env.export().await.unwrap();
    assert!(keys_of(&lines).contains(&keys::group(env.handle.directory, claimed)));
    env.retire().await;
    env.let_pass(DRAINED_AFTER).await;
    env.erase().await.unwrap();
    assert_eq!(env.left_of(env.moving().0), BTreeSet::new());
}

#[tokio::test]
async fn a_moved_tenant_keeps_its_groups_and_goes_on() {
    let (mut env, team) = with_a_history().await;
    let (tenant, _) = env.moving();
    env.retire().await;
    env.let_pass(DRAINED_AFTER).await;
    let before = env.world().calls().len();
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(MINUTE * 20).await;
    let group = env.group().0.to_string();
    let ours = |path: &str| path.contains(&team.to_string()) || path.contains(&group);
    let calls = env.world().calls();
    let after: Vec<_> = calls[before..].iter().filter(|call| ours(&call.path)).collect();
    assert!(after.is_empty(), "a retired tenant calls nothing: {after:?}");

    let (lines, of) = env.export().await.unwrap();
    assert_eq!(of, ExportOf::Retired);
    let secrets = env.stack.backend().secrets.clone();
    let secret = tenant_secret(SECRETS_PREFIX, tenant);
    let tokens = secrets.get(&secret).await.unwrap().unwrap();
    env.erase().await.unwrap();
    assert_eq!(env.left_of(tenant), BTreeSet::new());
    assert!(secrets.get(&secret).await.unwrap().is_none());

    secrets.put(&secret, tokens).await.unwrap();
    let import = env.import(&lines).await.unwrap();
    assert_eq!((import.stored, import.unchanged), (lines.len(), 0));
    env.let_pass(MINUTE * 20).await;
    env.assert_in_sync(team);
    assert_eq!(env.group().0.to_string(), group, "no second group");
    env.world().remove_from_team(team, env.people[1].person).unwrap();
    env.let_pass(MINUTE * 20 + PROVED).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn a_tenant_that_is_resumed_goes_on() {
    let (mut env, team) = with_a_history().await;
    let (tenant, _) = env.moving();
    // Both decisions are recorded, and notified.
    let record = keys::record_partition(tenant);
    let others = |mut keys: BTreeSet<Key>| {
        keys.retain(|key| key.pk != record && !key.sk.starts_with("decided#"));
        keys
    };
    let before = others(env.items_of(tenant));
    env.retire().await;
    env.retire().await;
    transfer::resume(
        env.stack.backend().store.as_ref(),
        tenant,
        Decider::operator(env.stack.backend().clock.now()),
    )
    .await
    .unwrap();
    assert_eq!(others(env.items_of(tenant)), before);
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    env.let_pass(MINUTE * 20).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn an_import_is_repeated_and_never_overwrites() {
    let (mut env, _) = with_a_history().await;
    let (tenant, _) = env.moving();
    env.retire().await;
    env.let_pass(DRAINED_AFTER).await;
    let (lines, _) = env.export().await.unwrap();
    env.erase().await.unwrap();
    let store = env.stack.backend().store.clone();

    let cut = env.import(&lines[..lines.len() - 1]).await.unwrap_err();
    assert!(matches!(cut, TransferError::CutOff(n) if n == lines.len() - 1), "{cut}");
    assert_eq!(store.get(&keys::tenant(tenant)).await.unwrap(), None, "nothing has started");
    let half = &lines[lines.len() / 2];
    let broken = [lines[0].clone(), half[..half.len() - 3].to_owned()];
    let error = env.import(&broken).await.unwrap_err();
    assert!(matches!(error, TransferError::NoItem { line: 2, .. }), "{error}");
    let empty = env.import(&[]).await.unwrap_err();
    assert!(matches!(empty, TransferError::CutOff(0)), "{empty}");

    let import = env.import(&lines).await.unwrap();
    assert_eq!(import.stored + import.unchanged, lines.len());
    assert!(import.unchanged >= lines.len() - 2);
    let again = env.import(&lines).await.unwrap();
    assert_eq!((again.stored, again.unchanged), (0, lines.len()));

    let other = lines[0].replace("\"request_ids\"", "\"requests\"");
    assert_ne!(other, lines[0]);
    let conflict = env.import(&[other, lines[1].clone()]).await.unwrap_err();
    assert!(matches!(conflict, TransferError::Conflict { line: 1, .. }), "{conflict}");
}

#[tokio::test]
async fn what_is_in_use_is_neither_retired_nor_erased_by_mistake() {
    let (mut env, _) = with_a_history().await;
    let (tenant, _) = env.moving();
    let store = env.stack.backend().store.clone();
    let before = env.items_of(tenant);
    let now = env.stack.backend().clock.now();
    let others = transfer::retire(store.as_ref(), tenant, env.other.org, Decider::operator(now))
        .await
        .unwrap_err();
    assert!(matches!(others, TransferError::OtherOrganization { .. }), "{others}");
    let in_use = env.erase().await.unwrap_err();
    assert!(matches!(in_use, TransferError::InUse(_)), "{in_use}");
    assert_eq!(env.items_of(tenant), before);

    env.retire().await;
    for error in [env.erase().await.unwrap_err(), env.export().await.unwrap_err()] {
        assert!(matches!(error, TransferError::Draining { .. }), "{error}");
    }
    env.let_pass(DRAINED_AFTER).await;
    env.erase().await.unwrap();
    let gone = env.erase().await.unwrap_err();
    assert!(matches!(gone, TransferError::Unknown(_)), "{gone}");
}
