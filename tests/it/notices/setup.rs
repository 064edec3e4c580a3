//! Setting up a channel, as a new user does.

use super::*;

#[test]
fn a_channel_is_tested_before_it_is_saved() {
    let receiver = Receiver::at(0);
    let house = House::watched(&receiver);
    let added = house.add_slack(&["repository=team/*"]).expect_code(0);
    added.says("127.0.0.1").says("a test message was taken");
    added.says("Chosen are 1 of the 1 repositories");
    let taken = receiver.taken();
    let text = taken[0]["text"].as_str().unwrap();
    assert!(text.contains("this is a test"), "{text}");
    let tested = house.integration(&["test", "--name", "team"]);
    tested.expect_code(0).says("a test message was taken");
    assert_eq!(receiver.taken().len(), 1);
    let listed = house.integration(&["list"]).expect_code(0);
    listed.says("WAITING").says("env:SLACK_URL");
    let channel = house.channel();
    assert_eq!(
        (&channel["family"], &channel["waiting"]),
        (&json!("channel"), &json!(0))
    );
    // What was there before is not told.
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), Vec::<Value>::new());

    let removed = house.integration(&["remove", "--name", "team"]);
    removed.expect_code(0).says("nobody is told");
    house.advise(5);
    house.watch().expect_code(0);
    assert_eq!(receiver.taken(), Vec::<Value>::new());
}

#[test]
fn a_channel_that_does_not_work_is_not_saved() {
    let receiver = Receiver::at(0);
    let house = House::watched(&receiver);
    for (status, body, words) in [
        (404, "no_service", "make a new webhook"),
        (403, "action_prohibited", "administrator"),
        (410, "channel_is_archived", "unarchive"),
        (
            200,
            "<html>Sign in: /services/T0000/B0000/canary</html>",
            "check the address",
        ),
    ] {
        receiver.trouble(Some((status, "", body)));
        let refused = house.add_slack(&[]).expect_code(1);
        refused.says("nothing was saved").says(words);
    }
    receiver.trouble(None);
    for (parameter, words) in [
        ("severity=low", "high (critical and high) or critical"),
        ("repo=a", "the keys are type, url, repository"),
        ("include=[", "is not a glob"),
    ] {
        house.add_slack(&[parameter]).expect_code(64).says(words);
    }
    let literal = format!("url={}", receiver.slack_url());
    let arguments = ["add", "slack", "--name", "team", "--parameter", &literal];
    house
        .integration(&arguments)
        .expect_code(64)
        .says("env:NAME");
    let listed = house.integration(&["list"]).expect_code(0);
    listed.says("no such integration");
    let mistyped = house.add_slack(&["repository=app"]).expect_code(0);
    mistyped.says("None of the 1 repositories").says("team/app");
}

#[test]
fn a_channel_of_the_configuration_file_is_told_too() {
    let receiver = Receiver::at(0);
    let house = House::watched(&receiver);
    let file = house.advisories.path().join("scout.toml");
    let text = format!(
        "[[integration]]\nname = \"dir\"\ntype = \"oci-dir\"\npath = \"{}\"\n\n\
         [[integration]]\nname = \"team\"\ntype = \"slack\"\nurl = \"env:SLACK_URL\"\n",
        house.layout.path().display()
    );
    fs::write(&file, text).unwrap();
    let watch = || {
        let mut command = program::ours("scout-watch");
        command.args(["--org", "acme", "--once", "--all-images", "--data-dir"]);
        command.arg(house.scout.dir()).arg("--config").arg(&file);
        command.arg("--advisories").arg(house.advisories.path());
        house.with_secrets(&mut command);
        program::wait(command, program::DEADLINE).expect_code(0);
    };
    watch();
    assert_eq!(receiver.taken(), Vec::<Value>::new());
    house.advise(2);
    watch();
    assert!(only_title(&receiver.taken()).contains("1 new critical vulnerability"));
}
