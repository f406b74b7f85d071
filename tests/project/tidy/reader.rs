//! Collects what the code of one file names, with each name resolved by the file's imports and modules.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItem, Item, ReturnType, Token, UseTree, Visibility,
    punctuated::Punctuated,
    visit::{self, Visit},
};

use super::source::{ModulePath, Source};

pub(super) fn read(module: ModulePath, path: PathBuf, text: String, file: &syn::File) -> Source {
    let mut declared = Declared { scope: module.clone(), ..Declared::default() };
    declared.visit_file(file);
    let mut reader = Reader { scope: module.clone(), declared, ..Reader::default() };
    let (mut imports, mut reexports) = (BTreeMap::new(), BTreeSet::new());
    for import in reader.declared.imports.clone() {
        let Some(target) = reader.resolve(&import.scope, &import.path) else {
            reader.crates.insert(import.path[0].clone());
            continue;
        };
        if import.is_public {
            reexports.insert(target.clone());
        }
        reader.paths.insert(target.clone());
        imports.insert(import.name, target);
    }
    reader.visit_file(file);
    let Reader { paths, crates, accessors, members, defined, handles, functions, .. } = reader;
    Source {
        path,
        module,
        text,
        paths,
        crates,
        imports,
        reexports,
        accessors,
        members,
        defined,
        handles,
        functions,
    }
}

pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// `use … as name`, as written.
#[derive(Clone)]
struct Import {
    scope: ModulePath,
    path: Vec<String>,
    name: String,
    is_public: bool,
}

/// What a file imports and which modules it has: what a path's first segment may stand for.
#[derive(Default)]
struct Declared {
    scope: ModulePath,
    imports: Vec<Import>,
    /// The modules and types that are declared here.
    items: BTreeSet<ModulePath>,
}

impl Declared {
    fn import(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let mut add = |path: Vec<String>, name: String| {
            self.imports.push(Import { scope: self.scope.clone(), path, name, is_public });
        };
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(tree) => self.import(&tree.tree, &with(&tree.ident), is_public),
            UseTree::Group(tree) => tree.items.iter().for_each(|tree| self.import(tree, before, is_public)),
            UseTree::Name(tree) if tree.ident == "self" => {
                add(before.to_vec(), before.last().cloned().unwrap_or_default());
            }
            UseTree::Name(tree) => add(with(&tree.ident), tree.ident.to_string()),
            UseTree::Rename(tree) => add(with(&tree.ident), tree.rename.to_string()),
            UseTree::Glob(_) => add(before.to_vec(), format!("{}::*", before.join("::"))),
        }
    }
}

impl<'ast> Visit<'ast> for Declared {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        let name = match item {
            Item::Enum(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            _ => None,
        };
        self.items.extend(name.map(|name| [self.scope.as_slice(), &[name.to_string()]].concat()));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.scope.push(item.ident.to_string());
        self.items.insert(self.scope.clone());
        visit::visit_item_mod(self, item);
        self.scope.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }
}

/// Collects what the code outside of tests names.
#[derive(Default)]
struct Reader {
    scope: ModulePath,
    declared: Declared,
    paths: BTreeSet<ModulePath>,
    crates: BTreeSet<String>,
    accessors: Vec<(String, BTreeSet<ModulePath>)>,
    members: BTreeSet<String>,
    defined: BTreeSet<String>,
    handles: BTreeSet<ModulePath>,
    functions: Vec<(String, usize)>,
}

impl Reader {
    /// What a path stands for in this crate; `None` for another crate's, a local name or a type parameter.
    fn resolve(&self, scope: &[String], path: &[String]) -> Option<ModulePath> {
        let rest = &path[1..];
        match path[0].as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => self.resolve_within(scope, rest),
            "super" => self.resolve_within(&scope[..scope.len().saturating_sub(1)], rest),
            first => {
                let inner = [scope, &[first.to_owned()]].concat();
                if self.declared.items.contains(&inner) {
                    return Some([&inner, rest].concat());
                }
                let import = self.declared.imports.iter().find(|import| import.name == first)?;
                if import.path[0] == first {
                    return None;
                }
                self.resolve(&import.scope, &[import.path.as_slice(), rest].concat())
            }
        }
    }

    fn resolve_within(&self, scope: &[String], rest: &[String]) -> Option<ModulePath> {
        match rest.first().map(String::as_str) {
            Some("super") => self.resolve_within(&scope[..scope.len().saturating_sub(1)], &rest[1..]),
            _ => Some([scope, rest].concat()),
        }
    }

    fn name(&mut self, path: &[String]) {
        if let Some(target) = self.resolve(&self.scope, path) {
            self.paths.insert(target);
            return;
        }
        let import = self.declared.imports.iter().find(|import| import.name == path[0]);
        self.crates.insert(import.map_or(&path[0], |import| &import.path[0]).clone());
    }

    /// The paths in a macro's arguments, which have no syntax of their own.
    fn name_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut before = String::new();
        for token in tokens {
            match &token {
                TokenTree::Ident(name) => {
                    if before != "::" {
                        self.name_path(&mut path);
                    }
                    if before == "." {
                        self.members.insert(name.to_string());
                    }
                    path.push(name.to_string());
                }
                TokenTree::Group(group) => self.name_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            before = match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => before.replace(|c| c != ':', "") + ":",
                TokenTree::Punct(punct) => punct.to_string(),
                _ => String::new(),
            };
        }
        self.name_path(&mut path);
    }

    fn name_path(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        // A single word may be anything, and an imported one is known already.
        if path.len() > 1 {
            self.name(&path);
        }
    }

    fn accessor(&mut self, name: &str, visit: impl FnOnce(&mut Mentions)) {
        let mut mentions = Mentions::default();
        visit(&mut mentions);
        let scope = self.scope.clone();
        let targets = mentions.0.iter().filter_map(|path| self.resolve(&scope, path)).collect();
        self.accessors.push((name.to_owned(), targets));
    }

    fn function(&mut self, name: &syn::Ident, signature: &syn::Signature, block: &syn::Block) {
        let lines = block.brace_token.span.close().end().line - signature.fn_token.span.start().line + 1;
        self.functions.push((name.to_string(), lines));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.scope.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.scope.pop();
    }

    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, &item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        for field in &item.fields {
            let Some(name) = &field.ident else { continue };
            self.defined.insert(name.to_string());
            if !matches!(field.vis, Visibility::Inherited) {
                self.accessor(&name.to_string(), |mentions| mentions.visit_type(&field.ty));
            }
        }
        visit::visit_item_struct(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let is_at_work =
            |item: &ImplItem| matches!(item, ImplItem::Fn(method) if method.sig.asyncness.is_some());
        if let syn::Type::Path(own) = &*item.self_ty
            && item.items.iter().any(is_at_work)
            && let Some(own) = self.resolve(&self.scope, &segments(&own.path))
        {
            self.handles.insert(own);
        }
        let is_deref = item.trait_.as_ref().is_some_and(|(_, path, _)| last(path) == "Deref");
        for inner in &item.items {
            match inner {
                ImplItem::Fn(method) if !matches!(method.vis, Visibility::Inherited) => {
                    if let ReturnType::Type(_, output) = &method.sig.output {
                        self.accessor(&method.sig.ident.to_string(), |mentions| mentions.visit_type(output));
                    }
                }
                ImplItem::Type(target) if is_deref => {
                    self.accessor("deref", |mentions| mentions.visit_type(&target.ty));
                }
                _ => {}
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        if !is_for_tests(&method.attrs) {
            self.defined.insert(method.sig.ident.to_string());
            self.function(&method.sig.ident, &method.sig, &method.block);
            visit::visit_impl_item_fn(self, method);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name(&segments(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.name(&segments(&item.path));
        // Most arguments are expressions, whose method calls count too.
        match item.parse_body_with(Punctuated::<syn::Expr, Token![,]>::parse_terminated) {
            Ok(arguments) => arguments.iter().for_each(|argument| self.visit_expr(argument)),
            Err(_) => self.name_tokens(item.tokens.clone()),
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.members.insert(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        if let syn::Member::Named(name) = &field.member {
            self.members.insert(name.to_string());
        }
        visit::visit_expr_field(self, field);
    }
}

/// The paths in a type.
#[derive(Default)]
struct Mentions(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Mentions {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(segments(path));
        visit::visit_path(self, path);
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

fn last(path: &syn::Path) -> String {
    path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
