//! What somebody who has just cloned the repository sees first.

use std::path::Path;
use std::process::Command;

use crate::cargo::{cargo, output, run};
use crate::driver;

/// Where the digits are; the first character of each file's name is its digit.
const DIGITS: &str = "tests/images/digits";

pub(crate) fn demo() -> Result<(), String> {
    eprintln!("\nBuilding densenet (some minutes the first time):");
    // Not --quiet: cargo shows on stderr how far it is.
    run(&mut cargo(&["build", "--release", "--bin", "densenet"]))?;
    println!("\nWhat this machine can run on; the first one is used:\n");
    run(&mut densenet(&["adapters"]))?;

    println!("\n$ densenet classify {DIGITS} --top 1\n");
    let text = output(&mut densenet(&["classify", DIGITS, "--top", "1"]))?;
    print!("{text}");
    let (right, all) = score(&text);
    println!(
        "\nThe embedded DenseNet-BC (64,945 parameters, trained on MNIST) classified {right} of {all} digits correctly; each\n\
         file name starts with its digit.\n\
         Try your own pictures: cargo run --release --bin densenet -- classify PICTURE"
    );
    if all == 0 {
        return Err(format!("no picture of {DIGITS} was classified"));
    }
    if right < all {
        return Err(format!(
            "{} digits were misread: `densenet verify` tells whether this machine computes correctly",
            all - right
        ));
    }
    Ok(())
}

/// Digits classified correctly, and all that were classified.
fn score(text: &str) -> (usize, usize) {
    let read: Vec<bool> = text
        .lines()
        .filter_map(|line| {
            let (path, answer) = line.rsplit_once(": ")?;
            let truth = Path::new(path).file_name()?.to_str()?.get(..1)?;
            Some(answer.starts_with(truth))
        })
        .collect();
    (read.iter().filter(|right| **right).count(), read.len())
}

fn densenet(arguments: &[&str]) -> Command {
    let mut command = cargo(&["run", "--release", "--quiet", "--bin", "densenet", "--"]);
    command.args(arguments);
    command
}

pub(crate) fn bench(passed_on: &[&String]) -> Result<(), String> {
    driver::ensure()?;
    run(cargo(&["run", "--release", "--bin", "densenet-bench", "--"]).args(passed_on))
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_are_compared_with_names() {
        let text = "digits/0-plain.png: 0 (99.00 %)\ndigits/7-paper.png: 1 (51.00 %)\n\n";
        assert_eq!(super::score(text), (1, 2));
        assert_eq!(super::score(""), (0, 0));
    }
}
