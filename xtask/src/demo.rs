//! What somebody who has just cloned the repository sees first.

use std::path::Path;

use crate::cargo::{cargo, output, root, run};
use crate::driver;

/// Where the digits are; the first character of each file's name is its digit.
const DIGITS: &str = "tests/images/digits";

pub(crate) fn demo() -> Result<(), String> {
    driver::ensure()?;
    println!("\nBuilding densenet (the first time takes some minutes) ...");
    run(&mut cargo(&["build", "--release", "--quiet", "--bin", "densenet"]))?;
    println!("\nThe adapters of this machine; the first one is used:\n");
    run(&mut densenet(&["adapters"]))?;

    println!("\n$ densenet classify {DIGITS} --top 1 --adapter 0\n");
    // An adapter that is named is used or refused: without one, `classify` might fall back to the CPU.
    let text = output(&mut densenet(&["classify", DIGITS, "--top", "1", "--adapter", "0"]))?;
    print!("{text}");
    let (right, all) = score(&text);
    println!(
        "\nThe embedded DenseNet-BC (64,945 parameters, trained on MNIST) has read {right} of {all} digits rightly; each\n\
         picture's name begins with its digit. Every layer ran on the adapter, in one recorded command buffer for each batch.\n\
         Try your own pictures: cargo run --release --bin densenet -- classify PICTURE"
    );
    if all == 0 || right < all {
        return Err(format!(
            "{} digits were misread: run `densenet verify` to see whether the adapter computes rightly",
            all - right
        ));
    }
    Ok(())
}

/// Digits read rightly, and all that were read.
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

/// The release binary, which knows nothing of cargo.
fn densenet(arguments: &[&str]) -> std::process::Command {
    let mut command = cargo(&["run", "--release", "--quiet", "--bin", "densenet", "--"]);
    command.args(arguments).current_dir(root());
    command
}

pub(crate) fn bench(passed_on: &[&str]) -> Result<(), String> {
    driver::ensure()?;
    let mut command = cargo(&["run", "--release", "--bin", "densenet-bench", "--"]);
    run(command.args(passed_on))
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
