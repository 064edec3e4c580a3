use super::*;

#[test]
fn names_and_versions_are_told_apart() {
    for (file, name, version) in [
        ("guava-31.1-jre.jar", "guava", Some("31.1-jre")),
        ("log4j-1.2-api-2.14.1.jar", "log4j-1.2-api", Some("2.14.1")),
        ("spring-core-5.3.20.jar", "spring-core", Some("5.3.20")),
        ("foo-1.0-beta-2.jar", "foo", Some("1.0-beta-2")),
        ("foo-1.0-SNAPSHOT.war", "foo", Some("1.0-SNAPSHOT")),
        (
            "netty-epoll-4.1.100.Final-linux-x86_64.jar",
            "netty-epoll",
            Some("4.1.100.Final"),
        ),
        ("kafka_2.13-3.6.0.jar", "kafka_2.13", Some("3.6.0")),
        ("h2-2.1.214.jar", "h2", Some("2.1.214")),
        ("app.jar", "app", None),
        ("-1.jar", "", Some("1")),
        ("", "", None),
    ] {
        let found = FileName::parse(file);
        assert_eq!(found.name, name, "{file}");
        assert_eq!(found.version.as_deref(), version, "{file}");
    }
}

#[test]
fn what_maven_did_not_name_is_derived() {
    let sure = Certainty::Derived;
    for (file, manifest, root, expected) in [
        (
            "spring-beans-5.3.17.jar",
            "Implementation-Title: spring-beans\nImplementation-Version: 5.3.17\n",
            "org/springframework/beans",
            Some(("org.springframework:spring-beans", "5.3.17", sure)),
        ),
        (
            "spring-boot-test-2.6.1.jar",
            "Implementation-Version: 2.6.1\n",
            "org/springframework/boot/test",
            Some(("org.springframework.boot:spring-boot-test", "2.6.1", sure)),
        ),
        (
            "jackson-databind-2.9.8.jar",
            "Bundle-SymbolicName: com.fasterxml.jackson.core.jackson-databind\nBundle-Version: 2.9.8\n",
            "com/fasterxml/jackson/databind",
            Some(("com.fasterxml.jackson.core:jackson-databind", "2.9.8", sure)),
        ),
        (
            "maven-core-3.8.jar",
            "Bundle-SymbolicName: org.apache.maven.core\nBundle-Version: 3.8.0\n",
            "",
            Some(("org.apache.maven:maven-core", "3.8", sure)),
        ),
        (
            "git.hpi",
            "Short-Name: git\nGroup-Id: org.jenkins-ci.plugins\nPlugin-Version: 4.0 (private)\n",
            "",
            Some(("org.jenkins-ci.plugins:git", "4.0", sure)),
        ),
        (
            "a-1.0.Final.jar",
            "Bundle-Version: 1.0.0.Final\n",
            "a",
            Some(("a", "1.0.Final", sure)),
        ),
        ("lib-2.jar", "", "", Some(("lib", "2", Certainty::FileName))),
        (
            "app.jar",
            "Implementation-Title: My App\nImplementation-Version: 1\n",
            "",
            Some(("app", "1", sure)),
        ),
        ("app.jar", "Main-Class: x\n", "com/example/app", None),
        (".jar", "Implementation-Version: 1\n", "", None),
    ] {
        let file_name = FileName::parse(file);
        let manifest = Manifest::parse(manifest.as_bytes());
        let found = derive(&file_name, &manifest, Some(root));
        let expected =
            expected.map(|(name, version, sure)| (name.to_owned(), version.to_owned(), sure));
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn the_root_of_classes_is_where_they_part() {
    let root = |classes: &[&str]| {
        classes
            .iter()
            .filter(|class| is_class(class.as_bytes()))
            .fold(None, |root, class| common_root(root, class.as_bytes()))
    };
    for (classes, expected) in [
        (&["org/a/b/X.class", "org/a/c/Y.class"][..], Some("org/a")),
        (&["org/a/X.class", "org/ab/Y.class"], Some("org")),
        (&["org/a/X.class", "com/Y.class", "org/a/Z.class"], Some("")),
        (&["org/a/X.class", "org/a/X$1.class"], Some("org/a")),
        (
            &["module-info.class", "META-INF/versions/9/a/b/X.class"],
            None,
        ),
    ] {
        assert_eq!(root(classes).as_deref(), expected, "{classes:?}");
    }
}
