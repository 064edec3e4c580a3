//! `scout enroll`.

use scout_config::SystemClock;
use scout_envs::OrgName;
use scout_platform::Clock as _;

use crate::arguments::DataDir;
use crate::output::print;

pub(crate) async fn enroll(org: &OrgName, data: &DataDir) -> anyhow::Result<()> {
    let store = scout_config::open_store(&data.data_dir)?;
    store.enroll(org, SystemClock.now()).await?;
    print(&format!("Organization {org} is enrolled.\n"))
}
