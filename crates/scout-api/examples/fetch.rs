//! Prints an organization's metrics: `fetch BASE_URL ORG TOKEN_FILE`.

use scout_api::ScoutClient;
use scout_http::HttpClient;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "what the example is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(base), Some(org), Some(file)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: fetch BASE_URL ORG TOKEN_FILE".into());
    };
    let token = std::fs::read_to_string(file)?.into();
    let http = HttpClient::builder("scout-api-example").build()?;
    let client = ScoutClient::new(http, base.parse()?, &token)?;
    let metrics = client.metrics(&org.parse()?).await?;
    print!("{}", String::from_utf8_lossy(&metrics.body));
    Ok(())
}
