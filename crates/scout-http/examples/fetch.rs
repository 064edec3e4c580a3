//! Fetches one address by Scout's HTTP rules and prints what came back.

use scout_http::{HttpClient, Request};

/// Longest body shown, in bytes: enough for any page a person wants to look at.
const LIMIT: u64 = 1024 * 1024;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example talks to a person")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(url) = std::env::args().nth(1) else {
        return Err("usage: fetch URL".into());
    };
    let client = HttpClient::builder("scout-http-example").build()?;
    let response = client.send(Request::get(url.parse()?)).await?;
    println!("{}", response.status());
    let body = response.bytes(LIMIT).await?;
    println!("{}", String::from_utf8_lossy(&body));
    Ok(())
}
