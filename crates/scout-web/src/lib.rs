//! Routes: metrics endpoint, health, own metrics.
