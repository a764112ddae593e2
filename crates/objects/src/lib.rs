//! Objects in buckets on a folder: `<root>/<bucket>/<key>`. Knows no service that uses them.
//!
//! A name never leads out of the root: every part of it is opened relative to the folder before it, and no link is
//! followed, so that nothing that others put into the folder in the meantime changes that. An object is written beside
//! its place and renamed, so that it is there whole or not at all.

mod folder;
mod name;

pub use folder::FolderObjects;
