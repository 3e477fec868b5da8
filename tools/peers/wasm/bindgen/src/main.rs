//! `bindgen MODULE.wasm FOLDER`: writes the module and its JavaScript for node into a folder.

use std::env::args;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = args().skip(1).collect();
    let [module, folder] = words.as_slice() else { anyhow::bail!("arguments: MODULE.wasm FOLDER") };
    Bindgen::new().input_path(module).nodejs(true)?.typescript(false).generate(folder)
}
