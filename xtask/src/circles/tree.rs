//! A crate as a tree of modules: each with its file, the names it declares and imports, and its items.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::ext::IdentExt as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Item, Meta, Token, UseTree, Visibility};

/// A module's place in [`Tree::modules`].
pub(super) type ModuleId = usize;

/// What kind of item a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Type,
    Value,
    Macro,
}

/// One meaning of a name. A name has several where it is, say, both a module and a function.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Item(Kind),
    Module(ModuleId),
    /// A `use`: the path as written, starting with an empty segment where it starts with `::`.
    Import(Vec<String>),
}

/// The names that a module or a block declares.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) names: BTreeMap<String, Vec<Entry>>,
    /// Paths imported with `*`.
    pub(super) globs: Vec<Vec<String>>,
}

pub(super) struct Module {
    /// Relative to the repository's root, with `/` on every system.
    pub(super) file: String,
    pub(super) parent: Option<ModuleId>,
    pub(super) scope: Scope,
    /// Without inline modules, which are modules of their own, and without test code.
    pub(super) items: Vec<Item>,
}

/// All modules of one crate; the first is its root.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) modules: Vec<Module>,
}

impl Tree {
    /// Reads a crate. `file` is its root file, relative to `root`, the repository's.
    pub(super) fn read(root: &Path, file: &Path) -> Result<Tree, String> {
        let mut tree = Tree::default();
        tree.add_file(root, file, true, None)?;
        Ok(tree)
    }

    /// Reads a module's file. The files of its children are beside it where `owns_folder`, else in a folder of its name.
    fn add_file(
        &mut self,
        root: &Path,
        file: &Path,
        owns_folder: bool,
        parent: Option<ModuleId>,
    ) -> Result<ModuleId, String> {
        let path = root.join(file);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let parsed =
            syn::parse_file(&text).map_err(|e| format!("{}:{}: {e}", path.display(), e.span().start().line))?;
        let folder =
            if owns_folder { file.parent().unwrap_or(Path::new("")).to_path_buf() } else { file.with_extension("") };
        let items = if is_test_only(&parsed.attrs) { Vec::new() } else { parsed.items };
        self.add(root, file, &folder, items, parent)
    }

    /// Adds a module with these items, and its children.
    fn add(
        &mut self,
        root: &Path,
        file: &Path,
        folder: &Path,
        items: Vec<Item>,
        parent: Option<ModuleId>,
    ) -> Result<ModuleId, String> {
        let id = self.modules.len();
        let name = file.to_string_lossy().replace('\\', "/");
        self.modules.push(Module { file: name, parent, scope: Scope::default(), items: Vec::new() });
        let mut scope = Scope::default();
        let mut kept = Vec::new();
        for item in items.into_iter().filter(|item| !is_test_only(attributes(item))) {
            let Item::Mod(module) = item else {
                scope.declare(&item);
                if let Some(name) = exported_macro(&item) {
                    self.modules[0].scope.add(name, Entry::Item(Kind::Macro));
                }
                kept.push(item);
                continue;
            };
            let name = module.ident.unraw().to_string();
            let child = match module.content {
                Some((_, items)) => self.add(root, file, &folder.join(&name), items, Some(id))?,
                None => {
                    let (file, owns_folder) = child_file(root, file, folder, &name, &module.attrs)?;
                    self.add_file(root, &file, owns_folder, Some(id))?
                }
            };
            scope.add(name, Entry::Module(child));
        }
        let module = &mut self.modules[id];
        // An exported macro of a child may have been declared here already.
        for (name, entries) in scope.names {
            module.scope.names.entry(name).or_default().extend(entries);
        }
        module.scope.globs = scope.globs;
        module.items = kept;
        Ok(id)
    }
}

impl Scope {
    /// Adds what an item other than a module declares.
    pub(super) fn declare(&mut self, item: &Item) {
        let (ident, kind) = match item {
            Item::Const(item) => (&item.ident, Kind::Value),
            Item::Static(item) => (&item.ident, Kind::Value),
            Item::Fn(item) => (&item.sig.ident, Kind::Value),
            Item::Enum(item) => (&item.ident, Kind::Type),
            Item::Struct(item) => (&item.ident, Kind::Type),
            Item::Trait(item) => (&item.ident, Kind::Type),
            Item::TraitAlias(item) => (&item.ident, Kind::Type),
            Item::Type(item) => (&item.ident, Kind::Type),
            Item::Union(item) => (&item.ident, Kind::Type),
            Item::Macro(syn::ItemMacro { ident: Some(ident), .. }) => (ident, Kind::Macro),
            Item::Use(item) => {
                for import in imports(item) {
                    match import.name {
                        Some(name) => self.add(name, Entry::Import(import.path)),
                        None if import.is_glob => self.globs.push(import.path),
                        None => {}
                    }
                }
                return;
            }
            _ => return,
        };
        self.add(ident.unraw().to_string(), Entry::Item(kind));
    }

    fn add(&mut self, name: String, entry: Entry) {
        self.names.entry(name).or_default().push(entry);
    }
}

/// One leaf of a `use`.
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name it gives; none for `*` and `as _`.
    pub(super) name: Option<String>,
    pub(super) is_glob: bool,
}

/// All leaves of a `use`.
pub(super) fn imports(item: &syn::ItemUse) -> Vec<Import> {
    let start = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
    let mut leaves = Vec::new();
    flatten(&item.tree, start, &mut leaves);
    leaves
}

fn flatten(tree: &UseTree, mut path: Vec<String>, leaves: &mut Vec<Import>) {
    let renamed = match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.unraw().to_string());
            return flatten(&inner.tree, path, leaves);
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| flatten(tree, path.clone(), leaves));
            return;
        }
        UseTree::Glob(_) => {
            leaves.push(Import { path, name: None, is_glob: true });
            return;
        }
        UseTree::Name(leaf) => {
            path.push(leaf.ident.unraw().to_string());
            None
        }
        UseTree::Rename(leaf) => {
            path.push(leaf.ident.unraw().to_string());
            Some(leaf.rename.unraw().to_string())
        }
    };
    // `a::{self}` names `a`.
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = renamed.or_else(|| path.last().cloned()).filter(|name| name != "_");
    leaves.push(Import { path, name, is_glob: false });
}

/// The file of `mod name;`, relative to the root, and whether its own children are beside it.
fn child_file(
    root: &Path,
    file: &Path,
    folder: &Path,
    name: &str,
    attributes: &[Attribute],
) -> Result<(PathBuf, bool), String> {
    if let Some(path) = path_attribute(attributes) {
        return Ok((normal(&file.parent().unwrap_or(Path::new("")).join(path)), true));
    }
    let candidates = [(folder.join(format!("{name}.rs")), false), (folder.join(name).join("mod.rs"), true)];
    let found = candidates.into_iter().find(|(file, _)| root.join(file).is_file());
    found.ok_or_else(|| format!("{}: there is no file for `mod {name};`", file.display()))
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("path") => match &meta.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// A path without `..`, so that a file has one name.
fn normal(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        if part == std::path::Component::ParentDir {
            whole.pop();
        } else {
            whole.push(part);
        }
    }
    whole
}

/// The name of a macro with `#[macro_export]`, which is the crate root's.
fn exported_macro(item: &Item) -> Option<String> {
    let Item::Macro(item) = item else { return None };
    let is_exported = item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
    item.ident.as_ref().filter(|_| is_exported).map(ToString::to_string)
}

/// Whether a `use` passes its names on to others.
pub(super) fn is_re_export(item: &syn::ItemUse) -> bool {
    !matches!(item.vis, Visibility::Inherited)
}

/// Whether code is compiled for tests alone.
pub(super) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args::<Meta>().is_ok_and(|condition| holds(&condition) == Some(false))
        }
        Meta::Path(path) => path.is_ident("test"),
        _ => false,
    })
}

/// Whether a `cfg` condition holds outside of tests; none where other things than tests decide.
fn holds(condition: &Meta) -> Option<bool> {
    match condition {
        Meta::Path(path) if path.is_ident("test") || path.is_ident("doctest") => Some(false),
        Meta::List(list) => {
            let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
            let parts: Vec<Option<bool>> = parts.iter().map(holds).collect();
            if list.path.is_ident("not") {
                parts.first().copied().flatten().map(|holds| !holds)
            } else if list.path.is_ident("all") {
                if parts.contains(&Some(false)) {
                    Some(false)
                } else {
                    parts.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            } else if parts.iter().all(|part| *part == Some(false)) {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// An item's attributes.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
