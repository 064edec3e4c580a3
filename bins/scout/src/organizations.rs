//! `scout enroll` and `scout environment`.

use anyhow::bail;
use scout_config::SystemClock;
use scout_envs::{EnvironmentName, ImageReference, OrgName};
use scout_platform::{Clock as _, JudgeOutcome};

use crate::arguments::{DataDir, Org};
use crate::output::print;

pub(crate) async fn enroll(org: &OrgName, data: &DataDir) -> anyhow::Result<()> {
    let store = scout_config::open_store(&data.data_dir)?;
    store.enroll(org, SystemClock.now()).await?;
    print(&format!("Organization {org} is enrolled.\n"))
}

pub(crate) async fn environment(
    org: &Org,
    name: Option<EnvironmentName>,
    image: Option<ImageReference>,
) -> anyhow::Result<()> {
    let store = crate::open(&org.data)?;
    let organization = scout_platform::organization(store.as_ref(), &org.org).await?;
    let Some(name) = name else {
        let names: String = store
            .environments(organization.id)
            .await?
            .into_iter()
            .map(|environment| format!("{}\n", environment.name))
            .collect();
        return print(&names);
    };
    let Some(image) = image else {
        let lines = scout_platform::environment_lines(store.as_ref(), &organization, &name).await?;
        if lines.is_empty() {
            bail!(
                "organization {} has no environment {name}; `scout environment {name} IMAGE` \
                 records an image in it",
                org.org
            );
        }
        return print(
            &lines
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>(),
        );
    };
    let digests =
        scout_platform::assign(store.as_ref(), &organization, &name, &image, &SystemClock).await?;
    let when = match crate::judge(store).await? {
        JudgeOutcome::ElsewhereHeld => "; the running watcher judges it",
        _ => "",
    };
    print(&format!(
        "{image} ({}) is recorded in environment {name}{when}.\n",
        digests.join(", ")
    ))
}
