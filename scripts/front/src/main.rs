//! Turns what the compiler made of the browser's half into files that browsers load: code that is loaded later goes into files of
//! its own, and wasm-bindgen writes the JavaScript beside them. It does what cargo-leptos does, of which this is the part that
//! `make run` needs: all of cargo-leptos takes ten times as long to compile.
//!   rivulet-front target/…/rivulet.wasm target/site/pkg

use std::error::Error;
use std::fs;
use std::path::Path;
use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::{Options, transform};

/// The name that leptos puts into its pages.
const NAME: &str = "rivulet";
/// The module that loads parts. The macro `#[lazy]` imports it by this name.
const LOADER: &str = "./__wasm_split.______________________.js";
/// Which parts each part needs; leptos reads it.
const PARTS: &str = "__wasm_split_manifest.json";

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [compiled, folder] = &arguments[..] else { return Err("expected: rivulet-front COMPILED.wasm FOLDER".into()) };
    let folder = Path::new(folder);
    let compiled = fs::read(compiled)?;
    let main = folder.join("split.wasm");
    let main_module = format!("./{NAME}.js");
    let mut options = Options::new(&compiled);
    options.output_dir = folder;
    options.main_out_path = &main;
    options.main_module = &main_module;
    options.link_name = LOADER;
    let split = transform(options)?;
    let parts: std::collections::BTreeMap<_, _> = split.prefetch_map.into_iter().collect();
    fs::write(folder.join(PARTS), serde_json::to_string_pretty(&parts)?)?;
    drop(compiled);
    Bindgen::new()
        .input_path(&main)
        .out_name(NAME)
        .web(true)?
        .keep_lld_exports(true)
        .demangle(false)
        .generate(folder)?;
    fs::remove_file(&main)?;
    // As leptos asks for it.
    fs::rename(folder.join(format!("{NAME}_bg.wasm")), folder.join(format!("{NAME}.wasm")))?;
    Ok(())
}
