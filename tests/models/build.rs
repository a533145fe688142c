//! Makes the locks' source ready for the model checkers: every atomic operation, every guess and
//! every call of the kernel gets a number, so that `primitive` can spoil it on order, as does every
//! notification of a condition variable, and what only a real build has goes. The list of the
//! numbers is made here, too: no operation can be forgotten.

use quote::{ToTokens, quote};
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, File, Item, parse_quote};

/// The files of `src/sync` with algorithms, and those that they are made of.
const FILES: &[&str] = &[
    "barrier",
    "condvar",
    "dispatch",
    "dispatch/bell",
    "dispatch/lists",
    "lazy_lock",
    "linger",
    "mpsc",
    "mpsc/channel",
    "mpsc/error",
    "mpsc/receiver",
    "mutex",
    "no_debug",
    "once",
    "once_lock",
    "poison",
    "queue",
    "raw_mutex",
    "raw_rwlock",
    "reset_event",
    "semaphore",
    "wait_group",
];

/// Constants that are too large to be reached in a model: one newcomer passes, not 16,383.
const SMALLER: &[(&str, &str, &str)] = &[("raw_mutex", "PASS", "1 << 16")];

struct Numbering {
    file: String,
    /// The function that is visited, and how many operations it had so far.
    function: (String, usize),
    /// Rows of the list, as Rust source.
    sites: String,
    count: usize,
}

impl Numbering {
    fn site(&mut self, operation: &str, line: usize, orderings: &[String]) -> Expr {
        let number = self.count;
        self.count += 1;
        let (file, (function, index)) = (&self.file, &mut self.function);
        *index += 1;
        writeln!(
            self.sites,
            "Site {{ file: {file:?}, line: {line}, place: \"{function}#{index}\", \
             operation: {operation:?}, orderings: &{orderings:?} }},"
        )
        .expect("a string takes all");
        parse_quote!(#number)
    }
}

/// The names of the orderings among a call's arguments.
fn orderings<'a>(arguments: impl Iterator<Item = &'a Expr>) -> Vec<String> {
    let name = |expression: &Expr| {
        let text = expression.to_token_stream().to_string().replace(' ', "");
        text.strip_prefix("Ordering::").map(str::to_owned)
    };
    arguments.filter_map(name).collect()
}

impl VisitMut for Numbering {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::MethodCall(call) = expression
            && call.method.to_string().starts_with("notify_")
        {
            let line = call.method.span().start().line;
            let site = self.site(&call.method.to_string(), line, &[]);
            *expression = parse_quote! {
                if !crate::mutants::is(#site, crate::mutants::Change::Spoiled) { #call }
            };
        }
    }

    fn visit_expr_method_call_mut(&mut self, call: &mut syn::ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        let orderings = orderings(call.args.iter());
        if !orderings.is_empty() {
            let line = call.method.span().start().line;
            let site = self.site(&call.method.to_string(), line, &orderings);
            call.args.insert(0, site);
        }
    }

    fn visit_expr_call_mut(&mut self, call: &mut syn::ExprCall) {
        visit_mut::visit_expr_call_mut(self, call);
        let Expr::Path(path) = &*call.func else {
            return;
        };
        let names: Vec<_> = path
            .path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        if let [room, name] = names.as_slice()
            && room == "primitive"
            && (name.starts_with("wait") || name.starts_with("wake") || name == "guess")
        {
            let line = path.path.segments[1].ident.span().start().line;
            let name = name.clone();
            let site = self.site(&name, line, &[]);
            call.args.insert(0, site);
        }
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        // Documentation, and the features, all of which are on.
        attributes.retain(|a| !a.path().is_ident("doc") && !a.path().is_ident("cfg"));
    }

    fn visit_signature_mut(&mut self, signature: &mut syn::Signature) {
        self.function = (signature.ident.to_string(), 0);
        // A model checker makes its words at run time.
        signature.constness = None;
        visit_mut::visit_signature_mut(self, signature);
    }

    fn visit_item_const_mut(&mut self, item: &mut syn::ItemConst) {
        for (file, name, value) in SMALLER {
            if self.file == *file && item.ident == name {
                *item.expr = syn::parse_str(value).expect("a value is an expression");
            }
        }
    }
}

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo says where we are");
    let out = env::var("OUT_DIR").expect("cargo says where to write");
    let (mut modules, mut sites) = (String::new(), String::new());
    let mut count = 0;
    let mut open = "";
    for file in FILES {
        let path = Path::new(&root).join(format!("../../src/sync/{file}.rs"));
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let mut tree: File = syn::parse_file(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        tree.attrs.clear();
        // Sizes and limits are the real build's.
        tree.items
            .retain(|item| !matches!(item, Item::Const(item) if item.ident == "_"));
        // Files of a folder come next, into the module of its name.
        let is_parent = FILES.iter().any(|other| is_in(other, file));
        tree.items.retain(|item| {
            !(is_parent && matches!(item, Item::Mod(item) if item.content.is_none()))
        });
        let mut numbering = Numbering {
            file: file.replace('/', "_"),
            function: Default::default(),
            sites: String::new(),
            count,
        };
        numbering.visit_file_mut(&mut tree);
        count = numbering.count;
        sites += &numbering.sites;
        if !open.is_empty() && !is_in(file, open) {
            modules += "}";
            open = "";
        }
        let name = file.rsplit('/').next().unwrap_or(file);
        write!(modules, "pub mod {name} {{ {}", quote!(#tree)).expect("likewise");
        if is_parent {
            open = file;
        } else {
            modules += "}";
        }
        modules += "\n";
    }
    let write = |name: &str, text: String| {
        fs::write(Path::new(&out).join(name), text).unwrap_or_else(|e| panic!("{name}: {e}"));
    };
    write("sync.rs", modules);
    write("sites.rs", format!("&[{sites}]"));
}

/// Whether a file is in the folder of another one's name.
fn is_in(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}
