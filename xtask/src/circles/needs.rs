//! Walks a crate's code and notes, for each file, which items of which other files it names.

use std::collections::{BTreeMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, Stmt};

use super::graph::Arrows;
use super::resolve::{Place, Resolver, Target};
use super::tree::{Kind, ModuleId, Scope, Tree, attributes, imports, is_re_export, is_test_only};

/// What the files of one or several crates name.
#[derive(Default)]
pub(super) struct Needs {
    /// From a file to a file: the items' names.
    pub(super) arrows: Arrows,
    /// Other crates that a file names, and the first line that does.
    pub(super) foreign: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Needs {
    /// Adds what a crate's files need.
    pub(super) fn add(&mut self, tree: &Tree) {
        let resolver = Resolver::new(tree);
        for (module, content) in tree.modules.iter().enumerate() {
            self.arrows.entry(content.file.clone()).or_default();
            let mut walk = Walk { resolver: &resolver, needs: self, module, blocks: Vec::new(), bound: Vec::new() };
            content.items.iter().for_each(|item| walk.visit_item(item));
        }
    }
}

struct Walk<'a, 'n> {
    resolver: &'a Resolver<'a>,
    needs: &'n mut Needs,
    module: ModuleId,
    /// The blocks around the code that declare items, the innermost last.
    blocks: Vec<Scope>,
    /// The variables of the functions around the code.
    bound: Vec<HashSet<String>>,
}

impl Walk<'_, '_> {
    /// Notes a path. Of a local variable nothing is known; a name alone means one where it `may_be_local`.
    fn name(&mut self, segments: &[String], line: usize, may_be_local: bool) {
        let is_alone = segments.len() == 1;
        if is_alone && may_be_local && self.bound.iter().any(|names| names.contains(&segments[0])) {
            return;
        }
        for target in self.resolver.path(Place { module: self.module, blocks: &self.blocks }, segments) {
            match target {
                Target::Item(module, name, _) => self.arrow(module, name),
                Target::Foreign(name) if !is_alone => self.foreign(name, line),
                Target::Foreign(_) | Target::Module(_) => {}
            }
        }
    }

    fn arrow(&mut self, to: ModuleId, name: String) {
        let (from, to) = (self.resolver.file(self.module), self.resolver.file(to));
        if from != to {
            let arrows = self.needs.arrows.entry(from.into()).or_default();
            arrows.entry(to.into()).or_default().insert(name);
        }
    }

    fn foreign(&mut self, name: String, line: usize) {
        let file = self.resolver.file(self.module).to_string();
        self.needs.foreign.entry(file).or_default().entry(name).or_insert(line);
    }

    fn imports(&mut self, item: &syn::ItemUse) {
        let line = item.use_token.span.start().line;
        for import in imports(item) {
            let targets = self.resolver.path(Place { module: self.module, blocks: &self.blocks }, &import.path);
            for target in targets {
                match target {
                    Target::Foreign(name) => self.foreign(name, line),
                    // Of a re-export nothing is needed here, unless the code names it.
                    _ if is_re_export(item) => {}
                    // An enum's variants.
                    Target::Item(module, name, kind) if !import.is_glob || kind == Kind::Type => {
                        self.arrow(module, name)
                    }
                    Target::Item(..) | Target::Module(_) => {}
                }
            }
        }
    }

    /// Notes the paths among a macro's tokens, whatever they mean to it.
    fn tokens(&mut self, tokens: &TokenStream) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match tree {
                TokenTree::Group(group) => self.tokens(&group.stream()),
                TokenTree::Literal(literal) => self.captures(literal),
                TokenTree::Ident(_) => {
                    let (segments, after) = path_at(&trees, at);
                    let next = trees.get(after).and_then(punctuation);
                    let is_called = matches!(trees.get(after), Some(TokenTree::Group(_))) || next == Some('!');
                    let before = at.checked_sub(1).and_then(|before| punctuation(&trees[before]));
                    // `.field`, `'lifetime`, `$variable`; `field: value`
                    let is_other = matches!(before, Some('.' | '\'' | '$')) && segments[0] != "crate";
                    let is_key = segments.len() == 1 && next == Some(':');
                    if !is_other && !is_key {
                        self.name(&segments, tree.span().start().line, !is_called);
                    }
                    at = after;
                    continue;
                }
                TokenTree::Punct(_) => {}
            }
            at += 1;
        }
    }

    /// Notes the constants that a format string names, as in `"{MAX}"`.
    fn captures(&mut self, literal: &proc_macro2::Literal) {
        let text = literal.to_string();
        if !text.starts_with(['"', 'r']) {
            return;
        }
        for part in text.split('{').skip(1) {
            let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.starts_with(char::is_uppercase) {
                self.name(&[name], literal.span().start().line, true);
            }
        }
    }

    fn within(&mut self, names: HashSet<String>, walk: impl FnOnce(&mut Self)) {
        self.bound.push(names);
        walk(self);
        self.bound.pop();
    }
}

/// Reads `a::b::c` from the tokens at a place, and says where it ends.
fn path_at(trees: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let (mut segments, mut at) = (Vec::new(), start);
    while let Some(TokenTree::Ident(ident)) = trees.get(at) {
        segments.push(ident.unraw().to_string());
        at += 1;
        let colons =
            trees.get(at).and_then(punctuation) == Some(':') && trees.get(at + 1).and_then(punctuation) == Some(':');
        if !colons || !matches!(trees.get(at + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        at += 2;
    }
    (segments, at)
}

fn punctuation(tree: &TokenTree) -> Option<char> {
    match tree {
        TokenTree::Punct(punct) => Some(punct.as_char()),
        _ => None,
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    let start = path.leading_colon.is_some().then(String::new);
    start.into_iter().chain(path.segments.iter().map(|segment| segment.ident.unraw().to_string())).collect()
}

fn line(path: &syn::Path) -> usize {
    path.segments.first().map_or(0, |segment| segment.ident.span().start().line)
}

impl<'ast> Visit<'ast> for Walk<'_, '_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.imports(item);
    }

    /// Inline modules are walked by themselves.
    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.within(variables(|names| names.visit_item_fn(item)), |walk| visit::visit_item_fn(walk, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test_only(&item.attrs) {
            self.within(variables(|names| names.visit_impl_item_fn(item)), |walk| {
                visit::visit_impl_item_fn(walk, item)
            });
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.within(variables(|names| names.visit_trait_item_fn(item)), |walk| visit::visit_trait_item_fn(walk, item));
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.within(variables(|names| names.visit_expr_closure(closure)), |walk| {
            visit::visit_expr_closure(walk, closure)
        });
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let mut scope = Scope::default();
        block.stmts.iter().for_each(|statement| {
            if let Stmt::Item(item) = statement {
                scope.declare(item);
            }
        });
        self.blocks.push(scope);
        visit::visit_block(self, block);
        self.blocks.pop();
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        // `nearest(..)` calls the function even where `nearest` is a variable too, as in `let nearest = nearest(..)`.
        match &*call.func {
            Expr::Path(function) if function.qself.is_none() => self.visit_path(&function.path),
            function => self.visit_expr(function),
        }
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        if expression.qself.is_none() && expression.path.segments.len() == 1 {
            let line = line(&expression.path);
            self.name(&segments(&expression.path), line, true);
            expression.path.segments.iter().for_each(|segment| self.visit_path_arguments(&segment.arguments));
        } else {
            visit::visit_expr_path(self, expression);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(&segments(path), line(path), false);
        visit::visit_path(self, path);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        // A constant looks like a variable here.
        let name = pattern.ident.unraw().to_string();
        if name.starts_with(char::is_uppercase) {
            self.name(&[name], pattern.ident.span().start().line, false);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.name(&segments(&call.path), line(&call.path), false);
        self.tokens(&call.tokens);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let syn::Meta::List(list) = &attribute.meta else { return };
        if list.path.is_ident("serde") {
            for tree in list.tokens.clone() {
                if let TokenTree::Literal(literal) = tree
                    && let Ok(path) =
                        syn::parse_str::<syn::LitStr>(&literal.to_string()).and_then(|text| text.parse::<syn::Path>())
                {
                    self.name(&segments(&path), literal.span().start().line, false);
                }
            }
        } else if !list.path.is_ident("cfg") && !list.path.is_ident("cfg_attr") {
            self.tokens(&list.tokens);
        }
    }

    /// `pub(in path)` names no item.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// Collects the names that patterns bind.
struct Variables(HashSet<String>);

fn variables(walk: impl FnOnce(&mut Variables)) -> HashSet<String> {
    let mut names = Variables(HashSet::new());
    walk(&mut names);
    names.0
}

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        self.0.insert(pattern.ident.unraw().to_string());
        visit::visit_pat_ident(self, pattern);
    }
}
