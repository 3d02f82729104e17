//! What naive integrations of teams and groups get wrong, and which test shows that the services here let nobody get away with it.

/// A mistake, and the tests of the behaviour that punishes it.
type Point = (&'static str, &'static [&'static str]);

const WEBEX: [Point; 16] = [
    (
        "waits for webhooks of teams, or of deleted rooms",
        &["there_is_no_teams_webhook_and_for_a_whole_organization_one_of_rooms_only"],
    ),
    (
        "takes the list of teams for all of them",
        &["the_officer_outside_reads_a_team_by_id_and_its_roster_but_no_list_shows_it"],
    ),
    (
        "looks for externalId in people, filters SCIM by it, takes active for signed in",
        &[
            "the_external_id_is_in_scim_and_not_in_people",
            "scim_filters_by_id_and_user_name_and_never_by_external_id",
            "pending_people_are_active_and_only_the_account_status_tells",
        ],
    ),
    (
        "knows one region, compares whole ids",
        &[
            "the_region_of_an_id_is_part_of_it",
            "a_team_and_its_general_space_share_a_uuid_and_differ_in_the_kind",
            "a_room_that_moves_to_another_region_has_another_id_of_the_same_uuid",
        ],
    ),
    (
        "verifies a signature over anything but the bytes that came",
        &["webhooks_fire_for_rooms_of_the_account_only_signed_over_the_body"],
    ),
    (
        "takes a webhook's id for a delivery's",
        &[
            "webhooks_fire_for_rooms_of_the_account_only_signed_over_the_body",
            "deliveries_come_again_late_or_in_contrary_order_on_demand",
        ],
    ),
    (
        "answers late, and is not told any more",
        &["a_hundred_failures_in_five_minutes_disable_a_webhook_until_somebody_activates_it"],
    ),
    (
        "takes everybody for somebody who can be in a group",
        &[
            "people_of_other_organizations_bots_and_devices_sit_in_teams_and_are_told_apart",
            "attributes_narrow_what_comes_and_bots_never_come",
            "two_accounts_can_bear_one_external_id",
        ],
    ),
    ("removes the last moderator", &["the_last_moderator_stays_in_the_team_and_in_its_general_space"]),
    (
        "stops at an empty page, takes a part for the whole",
        &[
            "pages_are_smaller_than_asked_and_can_be_empty_before_the_last",
            "whoever_is_in_the_team_but_not_in_a_moderated_space_sees_its_moderators_only",
        ],
    ),
    (
        "trusts the order of events",
        &[
            "deliveries_can_be_lost_doubled_and_out_of_order",
            "deliveries_come_again_late_or_in_contrary_order_on_demand",
            "events_come_a_moment_late_with_ids_of_their_own",
        ],
    ),
    (
        "lets the refresh token lapse, or keeps one token of a pair",
        &["a_token_works_until_its_end_and_a_refresh_gives_two_new_ones"],
    ),
    (
        "writes from outside what works inside only",
        &[
            "names_folders_and_team_memberships_are_refused_from_outside_and_work_inside",
            "the_officer_outside_manages_people_through_the_general_space",
            "nobody_is_added_from_outside_to_an_empty_space",
        ],
    ),
    (
        "takes teams of other organizations for the customer's",
        &[
            "own_people_in_spaces_of_others_make_events_too",
            "spaces_of_other_organizations_are_not_visible_and_writing_to_them_is_a_violation",
        ],
    ),
    ("takes 404 for deleted", &["whoever_loses_the_role_gets_404_and_403_although_the_scopes_stay"]),
    ("links a second folder", &["webex_links_whatever_it_is_told_one_folder_a_space"]),
];

const GRAPH: [Point; 25] = [
    ("deletes a person instead of a membership", &["deleting_a_member_without_ref_means_the_user_and_is_a_violation"]),
    (
        "creates a group without owners, and waits for its site",
        &["a_group_created_without_owners_gets_no_site_until_somebody_opens_it"],
    ),
    (
        "reads back at once, and undoes itself",
        &[
            "replicas_show_a_write_at_different_times_and_all_of_them_in_the_end",
            "members_and_owners_of_one_batch_can_come_from_two_replicas",
        ],
    ),
    (
        "creates twice after 404 or a timeout",
        &[
            "a_young_group_is_404_for_reads_and_400_for_binds_until_all_replicas_know_it",
            "an_upsert_creates_once_and_overwrites_after_that",
            "a_cut_before_has_no_effect_and_a_cut_after_has_one",
        ],
    ),
    (
        "acts on a delta page by page, takes a removed member for a deleted user",
        &[
            "latest_gives_no_items_and_a_link_from_which_changes_follow",
            "a_round_can_tell_a_group_twice_and_contradict_itself_on_different_pages",
            "a_change_can_show_up_late_and_is_never_lost",
        ],
    ),
    ("knows one end of a delta link", &["a_link_of_more_than_seven_days_is_refused_in_either_way"]),
    ("makes a subscription for each group", &["the_hundred_and_first_subscription_is_refused"]),
    (
        "relies on notifications",
        &[
            "every_change_of_a_group_is_a_hint_some_seconds_later_and_deletion_says_updated",
            "a_directory_can_lose_its_subscriptions_without_a_word",
        ],
    ),
    ("forgets the handshake", &["the_receiver_has_to_give_the_decoded_token_back"]),
    (
        "believes the callback of a consent",
        &[
            "declining_goes_back_with_admin_consent_true_and_an_error",
            "wids_name_the_roles_that_somebody_holds_where_the_manifest_asks_for_them",
            "delegated_scopes_bring_the_app_into_the_directory_without_roles",
        ],
    ),
    (
        "binds many without a way back to single ones",
        &[
            "a_bind_of_many_is_all_or_nothing_and_names_only_the_unknown",
            "the_hundred_and_first_owner_is_refused_and_duplicates_count",
        ],
    ),
    (
        "reads only the outer status of a batch",
        &[
            "items_are_answered_each_for_itself_in_any_order_and_recorded_as_one_call",
            "an_item_can_be_throttled_on_its_own",
            "a_batch_with_throttled_items_can_be_424_around_its_answers",
            "parallel_writes_to_one_group_can_collide_and_chained_ones_do_not",
        ],
    ),
    (
        "reads Retry-After as a whole number, forgets the write quotas",
        &[
            "an_order_skips_strikes_and_ends",
            "beyond_the_write_quota_a_directory_gets_429_with_scope_and_wait",
            "beyond_the_write_quota_over_all_directories_each_gets_429_with_the_scope_of_the_application",
        ],
    ),
    ("forgets the naming policy", &["the_naming_policy_binds_apps_and_decorates_what_people_write"]),
    (
        "removes the last owner, makes too many, or guests",
        &[
            "the_last_owner_stays_and_an_owner_is_not_a_member_by_itself",
            "the_hundred_and_first_owner_is_refused_and_duplicates_count",
            "guests_are_members_and_not_owners_unless_the_directory_says_so",
        ],
    ),
    (
        "makes owners who are no members",
        &[
            "the_last_owner_stays_and_an_owner_is_not_a_member_by_itself",
            "removing_an_owner_can_take_the_membership_along",
        ],
    ),
    ("reconciles from the index", &["a_cast_comes_from_an_index_that_is_later_than_the_listing"]),
    (
        "takes a listing that broke off for the whole",
        &[
            "a_link_to_the_next_page_ends_and_the_listing_breaks_off",
            "listings_have_pages_with_a_next_link_on_the_host_that_was_asked",
        ],
    ),
    (
        "waits for the site while creating, makes folders again and again",
        &[
            "a_site_comes_some_time_after_its_group",
            "a_folder_is_made_once_and_a_retry_that_renames_makes_another",
            "parallel_writes_to_one_group_can_collide_and_chained_ones_do_not",
        ],
    ),
    (
        "lets living groups expire, creates instead of restoring",
        &["the_expiration_policy_deletes_what_nobody_renews", "a_deleted_group_can_be_restored_for_thirty_days"],
    ),
    (
        "writes into groups that others decide about",
        &["groups_whose_people_somebody_else_decides_about_say_so_and_refuse"],
    ),
    ("has everybody mailed", &["whoever_is_added_gets_a_mail_unless_the_group_was_created_without"]),
    (
        "follows a link to any host with its token",
        &[
            "a_bearer_sent_to_an_unknown_host_is_a_violation",
            "over_real_http_links_lead_back_to_the_port_that_was_asked",
        ],
    ),
    ("takes client-request-id for an idempotency key", &["a_client_request_id_makes_no_call_idempotent"]),
    (
        "sends empty texts and what is for later",
        &["an_empty_description_a_null_name_and_exchange_settings_are_refused"],
    ),
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
fn every_mistake_is_shown_by_a_test_that_there_is() {
    for (mistake, tests) in WEBEX.iter().chain(&GRAPH) {
        assert!(!tests.is_empty(), "{mistake}");
        for test in *tests {
            let wanted = format!("#[tokio::test]\nasync fn {test}()");
            assert!(TESTS.iter().any(|file| file.contains(&wanted)), "{mistake}: there is no {test}");
        }
    }
}
