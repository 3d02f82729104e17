//! Mistakes of naive integrations of teams and groups, and the tests which show that the simulated
//! services punish them.

/// A mistake, and the tests of the behavior that punishes it.
type Point = (&'static str, &'static [&'static str]);

const WEBEX: [Point; 16] = [
    ("waits for webhooks of teams, or of deleted rooms", &["there_is_no_webhook_of_teams"]),
    ("takes the list of teams for all of them", &["observers_read_a_team_by_id_but_not_in_lists"]),
    (
        "looks for externalId in people, filters SCIM by it, takes active for signed in",
        &[
            "the_external_id_is_in_scim_and_not_in_people",
            "scim_does_not_filter_by_external_id",
            "pending_people_are_active_in_scim",
        ],
    ),
    (
        "knows one region, compares whole ids",
        &[
            "the_region_of_an_id_is_part_of_it",
            "a_team_and_its_general_space_share_a_uuid",
            "a_migrated_room_keeps_its_uuid",
        ],
    ),
    (
        "verifies a signature over anything but the bytes that came",
        &["webhooks_are_signed_over_the_body"],
    ),
    (
        "takes a webhook's id for a delivery's",
        &["webhooks_are_signed_over_the_body", "deliveries_can_be_repeated_delayed_and_reversed"],
    ),
    ("answers late, and gets no further webhooks", &["a_hundred_failures_disable_a_webhook"]),
    (
        "takes everyone for a possible member of a group",
        &[
            "foreign_people_bots_and_devices_are_distinct",
            "scim_selects_attributes_and_omits_bots",
            "two_accounts_can_share_an_external_id",
        ],
    ),
    ("removes the last moderator", &["the_last_moderator_stays_in_the_team"]),
    (
        "stops at an empty page, takes a part for the whole",
        &["pages_can_be_smaller_or_empty", "outsiders_of_moderated_spaces_see_moderators"],
    ),
    (
        "trusts the order of events",
        &[
            "deliveries_can_be_lost_doubled_and_out_of_order",
            "deliveries_can_be_repeated_delayed_and_reversed",
            "events_are_late_and_have_unique_ids",
        ],
    ),
    (
        "lets the refresh token lapse, or keeps one token of a pair",
        &["tokens_end_and_a_refresh_gives_two_new_ones"],
    ),
    (
        "writes from outside what works inside only",
        &[
            "titles_and_folders_need_a_participant",
            "observers_manage_members_in_the_general_space",
            "observers_add_no_one_to_an_empty_space",
        ],
    ),
    (
        "takes teams of other organizations for the customer's",
        &["own_people_in_foreign_spaces_make_events", "writes_to_foreign_spaces_are_a_violation"],
    ),
    ("takes 404 for deleted", &["scopes_grant_nothing_after_the_role_is_lost"]),
    ("links a second folder", &["webex_links_one_unvalidated_folder_per_space"]),
];

const GRAPH: [Point; 25] = [
    ("deletes a person instead of a membership", &["member_deletion_without_ref_is_a_violation"]),
    (
        "creates a group without owners, and waits for its site",
        &["ownerless_groups_have_no_site_until_it_is_opened"],
    ),
    (
        "reads back at once, and undoes itself",
        &["replicas_show_a_write_at_different_times", "one_batch_can_read_two_replicas"],
    ),
    (
        "creates twice after 404 or a timeout",
        &[
            "new_groups_are_404_or_400_until_replicated",
            "an_upsert_creates_once_and_then_overwrites",
            "a_cut_before_has_no_effect_and_a_cut_after_has_one",
        ],
    ),
    (
        "acts on a delta page by page, takes a removed member for a deleted user",
        &[
            "latest_returns_only_a_delta_link",
            "a_delta_can_contradict_itself_across_pages",
            "a_change_can_show_up_late_and_is_never_lost",
        ],
    ),
    ("knows one end of a delta link", &["old_delta_links_are_refused_in_either_way"]),
    ("makes a subscription for each group", &["the_hundred_and_first_subscription_is_refused"]),
    (
        "relies on notifications",
        &[
            "every_group_change_is_notified_as_a_hint",
            "a_directory_can_silently_lose_subscriptions",
        ],
    ),
    ("omits the handshake", &["receivers_return_the_decoded_token"]),
    (
        "believes the callback of a consent",
        &[
            "declined_consent_returns_an_error",
            "wids_name_roles_if_the_manifest_asks",
            "delegated_consent_adds_the_app_without_roles",
        ],
    ),
    (
        "binds many without a way back to single ones",
        &["a_bind_of_many_is_all_or_nothing", "the_hundred_and_first_owner_is_refused"],
    ),
    (
        "reads only the outer status of a batch",
        &[
            "batch_items_have_separate_responses_in_any_order",
            "a_single_item_can_be_throttled",
            "throttled_batches_can_be_424",
            "parallel_writes_to_one_group_can_collide",
        ],
    ),
    (
        "reads Retry-After as a whole number, ignores the write quotas",
        &[
            "a_fault_skips_strikes_and_ends",
            "a_directory_beyond_its_write_quota_gets_429",
            "all_directories_share_a_write_quota",
        ],
    ),
    ("ignores the naming policy", &["naming_policies_refuse_apps_and_decorate_people"]),
    (
        "removes the last owner, makes too many, or guests",
        &[
            "the_last_owner_stays_and_owners_are_no_members",
            "the_hundred_and_first_owner_is_refused",
            "guests_are_owners_only_by_directory_setting",
        ],
    ),
    (
        "makes owners who are no members",
        &[
            "the_last_owner_stays_and_owners_are_no_members",
            "removing_an_owner_can_remove_the_membership",
        ],
    ),
    ("reconciles from the index", &["casts_read_an_index_that_lags"]),
    (
        "takes a listing that broke off for the whole",
        &["next_links_expire_and_break_off_the_listing", "next_links_use_the_requested_host"],
    ),
    (
        "waits for the site while creating, makes folders again and again",
        &[
            "a_site_exists_some_time_after_its_group",
            "retries_with_rename_make_another_folder",
            "parallel_writes_to_one_group_can_collide",
        ],
    ),
    (
        "lets active groups expire, creates instead of restoring",
        &[
            "the_expiration_policy_deletes_unrenewed_groups",
            "a_deleted_group_can_be_restored_for_thirty_days",
        ],
    ),
    ("writes into groups that others decide about", &["groups_under_other_rules_refuse_changes"]),
    ("mails everyone", &["added_people_get_a_mail_unless_it_is_disabled"]),
    (
        "follows a link to any host with its token",
        &["a_token_for_an_unknown_host_is_a_violation", "links_over_http_use_the_requested_port"],
    ),
    (
        "takes client-request-id for an idempotency key",
        &["a_client_request_id_makes_no_call_idempotent"],
    ),
    ("sends empty texts and what is for later", &["invalid_group_properties_are_refused"]),
];

const TESTS: [&str; 16] = [
    include_str!("consent_entra.rs"),
    include_str!("entra.rs"),
    include_str!("faults.rs"),
    include_str!("graph_batch.rs"),
    include_str!("graph_delta.rs"),
    include_str!("graph_drives.rs"),
    include_str!("graph_groups.rs"),
    include_str!("graph_relations.rs"),
    include_str!("graph_replicas.rs"),
    include_str!("graph_subscriptions.rs"),
    include_str!("signin_entra.rs"),
    include_str!("signin_webex.rs"),
    include_str!("webex_access.rs"),
    include_str!("webex_events.rs"),
    include_str!("webex_people.rs"),
    include_str!("webex_spaces.rs"),
];

#[test]
fn every_mistake_has_an_existing_test() {
    for (mistake, tests) in WEBEX.iter().chain(&GRAPH) {
        assert!(!tests.is_empty(), "{mistake}");
        for test in *tests {
            let expected = format!("#[tokio::test]\nasync fn {test}()");
            assert!(
                TESTS.iter().any(|file| file.contains(&expected)),
                "{mistake}: there is no {test}"
            );
        }
    }
}
