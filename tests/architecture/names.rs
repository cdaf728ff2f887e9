//! All paths that a file names: in imports, in code, and in what macros and attributes are given.

use std::collections::HashMap;
use std::mem;

use proc_macro2::{TokenStream, TokenTree};
use syn::UseTree;
use syn::visit::{self, Visit};

/// A path in the code. Paths within the crate begin with `crate`; a macro's name ends in `!`.
pub(crate) struct Name {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    pub(crate) is_test: bool,
}

/// The paths of one file.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) found: Vec<Name>,
    /// Modules that are compiled for tests only and have their own file.
    pub(crate) test_files: Vec<Vec<String>>,
    /// What an import calls by a shorter name.
    aliases: HashMap<String, Vec<String>>,
    /// Names from the crate's root to where the visit is.
    module: Vec<String>,
    is_test: bool,
}

impl Names {
    pub(crate) fn of_file(file: &syn::File, module: &[String]) -> Self {
        let mut names = Self { module: module.to_vec(), ..Self::default() };
        names.visit_file(file);
        names
    }

    /// The path as it would be without the file's imports.
    pub(crate) fn in_full(&self, path: &[String]) -> Vec<String> {
        match self.aliases.get(&path[0]) {
            Some(full) => [full, &path[1..]].concat(),
            None => path.to_vec(),
        }
    }

    fn add(&mut self, path: &[String], line: usize) {
        self.found.push(Name { path: self.resolved(path), line, is_test: self.is_test });
    }

    fn resolved(&self, path: &[String]) -> Vec<String> {
        let root = ["crate".to_owned()];
        let ups = path.iter().filter(|step| *step == "super").count();
        let base = &self.module[..self.module.len().saturating_sub(ups)];
        match path[0].as_str() {
            "olympus_gateway" => [&root, &path[1..]].concat(),
            "self" if ups == 0 => [&root, base, &path[1..]].concat(),
            "self" => [&root, base, &path[ups + 1..]].concat(),
            "super" => [&root, base, &path[ups..]].concat(),
            _ => path.to_vec(),
        }
    }

    fn add_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| match ident == "self" && !before.is_empty() {
            true => before.to_vec(),
            false => [before, &[ident.to_string()]].concat(),
        };
        match tree {
            UseTree::Path(tree) => self.add_use(&tree.tree, &with(&tree.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree, before)),
            UseTree::Name(name) => self.add_import(&with(&name.ident), None, line_of(&name.ident)),
            UseTree::Rename(name) => {
                self.add_import(&with(&name.ident), Some(&name.rename), line_of(&name.ident));
            }
            UseTree::Glob(glob) => {
                self.add(&[before, &["*".to_owned()]].concat(), glob.star_token.spans[0].start().line);
            }
        }
    }

    fn add_import(&mut self, path: &[String], alias: Option<&syn::Ident>, line: usize) {
        self.add(path, line);
        let alias = alias.map_or_else(|| path[path.len() - 1].clone(), syn::Ident::to_string);
        self.aliases.insert(alias, self.resolved(path));
    }

    fn add_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut line, mut colons) = (Vec::new(), 0, 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == '!' && !path.is_empty() => {
                    path = vec![format!("{}!", path[path.len() - 1])];
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_told(&mem::take(&mut path), line);
                        line = line_of(&ident);
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Group(group) => {
                    self.add_told(&mem::take(&mut path), line);
                    self.add_tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.add_told(&mem::take(&mut path), line),
            }
            colons = 0;
        }
        self.add_told(&path, line);
    }

    /// Adds a path found among tokens. A word alone may be anything, unless it is a macro's name.
    fn add_told(&mut self, path: &[String], line: usize) {
        if path.len() > 1 || path.iter().any(|word| word.ends_with('!')) {
            self.add(path, line);
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let was_test = self.is_test;
        self.is_test |= item.attrs.iter().any(is_cfg_test);
        self.module.push(item.ident.to_string());
        if self.is_test && item.content.is_none() {
            self.test_files.push(self.module.clone());
        }
        visit::visit_item_mod(self, item);
        self.module.pop();
        self.is_test = was_test;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let steps: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if steps.len() > 1 {
            self.add(&steps, line_of(&path.segments[0].ident));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Some(last) = call.path.segments.last() {
            self.add(&[format!("{}!", last.ident)], line_of(&last.ident));
        }
        visit::visit_macro(self, call);
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.add_tokens(tokens.clone());
    }
}

fn line_of(ident: &syn::Ident) -> usize {
    ident.span().start().line
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    let is_test = |list: &syn::MetaList| list.tokens.to_string() == "test";
    attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(is_test)
}
