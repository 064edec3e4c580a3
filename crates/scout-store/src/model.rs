//! The values that go into a store and come out of it. No database type among them.

pub(crate) mod artifact;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod health;
pub(crate) mod image;
pub(crate) mod integration;
pub(crate) mod judgement;
pub(crate) mod notice;
pub(crate) mod organization;
pub(crate) mod repository;
pub(crate) mod runtime;
pub(crate) mod tag;
pub(crate) mod token;
pub(crate) mod work;
