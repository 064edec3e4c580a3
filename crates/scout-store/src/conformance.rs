//! What every store must hold to, as functions that a backend's tests call.
//!
//! Each rule panics where the contract of [`Store`] is broken, and returns the store's error if
//! it fails where it should not. A rule needs a store of its own with nothing in it.

mod activation;
mod classes;
mod environments;
mod events;
mod extended;
mod facts;
mod health;
mod integrations;
mod judgement;
mod leases;
mod notices;
mod organizations;
mod reports;
mod repositories;
mod running;
mod runtimes;
mod sample;
mod tags;
mod tokens;
mod work;

use std::future::Future;
use std::pin::Pin;

use crate::error::Result;
use crate::store::Store;

/// What a rule is while it runs.
pub type Checking<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// A rule for one store.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// What the rule demands, in words joined by underscores.
    pub name: &'static str,
    /// Checks it on an empty store.
    pub check: for<'a> fn(&'a dyn Store) -> Checking<'a>,
}

/// A rule for two stores that have the same data, as two processes do.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SharedRule {
    /// What the rule demands, in words joined by underscores.
    pub name: &'static str,
    /// Checks it on two stores over the same empty data.
    pub check: for<'a> fn(&'a dyn Store, &'a dyn Store) -> Checking<'a>,
}

macro_rules! rules {
    ($($module:ident::$rule:ident,)*) => {
        &[$(Rule {
            name: stringify!($rule),
            check: |store| Box::pin($module::$rule(store)),
        },)*]
    };
}

macro_rules! shared_rules {
    ($($module:ident::$rule:ident,)*) => {
        &[$(SharedRule {
            name: stringify!($rule),
            check: |one, other| Box::pin($module::$rule(one, other)),
        },)*]
    };
}

/// All rules for one store.
pub const RULES: &[Rule] = rules![
    organizations::an_organization_is_enrolled_once,
    organizations::a_token_grants_until_it_is_revoked,
    organizations::a_token_belongs_to_one_organization,
    tokens::a_token_has_an_end_or_none,
    tokens::the_use_of_a_token_is_recorded_in_steps,
    tokens::hashes_are_those_of_tokens_that_count,
    repositories::a_registry_is_made_once,
    repositories::repositories_of_later_catalogs_have_no_baseline,
    repositories::a_repository_that_an_event_tells_of_is_as_if_listed,
    repositories::a_repository_missing_twice_takes_its_tags_along,
    repositories::an_organization_cannot_touch_anothers,
    integrations::an_integration_has_its_name_and_its_registry_alone,
    integrations::an_integration_comes_back_as_it_was,
    integrations::updating_an_integration_replaces_its_parameters,
    integrations::a_removed_integration_takes_its_registry_along,
    integrations::a_removed_registry_cannot_be_recorded,
    integrations::what_a_removed_integration_held_comes_back_when_it_is_seen,
    integrations::an_integration_that_moves_leaves_its_registry,
    integrations::a_registry_can_be_watched_again_without_an_integration,
    activation::of_a_disabled_repository_nothing_is_wanted,
    activation::enabling_a_repository_begins_anew,
    activation::an_old_activation_does_not_end_a_new_one,
    activation::disabling_a_repository_takes_it_out_of_latest_indexed,
    activation::dropped_work_comes_back_when_it_is_seen,
    activation::a_repository_may_be_enabled_before_it_is_listed,
    activation::repositories_are_listed_in_order,
    activation::nothing_is_known_where_no_repository_is_enabled,
    tags::the_baseline_is_not_wanted,
    tags::all_images_wants_the_baseline_too,
    tags::observing_again_changes_nothing,
    tags::a_tag_missing_twice_in_a_row_is_gone,
    tags::what_failed_is_not_enqueued_by_seeing_it,
    tags::an_unanalyzed_newest_leaves_the_previous,
    tags::coming_back_to_a_digest_counts_as_seen_again,
    tags::an_older_push_changes_nothing,
    tags::a_returning_tag_is_judged,
    tags::a_returning_tag_was_seen_before,
    tags::a_forgotten_tag_is_gone_at_once,
    tags::the_tags_of_a_digest_are_those_that_point_to_it,
    tags::a_tag_that_moves_to_no_image_stands_for_nothing,
    extended::the_extended_part_is_kept_apart,
    extended::repositories_are_named_as_people_write_them,
    extended::what_is_not_analyzed_is_counted_by_reason,
    extended::sources_tell_when_they_last_answered,
    events::an_event_comes_back_as_it_was,
    events::an_event_is_recorded_once,
    events::an_event_is_remembered_for_a_while,
    events::what_happens_again_is_heard_again,
    events::only_so_many_events_are_remembered,
    events::a_full_table_takes_none,
    events::a_postponed_event_waits,
    events::a_key_that_does_not_fit_is_refused,
    events::events_belong_to_one_organization,
    work::the_oldest_work_is_leased_first,
    work::a_lost_lease_writes_nothing,
    work::an_indexed_artifact_is_recorded_whole,
    work::work_is_tried_again_when_it_is_due,
    work::failures_are_tried_again_on_demand,
    work::an_unknown_image_is_refused,
    work::newer_readers_replace_an_image,
    work::outdated_images_are_read_again,
    work::another_wish_for_platforms_looks_again,
    work::nothing_to_index_is_no_failure,
    classes::the_greatest_class_goes_first,
    classes::waiting_work_is_raised_and_never_lowered,
    classes::a_push_is_no_back_fill,
    classes::looking_again_is_a_recheck,
    classes::deferred_work_was_not_tried,
    classes::a_deferred_recheck_leaves_the_result,
    leases::a_lease_is_renewed_and_given_back,
    leases::only_the_judge_writes_judgements,
    facts::a_layer_is_known_by_its_blobs_and_readers,
    facts::a_match_key_has_one_number,
    facts::odd_values_come_back_as_they_were,
    environments::an_environment_is_the_union_of_its_sources,
    environments::recording_an_image_again_changes_nothing,
    environments::what_was_recorded_can_be_taken_away,
    running::each_source_has_its_share,
    running::a_failed_sync_removes_nothing,
    running::an_image_joins_by_any_of_its_digests,
    running::an_image_counts_where_it_was_pulled_from,
    running::an_image_without_a_digest_is_what_its_tag_points_to,
    running::what_is_not_analyzed_waits_with_its_reason,
    running::what_is_analyzed_later_joins_by_itself,
    running::saying_the_same_again_asks_for_nothing,
    running::packages_in_use_are_those_that_any_source_saw,
    running::what_runs_without_a_tag_is_listed_and_judged,
    running::a_share_belongs_to_one_organization,
    running::a_share_is_bounded,
    runtimes::a_removed_runtime_takes_its_share_along,
    runtimes::a_runtime_has_one_share,
    runtimes::a_runtime_is_no_registry,
    runtimes::asking_what_an_image_is_records_nothing,
    judgement::an_asking_during_judgement_is_not_lost,
    judgement::a_snapshot_is_judged_again_when_its_time_is_over,
    judgement::time_alone_makes_no_generation,
    judgement::other_feeds_ask_for_judgement,
    judgement::another_catalog_asks_for_judgement,
    judgement::packages_are_stale_when_their_feed_changes,
    judgement::findings_are_replaced_for_each_package,
    judgement::the_input_names_each_image_once,
    judgement::an_empty_registry_is_known_to_be_empty,
    notices::what_stands_comes_back,
    notices::a_channel_begins_with_the_next_notice,
    notices::a_failure_to_send_loses_nothing,
    notices::only_so_many_notices_are_kept,
    notices::a_channel_that_is_gone_keeps_nothing,
    health::work_is_counted_by_class_and_state,
    health::ages_are_those_of_what_is_recorded,
    reports::artifacts_are_listed_in_order,
    reports::artifacts_without_a_tag_are_listed_where_they_run,
];

/// All rules for two stores that have the same data.
pub const SHARED_RULES: &[SharedRule] = shared_rules![
    work::work_is_leased_to_one_of_two,
    work::late_work_is_taken_over,
    events::what_one_finished_the_other_knows,
    activation::work_of_a_disabled_repository_is_lost,
    leases::a_named_lease_has_one_holder,
    leases::what_one_writes_the_other_reads,
    tokens::a_mark_changes_with_every_commit,
];
