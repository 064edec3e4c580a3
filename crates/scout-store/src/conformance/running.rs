//! Rules for what runs: the shares of environments, and how they join what is analyzed.

use scout_envs::{Digest, EnvironmentName};

use super::environments::member;
use super::sample::{World, assert_refused, at, digest, image, parse, repositories};
use crate::error::Result;
use crate::id::ImageId;
use crate::model::artifact::{ArtifactOutcome, FoundImage};
use crate::model::runtime::{
    MAX_PACKAGES_IN_USE, MAX_SHARE_IMAGES, RunningImageRecord, RunningPackage, RunningStatus,
    RunningWorkload, ShareRecord, WaitingReason,
};
use crate::model::tag::Observation;
use crate::model::work::WorkClass;
use crate::store::Store;

fn by_manifest(name: &str) -> RunningImageRecord {
    RunningImageRecord {
        manifest: Some(digest(name)),
        ..RunningImageRecord::default()
    }
}

fn by_config(name: &str) -> RunningImageRecord {
    RunningImageRecord {
        image_id: Some(digest(&format!("{name} config"))),
        ..RunningImageRecord::default()
    }
}

fn from(mut image: RunningImageRecord, reference: &str) -> RunningImageRecord {
    image.reference = Some(reference.to_owned());
    image
}

fn package(name: &str) -> RunningPackage {
    RunningPackage {
        name: name.to_owned(),
        version: "1".to_owned(),
        purl: None,
    }
}

fn workload(name: &str) -> RunningWorkload {
    RunningWorkload {
        kind: "Deployment".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        container: "app".to_owned(),
    }
}

fn prod() -> EnvironmentName {
    parse("prod")
}

impl World<'_> {
    async fn sync(
        &self,
        source: &str,
        images: Vec<RunningImageRecord>,
        second: i64,
    ) -> Result<ShareRecord> {
        self.store
            .replace_share(self.org, &prod(), source, images, at(second))
            .await
    }

    /// The images in the environment, sorted.
    async fn members(&self) -> Result<Vec<ImageId>> {
        let images = self.store.environment_images(self.org, &prod()).await?;
        let mut images: Vec<_> = images.into_iter().map(|image| image.image).collect();
        images.sort();
        let listed = self.store.environments(self.org).await?;
        let count = listed.first().map_or(0, |environment| environment.images);
        assert_eq!(count, images.len() as u64, "{listed:?}");
        let judged = self.store.judge_input(self.org).await?.environments;
        assert_eq!(judged.len(), images.len(), "{judged:?}");
        Ok(images)
    }

    /// Why each image waits that does.
    async fn waiting(&self) -> Result<Vec<(WaitingReason, Option<String>)>> {
        let running = self.store.running_images(self.org, &prod()).await?;
        let waiting = running.into_iter().filter_map(|image| match image.status {
            RunningStatus::Waiting { reason, detail } => Some((reason, detail)),
            RunningStatus::Joined(_) => None,
        });
        Ok(waiting.collect())
    }

    /// Where the only image that runs was found: the repository, and by which digest.
    async fn place(&self) -> Result<(String, Digest)> {
        let running = self.store.running_images(self.org, &prod()).await?;
        match running.as_slice() {
            [one] => match &one.status {
                RunningStatus::Joined(joined) => {
                    Ok((joined.repository.to_string(), joined.digest.clone()))
                }
                waiting => panic!("it waits: {waiting:?}"),
            },
            other => panic!("one image was expected, not {other:?}"),
        }
    }
}

/// A share is replaced and removed without the others; together they are the environment.
pub(super) async fn each_source_has_its_share(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    let two = world.index("2", "two", 3, Vec::new()).await?;
    let three = world.index("3", "three", 4, Vec::new()).await?;
    let all = vec![by_manifest("one"), by_manifest("two")];
    let share = world.sync("east", all, 10).await?;
    assert_eq!((share.images, share.waiting), (2, 0));
    assert_eq!((share.synced_at, share.failed_at), (Some(at(10)), None));
    world
        .sync("west", vec![by_manifest("two"), by_manifest("three")], 11)
        .await?;
    let manual = member(&world, "one", one);
    store
        .record_environment_image(world.org, &prod(), "manual", manual)
        .await?;
    assert_eq!(world.members().await?, [one, two, three], "each once");

    world.sync("east", vec![by_manifest("two")], 12).await?;
    assert_eq!(
        world.members().await?,
        [one, two, three],
        "recorded by hand"
    );
    let shares = store.shares(world.org).await?;
    let shown: Vec<_> = shares
        .iter()
        .map(|share| (share.source.as_str(), share.images, share.synced_at))
        .collect();
    let expected = [("east", 1, Some(at(12))), ("west", 2, Some(at(11)))];
    assert_eq!(shown, expected);

    assert!(store.remove_share(world.org, &prod(), "west").await?);
    assert!(!store.remove_share(world.org, &prod(), "west").await?);
    assert_eq!(world.members().await?, [one, two]);
    world.answer().await?;
    world.sync("east", Vec::new(), 13).await?;
    assert_eq!(world.members().await?, [one]);
    assert!(world.asked().await?.is_some());
    Ok(())
}

/// What cannot be found out now stays as it was, and has an age.
pub(super) async fn a_failed_sync_removes_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    let fail = |source, second| async move {
        let reason = "the token is refused";
        store
            .record_share_failure(world.org, &prod(), source, reason, at(second))
            .await
    };
    fail("never", 5).await?;
    world.sync("east", vec![by_manifest("one")], 10).await?;
    world.answer().await?;
    fail("east", 20).await?;
    fail("east", 30).await?;
    assert_eq!(world.members().await?, [one]);
    assert_eq!(world.asked().await?, None);
    let shown = |shares: Vec<ShareRecord>| -> Vec<_> {
        let shares = shares.into_iter();
        let parts = shares.map(|s| (s.source, s.images, s.synced_at, s.failed_at, s.failure));
        parts.collect()
    };
    let why = Some("the token is refused".to_owned());
    assert_eq!(
        shown(store.shares(world.org).await?),
        [
            (
                "east".to_owned(),
                1,
                Some(at(10)),
                Some(at(30)),
                why.clone()
            ),
            ("never".to_owned(), 0, None, Some(at(5)), why),
        ]
    );
    world.sync("east", vec![by_manifest("one")], 40).await?;
    let shares = shown(store.shares(world.org).await?);
    assert_eq!(
        shares.first(),
        Some(&("east".to_owned(), 1, Some(at(40)), None, None))
    );
    assert_eq!(world.asked().await?, None, "nothing is new");
    Ok(())
}

/// By that of the configuration, of the manifest or of the index, whatever it is called.
pub(super) async fn an_image_joins_by_any_of_its_digests(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.observe("1", "index", 2).await?;
    let work = world.lease_one(2).await?;
    let outcome = ArtifactOutcome::Platforms {
        images: vec![
            FoundImage::New(Box::new(image("amd", Vec::new()))),
            FoundImage::New(Box::new(image("arm", Vec::new()))),
        ],
        wanted: "all".to_owned(),
        reason: None,
    };
    store.finish_index_work(&work, outcome, at(3)).await?;
    let amd = store.image_by_manifest(&digest("amd"), 3).await?;
    let arm = store.image_by_manifest(&digest("arm"), 3).await?;
    let (Some(amd), Some(arm)) = (amd, arm) else {
        panic!("they were not indexed");
    };
    let both = RunningImageRecord {
        image_id: by_config("arm").image_id,
        ..by_manifest("index")
    };
    let mistaken = RunningImageRecord {
        image_id: Some(digest("amd")),
        ..RunningImageRecord::default()
    };
    let elsewhere = RunningImageRecord {
        manifest: Some(digest("packed anew")),
        ..by_config("amd")
    };
    for (image, expected, shown) in [
        (by_manifest("amd"), vec![amd], "amd"),
        (by_config("arm"), vec![arm], "arm"),
        (by_manifest("index"), vec![amd, arm], "index"),
        (both, vec![arm], "index"),
        (mistaken, vec![amd], "amd"),
        (elsewhere, vec![amd], "amd"),
    ] {
        world.sync("east", vec![image.clone()], 10).await?;
        assert_eq!(world.members().await?, expected, "{image:?}");
        let place = ("team/app".to_owned(), digest(shown));
        assert_eq!(world.place().await?, place, "{image:?}");
    }
    Ok(())
}

/// In several repositories, that of the pull reference counts, else the first by name.
pub(super) async fn an_image_counts_where_it_was_pulled_from(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let id = world.index("1", "one", 2, Vec::new()).await?;
    let listed = repositories(&["a/mirror", "z/mirror"]);
    let records = store
        .record_repositories(world.org, world.registry, &listed, false, true, at(3))
        .await?;
    for record in records {
        let there = World {
            repository: record.id,
            ..world
        };
        let observation = Observation {
            wanted: Some(WorkClass::Event),
            ..World::observation("1", "one", 4)
        };
        there.observe_as(observation).await?;
        let work = there.lease_one(4).await?;
        let outcome = ArtifactOutcome::Indexed(vec![FoundImage::Known(id)]);
        store.finish_index_work(&work, outcome, at(5)).await?;
    }
    for (reference, expected) in [
        ("localhost:5000/z/mirror:1", "z/mirror"),
        ("localhost:5000/team/app", "team/app"),
        ("localhost:5000/team/app:gone", "team/app"),
        ("elsewhere.example/z/mirror:1", "a/mirror"),
        ("z/mirror:1", "a/mirror"),
        ("what is this", "a/mirror"),
    ] {
        for image in [by_manifest("one"), by_config("one")] {
            world.sync("east", vec![from(image, reference)], 10).await?;
            assert_eq!(world.place().await?.0, expected, "{reference}");
            assert_eq!(world.members().await?, [id]);
        }
    }
    let tags = store.environment_images(world.org, &prod()).await?;
    assert!(tags.iter().all(|image| image.tag.is_none()));
    world
        .sync(
            "east",
            vec![from(by_config("one"), "localhost:5000/z/mirror:2")],
            11,
        )
        .await?;
    let tags = store.environment_images(world.org, &prod()).await?;
    let tags: Vec<_> = tags.into_iter().map(|image| image.tag).collect();
    assert_eq!(tags, [Some(parse("2"))], "as it was pulled");
    Ok(())
}

/// Who tells only a name means what its tag points to now.
pub(super) async fn an_image_without_a_digest_is_what_its_tag_points_to(
    store: &dyn Store,
) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("latest", "one", 2, Vec::new()).await?;
    let two = world.index("2", "two", 3, Vec::new()).await?;
    let named = |reference| from(RunningImageRecord::default(), reference);
    for (reference, expected) in [
        ("localhost:5000/team/app", Some(one)),
        ("localhost:5000/team/app:latest", Some(one)),
        ("localhost:5000/team/app:2", Some(two)),
        ("localhost:5000/team/app:3", None),
        ("localhost:5000/team/other:2", None),
        ("team/app:2", None),
        ("not a reference", None),
    ] {
        world.sync("list", vec![named(reference)], 10).await?;
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(world.members().await?, expected, "{reference}");
    }
    Ok(())
}

/// Each reason for which an image is not analyzed is told.
pub(super) async fn what_is_not_analyzed_waits_with_its_reason(store: &dyn Store) -> Result<()> {
    let world = World::new(store).await?;
    world.observe("old", "old", 0).await?;
    world.list(&["old"]).await?;
    world.observe("waiting", "waiting", 9).await?;
    let ended = |name: &'static str, outcome| async move {
        world.observe(name, name, 2).await?;
        let work = world.lease_one(2).await?;
        store.finish_index_work(&work, outcome, at(3)).await
    };
    let reason = |text: &str| text.to_owned();
    let platforms = ArtifactOutcome::Platforms {
        images: Vec::new(),
        wanted: "linux/amd64".to_owned(),
        reason: Some(reason("it is for s390x")),
    };
    ended("other", platforms).await?;
    let damaged = ArtifactOutcome::Failed {
        reason: reason("it is damaged"),
        transient: false,
    };
    ended("failed", damaged).await?;
    let chart = ArtifactOutcome::Skipped {
        reason: reason("a Helm chart"),
    };
    ended("chart", chart).await?;
    let index = ArtifactOutcome::Platforms {
        images: vec![FoundImage::New(Box::new(image("amd", Vec::new())))],
        wanted: "linux/amd64".to_owned(),
        reason: None,
    };
    ended("index", index).await?;

    let tagged = |name: &str| {
        from(
            by_manifest("a platform"),
            &format!("localhost:5000/team/app:{name}"),
        )
    };
    let told = "of what its tag points to, linux/amd64 was wanted";
    for (image, expected, detail) in [
        (by_manifest("unknown"), WaitingReason::NeverSeen, None),
        (by_config("unknown"), WaitingReason::NeverSeen, None),
        (by_manifest("old"), WaitingReason::BelowBaseline, None),
        (by_manifest("waiting"), WaitingReason::Waiting, None),
        (
            by_manifest("other"),
            WaitingReason::OtherPlatform,
            Some("it is for s390x"),
        ),
        (
            by_manifest("failed"),
            WaitingReason::Failed,
            Some("it is damaged"),
        ),
        (
            by_manifest("chart"),
            WaitingReason::Skipped,
            Some("a Helm chart"),
        ),
        // Of what is part of an index only the tag is known.
        (tagged("old"), WaitingReason::BelowBaseline, None),
        (tagged("waiting"), WaitingReason::Waiting, None),
        (tagged("index"), WaitingReason::OtherPlatform, Some(told)),
        (tagged("unknown"), WaitingReason::NeverSeen, None),
    ] {
        let share = world.sync("east", vec![image.clone()], 10).await?;
        assert_eq!((share.images, share.waiting), (1, 1), "{image:?}");
        let detail = detail.map(str::to_owned);
        assert_eq!(world.waiting().await?, [(expected, detail)], "{image:?}");
        assert_eq!(world.members().await?, [], "no environment yet");
    }
    Ok(())
}

/// Its first analyzed image makes the environment, without another sync.
pub(super) async fn what_is_analyzed_later_joins_by_itself(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let share = world
        .sync("east", vec![by_config("one"), by_config("two")], 1)
        .await?;
    assert_eq!((share.images, share.waiting), (2, 2));
    assert_eq!(store.environments(world.org).await?, []);
    world.answer().await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    assert!(world.asked().await?.is_some());
    assert_eq!(world.members().await?, [one]);
    let shares = store.shares(world.org).await?;
    let counts: Vec<_> = shares.iter().map(|s| (s.images, s.waiting)).collect();
    assert_eq!(counts, [(2, 1)]);
    let reasons = world.waiting().await?;
    assert_eq!(reasons, [(WaitingReason::NeverSeen, None)]);
    Ok(())
}

/// The same said again, or by other workloads, is nothing to judge; something else is.
pub(super) async fn saying_the_same_again_asks_for_nothing(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.index("1", "one", 2, Vec::new()).await?;
    let run = |workloads: &[&str], packages: Option<&[&str]>| RunningImageRecord {
        workloads: workloads.iter().map(|name| workload(name)).collect(),
        packages_in_use: packages.map(|names| names.iter().map(|name| package(name)).collect()),
        ..by_manifest("one")
    };
    world.answer().await?;
    for (images, asks) in [
        (vec![run(&["a"], None)], true),
        (vec![run(&["a"], None)], false),
        (vec![run(&["b"], None), run(&["a"], None)], false),
        (vec![run(&["a", "b", "b"], None)], false),
        (vec![run(&["a"], Some(&["bash"]))], true),
        (
            vec![run(&["a"], Some(&[])), run(&["a"], Some(&["bash", "bash"]))],
            false,
        ),
        (vec![run(&["a"], Some(&["zlib"]))], true),
        (vec![run(&["a"], None)], true),
        (Vec::new(), true),
        (Vec::new(), false),
    ] {
        let shown = format!("{images:?}");
        world.sync("east", images, 10).await?;
        assert_eq!(world.asked().await?.is_some(), asks, "{shown}");
        world.answer().await?;
    }
    world
        .sync("east", vec![run(&["b"], None), run(&["a"], None)], 20)
        .await?;
    world.sync("east", vec![run(&["c", "a"], None)], 30).await?;
    let running = store.running_images(world.org, &prod()).await?;
    let [one] = running.as_slice() else {
        panic!("one image was expected, not {running:?}");
    };
    assert_eq!(one.image, run(&["a", "c"], None));
    assert_eq!((one.source.as_str(), one.since), ("east", at(20)));
    Ok(())
}

/// What is in use is known of an image in an environment once somebody looked.
pub(super) async fn packages_in_use_are_those_that_any_source_saw(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    world.index("2", "two", 3, Vec::new()).await?;
    let seen = |mut image: RunningImageRecord, names: &[&str]| {
        image.packages_in_use = Some(names.iter().map(|name| package(name)).collect());
        image
    };
    let east = vec![
        seen(by_manifest("one"), &["zlib", "bash"]),
        by_manifest("two"),
        seen(by_manifest("unknown"), &["lost"]),
    ];
    world.sync("east", east, 10).await?;
    world
        .sync("west", vec![seen(by_config("one"), &["curl", "bash"])], 10)
        .await?;
    let input = store.judge_input(world.org).await?;
    let shown: Vec<_> = input
        .in_use
        .iter()
        .map(|seen| {
            let names = seen.packages.iter().map(|package| package.name.as_str());
            (
                seen.environment.clone(),
                seen.image,
                names.collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(shown, [(prod(), one, vec!["bash", "curl", "zlib"])]);
    assert_eq!(input.environments.len(), 2);
    Ok(())
}

/// What runs counts although its tag was deleted.
pub(super) async fn what_runs_without_a_tag_is_listed_and_judged(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    world.index("2", "two", 2, Vec::new()).await?;
    world.sync("east", vec![by_config("one")], 10).await?;
    world.list(&[]).await?;
    world.list(&[]).await?;
    let artifacts = store.artifacts(world.org, None).await?;
    let shown: Vec<_> = artifacts
        .iter()
        .map(|a| (&a.digest, a.tags.len()))
        .collect();
    assert_eq!(shown, [(&digest("one"), 0)]);
    let input = store.judge_input(world.org).await?;
    let images: Vec<_> = input.images.iter().map(|image| image.id).collect();
    assert_eq!((images, input.tags.len()), (vec![one], 0));
    Ok(())
}

/// What another organization analyzed is not told, and its shares are its own.
pub(super) async fn a_share_belongs_to_one_organization(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    world.index("1", "one", 2, Vec::new()).await?;
    let rival = World::of(store, "rival").await?;
    let share = rival.sync("east", vec![by_config("one")], 3).await?;
    assert_eq!(share.waiting, 1);
    assert_eq!(rival.waiting().await?, [(WaitingReason::NeverSeen, None)]);
    assert_eq!(world.members().await?, []);
    assert_eq!(store.shares(world.org).await?, []);
    assert!(!store.remove_share(world.org, &prod(), "east").await?);
    assert_eq!(store.shares(rival.org).await?.len(), 1);
    Ok(())
}

/// What is too much, or makes no sense, changes nothing.
pub(super) async fn a_share_is_bounded(store: &dyn Store) -> Result<()> {
    let world = World::watching(store).await?;
    let one = world.index("1", "one", 2, Vec::new()).await?;
    world.sync("east", vec![by_manifest("one")], 3).await?;
    let nothing = vec![RunningImageRecord::default()];
    assert_refused(world.sync("east", nothing, 4).await);
    let many = (0..=MAX_SHARE_IMAGES).map(|number| {
        let reference = format!("localhost:5000/team/app:{number}");
        from(RunningImageRecord::default(), &reference)
    });
    assert_refused(world.sync("east", many.collect(), 4).await);
    assert_eq!(world.members().await?, [one]);
    // A part of what is in use would say that the rest is not.
    for (count, is_kept) in [
        (MAX_PACKAGES_IN_USE, true),
        (MAX_PACKAGES_IN_USE + 1, false),
    ] {
        let mut image = by_manifest("one");
        let packages = (0..count).map(|number| package(&format!("package-{number}")));
        image.packages_in_use = Some(packages.collect());
        world.sync("east", vec![image], 4).await?;
        let input = store.judge_input(world.org).await?;
        let kept = input.in_use.first().map(|seen| seen.packages.len());
        assert_eq!(kept, is_kept.then_some(count));
    }
    let long = "é".repeat(10_000);
    store
        .record_share_failure(world.org, &prod(), "east", &long, at(5))
        .await?;
    let shares = store.shares(world.org).await?;
    let kept = shares.first().and_then(|share| share.failure.as_ref());
    assert_eq!(kept.map(String::len), Some(2_000));
    Ok(())
}
