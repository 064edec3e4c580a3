//! Images by the names that people write and read.

use super::*;
use crate::error::Error;

#[tokio::test]
async fn an_image_has_the_name_it_is_pulled_by() {
    let house = House {
        others: vec![Arc::new(MemoryRegistry::written_as(
            "example.test",
            "docker-local.example.test",
        ))],
        ..House::new()
    };
    house.push("team/app", "1", 1);
    house.push_to(1, "team/app", "1", 2);
    house.push_to(1, "team/only", "1", 3);
    let manner = Manner {
        all_images: true,
        ..Manner::default()
    };
    round(&house.watcher(manner).await).await;
    let store = house.store();
    let org = house.org(store.as_ref()).await;
    let reader = Reader::new(Arc::clone(&store));

    let names: Vec<String> = reader
        .images(&org, &[])
        .await
        .unwrap()
        .iter()
        .map(|line| line.name())
        .collect();
    assert_eq!(
        names,
        [
            "docker-local.example.test/team/app:1",
            "docker-local.example.test/team/only:1",
            "registry.test/team/app:1",
        ]
    );
    let plain = reader.images(&org, &[]).await.unwrap().pop().unwrap();
    let plain = serde_json::to_value(plain).unwrap();
    assert!(plain.get("reference").is_none(), "{plain}");
    let summary = reader.summary(&org, None).await.unwrap();
    let shown: Vec<&str> = summary.images.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(shown, names, "of several registries, names begin with it");
    let one = reader.summary(&org, Some("registry.test")).await.unwrap();
    let shown: Vec<&str> = one.images.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(shown, ["team/app:1"]);

    for (image, packages) in [
        ("docker-local.example.test/team/app:1", 2),
        ("example.test/team/app:1", 2),
        ("registry.test/team/app:1", 1),
        ("team/only:1", 3),
    ] {
        let reports = reader.sbom(&org, &image.parse().unwrap()).await.unwrap();
        assert_eq!(reports[0].packages.len(), packages, "{image}");
    }
    for image in ["other.example.test/team/app:1", "registry.test/team/only:1"] {
        let error = reader
            .sbom(&org, &image.parse().unwrap())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::UnknownImage { .. }), "{error}");
    }
    let error = reader
        .sbom(&org, &"team/app:1".parse().unwrap())
        .await
        .unwrap_err()
        .to_string();
    for candidate in [
        "docker-local.example.test/team/app@",
        "registry.test/team/app@",
    ] {
        assert!(error.contains(candidate), "{error}");
    }

    let production = "production".parse().unwrap();
    for image in [
        "docker-local.example.test/team/app:1",
        "registry.test/team/app:1",
    ] {
        let image = image.parse().unwrap();
        assign(
            store.as_ref(),
            &org,
            &production,
            &image,
            house.clock.as_ref(),
        )
        .await
        .unwrap();
    }
    let report = Reader::new(Arc::clone(&store))
        .environment(&org, &production)
        .await
        .unwrap();
    let lines: Vec<String> = report.images.into_iter().map(|one| one.image).collect();
    assert_eq!(lines.len(), 2);
    for name in ["docker-local.example.test/team/app:1@", "team/app:1@"] {
        assert!(lines.iter().any(|line| line.starts_with(name)), "{lines:?}");
    }
}
