//! What Azure documents that it sends.

pub(super) const DIGEST: &str =
    "sha256:213bbc182920ab41e18edc2001e06abcca6735d87782d9cef68abd83941cf0e5";
pub(super) const TOPIC: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/\
                     providers/Microsoft.ContainerRegistry/registries/demo";

/// The event of "Azure Container Registry as an Event Grid source", with names filled in.
pub(super) fn pushed() -> String {
    format!(
        r#"[{{
          "id": "831e1650-001e-001b-66ab-eeb76e069631",
          "topic": "{TOPIC}",
          "subject": "aci-helloworld:v1",
          "eventType": "Microsoft.ContainerRegistry.ImagePushed",
          "eventTime": "2018-04-25T21:39:47.6549614Z",
          "data": {{
            "id": "31c51664-e5bd-416a-a5df-e5206bc47ed0",
            "timestamp": "2018-04-25T21:39:47.276585742Z",
            "action": "push",
            "target": {{
              "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
              "size": 3023,
              "digest": "{DIGEST}",
              "length": 3023,
              "repository": "aci-helloworld",
              "tag": "v1"
            }},
            "request": {{
              "id": "7c66f28b-de19-40a4-821c-6f5f6c0003a4",
              "host": "demo.azurecr.io",
              "method": "PUT",
              "useragent": "docker/18.03.0-ce go/go1.9.4 UpstreamClient(\\\\(windows\\\\))"
            }}
          }},
          "dataVersion": "1.0",
          "metadataVersion": "1"
        }}]"#
    )
}

/// The same page's other event.
pub(super) fn deleted() -> String {
    format!(
        r#"[{{
          "id": "f06e3921-301f-42ec-b368-212f7d5354bd",
          "topic": "{TOPIC}",
          "subject": "aci-helloworld",
          "eventType": "Microsoft.ContainerRegistry.ImageDeleted",
          "eventTime": "2018-04-26T17:56:01.8211268Z",
          "data": {{
            "id": "f06e3921-301f-42ec-b368-212f7d5354bd",
            "timestamp": "2018-04-26T17:56:00.996603117Z",
            "action": "delete",
            "target": {{
              "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
              "digest": "{DIGEST}",
              "repository": "aci-helloworld"
            }},
            "request": {{
              "id": "aeda5b99-4197-409f-b8a8-ff539edb7de2",
              "host": "demo.azurecr.io",
              "method": "DELETE",
              "useragent": "python-requests/2.18.4"
            }}
          }},
          "dataVersion": "1.0",
          "metadataVersion": "1"
        }}]"#
    )
}

/// Turns an event of Event Grid's schema into one of CloudEvents, as the same page shows both.
pub(super) fn cloud(event: &str) -> String {
    event
        .replace("\"topic\"", "\"source\"")
        .replace("\"eventType\"", "\"type\"")
        .replace("\"eventTime\"", "\"time\"")
        .replace("\"dataVersion\": \"1.0\",", "\"specversion\": \"1.0\"")
        .replace("\"metadataVersion\": \"1\"", "")
}

pub(super) fn single(array: &str) -> String {
    array.trim_matches(['[', ']']).to_owned()
}

/// The example of "Azure Container Registry webhook reference".
pub(super) fn native(action: &str, target: &str) -> String {
    format!(
        r#"{{
          "id": "cb8c3971-9adc-488b-bdd8-43cbb4974ff5",
          "timestamp": "2017-11-17T16:52:01.343145347Z",
          "action": "{action}",
          "target": {target},
          "request": {{
            "id": "3cbb6949-7549-4fa1-86cd-a6d5451dffc7",
            "host": "demo.azurecr.io",
            "method": "PUT",
            "useragent": "docker/17.09.0-ce go/go1.8.3 git-commit/afdb6d4"
          }}
        }}"#
    )
}

pub(super) fn target(more: &str) -> String {
    format!(
        r#"{{"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "size": 524,
        "digest": "{DIGEST}", "length": 524, "repository": "team/hello-world"{more}}}"#
    )
}

pub(super) fn validation() -> String {
    r#"[{
      "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
      "topic": "/subscriptions/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
      "subject": "",
      "data": {
        "validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6",
        "validationUrl": "https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/estest/validate?id=512d38b6-c7b8-40c8-89fe-f46f9e9622b6&t=2018-04-26T20:30:54.4538837Z&apiVersion=2018-05-01-preview&token=1A1A1A1A"
      },
      "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
      "eventTime": "2018-01-25T22:12:19.4556811Z",
      "metadataVersion": "1",
      "dataVersion": "1"
    }]"#
    .to_owned()
}
