//! Reads the files under `src` as the compiler does: which paths the code outside of tests names, what its methods
//! return, and how long its functions are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use syn::Item;

use super::reader::{is_for_tests, read};

/// The segments of a path below `crate`.
pub(super) type ModulePath = Vec<String>;

/// A file under `src`.
pub(super) struct Source {
    /// Relative to `src`.
    pub(super) path: PathBuf,
    pub(super) module: ModulePath,
    pub(super) text: String,
    /// The paths into this crate that the code names, as written: re-exports are not followed.
    pub(super) paths: BTreeSet<ModulePath>,
    /// The other crates that the code names.
    pub(super) crates: BTreeSet<String>,
    /// What the names that are imported here stand for.
    pub(super) imports: BTreeMap<String, ModulePath>,
    /// The paths into this crate that others may import from here.
    pub(super) reexports: BTreeSet<ModulePath>,
    /// Methods, fields and `Deref` targets that others can use, and the paths in their types.
    pub(super) accessors: Vec<(String, BTreeSet<ModulePath>)>,
    /// The methods that are called here, and the fields that are read.
    pub(super) members: BTreeSet<String>,
    /// The methods and fields that are defined here, private ones too.
    pub(super) defined: BTreeSet<String>,
    /// The types with an asynchronous method: what does work, and is not just data.
    pub(super) handles: BTreeSet<ModulePath>,
    /// The functions and how many lines each has, from its signature to its closing brace.
    pub(super) functions: Vec<(String, usize)>,
}

impl Source {
    /// The module below the crate's root.
    pub(super) fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }
}

/// Every file that is compiled without tests.
pub(super) fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read_all);
    &SOURCES
}

fn read_all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                files.push((path.strip_prefix(&root).expect("below the root").to_owned(), text));
            }
        }
    }
    files.sort();
    let parsed: Vec<_> = files
        .into_iter()
        .map(|(path, text)| {
            let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (module_of(&path), path, text, file)
        })
        .collect();
    let tests: BTreeSet<ModulePath> =
        parsed.iter().flat_map(|(module, _, _, file)| test_modules(module, file)).collect();
    let is_test = |module: &[String], path: &Path| {
        path.iter().any(|part| part == "tests")
            || (1..=module.len()).any(|end| tests.contains(&module[..end]))
    };
    let code = parsed.into_iter().filter(|(module, path, ..)| !is_test(module, path));
    let sources: Vec<Source> =
        code.map(|(module, path, text, file)| read(module, path, text, &file)).collect();
    assert!(sources.len() > 80, "the sources are found");
    sources
}

/// Reads a file that is not under `src`.
pub(super) fn parse(module: &str, text: &str) -> Source {
    let file = syn::parse_file(text).expect("Rust");
    let module: ModulePath = module.split("::").map(str::to_owned).collect();
    read(module, PathBuf::from("example.rs"), text.to_owned(), &file)
}

fn module_of(path: &Path) -> ModulePath {
    let mut module: ModulePath =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

/// The modules in files of their own that a file declares for tests.
fn test_modules(module: &[String], file: &syn::File) -> Vec<ModulePath> {
    let modules = file.items.iter().filter_map(|item| match item {
        Item::Mod(item) if item.content.is_none() && is_for_tests(&item.attrs) => Some(&item.ident),
        _ => None,
    });
    modules.map(|name| [module, &[name.to_string()]].concat()).collect()
}

/// The file in which a path's item is defined and the path there, with re-exports followed.
pub(super) fn definition<'a>(sources: &'a [Source], path: &[String]) -> Option<(&'a Source, ModulePath)> {
    let mut path = path.to_vec();
    for _ in 0..10 {
        let find = |end: usize| sources.iter().find(|source| source.module == path[..end]);
        let source = (0..=path.len()).rev().find_map(find)?;
        let rest = &path[source.module.len()..];
        match rest.first().and_then(|name| source.imports.get(name)) {
            Some(target) if *target != path => path = [target, &rest[1..]].concat(),
            _ => return Some((source, path)),
        }
    }
    None
}
