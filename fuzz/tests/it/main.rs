//! Every committed input, as it is and mutated in ways that are the same in every run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;

/// Mutations of each input.
const MUTATIONS: usize = 1_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % sides.max(1)
    }
}

/// Bytes changed, left out, doubled, or taken from another input.
fn mutated(input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(9)).min(bytes.len());
        match dice.below(5) {
            0 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => {
                let from = dice.below(other.len() + 1);
                let part = other[from..(from + dice.below(17)).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
            _ => bytes.insert(at, b"(){}[]:#,.\"'\\ 0-"[dice.below(16)]),
        }
    }
    bytes
}

#[test]
fn every_target_withstands_its_corpus() {
    for (name, run) in fuzz::TARGETS {
        let inputs = corpus(name);
        assert!(inputs.len() >= 5, "{name} has a corpus");
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for input in &inputs {
            run(input);
            for _ in 0..MUTATIONS {
                let other = &inputs[dice.below(inputs.len())];
                run(&mutated(input, other, &mut dice));
            }
        }
    }
}

#[test]
fn every_corpus_has_its_target() {
    for entry in fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(fuzz::TARGETS.iter().any(|(target, _)| *target == name), "{name}");
    }
}
