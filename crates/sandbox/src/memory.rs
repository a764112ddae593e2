//! How much memory a function's processes take, seen from outside: enforcement where there is no cgroup.

use std::fs;

/// Proportional size in KiB of every process below the launcher `root` but ours, which are the first child of each of `skip`
/// generations: what has lost its parent comes to one of ours, behind it.
/// 0 when it cannot be read. Exact where it matters: over `limit_kib`, or of several processes over `known_kib`.
pub(crate) fn tree_kib(root: u32, skip: u32, known_kib: u64, limit_kib: u64) -> u64 {
    let (mut interpreters, mut ours) = (Vec::new(), root);
    for generation in 1..=skip {
        let mut all = children(ours).into_iter();
        if generation < skip {
            let Some(first) = all.next() else { break };
            ours = first;
        }
        interpreters.extend(all);
    }
    let mut all = Vec::new();
    while let Some(pid) = interpreters.pop() {
        all.push(pid);
        interpreters.extend(children(pid));
    }
    let resident: u64 = all.iter().map(|&pid| resident_kib(pid)).sum();
    let counts_twice = all.len() > 1 && resident > known_kib;
    if resident <= limit_kib && !counts_twice {
        return resident;
    }
    // Pages shared between processes, as after a fork (and with other environments' interpreters) count once: exact, but slower.
    all.iter().map(|&pid| proportional_kib(pid)).sum()
}

pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn resident_kib(pid: u32) -> u64 {
    let Ok(statm) = fs::read_to_string(format!("/proc/{pid}/statm")) else { return 0 };
    let pages: u64 = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    pages * (rustix::param::page_size() as u64 / 1024)
}

fn proportional_kib(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = pss.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
    kib.unwrap_or_else(|| resident_kib(pid))
}
