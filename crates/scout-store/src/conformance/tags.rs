//! Rules for tags: what is wanted, what exists, what counts as the newest.

use super::sample::{World, at, digest, parse};
use crate::error::Result;
use crate::model::artifact::{ArtifactOutcome, ArtifactState};
use crate::model::tag::Observation;
use crate::model::work::WorkClass;
use crate::store::Store;

/// What the first listing saw is not indexed; what comes after it is.
pub(super) async fn the_baseline_is_not_wanted(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    let seen = world.observe("1", "one", 0).await?;
    assert_eq!(
        (seen.state, seen.is_new),
        (ArtifactState::BelowBaseline, true)
    );
    assert_eq!(world.list(&["1"]).await?, 0);
    let again = world.observe("1", "one", 5).await?;
    assert_eq!(
        (again.state, again.is_new),
        (ArtifactState::BelowBaseline, false)
    );
    assert_eq!(again.artifact, seen.artifact);
    assert_eq!(
        store.index_backlog(world.org, world.registry).await?,
        (0, None)
    );

    let moved = world.observe("1", "two", 6).await?;
    assert_eq!((moved.state, moved.is_new), (ArtifactState::Waiting, true));
    let new_name = world.observe("2", "one", 7).await?;
    assert_eq!(
        (new_name.state, new_name.is_new),
        (ArtifactState::Waiting, true)
    );
    assert_eq!(new_name.artifact, seen.artifact);
    let backlog = store.index_backlog(world.org, world.registry).await?;
    assert_eq!(backlog, (2, Some(at(6))));

    let tags: Vec<_> = store
        .known_tags(world.org, world.repository)
        .await?
        .into_iter()
        .map(|known| (known.tag.to_string(), known.digest, known.state))
        .collect();
    assert_eq!(
        tags,
        [
            ("1".to_owned(), digest("two"), ArtifactState::Waiting),
            ("2".to_owned(), digest("one"), ArtifactState::Waiting)
        ]
    );
    Ok(())
}

/// With `--all-images`, tags below the baseline are indexed, also when they were seen before.
pub(super) async fn all_images_wants_the_baseline_too(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    world.observe("1", "one", 0).await?;
    let everything = |tag: &str, name: &str| Observation {
        wanted: Some(WorkClass::Backfill),
        ..World::observation(tag, name, 0)
    };
    assert_eq!(
        world.observe_as(everything("1", "one")).await?.state,
        ArtifactState::Waiting
    );
    assert_eq!(
        world.observe_as(everything("2", "two")).await?.state,
        ArtifactState::Waiting
    );
    world.list(&["1", "2"]).await?;
    assert_eq!(world.lease(1).await?.len(), 2);
    Ok(())
}

/// Seeing what is known enqueues nothing, neither to be indexed nor to be judged.
pub(super) async fn observing_again_changes_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.index("1", "one", 2, Vec::new()).await?;
    world.answer().await?;
    for wanted in [None, Some(WorkClass::Event)] {
        let again = Observation {
            wanted,
            ..World::observation("1", "one", 9)
        };
        let seen = world.observe_as(again).await?;
        assert_eq!((seen.state, seen.is_new), (ArtifactState::Indexed, false));
    }
    assert_eq!(world.asked().await?, None);
    assert_eq!(world.lease(100).await?, []);

    // A time of pushing is news; the same one is not.
    let pushed = Observation {
        pushed_at: Some(at(-50)),
        ..World::observation("1", "one", 9)
    };
    world.observe_as(pushed.clone()).await?;
    assert!(world.asked().await?.is_some());
    world.answer().await?;
    world.observe_as(pushed).await?;
    world.observe("1", "one", 10).await?;
    assert_eq!(world.asked().await?, None);
    let input = store.judge_input(world.org).await?;
    let times: Vec<_> = input
        .tags
        .iter()
        .map(|tag| (tag.pushed_at, tag.first_seen))
        .collect();
    assert_eq!(times, [(Some(at(-50)), at(2))]);
    Ok(())
}

/// One listing without a tag means nothing, two in a row that it is gone.
pub(super) async fn a_tag_missing_twice_in_a_row_is_gone(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.index("1", "one", 2, Vec::new()).await?;
    world.index("2", "two", 3, Vec::new()).await?;
    world.answer().await?;
    assert_eq!(world.list(&["2"]).await?, 0);
    assert_eq!(world.list(&["1", "2"]).await?, 0);
    assert_eq!(world.list(&["2"]).await?, 0);
    // Seeing it counts as well as a listing.
    world.observe("1", "one", 4).await?;
    assert_eq!(world.list(&["2"]).await?, 0);
    assert_eq!(world.asked().await?, None);
    assert_eq!(world.candidates().await?.len(), 2);

    assert_eq!(world.list(&["2"]).await?, 1);
    assert_eq!(world.list(&["2"]).await?, 0);
    assert!(world.asked().await?.is_some());
    let candidates = world.candidates().await?;
    assert_eq!(
        candidates
            .iter()
            .map(|tag| tag.0.as_str())
            .collect::<Vec<_>>(),
        ["2"]
    );
    assert_eq!(
        store.known_tags(world.org, world.repository).await?.len(),
        1
    );
    Ok(())
}

/// A failed artifact waits for somebody to ask for it.
pub(super) async fn what_failed_is_not_enqueued_by_seeing_it(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "one", 2).await?;
    let work = world.lease_one(2).await?;
    let outcome = ArtifactOutcome::Failed {
        reason: "layer is damaged".to_owned(),
        transient: false,
    };
    store.finish_index_work(&work, outcome, at(3)).await?;
    let again = Observation {
        wanted: Some(WorkClass::Backfill),
        ..World::observation("2", "one", 4)
    };
    assert_eq!(world.observe_as(again).await?.state, ArtifactState::Failed);
    assert_eq!(world.lease(100).await?, []);
    Ok(())
}

/// A tag counts with what it pointed to before, until what it points to now is indexed.
pub(super) async fn an_unanalyzed_newest_leaves_the_previous(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let old = world.index("1", "old", 2, Vec::new()).await?;
    world.observe("1", "new", 3).await?;
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![old], at(2))]
    );
    let work = world.lease_one(3).await?;
    let failed = ArtifactOutcome::Failed {
        reason: "layer is damaged".to_owned(),
        transient: false,
    };
    store.finish_index_work(&work, failed, at(4)).await?;
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![old], at(2))]
    );

    let newest = world.index("1", "newest", 5, Vec::new()).await?;
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![newest], at(5))]
    );
    // With the tag, what it pointed to before is gone too.
    world.list(&[]).await?;
    world.list(&[]).await?;
    assert_eq!(world.candidates().await?, []);
    Ok(())
}

/// A tag that moves away and back was pushed again.
pub(super) async fn coming_back_to_a_digest_counts_as_seen_again(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    world.index("1", "two", 3, Vec::new()).await?;
    world.answer().await?;
    let back = world.observe("1", "one", 4).await?;
    assert_eq!((back.state, back.is_new), (ArtifactState::Indexed, false));
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![one], at(4))]
    );
    assert!(world.asked().await?.is_some());
    Ok(())
}

/// Events of pushes come in any order; the last push counts.
pub(super) async fn an_older_push_changes_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let pushed = async |second: Option<i64>| {
        let observation = Observation {
            pushed_at: second.map(at),
            ..World::observation("1", "one", 20)
        };
        store
            .observe(world.org, world.repository, observation)
            .await?;
        let input = store.judge_input(world.org).await?;
        Result::Ok(input.tags.first().and_then(|tag| tag.pushed_at))
    };
    world.index("1", "one", 2, Vec::new()).await?;
    for (told, expected) in [(None, None), (Some(5), 5.into()), (Some(3), 5.into())] {
        assert_eq!(pushed(told).await?, expected.map(at), "{told:?}");
    }
    world.answer().await?;
    assert_eq!(pushed(None).await?, Some(at(5)));
    assert!(world.asked().await?.is_none(), "nothing has changed");
    assert_eq!(pushed(Some(8)).await?, Some(at(8)));
    assert!(world.asked().await?.is_some());
    Ok(())
}

/// A tag that was gone and comes back stands for what it pointed to before, until what it points
/// to is analyzed; that is judged, whatever it is.
pub(super) async fn a_returning_tag_is_judged(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    world.list(&[]).await?;
    world.list(&[]).await?;
    world.answer().await?;
    let back = world.observe("1", "two", 9).await?;
    assert_eq!((back.state, back.is_new), (ArtifactState::Waiting, true));
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![one], at(2))]
    );
    assert!(world.asked().await?.is_some());
    Ok(())
}

/// A tag that was gone and comes back as it was keeps when it was first seen.
pub(super) async fn a_returning_tag_was_seen_before(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    world.observe("1", "two", 3).await?;
    world.list(&[]).await?;
    world.list(&[]).await?;
    world.answer().await?;
    let back = world.observe("1", "two", 9).await?;
    assert_eq!((back.state, back.is_new), (ArtifactState::Waiting, false));
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![one], at(2))]
    );
    assert!(world.asked().await?.is_some());
    let two = world.index("1", "two", 10, Vec::new()).await?;
    assert_eq!(
        world.candidates().await?,
        [("1".to_owned(), vec![two], at(3))]
    );
    Ok(())
}

/// A tag that was told to be gone counts no more at once, and the next newest does; seeing it
/// brings it back.
pub(super) async fn a_forgotten_tag_is_gone_at_once(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    let two = world.index("2", "two", 3, Vec::new()).await?;
    let older = ("1".to_owned(), vec![one], at(2));
    let newer = ("2".to_owned(), vec![two], at(3));
    assert_eq!(
        world.candidates().await?,
        [older.clone(), newer.clone()],
        "the newer of which is in latest-indexed"
    );
    world.answer().await?;
    let forget = |tag: &'static str| async move {
        store
            .forget_tag(world.org, world.repository, &parse(tag))
            .await
    };
    assert!(forget("2").await?);
    assert!(world.asked().await?.is_some());
    let left = world.candidates().await?;
    assert_eq!(left, std::slice::from_ref(&older));
    let known = store.known_tags(world.org, world.repository).await?;
    assert_eq!(known.len(), 1);

    world.answer().await?;
    assert!(!forget("2").await?, "it is gone already");
    assert!(!forget("3").await?, "it was never there");
    assert_eq!(world.list(&["1"]).await?, 0, "it does not go twice");
    assert_eq!(world.asked().await?, None);
    let seen = world.observe("2", "two", 9).await?;
    assert_eq!((seen.state, seen.is_new), (ArtifactState::Indexed, false));
    assert!(world.asked().await?.is_some());
    assert_eq!(world.candidates().await?, [older, newer]);
    Ok(())
}

/// Of a digest, those tags are told that exist and point to it now.
pub(super) async fn the_tags_of_a_digest_are_those_that_point_to_it(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    for tag in ["b", "a", "gone", "moved"] {
        world.observe(tag, "one", 2).await?;
    }
    world.observe("other", "two", 2).await?;
    world.observe("moved", "two", 3).await?;
    store
        .forget_tag(world.org, world.repository, &parse("gone"))
        .await?;
    let tags = |name: &'static str| async move {
        let digest = digest(name);
        let tags = store.tags_of_digest(world.org, world.repository, &digest);
        let tags: Vec<String> = tags.await?.iter().map(ToString::to_string).collect();
        Ok::<_, crate::Error>(tags)
    };
    assert_eq!(tags("one").await?, ["a", "b"]);
    assert_eq!(tags("two").await?, ["moved", "other"]);
    assert_eq!(tags("three").await?, [] as [&str; 0]);
    Ok(())
}

/// A tag that moved to what is no image does not stand for the image it pointed to before.
pub(super) async fn a_tag_that_moves_to_no_image_stands_for_nothing(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    let image = world.index("1", "image", 2, Vec::new()).await?;
    world.index("2", "image", 2, Vec::new()).await?;
    let first = ("1".to_owned(), vec![image], at(2));
    let second = ("2".to_owned(), vec![image], at(2));
    world.observe("1", "chart", 3).await?;
    let both = [first.clone(), second.clone()];
    assert_eq!(world.candidates().await?, both, "it is not known yet");
    world.answer().await?;
    let skipped = ArtifactOutcome::Skipped {
        reason: "a Helm chart".to_owned(),
    };
    let work = world.lease_one(3).await?;
    store.finish_index_work(&work, skipped, at(4)).await?;
    assert!(world.asked().await?.is_some());
    assert_eq!(world.candidates().await?, [second]);

    // What was looked at before is known at once.
    world.answer().await?;
    world.observe("2", "chart", 5).await?;
    assert!(world.asked().await?.is_some());
    assert_eq!(world.candidates().await?, []);
    // And what comes after it stands for itself.
    world.observe("2", "next", 6).await?;
    assert_eq!(world.candidates().await?, []);
    let next = world.index("2", "next", 6, Vec::new()).await?;
    assert_eq!(
        world.candidates().await?,
        [("2".to_owned(), vec![next], at(6))]
    );
    world.observe("1", "image", 7).await?;
    let back = ("1".to_owned(), vec![image], at(7));
    assert_eq!(world.candidates().await?.first(), Some(&back));
    Ok(())
}
