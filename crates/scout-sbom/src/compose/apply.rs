//! Applying layers to a tree. Marks that hide lower layers come first, whatever the order in the
//! archive; then the layer's own entries in order.

use std::collections::HashSet;

use scout_envs::{Gap, GapKind};

use crate::analysis::{EntryKind, Evidence, LayerAnalysis};
use crate::path::{clean, display};
use crate::reader::{Class, classify, is_installed_module};
use crate::tree::{Lost, NodeId, NodeKind, Tree};

/// Most gaps noted about entries that could not be placed.
const MAX_GAPS: usize = 100;

/// The tree of an image with the evidence files that were put into it.
pub(super) struct Applied {
    pub(super) tree: Tree,
    pub(super) tracked: Vec<Tracked>,
    pub(super) gaps: Vec<Gap>,
    /// Symbolic links where an installed JavaScript package would be.
    module_links: Vec<NodeId>,
    /// Where the evidence of each content is: layer, and position in its list.
    contents: Vec<(usize, usize)>,
}

/// A file that is evidence, or a hard link where evidence would be. It may be hidden by now.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) node: NodeId,
    pub(super) layer: usize,
    /// The number of its content, if that was read as evidence.
    pub(super) content: Option<u32>,
    /// What a hard link's own path says it is.
    pub(super) class: Option<Class>,
}

pub(super) fn apply(layers: &[LayerAnalysis]) -> Applied {
    let mut applied = Applied {
        tree: Tree::new(),
        tracked: Vec::new(),
        gaps: Vec::new(),
        module_links: Vec::new(),
        contents: Vec::new(),
    };
    for (index, layer) in layers.iter().enumerate() {
        if layer.entries.has_whiteouts() {
            applied.hide(layer);
        }
        applied.add(index, layer);
    }
    applied
}

impl Applied {
    /// Returns the evidence of a file, if its content was read for what its path says it is.
    pub(super) fn evidence<'a>(
        &self,
        layers: &'a [LayerAnalysis],
        tracked: &Tracked,
    ) -> Option<&'a Evidence> {
        let evidence = self.content(layers, tracked.content?)?;
        let fits =
            |class: Class| class == evidence.class || class.is_npm() && evidence.class.is_npm();
        tracked.class.is_none_or(fits).then_some(evidence)
    }

    /// Returns what a file is evidence of, told by its own path.
    pub(super) fn class(&self, layers: &[LayerAnalysis], tracked: &Tracked) -> Option<Class> {
        let of_content = || Some(self.content(layers, tracked.content?)?.class);
        tracked.class.or_else(of_content)
    }

    /// Returns the evidence at a path, all links followed.
    pub(super) fn evidence_at<'a>(
        &mut self,
        layers: &'a [LayerAnalysis],
        path: &[u8],
    ) -> Option<&'a Evidence> {
        let node = self.tree.find(path, true).ok().flatten()?;
        match self.tree.kind(node) {
            Some(&NodeKind::File(Some(content))) => self.content(layers, content),
            _ => None,
        }
    }

    /// Returns the `package.json` files that links in `node_modules` lead to.
    pub(super) fn linked_manifests(&mut self) -> HashSet<NodeId> {
        let mut found = HashSet::new();
        for &link in &self.module_links {
            if !self.tree.is_alive(link) {
                continue;
            }
            let manifest = [&self.tree.path(link)[..], b"/package.json"].concat();
            found.extend(self.tree.find(&manifest, true).ok().flatten());
        }
        found
    }

    fn content<'a>(&self, layers: &'a [LayerAnalysis], content: u32) -> Option<&'a Evidence> {
        let &(layer, position) = self.contents.get(content as usize)?;
        layers.get(layer)?.evidence.get(position)
    }

    /// Hides what the marks of a layer say. Its directories are made on the way, since one of
    /// them may take the place of a link that a mark's path would otherwise be led through.
    fn hide(&mut self, layer: &LayerAnalysis) {
        let mut cursor = layer.entries.cursor();
        while let Some(entry) = cursor.advance() {
            let result = match entry.kind {
                EntryKind::Whiteout => self.tree.remove(entry.path),
                EntryKind::Opaque => self.tree.empty(entry.path),
                EntryKind::Directory => self.tree.put_directory(entry.path),
                _ => Ok(()),
            };
            if let Err(lost) = result {
                self.note(entry.path, lost);
            }
        }
    }

    fn add(&mut self, index: usize, layer: &LayerAnalysis) {
        let mut position = 0;
        let mut cursor = layer.entries.cursor();
        while let Some(entry) = cursor.advance() {
            let mut content = None;
            if entry.is_evidence {
                content = Some(self.contents.len() as u32);
                self.contents.push((index, position));
                position += 1;
            }
            let mut class = None;
            let kind = match entry.kind {
                EntryKind::Whiteout | EntryKind::Opaque => continue,
                EntryKind::Directory => {
                    if let Err(lost) = self.tree.put_directory(entry.path) {
                        self.note(entry.path, lost);
                    }
                    continue;
                }
                EntryKind::File => NodeKind::File(content),
                EntryKind::Symlink(target) => NodeKind::Symlink(target.into()),
                EntryKind::HardLink(target) => {
                    class = classify(entry.path);
                    content = self.linked_content(target);
                    NodeKind::File(content)
                }
                EntryKind::Other => NodeKind::Other,
            };
            match self.tree.put_leaf(entry.path, kind) {
                Ok(node) if content.is_some() || class.is_some() => self.tracked.push(Tracked {
                    node,
                    layer: index,
                    content,
                    class,
                }),
                Ok(node) => {
                    if matches!(entry.kind, EntryKind::Symlink(_))
                        && is_installed_module(entry.path)
                    {
                        self.module_links.push(node);
                    }
                }
                Err(lost) => self.note(entry.path, lost),
            }
        }
    }

    fn linked_content(&mut self, target: &[u8]) -> Option<u32> {
        let mut path = Vec::new();
        if !clean(target, &mut path) {
            return None;
        }
        let node = self.tree.find(&path, false).ok().flatten()?;
        match self.tree.kind(node) {
            Some(&NodeKind::File(content)) => content,
            _ => None,
        }
    }

    fn note(&mut self, path: &[u8], lost: Lost) {
        if self.gaps.len() >= MAX_GAPS {
            return;
        }
        let reason = match lost {
            Lost::Loop => "its directory is a symbolic link that leads nowhere",
            Lost::Exhausted => "the image has too many files or links",
        };
        self.gaps.push(Gap {
            kind: GapKind::Layer,
            path: display(path),
            reason: reason.to_owned(),
        });
    }
}
