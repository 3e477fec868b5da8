//! Made-up crates, with circles and without.

use std::path::Path;

use super::check::{circle_faults, engine_faults, read, wall_faults};
use super::needs::Needs;

/// Writes a crate's files to a folder of its own and reads what they need.
fn needs(name: &str, files: &[(&str, &str)]) -> Needs {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/circles").join(name);
    let _ = std::fs::remove_dir_all(&root);
    for (file, text) in files {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    read(&root).unwrap()
}

fn circles(name: &str, files: &[(&str, &str)]) -> Vec<String> {
    circle_faults(&needs(name, files))
}

#[test]
fn a_line_of_files_is_no_circle() {
    let found = needs(
        "line",
        &[
            ("src/lib.rs", "mod a; mod b; pub use a::A; pub use b::{B, f as g};"),
            ("src/a.rs", "use crate::{B, g}; pub struct A(B); impl A { fn new() -> B { g() } }"),
            ("src/b.rs", "pub struct B; pub fn f() -> B { B }"),
        ],
    );
    assert_eq!(circle_faults(&found), Vec::<String>::new());
    let arrows = &found.arrows["src/a.rs"];
    assert_eq!(format!("{arrows:?}"), r#"{"src/b.rs": {"B", "f"}}"#);
    assert!(found.arrows["src/lib.rs"].is_empty());
}

#[test]
fn a_circle_through_a_re_export_is_found() {
    let found = circles(
        "re-export",
        &[
            ("src/lib.rs", "mod room;"),
            ("src/room/mod.rs", "mod a; mod b; pub use a::*; pub(crate) use b::B as Renamed;"),
            ("src/room/a.rs", "use super::Renamed; pub struct A(Renamed);"),
            ("src/room/b.rs", "pub struct B(Option<Box<crate::room::A>>);"),
        ],
    );
    let expected = "2 files need each other: src/room/a.rs, src/room/b.rs\n  src/room/a.rs -> src/room/b.rs: B\n  src/room/b.rs -> src/room/a.rs: A";
    assert_eq!(found, [expected]);
}

#[test]
fn a_circle_through_an_inline_path_is_found() {
    let found = circles(
        "inline",
        &[
            ("src/lib.rs", "mod check; pub struct Weights; pub fn new() -> Weights { check::f(); Weights }"),
            ("src/check.rs", "pub fn f() { let _ = super::Weights; }"),
        ],
    );
    assert_eq!(
        found,
        [
            "2 files need each other: src/check.rs, src/lib.rs\n  src/check.rs -> src/lib.rs: Weights\n  src/lib.rs -> src/check.rs: f"
        ]
    );
}

#[test]
fn a_circle_of_three_is_found() {
    let found = circles(
        "three",
        &[
            ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
            ("src/a.rs", "pub const A: usize = crate::b::B;"),
            ("src/b.rs", "pub const B: usize = 1; fn b() { use crate::c; println!(\"{}\", c::C); }"),
            ("src/c.rs", "pub const C: usize = 1; pub fn c(x: usize) -> bool { matches!(x, crate::a::A) }"),
            ("src/d.rs", "use crate::a::A; pub const D: usize = A;"),
        ],
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("3 files") && !found[0].contains("src/d.rs"), "{}", found[0]);
}

#[test]
fn names_are_found_wherever_they_stand() {
    let lib = "mod a; mod b; mod c; mod d; mod e; mod f;";
    let found = needs(
        "everywhere",
        &[
            ("src/lib.rs", lib),
            (
                "src/a.rs",
                "pub const MAX: usize = 1; pub trait Shape { fn area(&self); } macro_rules! m { () => {} } pub(crate) use m;",
            ),
            // A glob, and a constant in a format string.
            ("src/b.rs", "use crate::a::*; fn b() -> String { format!(\"{MAX}\") }"),
            // A generic bound, a macro by path, an attribute's function.
            ("src/c.rs", "fn c<T: crate::a::Shape>(_: T) { crate::a::m!(); }"),
            ("src/d.rs", "#[serde(with = \"crate::a::Shape\")] struct D; #[arg(value_parser = super::b::b)] struct E;"),
            // An associated item, an enum's variants.
            ("src/e.rs", "pub enum Kind { One } use crate::f::F::*; fn e() { F::new(); }"),
            ("src/f.rs", "pub enum F { A } mod inner { use super::super::e::Kind; fn k() -> Kind { Kind::One } }"),
        ],
    );
    let arrows = |file: &str| format!("{:?}", found.arrows[file]);
    assert_eq!(arrows("src/b.rs"), r#"{"src/a.rs": {"MAX"}}"#);
    assert_eq!(arrows("src/c.rs"), r#"{"src/a.rs": {"Shape", "m"}}"#);
    assert_eq!(arrows("src/d.rs"), r#"{"src/a.rs": {"Shape"}, "src/b.rs": {"b"}}"#);
    assert_eq!(arrows("src/e.rs"), r#"{"src/f.rs": {"F"}}"#);
    assert_eq!(arrows("src/f.rs"), r#"{"src/e.rs": {"Kind"}}"#);
}

#[test]
fn variables_and_tests_are_no_names() {
    let found = needs(
        "innocent",
        &[
            (
                "src/lib.rs",
                "mod a; mod b; pub use a::nearest; fn f(nearest: usize) -> usize { dbg!(nearest) + nearest }",
            ),
            ("src/a.rs", "pub fn nearest() {} #[cfg(test)] mod tests { use crate::b::B; }"),
            (
                "src/b.rs",
                "pub struct B; fn f() { crate::a::nearest() }
                 #[cfg(all(test, feature = \"x\"))] use crate::c::C; #[cfg(test)] #[path = \"none.rs\"] mod none;",
            ),
        ],
    );
    let arrows = |file: &str| format!("{:?}", found.arrows[file]);
    assert_eq!(arrows("src/lib.rs"), "{}");
    assert_eq!(arrows("src/a.rs"), "{}");
    assert_eq!(arrows("src/b.rs"), r#"{"src/a.rs": {"nearest"}}"#);
}

#[test]
fn a_module_and_a_function_may_share_a_name() {
    let found = needs(
        "shared",
        &[
            ("src/lib.rs", "mod open; mod user; pub use open::open;"),
            ("src/open.rs", "pub fn open() {} pub struct Options;"),
            ("src/user.rs", "use crate::open::{self, Options}; fn f(_: Options) { open::open(); crate::open(); }"),
        ],
    );
    assert_eq!(format!("{:?}", found.arrows["src/user.rs"]), r#"{"src/open.rs": {"Options", "open"}}"#);
}

#[test]
fn binaries_are_crates_of_their_own() {
    let found = circles(
        "binaries",
        &[
            ("src/lib.rs", "pub struct Library;"),
            ("src/bin/tool/main.rs", "#[path = \"../cli/mod.rs\"] mod cli; mod run; fn main() { run::run() }"),
            ("src/bin/tool/run.rs", "use library::Library; pub fn run() { crate::cli::table::print() }"),
            ("src/bin/cli/mod.rs", "pub mod table; pub struct Width;"),
            ("src/bin/cli/table.rs", "use super::Width; pub fn print() { super::super::run::run() }"),
        ],
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("src/bin/tool/run.rs -> src/bin/cli/table.rs: print"), "{}", found[0]);
}

#[test]
fn rooms_keep_to_themselves() {
    let found = needs(
        "walls",
        &[
            ("src/lib.rs", "mod cpu; mod engine; pub mod gpu; mod plan; mod reference; mod picture; pub use wgpu;"),
            (
                "src/cpu/mod.rs",
                "use crate::engine::Output; use crate::plan::Plan; fn f(_: Output, _: Plan) { gemm::gemm() }",
            ),
            ("src/engine/mod.rs", "pub struct Output; fn f(_: crate::gpu::Gpu) {}"),
            ("src/gpu/mod.rs", "use wgpu::Device; pub struct Gpu(Device);"),
            ("src/plan/mod.rs", "pub struct Plan;"),
            ("src/reference.rs", "use crate::plan::Plan; fn f(_: Plan) {}"),
            ("src/picture/mod.rs", "\nfn f() { let _ = wgpu::Limits::default(); gemm::gemm() }"),
        ],
    );
    let walls = wall_faults(&found);
    assert_eq!(walls.len(), 2);
    assert!(walls[0].starts_with("src/engine/mod.rs names Gpu of src/gpu/mod.rs"), "{}", walls[0]);
    assert!(walls[1].starts_with("src/reference.rs names Plan of src/plan/mod.rs"), "{}", walls[1]);
    let engines =
        ["src/picture/mod.rs:2 names wgpu: only src/gpu/ does", "src/picture/mod.rs:2 names gemm: only src/cpu/ does"];
    assert_eq!(engine_faults(&found), engines);
}
