//! Whether tasks can be done in some order at all.

use std::collections::BTreeSet;

use super::PlannedTask;

/// The tasks that wait for each other for ever, or for such: those that no order reaches.
pub(super) fn stuck(tasks: &[PlannedTask]) -> Vec<&PlannedTask> {
    let mut done = BTreeSet::new();
    loop {
        let ready = |task: &&PlannedTask| {
            !done.contains(task.name.as_str()) && task.needs.iter().all(|need| done.contains(need.as_str()))
        };
        let next: Vec<&str> = tasks.iter().filter(ready).map(|task| task.name.as_str()).collect();
        if next.is_empty() {
            return tasks.iter().filter(|task| !done.contains(task.name.as_str())).collect();
        }
        done.extend(next);
    }
}
