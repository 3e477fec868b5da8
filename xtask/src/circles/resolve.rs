//! What a path means: an item and the file that defines it, a module, or something of another crate.

use super::tree::{Entry, Kind, ModuleId, Scope, Tree};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// An item defined in this module's file, under this name.
    Item(ModuleId, String, Kind),
    Module(ModuleId),
    /// Something of another crate, or a local variable, or a generic parameter: nothing that is declared here.
    Foreign(String),
}

/// A place from which paths are read: a module, and the blocks around the code, the innermost last.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) module: ModuleId,
    pub(super) blocks: &'a [Scope],
}

pub(super) struct Resolver<'a> {
    tree: &'a Tree,
}

/// The imports that are being followed, so that one that leads to itself ends.
type Trail = Vec<(*const Entry, String)>;

impl<'a> Resolver<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Resolver { tree }
    }

    /// The file that defines what is in a module.
    pub(super) fn file(&self, module: ModuleId) -> &'a str {
        &self.tree.modules[module].file
    }

    /// Everything that a path may mean: a type and a function may share a name.
    pub(super) fn path(&self, place: Place<'_>, segments: &[String]) -> Vec<Target> {
        self.follow(place, segments, &mut Trail::new())
    }

    fn follow(&self, place: Place<'_>, segments: &[String], trail: &mut Trail) -> Vec<Target> {
        let Some((first, mut rest)) = segments.split_first() else { return vec![Target::Module(place.module)] };
        let mut found = match first.as_str() {
            "" => return vec![Target::Foreign(rest.first().cloned().unwrap_or_default())],
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(place.module)],
            "super" => {
                let mut module = self.tree.modules[place.module].parent;
                while let Some(("super", after)) = rest.split_first().map(|(word, after)| (word.as_str(), after)) {
                    module = module.and_then(|module| self.tree.modules[module].parent);
                    rest = after;
                }
                module.map(Target::Module).into_iter().collect()
            }
            name => {
                let found = self.first(place, name, trail);
                if found.is_empty() { vec![Target::Foreign(first.clone())] } else { found }
            }
        };
        for name in rest {
            // What has a name behind it is no function and no macro.
            found.retain(|target| !matches!(target, Target::Item(_, _, Kind::Value | Kind::Macro)));
            found = found.into_iter().flat_map(|target| self.inside(target, name, trail)).collect();
        }
        found
    }

    /// What a name behind a target means.
    fn inside(&self, target: Target, name: &str, trail: &mut Trail) -> Vec<Target> {
        let Target::Module(module) = target else {
            // A variant or an associated item is in its type's file.
            return vec![target];
        };
        let found = self.in_module(module, name, trail);
        let scope = &self.tree.modules[module].scope;
        if !found.is_empty() || scope.names.contains_key(name) || !scope.globs.is_empty() {
            return found;
        }
        // A macro call made it: it is where the call is.
        vec![Target::Item(module, name.into(), Kind::Type)]
    }

    /// A name without anything before it: of a block, else of the module.
    fn first(&self, place: Place<'_>, name: &str, trail: &mut Trail) -> Vec<Target> {
        for number in (0..place.blocks.len()).rev() {
            let around = Place { module: place.module, blocks: &place.blocks[..number] };
            let found = self.in_scope(&place.blocks[number], around, name, trail);
            if !found.is_empty() {
                return found;
            }
        }
        self.in_module(place.module, name, trail)
    }

    fn in_module(&self, module: ModuleId, name: &str, trail: &mut Trail) -> Vec<Target> {
        self.in_scope(&self.tree.modules[module].scope, Place { module, blocks: &[] }, name, trail)
    }

    fn in_scope(&self, scope: &Scope, place: Place<'_>, name: &str, trail: &mut Trail) -> Vec<Target> {
        let mut found = Vec::new();
        for entry in scope.names.get(name).into_iter().flatten() {
            match entry {
                Entry::Item(kind) => found.push(Target::Item(place.module, name.into(), *kind)),
                Entry::Module(module) => found.push(Target::Module(*module)),
                Entry::Import(path) => {
                    let step = (std::ptr::from_ref(entry), name.to_string());
                    if !trail.contains(&step) {
                        trail.push(step);
                        found.extend(self.follow(place, path, trail));
                        trail.pop();
                    }
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        for glob in &scope.globs {
            let step = (std::ptr::from_ref(glob).cast(), name.to_string());
            if trail.contains(&step) {
                continue;
            }
            trail.push(step);
            for target in self.follow(place, glob, trail) {
                if let Target::Module(module) = target {
                    found.extend(self.in_module(module, name, trail));
                }
            }
            trail.pop();
        }
        found
    }
}
