//! End-to-end tests of the workspace; see `it/main.rs`.
