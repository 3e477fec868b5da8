//! `densenet pull`: published weights are fetched into the cache.

use crate::cli::finish::Verdict;
use crate::cli::network::NetworkArgs;

/// Fetch published weights into the cache, or check those that are there
///
/// Prints where they are. Every option that takes a weight file takes the same names. Without a name, lists what is
/// published and what is in the cache.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet pull --list
  densenet pull torchvision:densenet121
  densenet pull hf:timm/densenet121.ra_in1k
  densenet classify --weights torchvision:densenet121 photo.jpg

Names are torchvision:NETWORK and keras:NETWORK as listed, and hf:OWNER/NAME or hf:OWNER/NAME@REVISION for a repository of the \
Hugging Face Hub. The cache is DENSENET_CACHE where that is set, else a folder where the platform keeps caches. \
Proxies are taken from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.")]
#[cfg_attr(not(feature = "pull"), allow(dead_code, reason = "all are refused"))]
pub(crate) struct Arguments {
    /// Published weights
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// List the names that are known, their sizes and what is in the cache
    #[arg(long, conflicts_with = "names")]
    list: bool,
    /// Fetch them again, in place of what is in the cache
    #[arg(long, requires = "names", conflicts_with = "offline")]
    again: bool,
    #[command(flatten)]
    network: NetworkArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[cfg(feature = "pull")]
pub(crate) fn pull(arguments: &Arguments) -> anyhow::Result<Verdict> {
    if arguments.names.is_empty() {
        return with_network::list(arguments);
    }
    with_network::pull(arguments)
}

#[cfg(not(feature = "pull"))]
pub(crate) fn pull(_: &Arguments) -> anyhow::Result<Verdict> {
    Err(crate::cli::network::lacks_feature())
}

#[cfg(feature = "pull")]
mod with_network {
    use std::io::Write as _;

    use serde_json::{Value, json};

    use super::Arguments;
    use crate::cli::finish::{Usage, Verdict, print_json};
    use crate::cli::pull::{Cache, Name, PUBLISHED, REPOSITORIES, renew};
    use crate::cli::table;

    pub(super) fn pull(arguments: &Arguments) -> anyhow::Result<Verdict> {
        // A name that is wrong is found before the first is fetched.
        let names = arguments.names.iter().map(|name| name.parse::<Name>().map_err(Usage::error));
        let names = names.collect::<anyhow::Result<Vec<_>>>()?;
        let is_offline = arguments.network.is_offline();
        if arguments.again && is_offline {
            return Err(Usage::error("--again fetches, and DENSENET_OFFLINE forbids it: give up one of them"));
        }
        let cache = Cache::open()?;
        let mut fetched = Vec::new();
        for name in &names {
            let ready = renew(&cache, name, is_offline, arguments.again)?;
            let path = ready.path.display();
            if arguments.json {
                fetched.push(json!({
                    "name": name.to_string(),
                    "path": path.to_string(),
                    "bytes": bytes(&ready.path),
                    "sha256": ready.sha256,
                    "checked": ready.checked,
                    "fetched": ready.fetched,
                }));
                continue;
            }
            let done = if ready.fetched { "fetched" } else { "in the cache" };
            eprintln!("{name}: {done}; {}", ready.checked.as_deref().unwrap_or("not checked"));
            writeln!(std::io::stdout().lock(), "{path}")?;
        }
        if arguments.json {
            print_json(&json!({ "cache": cache.folder().display().to_string(), "weights": fetched }))?;
        }
        Ok(Verdict::Success)
    }

    /// A row of the list.
    struct Listed {
        name: Name,
        megabytes: Option<u32>,
        checksum: String,
    }

    pub(super) fn list(arguments: &Arguments) -> anyhow::Result<Verdict> {
        let cache = Cache::open()?;
        let rows = rows(&cache);
        if arguments.json {
            let weights: Vec<Value> = rows.iter().map(|row| json_of(row, &cache)).collect();
            print_json(&json!({ "cache": cache.folder().display().to_string(), "weights": weights }))?;
            return Ok(Verdict::Success);
        }
        let mut table = table::new(&["name", "size", "checksum", "in the cache"], &[1]);
        for row in rows {
            let cached = cache.find(&row.name);
            let published = row.megabytes.map_or(String::new(), |megabytes| format!("{megabytes} MB"));
            let size = cached.as_ref().and_then(|entry| bytes(entry.path()));
            let size = size.map_or(published, |bytes| match bytes {
                small if small < 10_000_000 => format!("{:.1} MB", small as f64 / 1e6),
                large => format!("{:.0} MB", large as f64 / 1e6),
            });
            let cached = cached.map_or(String::new(), |entry| entry.file().to_string());
            table.add_row([row.name.to_string(), size, row.checksum, cached]);
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", table::text(table))?;
        writeln!(
            out,
            "\nhf:OWNER/NAME is any repository of the Hugging Face Hub. The cache is {}",
            cache.folder().display()
        )?;
        Ok(Verdict::Success)
    }

    /// The table, the repositories that are suggested, and those that are in the cache besides.
    fn rows(cache: &Cache) -> Vec<Listed> {
        let files = PUBLISHED.iter().map(|published| Listed {
            name: Name::File(published),
            megabytes: published.megabytes,
            checksum: published.sum.to_string(),
        });
        let mut rows: Vec<Listed> = files.collect();
        let suggested = REPOSITORIES.iter().filter_map(|name| name.parse().ok());
        for name in suggested.chain(cache.repositories()) {
            if rows.iter().all(|row| row.name.to_string() != name.to_string()) {
                rows.push(Listed { name, megabytes: None, checksum: "the hub states it".into() });
            }
        }
        rows
    }

    fn json_of(row: &Listed, cache: &Cache) -> Value {
        let cached = cache.find(&row.name);
        let published = row.megabytes.map(|megabytes| u64::from(megabytes) * 1_000_000);
        json!({
            "name": row.name.to_string(),
            "approximate_bytes": published,
            "checksum": row.checksum,
            "bytes": cached.as_ref().and_then(|entry| bytes(entry.path())),
            "path": cached.map(|entry| entry.path().display().to_string()),
        })
    }

    fn bytes(path: &std::path::Path) -> Option<u64> {
        std::fs::metadata(path).ok().map(|metadata| metadata.len())
    }
}
