//! Rounds of one registry: what is indexed, what it costs, what it counts.

use super::*;

#[tokio::test]
async fn the_first_sweep_is_the_baseline_and_later_pushes_are_indexed() {
    let house = House::new();
    house
        .registry
        .push("acme/app", "1", &[debian(&[("a", "1")])]);
    let report = house.once(false).await;
    assert!(report.sweep.took_baseline);
    assert_eq!((report.indexed, report.sweep.new_tags), (0, 1));
    assert_eq!(house.states().await[0].1, ArtifactState::BelowBaseline);

    // Pushed while no watcher runs; a repository that is new has no baseline.
    house
        .registry
        .push("acme/app", "2", &[debian(&[("a", "1"), ("b", "1")])]);
    house
        .registry
        .push("acme/new", "1", &[debian(&[("c", "1")])]);
    let report = house.once(false).await;
    assert_eq!((report.indexed, report.sweep.took_baseline), (2, false));
    assert_eq!(house.latest().await, [2, 1]);

    let report = house.once(true).await;
    assert_eq!(
        report.indexed, 1,
        "--all-images takes what is below the baseline"
    );
    assert_eq!(
        house.latest().await,
        [2, 1],
        "an older tag is not the newest"
    );
}

#[tokio::test]
async fn an_unchanged_registry_costs_one_question_a_tag() {
    let house = House::new();
    for tag in ["1", "2", "3"] {
        house
            .registry
            .push("acme/app", tag, &[debian(&[("a", tag)])]);
    }
    house.once(true).await;
    house.registry.asked();
    house.once(true).await;
    let asked = house.registry.asked();
    assert_eq!(
        (asked.resolved, asked.manifests, asked.blobs.len()),
        (3, 0, 0)
    );
}

#[tokio::test]
async fn a_shared_layer_is_fetched_once() {
    let house = House::new();
    let base = debian(&[("a", "1")]);
    for number in 0..10 {
        let own = layer(&[("srv/number", &number.to_string())]);
        house
            .registry
            .push("acme/app", &format!("v{number}"), &[base.clone(), own]);
    }
    house.once(true).await;
    let asked = house.registry.asked();
    assert_eq!(asked.blobs[&digest(&base)], 1);
    assert!(asked.blobs.values().all(|&times| times == 1), "{asked:?}");

    let own = layer(&[("srv/number", "new")]);
    house
        .registry
        .push("acme/app", "v10", &[base.clone(), own.clone()]);
    house.once(true).await;
    let asked = house.registry.asked();
    assert!(
        !asked.blobs.contains_key(&digest(&base)),
        "a known layer is not fetched again"
    );
    assert_eq!(asked.blobs.len(), 2, "the new layer and the configuration");
}

#[tokio::test]
async fn a_damaged_image_fails_with_its_reason_and_harms_nothing_else() {
    let house = House::new();
    house
        .registry
        .push("acme/app", "1", &[debian(&[("a", "1")])]);
    house.once(true).await;
    let mut damaged = debian(&[("a", "1"), ("b", "2")]);
    damaged.truncate(1024 + 512 + 60);
    house.registry.push("acme/app", "2", &[damaged]);
    let other = debian(&[("x", "1")]);
    house.registry.push_claiming(
        "acme/claims",
        "1",
        std::slice::from_ref(&other),
        &[digest(b"other")],
    );
    house.registry.push("acme/good", "1", &[other]);
    let report = house.once(true).await;
    assert_eq!((report.indexed, report.failed), (1, 2));
    let states = house.states().await;
    let failed: Vec<_> = states
        .iter()
        .filter(|state| state.1 == ArtifactState::Failed)
        .collect();
    assert_eq!(failed.len(), 2, "{states:?}");
    assert!(
        failed[0].2.as_ref().unwrap().contains("damaged"),
        "{failed:?}"
    );
    assert!(
        failed[1]
            .2
            .as_ref()
            .unwrap()
            .contains("the configuration says"),
        "{failed:?}"
    );
    assert_eq!(
        house.latest().await,
        [1, 1],
        "the newest that was analyzed stays"
    );

    house.registry.asked();
    let report = house.once(true).await;
    assert_eq!(report.failed, 0, "what is damaged is not read again");
    assert!(house.registry.asked().blobs.is_empty());
}

#[tokio::test]
async fn a_tag_gone_from_two_listings_falls_back() {
    let house = House::new();
    house
        .registry
        .push("acme/app", "1", &[debian(&[("a", "1")])]);
    house.once(true).await;
    house
        .registry
        .push("acme/app", "2", &[debian(&[("a", "1"), ("b", "1")])]);
    house.once(true).await;
    assert_eq!(house.latest().await, [2]);
    house.registry.remove("acme/app", "2");
    assert_eq!(
        house.once(true).await.sweep.gone_tags,
        0,
        "one listing proves nothing"
    );
    assert_eq!(house.latest().await, [2]);
    assert_eq!(house.once(true).await.sweep.gone_tags, 1);
    assert_eq!(house.latest().await, [1]);
}

#[tokio::test]
async fn without_advisories_nothing_is_clean() {
    let house = House::new();
    house
        .registry
        .push("acme/app", "1", &[debian(&[("a", "1")])]);
    house.once(true).await;
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let summary = Reader::new(Arc::clone(&store))
        .summary(&org, None)
        .await
        .unwrap();
    assert_eq!(summary.images[0].vulnerabilities, None);
    assert_eq!(summary.streams[0].vulnerabilities, None);
    assert_eq!(summary.missing_feeds[0].folder, "Debian");
    let text = summary.to_string();
    assert!(
        text.contains("not judged") && text.contains("curl"),
        "{text}"
    );
    let root = summary.streams[0]
        .policies
        .iter()
        .find(|p| p.evaluated > 0)
        .unwrap();
    assert_eq!(root.display_name, "Default non-root user");
}

#[tokio::test]
async fn an_empty_registry_is_known_to_be_empty() {
    let house = House::new();
    house.once(true).await;
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let snapshot = store.snapshot(org.id).await.unwrap();
    let counts = snapshot.map(|snapshot| snapshot.streams[0].vulnerabilities);
    assert_eq!(counts, Some(Some(SeverityCounts::default())));
}

#[tokio::test]
async fn only_analyzed_images_join_an_environment() {
    let house = House::new();
    house
        .registry
        .push("acme/app", "1", &[debian(&[("a", "1")])]);
    house.once(false).await;
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let production = "production".parse().unwrap();
    let image = "acme/app:1".parse().unwrap();
    let clock = house.clock.as_ref();
    let error = assign(store.as_ref(), &org, &production, &image, clock)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("--all-images"), "{error}");
    assert!(store.environments(org.id).await.unwrap().is_empty());

    house.once(true).await;
    assign(store.as_ref(), &org, &production, &image, clock)
        .await
        .unwrap();
    assert_eq!(store.environments(org.id).await.unwrap()[0].images, 1);
    let unknown = "acme/other:1".parse().unwrap();
    assert!(
        assign(store.as_ref(), &org, &production, &unknown, clock)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_was_found_counts_although_a_feed_is_gone_and_something_new_is_unknown() {
    let house = House::new();
    write_dump(
        &house.advisories(),
        "Debian",
        &[critical("CVE-2024-0001", "a")],
    );
    house
        .registry
        .push("acme/app", "1", &[debian(&[("a", "1")])]);
    house.once_with_advisories().await;
    assert_eq!(house.severities().await.unwrap(), "1C 0H 0M 0L 0U");

    fs::remove_dir_all(house.advisories().join("Debian")).unwrap();
    house
        .registry
        .push("acme/app", "2", &[debian(&[("a", "1"), ("new", "1")])]);
    house.once_with_advisories().await;
    assert_eq!(house.severities().await.unwrap(), "1C 0H 0M 0L 0U");
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let summary = Reader::new(store).summary(&org, None).await.unwrap();
    assert!(
        summary.images.iter().any(|image| image.partial),
        "{summary}"
    );
}

#[tokio::test]
async fn changed_advisories_change_findings_without_asking_the_registry() {
    let house = House::new();
    write_dump(
        &house.advisories(),
        "Debian",
        &[critical("CVE-2024-0001", "b")],
    );
    house
        .registry
        .push("acme/app", "1", &[debian(&[("a", "1")])]);
    house.once_with_advisories().await;
    assert_eq!(house.severities().await.unwrap(), "0C 0H 0M 0L 0U");
    house.registry.asked();
    write_dump(
        &house.advisories(),
        "Debian",
        &[critical("CVE-2024-0002", "a")],
    );
    house.once_with_advisories().await;
    assert_eq!(house.severities().await.unwrap(), "1C 0H 0M 0L 0U");
    let asked = house.registry.asked();
    assert_eq!((asked.manifests, asked.blobs.len()), (0, 0));
}

#[tokio::test]
async fn an_image_for_other_platforms_is_unknown_until_its_platform_is_wanted() {
    let house = House::new();
    write_dump(
        &house.advisories(),
        "Debian",
        &[critical("CVE-2024-0001", "a")],
    );
    let images = [
        ("arm64", debian(&[("a", "1")])),
        ("s390x", debian(&[("a", "2")])),
    ];
    house.registry.push_index("acme/app", "1", &images);
    house.once_with_advisories().await;
    assert_eq!(house.states().await[0].1, ArtifactState::OtherPlatform);
    assert_eq!(house.severities().await, None, "not a clean zero");

    for (platforms, expected) in [
        ("linux/arm64", "1C 0H 0M 0L 0U"),
        ("linux/s390x", "0C 0H 0M 0L 0U"),
        ("all", "1C 0H 0M 0L 0U"),
    ] {
        let source = AdvisorySource::new(house.advisories());
        house
            .run(true, platforms.parse().unwrap(), Some(source))
            .await;
        assert_eq!(
            house.severities().await.as_deref(),
            Some(expected),
            "{platforms}"
        );
    }
    assert_eq!(house.latest().await, [1, 1]);
}

#[tokio::test]
async fn an_empty_package_database_is_not_clean() {
    let house = House::new();
    write_dump(
        &house.advisories(),
        "Debian",
        &[critical("CVE-2024-0001", "a")],
    );
    house.registry.push("acme/app", "1", &[debian(&[])]);
    house.once_with_advisories().await;
    assert_eq!(house.severities().await, None);
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let summary = Reader::new(store).summary(&org, None).await.unwrap();
    assert!(summary.to_string().contains("lists nothing"), "{summary}");
}
