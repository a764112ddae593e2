//! What the kernel tells about another process: its memory and its processor time.

use std::time::Duration;

use anyhow::Result;

/// Resident memory.
pub(crate) fn memory_kib(pid: u32) -> Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
}

/// What the memory of a process comes to when what it shares is divided among all that share it.
pub(crate) fn shared_memory_kib(pid: u32) -> Result<u32> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
}

/// Every process below `pid`.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut left = vec![pid];
    while let Some(parent) = left.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            left.extend(children.split_whitespace().filter_map(|text| text.parse::<u32>().ok()));
        }
        found.extend((parent != pid).then_some(parent));
    }
    found
}

/// User and system time so far.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

/// Samples of a process's memory, ten a second, until it is finished.
#[derive(Debug)]
pub(crate) struct MemoryWatch {
    stop: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<Vec<u32>>,
}

pub(crate) fn watch_memory(pid: u32) -> MemoryWatch {
    let (stop, stopped) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut samples = Vec::new();
        while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) =
            stopped.recv_timeout(Duration::from_millis(100))
        {
            samples.extend(memory_kib(pid));
        }
        samples
    });
    MemoryWatch { stop, thread }
}

impl MemoryWatch {
    pub(crate) fn finish(self) -> Vec<u32> {
        let _ = self.stop.send(());
        self.thread.join().unwrap_or_default()
    }
}
