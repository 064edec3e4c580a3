//! The file tree of an image while its layers are applied, as the runtimes would on a disk.
//!
//! Nothing is ever searched by walking: a removed directory is only cut off from its parent, and
//! what was below it cannot be reached any more.

use std::collections::HashMap;

/// Most symbolic links followed for one path: 40, as Linux does.
const MAX_HOPS: u32 = 40;
/// Longest path while links are followed, in bytes: twice what Linux can open.
const MAX_PATH_BYTES: usize = 8192;
/// Most look-ups of a path's part in one tree: 256 million, a hundred times a large image. Links
/// that point through links would otherwise cost time that an attacker chooses.
const MAX_STEPS: u64 = 256 << 20;
/// Most nodes of one tree: 4 million, twice the entries of the largest layer.
const MAX_NODES: usize = 4_000_000;

pub(crate) const ROOT: NodeId = NodeId(0);

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct NodeId(u32);

#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Directory,
    Symlink(Box<[u8]>),
    /// A file, with the number of its content where that is evidence.
    File(Option<u32>),
    Other,
}

#[derive(Debug)]
struct Node {
    parent: NodeId,
    name: u32,
    kind: NodeKind,
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lost {
    /// Links that lead in circles or make the path too long.
    Loop,
    /// The tree has grown too large, or too much was looked up in it.
    Exhausted,
}

#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    names: Names,
    children: HashMap<(NodeId, u32), NodeId>,
    steps: u64,
    /// The directory of the last entry: the next one is nearly always in it too.
    last_directory: Option<(Vec<u8>, NodeId)>,
}

#[derive(Debug, Default)]
struct Names {
    ids: HashMap<Box<[u8]>, u32>,
    texts: Vec<Box<[u8]>>,
}

impl Names {
    fn intern(&mut self, name: &[u8]) -> u32 {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.texts.len() as u32;
        self.texts.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }
}

/// Where following the directories of a path ended.
enum Walk {
    /// The directory that holds the last part.
    Directory(NodeId),
    /// Some directory is not there.
    Missing,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let mut names = Names::default();
        let name = names.intern(b"");
        let root = Node {
            parent: ROOT,
            name,
            kind: NodeKind::Directory,
        };
        Self {
            nodes: vec![root],
            names,
            children: HashMap::new(),
            steps: 0,
            last_directory: None,
        }
    }

    pub(crate) fn kind(&self, node: NodeId) -> Option<&NodeKind> {
        self.nodes.get(node.0 as usize).map(|node| &node.kind)
    }

    /// Puts a directory at a clean path; one that is there stays with all it holds.
    pub(crate) fn put_directory(&mut self, path: &[u8]) -> Result<(), Lost> {
        let (directory, name) = crate::path::split(path);
        let parent = self.make_directory(directory)?;
        if let Some(old) = self.child(parent, name)
            && matches!(self.kind(old), Some(NodeKind::Directory))
        {
            return Ok(());
        }
        self.put(parent, name, NodeKind::Directory).map(|_| ())
    }

    /// Puts anything else at a clean path, in place of what was there.
    pub(crate) fn put_leaf(&mut self, path: &[u8], kind: NodeKind) -> Result<NodeId, Lost> {
        let (directory, name) = crate::path::split(path);
        let parent = self.make_directory(directory)?;
        self.put(parent, name, kind)
    }

    /// Removes what is at a clean path, with all below it.
    pub(crate) fn remove(&mut self, path: &[u8]) -> Result<(), Lost> {
        let (directory, name) = crate::path::split(path);
        if let Walk::Directory(parent) = self.walk(directory, false)?
            && let Some(&name) = self.names.ids.get(name)
        {
            self.children.remove(&(parent, name));
            self.last_directory = None;
        }
        Ok(())
    }

    /// Removes what is in the directory at a clean path, but not the directory.
    pub(crate) fn empty(&mut self, path: &[u8]) -> Result<(), Lost> {
        if path.is_empty() {
            self.children.clear();
            self.last_directory = None;
            return Ok(());
        }
        let (directory, name) = crate::path::split(path);
        if let Walk::Directory(parent) = self.walk(directory, false)?
            && let Some(node) = self.child(parent, name)
            && matches!(self.kind(node), Some(NodeKind::Directory))
        {
            self.put(parent, name, NodeKind::Directory)?;
        }
        Ok(())
    }

    /// Finds the node at a clean path. Links among its directories are followed, a link at its
    /// end only if `follow` says so.
    pub(crate) fn find(&mut self, path: &[u8], follow: bool) -> Result<Option<NodeId>, Lost> {
        if path.is_empty() {
            return Ok(Some(ROOT));
        }
        if follow {
            // The walk resolves all parts of a path, so give it the last one as well.
            return self.resolve(path);
        }
        let (directory, name) = crate::path::split(path);
        Ok(match self.walk(directory, false)? {
            Walk::Directory(parent) => self.child(parent, name),
            Walk::Missing => None,
        })
    }

    /// Returns whether a node can still be reached from the root.
    pub(crate) fn is_alive(&self, node: NodeId) -> bool {
        let mut at = node;
        while at != ROOT {
            let Some(found) = self.nodes.get(at.0 as usize) else {
                return false;
            };
            if self.children.get(&(found.parent, found.name)) != Some(&at) {
                return false;
            }
            at = found.parent;
        }
        true
    }

    /// Returns the clean path of a node, free of links.
    pub(crate) fn path(&self, node: NodeId) -> Vec<u8> {
        let mut parts = Vec::new();
        let mut at = node;
        while at != ROOT {
            let Some(found) = self.nodes.get(at.0 as usize) else {
                break;
            };
            parts.extend(self.names.texts.get(found.name as usize));
            at = found.parent;
        }
        parts.reverse();
        parts
            .iter()
            .map(|part| &part[..])
            .collect::<Vec<_>>()
            .join(&b'/')
    }

    fn child(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
        let name = *self.names.ids.get(name)?;
        self.children.get(&(parent, name)).copied()
    }

    fn put(&mut self, parent: NodeId, name: &[u8], kind: NodeKind) -> Result<NodeId, Lost> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Lost::Exhausted);
        }
        let is_leaf = matches!(kind, NodeKind::File(_) | NodeKind::Other);
        let id = NodeId(self.nodes.len() as u32);
        let name = self.names.intern(name);
        self.nodes.push(Node { parent, name, kind });
        let old = self.children.insert((parent, name), id);
        // A new file in a known directory changes no way; all else may.
        if old.is_some() || !is_leaf {
            self.last_directory = None;
        }
        Ok(id)
    }

    fn make_directory(&mut self, path: &[u8]) -> Result<NodeId, Lost> {
        if let Some((last, node)) = &self.last_directory
            && last == path
        {
            return Ok(*node);
        }
        match self.walk(path, true)? {
            Walk::Directory(node) => {
                self.last_directory = Some((path.to_vec(), node));
                Ok(node)
            }
            Walk::Missing => Err(Lost::Loop),
        }
    }

    fn resolve(&mut self, path: &[u8]) -> Result<Option<NodeId>, Lost> {
        let (mut directory, mut name) = {
            let (directory, name) = crate::path::split(path);
            (directory.to_vec(), name.to_vec())
        };
        for _ in 0..MAX_HOPS {
            let Walk::Directory(parent) = self.walk(&directory, false)? else {
                return Ok(None);
            };
            let found = match name.as_slice() {
                b"" | b"." => Some(parent),
                b".." => Some(self.parent(parent)),
                name => self.child(parent, name),
            };
            let Some(node) = found else {
                return Ok(None);
            };
            let Some(NodeKind::Symlink(target)) = self.kind(node) else {
                return Ok(Some(node));
            };
            let next = if target.starts_with(b"/") {
                target.to_vec()
            } else {
                [&self.path(parent), &b"/"[..], target].concat()
            };
            if next.len() > MAX_PATH_BYTES {
                return Err(Lost::Loop);
            }
            let (next_directory, next_name) = crate::path::split(&next);
            (directory, name) = (next_directory.to_vec(), next_name.to_vec());
        }
        Err(Lost::Loop)
    }

    fn parent(&self, node: NodeId) -> NodeId {
        self.nodes
            .get(node.0 as usize)
            .map_or(ROOT, |node| node.parent)
    }

    /// Follows all parts of a path as directories, from the root and never out of it.
    fn walk(&mut self, path: &[u8], create: bool) -> Result<Walk, Lost> {
        let mut at = ROOT;
        let mut hops = 0;
        let mut owned;
        let mut rest = path;
        while !rest.is_empty() {
            let slash = memchr::memchr(b'/', rest);
            let part = rest.get(..slash.unwrap_or(rest.len())).unwrap_or_default();
            rest = slash
                .and_then(|slash| rest.get(slash + 1..))
                .unwrap_or_default();
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Lost::Exhausted);
            }
            at = match part {
                b"" | b"." => continue,
                b".." => {
                    at = self.parent(at);
                    continue;
                }
                _ => match self.child(at, part) {
                    Some(node) => match self.kind(node) {
                        Some(NodeKind::Directory) => node,
                        Some(NodeKind::Symlink(target)) => {
                            hops += 1;
                            let joined = [target, &b"/"[..], rest].concat();
                            if hops > MAX_HOPS || joined.len() > MAX_PATH_BYTES {
                                return Err(Lost::Loop);
                            }
                            if target.starts_with(b"/") {
                                at = ROOT;
                            }
                            owned = joined;
                            rest = &owned;
                            continue;
                        }
                        _ if create => self.put(at, part, NodeKind::Directory)?,
                        _ => return Ok(Walk::Missing),
                    },
                    None if create => self.put(at, part, NodeKind::Directory)?,
                    None => return Ok(Walk::Missing),
                },
            };
        }
        Ok(Walk::Directory(at))
    }
}

#[cfg(test)]
mod tests;
