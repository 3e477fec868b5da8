//! Weight files of full size, made by the frameworks themselves.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::{root, run};

/// Writes them into a folder of their own. `PYTHON` names the interpreter, `python3` where it does not.
pub(crate) fn make() -> Result<PathBuf, String> {
    println!("\n=== weight files of full size, made by PyTorch and timm");
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let modules = "import torch, torchvision, timm, safetensors, numpy";
    run(Command::new(&python).args(["-c", modules])).map_err(|reason| {
        format!(
            "{reason}; Python with PyTorch and timm is needed: pip install -r tests/golden/requirements.txt, and PYTHON=... \
             where it is not python3"
        )
    })?;
    let folder = std::env::temp_dir().join(format!("densenet-large-{}", std::process::id()));
    let script = root().join("tests/golden/make_large.py");
    let made = run(Command::new(&python).arg(script).arg(&folder));
    if made.is_err() {
        // What failed counts; what is left of it may well be nothing.
        let _ = std::fs::remove_dir_all(&folder);
    }
    made.map(|()| folder)
}
