//! From a module of wasm to the files of a package.

use std::fs;
use std::path::Path;

use wasm_bindgen_cli_support::Bindgen;

/// Writes `densenet_wgpu.js`, `densenet_wgpu_bg.wasm` and their types: an ES module for pages and bundlers.
///
/// # Errors
/// Where the module was made by another version of wasm-bindgen, or the folder cannot be written.
pub fn bind(module: &Path, folder: &Path) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name("densenet_wgpu").typescript(true);
    // Names of functions are a third of the module, and of use to nobody but us.
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.web(true).map_err(|e| e.to_string())?;
    bindgen.omit_default_module_path(false).generate(folder).map_err(|e| format!("{e:#}"))?;
    // Who compiles for the language of before 2025 has no such symbol.
    let types = folder.join("densenet_wgpu.d.ts");
    let text = fs::read_to_string(&types).map_err(|e| format!("{}: {e}", types.display()))?;
    let kept: String = text.split_inclusive('\n').filter(|line| !line.contains("[Symbol.dispose]")).collect();
    fs::write(&types, kept).map_err(|e| format!("{}: {e}", types.display()))
}
